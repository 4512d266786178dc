"""Every command of the README is run, with its own words, in a folder that holds what a clone does.

Those that take up to a minute run here, in this process, with fewer epochs of training; longer ones
only under README_LONG=1 (`make test-readme`), shrunk by options behind their own, and the others
then whole. What starts the app or the tests is left to `tests/test_demo.py`, `tests/test_light.py`
and `.ci/light`.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_graph import ROOT
from PIL import Image, ImageDraw

from analysis.frame.command import start

README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN = (".venv/bin/python", "-m", "analysis")
# What takes longer, and the options that shrink it.
LONGER = {
    "sweep": "--levels 64 --seeds 0 --training-epochs 1 --train-size 200 --jobs 1",
    "build": "--tiny --runs runs/report --results results --output drawn",
    "benchmark": "--quick --only inference data --rounds 3 --output runs/benchmark",
}
# What trains, and the options that end it sooner; under README_LONG=1 it goes on to its end.
TRAINS = {"main": "--training-epochs 1", "python": "training_epochs=3"}
# What needs the app, an installation, or all of MNIST.
ELSEWHERE = (
    *("git clone", "make demo", "make test", "python3 -m venv", ".venv/bin/pip", "curl"),
    ".venv/bin/python -m analysis submission",  # needs both networks: tests/test_submission.py
    ".venv/bin/python -m analysis prepare_data --source mnist",
    *(".venv/bin/python demo.py", 'make benchmark ARGS="--dataset-path data/mnist"'),
)
EXPECTED = {
    "prepare_data": "1,630 training images (exp), 1,000 test images",
    "main": "Test set, 1,000 images",
    "evaluate": "runs/pair/mobilenet/test/scores.json",
    "figures": "figures/roofline.png",
    "read": "answers.csv",
}


def blocks(language: str) -> list[str]:
    """The README's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def lines() -> list[str]:
    """Every command of the README, whole and without its comment."""
    text = re.sub(r"\\\n\s*", "", "".join(blocks("bash")))
    found = (line.partition("    #")[0].strip() for line in text.splitlines())
    return [line for line in found if line]


def arguments(line: str) -> list[str]:
    """The name of the command of ours that a line runs, and its options."""
    words = shlex.split(line)
    if words[0] == "make":
        rule = re.search(rf"^{words[1]}:.*\n\t\S+ -m analysis\.(\w+)", MAKEFILE, re.M)
        assert rule, f"make {words[1]} runs no command of ours"
        given = [word.removeprefix("ARGS=") for word in words[2:]]
        return [rule[1], *shlex.split(" ".join(given))]
    assert tuple(words[:3]) == RUN, f"neither make nor {' '.join(RUN)}: {line}"
    return words[3:]


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
OURS = [arguments(line) for line in lines() if not line.startswith(ELSEWHERE)]
SHORT = [words for words in OURS if words[0] not in LONGER]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Iterator[Path]:
    """A folder to stand in, with what the commands read: results, networks and some pictures."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "figures").mkdir()
    (folder / "figures" / "data").symlink_to(ROOT / "figures" / "data")
    (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
    (folder / "drawings").mkdir()
    page = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(page).line([(76, 62), (202, 62), (126, 232)], fill=0, width=20, joint="curve")
    for path in (folder / "seven.png", folder / "drawings" / "seven.png"):
        page.save(path)
    (folder / "labels.csv").write_text("image,label\nseven.png,7\n")
    subprocess.run([sys.executable, "-m", "zipfile", "-c", "photos.zip", "drawings"], cwd=folder,
                   check=True)  # fmt: skip
    (folder / "labels.csv").write_text("image,label\nphotos.zip/drawings/seven.png,7\n")
    with contextlib.chdir(folder) if sys.version_info >= (3, 11) else _chdir(folder):
        yield folder


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(name: str, *options: str) -> str:
    """What a command prints, in this process."""
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        status = start(name, options)
    assert status == 0, errors.getvalue()
    return printed.getvalue()


def test_every_command_is_run_or_named_as_run_elsewhere() -> None:
    assert {name for name, *_ in SHORT} == EXPECTED.keys()
    assert {name for name, *_ in OURS} - EXPECTED.keys() <= LONGER.keys()
    assert all(any(line.startswith(start) for line in lines()) for start in ELSEWHERE)


@pytest.mark.slow
def test_the_commands_do_what_the_readme_says_in_their_order(clone: Path) -> None:
    whole = bool(os.environ.get("README_LONG"))
    for name, *options in SHORT:
        printed = run(name, *options, *([] if whole else TRAINS.get(name, "").split()))
        assert EXPECTED[name] in printed, printed
        for line in printed.rstrip().splitlines()[-1:]:
            assert (clone / line).exists(), line
    trains, asks = (text for text in blocks("python") if "gradio_client" not in text)
    found: dict = {}
    exec(trains if whole else re.sub(r"training_epochs=\d+", TRAINS["python"], trains), found)
    assert len(found["predictions"]) == 1000
    assert (found["predictions"] == found["y"][1]).float().mean() > (0.8 if whole else 0.25)
    exec(asks, found)
    assert found["answer"].predictions.tolist() == [7]


@pytest.mark.skipif(not os.environ.get("README_LONG"), reason="make test-readme runs it")
@pytest.mark.parametrize("words", [words for words in OURS if words[0] in LONGER], ids=" ".join)
def test_longer_commands_run_with_options_that_shrink_them(clone: Path, words: list[str]) -> None:
    name, *options = words
    if not (clone / "data" / "digits").exists():
        run(*next(words for words in SHORT if words[0] == "prepare_data"))
    command = [sys.executable, "-m", f"analysis.{name}", *options, *LONGER[name].split()]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    written = [line for line in done.stdout.splitlines() if line and (clone / line).is_file()]
    assert written, done.stdout[-2000:]
