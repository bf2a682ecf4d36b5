"""The outputs of layers that ``record`` has kept."""

from torch import Tensor

__all__: list[str] = []


def output_of(outputs: dict[str, Tensor], layer: str) -> Tensor:
    """The output of a layer, which must have run."""
    if layer not in outputs:
        raise ValueError(
            f"layer {layer!r} did not run, but its output is needed: "
            f"choose a layer that the network's forward calls"
        )
    return outputs[layer]
