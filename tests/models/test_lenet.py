"""LeNet: its numbers are those of a count by hand."""

import pytest
import torch
from torch import nn

from iip_lib.models import LeNet


def pictures(number=2, channels=1):
    return torch.rand(number, channels, 32, 32, generator=torch.Generator().manual_seed(0))


def test_parameters_counted_by_hand():
    by_hand = [
        6 * (5 * 5 * 1 + 1),
        16 * (5 * 5 * 6 + 1),
        120 * (16 * 5 * 5 + 1),
        84 * (120 + 1),
        10 * (84 + 1),
    ]
    layers = [m for m in LeNet().modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == by_hand
    assert sum(by_hand) == sum(p.numel() for p in LeNet().parameters()) == 61706


@pytest.mark.parametrize("number", [0, 1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [1, 2, 10])
def test_shapes(number, channels, classes):
    model = LeNet(num_classes=classes, in_channels=channels)
    x = pictures(number, channels)
    assert model.forward_features(x).shape == (number, 16, 5, 5)
    assert model(x).shape == (number, classes)


def test_the_whole_is_its_head_after_its_features():
    model = LeNet()
    assert torch.equal(model(pictures()), model.forward_head(model.forward_features(pictures())))


def test_logits_are_no_probabilities():
    logits = LeNet()(pictures(8))
    assert torch.isfinite(logits).all()
    assert (logits < 0).any()
    assert not torch.allclose(logits.sum(dim=1), torch.ones(8))


def test_a_gradient_reaches_every_parameter_and_the_picture():
    torch.manual_seed(0)
    model, x = LeNet(), pictures(8).requires_grad_()
    nn.functional.cross_entropy(model(x), torch.arange(8)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name
    assert x.grad.abs().max() > 0


def test_the_same_seed_and_a_batch_of_one_give_the_same():
    answers = []
    for _ in range(2):
        torch.manual_seed(3)
        model = LeNet().eval()
        answers += [model(pictures()), model(pictures())]
        torch.testing.assert_close(model(pictures()[:1]), answers[0][:1])
    assert all(torch.equal(answers[0], other) for other in answers)


def test_names_of_parts_stay():
    """They are the keys of saved weights."""
    assert list(LeNet().state_dict()) == [
        f"{part}.{kind}"
        for part in ("features.0", "features.3", "classifier.1", "classifier.3", "classifier.5")
        for kind in ("weight", "bias")
    ]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 32, 32), r"shape \(1, 32, 32\), but \(N, 1, 32, 32\) is needed: .* x\[None\]"),
        ((32, 32), r"shape \(32, 32\), but .*"),
        ((2, 1, 1, 32, 32), r"shape \(2, 1, 1, 32, 32\), but .*"),
        ((2, 3, 32, 32), r"3 channels, but 1 are needed: build the network with in_channels=3"),
        ((2, 1, 28, 28), r"28×28 pixels, but 32×32 are needed: use .*size=\(32, 32\), mode"),
        ((2, 1, 64, 64), r"64×64 pixels, but 32×32 are needed: use .*size=\(32, 32\), mode"),
        ((2, 1, 32, 31), r"32×31 pixels, but 32×32 are needed"),
    ],
)
def test_refuses_what_is_no_batch_for_it(shape, message):
    for call in (LeNet(), LeNet().forward_features):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(shape))


@pytest.mark.parametrize("value", [0, -1, 2.0, "10", None, True])
@pytest.mark.parametrize("name", ["num_classes", "in_channels"])
def test_refuses_what_is_no_number_of_classes_or_channels(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}, but a whole number"):
        LeNet(**{name: value})
