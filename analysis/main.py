r"""The assignment's main: train or load one network, test it, print everything, and plot it.

python -m analysis.main --dataset-path data/digits --conv-block-count 2 \
    --mobilenet-block-count 2 --training-epochs 10 --visualize
"""

import argparse
import csv
import hashlib
import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from analysis import plots
from netlib.data.loaders import DigitData, DigitDataset
from netlib.measure.metrics import Scores, fit_temperature, scores
from netlib.nets.checkpoint import load_weights, read_metadata, save_network
from netlib.nets.complexity import measure
from netlib.nets.network import Network, architecture_name, init_network
from netlib.training.config import AUGMENTATIONS, TrainConfig
from netlib.training.course import OPTIMIZERS, TrainingError, fit, infer, seed_everything
from netlib.training.losses import HEADS, LOSSES, make_loss

USER_ERRORS = (ValueError, OSError, TrainingError)
SPLITS = ("train", "validation", "test")
DEFAULTS = TrainConfig()


@dataclass(frozen=True)
class Result:
    """One split, scored: labels (N,), logits (N, C) and their scores."""

    labels: np.ndarray
    logits: np.ndarray
    scores: Scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train or load, test, print, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        run(args, arguments)
    except USER_ERRORS as error:
        print(f"main: {error}", file=sys.stderr)
        return 2
    return 0


