"""The two blocks: the order of their layers, their weights, their arithmetic."""

import pytest
import torch
import torch.nn.functional as F
from helpers_runs import trained
from torch import Tensor, nn

from netlib.nets.blocks import ConvBlock, ConvDw

BLOCKS = pytest.mark.parametrize("block", [ConvBlock, ConvDw])


def batch_norm(x: Tensor, bn: nn.BatchNorm2d) -> Tensor:
    """Batch norm with running statistics, written out."""

    def column(t: Tensor) -> Tensor:
        return t.view(1, -1, 1, 1)

    scaled = (x - column(bn.running_mean)) / (column(bn.running_var) + bn.eps).sqrt()
    return scaled * column(bn.weight) + column(bn.bias)


def test_layers_are_those_of_the_paper_in_its_order() -> None:
    assert [name for name, _ in ConvBlock(4, 6).named_children()] == ["conv", "bn", "relu"]
    names = [name for name, _ in ConvDw(4, 6).named_children()]
    assert names == ["conv_dw", "bn_dw", "relu_dw", "conv_pw", "bn_pw", "relu_pw"]


def test_a_standard_block_convolves_normalises_and_rectifies() -> None:
    block = trained(ConvBlock(3, 5, stride=2))
    x = torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    convolved = F.conv2d(x, block.conv.weight, stride=2, padding=1)
    expected = batch_norm(convolved, block.bn).clamp(min=0)
    assert expected.max() > 0
    torch.testing.assert_close(block(x), expected)


def test_a_separable_block_filters_each_channel_alone_and_then_mixes_them() -> None:
    block = trained(ConvDw(3, 5, stride=2))
    x = torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    planes = [
        F.conv2d(x[:, c : c + 1], block.conv_dw.weight[c : c + 1], stride=2, padding=1)
        for c in range(3)
    ]
    spatial = batch_norm(torch.cat(planes, 1), block.bn_dw).clamp(min=0)
    mixed = torch.einsum("oi,nihw->nohw", block.conv_pw.weight[:, :, 0, 0], spatial)
    expected = batch_norm(mixed, block.bn_pw).clamp(min=0)
    assert expected.max() > 0
    torch.testing.assert_close(block(x), expected)


def test_weights_are_those_of_the_cost_model() -> None:
    # K²·M·N against K²·M + M·N, for K = 3, M = 32, N = 64; each batch norm has γ and β.
    standard = sum(p.numel() for p in ConvBlock(32, 64).parameters())
    separable = sum(p.numel() for p in ConvDw(32, 64).parameters())
    assert standard == 9 * 32 * 64 + 2 * 64
    assert separable == 9 * 32 + 32 * 64 + 2 * 32 + 2 * 64


@BLOCKS
def test_convolutions_have_no_bias(block: type[nn.Module]) -> None:
    convolutions = [m for m in block(4, 6).modules() if isinstance(m, nn.Conv2d)]
    assert convolutions
    assert all(conv.bias is None for conv in convolutions)


@BLOCKS
@pytest.mark.parametrize("side, stride, expected", [(28, 1, 28), (28, 2, 14), (7, 2, 4), (1, 2, 1)])
def test_a_stride_divides_the_side_and_rounds_up(
    block: type[nn.Module], side: int, stride: int, expected: int
) -> None:
    output = block(2, 3, stride).eval()(torch.zeros(1, 2, side, side))
    assert output.shape == (1, 3, expected, expected)
