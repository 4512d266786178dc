"""One file for each question of the report: how it is measured, drawn and answered.

A question is a module of this folder. All of its parts are optional, and nothing else lists them:

- `@figure(title, *inputs)` above a function `Results -> (figure, caption)`: a figure called like
  the function;
- `say(data) -> {section: values}`: numbers and sentences of the page, by section;
- `conclude(data, sections)` and `disappoint(data, sections)`: sentences for the end of the report;
- `steps(plan)`: the commands that its numbers come from;
- `COMPARED` and `compare(pair) -> {file: rows or arrays}`: what it takes from kept runs;
- `Options` and `run(options)`: a command of its own, see `analysis.frame.command`.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from analysis.frame.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = Path(__file__).parents[1] / "build" / "report.typ"
Drawn = tuple["Figure", str]
Draw = Callable[[Results], Drawn]
Section = dict[str, Any]
Sections = dict[str, Section]


@dataclass(frozen=True)
class FigureSpec:
    """One figure.

    Attributes:
        title: a line that says what it shows.
        inputs: files that it is drawn from, in the folder of results.
        draw: makes the figure, at its size on the page, and the caption: what it shows, with n,
            seeds and the meaning of every bar and band.
        question: name of its module.
    """

    title: str
    inputs: tuple[str, ...]
    draw: Draw
    question: str

    def missing(self, data: Results) -> list[str]:
        """Inputs that are not there."""
        return [name for name in self.inputs if not data.has(name)]


_FIGURES: dict[str, FigureSpec] = {}


def figure(title: str, *inputs: str, name: str = "", **options: Any) -> Callable[[Any], Any]:
    """Make a function a figure of the report; it is called `name`, or as the function.

    A function that takes `options` makes several, one under the other.
    """

    def keep(draw: Any) -> Any:
        question = draw.__module__.rpartition(".")[2]
        spec = FigureSpec(title, inputs, partial(draw, **options), question)
        _FIGURES[name or draw.__name__] = spec
        return draw

    return keep


def figures() -> dict[str, FigureSpec]:
    """Every figure by its name, in the order of the page."""
    names = {module.name for module in pkgutil.iter_modules(__path__)}
    for name in names:
        importlib.import_module(f"{__name__}.{name}")
    shown = re.findall(r'#(?:fig|beside|pair)\("(\w+)"(?:, "(\w+)")?', PAGE.read_text("utf-8"))
    order = [name for names in shown for name in names if name]
    found = sorted(_FIGURES, key=lambda n: (order.index(n) if n in order else len(order), n))
    return {name: _FIGURES[name] for name in found if _FIGURES[name].question in names}


def questions() -> list[ModuleType]:
    """Every question, in the order in which the page shows their figures."""
    names = dict.fromkeys(spec.question for spec in figures().values())
    rest = sorted({module.name for module in pkgutil.iter_modules(__path__)} - set(names))
    return [importlib.import_module(f"{__name__}.{name}") for name in (*names, *rest)]


def gather(part: str) -> list[Any]:
    """What the questions have under this name, in their order."""
    return [getattr(module, part) for module in questions() if hasattr(module, part)]
