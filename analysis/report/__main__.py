r"""Make every figure and figures/Report.pdf, from data to PDF; goes on where it was interrupted.

python -m analysis.report          about 15 minutes on two cores, with no network
python -m analysis.report --full   the committed one: full MNIST, hours on two cores

Steps that are done are skipped, figures and text are made anew from the result files.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typst

from analysis.report import findings
from analysis.report.conclusions import conclusions, did_not_work, limitations, stem_trap
from analysis.report.plan import SIZES, Size, plan
from analysis.report.steps import Record, Step, environment, run_steps, write_text
from analysis.report.wording import read_csv, read_json

TEMPLATE = Path(__file__).with_name("report.typ")
TITLE = "Standard against depthwise separable convolution"
SUBTITLE = "Two small networks on handwritten digits"
NOTES = {
    "small": "This is the small size of the report: few images and few seeds, made in minutes. It "
    "shows that everything works; for findings, see the full size.",
    "full": "This is the full size of the report.",
}
MANIFEST = "report.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, draw, typeset; 2 is the exit status of a user's error."""
    args = parse(sys.argv[1:] if arguments is None else list(arguments))
    size = SIZES["full" if args.full else "small"]
    results = args.results or Path("figures/data") / size.name
    runs = args.runs or Path("runs/report") / size.name
    steps = plan(size, results, runs, args.mnist_root, args.jobs)
    try:
        record = Record.read(results)
        if unknown := {*args.redo, *args.steps} - {step.name for step in steps}:
            raise ValueError(f"there is no step {sorted(unknown)[0]!r}; --list names them all.")
        if args.list:
            return show(steps, record)
        if args.steps:
            run_steps([s for s in steps if s.name in args.steps], record, args.redo)
            return 0
        if not args.draw_only:
            run_steps(steps, record, args.redo)
        build = runs / "page"
        draw(results, args.output, build / "figures")
        content = make_content(size, results, args, steps, record)
        typeset(content, args.output, build)
        write_text(args.output / "README.md", index(content, results))
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        print(f"report: {explain(error)}", file=sys.stderr)
        return 2
    print(args.output / "Report.pdf")
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Make every figure and the report, from data to PDF.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--full", action="store_true", help="the course's setting on full MNIST, for hours")
    add("--draw-only", action="store_true", help="train and measure nothing: draw and typeset")
    add("--redo", nargs="+", default=[], metavar="STEP", help="run these although they are done")
    add("--steps", nargs="+", default=[], metavar="STEP", help="run only these, and draw nothing")
    add("--list", action="store_true", help="show the steps and what is done; run nothing")
    add("--jobs", type=int, default=-1, help="trainings at a time; -1 for one a core")
    add("--mnist-root", type=Path, help="folder with torchvision's MNIST, for --full "
        "(default: download)")  # fmt: skip
    add("--results", type=Path, help="folder of the numbers (default: figures/data/SIZE)")
    add("--runs", type=Path, help="folder of checkpoints (default: runs/report/SIZE)")
    add("--output", type=Path, default=Path("figures"), help="folder of the figures and the PDF")
    add("--author", default="", help="name and roll number, for the first page")
    return parser.parse_args(arguments)


