r"""Teach a trained network what is no digit, in a short fine-tuning, and choose what refuses it.

python -m analysis open_set --dataset-path data/mnist --unipen pendigits-train.unipen \
    --hands hands --icons icons --checkpoint checkpoints/mobilenet.safetensors \
    --teachers checkpoints/standard.safetensors --output runs/open-mobilenet

Digits (MNIST, pen strokes drawn anew, some of them worn, European forms) and families of pictures
that are no digit (netlib.measure.families) train the network on; what it says of digits is held to
what teachers say. Fonts, writers and photos are parted into those that train, those that choose
the score and its threshold, and those that `no_digit` measures. `--without` leaves families out of
all: what a network refuses of them is what to expect of pictures that nobody thought of.

Fonts are in npm's packages, under open licences: one folder for each, named as its package. The
files of @fontsource/NAME are NAME-latin-400-normal.woff2 and so on; the Latin alphabet is taken
from those that are called latin.woff2. The networks here saw, as hands: advent-pro, amatic-sc,
annie-use-your-telescope, architects-daughter, bad-script, caveat, cedarville-cursive, chilanka,
comfortaa, comic-relief, coming-soon, covered-by-your-grace, crafty-girls, dekko, delius,
didact-gothic, gaegu, gfs-didot, gfs-neohellenic, give-you-glory, gloria-hallelujah, gochi-hand,
hachi-maru-pop, handlee, homemade-apple, indie-flower, itim, jura, just-another-hand, kalam,
klee-one, kristi, la-belle-aurore, long-cang, loved-by-the-king, m-plus-rounded-1c, mali, mansalva,
marck-script, mynerve, nanum-brush-script, nanum-pen-script, neucha, nothing-you-could-do,
over-the-rainbow, pangolin, patrick-hand, permanent-marker, playpen-sans, reenie-beanie, rock-salt,
schoolbell, sedgwick-ave, shadows-into-light, short-stack, sriracha, sue-ellen-francisco,
swanky-and-moo-moo, the-girl-next-door, ubuntu, waiting-for-the-sunrise, yomogi, zen-kurenaido,
zeyada; as icons: bootstrap-icons, boxicons, @fontsource/noto-emoji, @phosphor-icons/web, remixicon,
@tabler/icons-webfont. The pictures and the teachers' answers are made once, into `--pictures` and
beside it; an interrupted training goes on.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.frame.command import command_line, made_by, on_terminal, start
from netlib import data, measure, nets
from netlib.files import read_arrays
from netlib.training.config import AUGMENTATIONS, TrainConfig

if TYPE_CHECKING:
    from netlib.nets.network import Network


MILD = AUGMENTATIONS["mild"]
DIGIT_SETS = ("mnist", "pen", "worn", "european", "mouse", "small", "tilted", "typed")
BATCH = 500
Pictures = dict[str, np.ndarray]
Digits = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Teach a trained network what is no digit, and choose what refuses it.

    Attributes:
        dataset_path: what the network was trained on, in the course's layout.
        extra_dataset_path: what else it was trained on, to keep the hashes of these images.
        validation_size: as in that training.
        unipen: UNIPEN file with digits and writers.
        test_writers: as given to prepare_data: writers whose digits are never trained on.
        hands: folder with a folder for each handwriting font.
        icons: folder with a folder for each icon font.
        checkpoint: the trained network.
        teachers: checkpoints of more networks that say, with it, what each digit is.
        average: checkpoints of more fine-tunings from the same start, whose weights are averaged
            with its own (Wortsman et al. 2022); with 0 training epochs.
        training_epochs: each with as many other digits as there are, `mnist` of the data set; 0
            only chooses anew what refuses, of a network that was taught before.
        views: changed at random that are made of each picture, once and for all.
        learning_rate: peak of the one-cycle schedule.
        precision: of convolutions in training.
        without: families left out of training and choosing.
        count: pictures of each family to train on (more of some); a sixth to choose, a third to
            measure.
        mnist: images of the data set an epoch.
        others: how often an epoch sees each picture that is no digit.
        refused: share that the threshold refuses of validation digits, mean of their origins.
        seed: of pictures and order.
        pictures: file of the drawn pictures, made where it is missing; default: in the output.
        output: folder for the checkpoint.
    """

    dataset_path: Path
    extra_dataset_path: tuple[Path, ...] = ()
    validation_size: int = 5000
    unipen: Path
    test_writers: int = 10
    hands: Path
    icons: Path
    checkpoint: Path
    teachers: tuple[Path, ...] = ()
    average: tuple[Path, ...] = ()
    training_epochs: int = 8
    views: int = 3
    learning_rate: float = 0.003
    precision: Literal["float32", "bfloat16"] = "float32"
    without: tuple[str, ...] = ()
    count: int = 700
    mnist: int = 55_000
    others: int = 1
    refused: float = 0.01
    seed: int = 0
    pictures: Path | None = None
    output: Path


