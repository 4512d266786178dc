r"""What a data set holds: counts, duplicates, samples, mean images, and known wrong labels.

python -m analysis.data_card --dataset-path data/course --output figures/data/full
"""

import argparse
import hashlib
import json
import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data.dataset import DigitDataset

SPLITS = ("train", "test")
SAMPLES = 8  # of each class
MNIST_TEST = {  # MD5 of MNIST's own uncompressed files, header included
    "images": "2646ac647ad5339dbf082846283269ea",
    "labels": "27ae3e4e09519cfbb04c329615203637",
}
# Northcutt, Athalye & Mueller 2021, "Pervasive Label Errors in Test Sets" (arXiv:2103.14749): the
# MNIST test images whose label at most two of five people confirmed; mturk/mnist_mturk.json of
# github.com/cleanlab/label-errors, commit 5457895. Index -> label that most of them chose instead;
# None where none had a majority.
LABEL_ERRORS = {
    947: 9,
    1621: 6,
    1901: 4,
    2130: None,
    2462: 0,
    2597: 3,
    2654: None,
    3520: None,
    3558: 0,
    5937: 3,
    6651: 6,
    6783: 6,
    8527: None,
    9679: None,
    9729: 6,
}
SOURCE = "Northcutt et al. 2021, arXiv:2103.14749; votes in github.com/cleanlab/label-errors"
UNCLEAR = 255  # stands for None among the arrays' labels


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, count, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        sets = {split: DigitDataset(args.dataset_path, split) for split in SPLITS}
        record = read_record(args.dataset_path)
    except (ValueError, OSError) as error:
        print(f"data_card: {error}", file=sys.stderr)
        return 2
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.data_card", *arguments]),
        "seed": args.seed,
    }
    card = {
        "made_by": made_by,
        "dataset": args.dataset_path.name,
        "record": record,
        "num_classes": sets["train"].num_classes,
        "splits": {split: describe(dataset) for split, dataset in sets.items()},
        "across_splits": overlap(sets["train"], sets["test"]),
        "label_errors": label_errors(sets["test"]),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    content, arrays = args.output / "data_card.json", args.output / "data_card.npz"
    content.write_text(json.dumps(card, indent=1) + os.linesep, encoding="utf-8")
    np.savez_compressed(arrays, **pictures(sets, args.seed), made_by=np.array(json.dumps(made_by)))
    print(content)
    print(arrays)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.data_card",
        description="Describe a data set in the course's layout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset-path", type=Path, required=True, help="folder or zip in the course's layout")
    add("--seed", type=int, default=0, help="of the choice of samples")
    add("--output", type=Path, required=True, help="folder for data_card.json and data_card.npz")
    return parser.parse_args(arguments)


def read_record(path: Path) -> dict[str, Any] | None:
    """What analysis.prepare_data says of the data set; None for one from elsewhere."""
    record = path / "record.json"
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None


def describe(dataset: DigitDataset) -> dict[str, Any]:
    """Numbers of one split."""
    counts = np.array(dataset.class_counts)
    present = counts[counts > 0]
    return {
        "images": len(dataset),
        "class_counts": counts.tolist(),
        "class_shares": (counts / counts.sum()).round(6).tolist(),
        "imbalance_ratio": float(present.max() / present.min()),
        "blank": int(dataset.images.flatten(1).any(1).logical_not().sum()),
        "duplicates": duplicates(dataset),
        **ink_shares(dataset),
    }


def ink_shares(dataset: DigitDataset) -> dict[str, list[float | None]]:
    """Mean ink of each class's images and its standard deviation; 1 is a page full of ink."""
    ink = dataset.images.flatten(1).float().mean(1).numpy() / 255
    labels = dataset.labels.numpy()
    of_class = [ink[labels == label] for label in range(dataset.num_classes)]
    return {
        "ink_share": [round(float(x.mean()), 6) if len(x) else None for x in of_class],
        "ink_share_sd": [round(float(x.std(ddof=1)), 6) if len(x) > 1 else None for x in of_class],
    }


def groups(dataset: DigitDataset) -> dict[bytes, list[int]]:
    """Digest of an image -> the indices of all images of exactly these pixels."""
    found = defaultdict(list)
    for index, image in enumerate(dataset.images.numpy()):
        found[hashlib.blake2b(image.tobytes(), digest_size=16).digest()].append(index)
    return dict(found)


