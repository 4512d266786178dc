r"""Choose the examples of the app's gallery from what both networks say of a data set.

python -m analysis.make_examples --dataset-path data/mnist --output netlib/app/assets/examples

Each picture is read from its file by the app's own reader, so that a digit on which the networks
differ here is one on which they differ there. File names are KIND-LABEL-SOURCE.png.
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from PIL import Image

from analysis.frame.command import SHIPPED, start
from analysis.look.style import NETWORKS
from netlib import answer, data

PAD = 280
GREYS = 16  # of a picture: more only make the page heavier
HARD, DIFFER, NUMBERS, NONE = 8, 8, 3, 4
MOST_OF_A_LABEL = 2  # of the hard and the differing ones
CANDIDATES = 150  # digits with the least agreement, read again as the app reads them

KINDS = ("clear", "differ", "hard", "number", "none")  # how the names of examples begin


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choose the examples of the app's gallery.

    Attributes:
        dataset_path: data set in the course's layout.
        split: to choose from.
        checkpoints: standard, then MobileNet.
        seed: of the choice.
        output: folder of the PNGs; those of a former choice are replaced.
    """

    dataset_path: Path
    split: Literal["train", "test"] = "test"
    checkpoints: tuple[Path, Path] = SHIPPED
    seed: int = 0
    output: Path


def run(options: Options) -> Iterator[Path]:
    predictor = answer.Predictor(dict(zip(NETWORKS, options.checkpoints, strict=True)))
    dataset = data.DigitDataset(options.dataset_path, options.split)
    images, labels = dataset.images[:, 0].numpy(), dataset.labels.numpy()
    examples = choose(answer.Reader(predictor), images, labels, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    remove_former(options.output)
    for name, content in examples.items():
        path = options.output / f"{name}.png"
        path.write_bytes(content)
        yield path


def remove_former(folder: Path) -> None:
    for kind in KINDS:
        for old in folder.glob(f"{kind}-*-*.png"):
            old.unlink()


def choose(
    reader: "answer.Reader", images: np.ndarray, labels: np.ndarray, seed: int
) -> dict[str, bytes]:
    """Name -> PNG file, dark ink on white, of every example."""
    from netlib.measure.nondigits import scribble, silhouette

    rng = np.random.default_rng(seed)
    answers = reader.predictor.predict(images[:, None].astype(np.float32) / 255)
    own = np.stack([a.probabilities[np.arange(len(labels)), labels] for a in answers.values()])
    examples = {}
    for label in range(10):
        index = _clear(own, labels, label, rng)
        examples[f"clear-{label}-{index:05d}"] = png(on_pad(images[index]))
    # Doubted by one network, for the digits that they read differently; by both, for the hard ones.
    for kind, doubt, count in (("differ", own.min(0), DIFFER), ("hard", own.max(0), HARD)):
        doubtful = np.argsort(doubt)[:CANDIDATES]
        files = [png(on_pad(images[index])) for index in doubtful]
        members = np.flatnonzero([is_of(kind, reader, file) for file in files])
        for i in _spread(members, labels[doubtful])[:count]:
            examples[f"{kind}-{labels[doubtful[i]]}-{doubtful[i]:05d}"] = files[i]
    for i in range(NUMBERS):
        indices = [_clear(own, labels, int(label), rng) for label in rng.integers(0, 10, 2 + i)]
        text = "".join(str(labels[index]) for index in indices)
        examples[f"number-{text}-{i}"] = png(side_by_side(images[indices]))
    for i in range(NONE):
        examples[f"none--{i}"] = png((scribble if i % 2 else silhouette)(rng))
    return examples


def is_of(kind: str, reader: "answer.Reader", file: bytes) -> bool:
    """Whether the app reads one digit in the file, on which both networks agree or "differ".

    A digit that a network takes for none has no answer on the page, so it shows no difference.
    """
    reading = reader.read(file)
    texts = [network.text for network in reading.networks.values()]
    shown = all(text.isdigit() and len(text) == 1 for text in texts) and bool(texts)
    return shown and reading.agree == (kind != "differ")


def png(picture: np.ndarray) -> bytes:
    """The file of a picture (H, W), uint8."""
    buffer = io.BytesIO()
    Image.fromarray(picture).quantize(GREYS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def on_pad(image: np.ndarray) -> np.ndarray:
    """A digit (28, 28), ink 255 on 0, as dark ink on a white pad (280, 280)."""
    picture = Image.fromarray(255 - image)
    return np.asarray(picture.resize((PAD, PAD), Image.Resampling.BICUBIC))


def side_by_side(images: np.ndarray) -> np.ndarray:
    """Digits (n, 28, 28), ink 255 on 0, as one line on a white pad (280, 280)."""
    line = np.concatenate([image[:, 3:25] for image in images], axis=1)
    page = np.zeros((line.shape[1], line.shape[1]), np.uint8)
    top = (len(page) - len(line)) // 2
    page[top : top + len(line)] = line
    return on_pad(page)


def _spread(members: np.ndarray, labels: np.ndarray) -> list[int]:
    """The members in order, but at most MOST_OF_A_LABEL of each label."""
    turn = pd.Series(members).groupby(labels[members]).cumcount()
    return members[turn.to_numpy() < MOST_OF_A_LABEL].tolist()


def _clear(own: np.ndarray, labels: np.ndarray, label: int, rng: np.random.Generator) -> int:
    """A random one of the digits of which both networks are surest: not always the same shape."""
    members = np.flatnonzero(labels == label)
    surest = members[np.argsort(-own[:, members].min(axis=0))[: max(len(members) // 4, 1)]]
    return int(rng.choice(surest))


if __name__ == "__main__":
    sys.exit(start("make_examples"))
