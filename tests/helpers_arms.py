"""Arms for the tests of `analysis.benchmark.arms`: a process of theirs imports this file alone."""

import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.benchmark.arms import Arm


def make_counter(step: int) -> Callable[[int], float]:
    """An arm that counts its calls, and tells its process and its threads on request."""
    calls = 0

    def work(case: int) -> float:
        nonlocal calls
        if case < 0:
            return {-1: os.getpid(), -2: int(os.environ["OMP_NUM_THREADS"])}[case]
        calls += 1
        return case + step * calls

    return work


def make_failure() -> Callable[[int], float]:
    """An arm that always fails."""
    return lambda case: 1 / 0


def make_sleeper() -> Callable[[float], float]:
    """An arm that sleeps as long as it is told."""

    def work(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    return work


def interleave_here(
    arms: "Mapping[str, Arm]", cases: Sequence[Hashable], rounds: int
) -> dict[tuple[str, Hashable], list[float]]:
    """`interleave` without processes, for what is done with its results."""
    works = {name: arm.make(*arm.arguments) for name, arm in arms.items()}
    return {(name, case): [works[name](case)] * rounds for case in cases for name in arms}
