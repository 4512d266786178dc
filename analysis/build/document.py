"""The page: every figure, figures/Report.pdf with its numbers, and figures/README.md."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.build.plan import Plan
from analysis.figures import draw
from analysis.frame.results import Results
from analysis.questions import Sections, figures, gather
from netlib.files import replacing

if TYPE_CHECKING:
    from analysis.build.store import Build

TEMPLATE = Path(__file__).with_name("report.typ")
TITLE = "Standard against depthwise separable convolution"
SUBTITLE = "Two small networks on handwritten digits"
NOTES = {
    "tiny": "This is the tiny size of the report: it shows that every step works, no more.",
    "small": "This is the small size of the report: few images and few seeds, made in minutes. It "
    "shows that everything works; for findings, see the full size.",
    "full": "This is the full size of the report.",
}
LIMITS = {
    "tiny": ["This is the tiny size: its numbers mean nothing."],
    "small": ["This is the small size: with so few images and seeds most differences are noise."],
    "full": [],
}


def make_page(
    plan: Plan, report: "Build", output: Path, author: str, command: str
) -> Iterator[Path]:
    """Draw what can be drawn, typeset, and write the index; gives the files."""
    import typst

    page = plan.runs / "page"
    (output / "captions.json").unlink(missing_ok=True)
    shutil.rmtree(page, ignore_errors=True)
    names = tuple(figures())
    drawn = list(draw(names, plan.results, output, page / "figures", print))
    print(f"{len(drawn) // 2} figures drawn")
    captions = json.loads((output / "captions.json").read_text(encoding="utf-8"))
    content = make_content(plan, report, author, command, captions)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_text(page / "report.json", text)
    for source in (output / "captions.json", TEMPLATE):
        shutil.copy(source, page / source.name)
    pdf = typst.compile(page / TEMPLATE.name, root=page, ignore_system_fonts=True, timestamp=0)
    with replacing(output / "Report.pdf") as temporary:
        temporary.write_bytes(pdf)
    write_text(output / "report.json", text)
    write_text(output / "README.md", index(content, plan.results))
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
    plan: Plan, report: "Build", author: str, command: str, captions: dict[str, Any]
) -> dict[str, Any]:
    """All that the page says."""
    data = Results(plan.results)
    sections = say(data)
    makers = {str(path): step for step in report.steps.values() for path in step.outputs}

    def made_by(files: list[str]) -> str:
        steps = (makers.get(str(plan.results / file)) for file in files)
        return ", ".join(dict.fromkeys(step.name for step in steps if step))

    return {
        "size": plan.size,
        "title": TITLE,
        "subtitle": SUBTITLE,
        "author": author,
        "size_title": f"{plan.size} size",
        "size_note": NOTES[plan.size],
        "processor": data.record("latency.json")["processor"],
        "command": command,
        "sections": sections,
        "conclusions": [s for part in gather("conclude") for s in part(data, sections)],
        "did_not_work": [s for part in gather("disappoint") for s in part(data, sections)],
        "limitations": LIMITS[plan.size],
        "steps": [
            {
                "name": step.name,
                "command": step.command,
                "seconds": f"{report.seconds(step):,.0f}",
            }
            for step in report.steps.values()
        ],
        "figures": [
            {
                "name": name,
                "title": entry["title"],
                "inputs": " ".join(entry["inputs"]),
                "steps": made_by(entry["inputs"]),
            }
            for name, entry in captions.items()
        ],
    }


def index(content: dict[str, Any], results: Path) -> str:
    """The README of the figures: what each shows, its numbers, and the command that makes them."""
    rows = [
        f"| [{figure['name']}]({figure['name']}.png) | {figure['title']} | "
        + "<br>".join(f"`{name}`" for name in figure["inputs"].split())
        + f" | {figure['steps']} |"
        for figure in content["figures"]
    ]
    used = {name for figure in content["figures"] for name in figure["steps"].split(", ")}
    steps = [f"- {s['name']}: `{s['command']}`" for s in content["steps"] if s["name"] in used]
    return f"""# Figures

[Report.pdf](Report.pdf) and every figure in it, {content["size_title"]}, made by \
`{content["command"]}`. One figure by itself: `python -m analysis.figures NAME`.

Numbers are in `{results.as_posix()}`; `demo_*.png` are screenshots of the app \
(`make screenshots`).

| figure | shows | numbers | step |
| --- | --- | --- | --- |
{chr(10).join(rows)}

The steps, in order:

{chr(10).join(steps)}
"""


def write_text(path: Path, text: str) -> None:
    """Never half a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
