r"""The assignment's main: train or load one network, test it, print everything, and plot it.

python -m analysis.main --dataset-path data/digits --conv-block-count 2 \
    --mobilenet-block-count 2 --training-epochs 10 --visualize
"""

import hashlib
import json
import logging
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.frame import fine_tuning
from analysis.frame.command import (
    arguments_of,
    made_by,
    on_terminal,
    parse,
    start,
    word,
    write_json,
)
from analysis.frame.outputs import check_file, check_made_by, check_same
from netlib import data, measure, nets, training
from netlib.data.stores import check_file as check_size
from netlib.errors import many
from netlib.training.config import AugmentConfig, TrainConfig

if TYPE_CHECKING:
    from netlib.training.loop import History

SPLITS = ("train", "validation", "test")
FREE = ("resume", "visualize", "name", "roll_number")  # options that change no result
# Of the network: where a checkpoint is only tested, it tells them itself.
DEFAULTS = {
    "conv_block_count": 2,
    "mobilenet_block_count": 2,
    "input_dim": (1, 28, 28),
    "num_classes": 10,
}

MAX_RECORD = 2**20  # bytes; prepare_data writes some thousand
# Above three images of the most frequent class for one of the rarest. On 10 : 1, mobilenet reached
# 94.7 % without, 95.1 % by sampling, 95.8 % by weights and 96.0 % by these (means of three seeds).
MOST_FREQUENT, UNBALANCED, BALANCING = 3, "cross_entropy", "class_balanced"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a network on a data set of digits, or load one, and test it.

    Attributes:
        dataset_path: folder or zip in the course's layout.
        train_size: images (5000) or share (0.8); default: all that are left.
        validation_size: images or share of the training split.
        test_size: images or share of the test split; default: all.
        input_dim: channels, height and width; default: 1 28 28, or the checkpoint's.
        num_classes: default: 10, or the checkpoint's.
        weighted_sampling: draw classes equally often.
        balance: where the most frequent class has over three times the images of the rarest, the
            loss class_balanced takes the place of cross_entropy, unless classes are drawn equally.
        extra_dataset_path: more training images, each taken through the sketch preprocessing.
        preprocess: "sketch" takes every picture the demo's way: any polarity, size and paper.
        architecture: instead of the two counts below.
        conv_block_count: default: 2, or the checkpoint's.
        mobilenet_block_count: default: 2, or the checkpoint's.
        start_from: checkpoint to train on from; where the data set has no test split, as a folder
            of corrections from the app, digits of the map beside it are rehearsed and tested.
        is_training: train, or load --checkpoint and test it.
        training: how it is trained.
        resume: go on after an interruption.
        visualize: write figures.
        checkpoint: default: OUTPUT/ARCHITECTURE.safetensors.
        output: default: runs/ARCHITECTURE, of a test runs/ARCHITECTURE-test.
        name: the author's name, printed first.
        roll_number: the author's roll number.
    """

    dataset_path: Path
    train_size: int | float | None = None
    validation_size: int | float = 0.1
    test_size: int | float | None = None
    input_dim: tuple[int, int, int] | None = None
    num_classes: int | None = None
    weighted_sampling: bool = False
    balance: bool = True
    extra_dataset_path: tuple[Path, ...] = ()
    preprocess: Literal["none", "sketch"] = "none"
    architecture: Literal["standard", "mobilenet", "mobilenet_v1"] | None = None
    conv_block_count: int | None = None
    mobilenet_block_count: int | None = None
    start_from: Path | None = None
    is_training: bool = True
    training: TrainConfig = field(default_factory=TrainConfig)
    resume: bool = False
    visualize: bool = False
    checkpoint: Path | None = None
    output: Path | None = None
    name: str = ""
    roll_number: str = ""


@dataclass(frozen=True)
class Result:
    """One split, scored: labels (N,), logits (N, C) and their scores."""

    labels: np.ndarray
    logits: np.ndarray
    scores: "measure.Scores"


def main(dataset_path: str | Path, **arguments: Any) -> list[Path]:
    """The command, called from Python.

    Args:
        dataset_path: folder or zip in the course's layout.
        **arguments: the options by their names, as `conv_block_count=2, learning_rate=0.01`.

    Returns:
        The files that it wrote.

    Raises:
        ValueError: an argument is unknown or not valid.
    """
    return run(parse(Options, arguments_of(dataset_path=dataset_path, **arguments)))


def run(options: Options) -> list[Path]:
    config = options.training
    training.seed_everything(config.seed)
    net = make_network(options)
    name = net.layers.name
    checkpoint = options.checkpoint or folder(options, name) / f"{name}.safetensors"
    metadata: dict[str, Any] = {}
    if not options.is_training:
        net = load(options, checkpoint)
        name, metadata = f"{net.layers.name}-test", net.metadata
    output = folder(options, name)
    state = output / "training.state"
    check_overwriting(options, output, checkpoint, state)
    records = [data_record(path) for path in (options.dataset_path, *options.extra_dataset_path)]
    rehearsed = fine_tuning.rehearsed(options, net.num_classes)
    digits = read_data(options, net, rehearsed)
    chosen = balanced(options, digits) if options.is_training else options
    print_parameters(chosen, net, metadata, digits)
    history: History = []
    if options.is_training:
        history = train_network(net, digits, chosen, state)
    else:
        warn_of_leak(metadata, options, records)
    results = evaluate(net, digits, config.device)
    written = []
    if options.is_training:
        kept = fine_tuning.kept(options, rehearsed, results) if options.start_from else {}
        metadata = make_metadata(options, net, records, results, history, kept)
        written.append(nets.save_network(net, checkpoint, metadata))
        parents = [options.start_from] if options.start_from else []
        written.append(data.write_digests(checkpoint, digits.train_set.images, parents))
        if options.start_from:
            written += fine_tuning.write_beside(options, rehearsed, checkpoint)
        state.unlink(missing_ok=True)
    data.warn_of_seen(checkpoint, digits.test_set.images)
    print_results(results, metadata)
    written += write_results(output, options, results, history)
    if options.visualize:
        from analysis.visualize import visualize

        net.metadata, test_set = metadata, digits.test_set
        written += visualize(net, history, test_set.images, test_set.labels, output)
    print()
    return written


def folder(options: Options, name: str) -> Path:
    return options.output or Path("runs") / name


def make_network(options: Options) -> "nets.Network":
    """The network that the options describe, with fresh weights, or the one to start from."""
    if options.start_from and options.is_training:
        return started(options, options.start_from)
    asked = {**DEFAULTS, **given(options)}
    head = training.head_for(options.training.loss)
    if options.architecture is None:
        return nets.init_network(**asked, head=head)
    if given(options).keys() & {"conv_block_count", "mobilenet_block_count"}:
        raise ValueError(
            f"--architecture {options.architecture} has its own blocks; expected no block counts "
            "beside it: leave out one or the other."
        )
    dims = asked["input_dim"], asked["num_classes"]
    return nets.named_network(options.architecture, *dims, head=head)


def started(options: Options, checkpoint: Path) -> "nets.Network":
    """The network of a checkpoint, to train on."""
    net = load(options, checkpoint)
    head, needed = net.layers.head.kind, training.head_for(options.training.loss)
    if head != needed:
        raise ValueError(
            f"{checkpoint} has a {head} head; --loss {options.training.loss} needs a {needed} one: "
            "choose another loss, or train anew."
        )
    if options.architecture not in (None, net.layers.name):
        raise ValueError(
            f"{checkpoint} is {net.layers.name}; expected {options.architecture} as "
            "given: leave --architecture out."
        )
    return net


def given(options: Options) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in DEFAULTS}
    return {name: value for name, value in values.items() if value is not None}


def load(options: Options, checkpoint: Path) -> "nets.Network":
    """The network of a checkpoint; an option that says something else of it is a mistake."""
    net = nets.load_network(checkpoint)
    for name, value in given(options).items():
        found = net.spec.get(name)
        if found != (list(value) if name == "input_dim" else value):
            raise ValueError(
                f"{checkpoint} was trained with {name}={found}; expected {name}={value} as "
                "given: leave the option out, or name another checkpoint."
            )
    return net


def check_overwriting(options: Options, output: Path, checkpoint: Path, state: Path) -> None:
    """Refuse to write over what another command made, or over an interrupted training."""
    if options.is_training and state.exists() and not options.resume:
        raise ValueError(
            f"{state} holds an interrupted training: go on with --resume and the same options, "
            "name another --output, or delete it."
        )
    check_made_by(output / "scores.json", options, *FREE, written=["history.csv"])
    if options.is_training:
        check_file(checkpoint, f"--checkpoint {checkpoint}", ".safetensors")
        if checkpoint.exists():
            made = nets.read_metadata(checkpoint).get("command", "")
            check_same(made, options, checkpoint, *FREE)


def read_data(
    options: Options, net: "nets.Network", rehearsed: fine_tuning.Sets | None
) -> "data.DigitData":
    """The three sets, with the extra training images if there are any."""
    common: dict[str, Any] = {
        "input_dim": net.input_dim,
        "num_classes": net.num_classes,
        "progress": on_terminal(),
    }
    extra = [
        data.DigitDataset(path, preprocess="sketch", **common)
        for path in options.extra_dataset_path
    ]
    if rehearsed:
        new = data.DigitDataset(options.dataset_path, preprocess=options.preprocess, **common)
        extra += fine_tuning.repeated(new, len(rehearsed[0]))
    return data.DigitData(
        rehearsed or options.dataset_path,
        batch_size=options.training.batch_size,
        train_size=options.train_size,
        validation_size=options.validation_size,
        test_size=options.test_size,
        seed=options.training.seed,
        weighted_sampling=options.weighted_sampling,
        extra_train_sets=extra,
        preprocess=options.preprocess,
        **common,
    )


def balanced(options: Options, digits: "data.DigitData") -> Options:
    """The same, with a loss that makes up for rare classes where they are rare, and says so."""
    config, counts = options.training, digits.class_counts
    if (
        not options.balance
        or options.weighted_sampling
        or config.loss != UNBALANCED
        or max(counts) <= MOST_FREQUENT * min(counts)
        or min(counts) == 0  # the loss needs images of every class
    ):
        return options
    print(
        f"The most frequent class has {max(counts) / min(counts):.1f} times the images of the "
        f"rarest: the loss is {BALANCING} (--no-balance leaves {UNBALANCED}).\n"
    )
    return replace(options, training=replace(config, loss=BALANCING))


def train_network(
    net: "nets.Network", digits: "data.DigitData", options: Options, state: Path
) -> "History":
    """Train, one line an epoch; `state` is of what is not finished."""
    print("\nTraining")
    if options.resume and not state.exists():
        print(f"{state} is not there: nothing to resume, beginning anew.")
    return training.fit(
        net,
        digits.train_loader(),
        digits.validation_loader(),
        options.training,
        loss_func=training.make_loss(options.training.loss, digits.class_counts),
        state_path=state,
        resume=options.resume,
        identity=fingerprint(digits.train_set, options.weighted_sampling),
        progress=on_terminal(),
        on_epoch=lambda row: print(epoch_line(row), flush=True),
    )


def fingerprint(dataset: "data.DigitDataset", weighted_sampling: bool) -> str:
    digest = hashlib.blake2b(dataset.images.numpy().tobytes(), digest_size=16)
    digest.update(dataset.labels.numpy().tobytes())
    return f"{digest.hexdigest()}, weighted_sampling={weighted_sampling}"


def split_of(options: Options) -> dict[str, Any]:
    """What decides which images validate."""
    return {"seed": options.training.seed, "validation_size": options.validation_size}


def warn_of_leak(metadata: dict[str, Any], options: Options, records: list[dict[str, Any]]) -> None:
    """Validation images of another split than the training's may have been trained on."""
    if metadata.get("split") != split_of(options) or metadata.get("data") != records:
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


