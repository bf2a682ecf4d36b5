"""What holds for every network, and for every one that torchvision has too."""

import copy
import pickle

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from iip_lib import models

# name: rows and columns of the smallest picture it takes
CLASSIFIERS = {
    "LeNet": 32,
    "resnet18": 32,
    "resnet34": 32,
    "resnet50": 32,
    "resnet_small": 4,
    "vgg11": 32,
    "vgg16": 32,
    "vgg19": 32,
    "AlexNet": 63,
    "GoogLeNet": 15,
    "MobileNetV2": 32,
    "efficientnet_b0": 32,
}
# Trained by one backward(); the very large ones would take seconds each.
QUICK = [name for name in CLASSIFIERS if not name.startswith(("vgg", "AlexNet", "resnet34"))]
OTHER_NAMES = {"AlexNet": "alexnet", "GoogLeNet": "googlenet", "MobileNetV2": "mobilenet_v2"}
TWINS = {
    name: OTHER_NAMES.get(name, name)
    for name in CLASSIFIERS
    if name not in ("LeNet", "resnet_small")
}
# From picture to picture, in a small edition.
OTHERS = {
    "UNet": {"num_classes": 4, "width": 4, "depth": 2},
    "AutoEncoder": {"latent_dim": 4},
}
LEAST_FOR_TRAINING = 64  # batch norm needs several numbers a channel


def build(name, **arguments):
    torch.manual_seed(0)
    return getattr(models, name)(**arguments)


def pictures(size, number=2, channels=3):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(number, channels, size, size, generator=generator)


def on_meta(name, **arguments):
    """Shapes without numbers: no memory, no time."""
    with torch.device("meta"):
        return build(name, **arguments)


def twin_and_own(name):
    """torchvision's network with random weights, in eval, and ours with the same weights."""
    with torch.device("meta"):
        twin = torchvision.models.get_model(TWINS[name], weights=None, **_extra(name))
    twin = twin.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(2)
    for key, tensor in twin.state_dict().items():
        if tensor.ndim > 1:  # He's rule: the numbers neither vanish nor explode with depth
            width = (6 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-width, width, generator=generator)
        elif key.endswith(("weight", "running_var")):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.uniform_(-0.2, 0.2, generator=generator)
        else:
            tensor.zero_()
    own = on_meta(name).eval()
    own.load_state_dict(twin.state_dict(), strict=True, assign=True)
    return twin, own


def _extra(name):
    return {"aux_logits": False, "init_weights": False} if name == "GoogLeNet" else {}


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def multiply_adds(model, size):
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size, device="meta"))
    return counter.get_total_flops() / 2


# ---- torchvision's networks ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TWINS)
def test_takes_the_weights_of_its_twin_and_answers_as_it(name):
    twin, own = twin_and_own(name)
    x = pictures(CLASSIFIERS[name])
    with torch.no_grad():
        expected = twin(x)
        torch.testing.assert_close(own(x), expected)
    assert expected.std() > 1e-3  # a comparison of zeros would prove nothing
    assert (expected[0] - expected[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", TWINS)
def test_published_parameters_and_multiply_adds(name):
    meta = torchvision.models.get_model_weights(TWINS[name]).DEFAULT.meta
    model = on_meta(name).eval()
    assert parameters(model) == meta["num_params"]
    assert multiply_adds(model, 224) == pytest.approx(meta["_ops"] * 1e9, rel=0.01)


@pytest.mark.parametrize("name", [name for name in TWINS if name in QUICK])
def test_begins_as_its_twin_begins(name):
    """The same seed gives the same random weights, by the same rule."""
    torch.manual_seed(0)
    arguments = _extra(name) | ({"init_weights": True} if name == "GoogLeNet" else {})
    twin = torchvision.models.get_model(TWINS[name], weights=None, **arguments).state_dict()
    own = build(name).state_dict()
    assert list(own) == list(twin)
    assert all(torch.equal(own[key], twin[key]) for key in twin)


# ---- every classifier ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_shapes(name):
    model = on_meta(name, num_classes=7, in_channels=2).eval()
    for number in (0, 1, 2):
        size = CLASSIFIERS[name]
        x = torch.zeros(number, 2, size, size, device="meta")
        assert model.forward_features(x).ndim == 4
        assert model(x).shape == (number, 7)


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "LeNet"])
def test_takes_pictures_of_many_sizes(name):
    model = on_meta(name, num_classes=7).eval()
    for height, width in ((224, 224), (225, 250), (CLASSIFIERS[name], 97)):
        assert model(torch.zeros(1, 3, height, width, device="meta")).shape == (1, 7)


