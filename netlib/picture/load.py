"""The one loader: any picture to an upright, opaque, 8-bit picture of moderate size.

    file, bytes -> size limits -> decode -> upright -> at most WORKING_SIDE -> opaque L or RGB
    PIL image, array, tensor ----------------------^

Whatever is wrong with a picture is told in one sentence, as an `ImageError`.
"""

import io
import math
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")
SEVERAL = ("PNG", "WEBP", "AVIF", "GIF", "TIFF")  # may hold; a phone's JPEG only has extras of one
FORMAT_NAMES = "PNG, JPEG, WebP, AVIF, BMP, GIF or TIFF"
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")  # after "ftyp"
DAMAGED = "The picture is damaged or cut short; save or send it again."

# A photo of the largest sensors common in phones, 50 megapixels, is still accepted.
MAX_PIXELS = 51_000_000
MAX_BYTES = 25_000_000
# Memory for that many pixels of three colours, which Pillow keeps in four bytes.
MAX_MEMORY = 4 * MAX_PIXELS
# Bytes for each pixel while it is read: what is decoded, and a copy where averaging needs one.
MEMORY = {"1": 1, "L": 1, "P": 5, "PA": 12, "LA": 8, "La": 8, "RGBA": 8, "RGBa": 8, "I;16": 6}
MEMORY_OTHERS, MEMORY_TRANSPARENT = 4, 12  # one colour may be transparent
MEMORY_WHOLE = 16  # decoded as a whole, and copied three times:
DECODED_WHOLE = ("WEBP", "AVIF")
# Each pass over a progressive JPEG costs as much as a whole one.
MAX_SCANS = 30
# Twenty digits side by side are still 64 px wide each, and a photo costs no more than a screenshot.
# A quarter of 12 megapixels' sides, to which a JPEG decodes straight, is not reduced any further.
WORKING_SIDE, WORKING_PIXELS = 1280, 760_000
# A JPEG may decode to this share of that size, rather than to twice as much.
DECODED_SHARE = 0.75

# Above this share of their own bounding box, visible pixels of two tones are paper with ink on it.
PAPER_FILL = 0.6
# Tones further apart than this (of 255) are two tones, not one with the noise of compression.
TWO_TONES = 64
# Luma may show this share of the contrast that one colour channel has; below, the channel is used.
LUMA_CONTRAST = 0.5
# It is looked for on a picture of this side, beside strokes up to this share of it; this share of
# the pixels has more.
CONTRAST_SIDE, WIDEST_STROKE, INKED = 120, 0.25, 0.002

ORIENTATION = ExifTags.Base.Orientation

# Modes whose pixels are averaged as they are.
REDUCIBLE = ("L", "RGB", "CMYK", "YCbCr", "I", "F")

Source = str | Path | bytes | BinaryIO
Picture = Source | Image.Image | np.ndarray  # or a torch tensor, read as the array that it holds


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence for the person who sent it."""


def open_image(source: Source, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read the first frame of a picture file.

    Args:
        source: path, file content or open binary file, in one of FORMATS, at most MAX_BYTES long.
        max_pixels: largest width x height, checked before anything is decoded.

    Returns:
        An opaque picture of mode "L" or "RGB", upright, its longer side at most WORKING_SIDE.

    Raises:
        ImageError: missing, too large, no picture of these formats, or damaged.
    """
    data = _read(source)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            f"The picture has more than {max_pixels:,} pixels; scale it down."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(_refusal(data)) from None
    except Exception as error:  # Pillow's readers raise about any exception on damaged data.
        raise ImageError(DAMAGED) from error
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"The picture has {image.width} x {image.height} pixels, more than "
            f"{max_pixels:,} in all; scale it down."
        )
    _check_cost(image, data)
    # JPEG decodes straight to a smaller size; other formats ignore the request.
    width, height = (math.ceil(DECODED_SHARE * side) for side in _fitting_size(image.size))
    image.draft(None, (width, height))
    return _plain(_decoded(image))


def is_first_of_several(source: Picture) -> bool:
    """Whether a file holds more pictures, pages or frames than the first, which is read."""
    if not isinstance(source, (str, Path, bytes)):
        return False
    try:
        image = Image.open(io.BytesIO(_read(source)), formats=SEVERAL)
        return bool(getattr(image, "is_animated", False))
    except Exception:  # As in `open_image`, which tells what is wrong.
        return False


