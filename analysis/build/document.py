"""The page: every figure, figures/Report.pdf with its numbers, and figures/README.md."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.build import trace as trace_module
from analysis.build.plan import Plan
from analysis.build.store import digest
from analysis.build.trace import places_text, trace
from analysis.comparison.leaflet import write_pdf
from analysis.figures import draw
from analysis.frame.results import Results
from analysis.questions import Sections, figures, gather, questions
from analysis.questions.headline import shown_of
from netlib.files import replacing

if TYPE_CHECKING:
    from analysis.build.store import Build

TEMPLATE = Path(__file__).with_name("report.typ")
STATE = "steps.json"
LEFT = (STATE, "predictions.npz")  # of no account: the latter is not in the repository
QUESTIONS = Path(__file__).parents[1] / "questions"
TITLE = "Standard against depthwise separable convolution"
SUBTITLE = "Two small networks on handwritten digits"
NOTES = {
    "tiny": "This is the tiny size of the report: it shows that every step works, no more.",
    "small": "This is the small size of the report: few images and few seeds, made in minutes, so "
    "that most differences are noise. It shows that everything works; for findings, see the full "
    "size.",
    "full": "This is the full size of the report.",
}


def check_output(output: Path, size: str) -> None:
    """Refuse to write over a report of another size; "" is of a data set of the user's.

    Raises:
        ValueError: `output` holds one.
    """
    known = output / "report.json"
    if known.is_file():
        found = json.loads(known.read_text(encoding="utf-8")).get("size", "unknown")
    else:
        found = "" if (output / "Report.pdf").is_file() else size
    if found != size:
        whose = f"the report of {found} size" if found else "a report of another data set"
        raise ValueError(f"{output} holds {whose}: name another --output, or remove it.")


def make_page(plan: Plan, report: "Build", output: Path, author: str) -> Iterator[Path]:
    """Draw what can be drawn, typeset, and write the index; gives the files."""
    page, before = plan.runs / "page", output / "report.json"
    known = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else {}
    (output / "captions.json").unlink(missing_ok=True)
    shutil.rmtree(page, ignore_errors=True)
    drawn = list(draw(tuple(figures()), plan.results, output, page / "figures", print))
    print(f"{len(drawn) // 2} figures drawn")
    captions = json.loads((output / "captions.json").read_text(encoding="utf-8"))
    content = make_content(plan, report, author, captions, known)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_text(page / "report.json", text)
    shutil.copy(output / "captions.json", page)
    write_pdf(TEMPLATE, page, output / "Report.pdf")
    write_text(before, text)
    write_text(output / "README.md", index(content, plan, report, captions))
    yield output / "Report.pdf"


def say(data: Results) -> Sections:
    """All sections of the page, from the result files.

    Raises:
        OSError: a file is missing.
        ValueError: a file lacks a column.
    """
    try:
        return {k: v for question in gather("say") for k, v in question(data).items()}
    except KeyError as error:
        raise ValueError(f"a result file lacks {error}: remake it with --redo.") from error


def make_content(
    plan: Plan, report: "Build", author: str, captions: dict[str, Any], known: Any
) -> dict[str, Any]:
    """All that the page says, and where each value is from."""
    data = Results(plan.results)
    sections = say(data)
    ends: dict[str, list[str]] = {"conclude": [], "disappoint": []}
    names: dict[str, str] = {}  # in the trace -> on the page
    for question in questions():
        for part, found in ends.items():
            if hasattr(question, part):
                for place, text in enumerate(getattr(question, part)(data, sections)):
                    names[f"{part}.{question.__name__}.{place}"] = f"{part}.{len(found)}"
                    found.append(text)
    tiny = plan.size == "tiny"  # whose numbers mean nothing
    sources, places = ([], {}) if tiny else find_sources(data, sections, names, known)
    files = {file for parts in sources for file in parts}
    files |= {file for entry in captions.values() for file in entry["inputs"]}
    return {
        "size": plan.size,
        "title": TITLE,
        "subtitle": SUBTITLE,
        "author": author,
        "size_title": f"{plan.size} size",
        "size_note": NOTES[plan.size],
        "processor": data.record("latency.json")["processor"],
        "command": "python -m analysis.build" + ("" if plan.size == "small" else f" --{plan.size}"),
        "sections": sections,
        "conclude": ends["conclude"],
        "disappoint": ends["disappoint"],
        "key": digest_of(data),
        "places": places,
        "sources": sources,
        "files": [file_row(plan.results, report, file) for file in sorted(files)],
    }


def find_sources(
    data: Results, sections: Sections, names: dict[str, str], known: Any
) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Each combination of files and rows once, and value -> its place among them.

    What the last page says is taken over where neither results nor questions have changed since.
    """
    if known and known.get("key") == digest_of(data):
        return known["sources"], known["places"]
    print("looking for the rows behind each number", flush=True)
    behind = trace(data.folder, sections)
    sources: dict[str, int] = {}
    places: dict[str, int] = {}
    for value, files in sorted(behind.items()):
        parts = {file: places_text(rows) for file, rows in sorted(files.items())}
        places[names.get(value, value)] = sources.setdefault(json.dumps(parts), len(sources))
    return [json.loads(text) for text in sources], places


