"""What every command does in the same way: options, log, errors, the record of what made a file.

A command is a module with a frozen dataclass `Options`, whose fields are its flags (defaults,
choices and help come from annotations and docstring), and a function `run(options)` that returns
the files that it wrote. It imports nothing heavy before `run`.
"""

import ast
import contextlib
import importlib
import io
import json
import logging
import platform
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from netlib.errors import WorkError
from netlib.training.config import AUGMENTATIONS, AugmentConfig

# Name -> module, so that a list of commands imports none of them.
AT_THE_TOP = (
    "prepare_data main evaluate sweep submission figures compare read make_examples model_card "
    "no_digit open_set project robustness screenshots".split()
)
QUESTIONS = ("data_card", "costs", "filters", "embeddings", "damage", "through")
COMMANDS: dict[str, str] = {
    **{name: f"analysis.{name}" for name in AT_THE_TOP},
    **{name: f"analysis.questions.{name}" for name in QUESTIONS},
    "report": "analysis.build.__main__",
    "hold_back": "analysis.build.hold_back",
    "ink_finder": "analysis.build.ink_finder",
    "kept_answers": "analysis.build.kept_answers",
    "pairs": "analysis.build.pairs",
    "photographed": "analysis.build.photographed",
    "picture_sheet": "analysis.build.picture_sheet",
    "benchmark": "analysis.benchmark.__main__",
}
# The networks that come with this program: standard, then MobileNet.
SHIPPED = (Path("checkpoints/standard.safetensors"), Path("checkpoints/mobilenet.safetensors"))
FORMER = {"build": "report"}  # names that commands had
SYNONYMS = {"--loss-func": "--loss"}  # the course's name
INTERRUPTED = 130  # the exit status after Ctrl+C
# A user's mistakes; whatever else is raised is ours, and keeps its traceback.
USER_ERRORS = (ValueError, OSError, ImportError, WorkError)


def start(name: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command called `name`; the last lines name the files that it wrote.

    Args:
        name: a key of `COMMANDS`.
        arguments: its options; default: those of the process.

    Returns:
        The exit status: 0, 2 after one sentence about a user's mistake, 130 after Ctrl+C.
    """
    name = FORMER.get(name, name)
    command = importlib.import_module(COMMANDS[name])
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        options = parse(command.Options, sys.argv[1:] if arguments is None else arguments)
        if options is not None:
            from analysis.frame.outputs import check_outputs

            check_outputs(options)
            for path in command.run(options):
                print(path)
    except USER_ERRORS as error:
        print(f"{name}: {_told(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped by Ctrl+C.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _told(error: Exception) -> str:
    """The sentence; of what the system refuses, which file it was."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def parse(kind: type, arguments: Sequence[str]) -> Any:
    """Options of class `kind` as the command line says them; None where it asked for help.

    Raises:
        ValueError: an option is unknown, missing or not valid.
    """
    asked = {"-h", "--help"} & set(arguments)
    box = io.TextIOWrapper(io.BytesIO(), "utf-8")  # the same in every locale
    complaint = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(sys.stdout if asked else box),
            contextlib.redirect_stderr(complaint),
        ):
            return tyro.cli(
                kind,
                prog=f"python -m {module_name(kind)}",
                args=list(_flags(kind, arguments)),
                config=(tyro.conf.OmitArgPrefixes,),
                registry=REGISTRY,
            )
    except SystemExit as stop:
        if stop.code:
            raise ValueError(_sentence(complaint.getvalue())) from None
        return None


def module_name(kind: type) -> str:
    """What `python -m` takes."""
    return kind.__module__.removesuffix(".__main__")


def command_line(options: Any) -> str:
    """The shortest command that gives these options."""
    defaults = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(options)
    }
    return shlex.join(["python", "-m", module_name(type(options)), *_spelled(options, defaults)])


def made_by(options: Any, *packages: str, **facts: Any) -> dict[str, Any]:
    """What a result says of its making: the command, `facts`, and the versions of `packages`."""
    return {"command": command_line(options), **facts, "versions": versions(*packages)}


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of those `packages` that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def processor() -> str:
    """The processor's name, where the system tells it."""
    with contextlib.suppress(OSError):  # another system than Linux
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_json(path: Path, content: Any) -> Path:
    """Write `content`, and the folders above it; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def arguments_of(**options: Any) -> list[str]:
    """A command's arguments from the same in Python: `seeds=[0, 1]`, `augment="mild"`."""
    given = {name: value for name, value in options.items() if value is not None}
    return [part for name, value in given.items() for part in (f"--{name}", *_words(value))]


