"""pyproject.toml, constraints.txt and requirements.txt agree with each other and with the code."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from import_graph import ANALYSIS, DEMO, NETLIB, ROOT, TESTS, imported_packages, reachable
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["optional-dependencies"].items()
}
TRAIN = EXTRAS["train"]
DEV = [requirement for requirement in EXTRAS["dev"] if requirement.name != PROJECT["name"]]
# For screenshots and for clusters, whose users have them; the tests have both.
OPTIONAL = {"distributed", "playwright"}
OUR_OWN = {"analysis", "demo", "netlib", *(path.stem for path in TESTS)}
STANDARD = sys.stdlib_module_names | {"tomllib", "tomli"}  # tomli: tomllib before 3.11, by pytest
DISTRIBUTIONS = {  # others: as they are imported
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}


def pins(name: str) -> dict[str, str]:
    """Distribution -> version of a file of `name==version` lines, as this Python reads it."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: dict[str, str] = {}
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate():
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            assert canonicalize_name(requirement.name) not in found, f"{requirement} stands twice"
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


def names(requirements: Iterable[Requirement]) -> set[str]:
    """Canonical distribution names, such as {"scikit-learn"}."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


def third_party(paths: Iterable[Path]) -> set[str]:
    """Distributions that the files import: {"pillow"} for `from PIL import Image`."""
    packages = set().union(*(imported_packages(path) for path in paths))
    packages -= STANDARD | OUR_OWN
    return {canonicalize_name(DISTRIBUTIONS.get(package, package)) for package in packages}


@pytest.mark.parametrize("requirement", [*RUNTIME, *TRAIN, *DEV], ids=str)
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(
        pins("constraints.txt")[canonicalize_name(requirement.name)]
    )


def test_everything_that_is_imported_is_declared() -> None:
    assert third_party([*NETLIB, *ANALYSIS, DEMO]) <= names([*RUNTIME, *TRAIN]) | OPTIONAL
    assert third_party(TESTS) <= names([*RUNTIME, *TRAIN, *DEV]) | OPTIONAL | {
        "packaging"
    }  # pytest's
    assert third_party(reachable([DEMO])) <= names(RUNTIME)
    assert names(EXTRAS["dev"]) >= {PROJECT["name"]}  # the tests have everything


def test_a_space_installs_what_the_app_imports_in_the_tested_versions() -> None:
    space, tested = pins("requirements.txt"), pins("constraints.txt")
    assert third_party(reachable([DEMO])) <= space.keys()
    assert space == {name: tested[name] for name in space}


def test_constraints_name_no_host_and_the_tested_pair_of_torch() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pin = re.compile(r'[\w.-]+==[\w.]+( ; python_version (<|>=) "3\.\d+")?')
    assert all(line.startswith("#") or pin.fullmatch(line) for line in lines)
    pinned = pins("constraints.txt")
    assert (pinned["torch"], pinned["torchvision"]) == ("2.14.1", "0.29.1")
