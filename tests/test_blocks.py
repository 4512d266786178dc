"""The two blocks: the order of their layers, their weights, their arithmetic."""

import torch
import torch.nn.functional as F
from helpers_runs import trained
from torch import Tensor, nn

from netlib.nets.blocks import ConvBlock, ConvDw


def batch_norm(x: Tensor, bn: nn.BatchNorm2d) -> Tensor:
    """Batch norm with running statistics, written out."""

    def column(t: Tensor) -> Tensor:
        return t.view(1, -1, 1, 1)

    scaled = (x - column(bn.running_mean)) / (column(bn.running_var) + bn.eps).sqrt()
    return scaled * column(bn.weight) + column(bn.bias)


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
