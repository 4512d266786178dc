r"""Teach a trained network what is no digit, in a short fine-tuning, and measure what it refuses.

python -m analysis.open_set --dataset-path data/mnist --unipen pendigits-train.unipen \
    --fonts fonts --checkpoint checkpoints/mobilenet.safetensors --output runs/open-mobilenet

Digits (MNIST, pen strokes drawn anew, some of them worn, European forms) and families of pictures
that are no digit (netlib.measure.families) train the network on for a few epochs. Fonts, writers
and photos of the families are split into those that train, those that choose the score and set its
threshold, and those that are measured. `--without` leaves families out of the training and of
everything that is chosen: what it refuses of them is what to expect of pictures that nobody
thought of.

Handwriting fonts under the Open Font Licence are in npm's packages @fontsource/NAME, whose folder
`files` holds them as NAME-latin-400-normal.woff2. The networks here saw amatic-sc,
annie-use-your-telescope, architects-daughter, caveat, cedarville-cursive, covered-by-your-grace,
dekko, delius, give-you-glory, gloria-hallelujah, gochi-hand, handlee, indie-flower, kalam, kristi,
la-belle-aurore, loved-by-the-king, nanum-pen-script, neucha, nothing-you-could-do,
over-the-rainbow, pangolin, patrick-hand, reenie-beanie, shadows-into-light, short-stack,
sue-ellen-francisco, swanky-and-moo-moo, the-girl-next-door, waiting-for-the-sunrise and zeyada.

The output folder gets the checkpoint and `scores.csv` with a row for each set of pictures and
score. The pictures are drawn once, into `--pictures`; an interrupted training goes on.
"""

import csv
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netlib.nets.network import Network

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.7, "validation": 0.85, "test": 1.0}  # where each part of fonts, writers ends
DIGIT_SETS = ("mnist", "pen", "worn", "european")  # validation digits that set the threshold
SCORES = ("confidence", "max_logit", "energy", "head")
KEPT = ("mnist_test", "pen_unseen", "tilted_unseen")  # digits that are measured, nothing else


