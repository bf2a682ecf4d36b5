"""Auto-encoder: counted by hand, gives the picture's shape back, and learns to give the picture."""

import itertools

import pytest
import torch
from torch import nn

from iip_lib.models import AutoEncoder


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def discs(number):
    """Pictures of 16×16 pixels: a bright disc each, of chance place and radius."""
    generator = torch.Generator().manual_seed(0)
    x, y, radius = (torch.rand(number, 3, generator=generator) * 6 + 3).T[:, :, None, None]
    rows, columns = torch.arange(16.0)[:, None], torch.arange(16.0)
    distance = ((rows - y) ** 2 + (columns - x) ** 2).sqrt()
    return (radius / 2 + 1 - distance).clamp(0, 1)[:, None]


def learn(model, inputs, targets, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()


def by_hand(size, latent_dim=5, depth=3):
    """Weights and biases with 3 channels of the picture, then 4, 8, 16."""
    channels = [3, 4, 8, 16][: depth + 1]
    outer_and_inner = list(itertools.pairwise(channels))
    weights = sum(2 * 16 * outer * inner for outer, inner in outer_and_inner)
    biases = sum(outer + inner for outer, inner in outer_and_inner)
    numbers = channels[-1] * (size // 2**depth) ** 2 if size else channels[-1]
    return weights + biases + 2 * numbers * latent_dim + latent_dim + numbers


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("size", [None, 24])
def test_parameters_counted_by_hand(size, depth):
    model = AutoEncoder(5, size=size, width=4, depth=depth)
    assert sum(p.numel() for p in model.parameters()) == by_hand(size, depth=depth)


def test_sizes_of_the_table():
    sizes = []
    with torch.device("meta"):
        model = AutoEncoder(5)
        for layer in [*model.encoder, *model.decoder]:
            if not isinstance(layer, nn.LeakyReLU):
                layer.register_forward_hook(lambda m, i, out: sizes.append(tuple(out.shape[1:])))
        model(torch.zeros(1, 3, 32, 48))
    down = [(16, 16, 24), (32, 8, 12), (5, 8, 12)]
    assert sizes == [*down, *down[-2::-1], (3, 32, 48)]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("depth", "size"), [(1, (2, 6)), (2, (8, 4)), (3, (16, 40))])
def test_a_code_that_is_a_map(number, depth, size):
    model, x = AutoEncoder(7, in_channels=1, width=2, depth=depth), pictures(number, 1, *size)
    code = model.encode(x)
    assert code.shape == (number, 7, size[0] // 2**depth, size[1] // 2**depth)
    assert model(x).shape == x.shape
    assert torch.equal(model(x), model.decode(code))


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("depth", "size"), [(1, 2), (2, 8), (3, 24)])
def test_a_code_that_is_a_vector(number, depth, size):
    model, x = AutoEncoder(2, size=size, width=2, depth=depth), pictures(number, 3, size, size)
    code = model.encode(x)
    assert code.shape == (number, 2)
    assert model(x).shape == x.shape
    assert torch.equal(model(x), model.decode(code))


@pytest.mark.parametrize("size", [None, 16])
def test_a_gradient_reaches_every_parameter_and_the_picture(size):
    torch.manual_seed(0)
    model, x = AutoEncoder(6, size=size, width=4), pictures(4, 3, 16, 16).requires_grad_()
    nn.functional.mse_loss(model(x), torch.zeros_like(x)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name
    assert x.grad.any()


@pytest.mark.parametrize("size", [None, 16])
def test_code_and_output_are_not_squashed(size):
    """Their last layers are linear: twice the weights give twice the numbers."""
    torch.manual_seed(0)
    model, x = AutoEncoder(6, size=size), pictures(4, 3, 16, 16)
    for layer, call in ((model.encoder[-1], model.encode), (model.decoder[-1], model)):
        before = call(x)
        layer.weight.data *= 2
        layer.bias.data *= 2
        torch.testing.assert_close(call(x), 2 * before)


# With seed 1, a ReLU instead of the leaky one would stop at the mean picture.
@pytest.mark.parametrize(("latent_dim", "size", "seed"), [(8, 16, 1), (2, None, 0)])
def test_learns_to_give_pictures_back(latent_dim, size, seed):
    torch.manual_seed(seed)
    x = discs(32)
    model = AutoEncoder(latent_dim, in_channels=1, size=size)
    learn(model, x, x, steps=150)
    of_the_mean = nn.functional.mse_loss(x.mean(dim=0).expand_as(x), x)
    assert nn.functional.mse_loss(model(x), x) < 0.1 * of_the_mean


def test_learns_to_take_noise_away():
    torch.manual_seed(0)
    clean = discs(64)
    noisy = clean + 0.3 * torch.randn(64, 1, 16, 16)
    model = AutoEncoder(4, in_channels=1)
    learn(model, noisy[:48], clean[:48], steps=100)
    left = nn.functional.mse_loss(model(noisy[48:]), clean[48:])  # pictures it has not seen
    assert left < 0.25 * nn.functional.mse_loss(noisy[48:], clean[48:])


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        (None, (3, 32, 32), r"shape \(3, 32, 32\), but \(N, 3, H, W\) is needed: .*x\[None\]"),
        (16, (3, 16, 16), r"shape \(3, 16, 16\), but \(N, 3, 16, 16\) is needed: .*x\[None\]"),
        (None, (1, 1, 32, 32), "1 channels, but 3 are needed: build .* with in_channels=1"),
        (None, (1, 3, 2, 8), r"2×8 pixels, but at least 4×4 are needed: use .*size=\(4, 8\)"),
        (None, (1, 3, 30, 32), r"30×32 .* multiples of 4 .* \(0, 0, 0, 2\)\) for 32×32"),
        (None, (1, 3, 32, 33), r"32×33 .* multiples of 4 .* \(0, 3, 0, 0\)\) for 32×36"),
        (16, (1, 3, 32, 32), r"32×32 pixels, but 16×16 are needed: use .*size=\(16, 16\)"),
    ],
)
def test_refuses_what_is_no_batch_for_it(size, shape, message):
    model = AutoEncoder(4, size=size)
    for call in (model, model.encode):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(shape))


