"""Folders, zips and files of pictures to one table of answers."""

import csv
from pathlib import Path

import pytest
from helpers_data import done, png, write_zip
from helpers_visitor import ONE, SEVEN, ZERO, beside, paper
from import_graph import ROOT

from analysis import read

CHECKPOINTS = [str(ROOT / "checkpoints" / f"{n}.safetensors") for n in ("standard", "mobilenet")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "sub").mkdir()
    drawn = {"p10": paper(SEVEN), "p2": paper(ZERO), "blank": paper([])}
    drawn["sub/a"] = paper(beside(ZERO, ONE, width=0.45), (400, 200))
    for name, picture in drawn.items():
        (folder / f"{name}.png").write_bytes(png(picture))
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not read")
    return folder


def table(folder: Path, *words: object) -> list[dict[str, str]]:
    output = folder.parent / "answers.csv"
    done("read", *words, "--checkpoint", *CHECKPOINTS, "--output", output)
    with output.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_read_in_natural_order_and_a_bad_file_is_a_row(folder: Path, capsys) -> None:
    rows = table(folder, folder)
    names = [row["name"] for row in rows]
    assert names == ["bad.png", "blank.png", "p2.png", "p10.png", "sub/a.png"]
    assert list(rows[0])[:3] == ["name", "standard", "mobilenet"]
    for network in ("standard", "mobilenet"):
        assert [row[network] for row in rows] == ["", "", "0", "7", "01"]
    assert "is no picture in" in rows[0]["error"]
    assert [len(row["boxes"].split(";")) for row in rows[2:]] == [1, 1, 2]
    assert "5 pictures, 1 not readable; 1 other file was skipped." in capsys.readouterr().out


def test_zips_and_files_are_read_in_the_order_given_and_by_their_numbers(
    folder: Path, tmp_path: Path
) -> None:
    files = {"in/seven.png": png(paper(SEVEN)), "in/readme.md": b"x"}
    archive = write_zip(tmp_path / "some.zip", files)
    rows = table(folder, archive, folder / "p2.png")
    answers = [(row["name"], row["mobilenet"]) for row in rows]
    assert answers == [("in/seven.png", "7"), ("p2.png", "0")]
    ordered = ["9", "10", "a9", "a10", "b1"]
    assert sorted(sorted(ordered), key=read.natural) == ordered


def test_labels_of_any_form_score_the_answers(folder: Path, tmp_path: Path, capsys) -> None:
    labels = tmp_path / "labels.csv"
    rows = "Zero one;a", "01;sub/a.png", "Seven;p10.png", "3.0;p2.png", ";bad.png", "1;gone"
    labels.write_text("\n".join(("sep=;", "label;file", *rows)), encoding="utf-16")
    rows = table(folder, folder, "--labels", labels)
    right = {row["name"]: row["standard_right"] for row in rows}
    assert right.keys() - {"bad.png", "blank.png"} == {"p2.png", "p10.png", "sub/a.png"}
    assert list(right.values()) == ["", "", "0", "1", "1"]
    said = capsys.readouterr().out
    assert "standard: 2 of 3 right (66.67 %)" in said
    assert "labels.csv labels 1 picture not among these." in said


@pytest.mark.parametrize(
    ("words", "says"),
    [(["nowhere"], "There is no nowhere"), ([], "There is no picture in"),
     (["{}", "--labels", "missing.csv"], "missing.csv")],
)  # fmt: skip
def test_mistakes_get_one_sentence(folder, tmp_path: Path, words, says, refused) -> None:
    arguments = [word.format(folder) for word in words]
    assert says in refused("read", *arguments, "--output", tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_labels_are_not_written_over(folder, tmp_path: Path, refused) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("a.png,1\n")
    said = refused("read", folder, "--labels", labels, "--output", labels)
    assert "would be written over" in said and labels.read_text() == "a.png,1\n"
