"""The steps from a data set to the numbers of the report, and which of them are done.

A step is one command of ours and the files that it writes. It is done when those files exist and
`steps.json` says that the same command wrote them. Sweeps go on by themselves where they stopped.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netlib.files import replacing

RECORD = "steps.json"


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: in the record and for --redo.
        module: of ours, as behind `python -m`.
        arguments: of the command.
        outputs: files that it writes.
        inputs: files of the results folder that it reads.
        seconds: about how long it takes, on two cores.
        hidden: more arguments, which change where it runs or reads but not what it finds.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...] = ()
    seconds: float = 10.0
    hidden: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """As a person would type it."""
        return shlex.join(["python", "-m", self.module, *self.arguments])


@dataclass
class Record:
    """What ran: `steps.json` of a results folder.

    Attributes:
        folder: of the results.
        entries: step -> command, seconds, and the digest of every input and output.
    """

    folder: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """The record in `folder`; an empty one where there is none.

        Raises:
            ValueError: the file is damaged.
        """
        path = folder / RECORD
        if not path.exists():
            return cls(folder)
        try:
            return cls(folder, json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} is no JSON ({error}): mend or delete it.") from error

    def is_done(self, step: Step) -> bool:
        """Whether the step's files exist and the same command wrote them.

        Raises:
            ValueError: there is a data set of another command in the place of this step's.
        """
        written = all(path.exists() for path in step.outputs)
        if written and not self.digests(step.outputs):
            check_data_set(step)
            return True
        return written and self.entries.get(step.name, {}).get("command") == step.command

    def stale_inputs(self, step: Step) -> list[Path]:
        """Inputs that are no longer what the step read."""
        known = self.entries.get(step.name, {}).get("inputs", {})
        return [self.folder / name for name, value in known.items()
                if value != digest(self.folder / name)]  # fmt: skip

    def add(self, step: Step, seconds: float) -> None:
        """The step has run; written to the file at once."""
        before = self.entries.get(step.name, {})
        if before.get("command") == step.command and seconds < before.get("seconds", 0) / 2:
            seconds = before["seconds"]  # it only went on: the whole took longer
        self.entries[step.name] = {
            "command": step.command,
            "seconds": round(seconds, 1),
            "inputs": self.digests(step.inputs),
            "outputs": self.digests(step.outputs),
        }
        write_text(self.folder / RECORD, json.dumps(self.entries, indent=1) + "\n")

    def digests(self, paths: Sequence[Path]) -> dict[str, str]:
        """Path inside the results folder -> digest; files elsewhere are not followed."""
        inside = [path for path in paths if path.is_relative_to(self.folder)]
        return {path.relative_to(self.folder).as_posix(): digest(path) for path in inside}


def check_data_set(step: Step) -> None:
    """Raise a ValueError unless the step's command made the data set that is there."""
    for path in step.outputs:
        command = json.loads(path.read_text(encoding="utf-8")).get("command", "")
        if not command.startswith(step.command):
            raise ValueError(
                f"{path.parent} was made by another command ({command}); expected "
                f"{step.command}: move or remove that folder."
            )


def run_steps(steps: Sequence[Step], record: Record, redo: Sequence[str]) -> None:
    """Run what is not done, in order, telling how far it is.

    Raises:
        RuntimeError: a command failed.
    """
    results = [step for step in steps if record.digests(step.outputs)]
    wanted = [step for step in results if step.name in redo or not record.is_done(step)]
    # Data sets are made only where something will read them.
    left = [step for step in steps if step in wanted
            or (wanted and step not in results and not record.is_done(step))]  # fmt: skip
    total = sum(step.seconds for step in left)
    if left:
        print(f"{len(left)} of {len(steps)} steps to run, about {minutes(total)} on two cores")
    pace = 1.0
    for place, step in enumerate(left, start=1):
        print(f"[{place}/{len(left)}] {step.name}, about {minutes(total * pace)} left", flush=True)
        seconds = run_step(step)
        record.add(step, seconds)
        total -= step.seconds
        pace = max(0.2, min(5.0, 0.5 * pace + 0.5 * seconds / step.seconds))
    for step in results:
        for path in record.stale_inputs(step):
            print(f"note: {path} has changed since {step.name} read it: --redo {step.name}")


def run_step(step: Step) -> float:
    """Run the command; returns its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", step.module, *step.arguments, *step.hidden]
    status = subprocess.run(command, env=environment(), check=False).returncode
    if status:
        raise RuntimeError(
            f"{step.name} stopped with status {status}: see above, mend it, and run the same "
            "command again; what is done is kept."
        )
    missing = [str(path) for path in step.outputs if not path.exists()]
    if missing:
        raise RuntimeError(f"{step.name} did not write {', '.join(missing)}.")
    return time.perf_counter() - started


def environment() -> dict[str, str]:
    """Lines come as they are printed, and figures need no display."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"}


def digest(path: Path) -> str:
    """Tells one content of a file from another; "" for no file."""
    if not path.exists():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def write_text(path: Path, text: str) -> None:
    """Never half a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def minutes(seconds: float) -> str:
    """As "40 s" or "12 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
