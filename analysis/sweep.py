r"""Train networks over the levels of one factor, several seeds each, into one tidy CSV.

python -m analysis.sweep --dataset-path data/course --factor learning_rate \
    --levels 0.001 0.003 0.01 0.03 --seeds 0 1 2 --output runs/learning_rate.csv

Rows that the CSV already has are not trained again, so an interrupted sweep goes on with the same
command. Runs of the same seed share their split, data order and augmentation, whatever the network:
they are pairs. Through joblib they use every core here, or a cluster named with --backend.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from netlib.data.dataset import DigitDataset
from netlib.data.loaders import DigitData
from netlib.files import replacing
from netlib.measure.metrics import fit_temperature, scores
from netlib.nets.checkpoint import save_network
from netlib.nets.complexity import measure
from netlib.nets.network import BLOCK_COUNTS, Network, named_network
from netlib.training.config import AUGMENTATIONS, TrainConfig
from netlib.training.course import Outputs, fit, infer, seed_everything
from netlib.training.losses import HEADS, LOSSES, make_loss

OVERSAMPLING = "oversampling"  # a level of the factor loss: cross entropy, classes equally often
DEFAULTS = TrainConfig()
# Levels of the factor recipe: the one that it changes, and what it changes of that.
RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("", {"schedule": "constant", "learning_rate": 0.001, "weight_decay": 0.0}),
    "one-cycle": ("plain", {"schedule": "onecycle", "learning_rate": 0.01}),
    "weight decay": ("one-cycle", {"weight_decay": 0.05}),
    "augmentation": ("weight decay", {"augment": "mild"}),
    "averaging": ("augmentation", {"ema": 0.999}),
    "strong augmentation": ("averaging", {"augment": "strong"}),
    "label smoothing": ("averaging", {"loss": "label_smoothing"}),
    "SGD": ("averaging", {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0005}),
}
FACTORS: dict[str, type] = {
    "none": str,
    "recipe": str,
    "loss": str,
    "optimizer": str,
    "schedule": str,
    "augment": str,
    "precision": str,
    "learning_rate": float,
    "weight_decay": float,
    "ema": float,
    "batch_size": int,
    "training_epochs": int,
    "train_size": int,
    "resolution": int,
    "width": float,
}


@dataclass(frozen=True)
class Run:
    """One training: everything that its row in the table depends on.

    Attributes:
        network: "standard", "mobilenet", "mobilenet_v1", or block counts as in "3+1".
        level: of the factor, as text.
        dataset: folder or zip in the course's layout.
        config: how it is trained.
        width: multiplies every channel count.
        resolution: side of the images, pixels.
        train_size: training images; 0 for all that validation leaves.
        validation_size: share of the training split.
        steps: where not 0, epochs are as many as give at least this number of steps.
        oversampling: draw every class equally often.
        extra: data sets with more training images, taken through the sketch preprocessing.
    """

    network: str
    level: str
    dataset: str
    config: TrainConfig
    width: float = 1.0
    resolution: int = 28
    train_size: int = 0
    validation_size: float = 0.1
    steps: int = 0
    oversampling: bool = False
    extra: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells this run from any other."""
        values = asdict(self)
        if not self.extra:  # tables are older than this option
            values.pop("extra")
        values["config"].pop("device")  # where it runs is not what it is
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """Name of the folder for what is kept of this run."""
        level = "" if self.level == "none" else f"-{self.level}"
        return f"{self.network.replace('+', 'conv_')}{level}-{self.config.seed}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train what is missing, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        planned = plan(args)
        sweep(planned, args, arguments)
    except (ValueError, OSError) as error:
        print(f"sweep: {error}", file=sys.stderr)
        return 2
    print(args.output)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.sweep",
        description="Train networks over the levels of one factor, several seeds each.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset-path", type=Path, nargs="+", required=True, help="one or more data sets")
    add("--extra-dataset-path", type=Path, nargs="*", default=[], help="more training images, each "
        "taken through the sketch preprocessing")  # fmt: skip
    add("--factor", choices=FACTORS, required=True, help="what is varied; none for the seed alone")
    add("--levels", nargs="*", default=[], help="values of the factor")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--networks", nargs="+", default=list(BLOCK_COUNTS), help="standard, mobilenet, "
        "mobilenet_v1, or block counts as in 3+1 (three conv, one MobileNet)")  # fmt: skip
    add("--output", type=Path, required=True, help="the CSV")
    add("--keep", type=Path, help="folder for each run's checkpoint, history and predictions")
    add("--tuned", type=Path, help="CSV of a sweep over learning_rate: each network takes its best "
        "by validation accuracy; one that is not in it takes that of the pair's network which ends "
        "with the same kind of block")  # fmt: skip

    add = parser.add_argument_group("where the factor leaves them alone").add_argument
    for name in ("learning_rate", "weight_decay", "ema", "training_epochs", "batch_size"):
        default = getattr(DEFAULTS, name)
        add(f"--{name.replace('_', '-')}", type=type(default), default=default)
    add("--loss", default=DEFAULTS.loss, choices=[*LOSSES, OVERSAMPLING])
    add("--precision", default=DEFAULTS.precision, help="of training: float32 or bfloat16")
    add("--bfloat16", nargs="*", default=[], metavar="NETWORK", help="networks that train in "
        "bfloat16 all the same, to save time")  # fmt: skip
    add("--optimizer", default=DEFAULTS.optimizer)
    add("--schedule", default=DEFAULTS.schedule)
    add("--augment", choices=AUGMENTATIONS, default="none")
    add("--train-size", type=int, default=0, help="training images; 0 for all")
    add("--validation-size", type=float, default=0.1, help="share of the training split")
    add("--steps", type=int, default=0, help="train every run for this many steps, whatever its "
        "number of images; 0 leaves it to --training-epochs")  # fmt: skip
    add("--resolution", type=int, default=28, help="side of the images, pixels")
    add("--width", type=float, default=1.0, help="multiplies every channel count")

    add = parser.add_argument_group("where it runs").add_argument
    add("--jobs", type=int, default=-1, help="runs at a time; -1 for one a core")
    add("--threads", type=int, default=1, help="threads of a run; more runs pay better")
    add("--backend", choices=("loky", "dask", "ray"), default="loky", help="joblib's: processes "
        "here, or a cluster")  # fmt: skip
    add("--scheduler", help="address of the Dask scheduler or Ray head (default: a local cluster)")
    add("--device", default=DEFAULTS.device, help="auto, cpu, cuda or mps")
    add("--cache-dir", type=Path, default=Path("runs/cache"), help="folder of decoded images")
    return parser.parse_args(arguments)


