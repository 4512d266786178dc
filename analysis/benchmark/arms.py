"""Arms of a comparison, each in a process of its own, measured in turn.

One process cannot hold two fairly: threads of one library spin while another works, and allocator
and thread counts are set once for all.
"""

import contextlib
import cProfile
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis.frame.children import end_with
from netlib.errors import WorkError

Work = Callable[[Any], Any]  # a case to what was measured, mostly seconds
MOST = 8  # functions that a profile names
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ArmError(WorkError):
    """An arm failed; the message holds its traceback."""


@dataclass(frozen=True)
class Arm:
    """One thing to measure."""

    # Called once in the new process with `arguments`; returns the function that does the work of
    # one case and says what it measured. A function of a module, to be picklable.
    make: Callable[..., Work]
    arguments: tuple[Any, ...] = ()
    threads: int = 1  # of its numerical libraries


def interleave(
    arms: Mapping[str, Arm], cases: Sequence[Hashable], rounds: int
) -> dict[tuple[str, Any], list[Any]]:
    """Every arm on every case, in turn, `rounds` times; one works while the others wait.

    Returns:
        (arm, case) -> one measurement a round.

    Raises:
        ArmError: an arm failed.
    """
    results: dict[tuple[str, Any], list[Any]] = {(a, c): [] for c in cases for a in arms}
    with contextlib.ExitStack() as stack:
        # All at once, since most of a start is reading libraries; then wait for all.
        begun = {name: stack.enter_context(_begun(arm, name)) for name, arm in arms.items()}
        for told in begun.values():
            told(_wait, None)
        names = list(arms)
        for number in range(rounds):
            for case in cases:
                shift = number % len(names)  # nobody is always the one after the slowest
                for name in names[shift:] + names[:shift]:
                    results[name, case].append(begun[name](_do, case))
    return results


def profile(arm: Arm, case: Hashable) -> str:
    """Where an arm's time goes: the functions that take most of it themselves, with their shares.

    A profiler slows down what calls many small functions: what it tells are shares, no times.
    """
    with _begun(arm, arm.make.__name__) as told:
        return told(_profiled, case)


@contextlib.contextmanager
def running(arm: Arm) -> Iterator[Work]:
    """One arm's work, done in its process when it is called."""
    with _begun(arm, arm.make.__name__) as told:
        yield partial(told, _do)


@contextlib.contextmanager
def _begun(arm: Arm, name: str) -> Iterator[Callable[..., Any]]:
    """An arm's process: calls a function of a module there, and tells what it returns."""
    spawn = multiprocessing.get_context("spawn")
    own = os.getpid(), arm.threads
    with ProcessPoolExecutor(1, spawn, initializer=_prepare, initargs=own) as pool:
        start = pool.submit(_begin, arm.make, arm.arguments)

        def told(function: Callable[[Any], Any], case: Hashable) -> Any:
            try:
                start.result()
                return pool.submit(function, case).result()
            except Exception as error:  # of any kind; its own traceback is the cause's text
                raise ArmError(f"The arm {name!r} failed: {error.__cause__ or error}") from error

        yield told


_works: list[Work] = []  # of an arm's process


def _prepare(parent: int, threads: int) -> None:
    """Before the first task, which imports the libraries that read these variables."""
    end_with(parent)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))


def _begin(make: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    _works.append(make(*arguments))


def _wait(_: None) -> None:
    """Nothing, after the start."""


def _do(case: Hashable) -> Any:
    return _works[0](case)


def _profiled(case: Hashable) -> str:
    profiler = cProfile.Profile()
    profiler.runcall(_works[0], case)
    entries = sorted(profiler.getstats(), key=lambda entry: -entry.inlinetime)
    spent = sum(entry.inlinetime for entry in entries)
    most = []
    for entry in entries[:MOST]:
        name = str(getattr(entry.code, "co_name", entry.code))  # a built-in has its name there
        most.append(f"{name.strip('<>')} {100 * entry.inlinetime / spent:.0f} %")
    return f"{', '.join(most)}; the rest in {max(0, len(entries) - MOST)} functions."


def timed(function: Callable[..., Any], *arguments: Any) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def seconds_of(function: Callable[[], Any], seconds: float) -> float:
    """Median seconds of a call, over about `seconds` of calls after a warm-up.

    At least three calls are counted; the warm-up takes a third of the time, and at least one call.
    """
    _calls(function, seconds / 3, 1)
    return statistics.median(_calls(function, seconds, 3))


def _calls(function: Callable[[], Any], seconds: float, at_least: int) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < at_least or time.perf_counter() < end:
        times.append(timed(function))
    return times
