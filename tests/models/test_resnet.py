"""ResNet: what is special to it."""

import pytest
import torch
from torch import nn

from iip_lib.models import BasicBlock, Bottleneck, ResNet, resnet18, resnet_small


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_whose_difference_is_zero_returns_its_input(block):
    channels = 8 * block.expansion
    net, x = block(channels, 8).eval(), pictures(2, channels, 5, 6)
    assert net.downsample is None
    last = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)][-1]
    nn.init.zeros_(last.weight)
    torch.testing.assert_close(net(x), x)  # x ≥ 0: relu leaves it
    torch.testing.assert_close(net(-x), torch.zeros_like(x))


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_shortcut_fits_channels_and_size(block, stride):
    net, x = block(3, 4, stride), pictures(2, 3, 7, 8)
    assert net.downsample[0].kernel_size == (1, 1)
    rows, columns = -(-7 // stride), -(-8 // stride)
    assert net(x).shape == (2, 4 * block.expansion, rows, columns)


def test_the_bottleneck_strides_in_its_3x3():
    net = Bottleneck(8, 4, stride=2)
    assert [conv.stride for conv in (net.conv1, net.conv2, net.conv3)] == [(1, 1), (2, 2), (1, 1)]


def test_feature_maps_are_a_32nd_of_the_picture():
    with torch.device("meta"):
        model, x = resnet18(), torch.zeros(1, 3, 224, 320)
        assert model.forward_features(x).shape == (1, 512, 7, 10)
        assert resnet_small().forward_features(x[:, :, :32, :32]).shape == (1, 64, 8, 8)


def test_resnet_small_counted_by_hand():
    def block(inputs, channels):
        convolutions = 9 * inputs * channels + 9 * channels * channels + 4 * channels
        return convolutions + (inputs * channels + 2 * channels if inputs != channels else 0)

    stem = 9 * 3 * 16 + 2 * 16
    stages = [3 * block(16, 16)]
    stages += [block(c // 2, c) + 2 * block(c, c) for c in (32, 64)]
    by_hand = stem + sum(stages) + 64 * 10 + 10
    assert sum(p.numel() for p in resnet_small().parameters()) == by_hand == 272474


def test_resnet_small_learns_two_pictures_by_heart():
    torch.manual_seed(0)
    model, x, y = resnet_small(num_classes=2), pictures(4, 3, 16, 16), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 < losses[0]


@pytest.mark.parametrize("layers", [[0, 1], [1, 2.5], [True]])
def test_refuses_stages_without_blocks(layers):
    with pytest.raises(ValueError, match=r"layers\[\d\] is .*, but a whole number"):
        ResNet(BasicBlock, layers)


def test_refuses_a_network_without_stages():
    with pytest.raises(ValueError, match=r"len\(layers\) is 0, but a whole number of at least 1"):
        ResNet(BasicBlock, [])


@pytest.mark.parametrize("value", [0, 1.5])
@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_block_refuses_what_is_no_number(block, position, value):
    arguments = [8, 8, 1]
    arguments[position] = value
    with pytest.raises(ValueError, match=f"is {value}, but a whole number of at least 1"):
        block(*arguments)
