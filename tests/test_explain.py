"""Explanations: their numbers are those of formulas, of captum and of torchcam."""

import captum.attr
import pytest
import torch
import torch.nn.functional as F
import torchcam.methods
from torch import nn
from torchvision import tv_tensors
from torchvision.models.feature_extraction import create_feature_extractor

from iip_lib.explain import activation_maximization, cam, grad_cam, lime, occlusion, record, rise


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


def ask_occlusion(model, x, target, **options):
    return occlusion(model, x, target, window=5, stride=4, **options)


def ask_lime(model, x, target, **options):
    """LIME is asked one picture at a time."""
    target = torch.as_tensor(target).expand(len(x))
    return torch.stack(
        [
            lime(model, image, one, SEGMENTS, samples=20, **options)
            for image, one in zip(x, target, strict=True)
        ]
    )


def ask_rise(model, x, target, **options):
    return rise(model, x, target, samples=20, **options)


def ask_activation_maximization(model, x, target):
    """It takes no picture; its channels are the classes."""
    target = torch.as_tensor(target).flatten()[-1]
    return activation_maximization(model, "fc", int(target), size=(3, 14, 12), steps=3)


SEGMENTS = torch.arange(14)[:, None] // 4 * 2 + torch.arange(12) // 7  # eight blocks
ASKS_OFTEN = {"occlusion": ask_occlusion, "lime": ask_lime, "rise": ask_rise}
TAKES_A_BATCH = {
    "grad_cam": lambda model, x, target: grad_cam(model, x, "conv2", target),
    "occlusion": ask_occlusion,
    "rise": ask_rise,
}
QUESTIONS = TAKES_A_BATCH | {
    "lime": ask_lime,
    "activation_maximization": ask_activation_maximization,
}


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
    with pytest.raises(ValueError, match=r"target|channel 9"):
        QUESTIONS[question](model, pictures(), 9)
    assert state(model) == before


@pytest.mark.parametrize("question", QUESTIONS)
def test_dropout_and_batch_norm_are_those_of_evaluation(question):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    assert torch.equal(QUESTIONS[question](mixed(GAP), pictures(), TARGET), answer)
    assert not answer.requires_grad
    assert answer.abs().max() > 0


@pytest.mark.parametrize("question", TAKES_A_BATCH)
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


