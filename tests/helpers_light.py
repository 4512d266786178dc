"""A tour of the whole app where nothing that only training needs can be imported.

Run as a program: prints the name of every listener that answered, one a line.
"""

import asyncio
import base64
import inspect
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRAINING_ONLY = set("torch torchvision sklearn scipy matplotlib joblib mlxtend umap".split())


class Blocker:
    """An import hook under which the packages of training are not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] in TRAINING_ONLY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])


def drawing() -> bytes:
    """A seven on a pad, as PNG."""
    from PIL import Image, ImageDraw

    pad = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(pad).line([(76, 62), (202, 62), (126, 232)], fill=0, width=20, joint="curve")
    buffer = io.BytesIO()
    pad.save(buffer, "PNG")
    return buffer.getvalue()


def wait(_: object, seconds: float) -> None:
    """A job for a process that reads."""
    time.sleep(seconds)


def tour(folder: Path) -> None:
    """Call every listener of the page with what it expects; any error ends the program."""
    import demo
    from netlib.app.teach import Taught
    from netlib.app.views.reply import first_digit

    app = demo.build_demo(teach_folder=folder / "teach", workers=0)
    picture = folder / "seven.png"
    picture.write_bytes(drawing())
    value = "data:image/png;base64," + base64.b64encode(drawing()).decode()
    listeners: dict[str, Any] = {f.fn.__name__: f.fn for f in app.fns.values() if f.fn}
    taught = [Taught()]
    reading = asyncio.run(listeners["read_pad"](None, [0], value, taught))[2]
    pressed = f"7#{first_digit(reading, app.service.networks)}"
    listeners["correct"](taught, reading, pressed)
    inputs: dict[str, tuple] = {
        "read_pad": (None, [0], value, taught),
        "read_picture": (None, [0], {"path": str(picture)}, taught),
        "read_number": (value,),
        "explain": (None, [0], reading, "as read"),
        "locate": (
            None,
            [0],
            reading,
        ),
        "stress": (None, [0], reading, 0, 1, 0, 0, 0, 0),
        "<lambda>": (),
        "begin": ([{"path": str(picture)}],),
        "end": (),
        "empty": ([],),
        "read_files": ([{"path": str(picture)}],),
        "correct": ([Taught()], reading, pressed),
        "undo": (list(taught),),
        "follow": (None, [0], taught, reading),
        "shown": (taught, reading),
        "predict": ({"path": str(picture)},),
        "predict_batch": ([{"path": str(picture)}],),
    }
    for name, function in listeners.items():
        answer = function(*inputs[name])
        answer = str(asyncio.run(answer) if inspect.iscoroutine(answer) else answer)
        assert "went wrong" not in answer, f"{name}: {answer}"
        assert name in ("<lambda>", "begin", "end", "empty", "undo") or "7" in answer, (
            f"{name}: {answer[:300]}"
        )
        print(name)


def read_a_folder(folder: Path) -> None:
    """`analysis read` on one picture; prints its name."""
    from analysis.frame.command import start

    (folder / "in").mkdir()
    (folder / "in" / "seven.png").write_bytes(drawing())
    output = folder / "answers.csv"
    assert start("read", [str(folder / "in"), "--output", str(output)]) == 0
    assert output.read_text().splitlines()[1].startswith("seven.png,7,7,")
    print("read")


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())  # type: ignore[arg-type]
    sys.path.insert(0, str(Path(__file__).parents[1]))
    with tempfile.TemporaryDirectory() as scratch:
        tour(Path(scratch))
        read_a_folder(Path(scratch))
    assert not TRAINING_ONLY & {name.split(".")[0] for name in sys.modules}