def duplicates(dataset: DigitDataset) -> dict[str, int]:
    """Images that repeat an earlier one, groups of equal ones, and groups with two labels."""
    labels = dataset.labels.tolist()
    equal = [indices for indices in groups(dataset).values() if len(indices) > 1]
    return {
        "images": sum(len(indices) - 1 for indices in equal),
        "groups": len(equal),
        "conflicting": sum(len({labels[i] for i in indices}) > 1 for indices in equal),
    }


def overlap(train: DigitDataset, test: DigitDataset) -> dict[str, int]:
    """Test images that are training images, too, and those whose label is another there."""
    known, asked = groups(train), groups(test)
    shared = known.keys() & asked.keys()

    def labels(dataset: DigitDataset, indices: list[int]) -> set[int]:
        return set(dataset.labels[indices].tolist())

    return {
        "test_images_in_train": sum(len(asked[key]) for key in shared),
        "conflicting": sum(
            len(asked[key])
            for key in shared
            if labels(train, known[key]) != labels(test, asked[key])
        ),
    }


# --- Wrong labels -------------------------------------------------------------------------------


def label_errors(test: DigitDataset) -> dict[str, Any]:
    """The known errors of MNIST's test labels, if these are they; of others, none are known."""
    if not is_mnist_test(test):
        return {"test_set_is_mnist": False, "known": None, "indices": None, "source": None}
    return {
        "test_set_is_mnist": True,
        "known": len(LABEL_ERRORS),
        "indices": list(LABEL_ERRORS),
        "names": [test.names[index] for index in LABEL_ERRORS],
        "labels": test.labels[list(LABEL_ERRORS)].tolist(),
        "suggested": list(LABEL_ERRORS.values()),
        "source": SOURCE,
    }


def is_mnist_test(test: DigitDataset) -> bool:
    """Whether these are MNIST's 10,000 test images, in their order: their files are rebuilt."""
    count = len(test).to_bytes(4, "big")
    side = (28).to_bytes(4, "big")
    images = b"\x00\x00\x08\x03" + count + side + side + test.images.numpy().tobytes()
    labels = b"\x00\x00\x08\x01" + count + test.labels.numpy().astype(np.uint8).tobytes()
    found = {"images": images, "labels": labels}
    return all(
        hashlib.md5(found[name], usedforsecurity=False).hexdigest() == digest
        for name, digest in MNIST_TEST.items()
    )


# --- Images -------------------------------------------------------------------------------------


def pictures(sets: dict[str, DigitDataset], seed: int) -> dict[str, np.ndarray]:
    """Samples and mean images of each class, and the images whose labels are known to be wrong."""
    arrays = {}
    for split, dataset in sets.items():
        arrays[f"{split}_samples"] = samples(dataset, seed)
        arrays[f"{split}_mean"] = means(dataset)
    arrays["mean"] = sets["train"].images[:, 0].float().mean(0).numpy() / 255
    test = sets["test"]
    wrong = list(LABEL_ERRORS) if is_mnist_test(test) else []
    suggested = [UNCLEAR if LABEL_ERRORS[i] is None else LABEL_ERRORS[i] for i in wrong]
    return {
        **arrays,
        "wrong_images": test.images[wrong, 0].numpy(),
        "wrong_labels": test.labels[wrong].numpy().astype(np.uint8),
        "wrong_suggested": np.array(suggested, np.uint8),
        "wrong_indices": np.array(wrong, np.int32),
    }


def samples(dataset: DigitDataset, seed: int) -> np.ndarray:
    """(C, SAMPLES, 28, 28) uint8, drawn at random; blank where a class has fewer."""
    rng = np.random.default_rng(seed)
    height, width = dataset.input_dim[1:]
    result = np.zeros((dataset.num_classes, SAMPLES, height, width), np.uint8)
    for label in range(dataset.num_classes):
        members = rng.permutation(np.flatnonzero(dataset.labels.numpy() == label))[:SAMPLES]
        result[label, : len(members)] = dataset.images[members, 0].numpy()
    return result


def means(dataset: DigitDataset) -> np.ndarray:
    """(C, 28, 28) float32 in [0, 1]; 0 for a class without images."""
    result = np.zeros((dataset.num_classes, *dataset.input_dim[1:]), np.float32)
    for label in dataset.labels.unique().tolist():
        result[label] = dataset.images[dataset.labels == label, 0].float().mean(0) / 255
    return result


if __name__ == "__main__":
    sys.exit(main())
