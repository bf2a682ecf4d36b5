"""The playground of the page on local operations, used as a reader does."""

import base64
import io
import json
import re

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from PIL import Image
from torchvision.transforms.v2 import functional as transforms

from iip_lib.data import photo

PAGE = "book/images/local_operations.html"
FOLDER = ROOT / "book" / "_static" / "playground"
PHOTOS = {"coins": "coins", "cat": "chelsea", "bricks": "brick"}
READY = "document.querySelector('convolution-playground').picture.some((value) => value > 0)"


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.mistakes = []
    page.on("pageerror", lambda error: page.mistakes.append(str(error)))
    yield page
    assert page.mistakes == []
    page.close()


def opened(page, served, language="en"):
    """The playground, with its first picture."""
    page.goto(f"{served}/{language}/{PAGE}")
    playground = page.locator("convolution-playground")
    playground.scroll_into_view_if_needed()
    page.wait_for_function(READY)
    return playground


# The bytes of an array: as a list of numbers, 65,536 of them take a second to come over.
BYTES = """const bytes = (array) => {
  const all = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let i = 0; i < all.length; i += 8192) text += String.fromCharCode(...all.subarray(i, i + 8192));
  return btoa(text);
};"""


def tensor(text, dtype):
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=dtype)


def state(playground):
    """The picture, the kernel and the result, as tensors (1, 1, H, W)."""
    found = playground.evaluate(
        f"""(one) => {{ {BYTES}
          return {{picture: bytes(one.picture), result: bytes(one.result),
            kernel: one.kernel, size: one.size, at: one.at}};
        }}"""
    )
    for name in ("picture", "result"):
        found[name] = tensor(found[name], torch.float32).reshape(1, 1, 256, 256)
    size = found["size"]
    found["kernel"] = torch.tensor(found["kernel"], dtype=torch.float32).reshape(1, 1, size, size)
    return found


