"""Arms of a comparison, each in a process of its own, measured in turn.

One process cannot hold two fairly: threads of one library spin while another works, and allocator
and thread counts are set once for all.
"""

import contextlib
import multiprocessing
import os
import statistics
import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

Work = Callable[[Any], float]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
STOP = "stop"


class ArmError(RuntimeError):
    """An arm failed; the message holds its traceback."""


@dataclass(frozen=True)
class Arm:
    """One thing to measure.

    Attributes:
        make: called once in the new process with `arguments`; returns the function that does the
            work of one case and says what it measured. A function of a module, to be picklable.
        arguments: for `make`.
        threads: of its numerical libraries.
        environment: variables that are set before the process starts.
    """

    make: Callable[..., Work]
    arguments: tuple[Any, ...] = ()
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


def interleave(
    arms: Mapping[str, Arm], cases: Sequence[Hashable], rounds: int
) -> dict[tuple[str, Any], list[float]]:
    """Every arm on every case, in turn, `rounds` times; one works while the others wait.

    Returns:
        (arm, case) -> one measurement a round.

    Raises:
        ArmError: an arm failed.
    """
    results: dict[tuple[str, Any], list[float]] = {(a, c): [] for c in cases for a in arms}
    with contextlib.ExitStack() as stack:
        workers = _start(stack, arms)
        names = list(arms)
        for number in range(rounds):
            for case in cases:
                shift = number % len(names)  # nobody is always the one after the slowest
                for name in names[shift:] + names[:shift]:
                    results[name, case].append(workers[name](case))
    return results


def together(arms: Mapping[str, Arm], case: Hashable) -> dict[str, float]:
    """Every arm once, all at the same time."""
    with contextlib.ExitStack() as stack:
        workers = _start(stack, arms)
        for worker in workers.values():
            worker.send(case)
        return {name: worker.receive() for name, worker in workers.items()}


def seconds_of(function: Callable[[], Any], seconds: float, warm_up: float | None = None) -> float:
    """Median seconds of a call, over about `seconds` of calls after a warm-up.

    At least three calls are counted; the warm-up takes a third of the time, and at least one call.
    """
    _calls(function, seconds / 3 if warm_up is None else warm_up, 1)
    return statistics.median(_calls(function, seconds, 3))


def _calls(function: Callable[[], Any], seconds: float, at_least: int) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < at_least or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


@contextlib.contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for processes that start meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Worker:
    """The parent's end of an arm's process."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.connection = connection

    def __call__(self, case: Hashable) -> float:
        self.send(case)
        return self.receive()

    def send(self, case: Hashable) -> None:
        self.connection.send((case,))

    def receive(self) -> float:
        try:
            value, problem = self.connection.recv()
        except EOFError:
            problem = "its process ended; the lines above may say why"
        if problem:
            raise ArmError(f"The arm {self.name!r} failed: {problem}")
        return value


def _start(stack: contextlib.ExitStack, arms: Mapping[str, Arm]) -> dict[str, _Worker]:
    """All processes at once, since most of a start is reading libraries; then wait for all."""
    workers = {name: stack.enter_context(_worker(name, arm)) for name, arm in arms.items()}
    for worker in workers.values():
        worker.receive()  # ready
    return workers


@contextlib.contextmanager
def _worker(name: str, arm: Arm) -> Iterator[_Worker]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, arm.make, arm.arguments))
    threads = dict.fromkeys(THREAD_VARIABLES, str(arm.threads))
    with variables({**threads, **arm.environment}):
        process.start()
    theirs.close()
    worker = _Worker(name, ours)
    try:
        yield worker
        with contextlib.suppress(OSError):
            ours.send(STOP)
        process.join(10)
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
        ours.close()


def _serve(connection: Connection, make: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    """The arm's process: make the work once, do it whenever asked."""
    try:
        work = make(*arguments)
        connection.send((0.0, ""))
        while (message := connection.recv()) != STOP:
            connection.send((work(message[0]), ""))
    except EOFError:  # the parent is gone
        return
    except Exception:
        connection.send((0.0, traceback.format_exc()))
