"""The frame of every command: spellings, sentences, records, and a light start."""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import tyro
from import_graph import python

from analysis.frame import command
from netlib.training.config import AUGMENTATIONS, TrainConfig

HEAVY = {"torch", "gradio", "matplotlib", "sklearn", "onnxruntime"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Try everything.

    Attributes:
        names: words before the flags.
        data_path: a folder.
        size: a number of images or a share.
        kind: one of two.
        seeds: some numbers.
        draw: whether to draw.
        keep: a folder.
        training: how.
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    data_path: Path
    size: int | float | None = None
    kind: Literal["one", "two"] = "one"
    seeds: tuple[int, ...] = (0, 1)
    draw: bool = True
    keep: Path | None = None
    training: TrainConfig = dataclasses.field(default_factory=TrainConfig)


def read(line: str) -> Options:
    return command.parse(Options, line.split())


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("--data_path x", "data_path", Path("x")),
        ("--data-path=x", "data_path", Path("x")),
        ("--data-path x --size 5", "size", 5),
        ("--data-path x --size 0.5", "size", 0.5),
        ("--data-path x --seeds 3 4 5", "seeds", (3, 4, 5)),
        ("--data-path x --seeds", "seeds", ()),
        ("--data-path x --no-draw", "draw", False),
        ("--data-path x --no_draw", "draw", False),
        ("--data-path x --kind Two", "kind", "two"),
        ("--data-path x --kind=TWO", "kind", "two"),
        (
            "--data-path x --loss_func Label-Smoothing",
            "training",
            TrainConfig(loss="label_smoothing"),
        ),
        ("--data-path x --optimizer Adam", "training", TrainConfig(optimizer="adam")),
        ("--data-path x --draw False", "draw", False),
        ("--data-path x --draw=false --kind two", "draw", False),
        ("--draw True --data-path x", "draw", True),
        ("a b --data-path x", "names", ("a", "b")),
        ("--data-path x --augment mild", "training", TrainConfig(augment=AUGMENTATIONS["mild"])),
        ("--data-path x --learning_rate 1e-3", "training", TrainConfig(learning_rate=1e-3)),
    ],
)
def test_every_spelling_is_read(line: str, name: str, value: object) -> None:
    found = getattr(read(line), name)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "Missing options: --data-path PATH; --help lists the options."),
        ("--data-path", "Missing value for argument '--data-path'. Expected one."),
        (
            "--data-path x --kind three",
            "invalid choice 'three' for argument '--kind'. Expected one of one, two.",
        ),
        ("--data-path x --seeds a", "--seeds: "),
        ("--data-path x --zap 3", "Unrecognized options: --zap, 3; --help lists the options."),
        ("--data-path x --augment wild", "invalid choice 'wild' for argument '--augment'."),
        ("--data-path x --ema 2", "ema is 2.0; expected a decay from 0 to below 1"),
    ],
)
def test_a_mistake_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(line)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value) and not set("│─╭╰") & set(str(caught.value))


@pytest.mark.parametrize(
    "line",
    [
        "--data-path x",
        "--data-path x --size 0.5 --seeds 7 --no-draw --keep y --kind two",
        "--data-path x --size 1.0 --learning-rate 0.123456789 --augment strong --no-channels-last",
    ],
)
def test_the_recorded_command_gives_the_same_options(line: str) -> None:
    options = read(line)
    words = command.command_line(options).split()
    assert words[:3] == ["python", "-m", __name__]
    assert command.parse(Options, words[3:]) == options


def test_arguments_from_python_are_read_as_from_the_command_line() -> None:
    arguments = command.arguments_of(
        data_path=Path("x"), seeds=[4], draw=False, keep=None, augment="mild", ema=0.5
    )
    expected = TrainConfig(augment=AUGMENTATIONS["mild"], ema=0.5)
    assert command.parse(Options, arguments) == Options(
        data_path=Path("x"), seeds=(4,), draw=False, training=expected
    )


