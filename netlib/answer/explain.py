"""Why a network answers as it does: its filters, its feature maps, and where the evidence lies.

The networks end in global average pooling and one fully connected layer, so a logit is a sum over
the positions of the last feature map: `evidence` splits it exactly. `grad_cam` works at any block.
"""

import torch
from torch import Tensor, nn

from netlib.nets.blocks import ConvDw
from netlib.nets.network import Network


def filters(net: Network) -> list[Tensor]:
    """The spatial filters of each block, first block first.

    Returns:
        One tensor (out_channels, in_channels, 3, 3) a `ConvBlock`; (channels, 1, 3, 3) a `ConvDw`,
        whose 1x1 convolution has no spatial extent.
    """
    return [_spatial(block).weight.detach().clone() for block in net.blocks]


@torch.inference_mode()
def feature_maps(net: Network, image: Tensor) -> list[Tensor]:
    """The responses of each block to one image (C, H, W): tensors (C', H', W'), none negative."""
    maps = []
    x = _batch_of_one(net, image)
    for block in net.blocks:
        x = block(x)
        maps.append(x[0].clone())
    return maps


@torch.inference_mode()
def evidence(net: Network, image: Tensor, target: int, against: int | None = None) -> Tensor:
    """The share of each position in a logit: for it where positive, against it where negative.

    The class activation map of Zhou et al. 2016 (arXiv:1512.04150), equation 2, divided by the
    number of positions: the sum over the map plus the head's bias is the logit.

    Args:
        net: the network, in evaluation mode.
        image: (C, H, W) in [0, 1].
        target: the class whose logit is split.
        against: split the lead of `target` over this class instead, logit less logit.

    Returns:
        (H', W'), the last block's resolution.

    Raises:
        ValueError: a class that the network does not have.
    """
    weight = net.head.weight[_class(net, target)]
    if against is not None:
        weight = weight - net.head.weight[_class(net, against)]
    maps = net.blocks(_batch_of_one(net, image))[0]
    return torch.einsum("c,chw->hw", weight, maps) / maps[0].numel()


def grad_cam(net: Network, image: Tensor, target: int, block: int = -1) -> Tensor:
    """Grad-CAM: where the maps of one block speak for a class.

    Selvaraju et al. 2017 (arXiv:1610.02391), equations 1 and 2: each map is weighted by the mean
    gradient of the class's logit over its positions; what speaks against the class is cut to 0.

    Args:
        net: the network, in evaluation mode.
        image: (C, H, W) in [0, 1].
        target: the class.
        block: index of the block whose maps are weighted, from the end if negative.

    Returns:
        (H', W') at that block's resolution, at least 0.

    Raises:
        ValueError: a class or a block that the network does not have.
    """
    _class(net, target)
    count = len(net.blocks)
    if not -count <= block < count:
        raise ValueError(f"block is {block}; expected an index into {count} blocks.")
    stop = block % count + 1
    with torch.no_grad():
        maps = net.blocks[:stop](_batch_of_one(net, image))
    # The layers after the block may overwrite their input, which a leaf does not allow.
    leaf = maps.detach().requires_grad_()
    with torch.enable_grad():
        rest = net.blocks[stop:](leaf.clone())
        logit = net.forward_head(net.pool(rest).flatten(1))[0, target]
        (gradient,) = torch.autograd.grad(logit, leaf)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(dim=1))[0]


def _spatial(block: nn.Module) -> nn.Conv2d:
    conv = block.conv_dw if isinstance(block, ConvDw) else block.conv
    assert isinstance(conv, nn.Conv2d)  # for mypy: both blocks hold one
    return conv


def _batch_of_one(net: Network, image: Tensor) -> Tensor:
    if tuple(image.shape) != net.input_dim:
        raise ValueError(
            f"The image has shape {tuple(image.shape)}; this network sees {net.input_dim}."
        )
    parameter = net.head.weight
    return image[None].to(device=parameter.device, dtype=parameter.dtype)


def _class(net: Network, target: int) -> int:
    if not 0 <= target < net.num_classes:
        raise ValueError(f"Class {target} is unknown; expected 0 to {net.num_classes - 1}.")
    return target
