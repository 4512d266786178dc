r"""Write a data set in the course's layout, with an imbalance profile and a record of what it is.

python -m analysis.prepare_data --source mnist --imbalance exp --ratio 10 --n-max 5000 \
    --seed 0 --output data/mnist-exp10

The test set is never made imbalanced, and no source ever stands in for another.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.frame.command import made_by, on_terminal, start
from netlib import data
from netlib.errors import many

if TYPE_CHECKING:
    from netlib.data.sources import Source

DOWNLOADS = Path("data")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a data set in the course's layout.

    Attributes:
        source: where the digits come from; the last four import a data set of yours: csv, images
            and a CSV of names and labels; imagefolder, a folder for each class; kaggle, a CSV of
            pixels; idx, MNIST's own format.
        path: the data set to import, for --source csv, imagefolder, kaggle and idx.
        output: folder to make.
        imbalance: profile of the training set.
        ratio: images of the most frequent : rarest class.
        n_max: images of the most frequent class; default: as many as every class has, and all with
            --imbalance none.
        rotation: class order: K is the most frequent digit.
        seed: decides which images are kept.
        mnist_root: folder with torchvision's MNIST; default: download to data/.
        zip: write train.zip and test.zip.
        unipen: UNIPEN file with digits and writers, for --source unipen, as all that follow.
        test_writers: writers in the test split.
        pen: least and greatest thickness of the lines, px of the 280 px pad.
        extent: least and greatest size of the digits as fractions of the pad.
        tilt: digits are turned by up to this many degrees.
    """

    source: Literal["mnist", "packaged", "unipen", "scans", "csv", "imagefolder", "kaggle", "idx"]
    output: Path
    path: Path | None = None
    imbalance: Literal["none", "exp", "step"] = "none"
    ratio: float = 10.0
    n_max: int | None = None
    rotation: int = 0
    seed: int = 0
    mnist_root: Path | None = None
    zip: bool = False
    unipen: Path | None = None
    test_writers: int = 10
    pen: tuple[float, float] = (8.0, 28.0)
    extent: tuple[float, float] = (0.35, 0.9)
    tilt: float = 0.0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; expected 0 or more.")


def run(options: Options) -> list[Path]:
    data.check_empty(options.output)
    source = load_source(options)
    rows, profile = choose_rows(source, options)
    facts = {"source": source.name, **source.record, "profile": profile, "seed": options.seed}
    record = {**facts, **made_by(options, "numpy", "pillow")}
    data.write_layout(
        options.output, source, rows, record, as_zip=options.zip, progress=on_terminal()
    )
    print(f"{many(len(rows), 'training image')} ({profile['imbalance']}), "
          f"{many(len(source.splits['test'].labels), 'test image')}")  # fmt: skip
    return sorted(options.output.iterdir())


def load_source(options: Options) -> "Source":
    """The source that was asked for, and no other."""
    from netlib.data import imports, sources

    if options.source in imports.IMPORTS:
        if options.path is None:
            raise ValueError(f"--source {options.source} needs --path, the data set to import.")
        return imports.IMPORTS[options.source](options.path, options.seed)
    if options.source == "mnist":
        return sources.mnist(options.mnist_root, DOWNLOADS)
    if options.source == "scans":
        return sources.scans()
    if options.source == "packaged":
        return sources.packaged(options.seed)
    if options.unipen is None:
        raise ValueError("--source unipen needs --unipen FILE; the README says where to get it.")
    return sources.unipen(
        options.unipen,
        options.seed,
        test_writers=options.test_writers,
        pens=options.pen,
        extents=options.extent,
        tilt=options.tilt,
    )


def choose_rows(source: "Source", options: Options) -> tuple[np.ndarray, dict[str, Any]]:
    """Training rows to write, and the profile as the record states it."""
    whole = options.imbalance == "none" and options.n_max is None
    if "train" not in source.splits:
        if not whole:
            raise ValueError(
                f"--source {source.name} is for evaluation: it has no training images."
            )
        return np.arange(0), {"imbalance": "none"}
    labels = source.splits["train"].labels
    if whole:
        return np.arange(len(labels)), {"imbalance": "none"}
    counts = np.bincount(labels)
    n_max = int(counts.min()) if options.n_max is None else options.n_max
    order = data.class_order(len(counts), options.rotation)
    sizes = data.class_sizes(options.imbalance, len(counts), n_max, options.ratio)
    profile = {
        "imbalance": options.imbalance,
        "ratio": 1.0 if options.imbalance == "none" else options.ratio,
        "n_max": n_max,
        "rotation": options.rotation,
        "class_order": order,
        "sizes_in_class_order": sizes,
    }
    return data.subsample(labels, order, sizes, options.seed), profile


if __name__ == "__main__":
    sys.exit(start("prepare_data"))
