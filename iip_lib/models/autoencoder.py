"""Auto-encoder, the network that gives its picture back through a narrow place."""

from torch import Tensor, nn

from ._checks import check_numbers, check_pictures

__all__ = ["AutoEncoder"]

# With 0, which is ReLU, some trainings stop at the mean picture: all units before the code are dead.
_SLOPE = 0.1


class AutoEncoder(nn.Module):
    """Convolutional auto-encoder: pictures become short codes, and codes pictures again.

    ======== ========================================== =========================
    part     layer                                      output for depth 2
    ======== ========================================== =========================
    encoder  depth convolutions 4×4, stride 2, halve    (N, 16, H/2, W/2), then
             rows and columns; channels double          (N, 32, H/4, W/4)
             convolution 1×1: the code                  (N, latent_dim, H/4, W/4)
    decoder  convolution 1×1                            (N, 32, H/4, W/4)
             depth transposed convolutions 4×4,         (N, 16, H/2, W/2), then
             stride 2, undo the sizes                   (N, in_channels, H, W)
    ======== ========================================== =========================

    A leaky ReLU, which multiplies negative numbers by 0.1, follows each layer but the code and the
    last. With `size`, the code is a vector (N, latent_dim) of the whole picture: fully connected
    layers replace the convolutions 1×1.

    A code as long as the picture could be a mere copy. The code has latent_dim numbers at each
    place of its map, where the picture has in_channels * 4 ** depth.

    The output is not squashed. It is on the scale of the pictures, when the loss is
    ``mse_loss(model(x), x)``, and may leave [0, 1] a little: ``clamp(0, 1)`` shows it. For
    pictures in [0, 1], the loss can also be ``binary_cross_entropy_with_logits(model(x), x)``;
    then the output is logits, and ``sigmoid()`` shows it. A denoising auto-encoder is the same
    network; its loss compares ``model(x + noise)`` with `x`.

    The papers differ: Hinton and Salakhutdinov, and Vincent et al., have fully connected layers
    only, with logistic units; Masci et al. halve by max pooling, with tanh.

    Args:
        latent_dim: numbers of the code, at each place of the map or, with `size`, in all.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        size: rows and columns of the pictures, a multiple of 2 ** depth, for a code that is a
            vector; None for a code that is a map, and pictures of any size.
        width: channels of the first convolution.
        depth: how often rows and columns are halved.

    Returns:
        A module: (N, in_channels, H, W), with H and W multiples of 2 ** depth (or `size`, where
        it is given) → (N, in_channels, H, W); it is ``model.decode(model.encode(x))``.

    Raises:
        TypeError: at the call, the input or the code is no floating-point tensor.
        ValueError: an argument is no whole number of at least 1, or `size` no multiple of
            2 ** depth; at the call, the input is no batch, has other channels, or its size does
            not fit; the code has another shape than `encode` gives.

    Example:
        >>> import torch
        >>> model, x = AutoEncoder(latent_dim=2, in_channels=1, size=16), torch.rand(5, 1, 16, 16)
        >>> model(x).shape
        torch.Size([5, 1, 16, 16])
        >>> model.encode(x).shape
        torch.Size([5, 2])
        >>> AutoEncoder(latent_dim=8).encode(torch.rand(5, 3, 32, 48)).shape
        torch.Size([5, 8, 8, 12])

    Source:
        Hinton, Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006,
        https://doi.org/10.1126/science.1127647; Masci, Meier, Cireşan, Schmidhuber, Stacked
        convolutional auto-encoders for hierarchical feature extraction, 2011,
        https://doi.org/10.1007/978-3-642-21735-7_7; Vincent, Larochelle, Bengio, Manzagol,
        Extracting and composing robust features with denoising autoencoders, 2008,
        https://doi.org/10.1145/1390156.1390294

    Taught in: book/cnn/encoder_decoder.md
    """

    def __init__(
        self,
        latent_dim: int,
        in_channels: int = 3,
        size: int | None = None,
        width: int = 16,
        depth: int = 2,
    ):
        super().__init__()
        check_numbers(latent_dim=latent_dim, in_channels=in_channels, width=width, depth=depth)
        if size is not None:
            _check_size(size, 2**depth)
        self.latent_dim, self.in_channels, self.size = latent_dim, in_channels, size
        self.divisor = 2**depth

        channels = [in_channels, *(width * 2**level for level in range(depth))]  # 3, 16, 32
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for level in range(depth):  # the decoder grows as the mirror image of the encoder
            outer, inner = channels[level], channels[level + 1]
            down += [nn.Conv2d(outer, inner, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
            back = nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1)
            up = [nn.LeakyReLU(_SLOPE), back, *up]

        maps = channels[-1]
        if size is None:
            to_code: list[nn.Module] = [nn.Conv2d(maps, latent_dim, 1)]
            from_code: list[nn.Module] = [nn.Conv2d(latent_dim, maps, 1)]
        else:
            side = size // self.divisor
            to_code = [nn.Flatten(), nn.Linear(maps * side**2, latent_dim)]
            from_code = [
                nn.Linear(latent_dim, maps * side**2),
                nn.Unflatten(1, (maps, side, side)),
            ]
        self.encoder = nn.Sequential(*down, *to_code)
        self.decoder = nn.Sequential(*from_code, *up)

    def encode(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, latent_dim, H / 2 ** depth, W / 2 ** depth).

        With `size`, (N, in_channels, size, size) → (N, latent_dim).
        """
        check_pictures(x, self.in_channels, self.divisor, self.divisor, self.size)
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(N, latent_dim, h, w) → (N, in_channels, h * 2 ** depth, w * 2 ** depth).

        With `size`, (N, latent_dim) → (N, in_channels, size, size).
        """
        shape = ("N", self.latent_dim) if self.size else ("N", self.latent_dim, "h", "w")
        _check_code(code, shape)
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, in_channels, H, W)."""
        return self.decode(self.encode(x))


def _check_size(size: int, divisor: int) -> None:
    """Refuse a size that cannot be halved so often."""
    check_numbers(size=size)
    if size % divisor:
        larger = size + -size % divisor
        raise ValueError(
            f"size is {size}, but a multiple of {divisor} is needed: pad the pictures to "
            f"{larger}×{larger} with torch.nn.functional.pad, and use size={larger}"
        )


def _check_code(code: Tensor, shape: tuple[str | int, ...]) -> None:
    """Refuse what is no code of this shape, where a letter stands for any number."""
    needed = f"({', '.join(map(str, shape))})"
    if not isinstance(code, Tensor) or not code.is_floating_point():
        came = f"dtype {code.dtype}" if isinstance(code, Tensor) else f"type {type(code).__name__}"
        raise TypeError(
            f"the code has {came}, but a floating-point tensor {needed} is needed: "
            f"use torch.tensor(code, dtype=torch.float32)"
        )
    if code.ndim != len(shape) or code.shape[1] != shape[1]:
        raise ValueError(
            f"the code has shape {tuple(code.shape)}, but {needed} is needed: "
            f"use a code of the shape that model.encode(x) gives"
        )
