"""The app as a visitor meets it: screenshots and a film for the README, and the delay at pen-up.

python -m analysis.screenshots [--output figures]

Starts demo.py on a free port, draws with a real mouse in headless Chromium, and stops it again.
"""

import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
from PIL import Image

from analysis.frame.children import HOST, serving
from analysis.frame.command import start
from netlib.errors import WorkError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
FLAGS = (  # Chromium refuses to run as root, as in a container, with its sandbox on
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
START_SECONDS = 90
STEPS = 6  # of the mouse between two points
HAND_PAUSE_MS = 15  # between two steps of the mouse: a stroke then takes a third of a second
FILM = "demo_film.webp"
FILM_VIEW, FILM_WIDTH = (900, 760), 640
STEP_MS, LOOK_MS = 1600, 1100  # a step of the story, and an output map, are looked at so long

Stroke = Sequence[tuple[float, float]]  # points as shares of the pad's side
DIGITS: dict[str, Sequence[Stroke]] = {
    "2": [[(0.3, 0.3), (0.4, 0.18), (0.55, 0.17), (0.66, 0.28), (0.62, 0.42), (0.45, 0.6),
           (0.3, 0.78), (0.45, 0.77), (0.72, 0.78)]],
    "4": [[(0.55, 0.15), (0.42, 0.36), (0.3, 0.56), (0.52, 0.57), (0.75, 0.55)],
          [(0.6, 0.35), (0.59, 0.6), (0.57, 0.85)]],
    "7": [[(0.27, 0.22), (0.5, 0.21), (0.72, 0.22), (0.6, 0.45), (0.45, 0.83)]],
}  # fmt: skip

# Measured in the page: from the pen's last event until the answers are those to this drawing.
WATCH = """() => {
  const pad = document.querySelector('#pad .pad'), answers = document.getElementById('answers');
  let penUp = null;
  window.addEventListener('pointerup', () => {
    penUp = performance.now();
    window.delay = null;
  }, true);
  new MutationObserver(() => {
    const shown = answers.querySelector('[data-drawing]')?.dataset.drawing;
    if (penUp === null || shown !== pad.dataset.drawing) return;
    window.delay = performance.now() - penUp;
    penUp = null;
  }).observe(answers, {subtree: true, childList: true, attributes: true});
}"""


@contextmanager
def running_demo() -> Iterator[str]:
    end = time.monotonic() + START_SECONDS
    with serving("demo.py", "--host", HOST) as (address, server):
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(f"{address}/health", timeout=2, trust_env=False).raise_for_status()
                break
            if server.poll() is not None:
                raise WorkError("demo.py stopped before it answered; its message is above.")
            if time.monotonic() > end:
                raise WorkError(f"demo.py did not answer within {START_SECONDS} s.")
            time.sleep(0.2)
        yield address


def find_browser() -> str:
    """Path of a Chromium or Chrome; CHROMIUM names another."""
    chosen = os.environ.get("CHROMIUM")
    for name in [chosen] if chosen else BROWSERS:
        if path := shutil.which(name):
            return path
    raise WorkError(
        "No Chromium or Chrome was found: install one (Debian, Ubuntu: apt install chromium), or "
        "set CHROMIUM to its path."
    )


@contextmanager
def browsing() -> Iterator["Browser"]:
    """A headless Chromium; WorkError where there is none."""
    from playwright.sync_api import sync_playwright

    executable = find_browser()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=list(FLAGS)) as browser,
    ):
        yield browser