@dataclass(frozen=True, kw_only=True)
class Options:
    """Teach a trained network what is no digit.

    Attributes:
        dataset_path: what the network was trained on, in the course's layout.
        validation_size: as in that training.
        unipen: UNIPEN file with digits and writers.
        test_writers: as given to prepare_data: writers whose digits are never trained on.
        fonts: folder of handwriting fonts, .ttf, .otf or .woff2.
        checkpoint: the trained network.
        loss: see netlib.training.openset; "none" trains nothing and only chooses and measures.
        passes: how often an epoch sees each picture of the families.
        training_epochs: of `passes` each; the best by validation digits is kept, and later ones
            refuse more, so that one is enough.
        learning_rate: peak of the one-cycle schedule.
        keep: share of the weights before in the result, which spares the digits and keeps a part
            of what was learnt (Wortsman et al. 2022).
        precision: of convolutions in training.
        without: families left out of training and choosing.
        count: pictures of each family to train on; a sixth to choose, a third to measure.
        mnist: images of the data set a pass.
        refused: share that the threshold refuses, at most, of each origin of validation digits.
        seed: of pictures, order and augmentation.
        pictures: file of the drawn pictures, made where it is missing; default: in the output.
        output: folder for the results.
    """

    dataset_path: Path
    validation_size: int = 5000
    unipen: Path
    test_writers: int = 10
    fonts: Path
    checkpoint: Path
    loss: Literal["none", "entropic", "energy", "reserved"] = "reserved"
    passes: int = 3
    training_epochs: int = 1
    learning_rate: float = 0.002
    keep: float = 0.5
    precision: Literal["float32", "bfloat16"] = "float32"
    without: tuple[str, ...] = ()
    count: int = 900
    mnist: int = 30_000
    refused: float = 0.01
    seed: int = 0
    pictures: Path | None = None
    output: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run; 2 is the exit status of a user's error."""
    import tyro

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = tyro.cli(Options, args=arguments, prog="python -m analysis.open_set")
    try:
        for path in run(options, shlex.join(["python", "-m", "analysis.open_set", *arguments])):
            print(path)
    except (ValueError, OSError) as error:
        print(f"open_set: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: Options, command: str = "") -> list[Path]:
    """Draw, fine-tune, choose, measure, write."""
    from netlib.nets.checkpoint import load_network, save_network, weights_digest

    net = load_network(options.checkpoint)
    metadata = net.metadata
    before = weights_digest(net)
    options.output.mkdir(parents=True, exist_ok=True)
    pictures = read_pictures(options)
    digits = read_digits(options, int(metadata["config"]["seed"]))
    unknown = set(options.without) - set(_families(pictures))
    if unknown:
        raise ValueError(
            f"--without names {', '.join(sorted(unknown))}; expected some of "
            f"{', '.join(_families(pictures))}."
        )
    config = make_config(options)
    start = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    history = fine_tune(net, options, config, pictures, digits)
    average(net, start, options.keep)
    outputs = predict_all(net, pictures, digits)
    rule, rows = choose(options, metadata, outputs, pictures, digits)
    metadata = {
        **metadata,
        "temperature": rule.pop("temperature"),
        "no_digit": {**rule, "command": command},
        "scores": digit_scores(outputs, digits),
    }
    if options.loss != "none":
        metadata["fine_tuning"] = {
            "from_weights_sha256": before,
            "command": command,
            "config": config.to_dict(),
            "loss": options.loss,
            "keep": options.keep,
            "passes": options.passes,
            "families": [f for f in _families(pictures) if f not in options.without],
            "history": history,
            "versions": {name: version(name) for name in ("torch", "numpy")},
        }
    for part in ("no_digit", "fine_tuning"):
        if part in metadata:
            metadata[part]["command"] = told(metadata[part]["command"])
    path = save_network(net, options.output / options.checkpoint.name, metadata)
    (options.output / "state.pt").unlink(missing_ok=True)
    table = options.output / "scores.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return [path, table]


def average(net: "Network", start: dict[str, "Tensor"], keep: float) -> None:
    """Mix the weights and running statistics of before into those of the network, in place."""
    if not 0 <= keep <= 1:
        raise ValueError(f"--keep is {keep}; expected a share from 0 to 1.")
    mixed = {
        name: tensor.lerp(start[name], keep) if tensor.is_floating_point() else tensor
        for name, tensor in net.state_dict().items()
    }
    net.load_state_dict(mixed)


def told(command: str) -> str:
    """A command without the places of its files, which are this machine's affair."""
    words = shlex.split(command)
    return shlex.join(Path(word).name if word.startswith("/") else word for word in words)


def fine_tune(
    net: "Network", options: Options, config: Any, pictures: dict[str, Any], digits: dict[str, Any]
) -> list[dict[str, float]]:
    """Train the network on, in place; the records of the epochs."""
    from netlib.training.loop import fit
    from netlib.training.openset import OPEN_SET_LOSSES

    if options.loss == "none":
        return []
    return fit(
        net,
        mixture(options, pictures, digits),
        list(validation_batches(pictures, digits)),
        config,
        loss_func=OPEN_SET_LOSSES[options.loss],
        state_path=options.output / "state.pt",
        resume=True,
        identity=repr(options),
        progress=sys.stderr.isatty(),
        on_epoch=lambda row: print({k: round(v, 5) for k, v in row.items()}, flush=True),
    )


def make_config(options: Options) -> Any:
    """How the fine-tuning goes: as the training did, but shorter and slower."""
    from netlib.training.config import AUGMENTATIONS, TrainConfig

    return TrainConfig(
        learning_rate=options.learning_rate,
        training_epochs=options.training_epochs,
        weight_decay=0.05,
        warmup=0.1,
        ema=0.998,
        augment=replace(AUGMENTATIONS["mild"], rotation=7),
        seed=options.seed,
        precision=options.precision,
    )


def read_pictures(options: Options) -> dict[str, "np.ndarray"]:
    """Drawn pictures, uint8 (n, 28, 28), by split/name; blank ones, which need no network, are left
    out and counted under blank/split/name.
    """  # noqa: D205
    import numpy as np

    path = options.pictures or options.output / "pictures.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = dict(draw_all(options))
        np.savez_compressed(path, **arrays)
    with np.load(path) as stored:
        return dict(stored)


def draw_all(options: Options) -> Iterator[tuple[str, "np.ndarray"]]:
    """Every picture, as the networks see it."""
    import numpy as np
    from tqdm import tqdm

    from netlib.data.european import european
    from netlib.data.strokes import read_unipen, split_by_writer
    from netlib.measure.families import drawn, families, find_fonts, lookalikes, worn

    written = read_unipen(options.unipen)
    known, unseen = split_by_writer(written, options.test_writers, seed=0)
    fonts = find_fonts(options.fonts)
    order = np.random.default_rng(0)
    fonts = [fonts[i] for i in order.permutation(len(fonts))]
    known = order.permutation(known).tolist()
    counts = {"train": options.count, "validation": options.count // 6, "test": options.count // 3}
    for number, split in enumerate(SPLITS):
        writers = set(_part(known, split))
        pen = [digit for digit in written if digit.writer in writers]
        makers = families(_part(fonts, split), pen, sample_photos(split))
        if split == "test":
            makers["lookalikes"] = lookalikes(_part(fonts, split))
        for row, (name, make) in enumerate(makers.items()):
            rng = np.random.default_rng([options.seed, number, row])
            bar = tqdm(
                range(counts[split]), desc=f"{split} {name}", disable=not sys.stderr.isatty()
            )
            images, _, blank = _seen((make(rng), 0) for _ in bar)
            yield f"{split}/{name}", images
            yield f"blank/{split}/{name}", np.array(blank)
        rng = np.random.default_rng([options.seed, number, 99])
        tilts = (-18, 12)
        sets: dict[str, Iterator[tuple[np.ndarray, int]]] = {
            "pen": ((drawn(rng, d.strokes, rng.uniform(*tilts)), d.label) for d in pen),
            "worn": ((worn(rng, drawn(rng, d.strokes)), d.label) for d in pen),
            "european": (
                (drawn(rng, d.strokes), d.label)
                for d in (european(rng) for _ in range(2 * counts[split]))
            ),
        }
        if split == "test":
            pen = [digit for digit in written if digit.writer in set(unseen)]
            sets["pen_unseen"] = ((drawn(rng, d.strokes), d.label) for d in pen)
            sets["tilted_unseen"] = ((drawn(rng, d.strokes, -15, plain=True), d.label) for d in pen)
        for name, pairs in sets.items():
            images, labels, _ = _seen(pairs)
            yield f"digits/{split}/{name}", images
            yield f"labels/{split}/{name}", labels


def _part(items: Sequence[Any], split: str) -> Sequence[Any]:
    """The fonts or writers of a split; each has one at least."""
    ends = [round(SHARES[s] * len(items)) for s in SPLITS]
    starts = dict(zip(SPLITS, [0, *ends[:-1]], strict=True))
    return items[starts[split] : round(SHARES[split] * len(items))]


def _seen(pairs: Iterator[tuple["np.ndarray", int]]) -> tuple["np.ndarray", "np.ndarray", int]:
    """Pads and labels -> what the networks see, labels, and how many pads were found blank."""
    import numpy as np

    from netlib.picture.digit import to_digit

    images, labels, blank = [], [], 0
    for pad, label in pairs:
        digit = to_digit(pad)
        if digit is None:
            blank += 1
            continue
        images.append(np.rint(255 * np.asarray(digit)[0]).astype(np.uint8))
        labels.append(label)
    return np.array(images, np.uint8).reshape(-1, 28, 28), np.array(labels, np.int64), blank


def sample_photos(split: str) -> list["np.ndarray"]:
    """Photos that come with scikit-learn and matplotlib: one of them only for the test."""
    import matplotlib
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    if split == "test":
        return [flower]
    hopper = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    return [china, np.asarray(Image.open(hopper))]


def read_digits(options: Options, seed: int) -> dict[str, tuple["np.ndarray", "np.ndarray"]]:
    """Images and labels of the data set by split, as the network's training cut them."""
    from netlib.data.loaders import DigitData

    cache = options.dataset_path.parent / "cache"
    data = DigitData(
        options.dataset_path,
        validation_size=options.validation_size,
        seed=seed,
        cache_dir=cache if cache.is_dir() else None,
    )
    parts = {"train": data.train_set, "validation": data.validation_set, "test": data.test_set}
    return {
        split: (part.images.numpy()[:, 0], part.labels.numpy()) for split, part in parts.items()
    }


def _families(pictures: dict[str, Any]) -> list[str]:
    return [key.split("/")[1] for key in pictures if key.startswith("train/")]


def mixture(options: Options, pictures: dict[str, Any], digits: dict[str, Any]) -> Any:
    """Batches of digits and of the families that are not left out."""
    from netlib.training.openset import NONE, Mixture, Part

    times = options.passes
    parts = [Part(digits["train"][0], digits["train"][1], options.mnist * times)]
    for name in DIGIT_SETS[1:]:
        images, labels = pictures[f"digits/train/{name}"], pictures[f"labels/train/{name}"]
        parts.append(Part(images, labels, len(images) * times))
    for name in _families(pictures):
        if name not in options.without:
            images = pictures[f"train/{name}"]
            parts.append(Part(images, NONE, len(images) * times))
    return Mixture(parts, seed=options.seed)


def validation_batches(pictures: dict[str, Any], digits: dict[str, Any]) -> Iterator[Any]:
    """Validation digits of every origin, which choose the epoch."""
    import torch

    for images, labels in (_digits(pictures, digits, name) for name in DIGIT_SETS):
        for start in range(0, len(labels), 500):
            part = torch.as_tensor(images[start : start + 500])[:, None].float() / 255
            yield part, torch.as_tensor(labels[start : start + 500])


def _digits(pictures: dict[str, Any], digits: dict[str, Any], name: str) -> tuple[Any, Any]:
    """Images and labels of validation digits, or of those that are kept for measuring."""
    if name == "mnist":
        return digits["validation"]
    if name == "mnist_test":
        return digits["test"]
    split = "test" if name in KEPT else "validation"
    return pictures[f"digits/{split}/{name}"], pictures[f"labels/{split}/{name}"]


def predict_all(net: "Network", pictures: dict[str, Any], digits: dict[str, Any]) -> dict[str, Any]:
    """Logits and embeddings of everything that fits, chooses or is measured."""
    sets = {key: value for key, value in pictures.items() if key.split("/")[0] in SPLITS}
    sets |= {f"digits/{name}": _digits(pictures, digits, name)[0] for name in (*DIGIT_SETS, *KEPT)}
    sets["fit/mnist"] = digits["train"][0][:10_000]
    sets |= {f"fit/{name}": pictures[f"digits/train/{name}"] for name in DIGIT_SETS[1:]}
    return {key: predict(net, images) for key, images in sets.items()}


def predict(net: "Network", images: "np.ndarray") -> tuple["np.ndarray", "np.ndarray"]:
    """Logits (n, 10) and embeddings (n, D) of uint8 images (n, 28, 28)."""
    import numpy as np
    import torch

    logits, embeddings = [np.zeros((0, net.num_classes))], [np.zeros((0, net.head.in_features))]
    with torch.inference_mode():
        for part in torch.as_tensor(images)[:, None].split(500):
            features = net.forward_features(part.float() / 255)
            embeddings.append(features.numpy())
            logits.append(net.forward_head(features).numpy())
    return np.concatenate(logits), np.concatenate(embeddings)


def choose(
    options: Options,
    metadata: dict[str, Any],
    outputs: dict[str, Any],
    pictures: dict[str, Any],
    digits: dict[str, Any],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The rule that refuses, by validation, and what it refuses of everything."""
    import numpy as np

    from netlib.answer.refusal import digit_score
    from netlib.measure.metrics import choose_temperature, fit_digit_head

    kept = [name for name in _families(pictures) if name not in options.without]
    temperature = choose_temperature(digits["validation"][1], outputs["digits/mnist"][0])
    head = fit_digit_head(
        np.concatenate([e for key, (_, e) in outputs.items() if key.startswith("fit/")]),
        np.concatenate([outputs[f"train/{name}"][1] for name in kept]),
    )

    def refuse(kind: str) -> tuple[float, dict[str, float]]:
        """Threshold of a score, and the share of each set that it refuses."""
        rule = metadata["no_digit"] if kind == "before" else {"score": kind, "head": head.tolist()}
        found = {
            key: digit_score(rule["score"], logits, embeddings, temperature, head=rule.get("head"))
            for key, (logits, embeddings) in outputs.items()
        }
        # No origin of digits is refused more often than asked for.
        limits = [np.quantile(found[f"digits/{name}"], options.refused) for name in DIGIT_SETS]
        limit = float(rule.get("threshold", min(limits)))
        shares = {}
        for key, values in found.items():
            blank = int(pictures.get(f"blank/{key}", 0))
            shares[key] = (int((values < limit).sum()) + blank) / (len(values) + blank)
        return limit, shares

    rules = {kind: refuse(kind) for kind in SCORES}
    means = {
        kind: float(np.mean([shares[f"validation/{name}"] for name in kept]))
        for kind, (_, shares) in rules.items()
    }
    best = max(means, key=means.__getitem__)
    if options.loss == "none" and "no_digit" in metadata:
        rules["before"] = refuse("before")
    rows = [
        {
            "network": options.checkpoint.stem,
            "loss": options.loss,
            "score": kind,
            "chosen": int(kind == best),
            "set": key,
            "trained": int(key.split("/")[-1] not in (*options.without, "lookalikes")),
            "n": len(outputs[key][0]) + int(pictures.get(f"blank/{key}", 0)),
            "refused": round(share, 5),
            "accuracy": _accuracy(outputs, pictures, digits, key),
        }
        for kind, (_, shares) in rules.items()
        for key, share in shares.items()
        if key.split("/")[0] in ("validation", "test", "digits")
    ]
    rule: dict[str, Any] = {
        "score": best,
        "threshold": rules[best][0],
        "refused_of_validation": options.refused,
        "refused_of_validation_families": means,
        "temperature": temperature,
    }
    if best == "head":
        rule["head"] = head.round(4).tolist()
    return rule, rows


def _accuracy(
    outputs: dict[str, Any], pictures: dict[str, Any], digits: dict[str, Any], key: str
) -> float | str:
    """Share of right answers before anything is refused; "" for what has none."""
    if not key.startswith("digits/"):
        return ""
    labels = _digits(pictures, digits, key.removeprefix("digits/"))[1]
    return round(float((outputs[key][0].argmax(1) == labels).mean()), 5)


def digit_scores(outputs: dict[str, Any], digits: dict[str, Any]) -> dict[str, Any]:
    """Validation and test scores, as the training stores them."""
    from netlib.measure.metrics import scores

    keys = ("n", "accuracy", "balanced_accuracy", "macro_f1", "nll")
    found = {
        split: scores(digits[split][1], outputs[f"digits/{name}"][0]).to_dict()
        for split, name in (("validation", "mnist"), ("test", "mnist_test"))
    }
    return {split: {key: values[key] for key in keys} for split, values in found.items()}


if __name__ == "__main__":
    sys.exit(main())
