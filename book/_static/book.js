// The language switch keeps the section that is being read, and the choice is remembered.
// "Improve this page" leads to the line of that section.
document.addEventListener("DOMContentLoaded", () => {
  // The section whose heading was passed last. Ids are the same in all languages.
  function section() {
    let current = "";
    for (const element of document.querySelectorAll("article section[id]")) {
      if (element.getBoundingClientRect().top > 0.4 * innerHeight) break;
      current = element.id;
    }
    const first = document.querySelector("article section[id]");
    return first && current === first.id && scrollY < 10 ? "" : current;
  }
  for (const link of document.querySelectorAll(".language-switch a")) {
    link.addEventListener("click", () => {
      try {
        localStorage.setItem("language", link.hreflang);
      } catch (error) {
        // storage may be forbidden; then the browser's language decides next time
      }
      const id = section();
      link.hash = id ? "#" + id : "";
    });
  }
  for (const link of document.querySelectorAll("a.improve")) {
    const lines = JSON.parse(link.dataset.lines);
    const follow = () => {
      const line = lines[section()];
      link.hash = line ? "#L" + line : "";
    };
    for (const name of ["pointerdown", "focus"]) link.addEventListener(name, follow);
  }
});

// What is wider than its place can be scrolled, by keyboard too. A browser measures what it shows.
document.addEventListener("DOMContentLoaded", () => {
  const measure = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      target.tabIndex = scrolls ? 0 : -1;
    }
  });
  const wide = "pre, .cell_output > .output, .pst-scrollable-table-container";
  for (const element of document.querySelectorAll(`article :is(${wide})`)) measure.observe(element);
});

// Paper is white: a page that is dark on the screen is printed in its light colours.
{
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
  });
}

// Pictures in figures below the first one are loaded when the rest of the page stands.
{
  const load = () => {
    for (const image of document.querySelectorAll("image[data-href]")) {
      image.setAttribute("href", image.dataset.href);
      image.removeAttribute("data-href");
    }
  };
  addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(load));
  addEventListener("beforeprint", load);
}
