r"""Train networks over the levels of one factor, several seeds each, into one tidy CSV.

python -m analysis.sweep --dataset-path data/course --factor learning_rate \
    --levels 0.001 0.003 0.01 0.03 --seeds 0 1 2 --output runs/learning_rate.csv

Rows that the CSV already has are not trained again, so an interrupted sweep goes on with the same
command. Runs of the same seed share their split, data order and augmentation, whatever the network:
they are pairs. Through joblib they use every core here, or a cluster named with --backend.
"""

import contextlib
import hashlib
import json
import math
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

import numpy as np
import pandas as pd

from analysis.frame.children import end_with
from analysis.frame.command import made_by, on_terminal, processor, progress, start, write_json
from analysis.frame.outputs import Csv
from netlib import data, measure, nets, training
from netlib.errors import many
from netlib.files import replacing
from netlib.training.config import AUGMENTATIONS, TrainConfig

if TYPE_CHECKING:
    from netlib.training.course import Outputs
    from netlib.training.loop import History

OVERSAMPLING = "oversampling"  # a level of the factor loss: cross entropy, classes equally often
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
    "slow averaging": ("averaging", {"ema": 0.9995}),
    "clean end": ("averaging", {"clean_epochs": 2}),
    "depthwise not decayed": ("averaging", {"decay_depthwise": False}),
    "distillation": ("averaging", {}),  # from --teachers, which the others do not take
}
# What else a factor may vary, beside the fields of `TrainConfig`.
OF_THE_RUN: dict[str, type] = {"train_size": int, "resolution": int, "width": float}
# Fields that the first tables knew: they are in each run's key, others where they are not default.
KEYED = frozenset(
    "learning_rate training_epochs batch_size loss optimizer weight_decay schedule warmup ema "
    "augment patience seed precision channels_last".split()
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train networks over the levels of one factor, several seeds each.

    Attributes:
        dataset_path: one or more data sets.
        extra_dataset_path: more training images, each taken through the sketch preprocessing.
        factor: what is varied: none for the seed alone, recipe, train_size, resolution, width, or
            a training option such as learning_rate.
        levels: values of the factor.
        seeds: of each level.
        networks: standard, mobilenet, mobilenet_v1, or block counts as in 3+1 (three conv, one
            MobileNet).
        output: the CSV.
        keep: folder for each run's checkpoint, history and predictions.
        tuned: CSV of a sweep over learning_rate: each network takes its rate of least validation
            loss; one that is not in it takes that of the pair's network which ends with the same
            kind of block.
        training: where the factor leaves it alone; --seeds takes the place of --seed. In
            --teachers, {seed} is the run's.
        bfloat16: networks that train in bfloat16 all the same, to save time.
        train_size: training images; 0 for all.
        validation_size: share of the training split.
        steps: train every run for this many steps, whatever its number of images; 0 leaves it to
            --training-epochs.
        resolution: side of the images, pixels.
        width: multiplies every channel count.
        num_classes: of the data set.
        jobs: runs at a time; -1 for one a core.
        threads: of a run; more runs pay better.
        backend: joblib's: processes here, or a cluster.
        scheduler: address of the Dask scheduler; default: a local cluster.
    """

    dataset_path: tuple[Path, ...]
    extra_dataset_path: tuple[Path, ...] = ()
    factor: str
    levels: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    networks: tuple[str, ...] = ("standard", "mobilenet")
    output: Csv
    keep: Path | None = None
    tuned: Path | None = None
    training: TrainConfig = field(default_factory=lambda: TrainConfig(precision="float32"))
    bfloat16: tuple[str, ...] = ()
    train_size: int = 0
    validation_size: float = 0.1
    steps: int = 0
    resolution: int = 28
    width: float = 1.0
    num_classes: int = 10
    jobs: int = -1
    threads: int = 1
    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None


@dataclass(frozen=True)
class Run:
    """One training: everything that its row in the table depends on, named as in `Options`."""

    network: str
    level: str  # of the factor, as text
    dataset: str
    config: TrainConfig
    width: float = 1.0
    resolution: int = 28
    train_size: int = 0
    validation_size: float = 0.1
    steps: int = 0
    oversampling: bool = False  # draw every class equally often
    extra: tuple[str, ...] = ()  # more data sets to train on
    num_classes: int = 10

    @property
    def key(self) -> str:
        """Tells this run from any other."""
        values = asdict(self)
        if not self.extra:  # tables are older than this option and the next
            values.pop("extra")
        if self.num_classes == 10:
            values.pop("num_classes")
        values["config"] = {
            name: value
            for name, value in values["config"].items()
            if name in KEYED or (name != "device" and value != getattr(TrainConfig(), name))
        }  # where it runs is not what it is
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """Name of the folder for what is kept of this run."""
        level = "" if self.level == "none" else f"-{self.level}"
        return f"{self.network.replace('+', 'conv_')}{level}-{self.config.seed}"


def run(options: Options) -> list[Path]:
    check(options)
    runs = plan(options)
    check_kept(runs, options)
    sweep(runs, options)
    return [options.output]


def check(options: Options) -> None:
    if (options.factor == "none") != (not options.levels):
        raise ValueError(
            f"--factor {options.factor} was given {many(len(options.levels), 'level')}; expected "
            + ("none." if options.factor == "none" else "at least one after --levels.")
        )
    for path in (*options.dataset_path, *options.extra_dataset_path):
        if not path.exists():
            raise ValueError(f"{path} is not there: make it with analysis.prepare_data.")
    if options.keep and len(options.dataset_path) > 1:
        raise ValueError(
            f"--keep was given with {len(options.dataset_path)} data sets, whose runs would share "
            "folders; expected one: run the sweep once for each, with a folder of its own."
        )
    if "distillation" in options.levels and not options.training.teachers:
        raise ValueError("--levels has distillation; expected --teachers, which it learns from.")
    if options.training.seed:
        raise ValueError(f"--seed {options.training.seed} was given; a sweep expects --seeds.")


def check_kept(runs: Sequence[Run], options: Options) -> None:
    """Refuse to write over the networks of another data set."""
    for run in runs if options.keep else ():
        assert options.keep
        path = options.keep / run.folder / "network.safetensors"
        kept = nets.read_metadata(path).get("run", {}) if path.exists() else {}
        if kept.get("dataset", run.dataset) != run.dataset:
            raise ValueError(
                f"{path.parent} holds a network of {kept['dataset']}: name another --keep, or "
                "delete it."
            )


def plan(options: Options) -> list[Run]:
    """Every run of the sweep, seeds outermost: stopped early, it has whole seeds."""
    rates = best_learning_rates(options.tuned) if options.tuned else {}
    runs = [
        make_run(options, str(path), network, level, seed, rates)
        for seed in options.seeds
        for path in options.dataset_path
        for level in (options.levels or ["none"])
        for network in options.networks
    ]
    for run in {run.network: run for run in runs}.values():
        make_network(run)  # a wrong name should not wait for the runs before it
    return list(dict.fromkeys(runs))


def make_run(
    options: Options, dataset: str, network: str, level: str, seed: int, rates: dict[str, float]
) -> Run:
    kind = "standard" if network.endswith("+0") else "mobilenet"  # of the blocks that it ends with
    rate = rates.get(network, rates.get(kind, options.training.learning_rate))
    changes: dict[str, Any] = {"learning_rate": rate, "seed": seed}
    if network in options.bfloat16:
        changes["precision"] = "bfloat16"
    if options.factor == "recipe":
        changes.update(recipe(level))
    elif options.factor != "none":
        changes[options.factor] = read_level(options.factor, level)
        if isinstance(changes[options.factor], float):
            level = f"{changes[options.factor]:g}"
    if oversampling := changes.get("loss") == OVERSAMPLING:
        changes["loss"] = "cross_entropy"
    taught = options.factor != "recipe" or level == "distillation"
    changes["teachers"] = tuple(
        path.replace("{seed}", str(seed)) for path in options.training.teachers if taught
    )
    if "augment" in changes:
        changes["augment"] = known(AUGMENTATIONS, changes["augment"], "augment")
    of_the_run = ("width", "resolution", "train_size", "validation_size", "steps", "num_classes")
    values = {name: changes.pop(name, getattr(options, name)) for name in of_the_run}
    return Run(
        network=network,
        level=level,
        dataset=dataset,
        config=replace(options.training, **changes),
        oversampling=oversampling,
        extra=tuple(map(str, options.extra_dataset_path)),
        **values,
    )


def read_level(factor: str, level: str) -> Any:
    """A level as a value of its factor."""
    kinds = {**get_type_hints(TrainConfig), **OF_THE_RUN}
    if factor not in kinds:
        raise ValueError(
            f"factor is {factor!r}; expected one of none, recipe, {', '.join(sorted(kinds))}."
        )
    kind = kinds[factor] if kinds[factor] in (int, float) else str
    try:
        return kind(level)
    except ValueError:
        raise ValueError(
            f"--levels has {level!r}; {factor} expects {'whole ' if kind is int else ''}numbers."
        ) from None


def known(choices: Mapping[str, Any], name: str, what: str) -> Any:
    """The one of this name; ValueError where there is none."""
    if name not in choices:
        raise ValueError(f"{what} is {name!r}; expected one of {', '.join(choices)}.")
    return choices[name]


def recipe(level: str) -> dict[str, Any]:
    """Options of a recipe: its own on top of those of the one that it changes."""
    base, changes = known(RECIPES, level, "recipe")
    return {**(recipe(base) if base else {}), **changes}


def best_learning_rates(path: Path) -> dict[str, float]:
    """Each network's learning rate of the least mean validation loss.

    Accuracy would do, but tells rates near the best apart far less on a few thousand images.
    """
    table = pd.read_csv(path)
    if table.empty or set(table["factor"]) != {"learning_rate"}:
        raise ValueError(f"{path} holds no sweep over learning_rate: name the CSV of one.")
    means = table.groupby(["network", "learning_rate"])["validation_nll"].mean().reset_index()
    best = means.loc[means.groupby("network")["validation_nll"].idxmin()]
    return best.set_index("network")["learning_rate"].to_dict()


def make_network(run: Run) -> "nets.Network":
    input_dim = (1, run.resolution, run.resolution)
    head = training.head_for(run.config.loss)
    return nets.named_network(run.network, input_dim, run.num_classes, run.width, head)


def sweep(runs: Sequence[Run], options: Options) -> None:
    """Train what the table lacks; it is written anew after each run, in the plan's order."""
    rows = read_rows(options.output)
    missing = [
        run
        for run in runs
        if run.key not in rows
        or (options.keep and not (options.keep / run.folder / "predictions.npz").exists())
    ]
    order = {run.key: place for place, run in enumerate(runs)}
    strangers = len(rows.keys() - order)
    print(f"{many(len(runs), 'run')}, {len(runs) - len(missing)} of them in {options.output}"
          + (f" beside {strangers} of other settings" if strangers else ""))  # fmt: skip
    if not missing:
        return
    beside = options.output.with_suffix(".json")
    write_json(beside, record(options, beside if rows else None))
    started = time.perf_counter()
    finished = progress(parallel(missing, options), options.factor, len(missing))
    for count, row in enumerate(finished, start=1):
        rows[row["key"]] = {"factor": options.factor, **row}
        ordered = sorted(rows.values(), key=lambda row: order.get(row["key"], len(order)))
        with replacing(options.output) as temporary:
            pd.DataFrame(ordered).to_csv(temporary, index=False, float_format="%.6g")
        if not on_terminal():
            left = (time.perf_counter() - started) / count * (len(missing) - count)
            print(progress_line(row, count, len(missing), left), flush=True)


def record(options: Options, before: Path | None = None) -> dict[str, Any]:
    """The command, the code and the machine that made a table, and its rows that there are."""
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    now = made_by(
        options,
        *("torch", "numpy", "joblib"),
        commit=git.stdout.strip() or None,
        processor=processor(),
        cores=os.cpu_count(),
    )
    if before is None or not before.exists():
        return now
    last = json.loads(before.read_text(encoding="utf-8"))
    others = [one for one in (*last.pop("earlier", []), last) if one != now]
    return {**now, "earlier": others} if others else now


def progress_line(row: dict[str, Any], count: int, total: int, left: float) -> str:
    return (
        f"{count:4d}/{total}  {row['network']:<10} {row['level']:<14} seed {row['seed']}  test "
        f"{100 * row['accuracy']:6.2f} %  {row['seconds']:6.1f} s, about {left / 60:.0f} min left"
    )


def parallel(runs: Sequence[Run], options: Options) -> Iterator[dict[str, Any]]:
    """Rows as the runs finish: in processes that end with this one, or on a cluster's workers."""
    import joblib

    client: Any = contextlib.nullcontext()
    backend: dict[str, Any] = {"initializer": end_with, "initargs": (os.getpid(),)}
    if options.backend == "dask":
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise ValueError(f"--backend dask needs a package: {error}; install it.") from error
        client = Client(options.scheduler)
        backend = {"client": client}
    train = joblib.delayed(train_run)
    jobs = (train(run, options.threads, options.keep) for run in runs)
    # A process that has grown is ended by joblib between two runs, and another takes its place.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    with client, joblib.parallel_config(options.backend, n_jobs=options.jobs, **backend):
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(jobs)


def train_run(run: Run, threads: int, keep: Path | None) -> dict[str, Any]:
    """Train, test, and keep what is asked for; returns the run's row."""
    import torch

    torch.set_num_threads(threads)
    started = time.perf_counter()
    digits = read_data(run)
    config = run.config
    if run.steps:
        epochs = math.ceil(run.steps / len(digits.train_loader()))
        config = replace(config, training_epochs=max(1, epochs))
    training.seed_everything(config.seed)
    net = make_network(run)
    training_started = time.perf_counter()
    state = keep / run.folder / "training.state" if keep else None
    history = training.fit(
        net,
        digits.train_loader(0),
        digits.validation_loader(),
        config,
        loss_func=training.make_loss(config.loss, digits.class_counts),
        state_path=state,
        resume=True,
        identity=run.key,
    )
    training_seconds = time.perf_counter() - training_started
    sets = {"validation": digits.validation_set, "test": digits.test_set}
    outputs = {split: training.infer(net, part.loader(500)) for split, part in sets.items()}
    row = make_row(run, config, digits, net, outputs)
    row["training_seconds"] = round(training_seconds, 2)
    row["seconds"] = round(time.perf_counter() - started, 2)
    if state is not None:
        keep_files(state.parent, run, digits, net, history, outputs)
        state.unlink()
    return row


def read_data(run: Run) -> "data.DigitData":
    """The run's three sets, split and ordered by its seed."""
    common: dict[str, Any] = {
        "input_dim": (1, run.resolution, run.resolution),
        "num_classes": run.num_classes,
    }
    return data.DigitData(
        run.dataset,
        batch_size=run.config.batch_size,
        train_size=run.train_size or None,
        validation_size=run.validation_size,
        seed=run.config.seed,
        weighted_sampling=run.oversampling,
        extra_train_sets=[
            data.DigitDataset(path, preprocess="sketch", **common) for path in run.extra
        ],
        **common,
    )


def profile(dataset: Path) -> dict[str, Any]:
    """Ratio of the most frequent to the rarest class and which is which, as its record has it."""
    path = dataset / "record.json"
    found = json.loads(path.read_text(encoding="utf-8"))["profile"] if path.is_file() else {}
    return {"ratio": int(found.get("ratio", 1)), "rotation": found.get("rotation", 0)}


def make_row(
    run: Run,
    config: TrainConfig,
    digits: "data.DigitData",
    net: "nets.Network",
    outputs: dict[str, "Outputs"],
) -> dict[str, Any]:
    """What the table says of a run; scores are fractions of the test set."""
    validation = measure.scores(digits.validation_set.labels, outputs["validation"].logits)
    test = measure.scores(digits.test_set.labels, outputs["test"].logits)
    cost = nets.measure(net)
    recall = [math.nan if value is None else value for value in test.per_class_recall]
    return {
        "level": run.level,
        "network": run.network,
        "seed": config.seed,
        "dataset": Path(run.dataset).name,
        **profile(Path(run.dataset)),
        **{name: getattr(test, name) for name in ("accuracy", "balanced_accuracy", "macro_f1")},
        "worst_recall": float(np.nanmin(recall)),
        **{name: getattr(test, name) for name in ("nll", "brier", "ece")},
        "validation_accuracy": validation.accuracy,
        "validation_nll": validation.nll,
        "train_images": len(digits.train_set),
        "validation_images": len(digits.validation_set),
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
        **{f"count_{label}": count for label, count in enumerate(digits.class_counts)},
        "key": run.key,
    }


def keep_files(
    folder: Path,
    run: Run,
    digits: "data.DigitData",
    net: "nets.Network",
    history: "History",
    outputs: dict[str, "Outputs"],
) -> None:
    """The network, its history, and predictions.npz, whose being there says that all is."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {split: getattr(digits, f"{split}_set").labels.numpy() for split in outputs}
    heat = measure.choose_temperature(labels["validation"], outputs["validation"].logits)
    metadata = {"run": asdict(run), "temperature": heat}
    checkpoint = nets.save_network(net, folder / "network.safetensors", metadata)
    data.write_digests(checkpoint, digits.train_set.images)
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    np.savez_compressed(
        folder / "predictions.npz",
        labels=labels["test"],
        names=np.array(digits.test_set.names),
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


if __name__ == "__main__":
    sys.exit(start("sweep"))
