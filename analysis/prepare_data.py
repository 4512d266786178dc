r"""Writes a data set in the course's layout, with an imbalance profile and a record of what it is.

python -m analysis.prepare_data --source mnist --imbalance exp --ratio 10 --n-max 5000 \
    --seed 0 --output data/mnist-exp10

The test set is never made imbalanced, and no source ever stands in for another.
"""

import argparse
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data import sources
from netlib.data.export import write_layout
from netlib.data.imbalance import PROFILES, class_order, class_sizes, subsample
from netlib.data.loaders import DataError

SOURCES = ("mnist", "packaged", "unipen", "scans")
DOWNLOADS = Path("data")


def main(arguments: list[str] | None = None) -> int:
    """Parses, prepares, reports; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    args = parse(arguments)
    try:
        source = load_source(args)
        rows, profile = choose_rows(source, args)
        record = make_record(source, profile, args.seed, arguments)
        progress = sys.stderr.isatty()
        write_layout(args.output, source, rows, record, as_zip=args.zip, progress=progress)
    except DataError as error:
        print(f"prepare_data: {error}", file=sys.stderr)
        return 2
    report(args.output, profile, len(rows), len(source.splits["test"].labels))
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.prepare_data", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--source", choices=SOURCES, required=True, help="where the digits come from")
    add("--output", type=Path, required=True, help="folder to make")
    add("--imbalance", choices=PROFILES, default="none", help="profile of the training set")
    add("--ratio", type=float, default=10.0, help="images of the most frequent : rarest class")
    add("--n-max", type=int, help="images of the most frequent class (default: as many as "
        "every class has; with --imbalance none: all)")  # fmt: skip
    add("--rotation", type=int, default=0, help="class order: K is the most frequent digit")
    add("--seed", type=natural, default=0, help="decides which images are kept")
    add("--mnist-root", type=Path, help="folder with torchvision's MNIST; default: download "
        f"to {DOWNLOADS}/")  # fmt: skip
    add("--zip", action="store_true", help="write train.zip and test.zip")
    strokes = parser.add_argument_group("pen strokes (--source unipen)").add_argument
    strokes("--unipen", type=Path, metavar="FILE", help="UNIPEN file with digits and writers")
    strokes("--test-writers", type=int, default=10, help="writers in the test split")
    strokes("--pen", type=float, nargs=2, default=(8.0, 28.0), metavar=("MIN", "MAX"),
            help="thickness of the lines, px of the 280 px pad")  # fmt: skip
    strokes("--extent", type=float, nargs=2, default=(0.35, 0.9), metavar=("MIN", "MAX"),
            help="size of the digits as fractions of the pad")  # fmt: skip
    strokes("--tilt", type=float, default=0.0, help="digits are turned by up to this many degrees")
    return parser.parse_args(arguments)


def natural(text: str) -> int:
    """An integer of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def load_source(args: argparse.Namespace) -> sources.Source:
    """The source that was asked for, and no other."""
    if args.source == "mnist":
        return sources.mnist(args.mnist_root, DOWNLOADS)
    if args.source == "scans":
        return sources.scans()
    if args.source == "packaged":
        return sources.packaged(args.seed)
    if args.unipen is None:
        raise DataError("--source unipen needs --unipen FILE; the README says where to get it.")
    return sources.unipen(
        args.unipen,
        args.seed,
        test_writers=args.test_writers,
        pens=tuple(args.pen),
        extents=tuple(args.extent),
        tilt=args.tilt,
    )


def choose_rows(
    source: sources.Source, args: argparse.Namespace
) -> tuple[np.ndarray, dict[str, Any]]:
    """Training rows to write, and the profile as the record states it."""
    if "train" not in source.splits:
        if args.imbalance != "none" or args.n_max is not None:
            raise DataError(f"--source {source.name} is for evaluation: it has no training images.")
        return np.arange(0), {"imbalance": "none"}
    labels = source.splits["train"].labels
    if args.imbalance == "none" and args.n_max is None:
        return np.arange(len(labels)), {"imbalance": "none"}
    every_class_has = int(np.bincount(labels, minlength=sources.NUM_CLASSES).min())
    n_max = every_class_has if args.n_max is None else args.n_max
    order = class_order(sources.NUM_CLASSES, args.rotation)
    sizes = class_sizes(args.imbalance, sources.NUM_CLASSES, n_max, args.ratio)
    profile = {
        "imbalance": args.imbalance,
        "ratio": 1.0 if args.imbalance == "none" else args.ratio,
        "n_max": n_max,
        "rotation": args.rotation,
        "class_order": order,
        "sizes_in_class_order": sizes,
    }
    return subsample(labels, order, sizes, args.seed), profile


def make_record(
    source: sources.Source, profile: dict[str, Any], seed: int, arguments: list[str]
) -> dict[str, Any]:
    """What record.json says, but for the counts, which the writer adds."""
    return {
        "source": source.name,
        **source.record,
        "profile": profile,
        "seed": seed,
        "command": shlex.join(["python", "-m", "analysis.prepare_data", *arguments]),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "pillow")},
        },
    }


def report(output: Path, profile: dict[str, Any], train: int, test: int) -> None:
    """The last lines name what was written."""
    print(f"{train} training images ({profile['imbalance']}), {test} test images")
    for path in sorted(output.iterdir()):
        print(path)


if __name__ == "__main__":
    sys.exit(main())
