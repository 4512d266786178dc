"""Files are replaced whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netlib.files import remove_leftovers, replacing, temporary_prefix


def test_a_file_is_there_only_after_the_block_and_an_error_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_dead_process_left_goes_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = temporary_prefix(tmp_path / "a.csv")
    theirs = mine.replace(f"-{os.getpid()}.", f"-{dead.pid}.")
    for name in (f"{mine}abcdefgh", f"{theirs}abcdefgh", ".hidden", "a.csv"):
        (tmp_path / name).write_text("half")
    (tmp_path / f"{theirs}folder12").mkdir()
    (tmp_path / f"{theirs}folder12" / "file").write_text("half")
    remove_leftovers.cache_clear()  # as a new process begins
    with replacing(tmp_path / "b.csv") as temporary:
        temporary.write_text("whole")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"{mine}abcdefgh", ".hidden", "a.csv", "b.csv"}


def test_leftovers_go_where_the_file_lies_meanwhile(tmp_path: Path) -> None:
    left = tmp_path / temporary_prefix(tmp_path / "a.png").replace(f"-{os.getpid()}.", "-9999999.")
    left.with_name(f"{left.name}abcdefgh").write_text("half")
    remove_leftovers.cache_clear()
    with replacing(tmp_path / "below" / "a.png", tmp_path) as temporary:
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["below"]
