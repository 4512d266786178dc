"""What the machine can do: bandwidth of memory and peak arithmetic, the two roofs of the roofline.

Source: Williams, Waterman and Patterson 2009, "Roofline"; the copy follows McCalpin's STREAM.
"""

from collections.abc import Callable

import numpy as np
import torch

from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.record import Row, row
from analysis.benchmark.settings import Settings

AREA = "hardware"
COPY_BYTES = 256 * 2**20  # far beyond any cache
CACHE_BYTES = 256 * 2**10  # two of them fit into a core's second-level cache
SIDE = 1536  # of the square matrices
# By two libraries: not every one knows every processor, and a roof is what the best one reaches.
PRODUCTS = ("matrix product, float32", "matrix product, float32, NumPy")


def run(settings: Settings) -> list[Row]:
    """Bandwidth in GB/s and peak GFLOP/s, on one thread and on all."""
    cases = ["copy, memory", "copy, cache", *PRODUCTS, "matrix product, bfloat16"]
    counts = sorted({1, settings.threads})
    arms = {f"{n} threads": Arm(make, (settings.choose(0.1, 0.5),), threads=n) for n in counts}
    results = interleave(arms, cases, settings.choose(3, settings.rounds))
    rows = []
    for case in cases:
        unit = "GB/s" if case.startswith("copy") else "GFLOP/s"
        rows += [row(AREA, case, arm, results[arm, case], unit) for arm in arms]
    return rows


def make(seconds: float) -> Callable[[str], float]:
    """An arm that measures one roof: "copy, …" in GB/s or "matrix product, …" in GFLOP/s."""

    def copy(size: int) -> float:
        source, target = torch.ones(size // 4), torch.empty(size // 4)
        repeats = max(1, COPY_BYTES // size // 8)

        def work() -> None:
            for _ in range(repeats):
                target.copy_(source)

        return 2 * size * repeats / seconds_of(work, seconds) / 1e9  # read and written

    def product(dtype: torch.dtype) -> float:
        a, b = torch.rand(SIDE, SIDE).to(dtype), torch.rand(SIDE, SIDE).to(dtype)
        out = torch.empty(SIDE, SIDE, dtype=dtype)
        return 2 * SIDE**3 / seconds_of(lambda: torch.mm(a, b, out=out), seconds) / 1e9

    def numpy_product() -> float:
        a, b = (np.random.default_rng(0).random((SIDE, SIDE), np.float32) for _ in range(2))
        return 2 * SIDE**3 / seconds_of(lambda: a @ b, seconds) / 1e9

    measures = {
        "copy, memory": lambda: copy(COPY_BYTES),
        "copy, cache": lambda: copy(CACHE_BYTES),
        "matrix product, float32": lambda: product(torch.float32),
        "matrix product, float32, NumPy": numpy_product,
        "matrix product, bfloat16": lambda: product(torch.bfloat16),
    }
    return lambda case: measures[case]()
