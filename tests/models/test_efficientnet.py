"""EfficientNet: what is special to it."""

import pytest
import torch
import torchvision
from torch import nn

from iip_lib.models import (
    EfficientNet,
    MBConv,
    SqueezeExcitation,
    StochasticDepth,
    efficientnet_b0,
)

# depth_mult, width_mult, dropout: some of the authors' B1 to B7.
SCALED = {
    "efficientnet_b1": (1.1, 1.0, 0.2),
    "efficientnet_b3": (1.4, 1.2, 0.3),
    "efficientnet_b4": (1.8, 1.4, 0.4),
}


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def shares(model):
    """What dropout and stochastic depth drop."""
    kinds = (nn.Dropout, StochasticDepth, torchvision.ops.StochasticDepth)
    return [module.p for module in model.modules() if isinstance(module, kinds)]


# ---- the network ---------------------------------------------------------------------------------


def test_sizes_of_the_table():
    sizes = []
    with torch.device("meta"):
        model, x = efficientnet_b0(), torch.zeros(1, 3, 224, 224)
        for stage in model.features:
            x = stage(x)
            sizes.append((len(stage), x.shape[1], x.shape[2]))
    assert sizes[1:-1] == [
        (1, 16, 112),
        (2, 24, 56),
        (2, 40, 28),
        (3, 80, 14),
        (3, 112, 14),
        (4, 192, 7),
        (1, 320, 7),
    ]
    assert (sizes[0][1:], sizes[-1][1:]) == ((32, 112), (1280, 7))


@pytest.mark.parametrize("name", SCALED)
def test_the_larger_ones_of_the_family(name):
    depth_mult, width_mult, dropout = SCALED[name]
    with torch.device("meta"):
        twin = torchvision.models.get_model(name, weights=None)
        own = EfficientNet(depth_mult=depth_mult, width_mult=width_mult, dropout=dropout)
    shapes = [{k: v.shape for k, v in model.state_dict().items()} for model in (own, twin)]
    assert shapes[0] == shapes[1]
    assert shares(own) == pytest.approx(shares(twin))


def test_blocks_are_dropped_more_often_with_depth():
    with torch.device("meta"):
        *drops, dropout = shares(EfficientNet(stochastic_depth_prob=0.32, dropout=0.7))
    assert drops == pytest.approx([0.02 * block for block in range(16)])
    assert dropout == 0.7


def test_in_training_it_drops_what_its_twin_drops():
    torch.manual_seed(0)
    twin, own = torchvision.models.efficientnet_b0(weights=None, num_classes=5), efficientnet_b0(5)
    own.load_state_dict(twin.state_dict(), strict=True)
    answers = []
    for model in (twin, own):
        torch.manual_seed(1)
        with torch.no_grad():
            answers.append(model.train()(pictures(4, 3, 64, 64)))
    torch.testing.assert_close(answers[1], answers[0])
    assert answers[0].std() > 1e-3


# ---- its parts -----------------------------------------------------------------------------------


def test_squeeze_and_excitation_by_hand():
    """Means 1 and 3; fc1 adds them up; fc2 gives the channels opposite factors."""
    part = SqueezeExcitation(2, 1)
    for layer, weights in ((part.fc1, [[1.0, 1.0]]), (part.fc2, [[1.0], [-1.0]])):
        layer.weight.data = torch.tensor(weights)[:, :, None, None]
        nn.init.zeros_(layer.bias)
    x = torch.tensor([[[0.0, 2.0]], [[3.0, 3.0]]])[None]
    silu = 4 / (1 + torch.tensor(-4.0).exp())
    loud = 1 / (1 + (-silu).exp())
    expected = x * torch.stack([loud, 1 - loud])[:, None, None]
    torch.testing.assert_close(part(x), expected)


def test_squeeze_and_excitation_of_the_twin():
    twin = torchvision.ops.SqueezeExcitation(6, 3, activation=nn.SiLU)
    own, x = SqueezeExcitation(6, 3), pictures(2, 6, 5, 4)
    own.load_state_dict(twin.state_dict(), strict=True)
    torch.testing.assert_close(own(x), twin(x))


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    x = torch.randint(1, 5, (4000, 2, 3)).float()  # dividing by them is exact
    factors = StochasticDepth(0.2)(x) / x
    assert (factors == factors[:, :1, :1]).all()  # one for all numbers of a sample
    kept = factors[:, 0, 0] > 0
    assert (factors[kept] == 1.25).all()
    # 4000 draws: the share is within four standard deviations
    assert kept.float().mean().item() == pytest.approx(0.8, abs=4 * (0.8 * 0.2 / 4000) ** 0.5)