def plan(args: argparse.Namespace) -> list[Run]:
    """Every run of the sweep, seeds outermost: stopped early, it has whole seeds.

    Raises:
        ValueError: a level, a network or an option is not valid.
    """
    if (args.factor == "none") != (not args.levels):
        raise ValueError(
            f"--factor {args.factor} was given {len(args.levels)} levels; expected "
            + ("none." if args.factor == "none" else "at least one after --levels.")
        )
    for path in (*args.dataset_path, *args.extra_dataset_path):
        if not path.exists():
            raise ValueError(f"{path} is not there: make it with analysis.prepare_data.")
    rates = best_learning_rates(args.tuned) if args.tuned else {}
    runs = [
        make_run(args, str(path), network, level, seed, rates)
        for seed in args.seeds
        for path in args.dataset_path
        for level in (args.levels or ["none"])
        for network in args.networks
    ]
    if args.keep and len(args.dataset_path) > 1:
        raise ValueError(
            f"--keep was given with {len(args.dataset_path)} data sets, whose runs would share "
            "folders; expected one: run the sweep once for each, with a folder of its own."
        )
    for run in {run.network: run for run in runs}.values():
        make_network(run)  # a wrong name should not wait for the runs before it
    return list(dict.fromkeys(runs))


def make_run(
    args: argparse.Namespace,
    dataset: str,
    network: str,
    level: str,
    seed: int,
    rates: dict[str, float],
) -> Run:
    """The run of one level, network and seed."""
    try:
        value = FACTORS[args.factor](level)
    except ValueError:
        kind = FACTORS[args.factor].__name__
        raise ValueError(f"--levels has {level!r}; {args.factor} expects {kind} values.") from None
    rate = rates.get(network, rates.get(family(network), args.learning_rate))
    options = {**vars(args), "learning_rate": rate, "seed": seed}
    if network in args.bfloat16:
        options["precision"] = "bfloat16"
    if args.factor == "recipe":
        options.update(recipe(level))
    elif args.factor != "none":
        options[args.factor] = value
        level = f"{value:g}" if isinstance(value, float) else str(value)
    if options["augment"] not in AUGMENTATIONS:
        known = ", ".join(AUGMENTATIONS)
        raise ValueError(f"augment is {options['augment']!r}; expected one of {known}.")
    oversampling = options["loss"] == OVERSAMPLING
    if oversampling:
        options["loss"] = "cross_entropy"
    names = {field.name for field in fields(TrainConfig)}
    config = TrainConfig(
        **{key: value for key, value in options.items() if key in names - {"augment"}},
        augment=AUGMENTATIONS[options["augment"]],
    )
    return Run(
        network=network,
        level=level,
        dataset=dataset,
        config=config,
        oversampling=oversampling,
        extra=tuple(map(str, args.extra_dataset_path)),
        **{
            key: options[key]
            for key in ("width", "resolution", "train_size", "validation_size", "steps")
        },
    )


