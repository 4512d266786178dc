"""The two building blocks that the whole project compares.

    ConvBlock   3x3 conv -> BN -> ReLU
    ConvDw      3x3 depthwise conv -> BN -> ReLU -> 1x1 conv -> BN -> ReLU

Source: Howard et al. 2017, "MobileNets" (arXiv:1704.04861), Figure 3, left and right.
Convolutions carry no bias: the batch norm that follows has one.
"""

from torch import Tensor, nn

from netlib.nets.layers import EPSILON, KERNEL_SIZE

PADDING = KERNEL_SIZE // 2


class ConvBlock(nn.Module):
    """Standard convolution: every filter reads every input channel.

    Weights K²·M·N for K = 3, M input and N output channels.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, KERNEL_SIZE, stride, PADDING, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, EPSILON)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        return self.relu(self.bn(self.conv(x)))


class ConvDw(nn.Module):
    """Depthwise separable convolution: first space, one filter a channel, then channels.

    Weights K²·M + M·N in place of K²·M·N, a share of 1/N + 1/K² (equation 5 of the paper).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(
            in_channels, in_channels, KERNEL_SIZE, stride, PADDING, groups=in_channels, bias=False
        )
        self.bn_dw = nn.BatchNorm2d(in_channels, EPSILON)
        self.relu_dw = nn.ReLU(inplace=True)
        self.conv_pw = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn_pw = nn.BatchNorm2d(out_channels, EPSILON)
        self.relu_pw = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        x = self.relu_dw(self.bn_dw(self.conv_dw(x)))
        return self.relu_pw(self.bn_pw(self.conv_pw(x)))
