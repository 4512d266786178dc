r"""Make every figure and the report, from data to PDF, and name what else is out of date.

python -m analysis.build           about 15 minutes on two cores, with no network
python -m analysis.build --full    the committed one, in figures/: full MNIST, hours on two cores
python -m analysis.build --full --verify    whether the committed one is what its numbers make

python -m analysis report --dataset-path D --output O     the same of any data set of yours

Steps that are done are skipped, figures and text are made anew from the result files. Gallery,
maps, model card and screenshots are steps, too: `--steps gallery`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.frame.command import start

if TYPE_CHECKING:
    from analysis.build.plan import Plan, Step
    from analysis.build.store import Build

STATE = "steps.json"
OURS = Path("figures")  # of the committed report
AUTHORS = "The depthwise-digits authors"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make every figure and the report, from data to PDF.

    Attributes:
        dataset_path: a data set of yours in the course's layout, of 2 to 10 classes: the pair and
            everything else is trained on it, and OUTPUT gets Report.pdf, figures/, data/ and runs/.
        full: the course's setting on full MNIST, for hours.
        tiny: show that every step works, in about a minute.
        draw_only: train and measure nothing: draw and typeset.
        verify: make everything anew beside what is there, compare, and change nothing.
        redo: steps to run although they are done.
        steps: run only these, and draw nothing.
        list: show the steps and what is done; run nothing.
        jobs: trainings at a time; -1 for one a core.
        mnist_root: folder with torchvision's MNIST, for --full; default: download.
        results: folder of the numbers; default: figures/data/SIZE.
        runs: folder of checkpoints; default: runs/report/SIZE.
        output: folder of the figures and the PDF; default: RUNS/figures, with --full figures.
        author: name and roll number, for the first page; default: ours, but none of your data.
    """

    dataset_path: Path | None = None
    full: bool = False
    tiny: bool = False
    draw_only: bool = False
    verify: bool = False
    redo: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    list: bool = False
    jobs: int = -1
    mnist_root: Path | None = None
    results: Path | None = None
    runs: Path | None = None
    output: Path | None = None
    author: str = ""

    @property
    def size(self) -> str:
        return "full" if self.full else "tiny" if self.tiny else "small"


def run(options: Options) -> Iterator[Path]:
    """Run what is to do, then draw and typeset.

    Raises:
        ValueError: a step is unknown, a result is missing, changed or stale, or a step failed.
    """
    from analysis.build import document, own
    from analysis.build.artefacts import artefacts

    plan = own.make_plan(options) if options.dataset_path else make_plan(options)
    output = options.output or (OURS if options.full else plan.runs / "figures")
    report, others = open_report(plan), artefacts()
    builds = [report] if plan.own else [report, others]
    asked = {*options.redo, *options.steps}
    if unknown := asked - {name for build in builds for name in build.steps}:
        raise ValueError(f"there is no step {sorted(unknown)[0]!r}; --list names them all.")
    if options.list:
        show(*builds)
        return
    if not plan.own:
        document.check_output(output, plan.size)
    elif options.verify:
        raise ValueError("--verify compares our report; of a data set of yours draw it anew.")
    else:
        own.check_same(plan, report)
    if not (options.draw_only or options.verify):
        run_steps(report, options)
        others.run([name for name in others.steps if name in asked], redo=asked & {*others.steps})
        report = open_report(plan)
    if options.steps:
        return
    refuse_problems(report)
    if plan.own:  # the same steps, a page of its own
        yield from own.make_page(plan, report, options)
        return
    author = options.author or AUTHORS
    if options.verify:
        from analysis.build.verify import differences

        card = others.steps["model_card"]  # whose inputs the report reads, too
        told = others.problems(card) if plan.size == "full" else []
        if told := [*told, *differences(plan, report, output, author)]:
            raise ValueError("\n".join(told))
        print("Every number, figure and table is what the result files make.")
        return
    pages = list(document.make_page(plan, report, output, author))
    for step in others.steps.values():
        for problem in others.problems(step):
            print(f"note: {problem}")
    yield from pages


def make_plan(options: Options) -> "Plan":
    """Size and folders."""
    from analysis.build.plan import Plan

    results = options.results or Path("figures/data") / options.size
    runs = options.runs or Path("runs/report") / options.size
    return Plan(options.size, results, runs, options.mnist_root, options.jobs)


def open_report(plan: "Plan") -> "Build":
    """The report's steps, as the questions name them, and what is done of them."""
    from analysis.build.store import Build
    from analysis.questions import gather

    steps = [*plan.data_sets(), *(step for named in gather("steps") for step in named(plan))]
    compared = " ".join(name for names in gather("COMPARED") for name in names)
    words = (*plan.kept, *plan.course)
    compare = plan.step("pairs", *words, outputs=compared, inputs="pairs.csv", name="compare")
    return Build([*steps, compare], plan.results / STATE)


def results_of(report: "Build") -> "list[Step]":
    """The steps that write results; the others make the data sets that these read."""
    return [step for step in report.steps.values() if not step.is_data]


def refuse_problems(report: "Build") -> None:
    """Raise a ValueError where a result is missing, changed or stale."""
    for step in results_of(report):
        for problem in report.problems(step):
            raise ValueError(problem)


def run_steps(report: "Build", options: Options) -> None:
    """Run what is not done; data sets are made only where something will read them."""
    asked = options.steps or report.steps
    chosen = [step for step in results_of(report) if step.name in asked]
    redo = {step.name for step in chosen} & {*options.redo}
    for step in chosen:
        if step.name not in redo and not report.missing(step):
            for problem in report.changed(step):
                raise ValueError(problem)
    wanted = [s.name for s in chosen if s.name in redo or report.problems(s)]
    if not wanted:
        return
    data_sets = [step for step in report.steps.values() if step.is_data]
    for step in data_sets:
        step.check()
    words = {word for name in wanted for command in report.steps[name].commands for word in command}
    read = [step for step in data_sets if str(step.outputs[0].parent) in words]
    missing = [step.name for step in read if not step.outputs[0].exists()]
    report.run([*missing, *wanted], redo)


def show(*builds: "Build") -> None:
    """One line a step."""
    for build in builds:
        for step in build.steps.values():
            problems = [] if step.is_data and step.outputs[0].exists() else build.problems(step)
            print(f"{step.name:<24} {problems[0] if problems else 'done'}\n    {step.command}")


if __name__ == "__main__":
    sys.exit(start("build"))
