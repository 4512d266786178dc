"""A data set as people have it: every spelling is read, or refused with one right sentence."""

import os
import random
import socket
import zipfile
from pathlib import Path

import pytest
from helpers_data import numbered, png, write_folder, write_zip, zipped
from test_imports import KINDS

from netlib.data import stores
from netlib.data.imports import IMPORTS
from netlib.data.layout import find_split, has_split, read_table
from netlib.data.stores import DataError

LABELS = [3, 0, 9, 3]
CSV = b"image,label\n0.png,3\n1.png,0\n2.png,9\n3.png,3\n"


def images(folder: str, suffix: str = ".png", first: int = 0) -> dict[str, bytes]:
    """Four images in a folder: 0.png, 1.png, ..."""
    start = f"{folder}/" if folder else ""
    return {f"{start}{first + i}{suffix}": png(image) for i, image in enumerate(numbered(4))}


def lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


OTHER = {**images("test", first=7), "test.csv": b"image,label\n7.png,1\n8.png,1\n9.png,1\n"}

PLACES: dict[str, dict[str, bytes]] = {
    "Train with a capital": {**images("Train"), "Train.csv": CSV, **OTHER},
    "images/ and labels.csv": {**images("images"), "labels.csv": CSV},
    "images and CSV in train/": {**images("train"), "train/labels.csv": CSV, **OTHER},
    "train/images/ and train/labels.csv": {**images("train/images"), "train/labels.csv": CSV},
    "four folders deep": {**images("a/b/c/train"), "a/b/c/train.csv": CSV},
    "CSV elsewhere": {**images("data/train_images"), "csv/train_labels.csv": CSV, **OTHER},
    "everything at the top": {**images(""), "labels.csv": CSV},
    "trainImages and trainLabels.csv": {**images("trainImages"), "trainLabels.csv": CSV, **OTHER},
    "training_set": {**images("training_set"), "training_labels.csv": CSV, **OTHER},
    "one image folder, two CSVs": {
        **images("images"), **images("images", first=7), "train.csv": CSV,
        "test.csv": OTHER["test.csv"],
    },
    "a folder for each class": {
        **{f"train/{k}/{i}.png": png(numbered(4)[i]) for i, k in enumerate(LABELS)},
        "train.csv": lines("image,label", "3/0.png,3", "0/1.png,0", "9/2.png,9", "3/3.png,3"),
    },
    "zip with images and CSV": {"train.zip": zipped({**images("images"), "labels.csv": CSV})},
    "zip with images, CSV beside it": {"train.zip": zipped(images("")), "train.csv": CSV},
    "Train.zip with its own name inside": {
        "Train.zip": zipped({**images("Train/images"), "Train/labels.csv": CSV}),
    },
    "zip with a folder, deflated": {
        "train.zip": zipped({**images("x"), "x.csv": CSV}, zipfile.ZIP_DEFLATED, "digits/"),
    },
    "zip in a zip": {"data.zip": zipped({"train.zip": zipped({**images("x"), "x.csv": CSV})})},
    "zips of both in a zip": {
        "all.zip": zipped({"train.zip": zipped({**images("train"), "train.csv": CSV}),
                           "test.zip": zipped(OTHER)}),
    },
    "one CSV for both, names with folders": {
        **images("train"), **images("test"),
        "labels.csv": lines("image,label", *(f"train/{i}.png,{k}" for i, k in enumerate(LABELS)),
                            *(f"test/{i}.png,1" for i in range(4))),
    },
    "one CSV for both, names without": {
        **images("train"), **images("test", first=7),
        "labels.csv": CSV + b"7.png,1\n8.png,1\n9.png,1\n10.png,1\n",
    },
    "one CSV for both, a column of words": {
        **images("images"), **images("images", first=7),
        "labels.csv": lines("image,split,label", "0.png,train,3", "7.png,test,1", "1.png,Train,0",
                            "8.png,test,1", "2.png,train,9", "3.png,val,3", "9.png,test,1"),
    },
    "a folder for each class, names without": {
        **{f"train/{k}/{i}.png": png(numbered(4)[i]) for i, k in enumerate(LABELS)},
        "train.csv": CSV,
    },
    "train_new in train_new": {**images("train_new/train_new"), "train_new.csv": CSV},
    "another CSV that names no image": {
        **images("train"), "train/labels.csv": CSV, "train/info.csv": b"key,value\na,b\n",
    },
    "suffix in capitals": {**images("train", ".PNG"), "train.csv": CSV.replace(b"png", b"PNG")},
}  # fmt: skip