@pytest.mark.parametrize("question", QUESTIONS)
def test_inference_mode_changes_nothing(question):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    model = network()
    with torch.inference_mode():
        made_inside = pictures()
        assert torch.equal(QUESTIONS[question](model, made_inside, TARGET), answer)
        assert torch.is_inference_mode_enabled()
    assert torch.equal(QUESTIONS[question](model, made_inside, TARGET), answer)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_kind_of_the_pictures_changes_nothing(question):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    drawn = tv_tensors.Image(pictures())
    strided = pictures().to(memory_format=torch.channels_last)
    for x in (drawn, strided, pictures().requires_grad_()):
        given = QUESTIONS[question](network(), x, TARGET)
        torch.testing.assert_close(given, answer)
        assert type(given) is torch.Tensor
        assert x.grad is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_network_of_another_precision_gives_nearly_the_same(question, dtype):
    answer = QUESTIONS[question](network(), pictures(), TARGET)
    given = QUESTIONS[question](network().to(dtype), pictures().to(dtype), TARGET).float()
    exact = torch.finfo(dtype).eps + 0.08 * float(answer.abs().max())  # the logits are below 1
    torch.testing.assert_close(given, answer, atol=exact, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_many_numbers_of_half_precision_are_summed_in_single(dtype):
    """In bfloat16, 256 + 1 is 256."""
    model, x = network().to(dtype), pictures(1).to(dtype)
    maps = rise(model, x, 2, samples=600, keep=1.0, batch_size=1)
    probability = model(x).detach().float().softmax(dim=1)[0, 2]
    torch.testing.assert_close(maps, probability.expand(1, 14, 12))
    image = torch.full((3, 40, 30), 0.75, dtype=dtype)
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    lime(model, image, 2, torch.zeros(40, 30, dtype=torch.int64), samples=5)
    assert all(torch.equal(shown, image.expand_as(shown)) for shown in seen)


@pytest.mark.parametrize("question", TAKES_A_BATCH)
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
    with pytest.raises(ValueError, match=r"shape \(2,\), but \(3,\) is needed, a class for each"):
        ask(network(), x, TARGET[:2])
    for wrong in (1.0, True, TARGET.float(), None, "dog"):
        with pytest.raises(TypeError, match="whole numbers are needed"):
            ask(network(), x, wrong)


class Tuple(GAP):
    def forward(self, x):
        return super().forward(x), x


class Dict(GAP):
    def forward(self, x):
        return {"logits": super().forward(x)}


class OneRow(GAP):
    def forward(self, x):
        return super().forward(x)[:1]


@pytest.mark.parametrize("question", [*TAKES_A_BATCH, "lime"])
def test_refuses_a_network_that_gives_no_row_of_logits_a_picture(question):
    for kind, error, message in (
        (Tuple, TypeError, r"gives a tuple, but a tensor of logits \(N, K\) is needed: wrap it"),
        (Dict, TypeError, r"gives a dict, but a tensor of logits \(N, K\) is needed: wrap it"),
        (OneRow, ValueError, r"gives shape \(1, 5\) for \d+ pictures, but logits \(N, K\)"),
    ):
        model = mixed(kind)
        before = state(model)
        with pytest.raises(error, match=message):
            QUESTIONS[question](model, pictures(), 2)
        assert state(model) == before


@pytest.mark.parametrize("question", [*TAKES_A_BATCH, "lime"])
def test_refuses_pictures_on_another_device(question):
    for model, x in (
        (network(), pictures().to("meta")),
        (network().to("meta"), pictures()),
    ):
        with pytest.raises(ValueError, match=r"are on \w+, the network is on \w+, but one device"):
            QUESTIONS[question](model, x, TARGET)


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


def test_record_takes_back_modes_that_are_changed_inside():
    model = mixed(GAP)
    before = state(model)
    with record(model, "conv1"):
        model.train()
    assert state(model) == before


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_networks_own_switching_of_modes_is_left_alone(question):
    class Merges(GAP):
        """Changes its weights when it is switched, as adapters of low rank do."""

        def train(self, mode=True):
            self.conv1.weight.data.add_(1)
            return super().train(mode)

    model = mixed(Merges)
    before = state(model)
    QUESTIONS[question](model, pictures(), TARGET)
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


def test_grad_cam_of_a_layer_that_runs_twice_is_that_of_its_last_output():
    class Twice(GAP):
        def forward(self, x):
            maps = self.unused(self.unused(x).relu())
            return self.fc(nn.functional.pad(maps.mean(dim=(2, 3)), (0, 5)))

    model, x = network(Twice), pictures()
    with record(model, "unused") as outputs, torch.no_grad():
        model(x)
    maps = cam(outputs["unused"], model.fc.weight[:, :3], TARGET)
    torch.testing.assert_close(grad_cam(model, x, "unused", TARGET) * 14 * 12, maps.relu())


def test_grad_cam_refuses_a_layer_without_an_answer():
    model, x = network(), pictures()
    for layer, message in {
        "unused": r"'unused' did not run, but its output is needed",
        "fc": r"'fc' has shape \(3, 5\), but feature maps \(N, c, h, w\) are needed",
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
        with pytest.raises(ValueError, match="does not depend on the last output of layer"):
            grad_cam(network(kind), x, layer, TARGET)
    with pytest.raises(
        ValueError,
        match=r"gives shape \(3, 8, 6, 5\) for 3 pictures, but logits \(N, K\) are needed",
    ):
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
    with pytest.raises(TypeError, match=r"weight came as Linear, .* give .* layer\.weight"):
        cam(features, nn.Linear(8, 5), 0)
    with pytest.raises(TypeError, match="features came as list, but a tensor"):
        cam([0.5], weight, 0)


def test_cam_keeps_no_graph():
    features = torch.rand(3, 8, 4, 4, requires_grad=True)
    assert not cam(features, nn.Linear(8, 5).weight, TARGET).requires_grad


# ---- occlusion -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "stride"),
    [(4, 2), (5, 3), (3, 3), ((14, 12), 1), (1, 1), ((5, 4), (2, 3)), (7, 7)],
)
@pytest.mark.parametrize("baseline", [0, 0.5])
def test_occlusion_is_as_captum(window, stride, baseline):
    model, x = network(), pictures()
    size, step = (v if isinstance(v, tuple) else (v, v) for v in (window, stride))
    twin = captum.attr.Occlusion(model).attribute(
        x, (3, *size), (3, *step), baseline, TARGET, perturbations_per_eval=16
    )
    ours = occlusion(model, x, TARGET, window=window, stride=stride, baseline=baseline)
    assert ours.shape == (3, 14, 12)
    torch.testing.assert_close(ours, twin[:, 0].float(), atol=1e-6, rtol=1e-4)


def test_occlusion_of_a_sum_by_hand():
    """The logit is the sum of the pixels; covering a window takes away what lies in it."""
    x = torch.tensor([[[[1.0, 2.0, 4.0]]]])
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 1, bias=False))
    nn.init.ones_(model[1].weight)
    ask = {"window": (1, 2), "stride": 1}
    # Windows take 3 and 6; the middle pixel lies in both.
    assert occlusion(model, x, 0, **ask).tolist() == [[[3.0, 4.5, 6.0]]]
    # A window of ones puts 2 in their place.
    assert occlusion(model, x, 0, **ask, baseline=1).tolist() == [[[1.0, 2.5, 4.0]]]


