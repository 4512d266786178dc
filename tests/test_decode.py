"""From encoded bytes to pixels: every image mode, other sizes, and files that are no images."""

from pathlib import Path

import numpy as np
import pytest
from helpers_data import encoded, layout, png, table, write_folder
from PIL import Image

from netlib.data import pixels as decode
from netlib.data.layout import find_split, read_table
from netlib.data.pixels import check_input_dim, decode_image, decode_table
from netlib.data.stores import DataError
from netlib.picture.digit import to_digit
from netlib.picture.load import open_image


def grey(data: bytes, side: int = 2) -> list[list[int]]:
    return np.asarray(decode_image(data, (1, side, side))).tolist()


def rgb(data: bytes, side: int = 2) -> list[list[list[int]]]:
    return np.asarray(decode_image(data, (3, side, side))).tolist()


def of_mode(mode: str, values: list) -> Image.Image:
    """A 2x2 image with these four pixels, row by row."""
    image = Image.new(mode, (2, 2))
    image.putdata(values)
    return image


# --- Modes --------------------------------------------------------------------------------------

PALETTE = of_mode("P", [0, 1, 2, 1])
PALETTE.putpalette([50, 50, 50, 255, 255, 255, 100, 100, 100])


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (of_mode("L", [0, 1, 128, 255]), {}, [[0, 1], [128, 255]]),
        (of_mode("1", [0, 1, 1, 0]), {}, [[0, 255], [255, 0]]),
        # ITU-R 601: 0.299 R + 0.587 G + 0.114 B, times 255, rounded.
        (
            of_mode("RGB", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]),
            {},
            [[76, 150], [29, 255]],
        ),
        # What is transparent is black: half-transparent white (alpha 128 of 255) is 128.
        (
            of_mode("RGBA", [(255, 255, 255, 0), (255, 255, 255, 128), (9, 9, 9, 255), (0,) * 4]),
            {},
            [[0, 128], [9, 0]],
        ),
        (of_mode("LA", [(200, 0), (200, 255), (100, 255), (0, 255)]), {}, [[0, 200], [100, 0]]),
        (PALETTE, {}, [[50, 255], [100, 255]]),
        (PALETTE, {"transparency": 1}, [[50, 0], [100, 0]]),
        (of_mode("L", [5, 9, 5, 9]), {"transparency": 9}, [[5, 0], [5, 0]]),
    ],
    ids=["L", "1", "RGB", "RGBA", "LA", "P", "transparent colour", "transparent grey"],
)
def test_every_mode_becomes_grey(image: Image.Image, options: dict, expected: list) -> None:
    assert grey(png(image, **options)) == expected


def test_rgb_images_keep_their_colours_and_16_bit_grey_is_scaled_to_8_bits() -> None:
    assert rgb(png(of_mode("RGB", [(1, 2, 3)] * 4)))[1][1] == [1, 2, 3]
    assert rgb(png(of_mode("L", [0, 7, 8, 255])))[0][1] == [7, 7, 7]
    assert rgb(png(of_mode("RGBA", [(255, 255, 255, 128)] * 4)))[0][1] == [128, 128, 128]
    # 65535 / 257 = 255; 128 is just below half a step and 129 just above.
    image = Image.fromarray(np.array([[0, 65535], [128, 129]], dtype=np.uint16))
    assert image.mode == "I;16"
    assert grey(png(image)) == [[0, 255], [0, 1]]
    assert rgb(png(image))[0][1] == [255, 255, 255]


