"""The loop in which a network learns, and how much work this machine is given."""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.utils.data import DataLoader
from tqdm import tqdm

with warnings.catch_warnings():  # accelerate brings bars that ask for widgets; ours are text
    warnings.filterwarnings("ignore", message="IProgress not found")
    from accelerate import Accelerator
    from accelerate.utils import send_to_device

# torchmetrics is imported where it is used: it takes seconds, for it loads all of its measures.
if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = ["History", "evaluate", "fit", "per_device", "train_one_epoch"]

T = TypeVar("T")
Batches = Iterable[tuple[Any, Any]]  # inputs and targets
LossFunction = Callable[[Any, Any], Tensor]  # of outputs and targets


@dataclass
class History:
    """What happened in each epoch of a training.

    Args:
        epochs: a dict for each epoch: ``epoch`` (from 1), ``train_loss``, ``seconds``, and
            with a validation loader ``val_loss`` and ``val_`` with the name of each metric.

    Returns:
        A record. ``pandas.DataFrame(history.epochs)`` is its table, and
        ``history["train_loss"]`` a list with one number an epoch.

    Raises:
        KeyError: ``history[name]`` for a name that is not there.

    Example:
        >>> history = History([{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 0.9}])
        >>> history["train_loss"]
        [2.3, 0.9]

    Source:
        The form is that of records: https://pandas.pydata.org/docs/user_guide/dsintro.html

    Taught in: book/training/first_training.md
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[Any]:
        return [epoch[name] for epoch in self.epochs]


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    *,
    loss_fn: LossFunction = cross_entropy,
    accelerator: Accelerator | None = None,
) -> float:
    """Show the network each batch once, and move its weights after each.

    A model in evaluation mode is put into training mode. A part of it that alone is in
    evaluation mode, such as a frozen batch normalization, is left so.

    Args:
        model: the network. Batches are brought to the device that holds it.
        loader: batches (inputs, targets).
        optimizer: made over the parameters of `model`.
        loss_fn: a number from outputs and targets, a mean over the batch.
        accelerator: what `fit` hands over: it knows of mixed precision and of several processes.

    Returns:
        The mean loss over the pictures, each measured before the step that its batch led to.

    Raises:
        FloatingPointError: a loss is not finite; the weights are those before that batch.
        ValueError: the loader gives no batch.

    Example:
        >>> model = nn.Linear(2, 3)
        >>> batches = [(torch.rand(4, 2), torch.tensor([0, 1, 2, 0]))]
        >>> loss = train_one_epoch(model, batches, torch.optim.SGD(model.parameters(), lr=0.1))
        >>> 0 < loss < 10
        True

    Source:
        https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html

    Taught in: book/training/first_training.md
    """
    from torchmetrics import MeanMetric

    device = _device(model)
    mean_loss = MeanMetric().to(device)  # over all processes, if there are several
    number = 0
    if not model.training:
        model.train()
    for batch in _with_bar(loader):
        number += 1
        inputs, targets = send_to_device(batch, device)
        loss = loss_fn(model(inputs), targets)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss of batch {number} is {loss.item()}, but a finite number is needed: "
                f"try a smaller learning rate, and look for NaN or infinity in the inputs"
            )
        optimizer.zero_grad()
        if accelerator is None:
            loss.backward()
        else:
            accelerator.backward(loss)
        optimizer.step()
        mean_loss.update(loss.detach(), weight=len(inputs))
    _refuse_empty(number)
    return mean_loss.compute().item()


def evaluate(
    model: nn.Module,
    loader: Batches,
    *,
    loss_fn: LossFunction | None = cross_entropy,
    metrics: "Mapping[str, Metric] | None" = None,
) -> dict[str, Any]:
    """Measure a network without changing it.

    Inside, the network is in evaluation mode and no gradient is kept. Afterwards each of its
    parts is in the mode in which it came.

    Args:
        model: the network. Batches are brought to the device that holds it.
        loader: batches (inputs, targets).
        loss_fn: a number from outputs and targets, a mean over the batch; None for no loss.
        metrics: measures of torchmetrics by name; copies are used.

    Returns:
        The mean ``loss`` over the pictures, and each metric under its name.

    Raises:
        ValueError: the loader gives no batch.

    Example:
        >>> from torchmetrics import Accuracy
        >>> batches = [(torch.eye(3), torch.tensor([0, 1, 0]))]
        >>> metrics = {"accuracy": Accuracy("multiclass", num_classes=3)}
        >>> evaluate(nn.Identity(), batches, metrics=metrics)["accuracy"]
        0.6666666865348816

    Source:
        torchmetrics, https://lightning.ai/docs/torchmetrics/stable/

    Taught in: book/training/first_training.md
    """
    from torchmetrics import MeanMetric, MetricCollection

    device = _device(model)
    mean_loss = MeanMetric().to(device)
    measures = MetricCollection(dict(metrics or {})).clone().to(device)
    measures.reset()
    number = 0
    with _modes_kept(model), torch.no_grad():
        model.eval()
        for batch in _with_bar(loader):
            number += 1
            inputs, targets = send_to_device(batch, device)
            outputs = model(inputs)
            measures.update(outputs, targets)
            if loss_fn is not None:
                mean_loss.update(loss_fn(outputs, targets), weight=len(inputs))
    _refuse_empty(number)
    losses = {} if loss_fn is None else {"loss": mean_loss.compute()}
    return {name: value.tolist() for name, value in (losses | measures.compute()).items()}


def fit(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss_fn: LossFunction = cross_entropy,
    metrics: "Mapping[str, Metric] | None" = None,
    on_epoch: Callable[[dict[str, Any]], Any] | None = None,
) -> History:
    """Train a network for some epochs; after each, measure it on the validation pictures.

    The work is done on the device that accelerate finds. Afterwards the network and the
    optimizer are back on the device from which they came, and each part of the network is in
    the mode (training or evaluation) in which it came. The weights stay changed.

    Args:
        model: the network.
        train_loader: batches (inputs, targets) to learn from.
        val_loader: batches to measure on; None for no measuring.
        optimizer: made over the parameters of `model`.
        epochs: how many times each training picture is shown, at least 1.
        loss_fn: a number from outputs and targets, a mean over the batch.
        metrics: measures of torchmetrics by name, for the validation pictures.
        on_epoch: called after each epoch with its dict of the history.

    Returns:
        The history. From the same random seed it is the same, except for its seconds.

    Raises:
        FloatingPointError: a loss is not finite.
        ValueError: the optimizer holds no parameter of this network, a loader gives no batch,
            or `epochs` is no whole number of at least 1.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Linear(2, 3)
        >>> batches = [(torch.eye(2), torch.tensor([0, 2]))]
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        >>> history = fit(model, batches, batches, optimizer=optimizer, epochs=3)
        >>> history["epoch"], history["val_loss"][2] < history["val_loss"][0]
        ([1, 2, 3], True)

    Source:
        accelerate, https://huggingface.co/docs/accelerate

    Taught in: book/training/first_training.md
    """
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise ValueError(
            f"epochs is {epochs!r}, but a whole number of at least 1 is needed: try epochs=1"
        )
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            "the optimizer holds no parameter of this model, but it has to change them: build "
            "it anew, over model.parameters(), after each time you build or replace the model"
        )
    history = History()
    with _modes_kept(model), _on_accelerator(model, optimizer) as (accelerator, placed, stepper):
        train_loader, val_loader = (
            accelerator.prepare_data_loader(loader) if isinstance(loader, DataLoader) else loader
            for loader in (train_loader, val_loader)
        )
        for number in range(1, epochs + 1):
            start = time.perf_counter()
            train_loss = train_one_epoch(
                placed, train_loader, stepper, loss_fn=loss_fn, accelerator=accelerator
            )
            epoch = {"epoch": number, "train_loss": train_loss}
            if val_loader is not None:
                measured = evaluate(model, val_loader, loss_fn=loss_fn, metrics=metrics)
                epoch |= {f"val_{name}": value for name, value in measured.items()}
            epoch["seconds"] = time.perf_counter() - start
            history.epochs.append(epoch)
            if on_epoch is not None:
                on_epoch(epoch)
    return history


@contextmanager
def _on_accelerator(model: nn.Module, optimizer: Optimizer) -> Iterator[tuple]:
    """The model and the optimizer on accelerate's device; afterwards back where they were."""
    home = _device(model)
    accelerator = Accelerator()
    placed = accelerator.prepare_model(model)
    try:
        yield accelerator, placed, accelerator.prepare_optimizer(optimizer)
    finally:
        accelerator.unwrap_model(placed, keep_fp32_wrapper=False)
        if _device(model) != home:
            model.to(home)
            optimizer.load_state_dict(optimizer.state_dict())  # goes where its parameters are


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, each part is afterwards in the mode in which it came."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _with_bar(loader: Batches) -> Batches:
    """A progress bar that goes away at the end; it is text on stderr, which the book leaves out."""
    return tqdm(loader, leave=False, disable=os.environ.get("RANK", "0") != "0")


