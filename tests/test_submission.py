"""The course's zip: their networks and report, its names, and that the script runs elsewhere."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from helpers_data import words
from import_graph import ROOT, imported_packages

from analysis import submission
from analysis.comparison import leaflet
from analysis.frame.command import start
from netlib.nets.checkpoint import save_network
from netlib.nets.network import init_network

NAME = "Ada #1, $x <y> {z} O'B"
ROOM = "Ada_B19-042_02_02"
# Refuses netlib and analysis from anywhere but the folder, and packages that are not named.
BLOCKER = """
import importlib.machinery, runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("netlib", "analysis"):
            return importlib.machinery.PathFinder.find_spec(name, ["."])
        if name in {blocked!r}:
            raise ModuleNotFoundError(name + " is not installed here", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    return digit_folder(train=10, test=2, num_classes=3)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """As main writes them: a folder each."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    for name, counts in (("standard", (2, 0)), ("mobilenet", (1, 1))):
        net = init_network(*counts, (1, 28, 28), 3, width=0.25)
        save_network(net, folder / name / f"{name}.safetensors", {})
    return folder


def words_for(dataset: Path, output: Path, models: Path, name=NAME, roll="B19-042") -> list[str]:
    who = ["--name", name, "--roll-number", roll]
    paths = {"--dataset-path": dataset, "--output": output, "--models": models}
    return [*who, *(str(word) for pair in paths.items() for word in pair)]


@pytest.fixture(scope="module")
def archive(dataset: Path, models: Path, tmp_path_factory) -> Path:
    """With one figure: tests/test_compare.py draws them all."""
    output = tmp_path_factory.mktemp("submission")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaflet, "DRAWN", {"confusion": leaflet.DRAWN["confusion"]})
        assert start("submission", words_for(dataset, output, models)) == 0
    return output / f"{ROOM}.zip"


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        assert all(name.startswith(f"{ROOM}/") for name in file.namelist())
        return {name.removeprefix(f"{ROOM}/"): file.read(name) for name in file.namelist()}


def test_the_zip_has_what_the_course_wants_and_names_as_typed(
    archive: Path, models: Path, tmp_path: Path
) -> None:
    found = members(archive)
    roots = {name.split("/")[0] for name in found}
    files = {"B19-042_02_02.py", "Report.pdf", "Readme.txt", "requirements.txt"}
    assert roots == files | {"models", "netlib", "analysis"}
    assert not [name for name in found if name.endswith((".png", ".npz", ".csv", ".pyc"))]
    for network in ("standard", "mobilenet"):
        own = (models / network / f"{network}.safetensors").read_bytes()
        assert found[f"models/{network}.safetensors"] == own
    assert found["Readme.txt"].decode().startswith(f"{NAME}\nRoll number B19-042\n")
    (tmp_path / "Report.pdf").write_bytes(found["Report.pdf"])
    assert f"{NAME}, roll number B19-042" in words(tmp_path / "Report.pdf")


def test_everything_that_the_script_imports_is_in_it(archive: Path) -> None:
    names = set(members(archive))
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
        "fontTools": "fonttools",
        "cv2": "opencv-python-headless",
        "sklearn": "scikit-learn",
        "lazy_loader": "lazy-loader",
    }
    ours = {"analysis", "netlib", "mlxtend"}  # the last only to prepare data
    files = [ROOT / name for name in members(archive) if name.startswith(("analysis", "netlib"))]
    imported = {p for path in files if path.suffix == ".py" for p in imported_packages(path)}
    imported -= ours | sys.stdlib_module_names
    assert {names.get(package, package) for package in imported} == {*submission.REQUIREMENTS}
    assert {line.split("==")[0] for line in submission.pinned()} == {*submission.REQUIREMENTS}


def test_unpacked_elsewhere_with_nothing_else_the_script_tests_the_saved_model(
    archive: Path, tmp_path: Path, dataset: Path
) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path)
    blocked = {"gradio", "onnx", "onnxruntime", "typst", "umap", "openTSNE", "doit", "mlxtend"}
    options = ["--dataset-path", str(dataset), "--visualize", "--no-is-training"]
    options += ["--checkpoint", "models/mobilenet.safetensors"]
    program = BLOCKER.format(blocked=blocked)
    command = [sys.executable, "-c", program, "B19-042_02_02.py", *options]
    place = tmp_path / ROOM
    found = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    assert f"Name: {NAME}" in found.stdout
    assert "Roll number: B19-042" in found.stdout
    assert re.search(r"Test set, 6 images", found.stdout)
    assert list(place.glob("runs/*/samples.png"))


def test_the_networks_that_come_with_the_program_are_refused(
    dataset: Path, models: Path, tmp_path: Path, refused
) -> None:
    for folder, sentence in (
        (ROOT / "checkpoints", "a submission holds your own"),
        (tmp_path / "nowhere", "nowhere is no folder"),
        (models / "standard", "holds 1 network (*.safetensors); expected two"),
    ):
        assert sentence in refused("submission", *words_for(dataset, tmp_path, folder))
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("name", "roll", "message"),
    [
        ("", "1", "--name is ''; expected a name"),
        ("../", "1", "--name is '../'"),
        ("Ada\nB", "1", "expected a name"),
        ("Ada", "1/2", "--roll-number is '1/2'; expected letters and digits"),
    ],
)
def test_a_name_that_cannot_name_a_file_is_refused(
    name: str, roll: str, message: str, tmp_path: Path, refused
) -> None:
    assert message in refused("submission", *words_for(tmp_path, tmp_path, tmp_path, name, roll))


def test_commas_and_dots_are_no_part_of_the_file_s_name() -> None:
    assert submission.root_name("O'Brien, Conan", "7") == "O'Brien_7_02_02"
