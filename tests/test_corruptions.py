"""Spoiled digits, and the table of what networks make of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers_data import done
from helpers_runs import keep_pairs

from analysis.questions import damage
from netlib.data.dataset import DigitDataset
from netlib.measure.corruptions import CORRUPTIONS, affine, corrupt
from netlib.measure.runs import find_pairs
from netlib.nets.checkpoint import load_network
from netlib.training.course import infer

# Mu & Gilmer 2019, in their order
MNIST_C = (
    "shot_noise impulse_noise glass_blur motion_blur shear scale rotate brightness translate "
    "stripe fog spatter dotted_line zigzag canny_edges"
).split()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Six upright bars, (6, 28, 28): rows 6 to 21, columns 12 to 15."""
    bars = np.zeros((6, 28, 28))
    bars[:, 6:22, 12:16] = 1
    return bars


def middle(image: np.ndarray) -> tuple[float, float]:
    """Row and column of the ink's centre of mass, from the middle of the image."""
    places = np.arange(28) - 13.5
    return (image.sum(1) @ places) / image.sum(), (image.sum(0) @ places) / image.sum()


# --- The kinds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MNIST_C)
def test_a_kind_changes_every_image_by_the_seed_or_alike(images: np.ndarray, kind: str) -> None:
    before = images.copy()
    spoiled = corrupt(images, kind, seed=0)
    assert (spoiled.shape, spoiled.dtype) == (images.shape, np.float32)
    assert spoiled.min() >= 0 and spoiled.max() <= 1
    assert (np.abs(spoiled - images).sum(axis=(1, 2)) > 1).all()
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corrupt(images, kind, 0), spoiled)  # a seed spoils alike
    if kind in ("scale", "brightness", "stripe", "canny_edges"):  # nothing there is random
        mixed = np.concatenate([images[:1], images[1:].transpose(0, 2, 1)])
        np.testing.assert_array_equal(corrupt(mixed, kind, 0)[0], spoiled[0])
        return
    assert not all(np.array_equal(spoiled[0], other) for other in spoiled[1:])
    assert not np.array_equal(spoiled, corrupt(images, kind, 1))


def test_an_unknown_kind_and_a_wrong_range_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected one of shot_noise"):
        corrupt(images, "snow", 0)
    with pytest.raises(ValueError, match="divide 8-bit"):
        corrupt(255 * images, "fog", 0)
    with pytest.raises(ValueError, match="shape"):
        corrupt(images[0], "fog", 0)


def test_shot_noise_counts_photons_and_impulses_hit_17_percent(images: np.ndarray) -> None:
    spoiled = corrupt(images, "shot_noise", 0)
    assert not spoiled[images == 0].any()
    np.testing.assert_allclose(3 * spoiled, np.round(3 * spoiled), atol=1e-6)
    grey = np.full((20, 28, 28), 0.5)  # 15,680 pixels: one standard error is 0.3 points
    spoiled = corrupt(grey, "impulse_noise", 0)
    assert (spoiled == 1).mean() == pytest.approx(0.085, abs=0.012)
    assert (spoiled == 0).mean() == pytest.approx(0.085, abs=0.012)


def test_brightness_stripe_and_translation_are_exact(images: np.ndarray) -> None:
    assert np.unique(corrupt(images, "brightness", 0)).tolist() == [0.5, 1]
    striped = corrupt(images, "stripe", 0)
    np.testing.assert_array_equal(striped[:, :, :7], 1 - images[:, :, :7])
    np.testing.assert_array_equal(striped[:, :, 21:], 1 - images[:, :, 21:])
    np.testing.assert_array_equal(striped[:, :, 7:21], images[:, :, 7:21])
    for image in corrupt(images, "translate", 0):
        down, right = middle(image)
        assert (abs(down), abs(right)) == pytest.approx((3, 3))


def test_a_blur_keeps_the_amount_of_ink_and_lines_only_add_some(images: np.ndarray) -> None:
    for kind in ("glass_blur", "motion_blur"):
        ink = corrupt(images, kind, 0).sum(axis=(1, 2))
        assert ink == pytest.approx(np.full(6, 16 * 4), rel=0.01)
    for kind in ("dotted_line", "zigzag"):
        assert (corrupt(images, kind, 0) >= images).all()
    dots = corrupt(np.zeros((1, 28, 28)), "dotted_line", 0)[0].any(axis=0)
    assert dots.tolist() == [False, False, True, True] * 7
    zigzag = corrupt(np.zeros((1, 28, 28)), "zigzag", 0)[0].any(axis=0)
    assert not zigzag[[0, 1, 26, 27]].any()


def test_fog_dims_the_digit_to_a_quarter(images: np.ndarray) -> None:
    """(1 + 3 · cloud) / 4 on ink against 3 · cloud / 4 on paper."""
    foggy = corrupt(images, "fog", 0)
    clouds = corrupt(np.full_like(images, 1e-3), "fog", 0)  # as dim as its brightest pixel
    assert foggy.max() <= 1
    assert foggy[images == 1].min() >= 0.25 - 1e-6
    assert clouds.max() <= 1e-3


