"""Where commands write is checked before their work begins."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from analysis import evaluate, make_examples, robustness
from analysis.frame import outputs
from analysis.frame.command import made_by, write_json
from netlib.nets import init_network, save_network

FILES = {"sweep": "csv", "read": "csv", "project": "npz", "no_digit": "csv", "robustness": "csv"}
GIVEN = {
    "main": "--dataset-path x --output",
    "evaluate": "--dataset-path x --checkpoint x --output",
    "compare": "--dataset-path x --checkpoint x y --output",
    "figures": "--output",
    "prepare_data": "--source packaged --output",
    "report": "--dataset-path x --output",
    "submission": "--dataset-path x --name A --roll-number 1 --output",
    "filters": "--checkpoint x --output",
    "sweep": "--dataset-path . --factor none --output",
    "read": ". --output",
    "project": "--predictions x --output",
    "no_digit": "--dataset-path x --pictures x --checkpoint x --output",
    "robustness": "--unipen x --output",
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_file_for_a_folder_a_folder_for_a_file_and_a_place_that_is_not_ours(
    name: str, tmp_path: Path, refused, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kind = FILES.get(name, "")
    words = GIVEN[name].split()
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    if kind:
        assert "folder is a folder; expected a file" in refused(name, *words, "folder")
        assert f"expected a name ending in .{kind}" in refused(name, *words, "new/x.txt")
    else:
        assert "file is a file; expected a folder" in refused(name, *words, "file")
    below = f"file/new.{kind}" if kind else "file/new"
    assert "/file, which is a file" in refused(name, *words, below)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "is not yours to write to" in refused(name, *words, f"new/x.{kind}" if kind else "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("name", ["evaluate", "compare"])
def test_the_results_of_another_network_are_kept(name: str, tmp_path: Path, refused) -> None:
    record = tmp_path / ("comparison.json" if name == "compare" else "scores.json")
    words = (*GIVEN[name].split(), tmp_path)
    for content in ("{", "[]", json.dumps({"made_by": {"command": "python -m analysis.main"}})):
        record.write_text(content)
        assert "holds the results of another run" in refused(name, *words)
        assert record.read_text() == content
    record.unlink()
    (tmp_path / ("Comparison.pdf" if name == "compare" else "predictions.npz")).touch()
    assert "of an unknown command" in refused(name, *words)


def test_the_same_command_makes_its_results_anew_and_free_options_may_differ(tmp_path) -> None:
    def options(checkpoint: str, split: str = "test") -> evaluate.Options:
        return evaluate.Options(
            dataset_path=Path("x y"), checkpoint=Path(checkpoint), split=split, output=tmp_path
        )

    record = write_json(tmp_path / "scores.json", {"made_by": made_by(options("a"))})
    outputs.check_made_by(record, options("a"))
    outputs.check_made_by(record, options("a", "train"), "split")
    for other in (options("a", "train"), options("b")):
        with pytest.raises(ValueError, match=r"another run \(python -m analysis.evaluate"):
            outputs.check_made_by(record, other)


def test_a_table_that_is_not_of_the_command_is_kept(tmp_path: Path, refused) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("name,label\n")
    for name in ("read", "sweep", "no_digit", "robustness"):
        refused(name, *GIVEN[name].split(), theirs)
    record = tmp_path / "new.json"
    record.write_text("{}")
    for name in ("no_digit", "robustness"):
        refused(name, *GIVEN[name].split(), record.with_suffix(".csv"))
    np.savez(tmp_path / "theirs.npz", x=0)
    said = refused("project", *GIVEN["project"].split(), tmp_path / "theirs.npz")
    assert "theirs.npz was not made by this command" in said
    assert theirs.read_text() == "name,label\n" and record.read_text() == "{}"


def test_a_network_is_not_written_over_a_folder(tmp_path: Path) -> None:
    net = init_network(1, 0, (1, 8, 8), 2)
    with pytest.raises(IsADirectoryError, match="is a folder; expected a file to write"):
        save_network(net, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="lies below a file"):
        save_network(net, tmp_path / "file" / "net.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_gallery_replaces_its_own_pictures_alone(tmp_path: Path) -> None:
    for name in ("clear-1-00001.png", "none--1.png", "mine.png", "clear.png"):
        (tmp_path / name).touch()
    make_examples.remove_former(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clear.png", "mine.png"]


def test_a_record_that_tells_its_command_alone_is_known_too(tmp_path: Path) -> None:
    record = tmp_path / "shifts.json"
    record.write_text('{"command": "python -m analysis.robustness --output shifts.csv"}')
    options = robustness.Options(unipen=Path("x"), output=record.with_suffix(".csv"))
    outputs.check_record(options.output, options)
    record.write_text('{"command": "python -m analysis.no_digit"}')
    with pytest.raises(ValueError, match="not made by this command"):
        outputs.check_record(options.output, options)
