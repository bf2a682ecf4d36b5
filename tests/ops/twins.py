"""What the tests of the operators share: settings, drawn tensors, and what equal means."""

import torch
from hypothesis import settings
from hypothesis import strategies as st

# How far two ways to add the same numbers may lie apart.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}

# The same examples at each run, and no limit of time: machines differ.
bounded = settings(max_examples=40, derandomize=True, deadline=None, database=None)

small = st.integers(1, 3)
sizes = st.integers(1, 8)
seeds = st.integers(0, 2**31)
dtypes = st.sampled_from(list(TOLERANCE))


def one_or_pair(numbers):
    return st.one_of(numbers, st.tuples(numbers, numbers))


def tensors(*shapes, seed=0, dtype=torch.float64):
    """Normal numbers; an odd seed lays those of more than one axis out column by column."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    return [by_column(tensor) if seed % 2 else tensor for tensor in drawn]


def by_column(tensor):
    """The same numbers, not contiguous in memory (where there are several rows and columns)."""
    return tensor.mT.contiguous().mT if tensor.ndim > 1 else tensor


def assert_equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[theirs.dtype], equal_nan=True)
