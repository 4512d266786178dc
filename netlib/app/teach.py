"""Teaching: a visitor's corrections refit a copy of each network's last layer, for them alone.

A correction lives in the visitor's session. Where the operator has named a folder, it is kept
there, too, in the course's data layout, so that training can read it:

FOLDER/train/9f86d081884c7d65.png ...   28x28 grey, ink 255 on 0, named by their content
FOLDER/train.csv                        image,label
"""

import csv
import hashlib
import io
import logging
import shlex
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.answer.held_back import HeldBack
from netlib.answer.predictor import Predictor
from netlib.answer.reading import NetworkReading, Reading
from netlib.answer.refit import Head, softmax
from netlib.errors import UserError
from netlib.files import beside, replacing
from netlib.nets.saved import arrays_digest

log = logging.getLogger(__name__)

# Of 5 European ones that mobilenet read as 7, 4 were read rightly after this, and of 400 rehearsed
# digits as many as before (398); at a rate of 0.001 it was all 5, and 4 digits fewer.
TRAINING = "--learning-rate 0.0003 --training-epochs 3 --augment mild"
MAX_IMAGES = 5_000
MAX_BYTES = 20_000_000
MAX_CORRECTIONS = 50  # of a session, which the server keeps in memory


@dataclass(frozen=True, eq=False)
class Correction:
    """One digit and what it is."""

    digit: NDArray[np.floating]  # (28, 28) in [0, 1]
    answer: str  # the name of its class
    embeddings: Mapping[str, NDArray[np.floating]]  # name of the network -> (D,)
    kept: "Kept | None" = None  # in the folder


@dataclass(frozen=True, eq=False)
class Taught:
    """What one visitor has taught."""

    made: tuple[Correction, ...] = ()  # in their order
    # Name of the network -> its last layer after them; empty where there are none
    heads: Mapping[str, Head] = field(default_factory=dict)

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """Those that count: of one digit the last."""
        return tuple({png(c.digit): c for c in self.made}.values())


@dataclass(frozen=True)
class Cost:
    """What a change costs elsewhere."""

    count: int  # held-back digits
    before: int  # of them read rightly by the trained network
    after: int  # of them read rightly after the change
    worst: tuple[str, int] | None  # the class that alone lost most, and how many


class Teacher:
    """Teaches copies: the loaded networks stay as they are, and no visitor's copy is kept here.

    Args:
        predictor: the networks.
        checkpoints: name -> file, which may have held-back digits beside it.
        store: where corrections are kept, None to keep none.

    Attributes:
        answers: the names of all classes.
        held: name -> its held-back digits.
        missing: name -> a sentence on why it has none.
    """

    def __init__(
        self, predictor: Predictor, checkpoints: Mapping[str, Path], store: "TeachStore | None"
    ) -> None:
        self.store = store
        self._info = predictor.info
        self._heads = {name: Head.of(net) for name, net in predictor.explainers.items()}
        self.answers = list(dict.fromkeys(a for i in self._info.values() for a in i.class_names))
        for name, info in self._info.items():
            if store is not None and list(info.class_names) != self.answers:
                raise ValueError(
                    f"A folder of corrections numbers its classes, here {', '.join(self.answers)}, "
                    f"and {name} has {', '.join(info.class_names)}: name networks of the same "
                    "classes, or no folder."
                )
        self.held: dict[str, HeldBack] = {}
        self.missing: dict[str, str] = {}
        for name, path in checkpoints.items():
            digest = arrays_digest(predictor.explainers[name].arrays)
            try:
                self.held[name] = HeldBack.load(beside(path, "held"), digest)
            except ValueError as error:
                self.missing[name] = str(error)
            if store is None:
                continue
            if (rehearsed := beside(path, "map")).is_file():
                log.info("What is corrected trains a network by: %s", training_command(store, path))
            else:
                log.info(
                    "What is corrected trains %s where there is a map with digits to rehearse, "
                    "%s, which analysis.project makes.",
                    name,
                    rehearsed,
                )

    def correct(self, taught: Taught, reading: Reading, answer: str) -> Taught:
        """Teach that the one digit of a reading is an `answer`; of one digit the last counts.

        Raises:
            UserError: there is no such answer, or no room.
        """
        if answer not in self.answers:
            raise UserError(f"{answer!r} is no answer; expected one of {', '.join(self.answers)}.")
        digit, content = reading.digits[0], png(reading.digits[0])
        label = self.answers.index(answer)
        for same in taught.corrections:
            if png(same.digit) == content and same.answer == answer:
                return self._kept_anew(taught, same, label)
        if len(taught.made) >= MAX_CORRECTIONS:
            raise UserError(f"{MAX_CORRECTIONS} corrections are the most: take some back.")
        kept = self.store.put(digit, label) if self.store is not None else None
        embeddings = {name: network.embeddings[0] for name, network in reading.networks.items()}
        return self._refitted((*taught.made, Correction(digit, answer, embeddings, kept)))

    def _kept_anew(self, taught: Taught, same: Correction, label: int) -> Taught:
        """It is the last again, here and where another visitor may have corrected it since."""
        kept = same.kept
        if self.store is not None and kept is not None:
            self.store.take_back(same.digit, kept)
            kept = self.store.put(same.digit, label)
        others = (correction for correction in taught.made if correction is not same)
        return replace(taught, made=(*others, replace(same, kept=kept)))

    def undo(self, taught: Taught) -> Taught:
        """Take the last correction back; what the digit was taught as before counts again.

        Raises:
            UserError: there is none.
        """
        if not taught.made:
            raise UserError("There is no correction to take back.")
        *others, last = taught.made
        if self.store is not None and last.kept is not None:
            self.store.take_back(last.digit, last.kept)
        return self._refitted(tuple(others))

    def _refitted(self, made: tuple[Correction, ...]) -> Taught:
        taught, heads = Taught(made), {}
        for name, head in self._heads.items():
            names = self._info[name].class_names
            known = [c for c in taught.corrections if c.answer in names]
            if known:
                embeddings = np.stack([c.embeddings[name] for c in known])
                heads[name] = head.refitted(embeddings, [names.index(c.answer) for c in known])
        return replace(taught, heads=heads)

    def reread(self, taught: Taught, reading: Reading) -> dict[str, NetworkReading]:
        """A reading's networks with their taught layers; what is refused stays refused."""
        networks = dict(reading.networks)
        for name in networks.keys() & taught.heads.keys():
            logits = taught.heads[name].logits(networks[name].embeddings)
            shares = softmax(logits / self._info[name].temperature)
            networks[name] = replace(networks[name], probabilities=shares)
        return networks

    def cost(self, taught: Taught, name: str) -> Cost | None:
        """What the corrections cost a network elsewhere; None where no digits were held back."""
        held = self.held.get(name)
        if held is None:
            return None
        heads = self._heads[name], taught.heads.get(name, self._heads[name])
        before, after = (h.logits(held.embeddings).argmax(1) == held.labels for h in heads)
        names = self._info[name].class_names
        lost = np.bincount(held.labels, before * 1 - after, len(names)).astype(int)
        worst = lost_most(dict(zip(names, lost, strict=True)))
        return Cost(len(held.labels), int(before.sum()), int(after.sum()), worst)