def assert_is_conv2d(found):
    expected = F.conv2d(found["picture"], found["kernel"], padding=found["size"] // 2)
    torch.testing.assert_close(found["result"], expected, rtol=0, atol=1e-5)
    return found


def write(playground, texts):
    cells = playground.locator(".kernel input")
    assert cells.count() == len(texts)
    for i, text in enumerate(texts):
        cells.nth(i).fill(text)


def colours(playground, selector):
    """Red, green, blue of a canvas, without the frame at the chosen pixel: (3, 256, 256)."""
    playground.evaluate("(one) => one.point(0, 0)")
    data = playground.locator(selector).evaluate(
        f"(canvas) => {{ {BYTES}"
        " return bytes(canvas.getContext('2d').getImageData(0, 0, 256, 256).data); }"
    )
    return tensor(data, torch.uint8).long().reshape(256, 256, 4)[..., :3].permute(2, 0, 1)


# ---- the result ----------------------------------------------------------------------------------


def test_every_named_kernel_gives_what_conv2d_gives(page, served):
    playground = opened(page, served)
    kernels = playground.locator(".kernels")
    names = kernels.locator("option").evaluate_all("(all) => all.map((one) => one.value)")
    assert len(names) == 8
    for size in ("3", "5"):
        playground.locator(f"[name=size][value='{size}']").check()
        for name in names:
            kernels.select_option(name)
            found = assert_is_conv2d(state(playground))
            assert found["size"] == int(size)
            if name in ("box", "gaussian", "identity", "sharpen"):
                assert found["kernel"].sum() == pytest.approx(1)
            elif name != "custom":
                assert found["kernel"].sum() == 0
                assert found["kernel"].any()
            if name == "identity":
                assert torch.equal(found["result"], found["picture"])


def test_the_named_kernels_are_those_of_the_chapter(page, served):
    playground = opened(page, served)
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    laplacian = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    identity = F.pad(torch.ones(1, 1), (1, 1, 1, 1))
    expected = {"sobel_x": sobel, "sobel_y": sobel.T, "laplacian": laplacian}
    expected |= {"sharpen": identity - laplacian, "box": torch.full((3, 3), 1 / 9)}
    for name, kernel in expected.items():
        playground.locator(".kernels").select_option(name)
        torch.testing.assert_close(state(playground)["kernel"][0, 0], kernel)


@pytest.mark.parametrize("size", [3, 5])
def test_numbers_that_a_reader_types(page, served, size):
    playground = opened(page, served)
    playground.locator(f"[name=size][value='{size}']").check()
    generator = torch.Generator().manual_seed(size)
    numbers = (torch.randn(size * size, generator=generator) * 3).tolist()
    texts = [f"{number:.3f}" for number in numbers]
    texts[:4] = ["1/9", "-3/4", "−2", " ,5 "]
    write(playground, texts)
    found = assert_is_conv2d(state(playground))
    expected = torch.tensor([1 / 9, -3 / 4, -2, 0.5, *(float(text) for text in texts[4:])])
    torch.testing.assert_close(found["kernel"].flatten(), expected)
    assert playground.locator(".kernels").input_value() == "custom"


@pytest.mark.parametrize("text", ["", "one", "1/0", "1e5x", "--1", "NaN", "Infinity", "<b>"])
def test_what_is_no_number_is_refused_and_the_last_one_stays(page, served, text):
    playground = opened(page, served)
    before = state(playground)["kernel"]
    cell = playground.locator(".kernel input").nth(5)
    cell.fill(text)
    assert cell.get_attribute("aria-invalid") == "true"
    message = playground.locator(".error")
    assert (
        message.text_content()
        == f"“{text}” is no number. A number such as 0.5, -1 or 1/9 is needed."
    )
    assert torch.equal(assert_is_conv2d(state(playground))["kernel"], before)
    cell.fill("7")
    assert message.text_content() == ""
    assert state(playground)["kernel"].flatten()[5] == 7


def test_own_numbers_stay_in_the_middle_when_the_size_changes(page, served):
    playground = opened(page, served)
    write(playground, [str(n) for n in range(1, 10)])
    playground.locator("[name=size][value='5']").check()
    small = torch.arange(1.0, 10).reshape(3, 3)
    assert torch.equal(state(playground)["kernel"][0, 0], F.pad(small, (1, 1, 1, 1)))
    assert_is_conv2d(state(playground))
    playground.locator("[name=size][value='3']").check()
    assert torch.equal(state(playground)["kernel"][0, 0], small)


def test_the_experiments_of_the_page_come_out_as_it_says(page, served):
    playground = opened(page, served)
    first = state(playground)
    x, y = first["at"].values()  # the left outline of a coin
    window = first["picture"][0, 0, y - 1 : y + 2, x - 1 : x + 2]
    products = window * first["kernel"][0, 0]
    assert (products[:, 2] > -2 * products[:, 0]).all()
    assert first["result"][0, 0, y, x] > 1
    assert first["result"][0, 0, y, x + 1 : x + 40].min() < -1  # its right outline
    write(playground, ["1", "0", "-1", "2", "0", "-2", "1", "0", "-1"])
    assert torch.equal(state(playground)["result"], -first["result"])
    playground.locator(".kernels").select_option("identity")
    playground.locator(".kernel input").nth(4).fill("0.5")
    found = state(playground)
    torch.testing.assert_close(found["result"], found["picture"] / 2)
    playground.locator(".kernels").select_option("box")
    playground.evaluate("(one) => one.point(0, 0)")
    window = numbers_shown(playground)[0]
    assert (window == 0).sum() == 5
    assert (window > 0).sum() == 4
    small = state(playground)["result"]
    playground.locator("[name=size][value='5']").check()
    large = state(playground)["result"]
    steps = [(r[..., 2:-2, 3:-2] - r[..., 2:-2, 2:-3]).abs().mean() for r in (small, large)]
    assert steps[1] < 0.9 * steps[0]


def test_the_exercise_is_solved_in_the_playground(page, served):
    """Short joints red with blue on both sides, long joints white."""
    playground = opened(page, served)
    playground.locator(".pictures").select_option("bricks")
    page.wait_for_function("document.querySelector('convolution-playground').shown === 'bricks'")
    write(playground, ["-1", "-1", "-1", "2", "2", "2", "-1", "-1", "-1"])
    assert playground.locator(".signed").is_checked()
    result = state(playground)["result"][0, 0]
    joint = result[113:122, 98:106].mean(dim=1)  # a short one, with the bricks above and below
    assert joint.max() > 0.3
    assert joint[: joint.argmax()].min() < -0.15
    assert joint[joint.argmax() :].min() < -0.15
    long = result[124:134, 60:130]  # only long joints cross these rows
    assert long.abs().mean() < 0.1 * joint.max()


def test_signs_have_the_colours_of_the_figures(page, served):
    playground = opened(page, served)
    found = state(playground)
    inside = torch.ones(256, 256, dtype=torch.bool)
    inside[:8, :8] = False  # the frame
    limit = found["result"][0, 0, 1:-1, 1:-1].abs().max()  # zeros around the picture do not count
    inner = inside & (F.pad(torch.ones(254, 254), (1, 1, 1, 1)) == 1)
    painted, values = colours(playground, ".output")[:, inner], found["result"][0, 0, inner]
    ends = {values.argmax(): (178, 24, 43), values.argmin(): (33, 102, 172)}
    for place, end in ends.items():
        share = values[place].abs() / limit
        expected = torch.tensor([255 + (channel - 255) * share for channel in end])
        assert (painted[:, place] - expected).abs().max() <= 2
    assert (painted[:, values.abs() < 0.001 * limit] == 255).all()
    red, _, blue = painted
    assert (red > blue)[values > 0.05 * limit].all()
    assert (red < blue)[values < -0.05 * limit].all()

    playground.locator(".signed").uncheck()
    grey = colours(playground, ".output")
    expected = (found["result"][0, 0].clamp(0, 1) * 255).round()
    assert (grey - expected)[:, inside].abs().max() <= 1


# ---- the numbers behind a pixel ------------------------------------------------------------------


def numbers_shown(playground):
    tables = playground.locator(".numbers table").evaluate_all(
        "(all) => all.map((one) => [...one.querySelectorAll('td')].map((cell) => cell.textContent))"
    )
    return [torch.tensor([float(text.replace("−", "-")) for text in one]) for one in tables]


def assert_numbers_of(playground, row, column):
    found = state(playground)
    assert found["at"] == {"x": column, "y": row}
    border = found["size"] // 2
    padded = F.pad(found["picture"], (border,) * 4)[0, 0]
    window = padded[row : row + found["size"], column : column + found["size"]].flatten()
    kernel = found["kernel"].flatten()
    for shown, exact in zip(
        numbers_shown(playground), (window, kernel, window * kernel), strict=True
    ):
        torch.testing.assert_close(shown, exact, rtol=0, atol=0.0051)
    text = playground.locator(".sum").text_content()
    where = re.fullmatch(r"Sum of the products in row (\d+), column (\d+): (\S+)", text)
    assert (int(where[1]), int(where[2])) == (row, column)
    exact = found["result"][0, 0, row, column].item()
    assert float(where[3].replace("−", "-")) == pytest.approx(exact, abs=0.0051)


@pytest.mark.parametrize("canvas", [".input", ".output"])
def test_the_numbers_follow_the_pointer(page, served, canvas):
    playground = opened(page, served)
    box = playground.locator(canvas).bounding_box()
    for row, column in ((100, 60), (0, 0), (255, 255)):
        page.mouse.move(
            box["x"] + (column + 0.5) / 256 * box["width"],
            box["y"] + (row + 0.5) / 256 * box["height"],
        )
        assert_numbers_of(playground, row, column)


def test_everything_is_done_with_the_keyboard(page, served):
    playground = opened(page, served)
    start = state(playground)["at"]
    output = playground.locator(".output")
    output.focus()
    assert output.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert_numbers_of(playground, start["y"] + 1 - 16, start["x"] + 2 - 16)
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
    assert_numbers_of(playground, start["y"] + 1 - 16, 0)  # it stops at the border
    reached = set()
    playground.locator(".pictures").focus()
    for _ in range(20):
        reached.add(playground.evaluate("(one) => one.shadowRoot.activeElement?.className"))
        reached.add(playground.evaluate("(one) => one.shadowRoot.activeElement?.type"))
        page.keyboard.press("Tab")
    assert {
        "pictures",
        "choose",
        "camera",
        "kernels",
        "signed",
        "output",
        "text",
        "radio",
    } <= reached


# ---- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOS)
def test_the_pictures_are_the_library_s_photographs(name):
    """In grey, the square in the middle; compressed, so not equal bit by bit."""
    picture = photo(PHOTOS[name])
    if len(picture) == 3:
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        picture = (picture * weights).sum(dim=0, keepdim=True)
    side = min(picture.shape[1:])
    square = transforms.resize(transforms.center_crop(picture, [side, side]), [256, 256])
    with Image.open(FOLDER / f"{name}.webp") as image:
        shipped = transforms.pil_to_tensor(image.convert("L")) / 255
    assert shipped.shape == (1, 256, 256)
    assert (shipped - square).abs().mean() < 0.02


def test_another_picture_and_one_s_own(page, served):
    playground = opened(page, served)
    first = state(playground)["picture"]
    playground.locator(".pictures").select_option("cat")
    page.wait_for_function(
        "(old) => document.querySelector('convolution-playground').picture[0] !== old",
        arg=first[0, 0, 0, 0].item(),
    )
    assert_is_conv2d(state(playground))

    file = io.BytesIO()
    colour = Image.new("RGB", (300, 200), (255, 0, 0))
    colour.paste((0, 0, 255), (0, 0, 150, 200))
    colour.save(file, "PNG")
    own = {"name": "own.png", "mimeType": "image/png", "buffer": file.getvalue()}
    playground.locator("[type=file]").set_input_files(own)
    page.wait_for_function(
        "document.querySelector('convolution-playground').shadowRoot"
        ".querySelector('.pictures').value === 'own'"
    )
    found = assert_is_conv2d(state(playground))
    assert found["picture"][0, 0, 100, 20] == pytest.approx(0.114, abs=0.004)
    assert found["picture"][0, 0, 100, 230] == pytest.approx(0.299, abs=0.004)


def test_who_cancels_the_file_dialog_keeps_the_picture_and_its_name(page, served):
    playground = opened(page, served)
    pictures = playground.locator(".pictures")
    for name in ("coins", "cat"):
        pictures.select_option(name)
        page.wait_for_function(
            f"document.querySelector('convolution-playground').shown === '{name}'"
        )
        before = state(playground)["picture"]
        playground.locator(".output").click()  # browsers open the dialog only for a user
        with page.expect_file_chooser() as dialog:
            pictures.select_option("own")
        assert pictures.input_value() == name  # as long as no file is chosen
        assert torch.equal(state(playground)["picture"], before)

    file = io.BytesIO()
    Image.new("RGB", (64, 64), (255, 255, 255)).save(file, "PNG")
    own = {"name": "own.png", "mimeType": "image/png", "buffer": file.getvalue()}
    dialog.value.set_files(own)
    page.wait_for_function("document.querySelector('convolution-playground').shown === 'own'")
    assert pictures.input_value() == "own"
    assert state(playground)["picture"].min() == pytest.approx(1, abs=0.004)
    with page.expect_file_chooser():
        playground.locator(".choose").click()
    assert pictures.input_value() == "own"


def test_a_file_that_is_no_picture(page, served):
    playground = opened(page, served)
    before = state(playground)["picture"]
    text = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    playground.locator("[type=file]").set_input_files(text)
    message = playground.locator(".error")
    message.filter(has_text="cannot be read as a picture").wait_for()
    assert torch.equal(state(playground)["picture"], before)


CAMERA = """
const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
const context = canvas.getContext("2d");
let count = 0;
setInterval(() => {
  context.fillStyle = (count += 1) % 2 ? "white" : "#333";
  context.fillRect(0, 0, 64, 48);
}, 50);
Object.defineProperty(navigator, "mediaDevices", {
  value: { getUserMedia: async () => canvas.captureStream(30) },
});
"""


def test_the_camera_runs_until_it_is_stopped(page, served):
    page.add_init_script(CAMERA)
    playground = opened(page, served)
    button = playground.locator(".camera")
    button.click()
    for level in ("> 0.9", "< 0.3", "> 0.9"):  # its picture changes
        page.wait_for_function(
            f"document.querySelector('convolution-playground').picture[9999] {level}"
        )
    assert button.text_content() == "Stop the camera"
    button.click()
    assert button.text_content() == "Camera"
    assert playground.evaluate("(one) => one.stream") is None
    assert_is_conv2d(state(playground))


def test_a_camera_that_is_refused(page, served):
    refuse = "async () => { throw new DOMException('no', 'NotAllowedError'); }"
    page.add_init_script(
        f"Object.defineProperty(navigator, 'mediaDevices', {{value: {{getUserMedia: {refuse}}}}});"
    )
    playground = opened(page, served)
    playground.locator(".camera").click()
    playground.locator(".error").filter(has_text="The camera cannot be used").wait_for()
    assert playground.locator(".camera").text_content() == "Camera"


# ---- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_its_words_are_those_of_the_page(page, served, language):
    playground = opened(page, served, language)
    english = set(opened_words(page, served, "en").values())
    words = opened_words(page, served, language)
    same = {word for word in words.values() if word in english}
    assert same == set()
    playground = opened(page, served, language)
    text = playground.evaluate("(one) => one.shadowRoot.querySelector('section').innerText")
    assert not re.search(r"[A-Za-z]{3,}", text)


def opened_words(page, served, language):
    return json.loads(opened(page, served, language).get_attribute("words"))


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_it_fits_the_page_and_its_room_is_kept(browser, served, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    playground = opened(page, served, "ja")
    for size in ("3", "5"):
        playground.locator(f"[name=size][value='{size}']").check()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        own = playground.evaluate(
            "(one) => one.shadowRoot.querySelector('section').scrollWidth - one.clientWidth"
        )
        assert own <= 0
    page.close()


def test_only_its_page_loads_the_script(page, served):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/en/book/images/pixels.html")
    assert asked
    assert not any("playground" in url for url in asked)
    opened(page, served)
    pictures = [url for url in asked if url.endswith(".webp") and "playground" in url]
    assert len(pictures) == 1, "only the first picture is loaded"
