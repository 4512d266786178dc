"""Parameters and multiply-accumulates (MACs), measured on the real module.

A MAC is one multiplication and one addition, the paper's "mult-add"; 1 MAC = 2 FLOPs.
Convolutions and fully connected layers count; batch norm, ReLU and pooling do not, as in the
paper. Parameters are the trainable ones; buffers are batch norm's running means and variances.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer for one image.

    Attributes:
        name: the module's path, such as "blocks.2.conv_dw".
        kind: "conv", "depthwise", "pointwise", "fc" or "bn".
        output_shape: (C, H, W), or (D,) after pooling.
        num_params: trainable parameters.
        num_buffers: running statistics.
        macs: multiply-accumulates for one image.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_params: int
    num_buffers: int
    macs: int


@dataclass(frozen=True)
class Complexity:
    """Cost of a network for one image: its layers in the order in which they run."""

    layers: tuple[LayerCost, ...]

    @property
    def num_params(self) -> int:
        """Trainable parameters."""
        return sum(layer.num_params for layer in self.layers)

    @property
    def num_buffers(self) -> int:
        """Running means and variances of batch norm."""
        return sum(layer.num_buffers for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(layer.macs for layer in self.layers)


def measure(net: nn.Module, input_dim: Sequence[int]) -> Complexity:
    """Run one blank image of `input_dim` (C, H, W) through `net` and count what each layer does.

    The network's weights, buffers and mode are left as they were.
    """
    layers: list[LayerCost] = []
    hooks = [
        module.register_forward_hook(_recorder(name, layers))
        for name, module in net.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d))
    ]
    modes = {module: module.training for module in net.modules()}
    first = next(net.parameters())
    try:
        net.eval()
        with torch.no_grad():
            net(torch.zeros(1, *input_dim, device=first.device, dtype=first.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return Complexity(tuple(layers))


def _recorder(
    name: str, layers: list[LayerCost]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def record(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        layers.append(
            LayerCost(
                name=name,
                kind=_kind(module),
                output_shape=tuple(output.shape[1:]),
                num_params=sum(p.numel() for p in module.parameters() if p.requires_grad),
                num_buffers=sum(b.numel() for b in module.buffers() if b.dim() > 0),
                macs=_macs(module, output),
            )
        )

    return record


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.BatchNorm2d):
        return "bn"
    if isinstance(module, nn.Linear):
        return "fc"
    assert isinstance(module, nn.Conv2d)
    if module.kernel_size == (1, 1):
        return "pointwise"
    depthwise = module.groups == module.in_channels == module.out_channels
    return "depthwise" if depthwise else "conv"


def _macs(module: nn.Module, output: Tensor) -> int:
    """Every output number of a layer costs one MAC for each weight of its filter."""
    if isinstance(module, nn.BatchNorm2d):
        return 0
    weight: Tensor = module.weight  # type: ignore[assignment]
    return output[0].numel() * weight[0].numel()
