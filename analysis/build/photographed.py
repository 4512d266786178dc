r"""How photographs are read: drawn ones of every kind, with unseen writers' digits, and others.

python -m analysis.build.photographed --unipen pendigits-train.unipen --sets real/test.csv \
    --output figures/data/evaluation/photographed.csv

Every picture goes through the app's own reader. Right is a digit or number that is read as it
stands there, and a picture of something else of which every part is refused.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis import robustness
from analysis.frame.command import progress, start
from analysis.frame.outputs import Csv, check_record
from netlib import answer

if TYPE_CHECKING:
    from PIL import Image

    from netlib.answer.reader import Reader
    from netlib.data.strokes import PenDigit

HEIGHT = 140  # of a character, px
DIGIT, NUMBER, OTHER = "one digit", "number", "no digit"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How photographs are read: drawn ones of every kind, and labelled ones.

    Attributes:
        unipen: UNIPEN file with digits and writers.
        sets: CSV files of a picture's name, what stands in it and of what kind it is, each beside
            the folder of its name; where no label is made of digits, all should be refused.
        checkpoints: folder of both networks.
        count: drawn pictures of each kind, of one digit, of a number and of something else.
        test_writers: as given to prepare_data.
        seed: as given to prepare_data; also draws.
        jobs: processes that read; -1 for one a core.
        output: CSV to write.
    """

    unipen: Path
    sets: tuple[Path, ...] = ()
    checkpoints: Path = Path("checkpoints")
    count: int = 200
    test_writers: int = 10
    seed: int = 0
    jobs: int = -1
    output: Csv


@dataclass(frozen=True)
class Sent:
    """A picture that somebody sends, and what is known of it."""

    set: str
    kind: str
    text: str  # what stands in it; no digit if that has no digit
    picture: "bytes | Image.Image"

    @property
    def content(self) -> str:
        """What it should be read as."""
        if not self.text.isdecimal():
            return OTHER
        return DIGIT if len(self.text) == 1 else NUMBER

    def is_right(self, answer: str) -> bool:
        """Whether that is a right answer; "?" stands for a part that is refused."""
        return set(answer) <= {"?"} if self.content == OTHER else answer == self.text


def run(options: Options) -> list[Path]:
    from joblib import Parallel, delayed

    check_record(options.output, options)
    paths = robustness.networks_in(options.checkpoints)
    found: dict[tuple[str, ...], list[bool]] = {}
    readers = Parallel(options.jobs, return_as="generator")
    read = readers(delayed(_read)(paths, sent) for sent in pictures(options))
    for sent, texts in progress(read, "pictures"):
        for network, text in texts.items():
            key = (sent.set, sent.content, sent.kind, network)
            found.setdefault(key, []).append(sent.is_right(text))
    columns = ("set", "content", "kind", "network")
    rows = [
        {**dict(zip(columns, key, strict=True)), "n": len(right), "right": sum(right)}
        for key, right in found.items()
    ]
    sets = tuple(Path(table.parent.name) / table.name for table in options.sets)
    record = robustness.record_of(replace(options, sets=sets, jobs=Options.jobs), paths)
    return robustness.write(options.output, rows, record)


def _read(paths: dict[str, Path], sent: Sent) -> tuple[Sent, dict[str, str]]:
    return sent, read(_reader(tuple(paths.items())), sent.picture)


@cache
def _reader(paths: tuple[tuple[str, Path], ...]) -> "Reader":
    """One in each process."""
    return answer.Reader(answer.Predictor(dict(paths), threads=1))


def read(reader: "Reader", picture: "bytes | Image.Image") -> dict[str, str]:
    """Network -> what it reads; nothing where the picture is not read at all."""
    try:
        networks = reader.read(picture).networks
    except ValueError:  # told to the person as a sentence
        networks = {}
    return {name: networks[name].text if networks else "" for name in reader.names}


def pictures(options: Options) -> Iterator[Sent]:
    """Those that are drawn here, then the labelled ones."""
    yield from drawn(robustness.unseen(options), options.count, options.seed)
    for table in options.sets:
        with open(table, newline="", encoding="utf-8") as file:
            for name, text, kind in list(csv.reader(file))[1:]:
                content = (table.with_suffix("") / name).read_bytes()
                yield Sent(table.parent.name, kind, text, content)


def drawn(digits: "Sequence[PenDigit]", count: int, seed: int) -> Iterator[Sent]:
    """`count` photographs of each kind: of one digit, of a number, and of something else."""
    from netlib.measure.doodles import DRAWERS
    from netlib.measure.families import boxed
    from netlib.measure.photographs import KINDS, on_a_page

    for place, (kind, photograph) in enumerate(KINDS.items()):
        for index in range(3 * count):
            rng = np.random.default_rng([seed, place, index])
            if index % 3 == 2:
                text = str(rng.choice([*DRAWERS]))
                row = [boxed(DRAWERS[text](rng))]
            else:
                written = rng.choice(len(digits), 1 if index % 3 == 0 else rng.integers(2, 6))
                text = "".join(str(digits[i].label) for i in written)
                row = [boxed(digits[i].strokes) for i in written]
            yield Sent(
                "drawn", kind, text, photograph(rng, on_a_page(rng, [row], height=HEIGHT), HEIGHT)
            )


if __name__ == "__main__":
    sys.exit(start("photographed"))