@pytest.mark.parametrize("batch_size", [1, 2, 7, 1000])
def test_the_batch_size_changes_no_answer(batch_size):
    model, x = network(), pictures()
    for question in ASKS_OFTEN:
        seen = []
        model.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(len(inputs[0])))
        torch.testing.assert_close(
            ASKS_OFTEN[question](model, x, TARGET, batch_size=batch_size),
            ASKS_OFTEN[question](network(), x, TARGET),
        )
        assert max(seen) <= batch_size


@pytest.mark.parametrize(
    ("window", "stride", "message"),
    [
        (13, 1, r"window 13 and stride 1 came for 12 pixels, but 1 ≤ stride ≤ window ≤ 12"),
        (2, 3, r"window 2 and stride 3 came for 14 pixels"),
        (2, 0, r"is 0, but a whole number of at least 1"),
        (-2, 1, r"is -2, but a whole number"),
        (2.0, 1, r"is 2.0, but a whole number or two"),
        ((2, 2, 2), 1, r"but a whole number or two"),
        ((2, 2.5), 1, r"is 2.5, but a whole number"),
    ],
)
def test_occlusion_refuses_windows_that_leave_pixels_out(window, stride, message):
    with pytest.raises(ValueError, match=message):
        occlusion(network(), pictures(), TARGET, window=window, stride=stride)


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True])
def test_refuses_an_empty_batch_size(batch_size):
    for question in ASKS_OFTEN.values():
        with pytest.raises(ValueError, match=r"batch_size is .*, but a whole number of at least 1"):
            question(network(), pictures(), TARGET, batch_size=batch_size)


# ---- LIME ----------------------------------------------------------------------------------------


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 12, 5))


def shares(model, image, hidden):
    """What each segment adds to the logits of a linear model, (S, K)."""
    weight = model[1].weight.detach().view(5, 3, 14, 12)
    each = (weight * (image - hidden)).sum(dim=1)  # (K, H, W)
    return torch.stack([each[:, s == SEGMENTS].sum(dim=1) for s in range(8)])


