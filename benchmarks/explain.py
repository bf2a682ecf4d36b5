"""What an explanation costs: `grad_cam` and `occlusion` beside captum and torchcam.

All ask the same ResNet-18 with random weights about the same pictures, each a copy of its own, on
which torchcam's hooks stay. In a row of occlusion, as many pictures at a time go through the
network as it says; captum's default is one window at a time. "maps" is the largest difference to
the map of `iip_lib`, as a share of the map's largest value.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import captum.attr
import torch
import torchcam.methods
from measure import arguments, difference, print_machine, print_table, race, summary
from torch import Tensor, nn

from iip_lib.explain import grad_cam, occlusion
from iip_lib.models import resnet18

LAYER = "layer4"
TARGET = 3
Maps = Callable[[], Tensor]  # asks about the pictures, (N, h, w)


def grad_cams(model: nn.Module, images: Tensor) -> dict[str, Maps]:
    """Contestants by name, `iip_lib` first."""

    def captums(model: nn.Module) -> Maps:
        asker = captum.attr.LayerGradCam(model, model.get_submodule(LAYER))
        return lambda: asker.attribute(images, TARGET, relu_attributions=True)[:, 0].detach()

    def torchcams(model: nn.Module) -> Maps:
        asker = torchcam.methods.GradCAM(model, LAYER)
        return lambda: asker(TARGET, model(images), normalized=False)[0]

    return {
        "iip_lib.explain.grad_cam": partial(grad_cam, copy.deepcopy(model), images, LAYER, TARGET),
        "captum LayerGradCam": captums(copy.deepcopy(model)),
        "torchcam GradCAM": torchcams(copy.deepcopy(model)),
    }


def occlusions(
    model: nn.Module, images: Tensor, window: int, at_a_time: list[int]
) -> dict[str, Maps]:
    """Contestants by name, `iip_lib` first; `at_a_time`: pictures that the network is shown."""
    channels, stride = images.shape[1], window // 2

    def captums(model: nn.Module, number: int) -> Maps:
        asker = captum.attr.Occlusion(model)
        return lambda: asker.attribute(
            images,
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            target=TARGET,
            perturbations_per_eval=number // len(images),
        )[:, 0]

    contestants = {}
    for number in at_a_time:
        contestants[f"iip_lib.explain.occlusion, {number}"] = partial(
            *(occlusion, copy.deepcopy(model), images, TARGET),
            window=window,
            stride=stride,
            batch_size=number,
        )
    for number in at_a_time:
        contestants[f"captum Occlusion, {number}"] = captums(copy.deepcopy(model), number)
    return contestants


def main() -> None:
    options = arguments(__doc__)
    print_machine("captum", "torchcam")
    torch.manual_seed(0)
    side, window = (32, 16) if options.quick else (112, 28)
    model = resnet18(num_classes=10).eval()
    images = torch.rand(8, 3, side, side)
    questions = {
        "Grad-CAM of 1 picture": grad_cams(model, images[:1]),
        "Grad-CAM of 8 pictures": grad_cams(model, images),
        "occlusion of 1 picture": occlusions(model, images[:1], window, at_a_time=[16, 1]),
        "occlusion of 4 pictures": occlusions(model, images[:4], window, at_a_time=[16, 4]),
    }
    rows = []
    for title, contestants in questions.items():
        seconds, maps = race(contestants, options.rounds)
        first = next(iter(contestants))
        for name in contestants:
            numbers = summary(seconds[name], seconds[first], scale=1000)
            rows.append([title, name, *numbers, difference(maps[name], maps[first])])
    print_table(["question", "who", "ms", "quartiles", "× iip_lib", "maps"], rows)


if __name__ == "__main__":
    main()