def run(options: Options) -> Iterator[Path]:
    from netlib.data.overlap import digests_path

    check_overwriting(options)
    net = nets.load_network(options.checkpoint)
    average(net, options)
    pictures = read_pictures(options)
    families = kept_families(options, pictures)
    digits = read_digits(options, int(net.metadata["config"]["seed"]), pictures)
    head, told = teach(net, options, pictures, digits, families)
    metadata = {
        **net.metadata,
        **choose(net, head, options, pictures, digits, families),
        "fine_tuning": told,
    }
    path = nets.save_network(net, options.output / options.checkpoint.name, metadata)
    (options.output / "state.pt").unlink(missing_ok=True)
    yield path
    if options.training_epochs:
        yield data.write_digests(path, trained_on(options, digits))
        return
    parents = (options.checkpoint, *options.average)  # one network in the end
    if any(digests_path(parent).is_file() for parent in parents):
        yield data.write_digests(path, parents=parents)


def check_overwriting(options: Options) -> None:
    """Refuse to write over a network that this reads."""
    path = options.output / options.checkpoint.name
    for read in (options.checkpoint, *options.teachers, *options.average):
        if path.exists() and read.exists() and path.samefile(read):
            raise ValueError(
                f"--output {options.output} is where {read} lies, which would be written over: "
                "name another folder."
            )


def average(net: "Network", options: Options) -> None:
    """Give the network, in place, the mean weights of all, and of the heads of their rules."""
    import torch

    if not options.average:
        return
    if options.training_epochs:
        raise ValueError("--average goes with --training-epochs 0.")
    others = [nets.load_network(path) for path in options.average]
    starts = [n.metadata.get("fine_tuning", {}).get("from") for n in (net, *others)]
    heads = [n.metadata.get("no_digit", {}).get("head") for n in (net, *others)]
    if None in (*starts, *heads) or any(start != starts[0] for start in starts):
        raise ValueError(
            "--average needs fine-tunings of open_set that started from one network and refuse by "
            "a head."
        )
    states = [n.state_dict() for n in (net, *others)]
    told = [{"weights_sha256": nets.weights_digest(n), **n.metadata["fine_tuning"]} for n in others]
    with torch.no_grad():
        for name, values in net.state_dict().items():
            if values.is_floating_point():
                values.copy_(torch.stack([state[name] for state in states]).mean(0))
    net.metadata["no_digit"] = {**net.metadata["no_digit"], "head": np.mean(heads, axis=0).tolist()}
    net.metadata["fine_tuning"] = {**net.metadata["fine_tuning"], "averaged_with": told}


def kept_families(options: Options, pictures: Pictures) -> list[str]:
    families = [key.split("/")[1] for key in pictures if key.startswith("validation/")]
    unknown = sorted(set(options.without) - set(families))
    if unknown:
        raise ValueError(
            f"--without names {', '.join(unknown)}; expected some of {', '.join(families)}."
        )
    return [name for name in families if name not in options.without]