def _device(model: nn.Module) -> torch.device:
    """Where the first parameter is."""
    return next(model.parameters(), torch.empty(0)).device


def _refuse_empty(batches: int) -> None:
    if not batches:
        raise ValueError(
            "the loader gives no batch, but at least one is needed: look at its data set, at "
            "drop_last, and whether it is a generator that is used up"
        )


def per_device(*, cpu: T, gpu: T) -> T:
    """The number that fits this machine.

    A number that depends on the machine is written where it is used, with both values to be
    seen: ``epochs = per_device(cpu=4, gpu=40)``.

    Args:
        cpu: what a machine without an accelerator gets.
        gpu: what a machine with an accelerator gets.

    Returns:
        `cpu` or `gpu`. The environment variable ``IIP_DEVICE`` decides where it is set to
        "cpu" or "gpu"; otherwise torch is asked whether there is an accelerator.

    Raises:
        ValueError: ``IIP_DEVICE`` has another value.

    Example:
        >>> per_device(cpu=4, gpu=40) in (4, 40)
        True

    Source:
        torch.accelerator, https://docs.pytorch.org/docs/stable/accelerator.html

    Taught in: book/training/first_training.md
    """
    device = os.environ.get("IIP_DEVICE")
    if device is None:
        # Before version 2.6, torch knew accelerators by the name of cuda only.
        accelerator = getattr(torch, "accelerator", torch.cuda)
        device = "gpu" if accelerator.is_available() else "cpu"
    if device not in ("cpu", "gpu"):
        raise ValueError(
            f"the environment variable IIP_DEVICE is {device!r}, but cpu or gpu is needed: "
            f"set it to one of them, or unset it"
        )
    return {"cpu": cpu, "gpu": gpu}[device]
