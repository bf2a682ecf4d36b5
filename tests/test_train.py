"""The number for this machine."""

import pytest
import torch

from iip_lib.train import per_device


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv("IIP_DEVICE", raising=False)


@pytest.mark.parametrize(("there", "number"), [(True, 40), (False, 4)])
def test_per_device_asks_for_an_accelerator(monkeypatch, there, number):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize(("there", "number"), [(True, 40), (False, 4)])
def test_per_device_asks_for_cuda_in_an_older_torch(monkeypatch, there, number):
    monkeypatch.delattr(torch, "accelerator")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("device", "number"), [("gpu", 40), ("cpu", 4)])
def test_per_device_obeys_the_environment(monkeypatch, there, device, number):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    monkeypatch.setenv("IIP_DEVICE", device)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize("device", ["tpu", "GPU", ""])
def test_per_device_refuses_another_device(monkeypatch, device):
    monkeypatch.setenv("IIP_DEVICE", device)
    with pytest.raises(ValueError, match=f"IIP_DEVICE is '{device}', but cpu or gpu is needed"):
        per_device(cpu=4, gpu=40)


def test_per_device_wants_both_numbers_by_name():
    with pytest.raises(TypeError, match="positional"):
        per_device(4, 40)
