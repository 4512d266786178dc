"""Attack every door with what is damaged, odd or too large, and print what came of it.

python tests/attacks.py [--rounds 1.0] [--only pictures]

Everything is made here, from seeds. An attack ends in a result or in one sentence; what else is
raised is listed, and the exit status is then 1. Not collected by pytest, which has a light
representative of each row:

row                                here          in the tests: test_...
damaged pictures, every format     pictures      hostile_pictures, decode
gratings, dots                     gratings      hostile_pictures
cost of one picture                costs         hostile_pictures (memory, work)
damaged data sets                  data_sets     spellings, layout, imports
odd checkpoints                    checkpoints   checkpoint, predictor, demo
devices, pipes, sizes, rights                    spellings
columns, lying zips, record.json                 spellings, layout, main
leftovers of the dead                            files, training, serving, sweep, family
mistakes over the API                            serving, demo
32 clients                         load.py       serving
names                                            demo, any_networks, course, compare, own
names in a PDF                                   compare, own, submission
links, slow bodies, other origins  load.py       serving, page
"""

import argparse
import contextlib
import logging
import random
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from helpers_data import encoded, png, write_folder
from PIL import Image, ImageDraw
from test_checkpoint import METADATA, tiny
from test_hostile_pictures import dots, grating
from test_spellings import DAMAGED, damage

from netlib.answer import Predictor
from netlib.data import DataError
from netlib.data.imports import IMPORTS
from netlib.nets import load_network, save_network
from netlib.nets.saved import CheckpointError
from netlib.picture.load import FORMATS, ImageError
from netlib.picture.number import find_digits

ROOT = Path(__file__).parents[1]
CPU_SECONDS, MEGABYTES = 2.0, 300
Attack = Callable[[], object]