def test_lime_returns_the_weights_of_a_linear_model():
    model, image = network(linear), pictures()[0]
    truth = shares(model, image, 0.25)
    for target in range(5):
        weights = lime(model, image, target, SEGMENTS, baseline=0.25, alpha=1e-8, samples=60)
        torch.testing.assert_close(weights, truth[:, target], atol=1e-5, rtol=1e-4)


def test_lime_hides_a_segment_in_its_own_mean_colour():
    model, image = network(linear), pictures()[0]
    means = torch.zeros_like(image)
    for s in range(8):
        means[:, s == SEGMENTS] = image[:, s == SEGMENTS].mean(dim=1, keepdim=True)
    weights = lime(model, image, 3, SEGMENTS, alpha=1e-8, samples=60)
    torch.testing.assert_close(weights, shares(model, image, means)[:, 3], atol=1e-5, rtol=1e-4)


def test_lime_solves_its_formula():
    """Ridge regression by its normal equations, on the pictures that the network was shown."""
    model, image = network(), pictures()[0]
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    ours = lime(model, image, 3, SEGMENTS, samples=40, baseline=-1.0, alpha=0.3, kernel_width=0.4)
    shown = torch.cat(seen)
    assert len(shown) == 41
    assert torch.equal(shown[0], image)
    z = torch.stack([(shown[:, 0] >= 0)[:, s == SEGMENTS][:, 0] for s in range(8)], dim=1).double()
    assert 0.3 < z[1:].mean() < 0.7
    near = torch.exp(-((1 - (z.sum(dim=1) / 8).sqrt()) ** 2) / (2 * 0.4**2))
    y = model(shown)[:, 3].detach().double()
    a = torch.cat([z, torch.ones(41, 1)], dim=1)
    penalty = 0.3 * torch.diag(torch.tensor([1.0] * 8 + [0.0], dtype=torch.float64))
    w = torch.linalg.solve(a.T @ (near[:, None] * a) + penalty, a.T @ (near * y))
    torch.testing.assert_close(ours, w[:8].float(), atol=1e-5, rtol=1e-3)


def test_lime_counts_segments_from_any_number():
    model, image = network(), pictures()[0]
    weights = lime(model, image, 3, SEGMENTS)
    assert weights.shape == (8,)
    gaps = lime(model, image, 3, (2 * SEGMENTS + 1).numpy())
    assert gaps.shape == (16,)
    torch.testing.assert_close(gaps[1::2], weights)
    assert gaps[::2].tolist() == [0.0] * 8


def test_lime_obeys_its_seed():
    model, image = network(), pictures()[0]
    first = lime(model, image, 3, SEGMENTS, samples=30, seed=1)
    assert torch.equal(lime(model, image, 3, SEGMENTS, samples=30, seed=1), first)
    assert not torch.equal(lime(model, image, 3, SEGMENTS, samples=30, seed=2), first)


