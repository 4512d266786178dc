r"""Pack what the course wants handed in: one zip under its naming rules.

python -m analysis.submission --name "Ada Lovelace" --roll-number 1234 --output runs

The zip has, at its root, the entry script (rollNumber_02_02.py, the assignment's main), Report.pdf,
Readme.txt, the folder of saved models, and the packages that the script needs; no data set.
"""

import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.frame.command import start
from netlib.files import replacing

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "02_02"
EPOCH = (2020, 1, 1, 0, 0, 0)  # the same files give the same zip
MODELS = ("standard.safetensors", "mobilenet.safetensors")
# The entry script is analysis/main.py; these are all of ours that it may import, and what they
# import of others.
SOURCES = (
    *("analysis/__init__.py", "analysis/frame/*.py", "analysis/main.py", "analysis/visualize.py",
      "analysis/look/*.py*"),
    *("netlib/answer/__init__.py*", "netlib/answer/refusal.py"),
    *("netlib/*.py*", *(f"netlib/{room}/**/*.py*" for room in
                        ("data", "measure", "nets", "picture", "training"))),
)  # fmt: skip
REQUIREMENTS = (
    *(
        "lazy-loader",
        "matplotlib",
        "numpy",
        "opencv-python-headless",
        "pandas",
        "pillow",
        "safetensors",
        "scikit-learn",
    ),
    *("scipy", "torch", "torchvision", "tqdm", "tyro"),
)
SCRIPT = '''"""{name}, {roll}: train a network on a data set of digits, or load one, and test it.

python {script} --dataset-path FOLDER --visualize
python {script} --dataset-path FOLDER --no-is-training --checkpoint models/mobilenet.safetensors

--help lists every option; Readme.txt says more.
"""

import sys

from analysis.frame.command import start

if __name__ == "__main__":
    sys.exit(start("main", [*sys.argv[1:], "--name", "{name}", "--roll-number", "{roll}"]))
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
        --checkpoint models/standard.safetensors

In this archive:

    {script:<24}the entry script
    Report.pdf              the report
    models/                 the two trained networks
    netlib/                 data set, networks, training, testing
    analysis/               the script's main, and the figures that it draws
    requirements.txt        packages to install

No data set is included.
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Pack what the course wants handed in.

    Attributes:
        name: of the author; the first word names the file.
        roll_number: letters and digits.
        report: the PDF.
        models: folder of the saved models.
        output: folder for the zip.
    """

    name: str
    roll_number: str
    report: Path = ROOT / "figures" / "Report.pdf"
    models: Path = ROOT / "checkpoints"
    output: Path = Path("runs")


def run(options: Options) -> list[Path]:
    """Pack, say how much."""
    path = options.output / archive_name(options.name, options.roll_number)
    contents = dict(files(options))
    write(path, contents)
    print(f"{len(contents)} files, {path.stat().st_size / 1e6:.1f} MB")
    return [path]


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


def files(options: Options) -> Iterator[tuple[str, bytes]]:
    """Path in the archive -> content."""
    script = f"{options.roll_number}_{ASSIGNMENT}.py"
    names = {"name": options.name, "roll": options.roll_number, "script": script}
    yield script, SCRIPT.format(**names).encode()
    yield "Readme.txt", README.format(**names).encode()
    yield "Report.pdf", read(options.report, "make it with python -m analysis.build")
    yield "requirements.txt", "".join(pinned()).encode()
    for model in MODELS:
        yield f"models/{model}", read(options.models / model, "train it, or name another --models")
    for pattern in SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            if file.suffix in (".py", ".pyi"):
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
    with replacing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    sys.exit(start("submission"))
