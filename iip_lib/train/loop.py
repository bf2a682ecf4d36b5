"""The loop in which a network learns."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from ._checks import (
    check_gradient,
    check_losses,
    check_monitor,
    check_monitored,
    check_numbers,
    check_optimizer,
    check_other_names,
    check_same_names,
    check_scheduler,
    refuse_empty,
    refuse_infinite,
    told,
)
from .batches import begin_epoch, planned, same_buffers, seeded
from .history import History
from .placement import device_of, modes_kept, on_accelerator
from .resume import Resume, Weights, settings_of

# accelerate and torchmetrics are imported where they are used: they take long to load.
if TYPE_CHECKING:
    from accelerate import Accelerator
    from torchmetrics import Metric

__all__ = ["evaluate", "fit", "train_one_epoch"]

Batches = Iterable[tuple[Any, Any]]  # inputs and targets
Loss = Tensor | Mapping[str, Tensor]  # a number, or named numbers that are to be added
LossFunction = Callable[[Any, Any], Loss]  # of outputs and targets


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    *,
    loss_fn: LossFunction = cross_entropy,
    scheduler: LRScheduler | None = None,
    accelerator: "Accelerator | None" = None,
) -> dict[str, float]:
    """Show the network each batch once, and move its weights after each.

    A model in evaluation mode is put into training mode. A part of it that alone is in
    evaluation mode, such as a frozen batch normalization, is left so.

    Args:
        model: the network. Batches are brought to the device that holds it.
        loader: batches (inputs, targets). Inputs are a tensor, a dict of tensors, or a list of
            pictures; their length is the number of pictures.
        optimizer: made over the parameters of `model`.
        loss_fn: from outputs and targets, a mean over the batch; or a dict of such means, the
            parts of a loss, which are added.
        scheduler: of the learning rate; it goes on by a step after each batch.
        accelerator: what `fit` hands over: it knows of mixed precision and of several processes.

    Returns:
        ``loss``, its mean over the pictures, each measured before the step that its batch led to;
        and the mean of each part under its name.

    Raises:
        FloatingPointError: a loss is not finite; the weights are those before that batch.
        ValueError: the loader gives no batch.

    Example:
        >>> model = nn.Linear(2, 3)
        >>> batches = [(torch.rand(4, 2), torch.tensor([0, 1, 2, 0]))]
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> 0 < train_one_epoch(model, batches, optimizer)["loss"] < 10
        True

    Source:
        https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html

    Taught in: book/training/first_training.md
    """
    from accelerate.utils import send_to_device

    device = device_of(model)
    totals, names = 0.0, []
    number = 0
    if not model.training:
        model.train()
    for batch in _with_bar(loader):
        number += 1
        inputs, targets = send_to_device(batch, device)
        losses = _named(loss_fn(model(inputs), targets))
        check_same_names(list(losses), names)
        names, sums, loss = list(losses), _sums(losses, _size(inputs)), losses["loss"]
        check_gradient(loss)
        if accelerator is not None and accelerator.num_processes > 1:
            sums = accelerator.reduce(sums)
            # The processes' gradients are averaged, but their shares of the batch may differ.
            loss = loss * _size(inputs) * accelerator.num_processes / sums[0]
        refuse_infinite(names, sums[1:], number)
        optimizer.zero_grad()
        if accelerator is None:
            loss.backward()
        else:
            accelerator.backward(loss)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        totals = totals + sums
    refuse_empty(number)
    return _means(names, totals)


def evaluate(
    model: nn.Module,
    loader: Batches,
    *,
    loss_fn: LossFunction | None = cross_entropy,
    metrics: "Mapping[str, Metric] | None" = None,
    accelerator: "Accelerator | None" = None,
) -> dict[str, Any]:
    """Measure a network without changing it.

    Inside, the network is in evaluation mode and no gradient is kept. Afterwards each of its
    parts is in the mode in which it came.

    Args:
        model: the network. Batches are brought to the device that holds it.
        loader: batches (inputs, targets).
        loss_fn: as for `train_one_epoch`; None for no loss.
        metrics: measures of torchmetrics by name; copies are used.
        accelerator: what `fit` hands over, if each of several processes has a share of the
            batches.

    Returns:
        The mean ``loss`` over the pictures, the mean of each of its parts under its name, and
        each metric under its name: a number, or a list where it gives several.

    Raises:
        FloatingPointError: a loss is not finite.
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
    from accelerate.utils import send_to_device

    device = device_of(model)
    if metrics:
        from torchmetrics import MetricCollection

        measures = MetricCollection(dict(metrics)).clone().to(device)
        measures.reset()
    totals, names = 0.0, []
    number = 0
    with modes_kept(model), torch.no_grad():
        model.eval()
        for batch in _with_bar(loader):
            number += 1
            inputs, targets = send_to_device(batch, device)
            outputs = model(inputs)
            if metrics:
                measures.update(outputs, targets)
            if loss_fn is not None:
                losses = _named(loss_fn(outputs, targets))
                check_same_names(list(losses), names)
                names, sums = list(losses), _sums(losses, _size(inputs))
                refuse_infinite(names, sums[1:], number)
                totals = totals + sums
    refuse_empty(number)
    if names and accelerator is not None:
        totals = accelerator.reduce(totals)
    measured = _means(names, totals) if names else {}
    if metrics:  # torchmetrics itself puts together what several processes have seen
        values = {name: value.tolist() for name, value in measures.compute().items()}
        check_other_names(measured, values)
        measured |= values
    return measured


