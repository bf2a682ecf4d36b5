// A playground: a picture, a kernel, the result, and the numbers behind one pixel of it.
// <convolution-playground words="{…}" pictures="{…}"> is written by book/_ext/playground.py.

const SIDE = 256; // rows and columns of every picture
const LARGE_STEP = 16; // pixels that an arrow key moves with Shift

const CENTRE = (size) => (row, column) => (row === column && row === (size - 1) / 2 ? 1 : 0);
const BINOMIAL = { 3: [1, 2, 1], 5: [1, 4, 6, 4, 1] };

// A 3×3 table in the middle of one of `size` rows and columns, zeros around it.
const small = (numbers) => (size) => {
  const border = (size - 3) / 2;
  return table(size, (row, column) => numbers[row - border]?.[column - border] ?? 0);
};

// Texts, because 1/9 is exact and 0.1111 is not.
const KERNELS = {
  identity: (size) => table(size, CENTRE(size)),
  sobel_x: small([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
  sobel_y: small([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
  laplacian: small([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
  sharpen: small([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
  box: (size) => table(size, () => `1/${size * size}`),
  gaussian: (size) => {
    const row = BINOMIAL[size];
    const total = row.reduce((sum, weight) => sum + weight) ** 2;
    return table(size, (i, j) => `${row[i] * row[j]}/${total}`);
  },
};

function table(size, entry) {
  return Array.from({ length: size * size }, (_, i) => String(entry(Math.floor(i / size), i % size)));
}

// The number that a text means, such as 0.5, -1 or 1/9; NaN for any other text.
export function numberOf(text) {
  const plain = text.replaceAll("−", "-").replaceAll(",", ".").trim();
  const parts = plain.match(/^([-+]?(?:\d+\.?\d*|\.\d+))(?:\s*\/\s*(\d+\.?\d*|\.\d+))?$/);
  const number = parts ? Number(parts[1]) / Number(parts[2] ?? 1) : NaN;
  return Number.isFinite(number) ? number : NaN;
}

// The picture under the kernel, with zeros around the picture: what conv2d of PyTorch computes
// with the padding (size - 1) / 2. Numbers row by row.
export function convolve(picture, width, height, kernel, size) {
  const border = (size - 1) / 2;
  const wide = width + 2 * border;
  const padded = new Float32Array(wide * (height + 2 * border));
  for (let y = 0; y < height; y++) {
    padded.set(picture.subarray(y * width, (y + 1) * width), (y + border) * wide + border);
  }
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let u = 0; u < size; u++) {
        const row = (y + u) * wide + x;
        for (let v = 0; v < size; v++) sum += kernel[u * size + v] * padded[row + v];
      }
      result[y * width + x] = sum;
    }
  }
  return result;
}

// Colours of numbers from `low` to 1, in so many steps: red, green, blue, opacity of each. With
// signs: blue, white at zero, red, as in all figures; an odd number of steps has one for zero.
const GREY = palette(0, 256, (share) => Array(3).fill(255 * share));
const SIGNED = palette(-1, 255, (share) => {
  const end = share < 0.5 ? [33, 102, 172] : [178, 24, 43];
  return end.map((channel) => 255 + (channel - 255) * Math.abs(2 * share - 1));
});

function palette(low, steps, colour) {
  const colours = Array.from({ length: steps }, (_, i) => [...colour(i / (steps - 1)), 255]);
  return { low, steps, colours: Uint8ClampedArray.from(colours.flat()) };
}

// Which of the steps a number has.
function step({ low, steps }, value) {
  const share = (value - low) / (1 - low);
  return Math.round(Math.min(1, Math.max(0, share)) * (steps - 1));
}

// The greatest size of some numbers; 1 where all are zero, so that one can divide by it.
const greatest = (numbers) => numbers.reduce((most, n) => Math.max(most, Math.abs(n)), 0) || 1;

// A number for a cell of a table: short, with a true minus sign.
function shown(number) {
  const text = number.toFixed(2).replace(/^-(0\.00)$/, "$1");
  return text.replace("-", "−");
}

const STYLE = `
:host { display: block; margin-block: 1.5rem; }
.tools { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: center; font-size: 0.9rem; }
.tools label, .tools fieldset { display: inline-flex; gap: 0.4rem; align-items: center; margin: 0; padding: 0; border: 0; }
select, button, input { font: inherit; color: inherit; background: var(--pst-color-background); border: 1px solid var(--pst-color-text-muted); border-radius: 0.25rem; padding: 0.2rem 0.4rem; }
button { cursor: pointer; }
:is(select, button, input, canvas):focus-visible { outline: 3px solid var(--pst-color-primary); outline-offset: 2px; }
.stage { display: grid; grid-template-columns: minmax(0, 1fr) max-content minmax(0, 1fr); gap: 1rem; align-items: center; margin-block: 1rem; }
@media (max-width: 48rem) { .stage { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } .stage .kernel { grid-column: 1 / -1; grid-row: 2; justify-self: center; } }
figure { margin: 0; }
figcaption, caption { font-size: 0.9rem; text-align: center; color: var(--pst-color-text-base); caption-side: top; padding-block: 0.15rem; }
canvas { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; touch-action: pan-y; cursor: crosshair; background: #fff; }
.kernel table { margin: 0 auto; border-spacing: 0.2rem; }
.kernel td { padding: 0; }
.kernel input { width: 3.1rem; text-align: center; padding: 0.3rem 0.1rem; box-sizing: border-box; }
.kernel.five input { width: 2.9rem; font-size: 0.85rem; }
.kernel input[aria-invalid="true"] { border: 2px solid var(--pst-color-danger); }
.numbers { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; justify-content: center; font-size: 0.85rem; }
.numbers table { border-spacing: 1px; font-variant-numeric: tabular-nums; }
.numbers td { min-width: 2.9em; padding: 0.2em 0.1em; text-align: center; }
.five td { font-size: 0.8em; }
.between { font-size: 1.3rem; }
p { margin: 0.5rem 0; text-align: center; }
.error { color: var(--pst-color-danger); font-weight: 600; }
`;

export class ConvolutionPlayground extends HTMLElement {
  connectedCallback() {
    if (this.words) return; // it was only moved within the page
    this.words = JSON.parse(this.getAttribute("words"));
    this.addresses = JSON.parse(this.getAttribute("pictures"));
    this.picture = new Float32Array(SIDE * SIDE); // what lies under the kernel, from 0 to 1
    this.shown = Object.keys(this.addresses)[0]; // the choice that this picture belongs to
    this.size = 3;
    this.at = { x: 124, y: 111 }; // on the outline of a coin
    // it is built, and the first picture is loaded, when the reader comes near
    this.watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      this.watcher.disconnect();
      this.build();
      this.choose("sobel_x");
      this.load(this.shown);
    }, { rootMargin: "600px" });
    this.watcher.observe(this);
  }

  disconnectedCallback() {
    if (this.parts) this.stopCamera();
  }

  // ---- the parts ---------------------------------------------------------------------------------

  build() {
    const { words } = this;
    const option = (name) => `<option value="${name}">${words[name]}</option>`;
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${STYLE}</style>
<section role="group">
<div class="tools">
<label>${words.picture} <select class="pictures">${Object.keys(this.addresses).map(option).join("")}${option("own")}</select></label>
<button type="button" class="choose">${words.file}</button><input type="file" accept="image/*" hidden tabindex="-1">
<button type="button" class="camera">${words.camera}</button>
</div>
<div class="tools">
<label>${words.kernel} <select class="kernels">${Object.keys(KERNELS).map(option).join("")}${option("custom")}</select></label>
<fieldset>${[3, 5].map((n) => `<label><input type="radio" name="size" value="${n}">${n}×${n}</label>`).join("")}</fieldset>
<label><input type="checkbox" class="signed"> ${words.signed}</label>
</div>
<p class="error" role="alert"></p>
<div class="stage">
<figure><figcaption>${words.picture}</figcaption><canvas class="input" width="${SIDE}" height="${SIDE}" aria-hidden="true"></canvas></figure>
<div class="kernel"><table role="presentation"></table></div>
<figure><figcaption>${words.result}</figcaption><canvas class="output" width="${SIDE}" height="${SIDE}" tabindex="0" role="application"></canvas></figure>
</div>
<div class="numbers" aria-hidden="true"></div>
<p class="sum" aria-live="polite"></p>
</section>`;
    const find = (selector) => root.querySelector(selector);
    this.parts = {
      error: find(".error"), file: find("[type=file]"), input: find(".input"),
      kernel: find(".kernel"), kernels: find(".kernels"), numbers: find(".numbers"),
      output: find(".output"), pictures: find(".pictures"), camera: find(".camera"),
      signed: find(".signed"), sum: find(".sum"),
    };
    find("section").setAttribute("aria-label", words.label);
    find("fieldset").setAttribute("aria-label", words.size);
    find("fieldset").setAttribute("role", "radiogroup");
    this.parts.output.setAttribute("aria-label", words.move);

    const { parts } = this;
    parts.pictures.addEventListener("change", () => {
      if (parts.pictures.value === "own") this.ask();
      else this.load(parts.pictures.value);
    });
    find(".choose").addEventListener("click", () => this.ask());
    parts.file.addEventListener("change", () => parts.file.files[0] && this.read(parts.file.files[0]));
    parts.camera.addEventListener("click", () => (this.stream ? this.stopCamera() : this.startCamera()));
    parts.kernels.addEventListener("change", () => this.choose(parts.kernels.value));
    for (const button of root.querySelectorAll("[name=size]")) {
      button.addEventListener("change", () => this.resize(Number(button.value)));
    }
    parts.signed.addEventListener("change", () => this.draw());
    for (const canvas of [parts.input, parts.output]) {
      for (const kind of ["pointermove", "pointerdown"]) {
        canvas.addEventListener(kind, (event) => {
          const box = canvas.getBoundingClientRect();
          const place = (offset, length) => Math.floor((SIDE * offset) / length);
          this.point(place(event.clientX - box.left, box.width), place(event.clientY - box.top, box.height));
        });
      }
    }
    parts.output.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? LARGE_STEP : 1;
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      this.point(this.at.x + step * move[0], this.at.y + step * move[1]);
    });
  }

  say(message = "") {
    this.parts.error.textContent = message;
  }

  // ---- pictures ----------------------------------------------------------------------------------

  // Ask for a file. Until one is there the choice names the picture that is shown: the reader may
  // cancel, and not every browser tells.
  ask() {
    this.parts.pictures.value = this.shown;
    this.parts.file.value = ""; // the same file may be chosen again
    this.parts.file.click();
  }

  async load(name) {
    this.stopCamera();
    this.parts.pictures.value = name;
    const image = new Image();
    image.src = this.addresses[name];
    this.wanted = image; // a later choice counts, whichever picture arrives first
    try {
      await image.decode();
    } catch {
      if (this.wanted !== image) return;
      this.parts.pictures.value = this.shown;
      this.say(this.words.no_picture);
      return;
    }
    if (this.wanted !== image) return;
    this.choice(name);
    this.take(image, image.naturalWidth, image.naturalHeight);
  }

  // The picture that is shown from now on is this choice's.
  choice(name) {
    this.shown = this.parts.pictures.value = name;
  }

  async read(file) {
    this.stopCamera();
    this.wanted = file;
    try {
      const image = await createImageBitmap(file);
      if (this.wanted !== file) return;
      this.choice("own");
      this.take(image, image.width, image.height);
    } catch {
      this.say(this.words.no_picture);
    }
  }

  // The square in the middle of an image, in grey.
  take(image, width, height) {
    const side = Math.min(width, height);
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      this.picture[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    }
    this.say();
    this.draw();
  }

  async startCamera() {
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      video.srcObject = this.stream;
      await video.play();
    } catch {
      this.stopCamera();
      return this.say(this.words.no_camera);
    }
    this.wanted = video;
    this.choice("own");
    this.parts.camera.textContent = this.words.stop;
    this.parts.sum.ariaLive = "off"; // nobody can hear all frames
    const frame = () => {
      if (!this.stream) return;
      this.take(video, video.videoWidth, video.videoHeight);
      requestAnimationFrame(frame);
    };
    frame();
  }

  stopCamera() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.parts.camera.textContent = this.words.camera;
    this.parts.sum.ariaLive = "polite";
  }

  // ---- kernels -----------------------------------------------------------------------------------

  choose(name) {
    this.kind = name;
    this.parts.kernels.value = name;
    if (name !== "custom") this.show(KERNELS[name](this.size));
    const sum = this.kernel.reduce((total, weight) => total + weight, 0);
    // weights that cancel each other give results around zero
    this.parts.signed.checked = Math.abs(sum) < 1e-9;
    this.draw();
  }

  resize(size) {
    const before = [this.size, this.texts];
    this.size = size;
    if (this.kind !== "custom") return this.choose(this.kind);
    const shift = (before[0] - size) / 2; // own numbers stay in the middle
    this.show(table(size, (row, column) => {
      const [i, j] = [row + shift, column + shift];
      return i < 0 || j < 0 || i >= before[0] || j >= before[0] ? 0 : before[1][i * before[0] + j];
    }));
    return this.draw();
  }

  // Write the kernel's numbers into its cells.
  show(texts) {
    const { size } = this;
    this.texts = texts;
    this.kernel = texts.map(numberOf);
    const rows = this.parts.kernel.querySelector("table");
    rows.replaceChildren();
    for (let row = 0; row < size; row++) {
      const line = rows.insertRow();
      for (let column = 0; column < size; column++) {
        const cell = document.createElement("input");
        const name = this.words.weight.replace("{row}", row).replace("{column}", column);
        Object.assign(cell, { type: "text", value: texts[row * size + column], autocomplete: "off" });
        cell.setAttribute("aria-label", name);
        cell.addEventListener("input", () => this.edit(row * size + column, cell));
        line.insertCell().append(cell);
      }
    }
    this.parts.kernel.classList.toggle("five", size === 5);
    this.parts.numbers.classList.toggle("five", size === 5);
    this.shadowRoot.querySelector(`[name=size][value="${size}"]`).checked = true;
    this.say();
  }

  edit(index, cell) {
    const number = numberOf(cell.value);
    cell.setAttribute("aria-invalid", Number.isNaN(number));
    if (Number.isNaN(number)) {
      return this.say(this.words.no_number.replace("{text}", cell.value)); // the last one stays in use
    }
    this.say();
    this.texts[index] = cell.value;
    this.kernel[index] = number;
    this.kind = this.parts.kernels.value = "custom";
    return this.draw();
  }

  // ---- drawing -----------------------------------------------------------------------------------

  draw() {
    const { picture, kernel, size, parts } = this;
    this.result = convolve(picture, SIDE, SIDE, kernel, size);
    const look = parts.signed.checked ? [SIGNED, this.limit()] : [GREY, 1];
    this.plain = new Map([
      [parts.input, painted(picture, GREY, 1)],
      [parts.output, painted(this.result, ...look)],
    ]);
    this.point(this.at.x, this.at.y);
  }

  // The greatest size in the result, without the pixels whose window leaves the picture: there the
  // zeros around it make edges that would outshine all others.
  limit() {
    const border = (this.size - 1) / 2;
    let most = 0;
    for (let y = border; y < SIDE - border; y++) {
      for (let x = border; x < SIDE - border; x++) {
        most = Math.max(most, Math.abs(this.result[y * SIDE + x]));
      }
    }
    return most || 1;
  }

  // Show the numbers behind one pixel of the result.
  point(x, y) {
    const inside = (n) => Math.min(SIDE - 1, Math.max(0, n));
    this.at = { x: inside(x), y: inside(y) };
    const { at, size, kernel, picture, parts, words } = this;
    const border = (size - 1) / 2;
    for (const canvas of [parts.input, parts.output]) {
      const context = canvas.getContext("2d");
      context.putImageData(this.plain.get(canvas), 0, 0);
      // a frame around the window, in a colour that no picture has
      context.strokeStyle = "#ff9900";
      context.lineWidth = 2;
      const wide = canvas === parts.input ? size : 1;
      context.strokeRect(at.x - wide / 2 - 1.5, at.y - wide / 2 - 1.5, wide + 4, wide + 4);
    }
    const under = kernel.map((_, i) => {
      const [column, row] = [at.x + (i % size) - border, at.y + Math.floor(i / size) - border];
      const outside = column < 0 || row < 0 || column >= SIDE || row >= SIDE;
      return outside ? 0 : picture[row * SIDE + column];
    });
    const products = under.map((value, i) => value * kernel[i]);
    const sum = this.result[at.y * SIDE + at.x];
    parts.numbers.replaceChildren(
      this.cells(words.window, under, GREY, 1),
      sign("×"),
      this.cells(words.kernel, kernel, SIGNED, greatest(kernel)),
      sign("="),
      this.cells(words.products, products, SIGNED, greatest(products)),
    );
    parts.sum.textContent = words.sum
      .replace("{row}", at.y)
      .replace("{column}", at.x)
      .replace("{sum}", shown(sum));
  }

  // A small table of numbers, coloured as in the figures.
  cells(title, numbers, palette, limit) {
    const { size } = this;
    const element = document.createElement("table");
    element.createCaption().textContent = title;
    for (let row = 0; row < size; row++) {
      const line = element.insertRow();
      for (let column = 0; column < size; column++) {
        const number = numbers[row * size + column];
        const place = 4 * step(palette, number / limit);
        const [red, green, blue] = palette.colours.subarray(place, place + 3);
        const cell = line.insertCell();
        cell.textContent = shown(number);
        cell.style.background = `rgb(${red} ${green} ${blue})`;
        cell.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
      }
    }
    return element;
  }
}

// Numbers as pixels. Those of the size `limit` get the last colour.
function painted(numbers, palette, limit) {
  const image = new ImageData(SIDE, SIDE);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = new Uint32Array(palette.colours.buffer); // all four bytes at once
  for (let i = 0; i < numbers.length; i++) pixels[i] = colours[step(palette, numbers[i] / limit)];
  return image;
}

function sign(text) {
  const element = document.createElement("span");
  element.className = "between";
  element.textContent = text;
  return element;
}

customElements.define("convolution-playground", ConvolutionPlayground);
