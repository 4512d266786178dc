"""Reading: what the pad sends, a photo of 12 megapixels, and drawings in a folder."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from analysis.benchmark.arms import Arm, interleave, profile, seconds_of
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings
from netlib.answer.predictor import Predictor
from netlib.answer.reader import Reader
from netlib.picture.digit import trace
from netlib.picture.load import WORKING_SIDE, as_picture
from netlib.picture.number import DigitBox, digits_from_ink, find_digits

PAD_SIDE, PHOTO = 280, (4000, 3000)
PAD_MS, PHOTO_SHARE, READ_SPEED = 0.5, 1.3, 500
DECODING, READING = "decoding", "decoding and reading"
REDUCED = "photo, times its reduced decode"
ARM = "ours, 1 thread"


def run(settings: Settings) -> list[Row]:
    """The pad's pictures, a photo against Pillow's reduced decode, and drawings with networks."""
    digits = settings.digits("test")[0][: settings.choose(20, 200)]
    arms = {"ours": Arm(make, (digits, settings.choose(0.05, 0.3)))}
    cases = [(kind, what) for kind in ("pad", "photo") for what in (DECODING, READING)]
    results = interleave(arms, cases, settings.choose(2, 7))
    times = {case: results["ours", case] for case in cases}
    rows = [row(f"{kind}, {what}", ARM, [1e3 * s for s in times[kind, what]], "ms")
            for kind, what in cases]  # fmt: skip
    alone = [1e3 * (both - first) for first, both in
             zip(times["pad", DECODING], times["pad", READING], strict=True)]  # fmt: skip
    why = {kind: partial(profile, arms["ours"], (kind, READING)) for kind in ("pad", "photo")}
    shares = ratios(times["photo", READING], times["photo", DECODING])
    return [
        *rows,
        row("pad, reading alone", ARM, alone, "ms", at_most=PAD_MS, why=why["pad"]),
        row(REDUCED, ARM, shares, "×", at_most=PHOTO_SHARE, why=why["photo"]),
        _folder(settings, digits),
    ]


def _folder(settings: Settings, digits: np.ndarray) -> Row:
    drawings = [png(digit) for digit in digits]
    reading = Arm(make_reader, (settings.checkpoints, drawings, settings.choose(0.05, 1.0)))
    times = interleave({"read": reading}, [""], settings.choose(2, 7))["read", ""]
    return row(
        "drawings read by both networks",
        ARM,
        [1 / seconds for seconds in times],
        "a second",
        at_least=READ_SPEED,
        why=partial(profile, reading, ""),
    )


def make_reader(
    checkpoints: Mapping[str, Path], drawings: Sequence[bytes], seconds: float
) -> Callable[[str], float]:
    """The demo's own way from a picture to both answers: processor seconds, on one thread."""
    reader = Reader(Predictor(checkpoints, threads=1))
    reader.read(drawings[0])  # warm-up

    def processor_seconds(_: str) -> float:
        calls, end, start = 0, time.perf_counter() + seconds, time.process_time()
        while not calls or time.perf_counter() < end:
            for drawing in drawings:
                reader.read(drawing)
            calls += len(drawings)
        return (time.process_time() - start) / calls

    return processor_seconds


def make(digits: np.ndarray, seconds: float) -> Callable[[tuple[str, str]], float]:
    """An arm: seconds a picture. digits: uint8 (n, 28, 28), white on black."""
    drawings = [png(digit) for digit in digits]
    shot = photo(digits[0])
    work = {
        ("pad", DECODING): lambda: [as_picture(drawing) for drawing in drawings],
        ("pad", READING): lambda: [read_drawing(drawing) for drawing in drawings],
        ("photo", DECODING): lambda: reduced(shot),
        ("photo", READING): lambda: find_digits(shot),
    }
    counts = {"pad": len(drawings), "photo": 1}
    return lambda case: seconds_of(work[case], seconds) / counts[case[0]]


def png(digit: np.ndarray) -> bytes:
    """A drawing as the pad sends it: RGBA, black on white, 280 pixels wide."""
    ink = Image.fromarray(digit).resize((PAD_SIDE, PAD_SIDE), Image.Resampling.BICUBIC)
    return saved(ImageOps.invert(ink).convert("RGBA"), "PNG")


def read_drawing(drawing: bytes) -> list[DigitBox]:
    """The digits of what is drawn on the pad."""
    sketch = trace(drawing, drawn=True)
    return digits_from_ink(sketch.found, cut=sketch.cut)


def photo(digit: np.ndarray) -> bytes:
    """The digit on a sheet with uneven light and a camera's noise, as a JPEG."""
    width, height = PHOTO
    ink = Image.fromarray(digit).resize((height // 2, height // 2), Image.Resampling.BICUBIC)
    sheet = Image.new("L", PHOTO)
    sheet.paste(ink, (width // 4, height // 4))
    light = np.linspace(0.75, 1, width, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 4, (height, width)).astype(np.float32)
    grey = np.asarray(ImageOps.invert(sheet), np.float32) * light * 0.9 + noise
    return saved(Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB"), "JPEG")


def saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=90)
    return buffer.getvalue()


def reduced(data: bytes) -> None:
    """Pillow's own decode at the size that is worked on."""
    image = Image.open(io.BytesIO(data))
    image.draft(None, (WORKING_SIDE, WORKING_SIDE))
    image.load()
