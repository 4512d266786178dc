"""The two sizes of the report, and the steps of each.

Both have the same steps; they differ in numbers of images, seeds and levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.report.steps import Step

LOSSES = (
    *("cross_entropy", "label_smoothing", "mse", "weighted", "class_balanced", "focal"),
    *("logit_adjusted", "ldam_drw", "oversampling"),
)
TAIL_LOSSES = tuple(name for name in LOSSES if name not in ("label_smoothing", "mse"))
SPEED = ("hardware", "inference", "training", "accuracy", "data", "serving", "projection",
         "processes")  # fmt: skip
RECIPE = ("--augment", "mild", "--weight-decay", "0.05")


@dataclass(frozen=True)
class Size:
    """How much the report trains.

    Attributes:
        name: "small" or "full".
        common: options of every run.
        course: folder of the course's imbalanced training set.
        tails: start of the names of the folders of the long-tailed sets.
        make_course: arguments of prepare_data for the first.
        make_tails: likewise for the others; the ratio and the rotation are added.
        ratios: images of the most frequent : rarest class, of the long-tailed sets.
        rotations: which digit is the most frequent in them.
        pairs: options of the headline runs; pair_seeds their seeds.
        sweep: options of the smaller runs; sweep_seeds their seeds.
        rate_seeds: seeds of the sweep that chooses the learning rates.
        levels: of every factor.
        blocks: networks of the grid of block counts.
        widths: of each network.
        v1: options of the whole MobileNet v1.
        steps: of training where the number of images differs from run to run.
        tail_steps: likewise, for the long-tailed sets.
        count: test images for embeddings and corruptions.
        timing: options of the benchmark of single layers.
        speed: data set of the benchmarks of everything else; "" leaves them out.
        seconds: measured time of every step on two cores, for the estimate.
    """

    name: str
    common: tuple[str, ...]
    course: str
    tails: str
    make_course: tuple[str, ...]
    make_tails: tuple[str, ...]
    ratios: tuple[int, ...]
    rotations: tuple[int, ...]
    pairs: tuple[str, ...]
    pair_seeds: tuple[int, ...]
    sweep: tuple[str, ...]
    sweep_seeds: tuple[int, ...]
    rate_seeds: tuple[int, ...]
    levels: dict[str, tuple[object, ...]]
    blocks: tuple[str, ...]
    widths: dict[str, tuple[float, ...]]
    v1: tuple[str, ...]
    steps: int
    tail_steps: int
    count: int
    timing: tuple[str, ...]
    speed: str
    seconds: dict[str, float]

    def cost(self, step: str) -> float:
        """Seconds that a step takes, about."""
        return self.seconds.get(step, 15.0)


SMALL = Size(
    name="small",
    common=("--batch-size", "32"),
    course="data/small-course",
    tails="data/small-tail",
    make_course=("--source", "packaged", "--imbalance", "exp", "--ratio", "10"),
    make_tails=("--source", "packaged", "--imbalance", "exp"),
    ratios=(10,),
    rotations=(0,),
    pairs=("--validation-size", "0.1", "--training-epochs", "8"),
    pair_seeds=(0, 1, 2),
    sweep=("--train-size", "600", "--validation-size", "0.1", "--training-epochs", "4"),
    sweep_seeds=(0, 1),
    rate_seeds=(0, 1),
    levels={
        "learning_rate": (0.001, 0.003, 0.01, 0.03),
        "loss": LOSSES,
        "batch_size": (16, 32, 64, 128),
        "training_epochs": (1, 2, 4, 8),
        "train_size": (150, 300, 600, 1200),
        "resolution": (14, 28),
        "augment": ("none", "mild", "strong"),
    },
    blocks=("1+0", "2+0", "3+0", "4+0", "0+1", "1+1", "2+1", "0+2", "1+2", "2+2", "0+3"),
    widths={"standard": (0.25, 0.41, 1), "mobilenet": (0.25, 0.5, 1, 2)},
    v1=("--resolution", "32", "--width", "0.5", "--training-epochs", "12"),
    steps=75,
    tail_steps=75,
    count=500,
    timing=("--quick",),
    speed="",
    seconds={
        "learning_rate": 60,
        "pairs": 95,
        "blocks": 45,
        "loss": 190,
        "batch_size": 90,
        "training_epochs": 80,
        "train_size": 90,
        "imbalance": 90,
        "width standard": 30,
        "width mobilenet": 35,
        "resolution": 45,
        "augment": 125,
        "mobilenet_v1": 40,
        "embeddings": 170,
        "corruptions": 60,
        "costs": 30,
        "layers": 35,
    },
)

FULL = Size(
    name="full",
    common=(),
    course="data/course",
    tails="data/tail",
    make_course=("--source", "mnist", "--imbalance", "exp", "--ratio", "10", "--n-max", "5000"),
    make_tails=("--source", "mnist", "--imbalance", "exp", "--n-max", "1000"),
    ratios=(10, 100),
    rotations=(0, 4),
    pairs=("--validation-size", "0.1", "--training-epochs", "10"),
    pair_seeds=(0, 1, 2, 3, 4),
    sweep=(
        *("--train-size", "4000", "--validation-size", "0.05", "--training-epochs", "5"),
        *("--bfloat16", "standard"),
    ),
    sweep_seeds=(0, 1),
    rate_seeds=(0, 1, 2),
    levels={
        "learning_rate": (0.001, 0.003, 0.01, 0.03, 0.1),
        "loss": LOSSES,
        "batch_size": (32, 64, 128, 256, 512),
        "training_epochs": (1, 2, 4, 8, 16),
        "train_size": (500, 1000, 2000, 4000, 8000, 16000),
        "resolution": (14, 20, 28),
        "precision": ("float32", "bfloat16"),
        "augment": ("none", "mild", "strong"),
    },
    blocks=("1+0", "2+0", "3+0", "4+0", "0+1", "1+1", "2+1", "3+1", "0+2", "1+2", "2+2", "0+3",
            "1+3", "0+4"),
    widths={
        "standard": (0.25, 0.41, 0.465, 0.7, 1),
        "mobilenet": (0.25, 0.5, 1, 1.5, 2, 2.25),
    },
    v1=("--resolution", "64", "--width", "0.5", "--training-epochs", "3"),
    steps=160,
    tail_steps=160,
    count=2000,
    timing=(),
    speed="data/mnist",
    seconds={
        "learning_rate": 515, "pairs": 1980, "blocks": 395, "loss": 655, "batch_size": 315,
        "training_epochs": 370, "train_size": 430, "imbalance": 910, "width standard": 110,
        "width mobilenet": 420, "resolution": 140, "precision": 140, "augment": 175,
        "mobilenet_v1": 75, "compare": 130, "embeddings": 565, "data_card": 80, "filters": 65,
        "corruptions": 505, "costs": 30, "layers": 120, "speed": 2520,
    },
)  # fmt: skip
SIZES = {size.name: size for size in (SMALL, FULL)}


def plan(size: Size, results: Path, runs: Path, mnist_root: Path | None, jobs: int) -> list[Step]:
    """Every step, in an order in which each finds what it reads.

    Args:
        size: how much to train.
        results: folder of the numbers.
        runs: folder of checkpoints and predictions.
        mnist_root: folder with torchvision's MNIST; None downloads it, where it is needed.
        jobs: trainings at a time, -1 for one a core.
    """
    steps = prepare(size, mnist_root) + sweeps(size, results, runs, jobs)
    kept = ("--runs", str(runs / "pairs"))
    data = ("--dataset-path", size.course)
    count = ("--count", str(size.count))
    timed = [results / f"{name}.csv" for name in ("pairs", "blocks", "width", "resolution")]

    def add(name: str, arguments: Sequence[str], outputs: str, inputs: Sequence[Path] = ()) -> None:
        paths = tuple(results / output for output in outputs.split())
        options = (*arguments, "--output", str(results))
        step = Step(name, f"analysis.{name}", options, paths, tuple(inputs), size.cost(name))
        steps.append(step)

    pairs = [results / "pairs.csv"]
    add("data_card", data, "data_card.json data_card.npz")
    add("compare", (*kept, *data), "headline.json histories.csv confusion.csv class_scores.csv "
        "roc.csv auc.csv calibration.csv calibration_scores.csv risk_coverage.csv errors.npz "
        "examples.npz", pairs)  # fmt: skip
    add("filters", (*kept, "--seed", "0"), "filters.npz separability.csv", pairs)
    add("embeddings", (*kept, "--seed", "0", *data, *count), "projections.npz "
        "projection_scores.csv", pairs)  # fmt: skip
    add("corruptions", (*kept, *data, *count), "corruptions.csv shifts.csv corruptions.json "
        "corruption_examples.npz", pairs)  # fmt: skip
    add("costs", ("--sweeps", *map(str, timed)), "layer_costs.csv paper_tables.csv latency.csv "
        "latency.json", timed)  # fmt: skip
    folder = results / "benchmark"
    steps.append(
        Step(
            "layers",
            "analysis.benchmark",
            ("--only", "layers", *size.timing, "--output", str(folder)),
            (folder / "latency.csv", folder / "roofline.csv", folder / "layers.json"),
            seconds=size.cost("layers"),
        )
    )
    if size.speed:
        options = ("--only", *SPEED, "--dataset-path", size.speed, "--output", str(folder))
        files = tuple(folder / f"{area}.{kind}" for area in SPEED for kind in ("csv", "json"))
        steps.append(
            Step("speed", "analysis.benchmark", options, files, seconds=size.cost("speed"))
        )
    return steps


def prepare(size: Size, mnist_root: Path | None) -> list[Step]:
    """The data sets."""
    sets = {size.course: size.make_course}
    for ratio, rotation in tail_keys(size):
        options = ("--ratio", str(ratio), "--rotation", str(rotation))
        sets[tail(size, ratio, rotation)] = (*size.make_tails, *options)
    if size.speed:
        sets[size.speed] = ("--source", "mnist")
    root = ("--mnist-root", str(mnist_root)) if mnist_root else ()
    return [
        Step(
            f"prepare {Path(path).name}",
            "analysis.prepare_data",
            (*arguments, "--zip", "--output", path),
            (Path(path) / "record.json",),
            hidden=root if "mnist" in arguments else (),
            seconds=size.cost("prepare"),
        )
        for path, arguments in sets.items()
    ]


def sweeps(size: Size, results: Path, runs: Path, jobs: int) -> list[Step]:
    """Everything that is trained."""
    course = ("--dataset-path", size.course)
    base = (*course, *size.sweep)
    rates = results / "learning_rate.csv"
    steps: list[Step] = []

    def add(
        name: str, arguments: Sequence[object], factor: str, seeds: Sequence[int], part: str = ""
    ) -> None:
        output = results / f"{name}.csv"
        tuned = () if factor == "learning_rate" else ("--tuned", str(rates))
        options = (*map(str, arguments), *size.common, *RECIPE, *tuned, "--factor", factor)
        options += ("--seeds", *map(str, seeds), "--output", str(output))
        step = Step(
            f"{name} {part}".strip(),
            "analysis.sweep",
            options,
            (output,),
            (rates,) if tuned else (),
            size.cost(f"{name} {part}".strip()),
            hidden=("--jobs", str(jobs)),
        )
        steps.append(step)

    seeds = size.sweep_seeds
    levels = ("--levels", *size.levels["learning_rate"])
    add("learning_rate", (*base, *levels), "learning_rate", size.rate_seeds)
    keep = ("--keep", runs / "pairs")
    add("pairs", (*course, *size.pairs, *keep), "none", size.pair_seeds)
    add("blocks", (*base, "--networks", *size.blocks), "none", seeds[:2])
    for factor in ("loss", "batch_size", "training_epochs"):
        add(factor, (*base, "--levels", *size.levels[factor]), factor, seeds)
    levels = ("--steps", size.steps, "--levels", *size.levels["train_size"])
    add("train_size", (*base, *levels), "train_size", seeds)
    tails = ("--dataset-path", *(tail(size, *key) for key in tail_keys(size)))
    fast = ("--bfloat16", "standard") if "--bfloat16" in size.sweep else ()
    options = (*tails, "--validation-size", 0.05, "--steps", size.tail_steps, *fast)
    add("imbalance", (*options, "--levels", *TAIL_LOSSES), "loss", seeds[:1])
    for network, widths in size.widths.items():
        options = (*base, "--networks", network, "--levels", *widths)
        add("width", options, "width", seeds, part=network)
    for factor in ("resolution", "precision", "augment"):
        if factor in size.levels:
            add(factor, (*base, "--levels", *size.levels[factor]), factor, seeds)
    v1 = (*course, "--networks", "mobilenet_v1", *size.v1, "--keep", runs / "mobilenet_v1")
    add("mobilenet_v1", v1, "none", seeds[:1])
    return steps


def tail_keys(size: Size) -> list[tuple[int, int]]:
    """(ratio, rotation) of every long-tailed set; rotations outermost."""
    return [(ratio, rotation) for rotation in size.rotations for ratio in size.ratios]


def tail(size: Size, ratio: int, rotation: int) -> str:
    """Folder of a long-tailed set."""
    return f"{size.tails}-exp{ratio}-{rotation}"
