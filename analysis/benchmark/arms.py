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
from concurrent.futures import Future, ProcessPoolExecutor
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
    """One thing to measure.

    Attributes:
        make: called once in the new process with `arguments`; returns the function that does the
            work of one case and says what it measured. A function of a module, to be picklable.
        arguments: for `make`.
        threads: of its numerical libraries.
    """

    make: Callable[..., Work]
    arguments: tuple[Any, ...] = ()
    threads: int = 1


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
        pools = {name: stack.enter_context(_pool(arm)) for name, arm in arms.items()}
        # All at once, since most of a start is reading libraries; then wait for all.
        starts = {name: pools[name].submit(_begin, arm.make, arm.arguments)
                  for name, arm in arms.items()}  # fmt: skip
        for name, start in starts.items():
            _result(name, start)
        names = list(arms)
        for number in range(rounds):
            for case in cases:
                shift = number % len(names)  # nobody is always the one after the slowest
                for name in names[shift:] + names[:shift]:
                    found = _result(name, pools[name].submit(_do, case))
                    results[name, case].append(found)
    return results


def profile(arm: Arm, case: Hashable) -> str:
    """Where an arm's time goes: the functions that take most of it themselves, with their shares.

    A profiler slows down what calls many small functions: what it tells are shares, no times.
    """
    with _begun(arm) as told:
        return told(_profiled, case)


@contextlib.contextmanager
def running(arm: Arm) -> Iterator[Work]:
    """One arm's work, done in its process when it is called."""
    with _begun(arm) as told:
        yield partial(told, _do)


@contextlib.contextmanager
def _begun(arm: Arm) -> Iterator[Callable[..., Any]]:
    """An arm's process: calls a function of a module there, and tells what it returns."""
    with _pool(arm) as pool:
        name = arm.make.__name__
        _result(name, pool.submit(_begin, arm.make, arm.arguments))
        yield lambda function, case: _result(name, pool.submit(function, case))


def _pool(arm: Arm) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=_prepare, initargs=(os.getpid(), arm.threads))


def _result(name: str, future: Future) -> Any:
    try:
        return future.result()
    except Exception as error:  # whatever an arm raises; its own traceback is the cause's text
        raise ArmError(f"The arm {name!r} failed: {error.__cause__ or error}") from error


_works: list[Work] = []  # of an arm's process


def _prepare(parent: int, threads: int) -> None:
    """Before the first task, which imports the libraries that read these variables."""
    end_with(parent)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))


def _begin(make: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    _works.append(make(*arguments))


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
