"""Explanations: their numbers are those of formulas, of captum and of torchcam."""

import captum.attr
import pytest
import torch
import torch.nn.functional as F
import torchcam.methods
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from iip_lib.explain import cam, grad_cam, record


class GAP(nn.Module):
    """Convolutions, global average pooling, one fully connected layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(8, 5)
        self.unused = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        maps = self.conv2(self.relu(self.norm(self.conv1(x))))
        return self.fc(self.dropout(maps.mean(dim=(2, 3))))


def network(kind=GAP):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = kind()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.running_mean, -0.2, 0.2)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
    return model.eval()


def plain():
    """Two convolutions and two fully connected layers: no CAM, but Grad-CAM."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(8 * 5 * 4, 16),
        nn.ReLU(),
        nn.Linear(16, 5),
    )


def pictures(number=3):
    return torch.rand(number, 3, 14, 12, generator=torch.Generator().manual_seed(1))


TARGET = torch.tensor([4, 0, 2])


class Breaks(GAP):
    """Draws a random number, and then fails at the end of its forward."""

    def forward(self, x):
        super().forward(x)
        torch.rand(1)
        raise RuntimeError("broken inside")


class Draws(GAP):
    """Draws random numbers although it is in evaluation mode."""

    def forward(self, x):
        torch.rand(3)
        return super().forward(x)


QUESTIONS = {
    "grad_cam": lambda model, x, target: grad_cam(model, x, "conv2", target),
}
LIKE_A_BATCH = list(QUESTIONS)


# ---- the network is given back as it came --------------------------------------------------------


def state(model):
    """All that a question could leave behind."""
    return {
        "modes": [part.training for part in model.modules()],
        "hooks": [
            len(getattr(part, name))
            for part in model.modules()
            for name in vars(part)
            if name.endswith("_hooks")
        ],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grad": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "weights": [value.tolist() for value in model.state_dict().values()],
        "random": torch.get_rng_state().tolist(),
        "gradients": torch.is_grad_enabled(),
    }


def mixed(kind):
    """A network in a state that nobody would guess."""
    model = network(kind).train()
    model.norm.eval()
    model.conv1.weight.requires_grad_(False)
    model.conv2.weight.grad = torch.ones_like(model.conv2.weight)
    model.fc.register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_network_is_left_as_it_came(question):
    for kind in (GAP, Draws):
        model, x = mixed(kind), pictures()
        before, seen = state(model), x.clone()
        QUESTIONS[question](model, x, TARGET)
        assert state(model) == before
        assert torch.equal(x, seen)
        assert not x.requires_grad


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_network_is_left_as_it_came_after_an_error_inside(question):
    model = mixed(Breaks)
    before = state(model)
    with pytest.raises(RuntimeError, match="broken inside"):
        QUESTIONS[question](model, pictures(), TARGET)
    assert state(model) == before
    model = mixed(GAP)
    before = state(model)
    with pytest.raises(ValueError, match="target"):
        QUESTIONS[question](model, pictures(), 9)
    assert state(model) == before


@pytest.mark.parametrize("question", QUESTIONS)
def test_dropout_and_batch_norm_are_those_of_evaluation(question):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    assert torch.equal(QUESTIONS[question](mixed(GAP), pictures(), TARGET), answer)
    assert not answer.requires_grad
    assert answer.abs().max() > 0


@pytest.mark.parametrize("question", LIKE_A_BATCH)
def test_a_batch_is_as_one_by_one(question):
    model, x = network(), pictures()
    singles = [QUESTIONS[question](model, x[n : n + 1], TARGET[n : n + 1]) for n in range(3)]
    torch.testing.assert_close(QUESTIONS[question](model, x, TARGET), torch.cat(singles))
    one = QUESTIONS[question](model, x, 2)
    torch.testing.assert_close(one, QUESTIONS[question](model, x, torch.tensor([2, 2, 2])))
    assert len(QUESTIONS[question](model, x[:0], TARGET[:0])) == 0