def open_page(browser: "Browser", address: str, width: int, height: int, dark: bool) -> "Page":
    """A fresh page of the app, ready to draw on."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#pad canvas")
    page.wait_for_selector("#answers .card")
    page.wait_for_timeout(500)  # the first layout settles
    return page


def draw(
    page: "Page",
    strokes: Sequence[Stroke],
    pause: float = 0,
    watch: Callable[[], object] | None = None,
) -> None:
    """Draw strokes on the pad with the mouse, in STEPS steps from one point to the next.

    After each step `pause` milliseconds pass, and `watch` is called at each point.
    """
    box = page.locator("#pad canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for first, last in pairwise(points):
            for place in np.linspace(first, last, STEPS + 1)[1:]:
                page.mouse.move(*place.tolist())
                if pause:
                    page.wait_for_timeout(pause)
            if watch is not None:
                watch()
        page.mouse.up()


def settle(page: "Page") -> None:
    """Wait until answers and details have stopped changing."""
    page.wait_for_timeout(1500)


def first_view(page: "Page") -> None:
    draw(page, DIGITS["4"])


def inside_view(page: "Page") -> None:
    draw(page, DIGITS["7"])
    page.locator(".inside").scroll_into_view_if_needed()
    page.wait_for_selector(".inside[data-ready]")
    page.wait_for_timeout(800)  # the digit drawn takes the example's place
    page.evaluate("document.querySelector('#more-tabs').scrollIntoView()")


def tab_view(page: "Page", digit: str, tab: str, shown: str) -> None:
    draw(page, DIGITS[digit])
    page.get_by_role("tab", name=tab, exact=True).click()
    page.wait_for_selector(shown, timeout=60_000)


why_view = partial(tab_view, digit="2", tab="Why this answer", shown="#why-detail .why")
stress_view = partial(tab_view, digit="7", tab="Stress test", shown="#stress-detail .stress-now")


# File name -> width, height, dark mode, what is done before the picture is taken.
VIEWS: "dict[str, tuple[int, int, bool, Callable[[Page], None]]]" = {
    "demo_desktop": (1180, 860, False, first_view),
    "demo_dark": (1180, 860, True, first_view),
    "demo_mobile": (380, 1120, False, first_view),
    "demo_inside": (1180, 1180, False, inside_view),
    "demo_why": (1180, 1560, False, why_view),
    "demo_stress": (1180, 1360, False, stress_view),
}


def take(browser: "Browser", address: str, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (width, height, dark, act) in VIEWS.items():
        page = open_page(browser, address, width, height, dark)
        act(page)
        settle(page)
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        page.context.close()
        Image.open(path).convert("RGB").save(path, optimize=True)
        written.append(path)
    return written


@dataclass
class Reel:
    """Pictures of a page one after another, each with how long it stays, in milliseconds."""

    page: "Page"
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    def shoot(self, stays: int) -> None:
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        height = round(picture.height * FILM_WIDTH / picture.width)
        self.frames.append(picture.resize((FILM_WIDTH, height), Image.Resampling.LANCZOS))
        self.durations.append(stays)

    def save(self, path: Path) -> None:
        """As an animated WebP, over and over."""
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations, loop=0, quality=70
        )


def film(browser: "Browser", address: str, folder: Path) -> Path:
    """A digit is drawn; then its block 3, step by step, and other output maps."""
    page = open_page(browser, address, *FILM_VIEW, dark=False)
    reel = Reel(page)

    def watch() -> None:
        page.wait_for_timeout(300)  # the answer is there
        reel.shoot(120)

    draw(page, DIGITS["7"], watch=watch)
    settle(page)
    reel.shoot(STEP_MS)
    page.wait_for_selector(".inside[data-ready]")
    page.evaluate("document.querySelector('.inside-controls').scrollIntoView()")
    settle(page)
    reel.shoot(STEP_MS)
    for _ in range(5):
        page.locator("[data-run='step']").click()
        page.wait_for_timeout(1200)  # what moves has moved
        reel.shoot(STEP_MS)
    for _ in range(3):
        page.get_by_role("button", name="Another output map").click()
        for _ in range(3):
            reel.shoot(150)
        page.wait_for_timeout(1200)
        reel.shoot(LOOK_MS)
    page.context.close()
    path = folder / FILM
    reel.save(path)
    return path


def measure(browser: "Browser", address: str, count: int) -> list[float]:
    """Milliseconds from pen-up to both answers on the page, for `count` drawings."""
    page = open_page(browser, address, 1180, 860, dark=False)
    page.evaluate(WATCH)
    times = []
    names = list(DIGITS)
    for i in range(count):
        page.locator("#pad canvas").press("Escape")
        page.wait_for_timeout(150)
        draw(page, DIGITS[names[i % len(names)]], pause=HAND_PAUSE_MS)
        times.append(page.wait_for_function("window.delay").json_value())
        page.wait_for_timeout(600)  # the details have settled, too
    page.context.close()
    return times


@dataclass(frozen=True, kw_only=True)
class Options:
    """Take screenshots and a film of the app.

    Attributes:
        output: folder of the pictures.
    """

    output: Path = Path("figures")


def run(options: Options) -> list[Path]:
    with browsing() as browser, running_demo() as address:
        return [*take(browser, address, options.output), film(browser, address, options.output)]


if __name__ == "__main__":
    sys.exit(start("screenshots"))
