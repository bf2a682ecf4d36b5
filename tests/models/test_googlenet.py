"""GoogLeNet: what is special to it."""

import pytest
import torch
import torchvision
from torch import nn

from iip_lib.models import GoogLeNet, Inception, InceptionAux


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_auxiliary_classifiers_are_those_of_the_twin():
    torch.manual_seed(0)
    twin = torchvision.models.googlenet(weights=None, num_classes=5, init_weights=False)
    own = GoogLeNet(num_classes=5, aux_logits=True)
    own.load_state_dict(twin.state_dict(), strict=True)
    for model in (twin, own):  # dropout off, batch norm as it was: only the mode is "training"
        model.train()
        for module in model.modules():
            if isinstance(module, (nn.Dropout, nn.BatchNorm2d)):
                module.eval()
    with torch.no_grad():
        x = pictures(2, 3, 64, 64)
        ours, theirs = own(x), twin(x)
        for field in ("logits", "aux_logits1", "aux_logits2"):
            torch.testing.assert_close(getattr(ours, field), getattr(theirs, field))
        assert ours._fields == theirs._fields
        own.eval()
        torch.testing.assert_close(own(x), theirs.logits)
    assert not torch.allclose(ours.aux_logits1, ours.aux_logits2)


def test_without_auxiliary_classifiers_training_gives_logits():
    assert GoogLeNet(num_classes=5)(pictures(2, 3, 64, 64)).shape == (2, 5)


def test_the_branches_are_stacked_in_their_order():
    block, x = Inception(6, 1, 2, 3, 2, 4, 5).eval(), pictures(2, 6, 7, 8)
    parts = block(x).split([1, 3, 4, 5], dim=1)
    for part, branch in zip(
        parts, (block.branch1, block.branch2, block.branch3, block.branch4), strict=True
    ):
        assert torch.equal(part, branch(x))


def test_the_1x1_makes_a_block_cheap():
    """The block of the text, counted by hand: (numbers of a kernel) × kernels, and batch norms."""
    convolutions = 192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 9 * 16 * 32 + 192 * 32
    norms = 2 * (64 + 96 + 128 + 16 + 32 + 32)
    block = Inception(192, 64, 96, 128, 16, 32, 32)
    assert sum(p.numel() for p in block.parameters()) == convolutions + norms


def test_the_smallest_picture_leaves_one_pixel():
    with torch.device("meta"):
        model = GoogLeNet().eval()
        assert model.forward_features(torch.zeros(1, 3, 15, 15)).shape == (1, 1024, 1, 1)
    twin = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False).eval()
    with pytest.raises(RuntimeError, match="too small"):  # what the check forestalls
        twin(torch.zeros(1, 3, 14, 14))


@pytest.mark.parametrize("dropout", [-0.1, 1, "0.5"])
def test_refuses_a_dropout_that_is_no_share(dropout):
    for call in (GoogLeNet, lambda dropout: InceptionAux(8, 2, dropout)):
        with pytest.raises(ValueError, match=f"dropout is {dropout!r}, but a number of at least 0"):
            call(dropout=dropout)


@pytest.mark.parametrize("position", range(7))
def test_a_block_refuses_what_is_no_number(position):
    arguments = [8] * 7
    arguments[position] = 0
    with pytest.raises(ValueError, match="is 0, but a whole number of at least 1"):
        Inception(*arguments)