def recipe(level: str) -> dict[str, Any]:
    """Options of a recipe: its own on top of those of the one that it changes.

    Raises:
        ValueError: there is none of this name.
    """
    if level not in RECIPES:
        raise ValueError(f"recipe is {level!r}; expected one of {', '.join(RECIPES)}.")
    base, changes = RECIPES[level]
    return {**(recipe(base) if base else {}), **changes}


def family(network: str) -> str:
    """The one of the pair whose kind of block the network ends with."""
    return "standard" if network.endswith("+0") else "mobilenet"


def best_learning_rates(path: Path) -> dict[str, float]:
    """Each network's learning rate of the highest mean validation accuracy, ties to lower loss."""
    table = pd.read_csv(path)
    if table.empty or set(table["factor"]) != {"learning_rate"}:
        raise ValueError(f"{path} holds no sweep over learning_rate: name the CSV of one.")
    columns = ["validation_accuracy", "validation_nll"]
    means = table.groupby(["network", "learning_rate"])[columns].mean().reset_index()
    best = means.sort_values(columns, ascending=[False, True]).groupby("network").first()
    return best["learning_rate"].to_dict()


def make_network(run: Run) -> Network:
    """The run's network, with fresh weights.

    Raises:
        ValueError: its name is unknown or its counts are out of range.
    """
    input_dim = (1, run.resolution, run.resolution)
    head = HEADS.get(run.config.loss, "linear")
    return named_network(run.network, input_dim, 10, run.width, head)


