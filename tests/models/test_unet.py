"""U-Net: counted by hand, keeps the size, and its skip connections carry detail."""

import pytest
import torch
from torch import nn

from iip_lib.models import UNet


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_parameters_counted_by_hand():
    def pair(inputs, channels):
        return 9 * inputs * channels + 9 * channels * channels + 4 * channels

    down = pair(3, 64) + pair(64, 128) + pair(128, 256) + pair(256, 512)
    up = sum(4 * 2 * w * w + w + pair(2 * w, w) for w in (512, 256, 128, 64))
    by_hand = down + pair(512, 1024) + up + 64 * 2 + 2
    with torch.device("meta"):
        assert sum(p.numel() for p in UNet(2).parameters()) == by_hand


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("depth", "size"), [(1, (2, 6)), (2, (8, 4)), (4, (16, 48))])
def test_keeps_the_size(number, depth, size):
    model = UNet(3, in_channels=1, width=2, depth=depth).eval()
    assert model(pictures(number, 1, *size)).shape == (number, 3, *size)


def test_the_table_of_the_paper():
    shapes = []
    with torch.device("meta"):
        model = UNet(2)
        for module in (*model.down, model.bottom, *model.up, *model.merge):
            module.register_forward_hook(lambda m, i, out: shapes.append(tuple(out.shape[1:3])))
        model(torch.zeros(1, 3, 160, 160))
    down = [(64, 160), (128, 80), (256, 40), (512, 20), (1024, 10)]
    assert shapes == down + [shape for shape in down[3::-1] for _ in range(2)]


def test_the_first_weights():
    """The paper's rule, as far as chance allows: variance 2 / numbers that a neuron reads."""
    torch.manual_seed(0)
    model = UNet(2, width=32, depth=2)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.in_channels > 3]
    for convolution in convolutions[:-1]:  # the last is too small to measure
        expected = (2 / (9 * convolution.in_channels)) ** 0.5
        assert convolution.weight.std().item() == pytest.approx(expected, rel=0.05)


def test_merge_reads_the_copied_maps_first():
    """As in the paper's figure 1, from left to right."""
    model, copied, read = UNet(2, width=2, depth=1), [], []
    model.down[0].register_forward_hook(lambda m, i, out: copied.append(out))
    model.merge[0].register_forward_hook(lambda m, i, out: read.append(i[0]))
    model(pictures(1, 3, 8, 8))
    assert torch.equal(read[0][:, :2], copied[0])


@pytest.mark.parametrize("level", [0, 1])
def test_the_answer_depends_on_each_skip_connection(level):
    torch.manual_seed(0)
    model, x = UNet(2, width=4, depth=2).eval(), pictures(1, 3, 16, 16)
    nn.init.zeros_(model.up[1 - level].weight)  # what comes from below is cut off
    nn.init.zeros_(model.up[1 - level].bias)
    maps = []
    model.down[level].register_forward_hook(lambda m, i, out: maps.append(out))
    answer = model(x)
    (gradient,) = torch.autograd.grad(answer.sum(), maps)
    assert gradient.any()


def test_a_gradient_reaches_every_parameter_and_the_picture():
    torch.manual_seed(0)
    model, x = UNet(2, width=4, depth=2), pictures(2, 3, 16, 16).requires_grad_()
    nn.functional.cross_entropy(model(x), torch.randint(0, 2, (2, 16, 16))).backward()
    for name, parameter in model.named_parameters():
        # a batch norm cancels the shift of what comes before it, but padding does not
        assert parameter.grad.abs().max() > 0, name
    assert x.grad.any()


def test_learns_to_mark_a_square():
    torch.manual_seed(0)
    masks = torch.zeros(2, 16, 16, dtype=torch.int64)
    masks[0, 2:9, 3:8] = 1
    masks[1, 7:14, 6:15] = 1
    x = masks[:, None].float() + 0.2 * pictures(2, 1, 16, 16)
    model = UNet(2, in_channels=1, width=4, depth=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), masks).backward()
        optimizer.step()
    assert (model(x).argmax(dim=1) == masks).float().mean() > 0.99


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 32, 32), r"shape \(3, 32, 32\), but \(N, 3, H, W\) is needed: .*x\[None\]"),
        ((1, 1, 32, 32), "1 channels, but 3 are needed: build the network with in_channels=1"),
        ((1, 3, 8, 32), r"8×32 pixels, but at least 16×16 are needed: use .*size=\(16, 32\)"),
        ((1, 3, 250, 32), r"250×32 .* multiples of 16 .* \(0, 0, 0, 6\)\) for 256×32"),
        ((1, 3, 32, 33), r"32×33 .* multiples of 16 .* \(0, 15, 0, 0\)\) for 32×48"),
    ],
)
def test_refuses_what_is_no_batch_for_it(shape, message):
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        UNet(2)(torch.zeros(shape))


@pytest.mark.parametrize("value", [0, -1, 2.0, "4", None, True])
@pytest.mark.parametrize("argument", ["num_classes", "in_channels", "width", "depth"])
def test_refuses_what_is_no_number(argument, value):
    with pytest.raises(ValueError, match=rf"{argument} is {value!r}, but a whole number"):
        UNet(**({"num_classes": 2} | {argument: value}))