def test_edges_are_the_outline_of_a_bar(images: np.ndarray) -> None:
    edges = corrupt(images[:1], "canny_edges", 0)[0]
    assert set(np.unique(edges).tolist()) == {0, 1}
    # Across the middle: one pixel at each side of the columns 12 to 15.
    columns = np.flatnonzero(edges[14])
    assert len(columns) == 2
    assert columns == pytest.approx([11.5, 15.5], abs=0.6)
    assert not edges[10:18, 13:15].any()


# --- Affine changes -----------------------------------------------------------------------------


def test_a_quarter_turn_and_no_change_are_exact_and_what_leaves_is_gone(images: np.ndarray) -> None:
    turned = affine(images, radians=np.pi / 2)
    np.testing.assert_allclose(turned, np.rot90(images, axes=(1, 2)), atol=1e-9)
    np.testing.assert_allclose(affine(images), images, atol=1e-12)
    assert not affine(images, down=22).any()
    assert affine(images, down=21)[0].sum() == pytest.approx(4)  # the top row is left


def test_scale_moves_and_turns_are_those_of_the_ink(images: np.ndarray) -> None:
    ink = affine(images, scale=0.5).sum(axis=(1, 2))
    assert ink == pytest.approx(np.full(6, 16 * 4 / 4), rel=0.1)
    moved = affine(images, down=np.arange(6), right=-np.arange(6.0))
    assert [middle(image) for image in moved] == [pytest.approx((i, -i)) for i in range(6)]
    dot = np.zeros((1, 28, 28))
    dot[0, 3:5, 13:15] = 1  # 10 pixels above the middle
    assert middle(affine(dot, radians=np.pi / 2)[0]) == pytest.approx((0, -10))
    assert middle(affine(dot, shear=0.4)[0]) == pytest.approx((-10, 4), abs=1e-6)


# --- The script ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    return digit_folder(train=2, test=4)


@pytest.fixture(scope="module")
def runs(dataset: Path, tmp_path_factory) -> Path:
    return keep_pairs(tmp_path_factory.mktemp("pairs"), dataset, 0, 1)


@pytest.fixture(scope="module")
def output(runs: Path, dataset: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    paths = ["--runs", runs, "--dataset-path", dataset, "--output", folder]
    done("damage", *paths, "--count", 20)
    return folder


def test_every_run_meets_every_kind_of_mnist_c(output: Path) -> None:
    assert list(CORRUPTIONS) == MNIST_C
    table = pd.read_csv(output / "corruptions.csv")
    assert table.columns.tolist() == ["network", "seed", "corruption", "n", "accuracy"]
    assert table["corruption"].unique().tolist() == ["identity", *MNIST_C]
    assert table["network"].unique().tolist() == ["standard", "mobilenet"]
    assert len(table) == len(table.drop_duplicates(["network", "seed", "corruption"])) == 4 * 16
    assert table["n"].unique().tolist() == [20]
    record = json.loads((output / "corruptions.json").read_text(encoding="utf-8"))
    assert list(record["severities"]) == MNIST_C
    assert record["made_by"]["seeds"] == [0, 1]


def test_shifts_of_nothing_are_as_good_as_the_images(output: Path) -> None:
    table = pd.read_csv(output / "shifts.csv")
    assert table.columns.tolist() == ["network", "seed", "kind", "amount", "n", "accuracy"]
    assert table["kind"].unique().tolist() == ["rotate", "shift", "scale", "shear"]
    clean = pd.read_csv(output / "corruptions.csv").query("corruption == 'identity'")
    clean = clean.set_index(["network", "seed"])["accuracy"]
    unchanged = table[table["amount"] == (table["kind"] == "scale")]
    assert len(unchanged) == 4 * 4
    for row in unchanged.itertuples():
        assert row.accuracy == clean[row.network, row.seed]


def test_accuracy_is_that_of_the_network_on_the_spoiled_images(runs, dataset, output) -> None:
    folder = runs / "mobilenet-1"
    net = load_network(folder / "network.safetensors")
    options = damage.Options(runs=runs, dataset_path=dataset, count=20, output=output)
    images, labels = damage.read_images(find_pairs(runs), options)
    spoiled = DigitDataset.from_arrays(
        np.round(255 * corrupt(images, "impulse_noise", 0)).astype(np.uint8), labels
    )
    predictions = infer(net, [spoiled.batch(range(20))]).predictions.numpy()
    table = pd.read_csv(output / "corruptions.csv")
    row = table.query("network == 'mobilenet' and seed == 1 and corruption == 'impulse_noise'")
    assert row["accuracy"].item() == pytest.approx((predictions == labels).mean(), abs=0.051)