TABLES: dict[str, bytes] = {
    "index first": lines(",image,label", "0,0.png,3", "1,1.png,0", "2,2.png,9", "3,3.png,3"),
    "label first": lines("label,file", "3,0.png", "0,1.png", "9,2.png", "3,3.png"),
    "extra columns": lines("id,image,split,label", *(f"x{i},{i}.png,a,{k}" for i, k in
                                                     enumerate(LABELS))),
    "a fold between": lines("image,fold,label", "0.png,1,3", "1.png,2,0", "2.png,1,9", "3.png,2,3"),
    "a writer of text, titles unknown": lines("a,b,c", *(f"{i}.png,ann,{k}" for i, k in
                                                         enumerate(LABELS))),
    "a remark on one image": lines("label,file,remark", "3,0.png,", "0,1.png", "9,2.png,a tail",
                                   "3,3.png"),
    "no extension": lines("image,label", *(f"{i},{k}" for i, k in enumerate(LABELS))),
    "another extension": CSV.replace(b".png", b".jpg"),
    "semicolons": CSV.replace(b",", b";"),
    "tabs": CSV.replace(b",", b"\t"),
    "Excel's line": b"\xef\xbb\xbfsep=;\r\n" + CSV.replace(b",", b";").replace(b"\n", b"\r\n"),
    "byte-order mark and CRLF": b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n"),
    "UTF-16": CSV.decode().encode("utf-16"),
    "quotes": CSV.replace(b"image", b'"image"').replace(b"0.png", b'"0.png"'),
    "labels like 3.0": lines("image,label", *(f"{i}.png,{k}.0" for i, k in enumerate(LABELS))),
    "paths": lines("path,label", *(f"data/mine/train/{i}.png,{k}" for i, k in enumerate(LABELS))),
    "no header, index first": lines(*(f"{i},{i}.png,{k}" for i, k in enumerate(LABELS))),
    "spaces and empty lines": CSV.replace(b",", b" , ").replace(b"\n", b"\n\n"),
    "no header": CSV[12:],
    "no header, no extension": CSV[12:].replace(b".png", b""),
    "signs, zeros, no newline at the end": b"image,label\n0.png,+3\n1.png,00\n2.png,9.\n3.png,3",
}  # fmt: skip

REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "two columns that may be labels": (
        {**images("train"), "train.csv": lines(*(f"{i}.png,{i},{k}" for i, k in zip(
            (5, 4, 2, 1), LABELS, strict=True))).replace(b"5.png", b"0.png").replace(
                b"4.png", b"3.png")},
        "does not say where the labels are: any of the columns number 2, number 3",
    ),
    "a number that may be an index or a label": (
        {**images("train"), "train.csv": lines("file,number,writer", *(f"{i}.png,{i},3"
                                                                       for i in range(4)))},
        "does not say where the labels are: any of the columns number, writer",
    ),
    "no column of labels": (
        {**images("train"), "train.csv": lines("image,a,b", *(f"{i}.png,x,y" for i in range(4)))},
        "none of the columns a, b holds integers in 0...9",
    ),
    "two columns of names": (
        {**images("train"), "train.csv": lines("a,b,c", "0,3,1", "1,2,1", "2,1,1", "3,0,1")},
        "numbers 1 and 2 both do",
    ),
    "two CSVs that fit": (
        {**images("train"), "train/a.csv": CSV, "train/b.csv": CSV},
        "not clear which images and CSV are the train split: there are train and train/a.csv, "
        "train/b.csv; rename",
    ),
    "two folders that fit": (
        {**images("a"), **images("b"), "labels.csv": CSV},
        "there are a, b and labels.csv; rename",
    ),
    "one CSV for both, the same names in both": (
        {**images("train"), **images("test"), "labels.csv": CSV},
        "which is in {root}/train and in {root}/test; write the folder before the name",
    ),
    "UTF-16 without its mark": (
        {**images("train"), "train.csv": CSV.decode().encode("utf-16-le")},
        "no UTF-8 text (null characters)",
    ),
    "images only": (images("train"), "holds train/ but not train.csv"),
    "images only, in a zip": (
        {"train.zip": zipped(images("x/train"))}, "holds train/x/train/ but not train/x/train.csv",
    ),
    "a folder for each class, no CSV": (
        images("train/3"), "imported by python -m analysis prepare_data --source",
    ),
    "CSV only": ({"train.csv": CSV}, "holds train.csv but not train/"),
    "nothing": ({"notes.txt": b"?"}, "found neither images nor a CSV"),
    "an encoding of old": (
        {**images("train"), "train.csv": "name,étiquette\n0.png,3".encode("latin-1")},
        "no UTF-8 text",
    ),
}  # fmt: skip


def read(path: Path, split: str = "train") -> list[int]:
    table = read_table(find_split(path, split), 10)
    assert [table.store.read(path) for path in table.paths] == [png(image) for image in numbered(4)]
    return table.labels