def test_lime_refuses_what_is_no_picture_or_no_segments():
    model, image = network(), pictures()[0]
    with pytest.raises(ValueError, match=r"shape \(3, 3, 14, 12\), but \(C, H, W\) is needed"):
        lime(model, pictures(), 3, SEGMENTS)
    with pytest.raises(TypeError, match=r"torch.uint8, but .* floating point"):
        lime(model, image.byte(), 3, SEGMENTS)
    with pytest.raises(TypeError, match="are list, but"):
        lime(model, [0.5], 3, SEGMENTS)
    with pytest.raises(TypeError, match=r"segments are torch.float32, but whole numbers"):
        lime(model, image, 3, SEGMENTS.float())
    with pytest.raises(ValueError, match=r"shape \(12, 14\), but \(14, 12\) is needed"):
        lime(model, image, 3, SEGMENTS.T)
    with pytest.raises(ValueError, match="has the number -1, but 0 or more"):
        lime(model, image, 3, SEGMENTS - 1)
    with pytest.raises(ValueError, match="0 to 4 are needed"):
        lime(model, image, 5, SEGMENTS)
    with pytest.raises(ValueError, match=r"shape \(2,\), but \(1,\) is needed"):
        lime(model, image, torch.tensor([1, 2]), SEGMENTS)
    for wrong in ({"samples": 0}, {"samples": 2.5}, {"kernel_width": 0.0}, {"alpha": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .* needed"):
            lime(model, image, 3, SEGMENTS, **wrong)


# ---- RISE ----------------------------------------------------------------------------------------


class Looks(nn.Module):
    """Class 1 if a picture is bright in rows 2 … 5 and columns 6 … 9, else class 0."""

    def forward(self, x):
        bright = x[:, :, 2:6, 6:10].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 20 * (bright - 0.5)], dim=1)


def test_rise_finds_the_place_that_the_network_looks_at():
    x = torch.ones(1, 3, 14, 12)
    (speaks,) = rise(Looks(), x, 1, samples=1000, cells=4)
    row, column = divmod(int(speaks.argmax()), 12)
    assert 2 <= row <= 5
    assert 6 <= column <= 9
    inside = torch.zeros(14, 12, dtype=torch.bool)
    inside[2:6, 6:10] = True
    assert speaks[inside].mean() > speaks[~inside].mean() + 0.1
    assert speaks[inside].min() > speaks[9:].max()
    # Far away, it is the probability with a random mask over the place, about one half.
    assert 0.35 < speaks[10:, :3].mean() < 0.65
    (against,) = rise(Looks(), x, 0, samples=1000, cells=4)
    assert against[inside].mean() < against[~inside].mean() - 0.1


def test_rise_is_its_formula_on_the_masks_that_were_shown():
    model = network()
    seen = []
    handle = model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    (ours,) = rise(model, torch.ones(1, 3, 14, 12), 3, samples=50, cells=4, keep=0.3)
    handle.remove()
    shown = torch.cat(seen)
    probability = model(shown).softmax(dim=1)[:, 3].detach()
    masks = shown[:, 0]
    assert masks.shape == (50, 14, 12)
    assert masks.min() == 0
    assert masks.max() == 1
    assert ((masks > 0.01) & (masks < 0.99)).any()
    assert 0.2 < masks.mean() < 0.4
    expected = (probability[:, None, None] * masks).sum(dim=0) / (50 * 0.3)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(("size", "long"), [((4, 40), 2), ((40, 4), 1)])
