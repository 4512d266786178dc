"""Which steps are done, by the content of what they read and wrote; doit runs the others.

The state is a JSON file that is committed beside the results. File times mean nothing, so a fresh
clone is as done as the one that it was cloned from.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from doit.control import TaskControl
from doit.dependency import DatabaseException, Dependency, FileChangedChecker, JsonDB
from doit.exceptions import TaskFailed
from doit.reporter import ZeroReporter
from doit.runner import Runner
from doit.task import Task, dict_to_task

from analysis.build.plan import Step
from analysis.frame.command import INTERRUPTED, start
from netlib.errors import WorkError
from netlib.files import replacing

# Modules that had another name when results were made: what is recorded stays as it was.
RENAMED = {"analysis.compare": "analysis.build.pairs"}


def digest(path: Path | str) -> str:
    """Tells one content of a file or folder from another; "" for none."""
    path = Path(path)
    if path.is_dir():
        parts = (f"{p.relative_to(path)} {digest(p)}" for p in sorted(path.rglob("*.*")))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


class Content(FileChangedChecker):
    """A file has changed where its digest has."""

    def check_modified(self, file_path: str, file_stat: Any, state: str) -> bool:
        return digest(file_path) != state

    def get_state(self, dep: str, current_state: str | None) -> str:
        return digest(dep)


class Database(JsonDB):
    """As JSON that a person can read, never half of it."""

    def dump(self) -> None:
        text = json.dumps(self._db, indent=1, sort_keys=True) + "\n"
        with replacing(Path(self.name)) as temporary:
            temporary.write_text(text, encoding="utf-8")


class Build:
    """Steps and what is known of them.

    Attributes:
        steps: name -> step.
    """

    def __init__(self, steps: Iterable[Step], state: Path) -> None:
        self.steps = {step.name: step for step in steps}
        try:
            self._manager = Dependency(Database, str(state), Content)
        except DatabaseException as error:
            raise ValueError(f"{state} is no JSON: mend or delete it.") from error
        self._tasks = {name: self._task(step) for name, step in self.steps.items()}
        self._control = TaskControl(list(self._tasks.values()))

    def values(self, name: str) -> dict[str, Any]:
        """Command, seconds and digests of the step's last run; empty if there was none."""
        return self._manager.get_values(name)

    def seconds(self, step: Step) -> float:
        """How long it took; of a sweep, all its runs together, which several cores share."""
        if step.sweep and step.outputs[0].exists():
            import pandas as pd

            return float(pd.read_csv(step.outputs[0])["seconds"].sum())
        return self.values(step.name).get("seconds", 0.0)

    def missing(self, step: Step) -> bool:
        """Whether a file of the step is not there, or another command wrote it."""
        return not self._ran(step) or not all(path.exists() for path in step.outputs)

    def _ran(self, step: Step) -> bool:
        """Whether its command, perhaps under a former name, is the last that ran."""
        known = self.values(step.name).get("command", "")
        for old, new in RENAMED.items():
            known = known.replace(f" {old} ", f" {new} ")
        return known == step.command

    def problems(self, step: Step) -> list[str]:
        """A sentence for each file that is missing, changed by hand, or older than its inputs."""
        again = f"make it with --redo {step.name}"
        told = [f"{path} is not there: {again}." for path in step.outputs if not path.exists()]
        if told:
            return told
        if not self._ran(step):
            return [f"{step.outputs[0]} was made by another command than {step.name}'s: {again}."]
        told = self.changed(step)
        status = self._manager.get_status(self._tasks[step.name], self._tasks, get_log=True)
        for path in status.reasons.get("changed_file_dep", []):
            told.append(f"{path} has changed since {step.name} read it: {again}.")
        for path in status.reasons.get("missing_file_dep", []):
            told.append(f"{path}, which {step.name} reads, is not there: run it again.")
        return told

    def changed(self, step: Step) -> list[str]:
        """A sentence for each file of the step that is not what its command wrote."""
        wrote = self.values(step.name).get("outputs", {})
        return [
            f"{path} is not what {step.name} wrote: restore it, or make it with --redo {step.name}."
            for path in step.outputs
            if digest(path) != wrote.get(str(path))
        ]

    def run(self, names: Sequence[str], redo: Iterable[str] = ()) -> None:
        """Run those of the named steps that are not done, and what they need, in order.

        Raises:
            WorkError: a command failed.
        """
        for name in redo:
            self._manager.remove_success(self._tasks[name])
        if not names:
            return
        reporter = _Progress(self._manager.backend.dump, len(names))
        runner = Runner(self._manager, reporter)
        self._control.process(list(names))
        runner.run_all(self._control.task_dispatcher())
        if reporter.failed:
            raise WorkError(
                f"{reporter.failed} stopped: see above, mend it, and run the same command again; "
                "what is done is kept."
            )

    def _task(self, step: Step) -> Task:
        return dict_to_task(
            {
                "name": step.name,
                "actions": [(run_step, [step])],
                "file_dep": list(map(str, step.inputs)),
                "targets": list(map(str, step.outputs)),
                "uptodate": [lambda task, values: not self.missing(step)],
                "io": {"capture": False},
            }
        )


class _Progress(ZeroReporter):
    """Says what runs; keeps what is done at once, so that an end by any signal loses nothing."""

    def __init__(self, keep: Callable[[], None], total: int) -> None:
        super().__init__(io.StringIO(), {})
        self.keep, self.total, self.count, self.failed = keep, total, 0, ""

    def execute_task(self, task: Task) -> None:
        self.count += 1
        print(f"[{self.count}/{max(self.count, self.total)}] {task.name}", flush=True)

    def add_success(self, task: Task) -> None:
        self.keep()

    def add_failure(self, task: Task, fail: Any) -> None:
        self.failed = task.name
        print(fail.get_msg(), flush=True)


def run_step(step: Step) -> dict[str, Any] | TaskFailed:
    """Run the commands in this process; returns what the state says of them, or of a failure."""
    started = time.perf_counter()
    for name, *arguments in step.commands:
        status = start(name, [*arguments, *step.hidden])
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        if status:
            return TaskFailed(f"{step.name} stopped with status {status}.")
    missing = [str(path) for path in step.outputs if not path.exists()]
    if missing:
        return TaskFailed(f"{step.name} did not write {', '.join(missing)}.")
    return {
        "command": step.command,
        "seconds": round(time.perf_counter() - started, 1),
        "outputs": {str(path): digest(path) for path in step.outputs},
    }