@pytest.mark.parametrize("files", PLACES.values(), ids=PLACES)
def test_the_folder_and_the_csv_are_found(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert read(write_folder(tmp_path, files)) == LABELS


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_the_columns_are_found(tmp_path: Path, text: bytes) -> None:
    assert read(write_folder(tmp_path, {**images("train"), "train.csv": text})) == LABELS


@pytest.mark.parametrize("files, sentence", REFUSED.values(), ids=REFUSED)
def test_what_is_ambiguous_or_missing_is_told(tmp_path: Path, files, sentence) -> None:
    with pytest.raises(DataError) as caught:
        read(write_folder(tmp_path, files))
    assert sentence.format(root=tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_s_csv_may_lie_beside_it(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "train.zip", images("images"))
    (tmp_path / "labels.csv").write_bytes(CSV)
    assert read(path) == LABELS


@pytest.mark.parametrize("name", [name for name in PLACES if name.startswith("one CSV")])
def test_one_csv_may_hold_both_parts(tmp_path: Path, name: str) -> None:
    path = write_folder(tmp_path, PLACES[name])
    assert has_split(path, "test")
    test = read_table(find_split(path, "test"), 10)
    assert all(
        "1 image " in said for said in test.warnings
    )  # not the other part's, which are named
    assert set(test.labels) == {1} and len(test) >= 3
    assert not {*test.paths} & {*read_table(find_split(path, "train"), 10).paths}


def test_a_set_without_a_word_of_a_split_has_no_test_split(tmp_path: Path) -> None:
    path = write_folder(tmp_path, PLACES["images/ and labels.csv"])
    assert not has_split(path, "test")
    with pytest.raises(DataError, match="no test split"):
        find_split(path, "test")


# --- Hostile files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["train/0.png", "train.csv", "train.zip"])
def test_only_regular_files_are_read(tmp_path: Path, name: str) -> None:
    """A pipe would wait for ever, a link to an endless device would fill the memory."""
    files = {} if name == "train.zip" else {**images("train"), "train.csv": CSV}
    for make, kind in ((os.mkfifo, "pipe"), (lambda p: os.symlink("/dev/zero", p), "device")):
        path = write_folder(tmp_path / kind, files) / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.unlink(missing_ok=True)
        make(path)
        with pytest.raises(DataError, match=f"is a {kind}; expected a regular file"):
            read(tmp_path / kind)


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", {"train.csv": CSV})
    os.symlink(write_folder(tmp_path / "elsewhere", images("")), data / "train")
    assert read(data) == LABELS
    os.symlink(data, tmp_path / "elsewhere" / "back")
    with pytest.raises(DataError, match="Too many levels of symbolic links"):
        read(data)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch) -> None:
    write_folder(tmp_path, {**images("train")})
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("train.csv")
        with pytest.raises(DataError, match="is a socket; expected a regular file"):
            read(tmp_path)


def test_sizes_are_bounded_before_reading(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(stores, "MAX_FILE_BYTES", 1000)
    files = {**images("train"), "train.csv": CSV + b"\n" * 1001}
    for path in (write_folder(tmp_path / "a", files), write_zip(tmp_path / "train.zip", files)):
        with pytest.raises(DataError, match="expected at most 1,000"):
            read(path)


def test_a_file_that_may_not_be_read_is_told_so(tmp_path: Path, monkeypatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    write_folder(tmp_path, {**images("train"), "train.csv": CSV})
    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything
    with pytest.raises(DataError, match=r"train\.csv cannot be read: Permission denied"):
        read(tmp_path)


DAMAGED: dict[str, dict[str, bytes]] = {
    "csv": KINDS["csv"],
    "imagefolder": {"data.zip": zipped(KINDS["imagefolder"])},
    "kaggle": {"train.csv": b"label,a,b,c,d\n" + b"1,2,3,4,5\n2,3,4,5,6\n" * 6},
    "idx": KINDS["idx"],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_end_in_a_data_set_or_in_one_sentence(tmp_path: Path, kind: str) -> None:
    """Bits flipped, bytes added, zeroed and cut off, in one file after another."""
    rng = random.Random(kind)
    told = 0
    for number in range(40):
        files = dict(DAMAGED[kind])
        damaged = rng.choice([name for name in files if not name.endswith(".png")])
        files[damaged] = damage(files[damaged], rng)
        write_folder(path := tmp_path / str(number), files)
        try:
            source = IMPORTS[kind](path / damaged if len(files) == 1 else path, 0)
            assert all(len(split.images[0]) for split in source.splits.values())
        except DataError as error:
            told += 1
            assert "\n" not in str(error) and len(str(error)) < 600
    assert told > 10


def damage(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    start = rng.randrange(len(changed))
    part = slice(start, min(len(changed), start + rng.randint(1, 100)))
    match rng.randrange(4):
        case 0:
            del changed[start:]
        case 1:
            changed[start:start] = rng.randbytes(5)
        case 2:
            changed[part] = bytes(len(changed[part]))
        case _:
            changed[start] ^= 1 << rng.randrange(8)
    return bytes(changed)
