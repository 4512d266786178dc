"""Folders, zips and files of pictures to one table of answers."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from import_graph import ROOT
from PIL import Image, ImageDraw

from analysis import read
from analysis.frame.command import start

CHECKPOINTS = [str(ROOT / "checkpoints" / f"{n}.safetensors") for n in ("standard", "mobilenet")]


def png(*strokes: list[tuple[int, int]], width: int = 200) -> bytes:
    image = Image.new("L", (width, 200), 255)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill=0, width=14, joint="curve")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def zero(left: int) -> list[tuple[int, int]]:
    return [(left + 40, 40), (left + 15, 70), (left + 10, 110), (left + 20, 150), (left + 45, 165),
            (left + 70, 150), (left + 82, 105), (left + 70, 60), (left + 40, 40)]  # fmt: skip


SEVEN = [(50, 45), (150, 45), (90, 165)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "sub").mkdir()
    (folder / "p10.png").write_bytes(png(SEVEN))
    (folder / "p2.png").write_bytes(png(zero(40)))
    (folder / "sub" / "a.png").write_bytes(
        png(zero(10), [(170, 40), (170, 165)], width=260)  # 01
    )
    (folder / "blank.png").write_bytes(png())
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not read")
    return folder


def table(folder: Path, *words: object) -> list[dict[str, str]]:
    output = folder.parent / "answers.csv"
    arguments = [*map(str, words), "--checkpoint", *CHECKPOINTS, "--output", str(output)]
    assert start("read", arguments) == 0
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


def test_a_zip_and_a_file_are_read_in_the_order_given(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "some.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in/seven.png", png(SEVEN))
        file.writestr("in/readme.md", "x")
    rows = table(folder, archive, folder / "p2.png")
    assert [(row["name"], row["mobilenet"]) for row in rows] == [
        ("in/seven.png", "7"),
        ("p2.png", "0"),
    ]


def test_labels_of_any_form_score_the_answers(folder: Path, tmp_path: Path, capsys) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "sep=;\nlabel;file\n01;a\nSeven;p10.png\n3;p2.png\n;bad.png\n", encoding="utf-16"
    )
    rows = table(folder, folder, "--labels", labels)
    right = {row["name"]: row["standard_right"] for row in rows}
    assert right == {
        "bad.png": "",
        "blank.png": "",
        "p2.png": "0",
        "p10.png": "1",
        "sub/a.png": "1",
    }
    assert "standard: 2 of 3 right (66.67 %)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [(["nowhere"], "There is no nowhere"), ([], "There is no picture in"),
     (["{}", "--labels", "missing.csv"], "missing.csv")],
)  # fmt: skip
def test_mistakes_get_one_sentence(
    folder: Path, tmp_path: Path, words: list[str], says: str, capsys
) -> None:
    arguments = [word.format(folder) for word in words]
    assert start("read", [*arguments, "--output", str(tmp_path / "a.csv")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


def test_numbers_in_names_sort_by_their_value() -> None:
    assert sorted(["b1", "a10", "a9", "10", "9"], key=read.natural) == [
        "9",
        "10",
        "a9",
        "a10",
        "b1",
    ]