@pytest.mark.parametrize(
    "mode, values", [("F", [0, 0.5, 1, 0]), ("F", [-7, 0, 7, -7]), ("I", [0, 70_001, 140_000, 0])]
)
def test_deep_and_floating_point_grey_is_what_the_app_reads(mode: str, values: list) -> None:
    data = encoded(of_mode(mode, values), "TIFF")
    assert grey(data) == [[0, 128], [255, 0]] == np.asarray(open_image(data)).tolist()


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG"])
def test_other_formats_are_read(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    pixels = np.array(grey(encoded(of_mode("L", [200] * 4), kind, **options)))
    assert abs(pixels - 200).max() <= 1


def test_the_first_frame_of_an_animation_is_taken_and_camera_orientation_applied() -> None:
    frames = [of_mode("L", [value] * 4) for value in (10, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert grey(data) == [[10, 10], [10, 10]]
    # Orientation 3: the camera was held upside down.
    exif = Image.Exif()
    exif[0x0112] = 3
    image = of_mode("L", [0, 50, 100, 150])
    assert grey(encoded(image, "TIFF", exif=exif)) == [[150, 100], [50, 0]]


# --- Sizes --------------------------------------------------------------------------------------


def test_larger_images_are_reduced_with_anti_aliasing_and_others_stretched() -> None:
    """A checkerboard of single pixels has no place at half the size: all becomes grey."""
    board = (np.indices((16, 16)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = np.array(grey(png(board), side=8))[1:-1, 1:-1]
    assert abs(pixels - 127.5).max() < 2
    image = Image.new("L", (1, 3), 77)
    assert np.asarray(decode_image(png(image), (1, 4, 6))).tolist() == [[77] * 6] * 4


def test_too_many_pixels_and_numbers_that_are_not_finite_are_refused(monkeypatch) -> None:
    with pytest.raises(ValueError, match="not finite"):
        grey(encoded(of_mode("F", [0.5, np.nan, 0, 1]), "TIFF"))
    monkeypatch.setattr(decode, "MAX_PIXELS", 3)
    with pytest.raises(ValueError, match="2x2 pixels, limit 3"):
        grey(png(of_mode("L", [0] * 4)))


@pytest.mark.parametrize("shape", [(28, 28), (1, 0, 28), (1, 28, -1), (1, 28.0, 28)])
def test_input_dim_that_is_no_shape(shape: tuple) -> None:
    with pytest.raises(DataError, match="three positive integers"):
        check_input_dim(shape)
    with pytest.raises(DataError, match=r"channels: got 4, expected 1 \(grey\) or 3 \(RGB\)"):
        check_input_dim((4, 28, 28))


# --- Whole tables -------------------------------------------------------------------------------


def read(path: Path):
    return read_table(find_split(path, "train"), 10)


def test_a_table_is_decoded_in_its_order_with_channels_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(decode, "_BLOCK", 3)
    found = read(write_folder(tmp_path, layout([0] * 8)))
    for workers in (1, 4):
        monkeypatch.setattr(decode, "_workers", lambda table, workers=workers: workers)
        images = decode_table(found, (1, 28, 28))
        assert images.shape == (8, 1, 28, 28)
        assert images.dtype == np.uint8
        assert images[:, 0, 5, 9].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    image = of_mode("RGB", [(1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12)])
    files = {"colour/train/0.png": png(image), "colour/train.csv": table(["0.png"], [0])}
    images = decode_table(read(write_folder(tmp_path, files) / "colour"), (3, 2, 2))
    assert images.tolist() == [[[[1, 4], [7, 10]], [[2, 5], [8, 11]], [[3, 6], [9, 12]]]]


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"plain text", png(np.zeros((28, 28), np.uint8))[:-30]],
    ids=["empty", "header of a GIF", "header of a PNG", "text", "cut short"],
)
def test_unreadable_image_is_named(tmp_path: Path, content: bytes) -> None:
    files = {**layout([0, 1, 2]), "train_new/1.png": content}
    with pytest.raises(DataError, match=r"train_new/1\.png") as caught:
        decode_table(read(write_folder(tmp_path, files)), (1, 28, 28))
    assert "BytesIO" not in str(caught.value)


# --- The demo's path ----------------------------------------------------------------------------


def drawing(side: int = 100) -> Image.Image:
    """Dark on light: a vertical bar, as a drawing pad makes it."""
    pixels = np.full((side, side), 255, dtype=np.uint8)
    pixels[20:80, 10:20] = 0
    return Image.fromarray(pixels)


def test_sketch_takes_every_picture_along_the_demos_path(tmp_path: Path) -> None:
    files = {"train/0.png": png(drawing()), "train.csv": table(["0.png"], [1])}
    images = decode_table(read(write_folder(tmp_path, files)), (1, 28, 28), preprocess="sketch")
    expected = to_digit(png(drawing()))
    assert expected is not None
    assert abs(images[0] / 255 - expected).max() <= 0.5 / 255 + 1e-6
    assert images[0, 0, 14].max() > 200 and images[0, 0, 0].max() == 0
    write_folder(tmp_path, {"train/0.png": png(Image.new("L", (50, 50), 255))})  # an empty page
    empty = decode_table(read(tmp_path), (3, 28, 28), preprocess="sketch")
    assert empty.shape == (1, 3, 28, 28) and not empty.any()


def test_sketch_refuses_unreadable_pictures_and_other_sizes(tmp_path: Path) -> None:
    files = {**layout([0, 1]), "train_new/1.png": b"nothing"}
    found = read(write_folder(tmp_path, files))
    with pytest.raises(DataError, match=r"train_new/1\.png"):
        decode_table(found, (1, 28, 28), preprocess="sketch")
    with pytest.raises(DataError, match="28x28"):
        decode_table(found, (1, 32, 32), preprocess="sketch")
    with pytest.raises(DataError, match="one of none, sketch"):
        decode_table(found, (1, 28, 28), preprocess="magic")
