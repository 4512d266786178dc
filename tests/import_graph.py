"""Reads import statements without importing anything, and runs Pythons of their own."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NETLIB, ANALYSIS, TESTS = (
    sorted((ROOT / package).rglob("*.py")) for package in ("netlib", "analysis", "tests")
)
DEMO = ROOT / "demo.py"


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own that runs what the words say from the clone."""
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


@cache
def imported_modules(path: Path) -> set[str]:
    """Dotted names of everything that `path` imports, at its top or inside a function.

    `from a import b` counts as both "a" and "a.b", because b may be a module; relative imports are
    resolved against the file's place in the clone.
    """
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            source = ".".join([*base, *([node.module] if node.module else [])])
            modules.update([source, *(f"{source}.{alias.name}" for alias in node.names)])
    return modules


def imported_packages(path: Path) -> set[str]:
    """First parts of the names of everything that `path` imports, such as {"torch", "netlib"}."""
    return {module.split(".")[0] for module in imported_modules(path)}


def reachable(start: Iterable[Path]) -> set[Path]:
    """`start` and every file of this project that it imports, directly or not."""
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            stems = (ROOT.joinpath(*module.split(".")) for module in imported_modules(path))
            candidates = (
                p for stem in stems for p in (stem.with_suffix(".py"), stem / "__init__.py")
            )
            waiting.extend(p for p in candidates if p.is_file())
    return found