def test_rise_shifts_its_masks_by_up_to_a_cell_in_each_direction(size, long):
    """An edge of a mask lies sooner or later between any two pixels."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(160, 2))
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rise(model, torch.ones(1, 1, *size), 0, samples=300, cells=2)
    inside = torch.cat(seen)[:, 0] > 0.5
    edges = inside.diff(dim=long).any(dim=0).any(dim=2 - long)
    assert edges.shape == (39,)
    assert edges.all()


def test_rise_without_anything_masked_is_the_probability():
    model, x = network(), pictures()
    maps = rise(model, x, TARGET, samples=3, keep=1.0)
    probability = model(x).softmax(dim=1)[range(3), TARGET].detach()
    torch.testing.assert_close(maps, probability[:, None, None].expand(3, 14, 12))


def test_rise_obeys_its_seed():
    model, x = network(), pictures()
    first = rise(model, x, TARGET, samples=20, seed=1)
    assert torch.equal(rise(model, x, TARGET, samples=20, seed=1), first)
    assert not torch.equal(rise(model, x, TARGET, samples=20, seed=2), first)


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"cells": 0}, {"cells": 2.5}, {"keep": 0.0}, {"keep": 1.1}]
)
def test_rise_refuses_numbers_that_make_no_masks(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .* needed: try"):
        rise(network(), pictures(), TARGET, **wrong)


# ---- activation maximization ---------------------------------------------------------------------


def test_the_best_picture_of_a_linear_layer_is_its_weight():
    """w · x − l2 · |x|² is greatest at x = w / (2 · l2)."""
    model = network(linear)
    wide = {"size": (3, 14, 12), "limits": (-1, 1), "steps": 300, "learning_rate": 0.01}
    image = activation_maximization(model, "1", 3, **wide, l2=0.1)
    best = model[1].weight[3].detach().view(3, 14, 12) / 0.2
    torch.testing.assert_close(image, best, atol=2e-3, rtol=0)
    # Without a price, each pixel goes to the limit on the side of its weight.
    image = activation_maximization(model, "", 3, **wide | {"learning_rate": 0.1})
    assert torch.equal(image, best.sign())
    # A price on differences makes it smoother.
    smooth = activation_maximization(model, "1", 3, **wide, l2=0.1, total_variation=0.01)
    assert smooth.diff(dim=2).abs().sum() < 0.5 * best.diff(dim=2).abs().sum()
    assert smooth.diff(dim=1).abs().sum() < 0.5 * best.diff(dim=1).abs().sum()


@pytest.mark.parametrize(("layer", "channel"), [("conv1", 2), ("conv2", 7), ("fc", 4), ("", 0)])
def test_activation_maximization_climbs(layer, channel):
    model = network()
    start = activation_maximization(model, layer, channel, size=(3, 14, 12), steps=1)
    image = activation_maximization(model, layer, channel, size=(3, 14, 12), steps=40)
    assert image.shape == (3, 14, 12)
    assert image.min() >= 0
    assert image.max() <= 1
    with record(model, layer) as outputs, torch.no_grad():
        model(torch.stack([start, image]))
    before, after = outputs[layer][:, channel].reshape(2, -1).mean(dim=1)
    assert after > before + 0.01


def test_activation_maximization_obeys_its_seed():
    ask = {"size": (3, 14, 12), "steps": 2}
    first = activation_maximization(network(), "conv1", 0, **ask, seed=1)
    assert torch.equal(activation_maximization(network(), "conv1", 0, **ask, seed=1), first)
    assert not torch.equal(activation_maximization(network(), "conv1", 0, **ask, seed=2), first)


def test_activation_maximization_refuses_what_has_no_answer():
    ask = {"size": (3, 14, 12), "steps": 2}
    for size in ((14, 12), (3, 0, 12), (3, 14.0, 12)):
        with pytest.raises(ValueError, match=r"size is .*, but three whole numbers"):
            activation_maximization(network(), "conv1", 0, size=size)
    for channel in (-1, 6, 1.5):
        with pytest.raises(ValueError, match=f"channel {channel} of layer 'conv1'"):
            activation_maximization(network(), "conv1", channel, **ask)
    with pytest.raises(ValueError, match=r"no layer 'conv9'"):
        activation_maximization(network(), "conv9", 0, **ask)
    with pytest.raises(ValueError, match=r"'unused' did not run"):
        activation_maximization(network(), "unused", 0, **ask)
    for wrong in (
        {"limits": (1, 0)},
        {"learning_rate": 0.0},
        {"l2": -1.0},
        {"total_variation": -1.0},
    ):
        with pytest.raises(ValueError, match="limits that rise, a learning rate above 0"):
            activation_maximization(network(), "conv1", 0, **ask, **wrong)
    with pytest.raises(ValueError, match="steps is 0, but"):
        activation_maximization(network(), "conv1", 0, size=(3, 14, 12), steps=0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    model[0].forward = lambda x: torch.zeros(1, 4, 3, 3)
    with pytest.raises(ValueError, match="'1' has no gradient, but a way back"):
        activation_maximization(model, "1", 0, **ask)