def digest_of(data: Results) -> str:
    """Of all results, of what was read beside them, and of the questions that read them."""
    files = sorted(p for folder in (data.folder, QUESTIONS) for p in folder.rglob("*.*"))
    files += sorted(data.folder / name for name in data.used if name.startswith("../"))
    kept = (
        p
        for p in files
        if p.is_file() and p.suffix in (".csv", ".json", ".npz", ".py") and p.name not in LEFT
    )
    parts = [f"{p.name} {digest(p)}" for p in (*kept, Path(trace_module.__file__))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def file_row(results: Path, report: "Build", file: str) -> dict[str, str]:
    """A result file, the step that wrote it, and the commits that were recorded with it."""
    path = results / file
    made = [step for step in report.steps.values() if path in step.outputs]
    beside = path.with_suffix(".json")
    record = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    runs = [*record.get("earlier", []), record, record.get("made_by", {})]
    commits = dict.fromkeys(run["commit"] for run in runs if run.get("commit"))
    return {
        "file": file.removeprefix("../"),
        "step": made[0].name if made else "another command",
        "commit": ", ".join(commits) or "none",
        "digest": digest(path),
    }


def index(content: dict[str, Any], plan: Plan, report: "Build", captions: dict[str, Any]) -> str:
    """The README of the figures: what each shows, its numbers, and the commands that make them."""
    shown = shown_of(Results(plan.results).record("headline.json"))
    makers = {path: step.name for step in report.steps.values() for path in step.outputs}

    def row(name: str, entry: dict[str, Any]) -> str:
        files = "<br>".join(f"`{file}`" for file in entry["inputs"])
        found = (makers.get(plan.results / file) for file in entry["inputs"])
        steps = ", ".join(dict.fromkeys(step for step in found if step))
        return f"| [{name}]({name}.png) | {entry['title']} | {files} | {steps} |"

    rows = [row(name, entry) for name, entry in captions.items()]
    steps = [
        f"- {step.name} ({took(report.seconds(step))}): `{step.command}`"
        for step in report.steps.values()
    ]
    ours = plan.size == "full"
    more = (
        "; `make verify` makes all anew and compares. `demo_*.png` are screenshots of the app "
        "(`make screenshots`)"
    )
    return f"""# Figures

[Report.pdf](Report.pdf) and every figure in it, {content["size_title"]}, made by \
`{content["command"]}`. One figure by itself: `python -m analysis.figures NAME\
{"" if ours else f" --data {plan.results.as_posix()}"}`.

Numbers are in `{plan.results.as_posix()}`, and `report.json` names the rows behind each number of \
the report{more if ours else ""}.

| figure | shows | numbers | step |
| --- | --- | --- | --- |
{chr(10).join(rows)}

The pair that is shown is of seed {shown}; made anew it is that of the median difference.

The steps, question by question (a build finds what each needs), with what they took; a sweep's
seconds are those of all its runs together. A file's own record has the command that made it, which
may be an earlier form of these:

{chr(10).join(steps)}
"""


def took(seconds: float) -> str:
    """As "1,234 s"; what was made before times were kept has none."""
    return f"{seconds:,.0f} s" if seconds else "not timed"


def write_text(path: Path, text: str) -> None:
    """Never half a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
