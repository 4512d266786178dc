"""Encoded image bytes -> uint8 pixels of one fixed shape."""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile
from torch import Tensor
from tqdm import tqdm

from netlib.data.layout import Table
from netlib.data.stores import DataError, Store
from netlib.picture.digit import SIDE, to_digit
from netlib.picture.load import FORMATS, MAX_PIXELS, stretch

InputDim = tuple[int, int, int]
Reader = Callable[[bytes], Image.Image]

PREPROCESSES = ("none", "sketch")
DARK_ON_LIGHT = (
    "dark ink on a light page, and the networks read light ink on dark as MNIST has it: read them "
    'with preprocess="sketch" (--preprocess sketch), in training and testing.'
)
_BLOCK = 256  # images decoded by one thread at a time
_SMALL_IMAGE = 2048  # encoded bytes; below it, threads wait for the interpreter more than they work
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MODES = {1: "L", 3: "RGB"}


def check_input_dim(input_dim: Sequence[int]) -> InputDim:
    """`input_dim` as a tuple (channels, height, width), of one channel or three."""
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


def decode_table(
    table: Table, input_dim: InputDim, *, preprocess: str = "none", progress: bool = False
) -> np.ndarray:
    """Every image of the table, decoded once: uint8 (N, C, H, W) of shape `input_dim`.

    "none" keeps the images as they are stored; "sketch" takes each along the demo's path,
    `picture.to_digit`, and makes an empty page all zero.
    """
    read = _reader(input_dim, preprocess)
    channels, height, width = input_dim
    images = np.empty((len(table), *input_dim), dtype=np.uint8)
    blocks = [range(i, min(i + _BLOCK, len(table))) for i in range(0, len(table), _BLOCK)]

    def decode(block: range) -> int:
        # Pasted below one another, because handing an image to numpy costs a fifth of the time
        # that one of 28x28 takes.
        sheet = Image.new(_MODES[channels], (width, height * len(block)))
        for place, index in enumerate(block):
            image = read_image(table.store, table.paths[index], read)
            sheet.paste(image, (0, place * height))
        pixels = np.asarray(sheet).reshape(len(block), height, width, channels)
        images[block.start : block.stop] = pixels.transpose(0, 3, 1, 2)
        return len(block)

    with (
        tqdm(total=len(table), desc="decoding", unit="image", disable=not progress) as bar,
        ThreadPoolExecutor(_workers(table)) as pool,
    ):
        for count in pool.map(decode, blocks):
            bar.update(count)
    return images


def count_dark_on_light(images: Tensor, middle: float) -> int:
    """How many images (N, C, H, W) have a page lighter than `middle` with darker ink on it."""
    if not len(images):
        return 0
    flat = images.flatten(1)
    page_is_light = (flat > middle).sum(1) * 2 > flat.shape[1]
    return int((page_is_light & (flat.amin(1) < middle)).sum())


def _reader(input_dim: InputDim, preprocess: str) -> Reader:
    """The function from encoded bytes to a picture of the mode and size of `input_dim`."""
    if preprocess == "none":
        return partial(decode_image, input_dim=input_dim)
    if preprocess != "sketch":
        raise DataError(
            f"preprocess is {preprocess!r}, but must be one of {', '.join(PREPROCESSES)}."
        )
    if input_dim[1:] != (SIDE, SIDE):
        raise DataError(
            f"input_dim is {input_dim}, but preprocess 'sketch' makes images of {SIDE}x{SIDE}."
        )
    return partial(_sketch_image, mode=_MODES[input_dim[0]])


def _sketch_image(data: bytes, mode: str) -> Image.Image:
    digit = to_digit(data)
    if digit is None:
        return Image.new(mode, (SIDE, SIDE))
    return Image.fromarray(np.rint(digit[0] * 255).astype(np.uint8)).convert(mode)


def decode_image(data: bytes, input_dim: InputDim) -> Image.Image:
    """Decodes one image to the mode (L or RGB) and the size of `input_dim`.

    Transparent areas become background (black: ink is bright in these data sets), colours become
    grey by ITU-R 601 luma, deep and floating-point grey is stretched as in the app, another size
    is resized with anti-aliasing, the aspect ratio given up. Of an animation, the first frame is
    taken.

    Raises:
        Exception: of any kind, as Pillow's readers do, if the bytes are no image that can be read.
    """
    channels, height, width = input_dim
    image = open_as(data, _MODES[channels])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return image


def open_as(data: bytes, mode: str) -> Image.Image:
    """An encoded image in mode L or RGB, in its own size; see `decode_image`."""
    file = io.BytesIO(data)
    if data.startswith(_PNG_SIGNATURE):  # without a search for the format, in a tenth of the time
        image: Image.Image = PngImageFile(file)
    else:
        image = Image.open(file, formats=[*FORMATS, "PPM"])  # others run programs
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"it has {image.width}x{image.height} pixels, limit {MAX_PIXELS:,}")
    if image.format != "PNG":  # cameras record their orientation in JPEG and TIFF files
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode == mode and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(stretch(np.asarray(image)))
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert(mode)


def read_image(store: Store, name: str, read: Reader) -> Image.Image:
    """What `read` makes of a file."""
    data = store.read(name)
    try:
        image = read(data)
        image.load()  # not before its pixels are asked for is a file decoded
    except UnidentifiedImageError as error:
        raise DataError(f"{name} in {store.path} is no image of a kind that is read.") from error
    except Exception as error:  # Pillow's readers raise about any on damaged data
        raise DataError(f"{name} in {store.path} is no readable image: {error}") from error
    return image


def _workers(table: Table) -> int:
    """Threads that pay: Pillow lets go of the interpreter only within an image's pixel loops."""
    size = np.median([len(table.store.read(path)) for path in table.paths[:5]])
    return 1 if size < _SMALL_IMAGE else min(8, os.cpu_count() or 1)
