r"""Draw the figures of the report, all that can be drawn or those that are named.

python -m analysis.figures --list
python -m analysis.figures learning_rate tsne --data figures/data/full --output figures

Each name has input files in --data, and a command that makes them; nothing is trained or measured
here. Captions go to captions.json beside the pictures. The same numbers give the same bytes.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from analysis.plots.catalogue import FIGURES, command
from analysis.plots.results import Results
from analysis.plots.style import look

LARGEST = 300_000  # bytes of a PNG; above it, colours are cut to 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, list or draw; 1 if a figure could not be drawn, 2 for a user's error."""
    args = parse(arguments)
    unknown = [name for name in args.names if name not in FIGURES]
    if unknown:
        print(f"figures: there is no figure {unknown[0]}; --list names them all.", file=sys.stderr)
        return 2
    if not args.data.is_dir():
        print(f"figures: {args.data} is no folder; expected one with result files, as "
              "figures/data/full.", file=sys.stderr)  # fmt: skip
        return 2
    data = Results(args.data)
    names = args.names or list(FIGURES)
    if args.list:
        return show(names, data)
    problems = [problem for name in names if (problem := draw(name, data, args))]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.figures",
        description="Draw the figures of the report from their numbers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="figures to draw; all that can be, if none")
    add("--list", action="store_true", help="show names, inputs and what is missing; draw nothing")
    add("--data", type=Path, default=Path("figures/data/full"), help="folder of result files")
    add("--output", type=Path, default=Path("figures"), help="folder for the PNGs")
    add("--vector", type=Path, help="folder for the same figures as PDF")
    return parser.parse_args(arguments)


def show(names: Sequence[str], data: Results) -> int:
    """One line a figure: its name, whether it can be drawn, its title and inputs."""
    width = max(map(len, names))
    for name in names:
        spec = FIGURES[name]
        missing = spec.missing(data)
        inputs = ", ".join(f"{file} (missing)" if file in missing else file for file in spec.inputs)
        print(f"{name:<{width}}  {'no ' if missing else 'yes'}  {spec.title}: {inputs}")
    return 0


def draw(name: str, data: Results, args: argparse.Namespace) -> str:
    """Draw one figure and print its file; returns what stood in the way, if anything did."""
    spec = FIGURES[name]
    missing = spec.missing(data)
    if missing:
        maker = command(missing, data.folder)
        return f"{name}: {', '.join(missing)} not in {data.folder}; made by: {maker}"
    try:
        with look():
            figure = spec.draw(data)
            caption = spec.caption(data)
            png = png_of(figure)
            pdf = pdf_of(figure) if args.vector else b""
    except (KeyError, ValueError, IndexError) as error:
        files = ", ".join(spec.inputs)
        return f"{name}: {files} cannot be drawn ({type(error).__name__}: {error}); make it again."
    write(args.output / f"{name}.png", png)
    if args.vector:
        write(args.vector / f"{name}.pdf", pdf)
    write_caption(args.output / "captions.json", name, caption)
    return ""


def png_of(figure: Figure) -> bytes:
    """The picture, with neither date nor version in it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    if buffer.tell() <= LARGEST:
        return buffer.getvalue()
    small = io.BytesIO()
    colours = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    colours.save(small, "PNG", optimize=True)
    return small.getvalue()


def pdf_of(figure: Figure) -> bytes:
    """The same as vectors."""
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    figure.savefig(buffer, format="pdf", metadata=nothing)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> None:
    """The whole file or none of it; its name is printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
    print(path)


def write_caption(path: Path, name: str, caption: str) -> None:
    """Into the captions of all figures, in the catalogue's order."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[name] = {"title": FIGURES[name].title, "caption": caption, "inputs": FIGURES[name].inputs}
    ordered = {name: known[name] for name in FIGURES if name in known}
    text = json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