@pytest.mark.parametrize("question", QUESTIONS)
def test_frozen_parameters_and_no_grad_change_nothing(question):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    frozen = network().requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(QUESTIONS[question](frozen, pictures(), TARGET), answer)
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("question", LIKE_A_BATCH)
def test_refuses_what_is_no_batch_or_no_class(question):
    ask, x = QUESTIONS[question], pictures()
    with pytest.raises(
        ValueError, match=r"shape \(3, 14, 12\), but \(N, C, H, W\) .* images\[None"
    ):
        ask(network(), x[0], 2)
    with pytest.raises(TypeError, match=r"torch.uint8, but .* floating point .* / 255"):
        ask(network(), (x * 255).byte(), TARGET)
    with pytest.raises(TypeError, match=r"are list, but a tensor"):
        ask(network(), [0.5], TARGET)
    for wrong in (-1, 5, torch.tensor([0, 1, 5])):
        with pytest.raises(ValueError, match=r"classes from .* but 0 to 4 are needed"):
            ask(network(), x, wrong)
    with pytest.raises(ValueError, match=r"shape \(2,\), but \(3,\) is needed for 3 pictures"):
        ask(network(), x, TARGET[:2])
    for wrong in (1.0, True, TARGET.float()):
        with pytest.raises(TypeError, match="whole numbers are needed"):
            ask(network(), x, wrong)


# ---- record --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "layers"), [(GAP, ["conv1", "relu", "conv2", "fc"]), (plain, ["1", "2", "4", "8"])]
)
def test_record_is_as_torchvisions_feature_extractor(kind, layers):
    model, x = network(kind), pictures()
    twin = create_feature_extractor(model, layers)(x)
    with record(model, *layers) as outputs:
        assert outputs == {}
        y = model(x)
    assert list(outputs) == layers
    for layer in layers:
        assert torch.equal(outputs[layer], twin[layer]), layer
    assert torch.equal(outputs[layers[-1]], y)


def test_record_keeps_what_a_next_layer_changes_in_place():
    model, x = network(), pictures()
    with record(model, "norm", "relu") as outputs:
        model(x)
    assert outputs["norm"].min() < 0
    assert torch.equal(outputs["norm"], model.norm(model.conv1(x)))
    assert torch.equal(outputs["relu"], F.relu(outputs["norm"]))


def test_record_leaves_the_network_as_it_came_also_after_an_error():
    model = mixed(GAP)
    before = state(model)
    with record(model, "conv1", "fc"):
        assert not any(part.training for part in model.modules())
    assert state(model) == before
    with pytest.raises(ZeroDivisionError), record(model, "conv1", ""):
        _ = 1 / 0
    assert state(model) == before
    for wrong in ("conv9", "conv1.weight"):
        with pytest.raises(ValueError, match="no layer"), record(model, "conv1", wrong):
            pass
        assert state(model) == before


def test_record_keeps_the_last_run_and_all_names():
    model, x = network(), pictures()
    with record(model, "", "fc") as outputs:
        model(x[:1])
        y = model(x)
        assert torch.equal(outputs[""], y)
    assert torch.equal(outputs["fc"], y)
    shared = nn.Sequential(model.relu, model.relu)  # one module of two names
    with record(shared, "0", "1") as outputs:
        shared(-x)
    assert list(outputs) == ["0", "1"]


def test_gradients_flow_through_a_record():
    model, x = network(), pictures().requires_grad_()
    with record(model, "conv2") as outputs:
        model(x)
    (gradient,) = torch.autograd.grad(outputs["conv2"].sum(), x)
    assert gradient.abs().max() > 0
    with record(model, "conv2") as outputs, torch.no_grad():
        model(x)
    assert not outputs["conv2"].requires_grad


def test_record_refuses_what_is_no_name():
    model = network()
    with pytest.raises(ValueError, match=r"no layer 'conv9', but .* one of conv1, norm, relu"):
        record(model, "conv9").__enter__()
    with pytest.raises(TypeError, match=r"is a Conv2d, but its name is needed: choose"):
        record(model, model.conv1).__enter__()
    with pytest.raises(ValueError, match=r"no layer is named, but at least one"):
        record(model).__enter__()
    recurrent = nn.LSTM(3, 4)
    with (
        pytest.raises(TypeError, match=r"layer '' is a tuple, but a tensor is needed"),
        record(recurrent, ""),
    ):
        recurrent(torch.rand(2, 3))


# ---- CAM and Grad-CAM ----------------------------------------------------------------------------


def test_cam_by_hand():
    features = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 3.0]]]])
    weight = torch.tensor([[1.0, 1.0], [10.0, -2.0]])
    assert cam(features, weight, 1).tolist() == [[[10.0, 0.0], [0.0, -6.0]]]
    assert cam(features, weight, torch.tensor([0])).tolist() == [[[1.0, 0.0], [0.0, 3.0]]]


def test_mean_of_cam_and_bias_is_the_logit():
    model, x = network(), pictures()
    with record(model, "conv2") as outputs, torch.no_grad():
        logits = model(x)
    maps = cam(outputs["conv2"], model.fc.weight, TARGET)
    assert maps.shape == (3, 6, 5)
    torch.testing.assert_close(
        maps.mean(dim=(1, 2)) + model.fc.bias.detach()[TARGET], logits[range(3), TARGET]
    )


