"""One network, trained by two processes on CPUs (gloo)."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from test_resume import CHILD, names, result, run_child
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, SequentialSampler

from iip_lib.train.batches import Plan, begin_epoch, planned

TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
# On a machine without a GPU, accelerate starts several processes by its switch for several GPUs.
ACCELERATE = [
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_processes=2",
    "--num_machines=1",
    "--mixed_precision=no",
    "--dynamo_backend=no",
    "--main_process_port=0",
]


def run_two(launcher, folder, *options):
    folder.mkdir(exist_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", *launcher, CHILD, folder, *options]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, env=environment)
    return done.returncode


def largest_difference(one, other):
    assert list(one) == list(other)
    return max((one[name].double() - other[name].double()).abs().max().item() for name in one)


def assert_close(history, expected):
    for found, right in zip(history[0], expected[0], strict=True):
        assert found == pytest.approx(right, rel=1e-5)
    assert history[1] == expected[1]


@pytest.mark.parametrize(
    ("launcher", "options"),
    [(TORCHRUN, ["--metrics"]), (ACCELERATE, [])],
    ids=["torchrun", "accelerate"],
)
def test_two_processes_give_the_weights_of_one(tmp_path, launcher, options):
    """The last batch has 7 pictures: shares of 4 and 3."""
    assert run_child(tmp_path / "one", "--no-checkpoint", *options) == 0
    assert run_two(launcher, tmp_path / "two", "--no-checkpoint", *options) == 0
    expected, weights = result(tmp_path / "one")
    for process in (0, 1):
        history, found = result(tmp_path / "two", process)
        assert largest_difference(found, weights) < 1e-5
        assert_close(history, expected)


def test_with_batch_norm_two_processes_agree_and_resume(tmp_path, record_property):
    """Each normalises with its own share, so that the numbers are not those of one process."""
    assert run_two(TORCHRUN, tmp_path / "whole", "--norm", "--no-checkpoint") == 0
    history, weights = result(tmp_path / "whole")
    other_history, other = result(tmp_path / "whole", 1)
    assert history == other_history
    assert largest_difference(weights, other) == 0

    stopped = tmp_path / "stopped"
    assert run_two(TORCHRUN, stopped, "--norm", "--kill-at-batch=10") != 0
    assert names(stopped / "checkpoint") == ["epoch-0001"]
    assert run_two(TORCHRUN, stopped, "--norm") == 0
    for process in (0, 1):
        found_history, found = result(stopped, process)
        assert found_history == history
        assert largest_difference(found, weights) == 0

    assert run_child(tmp_path / "one", "--norm", "--no-checkpoint") == 0
    assert weights["1.running_mean"].abs().max() > 0.01  # it learned in training mode
    gap = largest_difference(weights, result(tmp_path / "one")[1])
    record_property("gap to one process", gap)
    assert 1e-4 < gap < 3


def test_without_a_seed_the_processes_agree_on_one(tmp_path):
    assert run_two(TORCHRUN, tmp_path, "--no-seed", "--no-checkpoint", "--epochs=1") == 0
    one, other = result(tmp_path, 0), result(tmp_path, 1)
    assert one[0] == other[0]
    assert largest_difference(one[1], other[1]) == 0


# ---- how batches are shared ----------------------------------------------------------------------


def plans(batches, processes, **arguments):
    return [list(Plan(batches, 0, i, processes, **arguments)) for i in range(processes)]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_shares_make_up_the_batches(processes):
    batches = BatchSampler(SequentialSampler(range(11)), 4, drop_last=False)
    shares = plans(batches, processes, all_together=True)
    for number, batch in enumerate(batches):
        assert sorted(i for share in shares for i in share[number]) == batch
        sizes = [len(share[number]) for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_a_batch_too_small_for_all_is_refused_by_all():
    batches = BatchSampler(SequentialSampler(range(9)), 4, drop_last=False)
    for process in (0, 1):
        with pytest.raises(ValueError, match="a batch has 1 pictures, but each of the 2 processes"):
            list(Plan(batches, 0, process, 2, all_together=True))
    # To measure, nobody waits after a batch.
    shares = plans(batches, 2, all_together=False)
    assert shares == [[[0, 2], [4, 6], [8]], [[1, 3], [5, 7]]]
    with pytest.raises(ValueError, match="a batch has 1 pictures"):
        plans([[0]], 2, all_together=False)


def test_each_process_has_the_same_plan_and_other_random_numbers():
    class Shuffled:
        def __init__(self):
            self.generator = torch.Generator()
            self.generator.seed()

        def __iter__(self):
            yield torch.randperm(20, generator=self.generator).tolist()

    shares, numbers = [], []
    for process in (0, 1):
        accelerator = SimpleNamespace(process_index=process, num_processes=2)
        plan = Plan(Shuffled(), 0, process, 2, all_together=True)
        begin_epoch(5, 0, accelerator, SimpleNamespace(batch_sampler=plan))
        assert plan.epoch == 5
        expected = torch.random.get_rng_state()
        shares += next(iter(plan))
        assert torch.equal(torch.random.get_rng_state(), expected)
        numbers.append(torch.rand(1).item())
    assert sorted(shares) == list(range(20))
    assert shares[:10] != sorted(shares[:10])
    assert numbers[0] != numbers[1]


def test_refuses_a_loader_that_already_shares():
    sampler = DistributedSampler(range(8), num_replicas=2, rank=0)
    loader = DataLoader(range(8), 4, sampler=sampler)
    accelerator = SimpleNamespace(process_index=0, num_processes=2)
    with pytest.raises(ValueError, match="has a DistributedSampler, but fit itself shares"):
        planned(loader, 0, accelerator)


def test_a_loader_with_a_way_of_its_own_stays():
    class Twice(DataLoader):
        def __iter__(self):
            for batch in super().__iter__():
                yield 2 * batch

    loader = Twice(range(8), 4)
    accelerator = SimpleNamespace(process_index=0, num_processes=1)
    assert planned(loader, 0, accelerator) is loader


def test_a_planned_loader_reads_as_the_one_it_replaces():
    def collate(items):
        return torch.tensor(items) * 2

    loader = DataLoader(range(10), 4, collate_fn=collate, drop_last=True, num_workers=2)
    accelerator = SimpleNamespace(process_index=0, num_processes=1)
    found = list(planned(loader, 0, accelerator))
    assert [batch.tolist() for batch in found] == [batch.tolist() for batch in loader]
    loader = DataLoader(
        range(10),
        4,
        num_workers=1,
        collate_fn=collate,
        timeout=30,
        worker_init_fn=collate,
        multiprocessing_context="spawn",
        prefetch_factor=3,
        persistent_workers=True,
    )
    same = planned(loader, 0, accelerator)
    assert len(same) == len(loader)
    for name in ("num_workers", "collate_fn", "pin_memory", "timeout", "worker_init_fn"):
        assert getattr(same, name) == getattr(loader, name)
    assert same.multiprocessing_context.get_start_method() == "spawn"
    assert same.prefetch_factor == 3
    assert not same.persistent_workers  # they would keep random numbers that no seed reaches
    assert planned(loader, None, accelerator) is loader