def word(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, AugmentConfig):
        return next((name for name, known in AUGMENTATIONS.items() if known == value), str(value))
    return str(value)


def on_terminal() -> bool:
    """Whether somebody may be looking at a progress bar."""
    return sys.stderr.isatty()


def progress(items: Iterable[Any], text: str, total: int | None = None) -> Iterable[Any]:
    """`items`, with a progress bar on a terminal."""
    from tqdm import tqdm

    return tqdm(items, desc=text, total=total, disable=not on_terminal())


def summary(name: str) -> str:
    """The first line of a command's docstring, read without importing it."""
    file = Path(__file__).parents[2].joinpath(*COMMANDS[name].split(".")).with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]


# --- Flags ---------------------------------------------------------------------------------------

REGISTRY = ConstructorRegistry()


@REGISTRY.primitive_rule
def _preset(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """`--augment mild`: an augmentation is named, not spelled out."""
    if info.type is not AugmentConfig:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(AUGMENTATIONS) + "}",
        instance_from_str=lambda words: AUGMENTATIONS[words[0]],
        is_instance=lambda value: isinstance(value, AugmentConfig),
        str_from_instance=lambda value: [word(value)],
        choices=tuple(AUGMENTATIONS),
    )


def _flags(kind: type, arguments: Sequence[str]) -> Iterator[str]:
    """The same, with `--flag True` as `--flag`, and choices as they are spelled in the help."""
    known = {f"--{name.replace('_', '-')}": choices for name, choices in _choices(kind)}
    waiting = list(arguments)
    while waiting:
        flag, equals, value = waiting.pop(0).partition("=")
        plain = flag.replace("_", "-")
        plain = SYNONYMS.get(plain, plain)
        choices = known.get(plain, {})
        if not equals and waiting and _folded(waiting[0]) in choices:
            equals, value = "=", waiting.pop(0)
        found = choices.get(_folded(value), value)
        if isinstance(found, bool):
            yield plain if found else plain.replace("--", "--no-", 1)
        else:
            yield (plain if plain in known else flag) + equals + found


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")


def _choices(kind: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fields of a dataclass that are switches or have choices, and the words for these."""
    for name, annotation in get_type_hints(kind).items():
        if get_args(annotation)[1:] == (type(None),):  # X | None
            annotation = get_args(annotation)[0]
        words = get_args(annotation) if get_origin(annotation) is Literal else ()
        if annotation is bool:
            yield name, {"true": True, "false": False}
        elif is_dataclass(annotation):
            yield from _choices(annotation)  # type: ignore[arg-type]
        elif words:
            yield name, {_folded(word): word for word in words}


def _sentence(complaint: str) -> str:
    """The first part of what tyro says in a box, without the box and the help that it repeats."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", complaint)
    lines = [line.strip("│\n")[1:].rstrip() for line in plain.splitlines() if line[:1] == "│"]
    rule = next((i for i, line in enumerate(lines) if line.startswith("──")), len(lines))
    if not lines[:rule]:
        return plain.strip()
    head, *rest = (line for line in lines[:rule] if not line.startswith(" " * 5))
    options = [line.strip() for line in rest if line.startswith("    -")]
    text = " ".join([head, ", ".join(options) or " ".join(rest)]).strip()
    text = re.sub(r"^Missing from .*?: ", "Missing options: ", text)
    text = re.sub(r"^Error parsing (?!--)\S+: ", "", text).removeprefix("Error parsing ")
    text = text.replace("Expected 1 values", "Expected one")
    text = re.sub(r"one of \((.*?),?\)", lambda found: f"one of {_listed(found[1])}", text)
    text = text.replace(" .", ".")
    return text if text.endswith(".") else f"{text}; --help lists the options."


def _listed(choices: str) -> str:
    """As in "'None', 'a', 'b'" -> "a, b"."""
    return ", ".join(word for word in re.findall(r"'([^']*)'", choices) if word != "None")


def _spelled(options: Any, defaults: Mapping[str, Any]) -> Iterator[str]:
    """Flags of what differs from its default; no command that is recorded has words before them."""
    for name, default in defaults.items():
        value, flag = getattr(options, name), name.replace("_", "-")
        if value == default:
            continue
        if is_dataclass(value) and not isinstance(value, AugmentConfig):
            yield from _spelled(value, vars(default))
        elif isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            yield from (f"--{flag}", *_words(value))


def _words(value: Any) -> list[str]:
    many = isinstance(value, Iterable) and not isinstance(value, str)
    return list(map(word, value)) if many else [word(value)]
