"""The batches of an epoch: in an order that follows from a seed, and shared by all processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset, Sampler

from .randomness import random_states_kept, set_seeds

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__: list[str] = []


class Plan(Sampler):
    """The batches of another sampler, drawn from (seed, epoch); of each, this process's share.

    Every process draws the same plan, and takes every `processes`-th picture of each batch, from
    its own number on. accelerate's loaders would fill up the last batch with pictures from the
    beginning, so that the result would depend on the number of processes.

    Args:
        batches: a sampler that gives lists of indices.
        seed: of the whole training, at least 0.
        process: the number of this process, from 0.
        processes: how many there are.
        all_together: whether each process must have a picture of each batch, since it waits for
            the others after each; else, of some batch.
    """

    def __init__(
        self, batches: Any, seed: int, process: int, processes: int, *, all_together: bool
    ):
        self.batches = batches
        self.seed = seed
        self.process = process
        self.processes = processes
        self.all_together = all_together
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        plan = self._draw()
        sizes = [len(batch) for batch in plan]
        if plan and (min(sizes) if self.all_together else max(sizes)) < self.processes:
            raise ValueError(
                f"a batch has {min(sizes)} pictures, but each of the {self.processes} processes "
                f"needs one: try drop_last=True, or another batch size"
            )
        for batch in plan:
            share = batch[self.process :: self.processes]
            if len(share):
                yield share

    def __len__(self) -> int:
        return len(self.batches)

    def _draw(self) -> list[list[int]]:
        with random_states_kept():
            set_seeds(self.seed, self.epoch)
            samplers = (self.batches, getattr(self.batches, "sampler", None))
            own = [g for s in samplers if (g := getattr(s, "generator", None)) is not None]
            states = [generator.get_state() for generator in own]
            for generator in own:
                generator.manual_seed(torch.initial_seed())
            try:
                return list(self.batches)
            finally:
                for generator, state in zip(own, states, strict=True):
                    generator.set_state(state)


def planned(
    loader: Any, seed: int | None, accelerator: "Accelerator", *, all_together: bool = False
) -> Any:
    """The loader with a `Plan`; without a seed, or if its pictures have no numbers, as it is."""
    if seed is None or not isinstance(loader, DataLoader) or loader.batch_sampler is None:
        return loader
    own_way = type(loader).__iter__ is not DataLoader.__iter__
    if own_way or isinstance(loader.dataset, IterableDataset):
        return loader
    if isinstance(loader.sampler, DistributedSampler):
        raise ValueError(
            "the loader has a DistributedSampler, but fit itself shares each batch among the "
            "processes: give the loader without it, with shuffle=True if you like"
        )
    process, processes = accelerator.process_index, accelerator.num_processes
    plan = Plan(loader.batch_sampler, seed, process, processes, all_together=all_together)
    return DataLoader(
        loader.dataset,
        batch_sampler=plan,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
    )


@contextmanager
def seeded(seed: int | None, accelerator: "Accelerator") -> Iterator[int | None]:
    """The seed; without one, several processes agree on one, since they share batches.

    With a seed, random numbers go on afterwards as if nothing had been drawn inside.
    """
    if seed is None and accelerator.num_processes > 1:
        from accelerate.utils import broadcast_object_list

        [seed] = broadcast_object_list([torch.randint(2**31, ()).item()])
    if seed is None:
        yield None
        return
    with random_states_kept():
        yield seed


def begin_epoch(epoch: int, seed: int | None, accelerator: "Accelerator", *loaders: Any) -> None:
    """From here on, what the global generators draw follows from the seed and the epoch."""
    if seed is None:
        return
    set_seeds(seed, epoch, 1 + accelerator.process_index)  # another augmentation in each process
    for loader in loaders:
        plan = getattr(loader, "batch_sampler", None)
        if isinstance(plan, Plan):
            plan.epoch = epoch


def same_buffers(model: nn.Module, accelerator: "Accelerator") -> None:
    """Give every process the running means of batch norm, and all other buffers, of the first."""
    if accelerator.num_processes > 1:
        from accelerate.utils import broadcast

        broadcast(list(model.buffers()))