def lost_most(lost: Mapping[str, int]) -> tuple[str, int] | None:
    """The class that lost more digits than every other, and how many; None where there is none."""
    (first, most), (_, second) = sorted(lost.items(), key=lambda item: -item[1])[:2]
    return (first, int(most)) if most > max(second, 0) else None


def training_command(store: "TeachStore", checkpoint: Path) -> str:
    """What trains a network on from its checkpoint with the corrections that are kept."""
    paths = ("--dataset-path", str(store.folder), "--start-from", str(checkpoint))
    output = ("--output", f"runs/taught-{checkpoint.stem}")
    return shlex.join([sys.executable, "-m", "analysis.main", *paths, *TRAINING.split(), *output])


@dataclass(frozen=True, eq=False)
class Kept:
    """One time that a picture was kept."""

    label: int | None  # None: it was not there


class TeachStore:
    """A folder of corrected digits; each is written whole or not at all.

    Of a picture that several visitors have corrected the last correction counts that was not taken
    back. A picture is written before the row that names it and removed after it, so that a reader
    never finds a row without its picture.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._kept: dict[str, list[Kept]] = {}  # of each picture, oldest first
        self._images = folder / "train"
        self._table = folder / "train.csv"
        self._images.mkdir(parents=True, exist_ok=True)  # or the server does not start

    def put(self, digit: NDArray[np.floating], label: int) -> Kept:
        """Keep one picture (28, 28) in [0, 1] under its right label, once.

        Raises:
            UserError: the folder is full.
        """
        name, content = _named(digit)
        with self._lock:
            self._images.mkdir(parents=True, exist_ok=True)  # somebody may have removed it
            rows = self._rows()
            before = Kept(rows.pop(name, None))
            self._check_room(rows, content)
            _write(self._images / name, content)
            _write(self._table, _table({**rows, name: label}))
            kept = Kept(label)
            self._kept[name] = [*self._kept.get(name, [before]), kept][-MAX_CORRECTIONS:]
        return kept

    def take_back(self, digit: NDArray[np.floating], kept: Kept) -> None:
        """As if it had not been kept that time."""
        name, _ = _named(digit)
        with self._lock:
            others = [one for one in self._kept.pop(name, []) if one is not kept]
            label = others[-1].label if others else None
            rows = self._rows()
            rows.pop(name, None)
            _write(self._table, _table(rows if label is None else {**rows, name: label}))
            if label is None:
                (self._images / name).unlink(missing_ok=True)
            else:
                self._kept[name] = others

    def _check_room(self, rows: Mapping[str, int], content: bytes) -> None:
        used = sum(file.stat().st_size for file in self._images.iterdir())
        if len(rows) >= MAX_IMAGES or used + len(content) > MAX_BYTES:
            raise UserError("The collection of corrections is full: nothing was saved.")

    def _rows(self) -> dict[str, int]:
        if not self._table.exists():
            return {}
        with self._table.open(encoding="utf-8", newline="") as file:
            return {row[0]: int(row[1]) for row in list(csv.reader(file))[1:]}


def png(digit: NDArray[np.floating]) -> bytes:
    """A digit (28, 28) in [0, 1] as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(np.clip(digit, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _named(digit: NDArray[np.floating]) -> tuple[str, bytes]:
    """The name of its file, and what stands in it."""
    content = png(digit)
    return f"{hashlib.sha256(content).hexdigest()[:16]}.png", content


def _table(rows: Mapping[str, int]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("image", "label"), *rows.items()])
    return text.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    folder = path.parent.parent if path.suffix == ".png" else path.parent
    with replacing(path, folder) as temporary:
        temporary.write_bytes(content)
