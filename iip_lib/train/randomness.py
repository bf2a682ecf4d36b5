"""Random numbers that follow from a seed and the number of the epoch, and from nothing else."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__: list[str] = []


def set_seeds(*numbers: int) -> None:
    """Seed Python, NumPy and torch (all devices) from some numbers, at least 0 each."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])  # 32 bits
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Whatever is drawn inside, afterwards random numbers go on as if nothing had been drawn."""
    python, numpy = random.getstate(), np.random.get_state()
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = [torch.cuda.current_device()] if on_gpu else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