@pytest.mark.parametrize(
    ("size", "shape", "needed"),
    [
        (None, (2, 4), r"\(N, 4, h, w\)"),
        (None, (2, 5, 3, 3), r"\(N, 4, h, w\)"),
        (16, (4,), r"\(N, 4\)"),
        (16, (2, 3), r"\(N, 4\)"),
        (16, (2, 4, 1, 1), r"\(N, 4\)"),
    ],
)
def test_refuses_what_is_no_code(size, shape, needed):
    with pytest.raises(ValueError, match=rf"the code has shape \({shape[0]},.*, but {needed} is"):
        AutoEncoder(4, size=size).decode(torch.zeros(shape))


@pytest.mark.parametrize(
    ("code", "came"), [([[0.5] * 4], "type list"), (torch.zeros(1, 4).long(), "dtype torch.int64")]
)
def test_refuses_a_code_that_is_no_tensor_of_floats(code, came):
    with pytest.raises(TypeError, match=rf"the code has {came}, but .* \(N, 4\) is needed: use"):
        AutoEncoder(4, size=16).decode(code)


def test_refuses_a_size_that_cannot_be_halved_so_often():
    with pytest.raises(
        ValueError, match=r"size is 30, but a multiple of 8 .* 32×32 .* use size=32"
    ):
        AutoEncoder(4, size=30, depth=3)


@pytest.mark.parametrize("value", [0, -1, 2.0, "4", True])
@pytest.mark.parametrize("argument", ["latent_dim", "in_channels", "size", "width", "depth"])
def test_refuses_what_is_no_number(argument, value):
    with pytest.raises(ValueError, match=rf"{argument} is {value!r}, but a whole number"):
        AutoEncoder(**({"latent_dim": 2} | {argument: value}))