@pytest.mark.parametrize("shape", [(0, 3), (5,), (6, 3), (7, 3, 2, 2)])
def test_stochastic_depth_of_the_twin(shape):
    x, answers = pictures(*shape), []
    for part in (StochasticDepth(0.4), torchvision.ops.StochasticDepth(0.4, "row")):
        torch.manual_seed(3)
        answers.append(part(x))
    torch.testing.assert_close(answers[0], answers[1])


def test_stochastic_depth_leaves_alone_where_nothing_is_dropped():
    x, before = pictures(8, 3), torch.get_rng_state()
    assert torch.equal(StochasticDepth(0.9).eval()(x), x)
    assert torch.equal(StochasticDepth(0)(x), x)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "residual"),
    [((8, 8, 3, 1, 6), True), ((8, 8, 3, 2, 6), False), ((8, 16, 3, 1, 6), False)],
)
def test_the_input_is_added_only_where_it_fits(arguments, residual):
    block, x = MBConv(*arguments).eval(), pictures(1, 8, 6, 6)
    nn.init.zeros_(block.block[-1][1].weight)  # F(x) = 0
    with torch.no_grad():
        assert torch.equal(block(x), x) == residual
        assert residual or not block(x).any()


def test_a_dropped_block_hands_on_its_input():
    torch.manual_seed(0)
    block, x = MBConv(4, 4, 3, 1, 2, stochastic_depth_prob=0.5), pictures(64, 4, 5, 5)
    with torch.no_grad():
        same = (block(x) == x).flatten(1).all(dim=1)
    assert 16 < same.sum() < 48  # half of 64, within four standard deviations


@pytest.mark.parametrize(("kernel_size", "stride"), [(1, 1), (3, 2), (5, 1), (7, 3)])
def test_the_depthwise_convolution(kernel_size, stride):
    block = MBConv(8, 16, kernel_size, stride, 6)
    assert block.block[1][0].weight.shape == (48, 1, kernel_size, kernel_size)
    assert block(pictures(2, 8, 7, 8)).shape == (2, 16, -(-7 // stride), -(-8 // stride))


def test_without_expansion_there_is_no_first_convolution():
    assert [len(MBConv(8, 16, 3, 1, ratio).block) for ratio in (1, 6)] == [3, 4]


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, "1", None, True, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["width_mult", "depth_mult"])
def test_refuses_a_factor_that_is_no_positive_number(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}, but a finite number above 0"):
        EfficientNet(**{name: value})


@pytest.mark.parametrize("value", [-0.1, 1, "0.5", None])
@pytest.mark.parametrize("name", ["dropout", "stochastic_depth_prob"])
def test_refuses_what_is_no_share(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}, but a number of at least 0"):
        EfficientNet(**{name: value})


@pytest.mark.parametrize("value", [0, 1.5])
@pytest.mark.parametrize("position", range(5))
def test_a_block_refuses_what_is_no_number(position, value):
    arguments = [8, 8, 3, 1, 6]
    arguments[position] = value
    with pytest.raises(ValueError, match=f"is {value}, but a whole number of at least 1"):
        MBConv(*arguments)


def test_parts_refuse_what_does_not_fit():
    with pytest.raises(
        ValueError, match=r"kernel_size is 4, but an odd number is needed.*: try .*5"
    ):
        MBConv(8, 8, 4, 1, 6)
    with pytest.raises(ValueError, match="stochastic_depth_prob is 1, but a number of at least 0"):
        MBConv(8, 8, 3, 1, 6, stochastic_depth_prob=1)
    with pytest.raises(ValueError, match="p is 1, but a number of at least 0"):
        StochasticDepth(1)
    for arguments, name in (((0, 1), "channels"), ((1, 0), "squeeze_channels")):
        with pytest.raises(ValueError, match=f"^{name} is 0, but a whole number"):
            SqueezeExcitation(*arguments)