def evaluate(
    net: "nets.Network", digits: "data.DigitData", device: str = "cpu"
) -> dict[str, Result]:
    """Score the network on all three splits, training images without augmentation."""
    net.to(training.resolve_device(device))
    results = {}
    for split in SPLITS:
        dataset: data.DigitDataset = getattr(digits, f"{split}_set")
        logits = training.infer(net, dataset.loader(1000)).logits.numpy()
        labels = dataset.labels.numpy()
        results[split] = Result(labels, logits, measure.scores(labels, logits))
    net.cpu()
    return results


def make_metadata(
    options: Options,
    net: "nets.Network",
    records: list[dict[str, Any]],
    results: dict[str, Result],
    history: "History",
    kept: dict[str, Any],
) -> dict[str, Any]:
    """What a checkpoint says of itself; `kept` is of the one that it started from."""
    best = max(history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    empty = set(range(net.num_classes)) - set(results["train"].labels.tolist())
    if options.start_from:  # which may have been shown them
        empty &= set(kept.get("untrained_classes", ()))
    return {
        "class_names": [str(i) for i in range(net.num_classes)],
        "normalisation": {"mean": 0.0, "std": 1.0, "range": [0, 1], "ink": 1},
        "data": records,
        "config": net.metadata["config"],
        "weighted_sampling": options.weighted_sampling,
        "split": split_of(options),
        "epoch": int(best["epoch"]),
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "scores": {
            split: {
                key: getattr(results[split].scores, key)
                for key in ("n", "accuracy", "balanced_accuracy", "macro_f1", "nll")
            }
            for split in ("validation", "test")
        },
        "temperature": kept.get("temperature")
        or measure.choose_temperature(results["validation"].labels, results["validation"].logits),
        **kept,
        "untrained_classes": sorted(empty),
        **made_by(options, "torch", "torchvision", "numpy"),
    }


def data_record(path: Path) -> dict[str, Any]:
    """What prepare_data wrote of the data set, or its name where it is somebody else's."""
    record = path / "record.json"
    if not record.is_file():
        return {"source": path.name}
    check_size(record, MAX_RECORD)
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{record} is no JSON ({error}): mend or delete it.") from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{record} holds a {type(content).__name__}; expected an object {{...}} as "
            "prepare_data writes it: mend or delete it."
        )
    return content


