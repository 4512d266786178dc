"""Visitors: from pen-up to both answers in a browser, and a drawing beside eight with heavy work.

Those eight run at the lowest priority: in truth, visitors bring processors of their own.
"""

import asyncio
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import httpx
from PIL import Image, ImageDraw

from analysis import screenshots
from analysis.benchmark.photos import png, saved
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.serving import DEMO, Server, payload, started
from analysis.benchmark.settings import Settings
from netlib.errors import WorkError

PEN_UP_MS, SLOWDOWN = 40, 2.0
HEAVY, BATCH, PIXELS = 8, 200, (8000, 6250)
KINDS = {"batches": f"batches of {BATCH} pictures", "photos": "50-megapixel pictures"}
PAUSE = 0.2  # seconds between a visitor's heavy requests
WAITING = 120  # seconds for an answer


def run(settings: Settings) -> list[Row]:
    """Milliseconds from pen-up to the answers, and how much heavy visitors slow a drawing."""
    picture = png(settings.digits("test")[0][0])
    rounds, seconds = settings.choose((2, 2.0), (5, 6.0))
    with started(DEMO, settings, picture) as demo:
        rows = pen_up(demo, settings.choose(10, 60))
        for kind in KINDS:
            rows += ninth(demo, picture, kind, rounds, seconds)
    return rows


def pen_up(demo: Server, drawings: int) -> list[Row]:
    """From the pen's last event to both answers, on the page in headless Chromium."""
    try:
        with screenshots.browsing() as browser:
            times = screenshots.measure(browser, demo.url, drawings)
    except (ImportError, WorkError) as error:  # `make test` installs Playwright, but no browser
        print(f"Pen-up to both answers is not measured: {error}")
        return []
    cuts = statistics.quantiles(times, n=10, method="inclusive")
    why = (
        f"a tenth took less than {cuts[0]:.0f} ms, a tenth more than {cuts[-1]:.0f}: those that "
        "wait for the answer to the drawing of a moment before."
    )
    return [row("pen-up to both answers", DEMO, times, "ms", at_most=PEN_UP_MS, why=why)]


def ninth(demo: Server, picture: bytes, kind: str, rounds: int, seconds: float) -> list[Row]:
    """A visitor's drawing beside eight who send one heavy thing again and again, and alone."""
    context = get_context("spawn")
    alone, beside = [], []
    with ProcessPoolExecutor(1, context, initializer=os.nice, initargs=(19,)) as pool:
        for _ in range(rounds):
            alone.append(drawing(demo, picture, seconds / 2))
            others = pool.submit(crowd, demo.url, kind, picture, seconds)
            time.sleep(seconds / 2)  # they are all at it
            beside.append(drawing(demo, picture, seconds / 2))
            answered = others.result()
    was, became = (1e3 * statistics.median(times) for times in (alone, beside))
    why = f"{was:.1f} ms became {became:.1f}; in the last round the eight had {answered} answers."
    what = f"a drawing beside eight who send {KINDS[kind]}, times alone"
    return [row(what, DEMO, ratios(beside, alone), "×", at_most=SLOWDOWN, why=why)]


def drawing(demo: Server, picture: bytes, seconds: float) -> float:
    """Median seconds of a drawing's answer, with a moment's pause between them."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    with httpx.Client(base_url=demo.url, timeout=WAITING, trust_env=False) as client:
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            client.post("/predict", content=picture).raise_for_status()
            times.append(time.perf_counter() - start)
            time.sleep(0.05)
    return statistics.median(times)


def crowd(url: str, kind: str, picture: bytes, seconds: float) -> int:
    """How many answers eight visitors get; one who is told that it is too much comes again."""
    shot = photo() if kind == "photos" else b""
    end = time.perf_counter() + seconds

    async def visitor() -> int:
        answered = 0
        async with httpx.AsyncClient(base_url=url, timeout=WAITING, trust_env=False) as client:
            files = [("files", (f"{number}.png", picture)) for number in range(BATCH)]
            while time.perf_counter() < end:
                if kind == "photos":
                    answer = await client.post("/predict", content=shot)
                else:
                    sent = await client.post("/gradio_api/upload", files=files)
                    paths = [payload(path)["data"][0] for path in sent.raise_for_status().json()]
                    body = {**payload(""), "data": [paths]}
                    answer = await client.post("/gradio_api/run/predict_batch", json=body)
                answered += answer.status_code == 200
                await asyncio.sleep(PAUSE)
        return answered

    async def together() -> int:
        return sum(await asyncio.gather(*(visitor() for _ in range(HEAVY))))

    return asyncio.run(together())


def photo() -> bytes:
    """A JPEG of 50 megapixels: a digit on paper."""
    image = Image.effect_noise(PIXELS, 20).convert("RGB")
    ImageDraw.Draw(image).line([(2500, 1500), (5500, 1500), (3500, 5000)], (30, 30, 60), 500)
    return saved(image, "JPEG")
