"""Random changes to a batch of images, on tensors, on the device where the batch lies.

Rotation, scale, stretch, shear, shift and the elastic field are one resampling of the image, so
that it is blurred by interpolation only once. All chance comes from the generator passed in.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from netlib.training.config import AugmentConfig

WARPS = ("rotation", "scale", "stretch", "shear", "shift", "elastic")
ELASTIC_GRID = 6  # control points on a side; 28 pixels / 6 is near the σ = 4 of Simard et al.


def augment(images: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Change every image of a batch (N, C, H, W) in [0, 1], ink 1 on 0, at random.

    The generator is on the device of the images; they come back as they are if nothing is on.
    """
    if any(getattr(config, name) for name in WARPS):
        images = _warp(images, config, generator)
    if config.thickness:
        images = _change_thickness(images, config.thickness, generator)
    if config.blur:
        share = config.blur * _uniform(images, generator, 0, 1)
        images = images + share * (_blur(images) - images)
    if config.contrast:
        factor = _uniform(images, generator, 1 - config.contrast, 1 + config.contrast)
        images = (images * factor).clamp(0, 1)
    if config.erase:
        images = images * _patch_mask(images, config, generator)
    return images


def _uniform(images: Tensor, generator: Generator, low: float, high: float) -> Tensor:
    """One number an image, shape (N, 1, 1, 1)."""
    sample = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return low + (high - low) * sample


def _warp(images: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    height, width = images.shape[2:]

    def draw(limit: float) -> Tensor:
        return _uniform(images, generator, -limit, limit).flatten()

    angle = draw(math.radians(config.rotation))
    scale, stretch = 1 + draw(config.scale), draw(config.stretch).exp()
    shear = draw(config.shear)
    cos, sin = angle.cos(), angle.sin()
    # affine_grid maps output to input coordinates, both from -1 to 1 over the image: a step in y
    # is worth height / width of a step in x.
    aspect = height / width
    x_scale, y_scale = scale * stretch, scale / stretch
    x_shift, y_shift = draw(2 * config.shift / width), draw(2 * config.shift / height)
    x_row = torch.stack([cos / x_scale, (shear - sin) / y_scale * aspect, x_shift], 1)
    y_row = torch.stack([sin / x_scale / aspect, cos / y_scale, y_shift], 1)
    theta = torch.stack([x_row, y_row], 1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    if config.elastic:
        coarse = torch.randn(
            len(images), 2, ELASTIC_GRID, ELASTIC_GRID, generator=generator, device=images.device
        )
        field = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
        unit = torch.tensor([2 / width, 2 / height], device=images.device)
        grid = grid + config.elastic * unit * field.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _change_thickness(images: Tensor, limit: float, generator: Generator) -> Tensor:
    """Mix in a dilation where the share is positive, an erosion where it is negative."""
    share = _uniform(images, generator, -limit, limit)
    thick = F.max_pool2d(images, 3, stride=1, padding=1)
    thin = -F.max_pool2d(-images, 3, stride=1, padding=1)
    return images + share.clamp(min=0) * (thick - images) + (-share).clamp(min=0) * (thin - images)


def _blur(images: Tensor) -> Tensor:
    """Binomial 1-2-1 filter along both axes, the 3x3 Gaussian of variance 1/2."""
    channels = images.shape[1]
    line = torch.tensor([0.25, 0.5, 0.25], device=images.device, dtype=images.dtype)
    rows = line.view(1, 1, 3, 1).expand(channels, 1, 3, 1)
    columns = line.view(1, 1, 1, 3).expand(channels, 1, 1, 3)
    images = F.conv2d(images, rows, padding=(1, 0), groups=channels)
    return F.conv2d(images, columns, padding=(0, 1), groups=channels)


def _patch_mask(images: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """(N, 1, H, W): 0 in one random square of some images, 1 elsewhere."""
    height, width = images.shape[2:]
    size = min(config.erase_size, height, width)
    top = (_uniform(images, generator, 0, 1) * (height - size + 1)).floor()
    left = (_uniform(images, generator, 0, 1) * (width - size + 1)).floor()
    rows = torch.arange(height, device=images.device).view(1, 1, -1, 1)
    columns = torch.arange(width, device=images.device).view(1, 1, 1, -1)
    inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
    chosen = _uniform(images, generator, 0, 1) < config.erase
    return 1 - (inside & chosen).to(images.dtype)