def print_parameters(
    options: Options, net: "nets.Network", metadata: dict[str, Any], digits: "data.DigitData"
) -> None:
    """Name, roll number and all parameters in use; of a loaded network, those it was made with."""
    config = {**vars(options.training), **metadata.get("config", {})}
    if isinstance(config["augment"], dict):
        config["augment"] = AugmentConfig(**config["augment"])
    values = {**vars(options)}
    del values["training"]
    values["architecture"] = net.layers.name
    values["weighted_sampling"] = metadata.get("weighted_sampling", options.weighted_sampling)
    values.update({name: net.spec[name] for name in DEFAULTS if name in net.spec})
    cost = nets.measure(net)
    print(f"Name: {options.name or '(not given)'}")
    print(f"Roll number: {options.roll_number or '(not given)'}")
    print("\nParameters")
    for key, value in {**values, **config}.items():
        items = value if isinstance(value, list | tuple) else [value]
        print(f"  {key}: {', '.join(map(word, items))}")
    print(f"  images: {len(digits.train_set)} train, {len(digits.validation_set)} validation, "
          f"{len(digits.test_set)} test")  # fmt: skip
    print(f"  training images of each class: {' '.join(map(str, digits.class_counts))}")
    print(f"  network: {cost.num_params:,} parameters, {cost.macs:,} MACs an image")


