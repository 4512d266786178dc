"""The plan of a report: its size, and its steps, which the questions name.

A step is one or more commands of ours and the files that they write. All sizes have the same steps;
they differ in numbers of images, seeds and levels.
"""

import contextlib
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.frame.command import COMMANDS, parse
from analysis.look.style import NETWORKS

RECIPE = ("--augment", "mild", "--weight-decay", "0.05")


@dataclass(frozen=True)
class Step:
    """Some commands, in order."""

    name: str  # in the record and for --redo
    commands: tuple[tuple[str, ...], ...]  # each its name and its arguments
    outputs: tuple[Path, ...]  # files that they write
    inputs: tuple[Path, ...] = ()  # results that they read
    hidden: tuple[str, ...] = ()  # more arguments, which change where it runs, not what it finds
    sweep: bool = False  # whether the output is a table of `analysis.sweep`
    is_data: bool = False  # whether it makes a data set, whose record says by itself what made it

    def check(self) -> None:
        """Raise a ValueError where there is a data set of another command."""
        (path,) = self.outputs
        if not self.is_data or not path.is_file():
            return
        command = json.loads(path.read_text(encoding="utf-8")).get("command", "")
        if settings(command) != settings(self.command):
            raise ValueError(
                f"{path.parent} was made by another command ({command}); expected "
                f"{self.command}: move or remove that folder."
            )

    @property
    def command(self) -> str:
        return " && ".join(
            shlex.join(["python", "-m", COMMANDS[name].removesuffix(".__main__"), *arguments])
            for name, *arguments in self.commands
        )


def settings(command: str) -> Any:
    """What a command that prepares data makes, however it is spelled; any other as it is."""
    from analysis.prepare_data import Options

    with contextlib.suppress(ValueError):
        _, _, module, *arguments = shlex.split(command)
        if module == COMMANDS["prepare_data"]:
            return replace(parse(Options, arguments), mnist_root=None)
    return command


@dataclass(frozen=True)
class Own:
    """A data set of the user's."""

    path: Path  # folder or zip in the course's layout
    num_classes: int  # 2 to 10
    images: int  # in its training split


@dataclass(frozen=True)
class Plan:
    """What the questions need to know to name their steps."""

    size: str  # "tiny" shows that everything works, "small" is made in minutes, "full" in hours
    results: Path  # folder of the numbers
    runs: Path  # folder of checkpoints and predictions
    mnist_root: Path | None = None  # with torchvision's MNIST; None downloads it, where needed
    jobs: int = -1  # trainings at a time, -1 for one a core
    own: Own | None = None  # a data set in the place of the course's

    def pick(self, tiny: Any, small: Any, full: Any) -> Any:
        return {"tiny": tiny, "small": small, "full": full}[self.size]

    @property
    def prefix(self) -> str:
        """Start of the names of data sets."""
        return self.pick("data/tiny-", "data/small-", "data/")

    @property
    def course(self) -> tuple[str, ...]:
        """The course's imbalanced training set."""
        return "--dataset-path", str(self.own.path) if self.own else f"{self.prefix}course"

    @property
    def classes(self) -> tuple[str, ...]:
        """How many classes there are, where they are not ten."""
        if self.own is None or self.own.num_classes == 10:
            return ()
        return ("--num-classes", str(self.own.num_classes))

    def possible(self, sizes: Iterable[Any]) -> tuple[Any, ...]:
        """Those numbers of training images that there are, and of one's own data set all."""
        if self.own is None:
            return tuple(sizes)
        most = int(0.8 * self.own.images)  # the rest validates, by whole images of each class
        return tuple(dict.fromkeys(min(size, most) for size in sizes))

    @property
    def kept(self) -> tuple[str, ...]:
        """The runs that every comparison of the pair reads."""
        return ("--runs", str(self.runs / "pairs"))

    @property
    def pair(self) -> dict[str, Path]:
        """The networks of the first pair of them."""
        return {n: self.runs / "pairs" / f"{n}-0" / "network.safetensors" for n in NETWORKS}

    @property
    def count(self) -> tuple[str, ...]:
        """Test images for embeddings and corruptions."""
        return ("--count", str(self.pick(50, 500, 2000)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the smaller runs."""
        return self.pick((0,), (0, 1), (0, 1, 2))

    @property
    def base(self) -> tuple[str, ...]:
        """The smaller runs."""
        images, share, epochs = self.pick((60, 0.05, 1), (600, 0.1, 4), (4000, 0.05, 5))
        return (
            *self.course,
            *("--train-size", str(self.possible([images])[0]), "--validation-size", str(share)),
            *("--training-epochs", str(epochs), *self.fast),
        )

    @property
    def fast(self) -> tuple[str, ...]:
        """Half precision where it saves hours."""
        return self.pick((), (), ("--bfloat16", "standard"))

    def tail_sets(self) -> list[tuple[str, tuple[str, ...]]]:
        """Folder and profile of every long-tailed set; rotations outermost; none of one's own."""
        if self.own:
            return []
        ratios, rotations = self.pick((10,), (10,), (10, 100)), self.pick((0,), (0,), (0, 4))
        return [
            (
                f"{self.prefix}tail-exp{ratio}-{turn}",
                ("--ratio", f"{ratio}", "--rotation", f"{turn}"),
            )
            for turn in rotations
            for ratio in ratios
        ]

    def step(
        self,
        command: str,
        *arguments: object,
        outputs: str,
        inputs: str = "",
        folder: str = "",
        name: str = "",
    ) -> Step:
        """A step of one command, called like it, which writes and reads files of the results."""
        target = self.results / folder
        return Step(
            name or command,
            ((command, *map(str, arguments), "--output", str(target)),),
            tuple(target / name for name in outputs.split()),
            tuple(self.results / name for name in inputs.split()),
        )

    def sweep(
        self,
        name: str,
        *parts: Iterable[object],
        factor: str = "none",
        seeds: Any = None,
        rates: str = "learning_rate",
    ) -> Step:
        """A step that trains; several parts go into one table, one after the other.

        `rates` is the sweep that tuned each network's learning rate.
        """
        table, tuned_by = self.results / f"{name}.csv", self.results / f"{rates}.csv"
        tuned = () if factor == "learning_rate" else ("--tuned", str(tuned_by))
        end = (*self.pick(("--batch-size", "32"), ("--batch-size", "32"), ()), *RECIPE, *tuned,
               "--factor", factor, "--seeds", *map(str, seeds or self.seeds), *self.classes,
               "--output", str(table))  # fmt: skip
        commands = tuple(("sweep", *map(str, part), *end) for part in parts)
        inputs = (tuned_by,) if tuned else ()
        return Step(name, commands, (table,), inputs, ("--jobs", str(self.jobs)), sweep=True)

    def data_sets(self) -> list[Step]:
        """What the other steps read; made only where one of them runs."""
        if self.own:
            return []
        source = self.pick("packaged", "packaged", "mnist")
        long, most = self.pick(((), ()), ((), ()), (("--n-max", "5000"), ("--n-max", "1000")))
        kind = ("--source", source, "--imbalance", "exp")
        sets = [(self.course[1], (*kind, "--ratio", "10", *long))]
        sets += [(path, (*kind, *most, *profile)) for path, profile in self.tail_sets()]
        root = ("--mnist-root", str(self.mnist_root)) if self.mnist_root else ()
        return [
            Step(
                f"prepare {Path(path).name}",
                (("prepare_data", *arguments, "--zip", "--output", path),),
                (Path(path) / "record.json",),
                hidden=root if source == "mnist" else (),
                is_data=True,
            )
            for path, arguments in sets
        ]