def sweep(runs: Sequence[Run], args: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Train what the table lacks; it is written anew after each run."""
    rows = read_rows(args.output)
    missing = [run for run in runs if not done(run, rows, args.keep)]
    wanted = {run.key for run in runs}
    strangers = len([key for key in rows if key not in wanted])
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them in {args.output}"
          + (f" beside {strangers} of other settings" if strangers else ""))  # fmt: skip
    if not missing:
        return
    order = {run.key: place for place, run in enumerate(runs)}
    write_record(args.output, arguments)
    terminal = sys.stderr.isatty()
    started = time.perf_counter()
    results = parallel(missing, args)
    bar = tqdm(results, total=len(missing), desc=args.factor, disable=not terminal)
    for count, row in enumerate(bar, start=1):
        rows[row["key"]] = {"factor": args.factor, **row}
        write_rows(args.output, rows, order)
        if not terminal:
            left = (time.perf_counter() - started) / count * (len(missing) - count)
            print(progress_line(row, count, len(missing), left), flush=True)


def progress_line(row: dict[str, Any], count: int, total: int, left: float) -> str:
    """One finished run, in words."""
    return (
        f"{count:4d}/{total}  {row['network']:<10} {row['level']:<14} seed {row['seed']}  test "
        f"{100 * row['accuracy']:6.2f} %  {row['seconds']:6.1f} s, about {left / 60:.0f} min left"
    )


def done(run: Run, rows: dict[str, dict[str, Any]], keep: Path | None) -> bool:
    """Whether the run is in the table, and its files are where they are asked for."""
    return run.key in rows and (keep is None or (keep / run.folder / "predictions.npz").exists())


def parallel(runs: Sequence[Run], args: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """Rows as the runs finish."""
    options = connect(args.backend, args.scheduler)
    jobs = (joblib.delayed(train_run)(run, args.threads, args.keep, args.cache_dir) for run in runs)
    with joblib.parallel_config(args.backend, n_jobs=args.jobs, **options):
        # A joblib backend that cannot hand out results one by one gives them all at the end.
        generous = args.backend in ("loky", "dask")
        yield from joblib.Parallel(
            return_as="generator_unordered" if generous else "list", batch_size=1
        )(jobs)
    if "client" in options:
        options["client"].close()


def connect(backend: str, scheduler: str | None) -> dict[str, Any]:
    """Reach the cluster, where one is asked for; returns options of joblib's backend.

    Raises:
        ValueError: the backend's package is not installed.
        OSError: the scheduler does not answer.
    """
    try:
        if backend == "dask":
            from distributed import Client

            return {"client": Client(scheduler or None)}
        if backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            ray.init(address=scheduler)
            register_ray()
    except ModuleNotFoundError as error:
        raise ValueError(f"--backend {backend} needs a package: {error}; install it.") from error
    return {}


def train_run(run: Run, threads: int, keep: Path | None, cache: Path) -> dict[str, Any]:
    """Train, test, and keep what is asked for; returns the run's row."""
    torch.set_num_threads(threads)
    started = time.perf_counter()
    data = read_data(run, cache)
    batches = len(data.train_loader())
    config = run.config
    if run.steps:
        config = replace(config, training_epochs=max(1, math.ceil(run.steps / batches)))
    seed_everything(config.seed)
    net = make_network(run)
    loss_func = make_loss(config.loss, data.class_counts)
    training_started = time.perf_counter()
    state = keep / run.folder / "training.state" if keep else None
    history = fit(
        net, data.train_loader(0), data.validation_loader(), config, loss_func=loss_func,
        state_path=state, resume=True, identity=run.key,
    )  # fmt: skip
    training_seconds = time.perf_counter() - training_started
    outputs = {split: run_network(net, data, split) for split in ("validation", "test")}
    row = make_row(run, config, data, net, outputs)
    row["training_seconds"] = round(training_seconds, 2)
    row["seconds"] = round(time.perf_counter() - started, 2)
    if keep is not None:
        keep_files(keep / run.folder, run, data, net, history, outputs)
        state.unlink()
    return row


def read_data(run: Run, cache: Path) -> DigitData:
    """The run's three sets, split and ordered by its seed; decoded once a machine."""
    input_dim = (1, run.resolution, run.resolution)
    extra = [
        DigitDataset(path, "train", input_dim=input_dim, preprocess="sketch", cache_dir=cache)
        for path in run.extra
    ]
    return DigitData(
        run.dataset,
        input_dim=input_dim,
        batch_size=run.config.batch_size,
        train_size=run.train_size or None,
        validation_size=run.validation_size,
        seed=run.config.seed,
        weighted_sampling=run.oversampling,
        extra_train_sets=extra,
        cache_dir=cache,
    )


def run_network(net: Network, data: DigitData, split: str) -> Outputs:
    """Logits and embeddings of a split, in its order."""
    dataset: DigitDataset = getattr(data, f"{split}_set")
    rows = torch.arange(len(dataset)).split(500)
    return infer(net, (dataset.batch(part) for part in rows))


def make_row(
    run: Run, config: TrainConfig, data: DigitData, net: Network, outputs: dict[str, Outputs]
) -> dict[str, Any]:
    """What the table says of a run; scores are fractions of the test set."""
    validation = scores(data.validation_set.labels, outputs["validation"].logits)
    test = scores(data.test_set.labels, outputs["test"].logits)
    cost = measure(net, net.input_dim)
    recall = [math.nan if value is None else value for value in test.per_class_recall]
    return {
        "level": run.level,
        "network": run.network,
        "seed": config.seed,
        "dataset": Path(run.dataset).name,
        "accuracy": test.accuracy,
        "balanced_accuracy": test.balanced_accuracy,
        "macro_f1": test.macro_f1,
        "worst_recall": float(np.nanmin(recall)),
        "nll": test.nll,
        "brier": test.brier,
        "ece": test.ece,
        "validation_accuracy": validation.accuracy,
        "validation_nll": validation.nll,
        "train_images": len(data.train_set),
        "validation_images": len(data.validation_set),
        "test_images": test.n,
        "params": cost.num_params,
        "macs": cost.macs,
        "learning_rate": config.learning_rate,
        "training_epochs": config.training_epochs,
        "batch_size": config.batch_size,
        "loss": OVERSAMPLING if run.oversampling else config.loss,
        "precision": config.precision,
        "width": run.width,
        "resolution": run.resolution,
        **{f"recall_{label}": value for label, value in enumerate(recall)},
        **{f"count_{label}": count for label, count in enumerate(data.class_counts)},
        "key": run.key,
    }


def keep_files(
    folder: Path,
    run: Run,
    data: DigitData,
    net: Network,
    history: list[dict[str, float]],
    outputs: dict[str, Outputs],
) -> None:
    """network.safetensors, history.csv, and predictions.npz, whose being there says that all is."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {split: getattr(data, f"{split}_set").labels.numpy() for split in outputs}
    metadata = {
        "run": asdict(run),
        "temperature": fit_temperature(labels["validation"], outputs["validation"].logits),
    }
    save_network(net, folder / "network.safetensors", metadata)
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    np.savez_compressed(
        folder / "predictions.npz",
        labels=labels["test"],
        names=np.array(data.test_set.names),
        logits=outputs["test"].logits.numpy(),
        embeddings=outputs["test"].embeddings.numpy(),
        validation_labels=labels["validation"],
        validation_logits=outputs["validation"].logits.numpy(),
    )


def read_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of the table by their key; none where there is no table yet."""
    if not path.exists():
        return {}
    table = pd.read_csv(path, dtype={"level": str, "network": str})
    if "key" not in table:
        raise ValueError(f"{path} is no table of a sweep: name another output.")
    return {row["key"]: row for row in table.to_dict("records")}


def write_rows(path: Path, rows: dict[str, dict[str, Any]], order: dict[str, int]) -> None:
    """The table, in the order of the plan; never half of it."""
    ordered = sorted(rows.values(), key=lambda row: order.get(row["key"], len(order)))
    with replacing(path) as temporary:
        pd.DataFrame(ordered).to_csv(temporary, index=False, float_format="%.6g")


def write_record(path: Path, arguments: Sequence[str]) -> None:
    """Beside the table: the command, the code and the machine that made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    record = {
        "command": shlex.join(["python", "-m", "analysis.sweep", *arguments]),
        "commit": git.stdout.strip() or None,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("torch", "numpy", "joblib")},
    }
    text = json.dumps(record, indent=1) + os.linesep
    path.with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