def print_results(results: dict[str, Result], metadata: dict[str, Any]) -> None:
    """How it was trained, losses, accuracies, F1, recall and the confusion matrix."""
    print("\nResults               loss   accuracy   F1 (macro)")
    for split, result in results.items():
        found = result.scores
        print(f"  {split:<14} {found.nll:10.4f} {100 * found.accuracy:8.2f} % "
              f"{100 * found.macro_f1:9.2f} %")  # fmt: skip
    test = results["test"].scores
    low, high = test.accuracy_interval
    print(f"\nTest set, {many(test.n, 'image')}")
    print(f"  accuracy {100 * test.accuracy:.2f} % (95 % interval {100 * low:.2f} to "
          f"{100 * high:.2f} %)")  # fmt: skip
    print(f"  balanced accuracy {100 * test.balanced_accuracy:.2f} %")
    print(f"  {how_trained(metadata)}")
    print("\nEach class   recall (test)   F1: train  validation       test")
    for label, recall in enumerate(test.per_class_recall):
        of_test = "no images" if recall is None else f"{100 * recall:.2f} %"
        f1 = (f1_text(result.scores, label) for result in results.values())
        print(f"  {label:>8} {of_test:>15} {' '.join(f1)}")
    print("\nConfusion matrix (row: true class, column: predicted class)")
    width = max(5, len(str(test.n)) + 1)
    print("    " + "".join(f"{label:>{width}}" for label in range(len(test.confusion))))
    for label, row in enumerate(test.confusion):
        print(f"{label:>4}" + "".join(f"{count:>{width}}" for count in row))


def f1_text(scores: "measure.Scores", label: int) -> str:
    if scores.per_class_recall[label] is None:
        return "  no images"
    return f"{100 * scores.per_class_f1[label]:9.2f} %"


def how_trained(metadata: dict[str, Any]) -> str:
    """What was done for rare classes, and in which precision, as far as a checkpoint says."""
    config = metadata.get("config", {})
    loss, precision = config.get("loss", "unknown"), config.get("precision", "unknown precision")
    ways = {True: "every class drawn equally often", False: "images drawn as they come"}
    way = ways.get(metadata.get("weighted_sampling", ""), "sampling unknown")
    return f"trained with loss {loss}, {way}, in {precision}"


def write_results(
    output: Path, options: Options, results: dict[str, Result], history: "History"
) -> list[Path]:
    content = {split: asdict(result.scores) for split, result in results.items()}
    content["made_by"] = made_by(options, "torch", "numpy")
    written = [write_json(output / "scores.json", content)]
    if history:
        import pandas as pd

        written.insert(0, output / "history.csv")
        pd.DataFrame(history).to_csv(written[0], index=False)
    return written


if __name__ == "__main__":
    sys.exit(start("main"))
