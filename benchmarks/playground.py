"""How quickly the playground of *Local operations* follows its reader, in Chromium.

It is opened on the page that `make book` has built. A frame is all that one change of the kernel
costs: the convolution of 256×256 pixels, the colours of both pictures, the table of the numbers
under the pointer. Beside it stands what torch needs for the convolution alone, on the same picture.
A screen shows 60 frames a second, one in 16.7 ms. The last rows count the frames that a browser
really shows while the kernel changes in each of them, as it does with a camera.
"""

from __future__ import annotations

import sys

import torch
import torch.nn.functional as F
from measure import parser, print_machine, print_table, race, summary
from pages import ROOT, browser, served
from playwright.sync_api import sync_playwright
from torch.utils.benchmark import Timer

PAGE = "book/images/local_operations"
READY = "document.querySelector('convolution-playground')?.picture.some((value) => value > 0)"
# Milliseconds of a frame with another kernel each time, the mean of some.
FRAME = """(one, [size, frames]) => {
  if (one.size !== size) one.resize(size);
  const start = performance.now();
  for (let i = 0; i < frames; i++) {
    one.kernel[0] = i / frames;
    one.draw();
  }
  return (performance.now() - start) / frames;
}"""
# Milliseconds between two frames on the screen, the mean of some.
BETWEEN = """(one, [size, frames]) => new Promise((resolve) => {
  if (one.size !== size) one.resize(size);
  let count = 0, start;
  const frame = (now) => {
    start ??= now;
    if (count === frames) return resolve((now - start) / frames);
    one.kernel[0] = count++ / frames;
    one.draw();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


def main() -> None:
    options = parser(__doc__).parse_args()
    rounds, frames = (1, 3) if options.quick else (options.rounds, 60)
    site = ROOT / "_build" / "site"
    if not (site / "en" / f"{PAGE}.html").exists():
        sys.exit(f"there is no page {PAGE} in {site}: type make book first")
    chrome = browser()
    print_machine("playwright")
    rows = []
    with served(site) as address, sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=chrome, args=["--no-sandbox"])
        page = window.new_page()
        page.goto(f"{address}/en/{PAGE}.html")
        playground = page.locator("convolution-playground")
        playground.scroll_into_view_if_needed()
        page.wait_for_function(READY)
        picture = torch.tensor(playground.evaluate("(one) => [...one.picture]"))
        picture = picture.reshape(1, 1, 256, 256)

        def torch_alone(size: int) -> float:
            kernel = torch.randn(1, 1, size, size)
            timer = Timer(
                "F.conv2d(picture, kernel, padding='same')",
                globals={"F": F, "picture": picture, "kernel": kernel},
                num_threads=torch.get_num_threads(),
            )
            return timer.timeit(frames).mean

        for size in (3, 5):
            contestants = {
                "torch, convolution alone": lambda size=size: torch_alone(size),
                "playground, a frame": lambda size=size: (
                    playground.evaluate(FRAME, [size, frames]) / 1000
                ),
                "playground, from frame to frame": lambda size=size: (
                    playground.evaluate(BETWEEN, [size, frames]) / 1000
                ),
            }
            seconds, _ = race(contestants, rounds, clock=lambda task: (task(), None))
            reference = seconds["playground, a frame"]
            for name, values in seconds.items():
                cells = summary(values, reference, scale=1000, digits=2)
                rows.append([f"{size}×{size}", name, *cells])
        window.close()
    print_table(["kernel", "what", "ms", "quartiles", "ratio"], rows)


if __name__ == "__main__":
    main()
