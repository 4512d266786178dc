"""The one loader: what people upload, and what they get told."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_data import encoded, png, png_head
from PIL import Image

from netlib.picture.load import (
    DAMAGED,
    WORKING_PIXELS,
    WORKING_SIDE,
    ImageError,
    as_picture,
    is_first_of_several,
    open_image,
    reduction,
    to_levels,
)

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")


def bar(paper: Any = 255, ink: Any = 0, mode: str = "L") -> Image.Image:
    """40 pixels wide, 60 high, an upright bar of ink in columns 16 to 23."""
    picture = Image.new(mode, (40, 60), paper)
    picture.paste(ink, (16, 10, 24, 50))
    return picture


def tones(picture: Image.Image) -> tuple[float, float]:
    """Tone at the left edge and in the middle, of 1."""
    grey = to_levels(picture) / 255
    return float(grey[30, 2]), float(grey[30, 20])


# --- Formats and modes --------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_is_read(file_format: str) -> None:
    picture = open_image(encoded(bar(), file_format))
    assert picture.size == (40, 60)
    assert tones(picture) == pytest.approx((1, 0), abs=0.05)


def test_a_path_its_text_bytes_and_an_open_file_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bar.png"
    path.write_bytes(png(bar()))
    with path.open("rb") as file:
        pictures = [open_image(source) for source in (path, str(path), path.read_bytes(), file)]
    assert len({picture.tobytes() for picture in pictures}) == 1


@pytest.mark.parametrize("file_format", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_many_frames_the_first_is_read(file_format: str) -> None:
    frames = {"save_all": True, "append_images": [bar(0, 255)]}
    film = encoded(bar(), file_format, **frames)
    assert tones(open_image(film)) == pytest.approx((1, 0), abs=0.1)
    assert is_first_of_several(film)
    assert not is_first_of_several(encoded(bar(), file_format))
    assert not is_first_of_several(b"no picture")


def test_a_photo_is_turned_as_its_exif_data_says() -> None:
    stored = Image.new("L", (60, 40), 255)
    stored.paste(0, (0, 0, 60, 10))  # black along the top
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to show"
    turned = open_image(encoded(stored, "JPEG", exif=exif))
    assert turned.size == (40, 60)
    grey = to_levels(turned) / 255
    assert grey[:, -5:].max() < 0.1 < 0.9 < grey[:, :25].min()  # black along the right


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_every_colour_mode_becomes_grey_or_rgb(mode: str) -> None:
    source = bar() if mode == "I;16" else bar().convert(mode)
    if mode == "I;16":
        source = Image.fromarray(np.asarray(bar()).astype(np.uint16) * 257)
    picture = as_picture(source)
    assert picture.mode in ("L", "RGB")
    assert tones(picture) == pytest.approx((1, 0), abs=0.02)


def test_deep_and_floating_point_grey_is_stretched_and_fractions_keep_their_tone() -> None:
    twelve_bits = np.full((60, 40), 4000, np.uint16)
    twelve_bits[10:50, 16:24] = 1000
    for file_format in ("PNG", "TIFF"):
        picture = open_image(encoded(Image.fromarray(twelve_bits), file_format))
        assert tones(picture) == (1, 0)
    values = np.asarray(bar()).astype(np.float32) / 255
    for scale, offset in ((1, 0), (100, 0), (2, -1), (1e-3, 7)):
        picture = open_image(encoded(Image.fromarray(values * scale + offset), "TIFF"))
        assert tones(picture) == (1, 0)
    assert np.asarray(as_picture(np.full((4, 4), 0.2))).tolist() == [[51] * 4] * 4


# --- Transparency and colour ----------------------------------------------------------------------


@pytest.mark.parametrize("ink", [0, 60, 200, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pictures_keep_their_ink_in_sight(mode: str, ink: int) -> None:
    bands = len(mode) - 1
    clear = (0,) * (bands + 1)  # as editors save it: black, and transparent
    picture = bar(clear, (ink,) * bands + (255,), mode)
    left, middle = tones(open_image(encoded(picture, "PNG")))
    assert middle == pytest.approx(ink / 255, abs=0.01)
    assert left == (1 if ink < 128 else 0)


def test_transparent_sheets_and_inks_are_mixed_with_their_background() -> None:
    picture = Image.new("P", (40, 60), 0)
    picture.putpalette([0, 0, 0, 0, 0, 0])  # both entries are black
    picture.paste(1, (16, 10, 24, 50))
    for file_format in ("PNG", "GIF"):
        source = encoded(picture, file_format, transparency=0)
        assert tones(open_image(source)) == (1, 0)
    sheet = Image.new("LA", (40, 60), (0, 0))
    sheet.paste((240, 255), (2, 2, 38, 58))
    sheet.paste((30, 255), (16, 10, 24, 50))
    grey = to_levels(as_picture(sheet)) / 255
    assert grey[0, 0] == pytest.approx(240 / 255)
    assert grey[30, 20] == pytest.approx(30 / 255)
    assert as_picture(Image.new("RGBA", (5, 5), (0, 0, 0, 0))).getextrema() == ((255, 255),) * 3
    assert tones(as_picture(bar((0, 0), (0, 128), "LA")))[1] == pytest.approx(127 / 255, abs=0.01)


@pytest.mark.parametrize(
    "paper, ink",
    [((255, 255, 255), (255, 255, 0)), ((76, 150, 29), (255, 58, 29)), ((255, 0, 0), (0, 130, 0))],
)
def test_colours_of_the_same_brightness_stay_apart(paper: Any, ink: Any) -> None:
    picture = as_picture(bar(paper, ink, "RGB"))
    left, middle = tones(picture)
    assert abs(left - middle) > 0.4
    falling = np.linspace(1.0, 0.3, picture.width)[:, None]  # as the light of a room
    levels = to_levels(Image.fromarray((np.asarray(picture) * falling).astype(np.uint8))) / 255
    row, at = levels[picture.height // 2], picture.width // 2
    assert abs(row[at] - levels[0, at]) > 0.4 * falling[at, 0]


# --- Size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_large_pictures_are_reduced(file_format: str) -> None:
    picture = open_image(encoded(bar().resize((1600, 2400)), file_format))
    assert max(picture.size) <= WORKING_SIDE
    assert picture.width * picture.height == pytest.approx(WORKING_PIXELS, rel=0.01)
    assert picture.width / picture.height == pytest.approx(2 / 3, abs=0.002)
    grey = to_levels(picture) / 255
    assert grey[picture.height // 2, picture.width // 2] < 0.05


def test_reduction_tells_how_many_pixels_became_one_and_a_line_stays_a_picture() -> None:
    assert as_picture(np.zeros((1, 9000), np.uint8)).size == (WORKING_SIDE, 1)
    for image in (np.zeros((50, 2 * WORKING_SIDE, 3)), Image.new("L", (2 * WORKING_SIDE, 50))):
        assert reduction(image, as_picture(image)) == 2
    small = torch.zeros(3, 8, 9)
    assert reduction(small, as_picture(small)) == 1


# --- Arrays and tensors -------------------------------------------------------------------------


def test_arrays_and_tensors_of_any_layout_are_the_same_picture() -> None:
    grey = np.asarray(bar())
    colour = np.stack([grey] * 3, axis=-1)
    images = [
        grey,
        grey[:, :, None],
        grey[None],
        colour,
        colour.transpose(2, 0, 1),
        grey / 255,
        grey > 0,
        grey.astype(np.int64),
        np.dstack([grey, np.full_like(grey, 255)]),
        torch.from_numpy(grey.copy()),
        torch.from_numpy(grey / np.float32(255))[None].requires_grad_(),
        torch.from_numpy(grey / 255).bfloat16(),
    ]
    for image in images:
        assert tones(as_picture(image)) == (1, 0)


@pytest.mark.parametrize(
    "image, sentence",
    [
        (np.zeros(5), r"got \(5,\)"),
        (np.zeros((2, 1, 8, 8)), r"got \(2, 1, 8, 8\)"),
        (np.zeros((8, 8, 5)), r"got \(8, 8, 5\)"),
        (np.zeros((0, 8)), "no pixels"),
        (np.full((8, 8), np.nan), "not finite"),
        (torch.full((8, 8), torch.inf), "not finite"),
        (np.zeros((8, 8), complex), "complex"),
        (np.array([["a"]]), "needs numbers"),
        (None, "got NoneType"),
        (7, "got int"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(image: Any, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence) as caught:
        as_picture(image)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


# --- Refused files ------------------------------------------------------------------------------


def test_missing_files_folders_and_lazily_opened_damage_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, "a\0b"):
        with pytest.raises(ImageError, match="Cannot read the picture"):
            open_image(path)
    content = png(bar())
    with pytest.raises(ImageError, match="damaged or cut short"):
        as_picture(Image.open(io.BytesIO(content[:80])))


READ = "no picture in PNG, JPEG, WebP, AVIF, BMP, GIF or TIFF"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"just some text", READ),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", READ),
        (b"%PDF-1.7\n", READ),
        *((encoded(bar(), kind), "convert it") for kind in ("PPM", "ICO", "TGA", "PCX")),
    ],
)
def test_other_files_are_refused_by_the_formats_that_are_read(content, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        open_image(content)


def test_files_with_too_many_bytes_are_refused_unread(monkeypatch) -> None:
    content = encoded(bar(), "BMP")
    monkeypatch.setattr("netlib.picture.load.MAX_BYTES", len(content))
    assert open_image(content).size == (40, 60)
    monkeypatch.setattr("netlib.picture.load.MAX_BYTES", 100)
    for source in (content, io.BytesIO(content)):
        with pytest.raises(ImageError, match="larger than 100 bytes"):
            open_image(source)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [8000, 13_000, 60_000])
def test_pictures_with_too_many_pixels_are_refused_undecoded(side: int) -> None:
    # Decoding this file would fail; its size is refused before.
    with pytest.raises(ImageError, match="more than 51,000,000"):
        open_image(png_head(side, side) + b"\0\0\0\4IDAT")
    with pytest.raises(ImageError, match="more than 2,000"):
        open_image(png(bar()), max_pixels=2000)
    assert open_image(png(bar()), max_pixels=2400).size == (40, 60)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_files_that_are_cut_short_are_refused(file_format: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 40), np.uint8))
    content = encoded(noise, file_format)
    with pytest.raises(ImageError) as caught:
        open_image(content[: int(share * len(content))])
    assert str(caught.value) == DAMAGED or "no picture in" in str(caught.value)
