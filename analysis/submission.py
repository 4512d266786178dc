r"""Pack what the course wants handed in: your networks, your report, one zip under its rules.

python -m analysis.submission --dataset-path data/digits --name "Ada Lovelace" --roll-number 1234 \
    --models runs --output runs/submission

With --models, the two networks that analysis.main saved in that folder are compared on the
data set, which is the report; without, the pair is trained and the whole report made, in a quarter
of an hour or more. The zip's one folder has the entry script (rollNumber_02_02.py, the assignment's
main), Report.pdf, Readme.txt, models/, and the packages that the script needs; no data set.
"""

import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis import compare
from analysis.frame.command import start
from netlib.errors import many
from netlib.files import replacing

ROOT = Path(__file__).parents[1]
OURS = ROOT / "checkpoints"
ASSIGNMENT = "02_02"
EPOCH = (2020, 1, 1, 0, 0, 0)  # the same files give the same zip
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
    "fonttools lazy-loader matplotlib numpy opencv-python-headless pandas pillow safetensors "
    "scikit-learn scipy torch torchvision tqdm tyro".split()
)
SCRIPT = '''# {name}
# Roll number {roll}
"""Train a network on a data set of digits, or load one, and test it.

python {script} --dataset-path FOLDER --visualize
python {script} --dataset-path FOLDER --no-is-training --checkpoint {model}

--help lists every option; Readme.txt says more.
"""

import sys

from analysis.frame.command import start

if __name__ == "__main__":
    sys.exit(start("main", [*sys.argv[1:], "--name", {name!r}, "--roll-number", {roll!r}]))
'''
README = """{name}
Roll number {roll}

Install, with Python 3.10 or newer:

    pip install -r requirements.txt

Train the MobileNet network on a data set (a folder or zips with train_new/, train_new.csv,
test_new/ and test_new.csv), test it, and write all figures to runs/mobilenet:

    python {script} --dataset-path FOLDER --visualize{classes}

The standard network, with four conv blocks and no MobileNet block:

    python {script} --dataset-path FOLDER --visualize{classes} \\
        --conv-block-count 4 --mobilenet-block-count 0

Test a saved model without training:

{tests}

In this archive:

    {script:<24}the entry script
    Report.pdf              the report
    models/                 the trained networks
    netlib/                 data set, networks, training, testing
    analysis/               the script's main, and the figures that it draws
    requirements.txt        packages to install

No data set is included.
"""
TEST = """    python {script} --dataset-path FOLDER --no-is-training \\
        --checkpoint {model}"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Pack what the course wants handed in: your networks, your report.

    Attributes:
        dataset_path: folder or zip in the course's layout: what the networks are, or were, trained
            on, and tested on.
        name: of the author, on the report, too; the first word names the file.
        roll_number: letters and digits.
        models: folder where analysis.main saved two networks; default: train the pair.
        tiny: without --models: show that every step works, in a minute or two.
        output: folder for the zip, and in report/ for all behind the report.
    """

    dataset_path: Path
    name: str
    roll_number: str
    models: Path | None = None
    tiny: bool = False
    output: Path = Path("runs/submission")


def run(options: Options) -> list[Path]:
    root = root_name(options.name, options.roll_number)
    models = saved(options.models) if options.models else trained(options)
    refuse_ours(models.values())
    report = report_of(options, models)
    path = options.output / f"{root}.zip"
    contents = dict(files(options, models, report))
    write(path, {f"{root}/{name}": content for name, content in contents.items()})
    print(f"{many(len(contents), 'file')}, {path.stat().st_size / 1e6:.1f} MB")
    return [report, path]


def root_name(name: str, roll_number: str) -> str:
    """FirstName_RollNumber_02_02."""
    first = re.sub(r"[^\w'-]", "", (name.split() or [""])[0])
    if not re.fullmatch(r"[^\W\d_][\w'-]*", first) or not name.isprintable():
        raise ValueError(
            f"--name is {name!r}; expected a name in one line that begins with a letter."
        )
    if not re.fullmatch(r"[A-Za-z0-9-]+", roll_number):
        raise ValueError(f"--roll-number is {roll_number!r}; expected letters and digits.")
    return f"{first}_{roll_number}_{ASSIGNMENT}"


def saved(folder: Path) -> dict[str, Path]:
    """The networks in a folder, by what tells them apart."""
    from analysis.comparison.answers import by_name

    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; expected that of your networks.")
    found = sorted(folder.rglob("*.safetensors"))
    if len(found) != 2:
        raise ValueError(
            f"{folder} holds {many(len(found), 'network')} (*.safetensors); expected two, "
            "as analysis.main writes them: train them, name their folder, or leave --models out."
        )
    return by_name(found)


def trained(options: Options) -> dict[str, Path]:
    """Make the whole report; the networks are those of its first pair."""
    from analysis.build import __main__ as build
    from analysis.build import own

    wanted = build.Options(
        dataset_path=options.dataset_path,
        tiny=options.tiny,
        output=options.output / "report",
        author=author(options),
    )
    for path in build.run(wanted):
        print(path)
    return own.make_plan(wanted).pair


def author(options: Options) -> str:
    return f"{options.name}, roll number {options.roll_number}"


def refuse_ours(models: Iterable[Path]) -> None:
    """Refuse the networks that come with this program."""
    from netlib import nets

    ours = {nets.weights_digest(nets.load_network(path)) for path in OURS.glob("*.safetensors")}
    for path in models:
        if nets.weights_digest(nets.load_network(path)) in ours:
            raise ValueError(
                f"{path} is a network that comes with this program; a submission holds your own: "
                "train it with analysis.main."
            )


def report_of(options: Options, models: Mapping[str, Path]) -> Path:
    """The PDF: of given networks their comparison."""
    from analysis.comparison.leaflet import PDF

    folder = options.output / "report"
    if not options.models:
        return folder / "Report.pdf"
    first, second = models.values()
    wanted = compare.Options(
        dataset_path=options.dataset_path,
        checkpoint=(first, second),
        author=author(options),
        output=folder,
    )
    for path in compare.run(wanted):
        print(path)
    return folder / PDF


def files(
    options: Options, models: Mapping[str, Path], report: Path
) -> Iterator[tuple[str, bytes]]:
    """Path in the archive -> content."""
    from netlib import nets

    script = f"{options.roll_number}_{ASSIGNMENT}.py"
    places = {f"models/{name}.safetensors": path for name, path in models.items()}
    spec = nets.read_metadata(next(iter(models.values())))["spec"]
    words = {
        "name": options.name,
        "roll": options.roll_number,
        "script": script,
        "model": next(iter(places)),
        "classes": "" if spec["num_classes"] == 10 else f" --num-classes {spec['num_classes']}",
        "tests": "\n".join(TEST.format(script=script, model=place) for place in places),
    }
    yield script, SCRIPT.format(**words).encode()
    yield "Readme.txt", README.format(**words).encode()
    yield "Report.pdf", report.read_bytes()
    yield "requirements.txt", "".join(pinned()).encode()
    yield from ((place, path.read_bytes()) for place, path in places.items())
    for file in (file for pattern in SOURCES for file in sorted(ROOT.glob(pattern))):
        if file.suffix in (".py", ".pyi"):
            yield file.relative_to(ROOT).as_posix(), file.read_bytes()


def pinned() -> list[str]:
    """What the script imports, in the versions that were tested."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.split("==")[0] in REQUIREMENTS]


def write(path: Path, contents: dict[str, bytes]) -> None:
    """The archive, or none of it."""
    with replacing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    sys.exit(start("submission"))
