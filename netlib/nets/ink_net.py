"""A network that finds what was written by hand in a picture.

    (N, 1, H, W) grey -> halved five times and enlarged again -> (N, 1, H, W) logits

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) of depthwise separable convolutions; what is
enlarged is added to what was as large before, not stacked.
"""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from netlib.files import replacing
from netlib.nets.blocks import ConvBlock, ConvDw

CHANNELS = (12, 16, 32, 48, 64, 96)  # at each size, from the picture's own down
STRIDE = 2 ** (len(CHANNELS) - 1)  # sides are multiples of it


class InkNet(nn.Module):
    """Each pixel's logit that it was written by hand."""

    def __init__(self) -> None:
        super().__init__()
        sizes = list(pairwise(CHANNELS))
        self.stem = ConvBlock(1, CHANNELS[0])
        self.down = nn.ModuleList(
            nn.Sequential(
                ConvDw(above, below, stride=2), ConvDw(below, below), ConvDw(below, below)
            )
            for above, below in sizes
        )
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in sizes)
        self.up = nn.ModuleList(
            nn.Sequential(ConvDw(above, above), ConvDw(above, above)) for above, _ in sizes
        )
        self.head = nn.Conv2d(CHANNELS[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1], sides multiples of STRIDE -> (N, 1, H, W) logits."""
        passed = [self.stem(x)]
        for halve in self.down:
            passed.append(halve(passed[-1]))
        x = passed.pop()
        for narrow, up in zip(reversed(self.narrow), reversed(self.up), strict=True):
            larger = nn.functional.interpolate(
                narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False
            )
            x = up(passed.pop() + larger)
        return self.head(x)


def export(net: InkNet, path: Path) -> Path:
    """Write the network as an ONNX graph: pictures (1, 1, H, W) -> logits, likewise."""
    sample = torch.zeros(1, 1, STRIDE, STRIDE)
    with replacing(path) as temporary:
        torch.onnx.export(  # the newer exporter needs onnxscript
            net.eval().to(memory_format=torch.contiguous_format),
            (sample,),
            temporary,
            dynamo=False,
            input_names=["picture"],
            output_names=["logits"],
            dynamic_axes={"picture": {2: "height", 3: "width"}},
        )
    return path