def test_a_record_says_what_made_a_file(tmp_path: Path) -> None:
    record = command.made_by(read("--data-path x"), "numpy", "no-such-package", images=3)
    path = command.write_json(tmp_path / "new" / "record.json", record)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["command"] == f"python -m {__name__} --data-path x"
    assert content["images"] == 3
    assert content["versions"].keys() == {"python", "numpy"}


@pytest.fixture
def module(monkeypatch):
    """This module as a command called "try"; `run` is what a test makes of it."""
    here = sys.modules[__name__]
    monkeypatch.setitem(command.COMMANDS, "try", __name__)
    monkeypatch.setattr(here, "run", lambda options: [options.data_path], raising=False)
    return here


def test_the_last_lines_name_the_files_or_a_mistake(module, capsys, monkeypatch) -> None:
    assert command.start("try", ["--data-path", "a/b.csv"]) == 0
    assert capsys.readouterr().out == "a/b.csv\n"

    def run(options: Options) -> list[Path]:
        raise ValueError(f"{options.data_path} is odd; expected even.")

    monkeypatch.setattr(module, "run", run)
    assert command.start("try", ["--data-path", "x"]) == 2
    assert capsys.readouterr().err == "try: x is odd; expected even.\n"
    monkeypatch.setattr(module, "run", lambda options: options.data_path.read_bytes())
    assert command.start("try", ["--data-path", "no/file"]) == 2
    assert capsys.readouterr().err == "try: no/file: No such file or directory.\n"
    monkeypatch.setattr(module, "run", lambda options: options.nothing)
    with pytest.raises(AttributeError):
        command.start("try", ["--data-path", "x"])


def test_help_shows_every_option_with_its_line_and_default(module, capsys) -> None:
    assert command.start("try", ["--help"]) == 0
    text = capsys.readouterr().out
    for field in (*dataclasses.fields(Options)[1:-1], *dataclasses.fields(TrainConfig)):
        assert f"--{field.name.replace('_', '-')}" in text
    assert "a number of images or a share" in text and "none,mild,strong" in text


def test_no_command_needs_anything_heavy_for_its_help() -> None:
    program = (
        "import sys\nfrom analysis.frame.command import COMMANDS, start, summary\n"
        "for name in COMMANDS:\n    assert start(name, ['--help']) == 0 and summary(name)\n"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    found = python("-c", program)
    assert found.stderr.strip() == "[]"
    assert all(f"python -m {module_of(name)} " in found.stdout for name in command.COMMANDS)


def module_of(name: str) -> str:
    """What `python -m` takes for a command."""
    return command.COMMANDS[name].removesuffix(".__main__")


def test_the_list_of_commands_has_a_line_for_each_and_an_unknown_one_is_told_them() -> None:
    found = python("-m", "analysis")
    lines = found.stdout.splitlines()[2:]
    assert found.returncode == 0
    assert [line.split()[0] for line in lines] == list(command.COMMANDS)
    assert all(len(line.split()) > 3 for line in lines)
    found = python("-m", "analysis", "juggle")
    assert found.returncode == 2
    assert found.stderr.startswith("analysis: There is no command juggle; expected one of ")


# One process for each module, forked where the libraries that all of them need are in memory, and
# ended without clearing that.
STARTS = """
import gc, os, runpy, sys
import matplotlib.figure, numpy, pandas, scipy.stats, tyro
gc.freeze()
for module in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        sys.argv = [module, "--zap"]
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            sys.stderr.flush()
            os._exit(ended.code)
        os._exit(0)
    print(module, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr)
"""


def test_every_command_starts_by_its_module_s_name() -> None:
    found = python("-c", STARTS, *map(module_of, command.COMMANDS))
    told, ended = found.stderr.splitlines()[::2], found.stderr.splitlines()[1::2]
    assert ended == [f"{module_of(name)} 2" for name in command.COMMANDS], found.stderr
    for name, sentence in zip(command.COMMANDS, told, strict=True):
        assert sentence.startswith(f"{name}: ") and "--help lists" in sentence