@pytest.mark.parametrize("name", QUICK)
def test_in_eval_the_whole_is_its_head_after_its_features(name):
    model = build(name, num_classes=5, in_channels=3).eval()
    x = pictures(max(CLASSIFIERS[name], 32))
    with torch.no_grad():
        logits = model(x)
        assert torch.equal(logits, model.forward_head(model.forward_features(x)))
        assert torch.equal(logits, model(x))
        torch.testing.assert_close(model(x[:1]), logits[:1])  # a batch of one
    assert torch.isfinite(logits).all()
    assert not torch.allclose(logits.sum(dim=1), torch.ones(2))  # no probabilities


@pytest.mark.parametrize("name", QUICK)
def test_a_gradient_reaches_every_parameter_and_the_picture(name):
    model = build(name, num_classes=4, in_channels=3).train()
    size = 32 if name == "LeNet" else LEAST_FOR_TRAINING
    x = pictures(size, number=4).requires_grad_()
    nn.functional.cross_entropy(model(x), torch.arange(4)).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, key
    assert x.grad.abs().max() > 0


# ---- every network -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*QUICK, *OTHERS])
def test_copies_and_other_layouts_answer_alike(name):
    model = build(name, **OTHERS.get(name, {}), in_channels=3).eval()
    x = pictures(max(CLASSIFIERS.get(name, 0), 32))
    with torch.no_grad():
        expected = model(x)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(twin(x), expected)
        last = {"memory_format": torch.channels_last}
        torch.testing.assert_close(model.to(**last)(x.to(**last)), expected)


@pytest.mark.parametrize("name", [*QUICK, *OTHERS])
def test_trains_in_half_precision(name):
    model = build(name, **OTHERS.get(name, {}), in_channels=3).train()
    x = pictures(32 if name == "LeNet" else LEAST_FOR_TRAINING)
    with torch.autocast("cpu", torch.bfloat16):
        answer = model(x)
    assert answer.dtype == torch.bfloat16
    answer.float().square().mean().backward()
    for key, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("name", [*QUICK, *OTHERS])
def test_a_network_does_not_change_its_picture(name):
    x = pictures(max(CLASSIFIERS.get(name, 0), 32))
    before = x.clone()
    with torch.no_grad():
        build(name, **OTHERS.get(name, {}), in_channels=3).eval()(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *OTHERS])
def test_no_layer_overwrites_what_a_hook_has_kept(name):
    """A feature map that was recorded must not be changed by a ReLU in place."""
    model = on_meta(name, **OTHERS.get(name, {}))
    assert not any(getattr(m, "inplace", False) for m in model.modules())


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_refuses_what_is_no_batch_for_it(name):
    model, size = on_meta(name, in_channels=3), CLASSIFIERS[name]
    for shape, message in (
        ((3, size, size), r"the input has shape \(3, .*\), but \(N, 3, .* is needed: .* x\[None\]"),
        ((2, 1, size, size), r"1 channels, but 3 are needed: build .*in_channels=1"),
        ((2, 3, size - 1, size), rf"{size - 1}×{size} pixels, but .*{size}×{size} are needed: use"),
        ((2, 3, size, size - 1), rf"{size}×{size - 1} pixels, but .*{size}×{size} are needed: use"),
    ):
        for call in (model, model.forward_features):
            with pytest.raises(ValueError, match=message):
                call(torch.zeros(shape, device="meta"))


@pytest.mark.parametrize("name", [*CLASSIFIERS, *OTHERS])
def test_refuses_what_is_no_tensor_of_floats(name):
    model = on_meta(name, **OTHERS.get(name, {}))
    with pytest.raises(TypeError, match=r"dtype torch.uint8, but .* needed: use x.float\(\) / 255"):
        model(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"type list, but a tensor .* needed: use torch.stack"):
        model([torch.zeros(3, 64, 64)])


@pytest.mark.parametrize("value", [0, -1, 2.0, "10", None, True])
@pytest.mark.parametrize("argument", ["num_classes", "in_channels"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_refuses_what_is_no_number(name, argument, value):
    with pytest.raises(ValueError, match=rf"{argument} is {value!r}, but a whole number .*: try"):
        on_meta(name, **{argument: value})
