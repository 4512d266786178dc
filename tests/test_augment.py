"""Augmentation: each change alone on a simple picture whose answer is known."""

from dataclasses import fields

import pytest
import torch
from torch import Generator, Tensor

from netlib.training.augment import augment
from netlib.training.config import AUGMENTATIONS, AugmentConfig

N = 300
ALL_ON = AugmentConfig(
    **dict.fromkeys(("scale", "stretch", "shear"), 0.2),
    **dict.fromkeys(("thickness", "blur"), 0.8),
    rotation=20,
    shift=2,
    elastic=1,
    contrast=0.5,
    erase=0.5,
)
EACH_ALONE = [AugmentConfig(**{f.name: 0.5}) for f in fields(AugmentConfig) if f.default == 0.0]


def chance(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def rectangle(height: int, width: int, of: tuple[int, int] = (28, 28), n: int = N) -> Tensor:
    """Make n pictures of a centred rectangle of ink."""
    images = torch.zeros(n, 1, *of)
    top, left = (of[0] - height) // 2, (of[1] - width) // 2
    images[:, :, top : top + height, left : left + width] = 1
    return images


def mass(images: Tensor) -> Tensor:
    return images.sum((1, 2, 3))


def centres(images: Tensor) -> Tensor:
    """Centre of mass (N, 2), pixels from the image's middle: x to the right, y down."""
    height, width = images.shape[2:]
    x = torch.arange(width) - (width - 1) / 2
    y = torch.arange(height) - (height - 1) / 2
    ink = images[:, 0]
    return (
        torch.stack([(ink.sum(1) * x).sum(1), (ink.sum(2) * y).sum(1)], 1) / mass(images)[:, None]
    )


def moments(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Variances and covariance of the ink's position: xx, yy, xy, each (N,)."""
    height, width = images.shape[2:]
    centre_x, centre_y = centres(images).T[:, :, None, None]
    x = (torch.arange(width) - (width - 1) / 2)[None, None, :] - centre_x
    y = (torch.arange(height) - (height - 1) / 2)[None, :, None] - centre_y
    ink = images[:, 0] / mass(images)[:, None, None]
    return (ink * x * x).sum((1, 2)), (ink * y * y).sum((1, 2)), (ink * x * y).sum((1, 2))


def is_uniform(values: Tensor, limit: float, tolerance: float = 0.03) -> bool:
    """Whether values look uniform in ±limit: inside, to both ends, of variance limit² / 3."""
    slack = tolerance * limit
    inside = values.abs().max() <= limit + slack
    reaches = values.min() < -0.95 * limit + slack and values.max() > 0.95 * limit - slack
    return bool(inside and reaches and abs(values.std() - limit / 3**0.5) < 0.1 * limit)


# --- What holds for every change ----------------------------------------------------------------


@pytest.mark.parametrize("config", [*EACH_ALONE, ALL_ON], ids=str)
def test_every_change_keeps_shape_range_and_original(config: AugmentConfig) -> None:
    images = torch.rand(20, 1, 28, 28, generator=chance(1))
    images[:10] = images[:10].round()
    before = images.clone()
    changed = augment(images, config, chance())
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, images)
    assert torch.equal(images, before)
    # Images of a batch are changed apart, but those that erasing leaves alone.
    changed = augment(0.5 * rectangle(14, 10, n=20), config, chance())
    assert len(changed.flatten(1).unique(dim=0)) > 5


def test_changes_come_from_the_generator_alone() -> None:
    images, generator, state = rectangle(9, 5, n=8), chance(3), torch.get_rng_state()
    first = augment(images, AUGMENTATIONS["strong"], generator)
    assert not torch.equal(first, augment(images, AUGMENTATIONS["strong"], generator))  # it goes on
    assert torch.equal(first, augment(images, AUGMENTATIONS["strong"], chance(3)))
    assert not torch.equal(first, augment(images, AUGMENTATIONS["strong"], chance(4)))
    assert torch.equal(torch.get_rng_state(), state)
    assert augment(images, AugmentConfig(erase_size=3), chance()) is images


def test_the_three_channels_of_an_image_are_changed_alike() -> None:
    grey = rectangle(14, 6, n=10)
    colour = augment(grey.expand(-1, 3, -1, -1), ALL_ON, chance())
    assert colour.shape == (10, 3, 28, 28)
    assert torch.equal(colour[:, 0], colour[:, 1])
    assert torch.equal(colour[:, 0], colour[:, 2])
    torch.testing.assert_close(colour[:, :1], augment(grey, ALL_ON, chance()))


# --- Warps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [(28, 28), (24, 40)], ids=str)
def test_rotation_turns_within_its_limit_and_deforms_nothing(of: tuple[int, int]) -> None:
    bar = rectangle(16, 4, of)
    turned = augment(bar, AugmentConfig(rotation=30), chance())
    xx, yy, xy = moments(turned)
    degrees = torch.rad2deg(0.5 * torch.atan2(2 * xy, yy - xx))  # of the long axis to the vertical
    assert is_uniform(degrees, 30)
    long_axis = (xx + yy) / 2 + (((xx - yy) / 2) ** 2 + xy**2).sqrt()
    assert long_axis.sqrt() == pytest.approx(torch.full((N,), (16**2 / 12) ** 0.5), rel=0.03)
    assert mass(turned) == pytest.approx(mass(bar), rel=0.03)
    assert centres(turned).abs().max() < 0.1


def test_scale_changes_both_sides_alike() -> None:
    scaled = augment(rectangle(12, 8), AugmentConfig(scale=0.25), chance())
    factors = (mass(scaled) / (12 * 8)).sqrt()
    assert is_uniform(factors - 1, 0.25)
    xx, yy, _ = moments(scaled)
    assert (yy / xx).sqrt() == pytest.approx(torch.full((N,), 12 / 8), rel=0.1)
    assert centres(scaled).abs().max() < 0.1


def test_stretch_widens_what_it_flattens() -> None:
    stretched = augment(rectangle(10, 10), AugmentConfig(stretch=0.3), chance())
    xx, yy, _ = moments(stretched)
    # Width times e^d, height times e^-d: the ratio of the variances is e^4d.
    assert is_uniform((xx / yy).log() / 4, 0.3)
    assert mass(stretched) == pytest.approx(torch.full((N,), 100.0), rel=0.05)


@pytest.mark.parametrize("of", [(28, 28), (24, 40)], ids=str)
def test_shear_slants_by_its_tangent(of: tuple[int, int]) -> None:
    slanted = augment(rectangle(16, 4, of), AugmentConfig(shear=0.4), chance())
    _, yy, xy = moments(slanted)
    assert is_uniform(xy / yy, 0.4)
    assert mass(slanted) == pytest.approx(torch.full((N,), 64.0), rel=0.03)
    assert yy == pytest.approx(torch.full((N,), (16**2 - 1) / 12), rel=0.02)  # heights stay


def test_shift_moves_by_pixels_along_both_axes_and_background_comes_in() -> None:
    moved = augment(rectangle(6, 6, (20, 32)), AugmentConfig(shift=3), chance())
    x, y = centres(moved).T
    assert is_uniform(x, 3)
    assert is_uniform(y, 3)
    assert abs(torch.corrcoef(torch.stack([x, y]))[0, 1]) < 0.2
    assert mass(moved) == pytest.approx(torch.full((N,), 36.0), rel=1e-3)
    moved = augment(torch.ones(N, 1, 16, 16), AugmentConfig(shift=4), chance())
    far = moved[:, 0].amin((1, 2)) == 0
    assert far.float().mean() > 0.9
    assert (mass(moved) >= (16 - 4) ** 2 - 1e-3).all()


def test_elastic_moves_neighbours_together_by_about_its_pixels() -> None:
    # Grey rises by 1/28 a pixel, so a change in grey is a displacement along x.
    ramp = ((torch.arange(28) + 0.5) / 28).expand(N, 1, 28, 28)
    warped = augment(ramp, AugmentConfig(elastic=1.5), chance())
    inner = slice(8, 20)  # far from the border, where the background comes in
    moved = 28 * (warped - ramp)[:, 0, inner, inner]
    # Control points have a standard deviation of 1.5; between them the field averages.
    assert 0.6 * 1.5 < moved.std() < 1.1 * 1.5
    assert abs(moved.mean()) < 0.15
    steps = moved.diff(dim=1)
    assert steps.std() < 0.4 * moved.std()


# --- Ink ----------------------------------------------------------------------------------------


def test_thickness_grows_half_of_the_images_and_thins_the_others_up_to_its_share() -> None:
    # A 4×12 bar has 48 pixels; a 3×3 dilation makes 6×14 = 84 of them, an erosion 2×10 = 20.
    masses = mass(augment(rectangle(12, 4), AugmentConfig(thickness=1), chance()))
    thicker = masses[masses > 48]
    thinner = masses[masses < 48]
    assert 0.4 * N < len(thicker) < 0.6 * N
    assert thicker.max() <= 84
    assert thicker.mean() == pytest.approx((48 + 84) / 2, abs=4)
    assert thinner.min() >= 20
    assert thinner.mean() == pytest.approx((48 + 20) / 2, abs=4)
    masses = mass(augment(rectangle(12, 4), AugmentConfig(thickness=0.5), chance()))
    assert 48 + 0.5 * (84 - 48) >= masses.max() > 60
    assert 48 - 0.5 * (48 - 20) <= masses.min() < 38


def test_contrast_multiplies_the_ink_and_clips() -> None:
    grey = augment(0.5 * rectangle(4, 4), AugmentConfig(contrast=0.6), chance())
    factors = grey[:, 0, 14, 14] / 0.5
    assert is_uniform(factors - 1, 0.6)
    torch.testing.assert_close(grey, grey[:, :, 14:15, 14:15] * rectangle(4, 4))
    black = augment(rectangle(4, 4), AugmentConfig(contrast=0.6), chance())
    torch.testing.assert_close(black[:, 0, 14, 14], factors.clamp(max=1))


def test_blur_spreads_each_pixel_over_its_neighbours() -> None:
    blurred = augment(rectangle(1, 1, (9, 9)), AugmentConfig(blur=0.8), chance())
    # Of the 1-2-1 filter along both axes a share s: 1 - s + s/4 stays, s/8 goes to each side and
    # s/16 to each corner.
    share = (1 - blurred[:, 0, 4, 4]) / 0.75
    assert is_uniform(share - 0.4, 0.4)
    torch.testing.assert_close(blurred[:, 0, 4, 5], share / 8)
    torch.testing.assert_close(blurred[:, 0, 3, 4], share / 8)
    torch.testing.assert_close(blurred[:, 0, 5, 3], share / 16)
    torch.testing.assert_close(mass(blurred), torch.ones(N))


def test_erase_wipes_one_square_of_the_stated_share_of_images() -> None:
    images = torch.ones(2000, 1, 12, 16)
    erased = augment(images, AugmentConfig(erase=0.3, erase_size=5), chance())
    missing = (1 - erased).sum((1, 2, 3))
    assert set(missing.tolist()) == {0.0, 25.0}
    # Two standard deviations of a share of 0.3 among 2000 are 0.02.
    assert (missing == 25).float().mean() == pytest.approx(0.3, abs=0.03)
    holes = 1 - erased[missing == 25][:, 0]
    assert (holes.amax(2).sum(1) == 5).all()  # five rows and five columns: a square
    assert (holes.amax(1).sum(1) == 5).all()
    assert (holes.amax(0) == 1).all()  # no corner is out of reach
    corners = images[:9, :, :8, :8]  # smaller than the patch
    assert not augment(corners, AugmentConfig(erase=1, erase_size=20), chance()).any()
