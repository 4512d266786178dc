r"""Draw figures: the report's from its numbers, or those of any networks' answers.

python -m analysis.figures --list
python -m analysis.figures sweeps tsne --data figures/data/full --output figures
python -m analysis.figures roc errors --predictions runs/mobilenet/test/predictions.npz \
    --output runs/mobilenet
python -m analysis.figures filters --checkpoint checkpoints/standard.safetensors --output runs

With --predictions, of analysis.evaluate, one network or two side by side are drawn,
whatever they are; their filters with --checkpoint. Otherwise each name has input files in --data,
and a step that makes them; nothing is trained or measured here. Captions go to captions.json beside
the pictures. The same numbers give the same bytes.
"""

import io
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from analysis.frame.command import start
from analysis.questions import Drawn, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMMITTED = Path("figures/data/full")  # the numbers behind figures/
LARGEST = 300_000  # bytes of a PNG; above it, colours are cut to 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw the report's figures from their numbers, or those of any networks' answers.

    Attributes:
        names: figures to draw; all that can be, if none.
        list: show names, inputs and what is missing; draw nothing.
        data: folder of result files.
        predictions: predictions.npz of analysis.evaluate, of one network or two.
        checkpoint: instead, for the figure filters: networks.
        output: folder for the PNGs; default: figures, of other numbers or answers runs/figures.
        vector: folder for the same figures as PDF.
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    list: bool = False
    data: Path = COMMITTED
    predictions: tuple[Path, ...] = ()
    checkpoint: tuple[Path, ...] = ()
    output: Path | None = None
    vector: Path | None = None


def run(options: Options) -> Iterator[Path]:
    """Draw, or list; what could not be drawn is told at the end."""
    from analysis.comparison.drawn import DRAWN

    of_answers = bool(options.predictions or options.checkpoint)
    known: Collection[str] = DRAWN if of_answers else figures()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise ValueError(
            f"there is no figure {unknown[0]} here; expected one of {', '.join(known)}."
        )
    ours = not of_answers and options.data == COMMITTED
    output = options.output or Path("figures" if ours else "runs/figures")
    if of_answers:
        yield from draw_answers(options, output)
        return
    if not options.data.is_dir():
        raise ValueError(
            f"{options.data} is no folder; expected one with result files, as figures/data/full."
        )
    names = options.names or tuple(known)
    if options.list:
        show(names, options.data)
        return
    problems: list[str] = []
    yield from draw(names, options.data, output, options.vector, problems.append)
    if problems:
        raise ValueError("\n".join(problems))


def draw_answers(options: Options, output: Path) -> Iterator[Path]:
    """Those that are named, or all that these answers allow."""
    from analysis.comparison import answers
    from analysis.comparison.drawn import DRAWN

    if options.list:
        print("\n".join(f"{name:<24}  {title}" for name, (title, _) in DRAWN.items()))
        return
    if options.predictions:
        found = answers.read_answers(options.predictions)
    elif set(options.names) <= {"filters"}:
        found = answers.unasked(options.checkpoint)
    else:
        raise ValueError("--checkpoint draws filters; other figures need --predictions.")
    problems = []
    for name in options.names or (DRAWN if options.predictions else ["filters"]):
        try:
            write(name, partial(DRAWN[name][1], found), output, options.vector)
        except ValueError as error:
            problems.append(f"{name}: {str(error).rstrip('.')}.")
            continue
        yield output / f"{name}.png"
    if problems and options.names:
        raise ValueError("\n".join(problems))
    for problem in problems:
        logging.warning("not drawn: %s", problem)


def show(names: Sequence[str], folder: Path) -> None:
    """One line a figure: its name, whether it can be drawn, its title and inputs."""
    from analysis.frame.results import Results

    for name in names:
        spec = figures()[name]
        missing = spec.missing(Results(folder))
        inputs = ", ".join(f"{file} (missing)" if file in missing else file for file in spec.inputs)
        print(f"{name:<24}  {'no ' if missing else 'yes'}  {spec.title}: {inputs}")


def draw(
    names: Sequence[str],
    folder: Path,
    output: Path,
    vector: Path | None,
    complain: Callable[[str], None],
) -> Iterator[Path]:
    """Files of the figures as they are drawn; `complain` is told what stood in the way of one."""
    from analysis.frame.results import Results

    known = figures()
    for name in names:
        spec, data = known[name], Results(folder)
        if missing := spec.missing(data):
            complain(f"{name}: {', '.join(missing)} not in {folder}.")
            continue
        try:
            caption, files = write(name, partial(spec.draw, data), output, vector)
        except (KeyError, ValueError, IndexError) as error:
            kind = type(error).__name__
            complain(f"{name}: {', '.join(spec.inputs)} cannot be drawn ({kind}: {error}).")
            continue
        yield from files
        write_caption(output / "captions.json", name, caption, [*data.used])


def write(
    name: str, draw: "Callable[[], Drawn]", output: Path, vector: Path | None
) -> tuple[str, list[Path]]:
    """Caption and files of a figure in the report's look: PNG, and PDF if there is a folder."""
    from analysis.look.style import look

    with look():
        figure, caption = draw()
        pictures = {output / f"{name}.png": png_of(figure)}
        if vector:
            pictures[vector / f"{name}.pdf"] = pdf_of(figure)
    for path, content in pictures.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return caption, list(pictures)


def png_of(figure: "Figure") -> bytes:
    """The picture, with neither date nor version in it."""
    from PIL import Image

    content = saved(figure, "png", ["Software"])
    if len(content) <= LARGEST:
        return content
    small = io.BytesIO()
    colours = Image.open(io.BytesIO(content)).convert("RGB")
    colours.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def pdf_of(figure: "Figure") -> bytes:
    return saved(figure, "pdf", ["CreationDate", "Creator", "Producer"])


def saved(figure: "Figure", kind: str, without: Sequence[str]) -> bytes:
    """A file of this kind, without these of its metadata."""
    from analysis.look.style import as_typed

    buffer = io.BytesIO()
    as_typed(figure).savefig(buffer, format=kind, metadata=dict.fromkeys(without))
    return buffer.getvalue()


def write_caption(path: Path, name: str, caption: str, inputs: Sequence[str]) -> None:
    """Into the captions of all figures, in the order of the page, with the files that were read."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    specs = figures()
    found[name] = {"title": specs[name].title, "caption": caption, "inputs": inputs}
    ordered = {name: found[name] for name in specs if name in found}
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(start("figures"))
