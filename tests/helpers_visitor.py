"""The app in a browser window: what a visitor draws, clicks and waits for."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageDraw

TIMEOUT = 30_000  # milliseconds; a machine under load is slow, not broken
QUIET_S = 0.6  # longer than the page waits with any question

Stroke = Sequence[tuple[float, float]]  # points as shares of the pad's width and height
ZERO: list[Stroke] = [[(0.5, 0.2), (0.35, 0.3), (0.3, 0.5), (0.35, 0.72), (0.5, 0.8),
                       (0.65, 0.7), (0.7, 0.5), (0.64, 0.3), (0.5, 0.2)]]  # fmt: skip
ONE: list[Stroke] = [[(0.5, 0.2), (0.5, 0.8)]]
FOUR: list[Stroke] = [
    [(0.55, 0.15), (0.42, 0.36), (0.3, 0.56), (0.52, 0.57), (0.75, 0.55)],
    [(0.6, 0.35), (0.59, 0.6), (0.57, 0.85)],
]
SEVEN: list[Stroke] = [[(0.27, 0.22), (0.5, 0.21), (0.72, 0.22), (0.6, 0.45), (0.45, 0.83)]]


def beside(*digits: Sequence[Stroke], width: float = 0.2) -> list[Stroke]:
    """Digits side by side, each with its share of a pad's width."""
    return [
        [(0.02 + width * (place + 0.9 * x), y) for x, y in stroke]
        for place, digit in enumerate(digits)
        for stroke in digit
    ]


def paper(strokes: Sequence[Stroke], size: tuple[int, int] = (200, 200), pen: int = 14):
    """Strokes in dark ink on white paper, as a picture."""
    image = Image.new("RGB", size, "white")
    pencil = ImageDraw.Draw(image)
    for stroke in strokes:
        points = [(x * size[0], y * size[1]) for x, y in stroke]
        pencil.line(points, fill="black", width=pen, joint="curve")
    return image


class Visitor:
    """A window with the app, and what it asked for and complained about.

    A window opens in half the time where the context has shown the app before.
    """

    def __init__(
        self,
        context,
        address: str,
        size: tuple[int, int] = (1280, 900),
        scheme: str = "light",
        motion: str = "no-preference",
        fragment: str = "",
    ) -> None:
        self.address, self.context = address, context
        self.page = context.new_page()
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=scheme, reduced_motion=motion)
        self.page.set_default_timeout(TIMEOUT)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.under_way: set[Any] = set()  # questions of the page
        self.last_change = time.monotonic()  # when the last was asked or answered
        self.page.on("request", self._began)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open(fragment)

    def open(self, fragment: str = "") -> None:
        """Open the app, and wait until it can be drawn on; a link may open another tab."""
        self.page.goto(self.address + fragment)
        self.page.wait_for_selector("#pad canvas", state="attached")
        self.page.wait_for_selector("#answers .card", state="attached")

    def _began(self, request: Any) -> None:
        self.requests.append(request.url)
        self._note(request, self.under_way.add)

    def _ended(self, request: Any) -> None:
        self._note(request, self.under_way.discard)

    def _note(self, request: Any, change: Callable[[Any], None]) -> None:
        if "/gradio_api/run/" in request.url:  # the heartbeat never ends
            change(request)
            self.last_change = time.monotonic()

    def quiet(self) -> None:
        """Wait until all that was asked for is there, and nothing more is asked for."""
        self.until(lambda _: not self.under_way and time.monotonic() - self.last_change > QUIET_S)

    def rest(self) -> None:
        """An empty pad, as the page began."""
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.locator("#pad canvas").press("Escape")
        self.reads("–")
        self.requests.clear()

    def check(self) -> None:
        """No script failed, and nothing was asked of anybody else."""
        assert not self.errors, self.errors
        own = (self.address, "data:", "blob:")
        assert not [url for url in self.requests if not url.startswith(own)]

    def draw(self, strokes: Sequence[Stroke], pad: str = "#pad", touch: bool = False) -> None:
        """Draw with the mouse, or with a finger."""
        canvas = self.page.locator(f"{pad} canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        for stroke in strokes:
            points = [
                (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
            ]
            self._finger(points) if touch else self._mouse(points)

    def _mouse(self, points: list[tuple[float, float]]) -> None:
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=2)
        self.page.mouse.up()

    def _finger(self, points: list[tuple[float, float]]) -> None:
        devtools = self.context.new_cdp_session(self.page)
        for kind, at in [("touchStart", points[0]), *(("touchMove", p) for p in points[1:])]:
            touch = {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}]}
            devtools.send("Input.dispatchTouchEvent", touch)
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def upload(self, content: bytes, name: str = "seven.png", kind: str = "image/png") -> None:
        """Choose a file in the tab Upload, in the place of an earlier one."""
        chooser = self.page.locator("#picture input[type=file]")
        if not chooser.count():
            self.page.get_by_role("button", name="Clear").last.click()
            self.reads("–")
        chooser.set_input_files({"name": name, "mimeType": kind, "buffer": content})

    def choose_many(self) -> None:
        """Choose two files, none of them a picture, in the tab Many pictures."""
        files = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": b"none"} for n in "ab"]
        self.page.locator("#batch-files .upload-container").focus()
        self.page.locator("#batch-files input[type=file]").set_input_files(files)
        self.page.locator("#batch-files .file-preview").wait_for()

    def reads(self, answer: str, where: str = "#answers") -> None:
        """Wait until both networks read `answer`."""
        for name in ("standard", "mobilenet"):
            exactly = re.compile(f"^{answer}$")
            self.page.locator(f"{where} .card.{name} .big", has_text=exactly).wait_for()

    def verdict(self, text: str, where: str = "#answers") -> None:
        """Wait for the line above the answers."""
        self.page.locator(f"{where} .verdict", has_text=text).wait_for()

    def inside(self) -> None:
        """Look at "Inside one block" until it shows the digit of the answers, or its example."""
        self.page.locator(".inside").scroll_into_view_if_needed()  # it works only while it is seen
        self.page.wait_for_function(
            """() => { const { ready, manifest } = document.querySelector('.inside').dataset;
            const digit = document.querySelector('#digit-read')?.dataset.digit;
            return ready === (digit || JSON.parse(manifest).example.digits); }"""
        )

    def until(self, condition: Callable[[Any], bool]) -> None:
        """Wait until it holds of the page."""
        end = time.monotonic() + TIMEOUT / 1000
        while not condition(self.page) and time.monotonic() < end:
            self.page.wait_for_timeout(100)
        assert condition(self.page)

    def open_tab(self, name: str) -> None:
        """Open a tab, through the overflow menu where there is no room for it."""
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if not tab.count() or not tab.first.is_visible():
            self.page.locator(".overflow-menu > button").last.click()
            self.page.locator(".overflow-dropdown button", has_text=name).click()
        else:
            tab.first.click()
        self.page.wait_for_timeout(150)  # gradio makes a tab's content when it is first opened

    def text(self, selector: str) -> str:
        """What is written there, with single spaces."""
        return " ".join(self.page.locator(selector).inner_text().split())

    def ink(self, pad: str = "#pad") -> int:
        """How many pixels of the pad are dark."""
        return self.page.evaluate(
            """(pad) => { const canvas = document.querySelector(`${pad} canvas`);
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let dark = 0;
            for (let i = 0; i < data.length; i += 4) if (data[i] < 128) dark++;
            return dark; }""",
            pad,
        )
