"""A training that starts from a checkpoint: what it learns beside new digits, what it keeps.

A few corrections alone would teach a network to forget the rest. Where the data set is such a
collection, without a test split, the digits of the map beside the checkpoint are rehearsed with it.
They are digits of the first training: scores on them tell what was forgotten, and nothing else.
"""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from analysis.frame.command import made_by
from netlib import data, nets
from netlib.files import beside, read_arrays

SHARE = 0.1  # of a rehearsed epoch: the new digits, repeated
TESTED = 0.2  # of the rehearsed digits
KEPT = ("class_names", "normalisation", "no_digit", "untrained_classes")
Sets = tuple["data.DigitDataset", "data.DigitDataset"]  # to train on, and to test on


def rehearsed(options: Any, num_classes: int) -> Sets | None:
    """Training and test digits of the map beside the start; None where none are rehearsed.

    Raises:
        ValueError: there is no test split, and no map to take digits from.
    """
    from netlib.data.layout import has_split

    path = options.dataset_path
    if not options.start_from or options.test_size is not None or has_split(path, "test"):
        return None
    source = beside(options.start_from, "map")
    if not source.is_file():
        raise ValueError(
            f"{path} has no test split, and there is no {source} with digits to rehearse; expected "
            "one of them: give --test-size, or make the map with analysis.project."
        )
    logging.warning(
        "%s has no test split: validation and test images are rehearsed digits of the first "
        "training, whose scores tell what is forgotten, not how unseen digits are read.",
        path,
    )
    found = read_arrays(source)
    images, labels = found["images"], found["labels"].astype(np.int64)
    digits = data.DigitDataset.from_arrays(images, labels, num_classes=num_classes)
    rows = data.split_stratified(labels, {"test": TESTED, "train": None}, seed=0)
    return digits.select(rows["train"]), digits.select(rows["test"])


def repeated(new: "data.DigitDataset", count: int) -> list["data.DigitDataset"]:
    """The new digits so often that they are `SHARE` of an epoch with `count` rehearsed ones."""
    return [new] * max(1, round(SHARE * count / len(new)))


def kept(options: Any, sets: Sets | None, results: Any) -> dict[str, Any]:
    """What the new checkpoint's metadata takes over, and where it started."""
    from netlib.nets.saved import arrays_digest, read_checkpoint

    saved = read_checkpoint(options.start_from)
    first = saved.metadata.get("started_from", {})
    origin = {key: first.get(key, saved.metadata.get(key)) for key in ("split", "data")}
    started = {
        "checkpoint": options.start_from.name,
        "weights_sha256": arrays_digest(saved.arrays),
        "rehearsed": sets is not None,
        **origin,
    }
    taken = {name: saved.metadata[name] for name in KEPT if name in saved.metadata}
    if sets:  # digits that are known too well to fit a temperature or to be a test
        taken["temperature"] = saved.metadata.get("temperature", 1.0)
        taken["scores"] = {"rehearsed": {"accuracy": results["test"].scores.accuracy}}
    return {"started_from": started, **taken}


def write_beside(options: Any, sets: Sets | None, checkpoint: Path) -> list[Path]:
    """The map beside the new checkpoint, of the old one's digits; what is missing is said."""
    written = []
    source = beside(options.start_from, "map")
    if sets:
        tell(options, sets[1], checkpoint)
    if source.is_file():
        written.append(write_map(options, source, checkpoint))
    else:
        logging.warning("%s is not there, so there is no map of the new network.", source)
    if "no_digit" not in nets.read_metadata(checkpoint):
        logging.warning("%s has no rule that refuses what is no digit.", options.start_from)
    logging.warning(
        "held_%s.npz is missing, which tells what teaching costs: python -m "
        "analysis.build.hold_back --checkpoint %s --dataset-path (data of the first training).",
        *(checkpoint.stem, checkpoint),
    )
    return written


def tell(options: Any, tested: "data.DigitDataset", checkpoint: Path) -> None:
    """What the new digits and those of the test, rehearsed, are read as before and after."""
    from netlib.answer import Predictor, Reader

    reader = Reader(Predictor({"before": options.start_from, "after": checkpoint}))
    new = data.DigitDataset(options.dataset_path, num_classes=tested.num_classes)
    for name, digits in (("new digits", new), ("rehearsed test digits", tested)):
        labels = digits.labels.numpy()
        readings = reader.read_digits((digits.images.numpy()[:, 0] / 255).astype(np.float32))
        right = [int((net.labels == labels).sum()) for net in readings.values()]
        refused = [int((~net.is_digit).sum()) for net in readings.values()]
        print(
            f"{name}: {right[0]} → {right[1]} of {len(labels)} read rightly, "
            f"{refused[0]} → {refused[1]} refused"
        )


def write_map(options: Any, source: Path, checkpoint: Path) -> Path:
    """The digits of a map as the new network sees them."""
    from analysis.frame.results import write_arrays
    from analysis.project import project, settings
    from netlib.answer import Predictor, Reader

    arrays = read_arrays(source)
    told = json.loads(str(arrays.pop("made_by")))
    images = arrays["images"].astype(np.float32) / 255
    reader = Reader(Predictor({"new": checkpoint}))
    embeddings = reader.read_digits(images)["new"].embeddings
    method, seed = told["method"], int(told.get("seed", 0))
    arrays["embeddings"] = embeddings.astype(np.float16)
    arrays["projection"] = project(embeddings, method, seed).astype(np.float32)
    record = {**made_by(options), **settings(method, len(images)), "n": len(images), "seed": seed}
    return write_arrays(beside(checkpoint, "map"), arrays, record)
