r"""Pack what the course wants handed in: one zip under its naming rules.

python -m analysis.submission --name "Ada Lovelace" --roll-number 1234 --output runs

The zip has, at its root, the entry script (rollNumber_02_02.py, the assignment's main), Report.pdf,
Readme.txt, the folder of saved models, and the packages that the script needs; no data set.
"""

import argparse
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "02_02"
EPOCH = (2020, 1, 1, 0, 0, 0)  # the same files give the same zip
MODELS = ("standard.safetensors", "mobilenet.safetensors")
# The entry script is analysis/main.py; these are all of ours that it imports.
REQUIREMENTS = (
    *("matplotlib", "numpy", "pandas", "pillow", "safetensors", "scikit-learn", "scipy"),
    *("torch", "torchvision", "tqdm"),
)
PACKAGES = ("netlib", "analysis/__init__.py", "analysis/main.py", "analysis/plots")
SCRIPT = '''"""{name}, {roll}: train a network on a data set of digits, or load one, and test it.

python {script} --dataset-path FOLDER --visualize
python {script} --dataset-path FOLDER --no-is-training --checkpoint models/mobilenet.safetensors

--help lists every option; Readme.txt says more.
"""

import sys

from analysis.main import main

if __name__ == "__main__":
    sys.exit(main([*sys.argv[1:], "--name", "{name}", "--roll-number", "{roll}"]))
'''
README = """{name}
Roll number {roll}

Install, with Python 3.10 or newer:

    pip install -r requirements.txt

Train the MobileNet network on a data set (a folder or zips with train_new/, train_new.csv,
test_new/ and test_new.csv), test it, and write all figures to runs/mobilenet:

    python {script} --dataset-path FOLDER --visualize

The standard network, with four conv blocks and no MobileNet block:

    python {script} --dataset-path FOLDER --visualize \\
        --conv-block-count 4 --mobilenet-block-count 0

Test the saved models without training:

    python {script} --dataset-path FOLDER --no-is-training \\
        --checkpoint models/mobilenet.safetensors
    python {script} --dataset-path FOLDER --no-is-training \\
        --conv-block-count 4 --mobilenet-block-count 0 --checkpoint models/standard.safetensors

In this archive:

    {script:<24}the entry script
    Report.pdf              the report
    models/                 the two trained networks
    netlib/                 data set, networks, training, testing
    analysis/               the script's main, and the figures that it draws
    requirements.txt        packages to install

No data set is included.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, pack, say where; 2 is the exit status of a user's error."""
    args = parse(sys.argv[1:] if arguments is None else list(arguments))
    try:
        path = args.output / archive_name(args.name, args.roll_number)
        contents = dict(files(args.name, args.roll_number, args.report, args.models))
        write(path, contents)
    except (ValueError, OSError) as error:
        print(f"submission: {error}", file=sys.stderr)
        return 2
    print(f"{len(contents)} files, {path.stat().st_size / 1e6:.1f} MB")
    print(path)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.submission",
        description="Pack what the course wants handed in.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--name", required=True, help="of the author; the first word names the file")
    add("--roll-number", required=True, help="letters and digits")
    add("--report", type=Path, default=ROOT / "figures" / "Report.pdf")
    add("--models", type=Path, default=ROOT / "checkpoints", help="folder of the saved models")
    add("--output", type=Path, default=Path("runs"), help="folder for the zip")
    return parser.parse_args(arguments)


def archive_name(name: str, roll_number: str) -> str:
    """FirstName_RollNumber_02_02.zip.

    Raises:
        ValueError: the name or the roll number cannot be part of a file's name.
    """
    first = (name.split() or [""])[0]
    if not re.fullmatch(r"[^\W\d_][\w'-]*", first) or re.search(r"[\"\\\n{}]", name):
        raise ValueError(f"--name is {name!r}; expected a name that begins with a letter.")
    if not re.fullmatch(r"[A-Za-z0-9-]+", roll_number):
        raise ValueError(f"--roll-number is {roll_number!r}; expected letters and digits.")
    return f"{first}_{roll_number}_{ASSIGNMENT}.zip"


def files(name: str, roll: str, report: Path, models: Path) -> Iterator[tuple[str, bytes]]:
    """Path in the archive -> content."""
    script = f"{roll}_{ASSIGNMENT}.py"
    names = {"name": name, "roll": roll, "script": script}
    yield script, SCRIPT.format(**names).encode()
    yield "Readme.txt", README.format(**names).encode()
    yield "Report.pdf", read(report, "make it with python -m analysis.report")
    yield "requirements.txt", "".join(pinned()).encode()
    for model in MODELS:
        yield f"models/{model}", read(models / model, "train it, or name another --models")
    for package in PACKAGES:
        path = ROOT / package
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(ROOT).as_posix(), file.read_bytes()


def pinned() -> Iterator[str]:
    """What the script imports, in the versions that were tested."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines(keepends=True):
        if line.split("==")[0] in REQUIREMENTS:
            yield line


def read(path: Path, remedy: str) -> bytes:
    """The file's content.

    Raises:
        ValueError: it is not there.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not there: {remedy}.")
    return path.read_bytes()


def write(path: Path, contents: dict[str, bytes]) -> None:
    """The archive, or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