def explain(error: Exception) -> str:
    """The error in one sentence."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename} is not there: run the command without --draw-only."
    if isinstance(error, KeyError):
        return f"a result file lacks {error}: remake it with --redo."
    return str(error)


def show(steps: Sequence[Step], record: Record) -> int:
    """One line a step."""
    for step in steps:
        state = "done" if record.is_done(step) else "to do"
        print(f"{step.name:<24} {state:<6} {step.command}")
    return 0


def draw(results: Path, output: Path, vectors: Path) -> None:
    """Every figure that the results allow, as PNG for the web and as PDF for the page."""
    (output / "captions.json").unlink(missing_ok=True)
    shutil.rmtree(vectors, ignore_errors=True)
    command = [sys.executable, "-m", "analysis.figures", "--data", str(results)]
    command += ["--output", str(output), "--vector", str(vectors)]
    found = subprocess.run(command, env=environment(), check=False, capture_output=True, text=True)
    if found.returncode > 1:
        raise RuntimeError(f"the figures could not be drawn: {found.stderr.strip()}")
    print(f"{len(found.stdout.splitlines())} figures drawn")
    for line in found.stderr.splitlines():
        print(f"not drawn: {line}")


def make_content(
    size: Size, results: Path, args: argparse.Namespace, steps: Sequence[Step], record: Record
) -> dict[str, Any]:
    """All that the page says, from the result files."""
    sections = findings.report(results)
    captions = read_json(args.output / "captions.json")
    makers = {output: step for step in steps for output in map(str, step.outputs)}

    def made_by(name: str) -> str:
        step = makers.get(str(results / name))
        return step.name if step else ""

    return {
        "size": size.name,
        "title": TITLE,
        "subtitle": SUBTITLE,
        "author": args.author,
        "size_title": f"{size.name} size",
        "size_note": NOTES[size.name],
        "processor": read_json(results / "latency.json")["processor"],
        "command": shlex.join(["python", "-m", "analysis.report", *(["--full"] * args.full)]),
        "sections": sections,
        "conclusions": conclusions(sections, results),
        "did_not_work": did_not_work(sections, results),
        "stem_trap": stem_trap(results),
        "limitations": limitations(size.name),
        "steps": [
            {
                "name": step.name,
                "command": step.command,
                "seconds": f"{duration(step, record):,.0f}",
            }
            for step in steps
        ],
        "figures": [
            {
                "name": name,
                "title": entry["title"],
                "inputs": " ".join(entry["inputs"]),
                "steps": ", ".join(dict.fromkeys(filter(None, map(made_by, entry["inputs"])))),
            }
            for name, entry in captions.items()
        ],
    }


def duration(step: Step, record: Record) -> float:
    """Seconds that a step took; of a sweep, those of all its runs, which several cores share."""
    if step.module != "analysis.sweep":
        return record.entries.get(step.name, {}).get("seconds", 0.0)
    table = read_csv(step.outputs[0])
    network = step.name.partition(" ")[2]
    rows = table[table["network"] == network] if network else table
    return float(rows["seconds"].sum())


def index(content: dict[str, Any], results: Path) -> str:
    """The README of the figures: what each shows, its numbers, and the command that makes them."""
    commands = {step["name"]: step["command"] for step in content["steps"]}
    rows = [
        f"| [{figure['name']}]({figure['name']}.png) | {figure['title']} | "
        + "<br>".join(f"`{name}`" for name in figure["inputs"].split())
        + f" | {figure['steps']} |"
        for figure in content["figures"]
    ]
    used = {name for figure in content["figures"] for name in figure["steps"].split(", ")}
    lines = [f"- {name}: `{commands[name]}`" for name in commands if name in used]
    return "\n".join(
        [
            "# Figures",
            "",
            f"[Report.pdf](Report.pdf) and every figure in it, {content['size_title']}, made by "
            f"`{content['command']}`. One figure by itself: `python -m analysis.figures NAME`.",
            "",
            f"Numbers are in `{results.as_posix()}`; `demo_*.png` are screenshots of the app "
            "(`make screenshots`).",
            "",
            "| figure | shows | numbers | step |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "The steps, in order:",
            "",
            *lines,
            "",
        ]
    )


def typeset(content: dict[str, Any], output: Path, build: Path) -> None:
    """Report.pdf, and beside the results what it was made from."""
    build.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_text(build / MANIFEST, text)
    shutil.copy(output / "captions.json", build / "captions.json")
    shutil.copy(TEMPLATE, build / TEMPLATE.name)
    pdf = typst.compile(build / TEMPLATE.name, root=build, ignore_system_fonts=True, timestamp=0)
    part = output / ".Report.pdf.part"
    part.write_bytes(pdf)
    part.replace(output / "Report.pdf")
    write_text(output / "report.json", text)


if __name__ == "__main__":
    sys.exit(main())