def teach(
    net: "Network", options: Options, pictures: Pictures, digits: Digits, families: list[str]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Weights and bias of the judge, and what the checkpoint tells of the fine-tuning."""
    from netlib.training.openset import Judged

    if not options.training_epochs:
        head = net.metadata.get("no_digit", {}).get("head")
        if head is None or "fine_tuning" not in net.metadata:
            raise ValueError(
                f"{options.checkpoint} was not taught what is no digit; expected 1 training epoch "
                "or more."
            )
        return np.array(head), net.metadata["fine_tuning"]
    digest, temperature = nets.weights_digest(net), net.metadata["temperature"]
    judged = Judged(net)
    history = fine_tune(judged, options, pictures, digits, families)
    return judged.rule_head(), {
        "from": {"weights_sha256": digest, "temperature": temperature},
        "families": families,
        "history": history,
        **made_by(placeless(options), "torch", "numpy"),
        "config": asdict(make_config(options)),
    }


def choose(
    net: "Network",
    head: np.ndarray,
    options: Options,
    pictures: Pictures,
    digits: Digits,
    families: list[str],
) -> dict[str, Any]:
    """Temperature, rule and scores, for the checkpoint's metadata."""
    from netlib.measure.refusing import ask, choose_rule

    said = {name: ask(net, *digits[f"validation/{name}"]) for name in DIGIT_SETS}
    labels = {"validation": digits["validation/mnist"][1], "test": digits["test/mnist"][1]}
    mnist = {"validation": said["mnist"], "test": ask(net, *digits["test/mnist"])}
    temperature = measure.choose_temperature(labels["validation"], said["mnist"].logits)
    others = [
        ask(net, pictures[f"validation/{f}"], None, int(pictures[f"blank/validation/{f}"]))
        for f in families
    ]
    rule = choose_rule(list(said.values()), others, head, temperature, options.refused)
    found = {split: measure.scores(labels[split], s.logits) for split, s in mnist.items()}
    keys = ("n", "accuracy", "balanced_accuracy", "macro_f1", "nll")
    return {
        "temperature": temperature,
        "no_digit": {**rule, "command": command_line(placeless(options))},
        "scores": {split: {key: getattr(s, key) for key in keys} for split, s in found.items()},
    }


def placeless(options: Options) -> Options:
    """The same without the places of its files, which are this machine's affair."""

    def name(path: Path | None) -> Any:
        return Path(path.name) if path is not None and path.is_absolute() else path

    changed: dict[str, Any] = {
        key: tuple(map(name, value)) if isinstance(value, tuple) else name(value)
        for key, value in vars(options).items()
        if isinstance(value, (Path, tuple)) and key != "without"
    }
    return replace(options, **changed)


def make_config(options: Options) -> TrainConfig:
    """How the fine-tuning goes: shorter and slower than the training, on views made before."""
    return TrainConfig(
        learning_rate=options.learning_rate,
        training_epochs=options.training_epochs,
        weight_decay=0.05,
        warmup=0.1,
        ema=0.999,
        seed=options.seed,
        precision=options.precision,
    )


def fine_tune(
    judged: Any,
    options: Options,
    pictures: Pictures,
    digits: Digits,
    families: list[str],
) -> list[dict[str, float]]:
    """Train the network and its judge on, in place; the records of the epochs."""
    import torch

    from netlib.training.loop import fit
    from netlib.training.openset import Mixture, Part, open_set_loss, other_targets, views

    parts = [
        Part(images, targets, options.mnist if name == "mnist" else len(images) // options.views)
        for name, (images, targets) in taught(options, digits).items()
    ]
    # Whatever is done to digits is done to the others, or blur would tell one from the other.
    for name in families:
        images = pictures[f"train/{name}"]
        seen = np.concatenate([views(images, MILD, seed) for seed in range(options.views)])
        parts.append(Part(seen, other_targets(len(seen)), options.others * len(images)))
    validation = [
        (torch.as_tensor(images[i : i + BATCH])[:, None].float() / 255,
         torch.as_tensor(labels[i : i + BATCH]))
        for images, labels in (digits[f"validation/{name}"] for name in DIGIT_SETS)
        for i in range(0, len(labels), BATCH)
    ]  # fmt: skip
    return fit(
        judged,
        Mixture(parts, seed=options.seed),  # type: ignore[arg-type]
        validation,
        make_config(options),
        loss_func=open_set_loss,
        state_path=options.output / "state.pt",
        resume=True,
        identity=repr(options),
        progress=on_terminal(),
        on_epoch=lambda row: print({k: round(v, 5) for k, v in row.items()}, flush=True),
        keep="last",
    )


def read_pictures(options: Options) -> Pictures:
    """Drawn pictures, see `netlib.measure.outsiders.draw_all`."""
    from netlib.measure.outsiders import Drawing, draw_all

    path = options.pictures or options.output / "pictures.npz"
    if not path.exists():
        drawing = Drawing(options.unipen, options.test_writers, options.hands, options.icons,
                          sample_photos(), options.count, options.seed)  # fmt: skip
        drawn: dict[str, Any] = draw_all(drawing, os.cpu_count() or 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **drawn)
    return read_arrays(path)


def sample_photos() -> tuple[tuple[Path, ...], ...]:
    """Photos that come with scikit-learn, matplotlib and gradio: to train on, choose by, test."""
    folders = {
        "sklearn": "datasets/images",
        "matplotlib": "mpl-data/sample_data",
        "gradio": "media_assets/images",
    }
    found = {}
    for package, folder in folders.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ValueError(f"{package} is not installed; expected it with its sample photos.")
        found[package] = Path(spec.origin).parent / folder
    sklearn, matplotlib, gradio = found.values()
    train = (sklearn / "china.jpg", matplotlib / "grace_hopper.jpg",
             gradio / "cheetah1.jpg", gradio / "groot.jpeg")  # fmt: skip
    return train, (gradio / "lion.jpg",), (sklearn / "flower.jpg", gradio / "tower.jpg")


def read_digits(options: Options, seed: int, pictures: Pictures) -> Digits:
    """Images and labels of SPLIT/SET: of the data set, as the training cut it, and drawn ones."""
    cut = data.DigitData(options.dataset_path, validation_size=options.validation_size, seed=seed)
    parts = {"train": cut.train_set, "validation": cut.validation_set, "test": cut.test_set}
    found = {
        f"{split}/mnist": (part.images.numpy()[:, 0], part.labels.numpy())
        for split, part in parts.items()
    }
    drawn = {key.removeprefix("digits/") for key in pictures if key.startswith("digits/")}
    return found | {key: (pictures[f"digits/{key}"], pictures[f"labels/{key}"]) for key in drawn}


def trained_on(options: Options, digits: Digits) -> Any:
    """Every digit that the network has seen, uint8 (N, 1, 28, 28)."""
    import torch

    extra = [data.DigitDataset(p, preprocess="sketch") for p in options.extra_dataset_path]
    drawn = [torch.as_tensor(digits[f"train/{name}"][0])[:, None] for name in DIGIT_SETS]
    return torch.cat([*drawn, *(dataset.images for dataset in extra)])


def taught(options: Options, digits: Digits) -> Digits:
    """Views of the training digits by set, and what the teachers say of them."""
    from netlib.training.openset import digit_targets, views

    paths = dict.fromkeys((options.checkpoint, *options.teachers))
    teachers = list(map(nets.load_network, paths))
    beside = options.pictures or options.output / "pictures.npz"
    found: dict[str, list[Any]] = {}
    for name, seed in itertools.product(DIGIT_SETS, range(options.views)):
        path = beside.with_suffix(f".{name}{seed}.npz")
        if not path.exists():
            images, labels = digits[f"train/{name}"]
            seen = views(images, MILD, seed)
            np.savez(path, images=seen, said=digit_targets(teachers, seen, labels))
        with np.load(path) as stored:
            found.setdefault(name, []).append((stored["images"], stored["said"]))
    parts = {name: zip(*pairs, strict=True) for name, pairs in found.items()}
    return {name: (np.concatenate(next(p)), np.concatenate(next(p))) for name, p in parts.items()}


if __name__ == "__main__":
    sys.exit(start("open_set"))
