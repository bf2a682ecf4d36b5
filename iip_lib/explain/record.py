"""What the layers of a network give."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from ._state import evaluating

__all__ = ["record"]


@contextmanager
def record(model: nn.Module, *layers: str) -> Iterator[dict[str, Tensor]]:
    """What layers give, while the network runs: feature maps, for instance.

    Inside the block, the network is in evaluation mode, and each run of it fills the dict.
    Afterwards, each part is in the mode in which it came, and the hooks are gone.

    Args:
        model: the network.
        layers: names from ``model.named_modules()``, such as ``"features.0"``; the name ``""``
            is the network itself.

    Returns:
        A context manager; ``as`` names a dict from the name of a layer to its last output. An
        output is kept as it is, also where the next layer works in place, and gradients flow
        through it; run the network under ``torch.no_grad()`` where you need none.

    Raises:
        TypeError: a layer is given as a module, or a layer's output is no tensor.
        ValueError: no layer is named, or the network has none of that name.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(3, 8, kernel_size=3), nn.ReLU())
        >>> with record(model, "0", "1") as outputs:
        ...     y = model(torch.rand(2, 3, 16, 16))
        >>> outputs["0"].shape
        torch.Size([2, 8, 14, 14])
        >>> torch.equal(outputs["1"], y)
        True

    Source:
        Zeiler, Fergus: Visualizing and understanding convolutional networks, 2014,
        https://arxiv.org/abs/1311.2901

    Taught in: book/looking_inside/filters_and_feature_maps.md
    """
    if not layers:
        raise ValueError(
            "no layer is named, but at least one is needed: "
            "try record(model, name) with a name from model.named_modules()"
        )
    parts = {layer: _part(model, layer) for layer in layers}
    outputs: dict[str, Tensor] = {}
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        for layer, part in parts.items():
            handle = part.register_forward_hook(_keep(outputs, layer))
            stack.callback(handle.remove)
        yield outputs


def _keep(outputs: dict[str, Tensor], layer: str):
    """A hook that keeps the output; the network goes on with a copy, which it may change."""

    def hook(part: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"the output of layer {layer!r} is a {type(output).__name__}, but a tensor is "
                f"needed: choose a layer inside it"
            )
        outputs[layer] = output
        return output.clone()

    return hook


def _part(model: nn.Module, layer: str) -> nn.Module:
    """The part of the network that has this name."""
    if not isinstance(layer, str):
        raise TypeError(
            f"the layer is a {type(layer).__name__}, but its name is needed: "
            f"choose one from model.named_modules()"
        )
    parts = dict(model.named_modules(remove_duplicate=False))
    if layer not in parts:
        names = [name for name in parts if name]
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise ValueError(
            f"the network has no layer {layer!r}, but a name from model.named_modules() is "
            f"needed: choose one of {shown}"
        )
    return parts[layer]
