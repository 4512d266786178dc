"""Imports point one way: netlib <- analysis, netlib <- webapp <- demo."""

import ast
from pathlib import Path

import pytest
from import_graph import ANALYSIS, DEMO, NETLIB, ROOT, WEBAPP, imported_modules, imported_packages

OUTSIDE_NETLIB = {"analysis", "argparse", "demo", "gradio", "matplotlib", "webapp"}
SHARED_BY_SCRIPTS = {"analysis.plots"}  # draw functions: no script, nothing to run
UMAP_USER = "project.py"  # the only script that pays for numba's start


def each(paths: list[Path]) -> pytest.MarkDecorator:
    """Run the test once for every file, named after it."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


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
    scripts = {f"analysis.{script.stem}" for script in ANALYSIS} - SHARED_BY_SCRIPTS
    assert not imported_modules(path) & scripts


@each(ANALYSIS)
def test_script_knows_nothing_of_the_app(path: Path) -> None:
    assert not imported_packages(path) & {"webapp"}


@each(ANALYSIS)
def test_only_the_projection_imports_umap(path: Path) -> None:
    assert path.name == UMAP_USER or "umap" not in imported_packages(path)


@each(ANALYSIS)
def test_drawing_neither_trains_nor_loads_networks(path: Path) -> None:
    assert path.name != "plots.py" or not imported_packages(path) & {"netlib", "torch"}


@each([*WEBAPP, DEMO])
def test_app_imports_no_script(path: Path) -> None:
    assert "analysis" not in imported_packages(path)


@each([*NETLIB, *ANALYSIS, *WEBAPP])
def test_nobody_imports_the_demo(path: Path) -> None:
    assert "demo" not in imported_packages(path)