def fit(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss_fn: LossFunction = cross_entropy,
    metrics: "Mapping[str, Metric] | None" = None,
    scheduler: LRScheduler | None = None,
    schedule_by: str = "epoch",
    patience: int | None = None,
    monitor: str = "val_loss",
    seed: int | None = None,
    checkpoint: str | Path | None = None,
    precision: str | None = None,
    on_epoch: Callable[[dict[str, Any]], Any] | None = None,
) -> History:
    """Train a network for some epochs; after each, measure it on the validation pictures.

    The work is done on the device that accelerate finds. Afterwards the network and the
    optimizer are back on the device from which they came, and each part of the network is in
    the mode (training or evaluation) in which it came. The weights stay changed.

    A training with ``checkpoint=folder`` that was stopped, however it was stopped, is continued by
    running the same program again: it goes on after the last complete epoch. On a CPU the
    history and the weights are then those of a training that was never stopped, unless something
    draws random numbers that `seed` does not reach.

    A program that is started as several processes (``torchrun --nproc-per-node 2 program.py``, or
    ``accelerate launch --multi_gpu``, on CPUs too) trains one network: the processes share each
    batch of a DataLoader over numbered pictures, and each of them returns the same. Any other
    loader is read whole by each process. Batch norm sees a share of the batch, so that with it
    the numbers are not quite those of one process.

    Args:
        model: the network.
        train_loader: batches (inputs, targets) to learn from.
        val_loader: batches to measure on; None for no measuring.
        optimizer: made over the parameters of `model`.
        epochs: how many times each training picture is shown, at least 1.
        loss_fn: as for `train_one_epoch`.
        metrics: measures of torchmetrics by name, for the validation pictures.
        scheduler: of the learning rate, made over `optimizer`.
        schedule_by: "epoch" or "batch": after which of them the scheduler goes on by a step. A
            ``ReduceLROnPlateau`` is given the number that `monitor` names.
        patience: stop when `monitor` has not become better for so many epochs, and take the
            weights of the best epoch. A number with which an epoch was chosen flatters that
            epoch: measure the network on other pictures. None: train all epochs, keep the last.
        monitor: a name in the history. Of a metric, torchmetrics knows which way is better.
        seed: at least 0. Before each epoch the global generators of Python, NumPy and torch (all
            devices) are set anew, from the seed and the number of the epoch alone; so is the
            generator of a DataLoader that makes batches of numbered pictures. Its workers begin
            anew in each epoch, even persistent ones. A generator of its own that a data set, a
            transform or a network holds is not reached. The global generators go on afterwards as
            if nothing had been drawn. None: random numbers go on from where they are.
        checkpoint: a folder, see `Checkpoint`; with it, a seed is needed. A training that goes on
            must have the same seed, kinds and settings of optimizer and scheduler, and precision;
            `epochs` may have grown. The schedule itself is the one in the checkpoint.
        precision: "no", "bf16" or "fp16" (on a GPU) for mixed precision; None: what accelerate was
            told at the start of the program, else "no".
        on_epoch: called after each epoch with its dict of the history, in the first process only;
            then the checkpoint is written. After a stop in between, it is called again.

    Returns:
        The history. From the same random seed it is the same, except for its seconds.

    Raises:
        FloatingPointError: a loss is not finite; the message names part, epoch and batch.
        ValueError: an argument is out of its range; the optimizer holds no parameter of this
            network, or the scheduler belongs to another optimizer; a loader gives no batch; a
            checkpoint is damaged or is that of another training.

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
    check_numbers(1, epochs=epochs)
    if patience is not None:
        check_numbers(1, patience=patience)
    if seed is not None or checkpoint is not None:
        check_numbers(0, seed=seed)
    check_optimizer(optimizer, model, loss_fn)
    check_scheduler(scheduler, optimizer, schedule_by)
    watched = patience is not None or isinstance(scheduler, ReduceLROnPlateau)
    higher_is_better = watched and check_monitor(monitor, metrics, val_loader)

    best = None if patience is None else Weights(model)
    with (
        modes_kept(model),
        on_accelerator(model, optimizer, loss_fn, precision) as (accelerator, placed, stepper),
        seeded(seed, accelerator) as seed,
    ):
        train_loader = planned(train_loader, seed, accelerator, all_together=True)
        val_loader = planned(val_loader, seed, accelerator)
        settings = settings_of(
            optimizer,
            scheduler,
            schedule_by=schedule_by,
            seed=seed,
            monitor=None if best is None else monitor,
            precision=accelerator.mixed_precision,
        )
        resume = Resume(
            checkpoint,
            settings,
            accelerator,
            model=model,
            loss_fn=loss_fn if isinstance(loss_fn, nn.Module) else None,
            best=best,
            optimizer=optimizer,
            scheduler=scheduler,
            scaler=accelerator.scaler,
        )
        history = resume.load(epochs)

        for number in range(len(history.epochs) + 1, epochs + 1):
            if best is not None and number > (history.best_epoch or number) + patience:
                break  # `patience` epochs went by without a better one
            start, lr = perf_counter(), optimizer.param_groups[0]["lr"]
            begin_epoch(number, seed, accelerator, train_loader, val_loader)
            with told(f"epoch {number}, training"):
                losses = train_one_epoch(
                    placed,
                    train_loader,
                    stepper,
                    loss_fn=loss_fn,
                    scheduler=scheduler if schedule_by == "batch" else None,
                    accelerator=accelerator,
                )
            epoch = {"epoch": number, **_prefixed("train_", losses)}
            same_buffers(model, accelerator)
            if val_loader is not None:
                with told(f"epoch {number}, validation"):
                    measured = evaluate(
                        model,
                        val_loader,
                        loss_fn=loss_fn,
                        metrics=metrics,
                        accelerator=accelerator,
                    )
                epoch |= _prefixed("val_", measured)
            if scheduler is not None:
                epoch["lr"] = float(lr)
            epoch["seconds"] = perf_counter() - start
            history.epochs.append(epoch)

            if watched:
                check_monitored(monitor, epoch, {*losses, *(metrics or {})})
            if best is not None:
                history.best_epoch = history.best(monitor, higher_is_better=higher_is_better)
                if history.best_epoch == number:
                    best.take(model)
            if scheduler is not None and schedule_by == "epoch":
                by_plateau = isinstance(scheduler, ReduceLROnPlateau)
                scheduler.step(*([epoch[monitor]] if by_plateau else []))
            if on_epoch is not None and accelerator.is_main_process:
                on_epoch(epoch)
            resume.save(history)
        if best is not None:
            model.load_state_dict(best.state_dict())
    return history


def _size(inputs: Any) -> int:
    """How many pictures there are; of a dict of inputs, its first one says it."""
    return len(next(iter(inputs.values()))) if isinstance(inputs, Mapping) else len(inputs)


def _named(loss: Loss) -> dict[str, Tensor]:
    """The loss as ``loss``, then its parts if it has any."""
    losses = dict(loss) if isinstance(loss, Mapping) else {"loss": loss}
    check_losses(losses)
    return losses if "loss" in losses else {"loss": sum(losses.values()), **losses}


def _sums(losses: Mapping[str, Tensor], size: int) -> Tensor:
    """(1 + names,): the number of pictures, and each mean loss of a batch as a sum over them."""
    values = list(losses.values())
    return size * torch.stack([torch.ones_like(values[0]), *values]).detach().float()


def _means(names: list[str], sums: Tensor) -> dict[str, float]:
    return dict(zip(names, (sums[1:] / sums[0]).tolist(), strict=True))


def _prefixed(prefix: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": number for name, number in numbers.items()}


def _with_bar(loader: Batches) -> Batches:
    """A progress bar that goes away at the end; it is text on stderr, which the book leaves out."""
    return tqdm(loader, leave=False, disable=os.environ.get("RANK", "0") != "0")