def main() -> int:
    attacks = {f.__name__: f for f in (pictures, gratings, data_sets, checkpoints)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=float, default=1.0, help="times the usual number")
    parser.add_argument("--only", choices=(*attacks, "costs"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow's, of what it reads past
    logging.disable()
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in [args.only] if args.only in attacks else [] if args.only else attacks:
            missed += report(name, attacks[name](args.rounds, Path(scratch)))
        if args.only in (None, "costs"):
            missed += costs(Path(scratch))
    return 1 if missed else 0


def report(name: str, attempts: Iterator[tuple[str, Attack]]) -> int:
    """Carry out the attempts, print their ends; how many ended in neither answer nor sentence."""
    ends: Counter[str] = Counter()
    for title, attack in attempts:
        try:
            attack()
            ends["answered"] += 1
        except (ImageError, DataError, CheckpointError) as error:
            one_sentence = "\n" not in str(error) and len(str(error)) < 900
            ends["told" if one_sentence else f"no sentence: {title}: {error}"] += 1
        except Exception as error:
            ends[f"{title}: {error!r}"] += 1
    wrong = {end: count for end, count in ends.items() if end not in ("answered", "told")}
    print(f"{name}: {ends.total()} tried, {ends['answered']} answered, {ends['told']} told, "
          f"{sum(wrong.values())} of another end {wrong or ''}", flush=True)  # fmt: skip
    return sum(wrong.values())


def pictures(rounds: float, scratch: Path) -> Iterator[tuple[str, Attack]]:
    """4,900 damaged files, of each format and mode that Pillow writes."""
    rng = random.Random(0)
    page = Image.new("L", (40, 36), 255)
    ImageDraw.Draw(page).line([(18, 6), (18, 30)], 0, 4)
    files = []
    for file_format in FORMATS:
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F"):
            if (file_format, mode) == ("PNG", "I"):  # as I;16, which has its own turn
                continue
            with contextlib.suppress(OSError, ValueError):  # not written in this mode
                files.append((f"{file_format} {mode}", encoded(page.convert(mode), file_format)))
    for number in range(int(4900 * rounds)):
        title, content = files[number % len(files)]
        broken = damage(content, rng) or b"?"
        yield title, lambda broken=broken: read(broken)


def gratings(rounds: float, scratch: Path) -> Iterator[tuple[str, Attack]]:
    """900 gratings and dot patterns."""
    rng = random.Random(0)
    for _ in range(int(900 * rounds)):
        kind = rng.choice(["upright", "level", "slanted", "checks", "dots"])
        size = rng.choice([(400, 10), (640, 16), (1280, 32), (200, 200), (33, 500), (700, 700)])
        period = rng.randint(1, 24)
        picture = dots(*size, period) if kind == "dots" else grating(*size, period, kind)
        yield f"{kind} {size} {period}", lambda picture=picture: read(picture)


def read(picture: bytes | np.ndarray) -> None:
    find_digits(picture, lambda images: np.full(len(images), 0.5))


def data_sets(rounds: float, scratch: Path) -> Iterator[tuple[str, Attack]]:
    """1,000 damaged data sets of every kind that is imported."""
    rng = random.Random(0)
    for number in range(int(1000 * rounds)):
        kind = list(DAMAGED)[number % len(DAMAGED)]
        files = dict(DAMAGED[kind])
        name = rng.choice(list(files))
        files[name] = damage(files[name], rng)
        path = write_folder(scratch / str(number), files)
        source = path / name if len(files) == 1 else path

        def attack(kind: str = kind, source: Path = source) -> None:
            for split in IMPORTS[kind](source, 0).splits.values():
                for index in range(len(split.labels)):
                    assert split.images[index].size

        yield kind, attack


def checkpoints(rounds: float, scratch: Path) -> Iterator[tuple[str, Attack]]:
    """2,002 loads of changed checkpoints, in the library and in the predictor."""
    rng = random.Random(0)
    rule = {"no_digit": {"score": "energy", "threshold": -3.5}}
    whole = save_network(tiny(), scratch / "whole.safetensors", {**METADATA, **rule}).read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    path = scratch / "damaged.safetensors"

    def answer() -> None:
        images = np.zeros((1, 1, 8, 8), np.float32)
        answer = Predictor({"a": path}, threads=1).predict(images)["a"]
        assert np.isfinite(answer.probabilities).all()

    for number in range(int(1001 * rounds)):
        changed = bytearray(whole)
        if number % 3 == 0:  # characters of the header
            for _ in range(rng.randint(1, 4)):
                changed[rng.randrange(8, header)] = rng.choice(b'0123456789{}[],:"-e.\\tfn')
        elif number % 3 == 1:
            changed = bytearray(damage(whole, rng))
        else:  # a page, or a bit of the weights
            start = rng.randrange(header, len(changed))
            changed[start : start + 64] = bytes(len(changed[start : start + 64]))
        path.write_bytes(changed)
        yield "library", lambda: load_network(path)
        yield "predictor", answer


# --- Cost of one picture ------------------------------------------------------------------------

CHILD = """
import sys, time
import cv2
from netlib.answer import Predictor, Reader
from netlib.picture.load import ImageError
cv2.setNumThreads(1)
names = ("standard", "mobilenet")
paths = {name: f"checkpoints/{name}.safetensors" for name in names}
reader = Reader(Predictor(paths, threads=1))
def memory(what):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what + ":")) / 1024
def read(path):
    try:
        reader.read(path)
    except (ImageError, ValueError) as error:
        return str(error)
    return "read"
read(sys.argv[1])
open("/proc/self/clear_refs", "w").write("5")
before, start = memory("VmRSS"), time.process_time()
end = read(sys.argv[2])
print(time.process_time() - start, memory("VmHWM") - before, end)
"""


def costs(scratch: Path) -> int:
    """Processor time and memory above an idle process of each costly picture (Linux)."""
    missed, first = 0, scratch / "first.png"
    Image.new("L", (200, 200), 255).save(first)
    for title, data in costly().items():
        path = scratch / "costly"
        path.write_bytes(data)
        child = subprocess.run([sys.executable, "-c", CHILD, str(first), str(path)], cwd=ROOT,
                               capture_output=True, text=True, check=True)  # fmt: skip
        seconds, megabytes, end = child.stdout.strip().split(" ", 2)
        bad = float(seconds) > CPU_SECONDS or float(megabytes) > MEGABYTES
        missed += bad
        print(f"{title:24s} {float(seconds):5.2f} s {float(megabytes):4.0f} MB "
              f"{'MISSED' if bad else 'reached'}: {end[:90]}", flush=True)  # fmt: skip
    return missed


def costly() -> dict[str, bytes]:
    """Title -> file."""
    side, mega = 1280, (8000, 6250)
    rng = np.random.default_rng(0)
    bars = np.full((600, 1200), 255, np.uint8)
    for x in np.cumsum(rng.integers(4, 12, 140)) + 5:
        bars[20:580, x : x + 2] = 0
    noise = (rng.random((774, 774)) < 0.5).astype(np.uint8) * 255
    photo = Image.effect_noise(mega, 40).convert("RGB")
    ImageDraw.Draw(photo).line([(2400, 1250), (5600, 1250), (3200, 5000)], (30, 30, 60), 500)
    return {
        "20 lines": png(lines(20, side)),
        "60 lines": png(lines(60, side)),
        "bar code": png(Image.fromarray(bars)),
        "noise": png(Image.fromarray(noise)),
        "30 strokes": png(strokes(30, (320, 320), rng)),
        "60 strokes, wide": png(strokes(60, (1280, 320), rng)),
        "large JPEG": encoded(photo, "JPEG", quality=60),
        "progressive JPEG": encoded(photo, "JPEG", quality=50, progressive=True),
        "large WebP": encoded(photo.resize((4000, 3000)), "WEBP", quality=30),
        "large AVIF": encoded(photo.resize((4000, 3000)), "AVIF", quality=20),
        "floating-point TIFF": encoded(Image.new("F", mega, 0.5), "TIFF", compression="tiff_lzw"),
        "deep PNG": png(Image.new("I;16", (6800, 4990), 5)),
        "transparent PNG": png(Image.new("RGB", (4100, 4100)), transparency=(0, 0, 0)),
        "large GIF": encoded(Image.new("P", (6300, 6300)), "GIF"),
    }


def lines(count: int, side: int) -> Image.Image:
    """A page full of sevens."""
    page = Image.new("L", (side, side), 255)
    draw, height = ImageDraw.Draw(page), 0.6 * side / count
    for row in range(count):
        top = side * (row + 0.15) / count
        for x in range(10, side - 20, max(7, int(0.6 * height))):
            corners = [(x, top), (x + 0.3 * height, top), (x + 0.1 * height, top + height)]
            draw.line(corners, 0, max(1, int(height / 8)))
    return page


def strokes(count: int, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    page = Image.new("L", size, 255)
    for _ in range(count):
        points = rng.integers((0, 0), size, (6, 2))
        points = points[0] + (points - points[0]) // 6
        ImageDraw.Draw(page).line([tuple(map(int, point)) for point in points], 0, 12)
    return page


if __name__ == "__main__":
    sys.exit(main())
