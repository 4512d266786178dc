"""Encoded image bytes -> uint8 pixels of one fixed shape."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from netlib.layout import DataError, Table

InputDim = tuple[int, int, int]

MAX_PIXELS = 50_000_000  # of one encoded image: checked before its pixels are decoded
_MODES = {1: "L", 3: "RGB"}
# What Pillow's format plugins raise on damaged files.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def check_input_dim(input_dim: Sequence[int]) -> InputDim:
    """`input_dim` as a tuple (channels, height, width).

    Raises:
        DataError: it has not three positive integers, or neither one nor three channels.
    """
    if len(input_dim) != 3 or any(not isinstance(n, int) or n < 1 for n in input_dim):
        raise DataError(
            f"input_dim is {tuple(input_dim)}, but must be three positive integers: "
            "channels, height, width."
        )
    channels, height, width = input_dim
    if channels not in _MODES:
        raise DataError(
            f"input_dim {tuple(input_dim)} has the wrong number of channels: got {channels}, "
            "expected 1 (grey) or 3 (RGB)."
        )
    return channels, height, width


def decode_table(table: Table, input_dim: InputDim, *, progress: bool = False) -> np.ndarray:
    """Every image of the table, decoded once.

    Returns:
        uint8 array (N, C, H, W), values as stored in the files.

    Raises:
        DataError: an image cannot be read.
    """
    images = np.empty((len(table), *input_dim), dtype=np.uint8)
    for index in tqdm(range(len(table)), desc="decoding", unit="image", disable=not progress):
        try:
            images[index] = decode_image(table.read(index), input_dim)
        except _DECODE_ERRORS as error:
            if isinstance(error, DataError):
                raise
            name = f"{table.folder}/{table.names[index]}"
            raise DataError(
                f"{name} in {table.store.path} is no readable image: {error}"
            ) from error
    return images


def decode_image(data: bytes, input_dim: InputDim) -> np.ndarray:
    """Decodes one image to `input_dim`.

    Transparent areas become background (black: ink is bright in these data sets), colours become
    grey by ITU-R 601 luma, 16-bit grey is scaled to 8 bits, another size is resized with
    anti-aliasing, the aspect ratio given up. Of an animation, the first frame is taken.

    Returns:
        uint8 array (C, H, W).

    Raises:
        One of Pillow's errors, or ValueError, if the bytes are no image that can be read.
    """
    channels, height, width = input_dim
    image: Image.Image = Image.open(io.BytesIO(data))
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"it has {image.width}x{image.height} pixels, limit {MAX_PIXELS:,}")
    if image.format != "PNG":  # cameras record their orientation in JPEG and TIFF files
        ImageOps.exif_transpose(image, in_place=True)
    image = _to_mode(image, _MODES[channels])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels if channels == 1 else pixels.transpose(2, 0, 1)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, which have no stated range")
    if image.mode.startswith("I"):
        image = _from_16_bit(image)
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert(mode)


def _from_16_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels are outside the 16-bit range")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))  # 257 = 65535 / 255
