"""Windows that move over a picture, for convolution and pooling."""

__all__: list[str] = []

Pair = tuple[int, int]  # for rows and columns


def count_windows(
    size: Pair, span: Pair, strides: Pair, paddings: Pair, ceil_mode: bool = False
) -> Pair:
    """How many windows stand below and beside one another.

    Args:
        size: of the picture, without its padding.
        span: of a window, from its first to its last pixel.
        strides: from one window to the next.
        paddings: on each side of the picture.
        ceil_mode: True counts a last window that sticks out too.
    """
    counts = tuple(
        _count(*axis, ceil_mode) for axis in zip(size, span, strides, paddings, strict=True)
    )
    if min(counts) < 1:
        h, w = (length + 2 * padding for length, padding in zip(size, paddings, strict=True))
        raise ValueError(
            f"the padded image is {h}×{w} and a window spans {span[0]}×{span[1]}, but it must fit "
            f"into the image: use more padding or a smaller kernel"
        )
    return counts


def _count(length: int, span: int, stride: int, padding: int, ceil_mode: bool) -> int:
    """The windows along one axis."""
    rest = length + 2 * padding - span  # how far the first window can move
    count = rest // stride + 1
    # A window that sticks out must begin before the padding at the end: it would see nothing else.
    if ceil_mode and rest % stride and count * stride < length + padding:
        count += 1
    return count
