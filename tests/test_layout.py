"""Reading the course's layout: where it is found, and what each broken data set is told."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers_data import layout, numbered, png, table, write_folder, write_zip

from netlib.data import stores
from netlib.data.layout import find_split, has_split, read_table
from netlib.data.stores import DataError

LABELS = [3, 0, 9]


def read(path: Path, split: str = "train"):
    return read_table(find_split(path, split), 10)


def complaint(path: Path, split: str = "train") -> str:
    with pytest.raises(DataError) as caught:
        read(path, split)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


# --- Where the layout is found ------------------------------------------------------------------


def test_a_zip_holds_both_splits_behind_a_folder_and_before_a_csv(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", {**layout(LABELS, "train"), **layout([5], "test")})
    assert read(path).labels == LABELS
    assert read(path, "test").labels == [5]
    write_zip(tmp_path / "train.zip", layout(LABELS, "train"))
    (tmp_path / "train.csv").write_text("image,label\n")
    assert read(tmp_path).labels == LABELS
    write_zip(tmp_path / "train.zip", layout([1]))
    assert read(write_folder(tmp_path, layout(LABELS))).labels == LABELS


def test_system_files_are_no_images_and_backslashes_separate(tmp_path: Path) -> None:
    extra = {"__MACOSX/train_new/._0.png": b"?", "train_new/.DS_Store": b"?"}
    write_zip(tmp_path / "train.zip", {**extra, **layout(LABELS)})
    assert read(tmp_path).warnings == []
    files = {name.replace("/", "\\"): content for name, content in layout(LABELS).items()}
    path = write_zip(tmp_path / "train.zip", files)
    assert b"train_new\\0.png" in path.read_bytes()
    assert read(tmp_path).labels == LABELS


def test_has_split_tells_which_splits_there_are(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", layout(LABELS))
    path = write_zip(tmp_path / "b.zip", layout(LABELS, "test"))
    assert has_split(tmp_path / "a", "train") and not has_split(tmp_path / "a", "test")
    assert has_split(path, "test") and not has_split(path, "train")
    assert not has_split(tmp_path / "nowhere", "train")


# --- Bad data sets get one sentence each --------------------------------------------------------


def gives(label: object) -> tuple[bytes, str]:
    """A CSV with a label that is none, and what is told of it."""
    wrong = "is no integer" if isinstance(label, str) else "is outside 0...9"
    told = f"gives 1.png the label {label!r}, which {wrong}"
    return table(["0.png", "1.png"], [1, label]), told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "empty"),
        (b"image,label\n", "empty"),
        (b"\n\n", "empty"),
        (b"image,label\n0.png\n", "line 2, has one column"),
        (b'image,label\n"' + b"x" * 200_000, "no valid CSV"),
        (b"gone.png,3\n0.png,1\n", "'gone.png'"),  # a row, no header
        (b"0.png,seven\n1.png,1\n", "'seven'"),
        (b"image,label\n3.png,7\n4.png,7\n", "train_new.csv names 2 images absent from"),
        (b"name,label\na,1\n", "'a', which may be a.jpg or a.png"),
        *map(gives, ("3.5", "seven", "", "1e0", "1_0", "nan", "0x1", "٣", -1, 10, 10**17)),
        *(
            (table(["0.png", "1.png", again], [1, 2, 1]), "names 0.png twice, in lines 2 and 4")
            for again in ("0.png", "0", "train_new/0.png")
        ),
        *(
            (table([name], [5]), "lies outside")
            for name in ("../secret.png", "/etc/passwd", "..\\secret.png", "C:/x.png")
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_csv(tmp_path: Path, text: bytes, sentence: str) -> None:
    both = {"train_new/a.jpg": b"", "train_new/a.png": b"", "train_new.csv": text}
    write_folder(tmp_path, {"secret.png": png(numbered(1)[0])})
    assert sentence in complaint(write_folder(tmp_path / "set", {**layout(LABELS), **both}))


def test_a_split_that_is_not_there_or_not_known_is_told_what_was_expected(tmp_path: Path) -> None:
    sentence = complaint(tmp_path, "test")
    for name in ("no test split", "test_new/", "test_new.csv", "test/", "test.csv", "test.zip"):
        assert name in sentence
    assert "must be one of train, test" in complaint(tmp_path, "validation")


def test_an_unnamed_image_is_a_warning(tmp_path: Path) -> None:
    others = {f"train_new/{name}": b"" for name in ("b.jpg", "a.PNG", "t.txt")}
    (warning,) = read(write_folder(tmp_path, {**layout(LABELS), **others})).warnings
    assert warning.startswith("2 images in ") and "for example a.PNG" in warning


# --- Archives -------------------------------------------------------------------------------------


DIRECTORY = b"PK\x01\x02"  # the mark of an entry there: flags are 8 bytes behind it, its size 24


def flip(content: bytearray, place: int, bits: int) -> None:
    content[place] ^= bits


SPOILED: dict[str, tuple[Callable[[bytearray], object], str]] = {
    "empty": (lambda c: c.clear(), "no readable zip archive"),
    "text": (lambda c: c.__init__(b"no zip at all"), "no readable zip archive"),
    "cut short": (lambda c: c.__delitem__(slice(-30, None)), "no readable zip archive"),
    "another byte": (
        lambda c: flip(c, c.index(b"train_new/1.png") + 35, 0xFF),
        r"train_new/1\.png in .* is damaged",
    ),
    "no header": (lambda c: flip(c, 0, 1), "local header is missing"),
    "another name": (
        lambda c: flip(c, c.index(b"train_new/1.png"), 1),
        "another name than the archive's directory",
    ),
    # What is there is longer, and must not be read whole: it may be any length.
    "smaller by its own words": (lambda c: flip(c, c.index(DIRECTORY) + 24, 0x40), "is damaged"),
    "encrypted": (lambda c: flip(c, c.index(DIRECTORY) + 8, 1), "is encrypted"),
}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_archive_is_told(tmp_path: Path, method: int, kind: str) -> None:
    path = write_zip(tmp_path / "train.zip", layout(LABELS), method)
    content, (spoil, sentence) = bytearray(path.read_bytes()), SPOILED[kind]
    spoil(content)
    path.write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        found = read(tmp_path)
        [found.store.read(path) for path in found.paths]


@pytest.mark.parametrize("name", ["../evil.png", "/etc/", "a/../../evil.png", "C:\\evil.png"])
def test_what_points_outside_and_unsupported_compression_are_refused(tmp_path, name: str) -> None:
    write_zip(tmp_path / "train.zip", {**layout(LABELS), name: b"x"})
    assert "points outside the archive" in complaint(tmp_path)
    write_zip(tmp_path / "train.zip", layout(LABELS), zipfile.ZIP_LZMA)
    assert "compression method 14 is not supported" in complaint(tmp_path)


def test_zip_that_declares_more_than_the_limit(tmp_path: Path, monkeypatch) -> None:
    files = {**layout(LABELS), "train_new/big.bin": bytes(100_000)}
    path = write_zip(tmp_path / "train.zip", files, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 5000
    monkeypatch.setattr(stores, "MAX_BYTES", 99_999)
    assert "more than the limit of 99,999" in complaint(tmp_path)
    monkeypatch.setattr(stores, "MAX_BYTES", 110_000)
    assert read(tmp_path).labels == LABELS


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "train.zip", layout(LABELS))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_new/0.png", b"another")
    assert "two entries named train_new/0.png" in complaint(tmp_path)