def test_grad_cam_of_a_gap_network_is_relu_of_cam():
    model, x = network(), pictures()
    with record(model, "conv2") as outputs, torch.no_grad():
        model(x)
    maps = cam(outputs["conv2"], model.fc.weight, TARGET)
    torch.testing.assert_close(grad_cam(model, x, "conv2", TARGET) * 6 * 5, maps.relu())


def test_cam_is_as_torchcam():
    model, x = network(), pictures()
    with torchcam.methods.CAM(model, "conv2", "fc") as extractor:
        model(x)
        (twin,) = extractor(class_idx=TARGET.tolist(), normalized=False)
    with record(model, "conv2") as outputs, torch.no_grad():
        model(x)
    torch.testing.assert_close(cam(outputs["conv2"], model.fc.weight, TARGET), twin)


@pytest.mark.parametrize("kind", [GAP, plain])
def test_grad_cam_is_as_torchcam_and_captum(kind):
    model, x = network(kind), pictures()
    layer = "conv2" if kind is GAP else "4"
    ours = grad_cam(model, x, layer, TARGET)
    part = model.get_submodule(layer)
    theirs = captum.attr.LayerGradCam(model, part).attribute(x, TARGET, relu_attributions=True)
    torch.testing.assert_close(ours, theirs[:, 0].detach())
    with torchcam.methods.GradCAM(model, layer) as extractor:
        scores = model(x)
        (twin,) = extractor(TARGET.tolist(), scores, normalized=False)
    torch.testing.assert_close(ours, twin)


def test_grad_cam_by_hand():
    """Two maps; the logit is 4 · (sum of the first) − (sum of the second)."""
    conv = nn.Conv2d(1, 2, 1, bias=False)
    conv.weight.data = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    fc = nn.Linear(8, 1, bias=False)
    fc.weight.data = torch.tensor([[4.0] * 4 + [-1.0] * 4])
    model = nn.Sequential(conv, nn.Flatten(), fc)
    x = torch.tensor([[[[1.0, 2.0], [-3.0, 0.0]]]])
    # alpha = (4, −1); the map is relu(4 · x − 1 · 2 · x)
    assert grad_cam(model, x, "0", 0).tolist() == [[[2.0, 4.0], [0.0, 0.0]]]


def test_grad_cam_of_a_layer_before_work_in_place():
    """The maps are those that the layer gave, not what ReLU has made of them."""
    model, x = network(plain), pictures()
    calm = network(plain)
    calm[4] = nn.ReLU()
    torch.testing.assert_close(grad_cam(model, x, "3", TARGET), grad_cam(calm, x, "3", TARGET))
    first = nn.Sequential(nn.ReLU(inplace=True), *network(plain))
    assert torch.equal(
        grad_cam(first, x - 0.5, "5", TARGET), grad_cam(model, (x - 0.5).relu(), "4", TARGET)
    )


def test_grad_cam_refuses_a_layer_without_an_answer():
    model, x = network(), pictures()
    for layer, message in {
        "unused": r"'unused' did not run, but a layer on the way",
        "fc": r"'fc' has shape \(3, 5\), but feature maps \(N, C, h, w\) are needed",
        "conv9": r"no layer 'conv9'",
    }.items():
        with pytest.raises(ValueError, match=message):
            grad_cam(model, x, layer, TARGET)

    class Beside(GAP):
        def forward(self, x):
            self.unused(x)
            return super().forward(x)

    class Cut(GAP):
        def forward(self, x):
            return super().forward(x).detach()

    for kind, layer in ((Beside, "unused"), (Cut, "conv2")):
        with pytest.raises(ValueError, match="does not depend on layer"):
            grad_cam(network(kind), x, layer, TARGET)
    with pytest.raises(ValueError, match=r"gives \(3, 8, 6, 5\), but logits \(N, K\) are needed"):
        grad_cam(nn.Sequential(model.conv1, model.conv2), x, "0", TARGET)


def test_cam_refuses_what_does_not_fit():
    features, weight = torch.rand(3, 8, 4, 4), torch.rand(5, 8)
    for wrong in ((features[0], weight), (features.mean(dim=(2, 3)), weight)):
        with pytest.raises(ValueError, match=r"but \(N, C, h, w\) is needed"):
            cam(*wrong, 0)
    for wrong in (weight[:, :7], weight[0], weight.T):
        with pytest.raises(ValueError, match=r"but \(K, 8\) is needed for 8 feature maps"):
            cam(features, wrong, 0)
    for target in (5, -1):
        with pytest.raises(ValueError, match="0 to 4 are needed"):
            cam(features, weight, target)
