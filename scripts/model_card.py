"""Draw the picture of MODEL_CARD.md, and print the table beside it: what the network is wrong about.

usage: python scripts/environment.py test scripts/model_card.py
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from book import ROOT, run, say
from iip_lib.data import photo
from iip_lib.models import CIFAR10_CLASSES, backbone
from iip_lib.viz import show_images

PICTURE = ROOT / "model_card.png"
SIZE = 32


def pictures() -> dict[str, Tensor]:
    """Pictures (3, S, S) by name: bundled photographs, cut to a square, and drawn ones."""
    cat = photo("chelsea")[:, :, 75:375]
    rocket = photo("rocket")[:, :, 106:533]
    coffee = photo("coffee")[:, :, 100:500]
    coins = photo("coins")[:, :, 40:343].expand(3, -1, -1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noise = torch.rand(3, SIZE, SIZE)
    square = torch.zeros(3, SIZE, SIZE)
    square[0, 8:24, 8:24] = 1
    return {
        "a cat": cat,
        "a cat, upside down": cat.flip(1),
        "a cat, an eye": cat[:, 70:140, 60:130],
        "a rocket": rocket,
        "a cup of coffee": coffee,
        "coins": coins,
        "a red square": square,
        "noise": noise,
    }


def small(picture: Tensor) -> Tensor:
    """(3, S, S) as the network was trained with, (3, 32, 32)."""
    return interpolate(picture[None], (SIZE, SIZE), mode="bilinear", antialias=True)[0]


def answers() -> list[tuple[str, Tensor, str, float]]:
    """Of each picture: its name, the picture, the class that comes first, its probability."""
    model = backbone()
    rows = []
    for name, picture in pictures().items():
        image = small(picture)
        with torch.no_grad():
            probability, label = model(image[None]).softmax(dim=1)[0].max(dim=0)
        rows.append((name, image, CIFAR10_CLASSES[label], float(probability)))
    return rows


def main() -> int:
    rows = answers()
    titles = [f"{name}:\n{label}, {probability:.0%}" for name, _, label, probability in rows]
    figure = show_images([image for _, image, _, _ in rows], titles, ncols=4)
    figure.savefig(PICTURE, dpi=100)
    for name, _, label, probability in rows:
        say(f"| {name} | {label} | {probability:.0%} |")
    return 0


if __name__ == "__main__":
    run(main)
