"""The house's look: light or dark, its colours, and the ink on a coloured ground."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

__all__: list[str] = []

LIGHT, DARK = "iip_lib.house", "iip_lib.house_dark"
SIGNED = LinearSegmentedColormap.from_list("signed", ["#2166ac", "#ffffff", "#b2182b"])
# Text on a coloured cell follows the cell, not the page: neither pure black nor pure white.
DARK_INK, LIGHT_INK = "#111111", "#fafafa"


@contextmanager
def house() -> Iterator[None]:
    """The house's look inside; its dark one where the caller's text is light."""
    # The colour of the page would not tell, for it may be transparent.
    dark = is_light(plt.rcParams["text.color"])
    with plt.style.context([LIGHT, DARK] if dark else LIGHT):
        yield


def is_light(color: Any) -> bool:
    """Whether dark text is legible on this colour."""
    red, green, blue = to_rgb(color)
    return 0.3 * red + 0.6 * green + 0.1 * blue > 0.5


def ink(color: Any) -> str:
    """The colour in which text is legible on another colour."""
    return DARK_INK if is_light(color) else LIGHT_INK


def palette(number: int) -> list[tuple[float, ...]]:
    """The house's colours; then, when they run out, lighter ones, darker ones, and again."""
    own = np.array([to_rgb(color) for color in plt.rcParams["axes.prop_cycle"].by_key()["color"]])
    shades = np.concatenate([own, (own + 1) / 2, own / 2])
    return [tuple(shades[i % len(shades)].tolist()) for i in range(number)]
