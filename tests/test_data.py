"""DigitDataset and DigitData: what comes out, in batches, parts and epochs."""

import itertools
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_data import layout, numbered, png, write_folder
from torch.utils.data import DataLoader, Subset
from torchvision import transforms

from netlib import data
from netlib.data.loaders import DataError, DigitData, DigitDataset
from netlib.data.overlap import digests_path

LABELS = [3, 0, 9]


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A train split of three images; image i is filled with i + 1."""
    return write_folder(tmp_path / "digits", layout(LABELS))


def first_pixels(dataset: DigitDataset) -> list[int]:
    """What tells the images of `numbered` apart."""
    return dataset.images[:, 0, 0, 0].tolist()


# --- DigitDataset -------------------------------------------------------------------------------


def test_dataset_holds_uint8_images_and_gives_float_ones_with_an_integer(digits: Path) -> None:
    dataset = DigitDataset(digits)
    assert len(dataset) == 3
    assert dataset.images.dtype == torch.uint8 and dataset.images.shape == (3, 1, 28, 28)
    assert dataset.labels.dtype == torch.int64 and dataset.labels.tolist() == LABELS
    assert dataset.names == ["0.png", "1.png", "2.png"]
    assert dataset.input_dim == (1, 28, 28)
    assert dataset.class_counts == [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert first_pixels(dataset) == [1, 2, 3]
    image, label = dataset[1]
    assert image.dtype == torch.float32 and image.shape == (1, 28, 28)
    assert torch.equal(image, torch.full((1, 28, 28), 2 / 255))
    assert type(label) is int and label == 0


@pytest.mark.parametrize("chain", [False, True])
def test_a_transform_may_begin_with_torchvision_s_to_tensor(digits: Path, chain: bool) -> None:
    steps = [transforms.RandomRotation(0), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
    transform = transforms.Compose(steps) if chain else transforms.ToTensor()
    dataset = DigitDataset(digits, transform=transform)
    expected = torch.full((1, 28, 28), 3 / 255)
    image = dataset[2][0]
    torch.testing.assert_close(image, (expected - 0.5) / 0.5 if chain else expected)
    assert torch.equal(dataset.batch([2])[0][0], image)
    colour = DigitDataset(digits, input_dim=(3, 28, 28), transform=transforms.ToTensor())
    torch.testing.assert_close(colour[2][0], expected.expand(3, 28, 28))


@pytest.mark.parametrize(
    "index",
    [slice(2, 0, -1), [2, 1], np.array([2, 1]), torch.tensor([2, 1]), range(2, 0, -1)],
    ids=["slice", "list", "array", "tensor", "range"],
)
def test_slices_and_lists_index_a_smaller_data_set(digits: Path, index: object) -> None:
    part = DigitDataset(digits)[index]
    assert part.names == ["2.png", "1.png"]
    assert part.labels.tolist() == LABELS[2:0:-1]
    assert len(DigitDataset(digits)[:]) == 3


def test_a_mask_indexes_too_a_slice_shares_memory_and_a_list_copies(digits: Path) -> None:
    dataset = DigitDataset(digits)
    assert dataset[dataset.labels == 9].names == ["2.png"]
    assert len(dataset[[]]) == 0
    with pytest.raises(IndexError, match="the mask has 1 value for 3 images"):
        dataset[torch.tensor([True])]
    dataset = DigitDataset.from_arrays(np.stack(numbered(4)), [0, 1, 2, 3])
    view, copy = dataset.select(slice(1, 3)), dataset.select([3, 1])
    dataset.images[1] = 77
    assert first_pixels(view) == [77, 3] and view.names == ["1", "2"]
    assert first_pixels(copy) == [4, 2] and copy.labels.tolist() == [3, 1]


def test_ink_of_the_other_polarity_is_told(tmp_path: Path) -> None:
    page = np.full((28, 28), 255, np.uint8)
    page[10:18, 12:16] = 0
    files = layout(LABELS)
    for index in (0, 1):
        files[f"train_new/{index}.png"] = png(page)
    warnings = DigitDataset(write_folder(tmp_path, files)).warnings
    assert any("2 of 3 images are dark ink" in w and "--preprocess sketch" in w for w in warnings)
    read = DigitDataset(tmp_path, preprocess="sketch")
    assert not any("dark ink" in warning for warning in read.warnings)


def test_images_that_were_trained_on_are_found_again(tmp_path: Path, digits: Path, caplog) -> None:
    dataset, checkpoint = DigitDataset(digits), tmp_path / "net.safetensors"
    assert data.warn_of_seen(checkpoint, dataset.images) is None
    data.write_digests(checkpoint, dataset.images[:2])
    assert data.warn_of_seen(checkpoint, dataset.images) == 2
    assert "2 of these 3 images are among those that net.safetensors was trained" in caplog.text
    assert data.warn_of_seen(checkpoint, dataset.images + 50) == 0
    digests_path(checkpoint).write_bytes(b"?")
    with pytest.raises(ValueError, match="holds no hashes of images"):
        data.warn_of_seen(checkpoint, dataset.images)


@pytest.mark.parametrize(("subset", "workers"), [(False, 0), (True, 0), (False, 1)])
def test_a_standard_loader_gives_stacked_batches(digits: Path, subset: bool, workers: int) -> None:
    dataset = DigitDataset(digits)
    source = Subset(dataset, [2, 1, 0]) if subset else dataset
    batches = list(DataLoader(source, batch_size=2, num_workers=workers))
    assert [images.shape for images, _ in batches] == [(2, 1, 28, 28), (1, 1, 28, 28)]
    labels = torch.cat([labels for _, labels in batches]).tolist()
    assert labels == (LABELS[::-1] if subset else LABELS)


def test_warnings_are_kept_and_logged(digits: Path, caplog) -> None:
    (digits / "train_new" / "spare.png").write_bytes(b"")
    (digits / "train_new" / "1.png").write_bytes(png(np.zeros((28, 28), np.uint8)))
    with caplog.at_level(logging.WARNING):
        dataset = DigitDataset(digits)
    unnamed, blank, absent = dataset.warnings
    assert "1 image in" in unnamed and "spare.png" in unnamed
    assert blank == "1 image is blank, for example 1.png."
    assert absent == "no image has the label 1 or 2 or 4 or 5 or 6 or 7 or 8."
    assert [record.getMessage() for record in caplog.records] == dataset.warnings


def test_progress_shows_a_bar_only_if_asked(digits: Path, capsys) -> None:
    DigitDataset(digits)
    assert capsys.readouterr().err == ""
    DigitDataset(digits, progress=True)
    assert "decoding" in capsys.readouterr().err


# --- From arrays --------------------------------------------------------------------------------


def test_arrays_become_a_data_set_that_shares_the_memory_of_those_that_can_be_written() -> None:
    images = np.stack(numbered(3))
    dataset = DigitDataset.from_arrays(images, [2, 1, 0], names=["a", "b", "c"])
    images[0] = 99
    assert first_pixels(dataset) == [99, 2, 3]
    assert dataset.labels.tolist() == [2, 1, 0] and dataset.names == ["a", "b", "c"]
    images = np.stack(numbered(3))
    images.setflags(write=False)
    assert first_pixels(DigitDataset.from_arrays(images, np.zeros(3, np.uint8))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("images", "options", "sentence"),
    [
        (np.zeros((28, 28), np.uint8), {}, "expected (N, C, H, W)"),
        (np.zeros((0, 28, 28), np.uint8), {"labels": []}, "empty"),
        (np.zeros((2, 2, 28, 28), np.uint8), {}, "wrong number of channels"),
        (np.zeros((2, 28, 28), np.uint8), {"labels": [0]}, "2 images have 1 labels and 2 names"),
        (np.zeros((2, 28, 28), np.uint8), {"names": ["a"]}, "2 images have 2 labels and 1 names"),
        (np.zeros((2, 28, 28), np.uint8), {"labels": [0, 10]}, "range from 0 to 10"),
        (np.zeros((2, 28, 28)), {}, "must be uint8"),
    ],
)
def test_arrays_that_do_not_fit(images: np.ndarray, options: dict, sentence: str) -> None:
    with pytest.raises(DataError, match=re.escape(sentence)):
        DigitDataset.from_arrays(images, **{"labels": [0, 1], **options})


# --- DigitData ----------------------------------------------------------------------------------

# Ten classes, 8 images of each, in an order that is not sorted.
MANY = [(7 * index) % 10 for index in range(80)]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """80 training and 20 test images."""
    files = {**layout(MANY, "train", side=8), **layout(MANY[:20], "test", side=8)}
    return write_folder(tmp_path / "whole", files)


def make(path: Path, **options) -> DigitData:
    return DigitData(path, input_dim=(1, 8, 8), **options)


def test_parts_have_the_sizes_and_classes_asked_for_and_one_transform(whole: Path) -> None:
    data = make(whole, train_size=50, validation_size=0.25, test_size=10)
    sizes = [len(part) for part in (data.train_set, data.validation_set, data.test_set)]
    assert sizes == [50, 20, 10]
    assert data.class_counts == data.train_set.class_counts == [5] * 10
    assert data.validation_set.class_counts == [2] * 10
    assert data.test_set.class_counts == [1] * 10
    data = make(whole, validation_size=20, transform=lambda image: image * 0)
    assert not data.train_set[0][0].any()
    assert data.validation_set[0][0].any() and data.test_set[0][0].any()


def test_parts_share_no_image_and_all_keep_their_labels_and_names(whole: Path) -> None:
    data = make(whole, validation_size=20)
    train, validation = first_pixels(data.train_set), first_pixels(data.validation_set)
    assert sorted(train + validation) == list(range(1, 81))
    assert first_pixels(data.test_set) == list(range(1, 21))
    assert first_pixels(make(whole, validation_size=20, seed=1).validation_set) != validation
    for part in (data.train_set, data.validation_set):
        for pixel, label, name in zip(
            first_pixels(part), part.labels.tolist(), part.names, strict=True
        ):
            assert label == MANY[pixel - 1] and name == f"{pixel - 1}.png"


def test_without_a_test_split_test_is_cut_from_train(whole: Path) -> None:
    (whole / "test.csv").unlink()
    with pytest.raises(DataError, match=r"holds test/ but not test\.csv"):  # it is damaged
        make(whole, validation_size=20, test_size=10)
    shutil.rmtree(whole / "test")
    with pytest.raises(DataError, match="has no test split; give test_size"):
        make(whole)
    data = make(whole, validation_size=20, test_size=0.25)
    parts = [first_pixels(part) for part in (data.train_set, data.validation_set, data.test_set)]
    assert [len(part) for part in parts] == [40, 20, 20]
    assert sorted(itertools.chain(*parts)) == list(range(1, 81))


def seen(loader) -> list[int]:
    """First pixels of the images that a loader gives, in order."""
    return [round(255 * value) for images, _ in loader for value in images[:, 0, 0, 0].tolist()]


def test_loaders_give_every_image_once_and_that_of_training_shuffles(whole: Path) -> None:
    """Batches of 7 do not divide 20: the last batch has 6 images."""
    data = make(whole, validation_size=20, batch_size=7)
    assert [len(labels) for _, labels in data.test_loader()] == [7, 7, 6]
    assert seen(data.test_loader()) == list(range(1, 21))
    assert seen(data.validation_loader()) == first_pixels(data.validation_set)
    loader = data.train_loader()
    first, second = seen(loader), seen(loader)
    assert sorted(first) == sorted(second) == sorted(first_pixels(data.train_set))
    assert first != second


def test_train_order_resumes_at_any_epoch(whole: Path) -> None:
    data = make(whole, validation_size=20, seed=5)
    loader = data.train_loader()
    history = [seen(loader) for _ in range(3)]
    later = make(whole, validation_size=20, seed=5)
    assert seen(later.train_loader(epoch=2)) == history[2]
    later.train_loader().sampler.sampler.set_epoch(1)
    assert seen(later.train_loader()) == history[1]


def test_weighted_sampling_draws_every_class_equally_often(tmp_path: Path) -> None:
    labels = [0] * 180 + [1] * 20
    path = write_folder(tmp_path, layout(labels, "train", side=8))
    data = make(path, validation_size=20, test_size=20, weighted_sampling=True)
    assert data.class_counts[:2] == [144, 16]
    drawn = torch.cat([labels for _ in range(10) for _, labels in data.train_loader()])
    # 1600 draws: half of them are expected to be class 1, with a standard deviation of 20.
    assert len(drawn) == 1600 and abs(int((drawn == 1).sum()) - 800) < 100


def test_extra_sets_join_the_training_images_only_and_have_their_shape(whole: Path) -> None:
    extra = DigitDataset.from_arrays(np.full((3, 8, 8), 250, np.uint8), [1, 1, 2])
    data = make(whole, validation_size=20, extra_train_sets=[extra])
    assert len(data.train_set) == 63 and first_pixels(data.train_set)[60:] == [250] * 3
    assert data.class_counts == [6, 8, 7, 6, 6, 6, 6, 6, 6, 6]
    assert sorted(seen(data.train_loader())) == sorted(first_pixels(data.train_set))
    assert 250 not in first_pixels(data.validation_set) + first_pixels(data.test_set)
    extra = DigitDataset.from_arrays(np.zeros((1, 9, 9), np.uint8), [0])
    with pytest.raises(DataError, match="expected one shape"):
        make(whole, validation_size=20, extra_train_sets=[extra])
