"""How many processes a sweep should run: images a second of all together."""

from collections.abc import Callable

import numpy as np

from analysis.benchmark.arms import Arm, together
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import NETWORKS, Settings
from analysis.benchmark.training import PRECISIONS, STEP
from analysis.benchmark.training import make_ours as make_trainer

AREA = "processes"


def run(settings: Settings) -> list[Row]:
    """One process with all threads, against one process a core with a thread each."""
    images, labels = settings.digits("train")
    count = settings.choose(256, 2560)
    n = settings.threads
    ways = {"1 process": (1, n), f"{n} processes": (n, 1)}
    if not settings.quick:
        ways[f"{2 * n} processes"] = (2 * n, 1)
    networks = settings.choose(NETWORKS[-1:], NETWORKS)
    speeds: dict[tuple[str, str], list[float]] = {}
    for _ in range(settings.choose(1, 3)):
        for name in networks:
            for way, (processes, threads) in ways.items():
                arm = Arm(make, (images[:count], labels[:count], name), threads=threads)
                times = together({f"{way}, {i}": arm for i in range(processes)}, name)
                speed = sum(count / seconds for seconds in times.values())
                speeds.setdefault((way, name), []).append(speed)
    rows = []
    for name in networks:
        for way in ways:
            rows.append(row(AREA, "training", way, speeds[way, name], "images a second",
                            network=name))  # fmt: skip
        for way in list(ways)[1:]:
            gain = ratios(speeds[way, name], speeds["1 process", name])
            rows.append(row(AREA, "gain over one process", way, gain, "×", network=name))
    return rows


def make(images: np.ndarray, labels: np.ndarray, network: str) -> Callable[[str], float]:
    """Seconds of one epoch."""
    trainer = make_trainer(images, labels, PRECISIONS[network])
    return lambda name: trainer((name, STEP))