def _refusal(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return (
            "The picture is HEIC, which is not read: save it as JPEG (on an iPhone: Settings, "
            "Camera, Formats, Most Compatible)."
        )
    if data.startswith(b"PK\3\4"):
        return "The file is a zip, not a picture: unpack it, or send it under Many pictures."
    return f"The file is no picture in {FORMAT_NAMES}; convert it."


def _check_cost(image: Image.Image, data: bytes) -> None:
    each = MEMORY_WHOLE if image.format in DECODED_WHOLE else MEMORY.get(image.mode, MEMORY_OTHERS)
    if "transparency" in image.info:
        each = max(each, MEMORY_TRANSPARENT)
    memory = image.width * image.height * each
    if memory > MAX_MEMORY:
        raise ImageError(
            f"The picture has {image.width} x {image.height} pixels of mode {image.mode}, too many "
            f"for {MAX_MEMORY // 1_000_000} MB of memory; scale it down."
        )
    if image.format == "JPEG" and data.count(b"\xff\xda") > MAX_SCANS:
        raise ImageError(f"The JPEG has more than {MAX_SCANS} scans; save it again.")


def as_picture(image: Picture) -> Image.Image:
    """Any picture to an opaque PIL image of mode "L" or "RGB", at most WORKING_SIDE long.

    Args:
        image: a file as in `open_image`, a PIL image, or an array or tensor of shape (H, W),
            (H, W, C) or (C, H, W) with 1 to 4 channels (grey, grey + alpha, RGB, RGBA). Bytes
            (uint8) run to 255, floating point numbers to 1; any other range is stretched.

    Raises:
        ImageError: as `open_image`; a shape that is no picture; numbers that are not finite.
    """
    if isinstance(image, Image.Image):
        return _plain(_decoded(image))
    if isinstance(image, np.ndarray) or _is_tensor(image):
        return _plain(_from_array(image))
    return open_image(image)


def reduction(image: Picture, picture: Image.Image) -> float:
    """How many pixels of `image` one pixel of `picture`, made by `as_picture(image)`, stands for.

    1 for a file: its own size is not kept.
    """
    if isinstance(image, Image.Image):
        return max(image.size) / max(picture.size)
    if isinstance(image, np.ndarray) or _is_tensor(image):
        return max(_channels_last(image).shape[:2]) / max(picture.size)
    return 1.0


def to_levels(picture: Image.Image) -> np.ndarray:
    """Mode "L" or "RGB" -> grey values (H, W) uint8.

    Luma, unless it hides what one colour channel shows: yellow ink on white, red on green.
    """
    pixels = np.asarray(picture)
    return _clearest_channel(pixels) if picture.mode == "RGB" else pixels


def _decoded(image: Image.Image) -> Image.Image:
    """The picture in memory, turned as its EXIF data says."""
    try:
        image.load()
        turned = image.getexif().get(ORIENTATION, 1) != 1
        return ImageOps.exif_transpose(image) if turned else image
    except Exception as error:  # As in `open_image`.
        raise ImageError(DAMAGED) from error


def _read(source: Source) -> bytes:
    if isinstance(source, (str, Path)):
        try:
            with open(source, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a path with a null character.
            reason = getattr(error, "strerror", None) or error
            raise ImageError(f"Cannot read the picture {source} ({reason}).") from None
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = source.read(MAX_BYTES + 1)
    else:
        raise ImageError(f"Expected a picture, got {type(source).__name__}.")
    if not data:
        raise ImageError("The picture file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"The picture file is larger than {MAX_BYTES:,} bytes; scale it down.")
    return data


def _fitting_size(size: tuple[int, int]) -> tuple[int, int]:
    """The size reduced, where needed, to WORKING_SIDE and WORKING_PIXELS."""
    width, height = size
    scale = min(1.0, WORKING_SIDE / max(size), math.sqrt(WORKING_PIXELS / (width * height)))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _plain(image: Image.Image) -> Image.Image:
    """Any mode -> "L" or "RGB", reduced to the working size, without alpha."""
    if 0 in image.size:
        raise ImageError("The picture has no pixels.")
    size = _fitting_size(image.size)
    try:
        if image.mode.startswith("I;16"):
            image = image.convert("I")
        if image.mode in REDUCIBLE and "transparency" not in image.info:
            image = _resized(image, size)  # before it is copied to another mode
        image = _resized(_eight_bit(image), size)
    except ImageError:
        raise
    except Exception as error:  # As in `open_image`: a palette may be missing.
        raise ImageError(DAMAGED) from error
    return _opaque(image) if image.mode in ("LA", "RGBA") else image


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Any mode -> "L", "LA", "RGB" or "RGBA"."""
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(stretch(np.asarray(image)))
    if image.mode in ("PA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("LA" if image.mode in ("1", "L", "La") else "RGBA")
    try:
        return image.convert("L" if image.mode == "1" else "RGB")
    except ValueError as error:
        raise ImageError(f"Pictures of colour mode {image.mode} are not supported.") from error


def stretch(values: np.ndarray) -> np.ndarray:
    """Numbers to uint8: [0, 1] in floating point as it is, anything else from minimum to maximum.

    Deep pictures (12 bits in 16, floating point of any unit) seldom fill their range.
    """
    if not np.isfinite(values).all():
        raise ImageError("The picture contains numbers that are not finite.")
    low, high = float(values.min()), float(values.max())
    if np.issubdtype(values.dtype, np.floating) and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scale = 255 / (high - low) if high > low else 0.0
    return np.rint((values.astype(np.float64) - low) * scale).astype(np.uint8)


def _is_tensor(image: Any) -> bool:
    """A torch tensor, known without importing torch."""
    return hasattr(image, "detach")


def _from_array(array: Any) -> Image.Image:
    values = _channels_last(array)
    if values.size == 0:
        raise ImageError("The picture has no pixels.")
    if values.dtype == bool:
        values = values.astype(np.float32)
    elif not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ImageError(f"A picture needs numbers, got an array of {values.dtype}.")
    if values.dtype != np.uint8:
        values = stretch(values)
    return Image.fromarray(np.ascontiguousarray(values))


def _channels_last(array: Any) -> np.ndarray:
    """(H, W), (C, H, W) or (H, W, C) -> (H, W) or (H, W, C) with C in 2, 3, 4."""
    if not isinstance(array, np.ndarray):
        array = array.float() if array.is_floating_point() else array  # NumPy has no bfloat16.
        array = array.numpy(force=True)
    values: np.ndarray = array
    if values.ndim == 3 and values.shape[2] not in (1, 2, 3, 4) and values.shape[0] in (1, 2, 3, 4):
        values = values.transpose(1, 2, 0)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (2, 3, 4)):
        return values
    raise ImageError(
        f"Expected one picture of shape (H, W), (H, W, C) or (C, H, W), got {values.shape}."
    )


def _opaque(image: Image.Image) -> Image.Image:
    """Composite "LA" or "RGBA" on the background that lets its ink be seen.

    Ink alone (one tone, or little of its bounding box filled) goes on white if dark, on black if
    light; a sheet with ink on it goes on the sheet's own tone.
    """
    *channels, alpha = cv2.split(np.asarray(image))
    faintest, _ = _range(alpha)
    if faintest == 255:
        is_grey = all(cv2.norm(channels[0], other, cv2.NORM_INF) == 0 for other in channels[1:])
        return Image.fromarray(channels[0]) if is_grey else image.convert("RGB")
    if image.mode == "RGBA" and faintest == 0 and cv2.hasNonZero(alpha):
        ranges = {_range(channel, (alpha > 0).view(np.uint8)) for channel in channels}
        low, high = ranges.pop()
        if low == high and not ranges:  # of one grey, as a pad's ink is
            return _on_blank(low, alpha)
    colour = image.convert("L" if image.mode == "LA" else "RGB")
    background = Image.new(colour.mode, colour.size, _background_colour(colour, alpha))
    background.paste(colour, mask=image.getchannel("A"))
    return background


def _on_blank(ink: int, alpha: np.ndarray) -> Image.Image:
    """Ink of one grey on the paper that shows it best."""
    paper = 0 if ink >= 128 else 255
    tones = np.rint(paper + (ink - paper) * np.arange(256) / 255).astype(np.uint8)
    return Image.fromarray(cv2.LUT(alpha, tones))


def _background_colour(colour: Image.Image, alpha: np.ndarray) -> Any:
    visible = alpha > alpha.max() / 2
    tones = np.asarray(colour.convert("L"))[visible]
    if alpha.max() and int(tones.max()) - int(tones.min()) > TWO_TONES:
        rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
        box_area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        if tones.size > PAPER_FILL * box_area:
            tone = int(np.median(tones))
            return tone if colour.mode == "L" else (tone, tone, tone)
    return "black" if alpha.max() and tones.mean() >= 128 else "white"


def _clearest_channel(pixels: np.ndarray) -> np.ndarray:
    """Luma of (H, W, 3), or the colour channel with far more contrast than luma."""
    luma, *contrasts = _contrasts(pixels)
    best = int(np.argmax(contrasts))
    if luma >= LUMA_CONTRAST * contrasts[best]:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(pixels[:, :, best])


def _contrasts(pixels: np.ndarray) -> np.ndarray:
    """Of luma and three colours, between strokes and what is around them, in any light; (4,)."""
    step = max(1, max(pixels.shape) // CONTRAST_SIDE)
    height, width = (side // step or 1 for side in pixels.shape[:2])
    whole = pixels[: height * step, : width * step]  # a whole factor is the fastest
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    tones = cv2.merge([cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), small])
    kernel = np.ones((round(WIDEST_STROKE * max(height, width)),) * 2, np.uint8)
    dark = cv2.morphologyEx(tones, cv2.MORPH_BLACKHAT, kernel)
    light = cv2.morphologyEx(tones, cv2.MORPH_TOPHAT, kernel)
    return np.quantile(np.maximum(dark, light), 1 - INKED, axis=(0, 1))


def _range(channel: np.ndarray, mask: np.ndarray | None = None) -> tuple[int, int]:
    low, high, _, _ = cv2.minMaxLoc(channel, mask)
    return int(low), int(high)
