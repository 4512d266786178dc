"""What the READMEs say is true: files, commands, options, links and the Space's settings."""

import csv
import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from import_graph import ROOT

import demo
from analysis.frame.command import COMMANDS, FORMER, parse

NETWORKS = ("standard", "mobilenet")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = sorted(path for path in ROOT.glob("*/README.md") if not path.parts[-2].startswith("."))
DOCUMENTS = [ROOT / "README.md", *DOCUMENTS]
ALL_TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


# --- The layout ---------------------------------------------------------------------------------


def section(title: str) -> str:
    """The part of the README, or of CONTRIBUTING.md, under the heading `## title`."""
    return f"{README}\n{CONTRIBUTING}".split(f"\n## {title}\n")[1].split("\n## ")[0]


def tree() -> list[str]:
    """Paths in the layout, folders with a slash at their end: ["netlib/", ...]."""
    block = section("Layout").split("```")[1]
    paths: list[str] = []
    folder = ""
    for line in block.strip("\n").splitlines():
        name = line.split()[0]
        path = folder + name if line.startswith(" ") else name
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        paths.append(path)
    return paths


def tracked_files() -> list[str]:
    """Every file under version control, as a path from the root."""
    if not (ROOT / ".git").exists():
        pytest.skip("the files are not a git clone, so nothing says which of them belong to it")
    git = ["git", "-c", "safe.directory=*", "ls-files"]
    return subprocess.check_output(git, cwd=ROOT, text=True).splitlines()


def test_layout_names_all_that_is_there_and_nothing_else() -> None:
    """A folder that is listed with its files is listed in full; one without stands for them all."""
    listed = tree()
    parents = {str(Path(path).parent) + "/" for path in listed}
    whole_folders = tuple(path for path in listed if path.endswith("/") and path not in parents)
    unlisted = [
        path
        for path in tracked_files()
        if path not in listed
        and not path.startswith((".", *whole_folders))
        and not Path(path).name.startswith("__init__.")
    ]
    assert not unlisted
    missing = [path for path in tree() if not (ROOT / path).exists()]
    assert not missing


# --- Commands -----------------------------------------------------------------------------------


def recipe(target: str) -> str | None:
    """The commands of a target of the Makefile; None where there is no such target."""
    rule = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.M)
    return rule.group(1) if rule else None


def commands(text: str) -> list[tuple[str, str]]:
    """(program, options) of every command that runs a program of ours, by python or by make."""
    joined = re.sub(r"\\\n\s*", "", text)
    for target, options in re.findall(r'make (\w+) ARGS="([^"]*)"', joined):
        joined += (recipe(target) or "").replace("$(RUN)", "python").replace("$(ARGS)", options)
    return sorted(set(re.findall(r"python3? (-m analysis[. ][\w.]+|demo\.py)([^\n`&]*)", joined)))


@pytest.mark.parametrize(("program", "options"), commands(ALL_TEXT))
def test_every_command_exists_and_takes_its_options(program: str, options: str) -> None:
    words = shlex.split(options, comments=True)
    if program == "demo.py":
        demo.parse_arguments(words)
        return
    name = re.split("[. ]", program)[-1]
    command = importlib.import_module(COMMANDS[FORMER.get(name, name)])
    assert isinstance(parse(command.Options, words), command.Options)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z]+)", ALL_TEXT, re.M))))
def test_every_make_target_exists_and_runs_a_script_that_is_there(target: str) -> None:
    commands_of_target = recipe(target)
    assert commands_of_target is not None
    modules = re.findall(r"-m (analysis\.\w+)", commands_of_target)
    paths = [ROOT / name.replace(".", "/") for name in modules]  # scripts, or packages that run
    runs = [p.with_suffix(".py").is_file() or (p / "__main__.py").is_file() for p in paths]
    assert all(runs)


# --- Figures ------------------------------------------------------------------------------------


def measured(area: str) -> dict[tuple[str, str, str], float]:
    """(quantity, arm, network) -> median, of an area of the committed benchmark."""
    path = ROOT / "figures" / "data" / "full" / "benchmark" / f"{area}.csv"
    with path.open(encoding="utf-8") as file:
        return {
            (row["quantity"], row["arm"], row.get("network", "")): float(row["median"])
            for row in csv.DictReader(file)
        }


def speed_table() -> list[str]:
    """The lines of the README's table of speed, from the benchmark's results."""
    inference, training = map(measured, ("inference", "training"))
    faster = [inference[f"{batch}, speed-up over eager", "ours, 2 threads", network]
              for batch in ("one image", "batch 256") for network in NETWORKS]  # fmt: skip
    trained = [training["speed-up over the plain loop", "ours, float32", network]
               for network in NETWORKS]  # fmt: skip
    rows = {
        "one image, against PyTorch as it comes": faster[:2],
        "256 images, likewise": faster[2:],
        "an epoch of training in float32, against a plain loop": trained,
    }
    return [f"| {name} | {a:.2f} × | {b:.2f} × |" for name, (a, b) in rows.items()]


def test_the_numbers_of_speed_are_those_of_the_results() -> None:
    assert set(speed_table()) <= set(section("Speed").splitlines())
    found = measured("inference")
    for batch, words in (("one image", "for one image"), ("batch 256", "in a batch of 256")):
        ratio = found[f"{batch}, MobileNet over standard", "ours, 1 thread", ""]
        assert f"{ratio:.2f} times {words}" in section("Speed").replace("\n", " ")
    found = measured("serving")
    first = "start to first answer"
    memory, start = (found[what, "demo", ""] for what in ("memory, all processes", first))
    bare = found[first, "import gradio; launch; do nothing", ""]
    words = f"{memory:.0f} MB of memory, {start:.1f} s to its first answer (an empty Gradio page"
    assert f"{words} {bare:.1f})" in section("Start")


def test_the_accuracies_of_the_trainings_are_those_of_the_card() -> None:
    card = (ROOT / "checkpoints" / "README.md").read_text(encoding="utf-8")
    seeds = card.split("<!-- begin seeds -->")[1].split("<!-- end seeds -->")[0]
    for line in seeds.strip().splitlines()[2:]:
        title, network, _, mean, reach = line.strip("| ").split(" | ")
        (row,) = (row for row in README.splitlines() if row.startswith(f"| `{network}`, "))
        assert title.startswith("scans") or f"| {mean} % ({reach}) |" in row


# --- Links and front matter ---------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_and_image_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text)
    relative = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert not [target for target in relative if not (document.parent / target).exists()]


def front_matter() -> dict[str, str]:
    """The settings between the two lines of dashes at the README's top."""
    lines = README.split("---\n")[1].splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {key.strip(): value.strip().strip('"') for key, value in pairs}


def test_space_runs_the_demo_with_the_pinned_gradio() -> None:
    settings = front_matter()
    pinned = re.findall(r"^gradio==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert settings["sdk"] == "gradio"
    assert [settings["sdk_version"]] == pinned
    assert (ROOT / settings["app_file"]).is_file()
