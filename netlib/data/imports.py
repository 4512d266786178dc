"""Data sets of other people as sources: image folders, CSVs of pixels, IDX files, images + CSV.

Each importer takes a path and a seed. Where a data set has no test split, the seed decides which
sixth of each class becomes one; one that cannot be used as it is raises a `DataError`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from netlib.data.choosing import split_stratified
from netlib.data.layout import find_split, has_split, read_table
from netlib.data.pixels import open_as, read_image
from netlib.data.sources import NUM_CLASSES, Lazy, Source, Split, read_idx
from netlib.data.stores import MAX_INNER_BYTES, DataError, FolderStore, Store, ZipStore, check_file
from netlib.data.tables import has_image_suffix
from netlib.errors import many

TEST_SHARE = 1 / 6  # MNIST's own: 10,000 of 70,000 images, about


def _stored(store: Store, names: Sequence[str]) -> Lazy:
    """Pictures in a folder or zip, in grey and in their own sizes."""
    grey = partial(open_as, mode="L")
    return Lazy(names, lambda name: np.asarray(read_image(store, name, grey)))


def from_csv(path: Path, seed: int = 0) -> Source:
    """Images and a CSV of names and labels in a folder or zip, as `layout` finds them."""
    splits = {}
    for split in ("train", "test"):
        if split == "train" or has_split(path, split):
            table = read_table(find_split(path, split), NUM_CLASSES)
            splits[split] = Split(_stored(table.store, table.paths), np.array(table.labels))
    return _source("csv", path, splits, seed)


def image_folder(path: Path, seed: int = 0) -> Source:
    """Folder or zip with pictures in a folder a class, 0 to 9; below train/ and test/, or not."""
    _check_exists(path)
    store = FolderStore(path) if path.is_dir() else ZipStore(path)
    found: dict[str, tuple[list[str], list[int]]] = {}
    for name in store.files(""):
        if not has_image_suffix(name):
            continue
        folders = name.split("/")[:-1]
        if not folders or not folders[-1].isdecimal() or int(folders[-1]) >= NUM_CLASSES:
            where = "/".join(folders) or "the top"
            raise DataError(
                f"{path} has images in {where}; expected a folder for each digit, 0 to "
                f"{NUM_CLASSES - 1}: rename it, or import it with --source csv."
            )
        split = "test" if any("test" in folder.lower() for folder in folders) else "train"
        names, labels = found.setdefault(split, ([], []))
        names.append(name)
        labels.append(int(folders[-1]))
    if "train" not in found:
        raise DataError(f"{path} has no image in a folder for each digit, 0/ to 9/.")
    splits = {s: Split(_stored(store, n), np.array(k)) for s, (n, k) in found.items()}
    return _source("imagefolder", path, splits, seed)


def kaggle(path: Path, seed: int = 0) -> Source:
    """A CSV of pixels, a row for each image: a column label, then height·width numbers to 255.

    The path is the CSV's, or that of a folder of CSVs, of which one with "test" in its name and
    labels in it is the test split (Kaggle's own has no labels and is left out).
    """
    _check_exists(path)
    files = sorted(p for p in path.iterdir() if p.suffix == ".csv") if path.is_dir() else [path]
    splits = {}
    for file in files:
        split = _pixels(file)
        if split is not None:
            splits["test" if _is_test(file) and len(files) > 1 else "train"] = split
    return _source("kaggle", path, splits, seed)


def _pixels(path: Path) -> Split | None:
    """The images of a CSV of pixels; None where it has no labels."""
    import pandas as pd  # imported late: it takes half a second

    check_file(path, MAX_INNER_BYTES)
    try:
        first = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]
        has_header = not first.map(lambda cell: str(cell).isdecimal()).all()
        table = pd.read_csv(path, header=0 if has_header else None)
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{path} is no CSV of pixels: {reason}.") from error
    titles = [str(title).lower() for title in table.columns]
    place = titles.index("label") if "label" in titles else 0
    if has_header and "label" not in titles and round(len(titles) ** 0.5) ** 2 == len(titles):
        return None
    pixels = table.drop(columns=table.columns[place]).to_numpy()
    side = round(pixels.shape[1] ** 0.5)
    if side**2 != pixels.shape[1] or side < 2 or pixels.dtype.kind not in "iu":
        raise DataError(
            f"{path} has {pixels.shape[1]} columns beside the label; expected the pixels of a "
            "square image, as whole numbers."
        )
    if pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"{path} has pixels from {pixels.min()} to {pixels.max()}, beyond 0...255.")
    images = pixels.astype(np.uint8).reshape(-1, side, side)
    return Split(images, table.iloc[:, place].to_numpy())


def idx(path: Path, seed: int = 0) -> Source:
    """IDX files as MNIST, EMNIST and their kin have them, plain or gzipped.

    A folder holds ...train-images-idx3-ubyte and ...-labels-idx1-ubyte, and t10k or test likewise.
    """
    _check_exists(path)
    splits = {}
    for images in sorted(path.rglob("*images*idx3*")) if path.is_dir() else []:
        name = images.name.replace("images", "labels").replace("idx3", "idx1")
        labels = images.with_name(name.removesuffix(".gz"))
        if not labels.exists():
            labels = labels.with_name(f"{labels.name}.gz")
        if not labels.exists():
            raise DataError(f"{path} holds {images.name} but not {name}; both are needed.")
        split = "test" if _is_test(images) else "train"
        splits[split] = Split(read_idx(images, 3), read_idx(labels, 1).astype(np.int64))
    return _source("idx", path, splits, seed)


def _source(name: str, path: Path, splits: dict[str, Split], seed: int) -> Source:
    """The checked source, with a test split cut from the training images where there is none."""
    if "train" not in splits:
        raise DataError(f"{path} has no training images for --source {name}.")
    for split, part in splits.items():
        labels = part.labels
        if len(part.images) != len(labels) or len(labels) == 0:
            raise DataError(
                f"{path}, {split}: {many(len(part.images), 'image')}, {many(len(labels), 'label')}."
            )
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= NUM_CLASSES:
            raise DataError(
                f"{path}, {split}: labels are {labels.dtype} from {labels.min()} to "
                f"{labels.max()}; expected integers 0 to {NUM_CLASSES - 1}."
            )
    record = {"licence": "of the data set's owner", "file": path.name}
    if "test" in splits:
        return Source(name, splits, record)
    whole = splits["train"]
    rows = split_stratified(whole.labels, {"test": TEST_SHARE, "train": None}, seed)
    get = whole.images.__getitem__
    cut = {s: Split(Lazy(r.tolist(), get), whole.labels[r]) for s, r in rows.items()}
    return Source(name, cut, {**record, "test_share": TEST_SHARE, "split_seed": seed})


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise DataError(f"{path} does not exist; give the data set to import.")


def _is_test(path: Path) -> bool:
    return any(word in path.name.lower() for word in ("t10k", "test"))


IMPORTS: Mapping[str, Callable[[Path, int], Source]] = {
    "csv": from_csv,
    "imagefolder": image_folder,
    "kaggle": kaggle,
    "idx": idx,
}