def run(args: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Everything the command does, in order."""
    config = make_config(args)
    seed_everything(config.seed)
    net = init_network(
        args.conv_block_count,
        args.mobilenet_block_count,
        args.input_dim,
        args.num_classes,
        head=HEADS.get(args.loss, "linear"),
    )
    name = architecture_name(net)
    output = args.output or Path("runs") / name
    checkpoint = args.checkpoint or output / f"{name}.safetensors"
    if not args.is_training:
        read_metadata(checkpoint)  # a wrong path should not wait for the data to be read
    records = [data_record(path) for path in (args.dataset_path, *args.extra_dataset_path)]
    data = read_data(args, config)
    print_parameters(args, config, net, data)
    history, metadata = [], {}
    if args.is_training:
        history = train_network(net, data, config, args, output)
    else:
        metadata = load_weights(net, checkpoint)
        warn_of_leak(metadata, args, records)
    results = evaluate(net, data)
    if args.is_training:
        val = results["validation"]
        metadata = make_metadata(args, arguments, records, config, results, history)
        metadata["temperature"] = fit_temperature(val.labels, val.logits)
        save_network(net, checkpoint, metadata)
        state_path(output).unlink(missing_ok=True)
    print_results(results)
    written = write_results(output, results, history)
    if args.visualize:
        written += draw(output, data, results, history, plots.COLOURS.get(name, plots.BLACK))
    print("\nWritten:")
    for path in ([checkpoint] if args.is_training else []) + written:
        print(path)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.main",
        description="Train a network on a data set of digits, or load one, and test it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    yes_no = argparse.BooleanOptionalAction
    group = parser.add_argument_group("data")
    add = group.add_argument
    add("--dataset-path", type=Path, required=True, help="folder or zip in the course's layout")
    add("--train-size", type=size, help="images (5000) or share (0.8); default: all others")
    add("--validation-size", type=size, default=0.1, help="images or share of the training split")
    add("--test-size", type=size, help="images or share of the test split; default: all")
    add("--input-dim", type=int, nargs=3, default=[1, 28, 28], metavar=("C", "H", "W"))
    add("--num-classes", type=int, default=10)
    add("--weighted-sampling", action=yes_no, default=False, help="draw classes equally often")
    add("--extra-dataset-path", type=Path, nargs="*", default=[], help="more training images, "
        "each taken through the sketch preprocessing")  # fmt: skip
    add("--cache-dir", type=Path, help="folder that keeps decoded images between runs")

    group = parser.add_argument_group("network")
    add = group.add_argument
    add("--conv-block-count", type=int, default=2)
    add("--mobilenet-block-count", type=int, default=2)

    group = parser.add_argument_group("training")
    add = group.add_argument
    add("--is-training", action=yes_no, default=True, help="train, or load --checkpoint")
    add("--training-epochs", type=int, default=DEFAULTS.training_epochs)
    add("--learning-rate", type=float, default=DEFAULTS.learning_rate)
    add("--batch-size", type=int, default=DEFAULTS.batch_size)
    add("--loss", choices=LOSSES, default=DEFAULTS.loss)
    add("--optimizer", choices=OPTIMIZERS, default=DEFAULTS.optimizer)
    add("--weight-decay", type=float, default=DEFAULTS.weight_decay)
    add("--schedule", choices=("constant", "cosine", "onecycle"), default=DEFAULTS.schedule)
    add("--warmup", type=float, default=DEFAULTS.warmup, help="share of steps, for onecycle")
    add("--ema", type=float, default=DEFAULTS.ema, help="decay of averaged weights, 0 for none")
    add("--augment", choices=AUGMENTATIONS, default="none")
    add("--patience", type=int, default=DEFAULTS.patience, help="epochs; 0 never stops early")
    add("--precision", choices=("float32", "bfloat16"), default=DEFAULTS.precision)
    add("--channels-last", action=yes_no, default=DEFAULTS.channels_last)
    add("--device", default=DEFAULTS.device, help="auto, cpu, cuda or mps")
    add("--seed", type=int, default=DEFAULTS.seed)
    add("--resume", action=yes_no, default=False, help="go on after an interruption")

    group = parser.add_argument_group("output")
    add = group.add_argument
    add("--visualize", action=yes_no, default=False, help="write figures")
    add("--checkpoint", type=Path, help="default: OUTPUT/ARCHITECTURE.safetensors")
    add("--output", type=Path, help="default: runs/ARCHITECTURE")
    add("--name", default="", help="the author's name, printed first")
    add("--roll-number", default="", help="the author's roll number")
    return parser.parse_args(arguments)


def size(text: str) -> int | float:
    """A number of images ("5000") or a share ("0.8")."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def make_config(args: argparse.Namespace) -> TrainConfig:
    """The options that `TrainConfig` knows."""
    options = {f.name: getattr(args, f.name) for f in fields(TrainConfig) if f.name != "augment"}
    return TrainConfig(**options, augment=AUGMENTATIONS[args.augment])


def read_data(args: argparse.Namespace, config: TrainConfig) -> DigitData:
    """The three sets, with the extra training images if there are any."""
    extra = [
        DigitDataset(
            path,
            input_dim=args.input_dim,
            num_classes=args.num_classes,
            preprocess="sketch",
            progress=sys.stderr.isatty(),
            cache_dir=args.cache_dir,
        )
        for path in args.extra_dataset_path
    ]
    return DigitData(
        args.dataset_path,
        input_dim=args.input_dim,
        num_classes=args.num_classes,
        batch_size=config.batch_size,
        train_size=args.train_size,
        validation_size=args.validation_size,
        test_size=args.test_size,
        seed=config.seed,
        weighted_sampling=args.weighted_sampling,
        progress=sys.stderr.isatty(),
        cache_dir=args.cache_dir,
        extra_train_sets=extra,
    )


def train_network(
    net: Network, data: DigitData, config: TrainConfig, args: argparse.Namespace, output: Path
) -> list[dict[str, float]]:
    """Train from scratch; one line an epoch."""
    print("\nTraining")
    if args.resume and not state_path(output).exists():
        print(f"{state_path(output)} is not there: nothing to resume, beginning anew.")
    terminal = sys.stderr.isatty()
    return fit(
        net,
        data.train_loader(),
        data.validation_loader(),
        config,
        loss_func=make_loss(config.loss, data.class_counts),
        state_path=state_path(output),
        resume=args.resume,
        identity=fingerprint(data.train_set, args.weighted_sampling),
        progress=terminal,
        on_epoch=lambda row: print(epoch_line(row), flush=True),
    )


def state_path(output: Path) -> Path:
    """Where the state of an unfinished training lies."""
    return output / "training.state"


def fingerprint(dataset: DigitDataset, weighted_sampling: bool) -> str:
    """Tells one training set from another."""
    digest = hashlib.blake2b(dataset.images.numpy().tobytes(), digest_size=16)
    digest.update(dataset.labels.numpy().tobytes())
    return f"{digest.hexdigest()}, weighted_sampling={weighted_sampling}"


def warn_of_leak(
    metadata: dict[str, Any], args: argparse.Namespace, records: list[dict[str, Any]]
) -> None:
    """Validation images of another split than the training's may have been trained on."""
    split = {"seed": args.seed, "validation_size": args.validation_size}
    if metadata.get("split") != split or metadata.get("data") != records:
        logging.warning(
            "train and validation scores below are of another split or data set than this "
            "checkpoint's training (%s): only the test scores are of unseen images.",
            metadata.get("split", "unknown"),
        )


def epoch_line(row: dict[str, float]) -> str:
    """One epoch of the history, in words."""
    return (
        f"epoch {row['epoch']:3.0f}   train: loss {row['train_loss']:.4f}, "
        f"accuracy {100 * row['train_accuracy']:.2f} %   validation: loss "
        f"{row['validation_loss']:.4f}, accuracy {100 * row['validation_accuracy']:.2f} %   "
        f"{row['seconds']:.1f} s"
    )


def evaluate(net: Network, data: DigitData) -> dict[str, Result]:
    """Score the network on all three splits, training images without augmentation."""
    results = {}
    for split in SPLITS:
        dataset: DigitDataset = getattr(data, f"{split}_set")
        rows = torch.arange(len(dataset)).split(1000)
        logits = infer(net, (dataset.batch(part) for part in rows)).logits.numpy()
        labels = dataset.labels.numpy()
        results[split] = Result(labels, logits, scores(labels, logits))
    return results


def make_metadata(
    args: argparse.Namespace,
    arguments: Sequence[str],
    records: list[dict[str, Any]],
    config: TrainConfig,
    results: dict[str, Result],
    history: list[dict[str, float]],
) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    best = max(history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    return {
        "class_names": [str(i) for i in range(args.num_classes)],
        "normalisation": {"mean": 0.0, "std": 1.0, "range": [0, 1], "ink": 1},
        "data": records,
        "config": config.to_dict(),
        "split": {"seed": args.seed, "validation_size": args.validation_size},
        "command": shlex.join(["python", "-m", "analysis.main", *arguments]),
        "epoch": int(best["epoch"]),
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "scores": {
            split: {
                key: asdict(results[split].scores)[key]
                for key in ("n", "accuracy", "balanced_accuracy", "macro_f1", "nll")
            }
            for split in ("validation", "test")
        },
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "torchvision", "numpy")},
        },
    }


