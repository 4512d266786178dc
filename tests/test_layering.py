"""Imports point one way: netlib <- analysis, netlib <- netlib/app <- demo."""

import ast
from pathlib import Path

import pytest
from import_graph import ANALYSIS, DEMO, NETLIB, ROOT, imported_modules, imported_packages

OUTSIDE_NETLIB = {"analysis", "argparse", "demo", "matplotlib"}
DRAWING = "look"  # a package that scripts share: no script, nothing to run
UMAP_USER = "project.py"  # the only script that pays for numba's start


def each(paths: list[Path]) -> pytest.MarkDecorator:
    """Run the test once for every file, named after it."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def script(path: Path) -> str:
    """The script that a file of analysis/ belongs to: a module, or a folder with its __main__."""
    return path.relative_to(ROOT / "analysis").parts[0].removesuffix(".py")


def called_names(path: Path) -> set[str]:
    """Names of the functions that `path` calls by their bare name."""
    return {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_import_reader_sees_every_form(tmp_path: Path) -> None:
    module = tmp_path / "analysis" / "sweep.py"
    module.parent.mkdir()
    module.write_text(
        "import numpy as np, torch.nn\n"
        "from . import plots\n"
        "def late():\n"
        "    from .report import write\n"
        "    from scipy.stats import norm\n"
    )
    assert imported_modules(module, root=tmp_path) == {
        *("numpy", "torch.nn", "scipy.stats", "scipy.stats.norm"),
        *("analysis", "analysis.plots", "analysis.report", "analysis.report.write"),
    }


@each(NETLIB)
def test_library_knows_no_script_and_no_interface(path: Path) -> None:
    assert not imported_packages(path) & OUTSIDE_NETLIB


@each(NETLIB)
def test_library_logs_and_does_not_print(path: Path) -> None:
    assert "print" not in called_names(path)


@each(ANALYSIS)
def test_script_imports_no_other_script(path: Path) -> None:
    others = {script(other) for other in ANALYSIS} - {script(path), DRAWING, "__init__"}
    imported = [module.split(".") for module in imported_modules(path)]
    assert not {name[1] for name in imported if name[0] == "analysis" and name[1:]} & others


@each([path for path in ANALYSIS if script(path) == DRAWING])
def test_drawing_imports_no_script(path: Path) -> None:
    modules = {module for module in imported_modules(path) if module.startswith("analysis.")}
    assert all(module.startswith(f"analysis.{DRAWING}") for module in modules)


@each(ANALYSIS)
def test_script_knows_nothing_of_the_app(path: Path) -> None:
    assert not any(name.startswith("netlib.app") for name in imported_modules(path))


@each(ANALYSIS)
def test_only_the_projection_imports_umap(path: Path) -> None:
    assert path.name == UMAP_USER or "umap" not in imported_packages(path)


@each(ANALYSIS)
def test_drawing_neither_trains_nor_loads_networks(path: Path) -> None:
    assert script(path) not in (DRAWING, "figures") or not imported_packages(path) & {
        "netlib",
        "torch",
    }


@each([*NETLIB, DEMO])
def test_app_imports_no_script(path: Path) -> None:
    assert "analysis" not in imported_packages(path)


@each([*NETLIB, *ANALYSIS])
def test_nobody_imports_the_demo(path: Path) -> None:
    assert "demo" not in imported_packages(path)
