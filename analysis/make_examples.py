r"""Choose the examples of the app's gallery from what both networks say of a data set.

python -m analysis.make_examples --dataset-path data/mnist --split test \
    --checkpoints checkpoints/standard.safetensors checkpoints/mobilenet.safetensors \
    --output netlib/app/assets/examples

Each picture is read as the app reads it, so that a digit on which the networks differ here is one
on which they differ there. File names are KIND-LABEL-SOURCE.png.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from netlib.answer.predictor import Predictor
from netlib.data.loaders import DigitDataset
from netlib.measure.nondigits import scribble, silhouette
from netlib.picture.digit import to_digits

PAD = 280
GREYS = 16  # of a picture: more only make the page heavier
HARD, DIFFER, NUMBERS, NONE = 8, 8, 3, 4
MOST_OF_A_LABEL = 2  # of the hard and the differing ones
CANDIDATES = 150  # digits with the least agreement, read again as the app reads them


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, choose, write; 2 is the exit status of a user's error."""
    args = parse(arguments)
    try:
        predictor = Predictor(dict(zip(("standard", "mobilenet"), args.checkpoints, strict=True)))
        dataset = DigitDataset(args.dataset_path, args.split)
    except (ValueError, OSError) as error:
        print(f"make_examples: {error}", file=sys.stderr)
        return 2
    examples = choose(predictor, dataset.images[:, 0].numpy(), dataset.labels.numpy(), args.seed)
    args.output.mkdir(parents=True, exist_ok=True)
    for old in args.output.glob("*.png"):
        old.unlink()
    for name, picture in examples.items():
        path = args.output / f"{name}.png"
        Image.fromarray(picture).quantize(GREYS).save(path, optimize=True)
        print(path)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.make_examples", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--dataset-path", type=Path, required=True, help="data set in the course's layout")
    add("--split", default="test", help="split to choose from (default: test)")
    add("--checkpoints", type=Path, nargs=2, required=True, help="standard, then MobileNet")
    add("--seed", type=int, default=0, help="of the choice")
    add("--output", type=Path, required=True, help="folder of the PNGs; its PNGs are replaced")
    return parser.parse_args(arguments)


def choose(
    predictor: Predictor, images: np.ndarray, labels: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Name -> picture (H, W), uint8, dark ink on white, of every example."""
    rng = np.random.default_rng(seed)
    answers = predictor.predict(images[:, None].astype(np.float32) / 255)
    own = np.stack([a.probabilities[np.arange(len(labels)), labels] for a in answers.values()])
    examples = {}
    for label in range(10):
        index = _clear(own, labels, label, rng)
        examples[f"clear-{label}-{index:05d}"] = on_pad(images[index])
    # Doubted by one network, for the digits that they read differently; by both, for the hard ones.
    for kind, doubt, count in (
        ("differ", own.min(axis=0), DIFFER),
        ("hard", own.max(axis=0), HARD),
    ):
        doubtful = np.argsort(doubt)[:CANDIDATES]
        pictures = [on_pad(images[index]) for index in doubtful]
        read = [a.predictions for a in predictor.predict(to_digits(pictures)[0]).values()]
        members = (read[0] != read[1]) == (kind == "differ")
        for i in _spread(np.flatnonzero(members), labels[doubtful])[:count]:
            examples[f"{kind}-{labels[doubtful[i]]}-{doubtful[i]:05d}"] = pictures[i]
    for i in range(NUMBERS):
        indices = [_clear(own, labels, int(label), rng) for label in rng.integers(0, 10, 2 + i)]
        text = "".join(str(labels[index]) for index in indices)
        examples[f"number-{text}-{i}"] = side_by_side(images[indices])
    for i in range(NONE):
        examples[f"none--{i}"] = (scribble if i % 2 else silhouette)(rng)
    return examples


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
    seen: Counter[int] = Counter()
    chosen = []
    for member in members:
        seen[int(labels[member])] += 1
        if seen[int(labels[member])] <= MOST_OF_A_LABEL:
            chosen.append(int(member))
    return chosen


def _clear(own: np.ndarray, labels: np.ndarray, label: int, rng: np.random.Generator) -> int:
    """A random one of the digits of which both networks are surest: not always the same shape."""
    members = np.flatnonzero(labels == label)
    surest = members[np.argsort(-own[:, members].min(axis=0))[: max(len(members) // 4, 1)]]
    return int(rng.choice(surest))


if __name__ == "__main__":
    sys.exit(main())