def data_record(path: Path) -> dict[str, Any]:
    """What prepare_data wrote of the data set, or its name where it is somebody else's."""
    record = path / "record.json"
    if record.is_file():
        try:
            return json.loads(record.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{record} is no JSON ({error}): mend or delete it.") from error
    return {"source": path.name}


def print_parameters(
    args: argparse.Namespace, config: TrainConfig, net: Network, data: DigitData
) -> None:
    """Name, roll number and all parameters in use."""
    cost = measure(net, net.input_dim)
    print(f"Name: {args.name or '(not given)'}")
    print(f"Roll number: {args.roll_number or '(not given)'}")
    print("\nParameters")
    in_config = config.to_dict()
    options = {k: v for k, v in vars(args).items() if k not in in_config}
    for key, value in {**options, **in_config}.items():
        print(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    print(f"  images: {len(data.train_set)} train, {len(data.validation_set)} validation, "
          f"{len(data.test_set)} test")  # fmt: skip
    print(f"  training images of each class: {' '.join(map(str, data.class_counts))}")
    print(f"  network: {cost.num_params:,} parameters, {cost.macs:,} MACs an image")


def print_results(results: dict[str, Result]) -> None:
    """Losses, accuracies, F1, recall and the confusion matrix."""
    print("\nResults               loss   accuracy")
    for split, result in results.items():
        print(f"  {split:<14} {result.scores.nll:10.4f} {100 * result.scores.accuracy:8.2f} %")
    test = results["test"].scores
    low, high = test.accuracy_interval
    print(f"\nTest set, {test.n} images")
    print(f"  accuracy {100 * test.accuracy:.2f} % (95 % interval {100 * low:.2f} to "
          f"{100 * high:.2f} %)")  # fmt: skip
    print(f"  balanced accuracy {100 * test.balanced_accuracy:.2f} %")
    print(f"  F1 (macro) {100 * test.macro_f1:.2f} %")
    print("  recall per class:")
    for label, recall in enumerate(test.per_class_recall):
        print(f"    {label}: {'no images' if recall is None else f'{100 * recall:.2f} %'}")
    print("\nConfusion matrix (row: true class, column: predicted class)")
    width = max(5, len(str(test.n)) + 1)
    print("    " + "".join(f"{label:>{width}}" for label in range(len(test.confusion))))
    for label, row in enumerate(test.confusion):
        print(f"{label:>4}" + "".join(f"{count:>{width}}" for count in row))


def write_results(
    output: Path, results: dict[str, Result], history: list[dict[str, float]]
) -> list[Path]:
    """history.csv (after training) and scores.json."""
    output.mkdir(parents=True, exist_ok=True)
    written = []
    if history:
        written.append(output / "history.csv")
        with open(written[-1], "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(history[0]))
            writer.writeheader()
            writer.writerows(history)
    written.append(output / "scores.json")
    content = {split: result.scores.to_dict() for split, result in results.items()}
    written[-1].write_text(json.dumps(content, indent=1) + os.linesep, encoding="utf-8")
    return written


def draw(
    output: Path,
    data: DigitData,
    results: dict[str, Result],
    history: list[dict[str, float]],
    colour: str,
) -> list[Path]:
    """The figures; each is drawn from what was measured above."""
    test = results["test"]
    images = data.test_set.images.numpy()
    predictions = test.logits.argmax(1)
    right = np.flatnonzero(predictions == test.labels)
    wrong = np.flatnonzero(predictions != test.labels)
    figures = {
        "samples": plots.page_of_digits(images, test.labels, predictions, range(20)),
        "confusion_matrix": one_axes(plots.draw_confusion_matrix, test.scores.confusion),
        "scores": one_axes(
            plots.draw_class_scores,
            {"recall": test.scores.per_class_recall, "F1": test.scores.per_class_f1},
            test.scores.accuracy,
        ),
        "right": plots.page_of_digits(images, test.labels, predictions, right[:4]),
        "wrong": plots.page_of_digits(images, test.labels, predictions, wrong[:4]),
    }
    if history:
        figures["loss"] = one_axes(plots.draw_history, history, "loss", colour)
        figures["accuracy"] = one_axes(plots.draw_history, history, "accuracy", colour)
    written = []
    for name, figure in figures.items():
        written.append(output / f"{name}.png")
        figure.savefig(written[-1], dpi=150)
    return written


def one_axes(draw_function: Any, *arguments: Any) -> Figure:
    """A figure with one Axes, drawn by `draw_function(ax, ...)`."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    draw_function(figure.subplots(), *arguments)
    return figure


if __name__ == "__main__":
    sys.exit(main())
