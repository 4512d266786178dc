"""The app in a real browser, as a visitor uses it: every part is drawn on, clicked and read."""

import asyncio
import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_data import encoded, png, write_zip
from helpers_visitor import FOUR, ONE, SEVEN, ZERO, Visitor, beside, paper
from PIL import Image

from netlib.app.atlas import NEIGHBOURS
from netlib.app.service import Service

UPLOADED = re.compile(r"/upload\?")  # not its progress, which is asked for at the same time

# --- Draw ---------------------------------------------------------------------------------------


def test_a_stroke_is_read_by_both_networks_in_few_requests(visitor: Visitor) -> None:
    visitor.page.wait_for_timeout(500)  # what the page itself asks for at the start
    visitor.requests.clear()
    visitor.draw(ONE)
    visitor.reads("1")
    visitor.verdict("Both networks read 1.")
    assert visitor.page.locator("#answers .card .bars li").count() == 20
    assert visitor.page.locator("#steps img").count() == 5
    asked = [url for url in visitor.requests if url.startswith("http")]
    assert all("/run/" in url for url in asked)
    assert len(asked) <= 6


def test_what_clear_took_comes_back_and_undone_strokes_are_redone(visitor: Visitor) -> None:
    visitor.draw(FOUR)
    visitor.reads("4")
    both = visitor.ink()
    visitor.page.get_by_role("button", name="Eraser").first.click()
    visitor.page.get_by_role("button", name="Clear").first.press("Enter")
    assert visitor.page.locator("#pad canvas:focus").count() == 1  # the button can hold it no more
    pen = visitor.page.get_by_role("button", name="Pen", exact=True).first
    assert pen.get_attribute("aria-pressed") == "true"
    visitor.page.keyboard.press("Control+z")  # wherever the click has left the focus
    assert visitor.ink() == both
    visitor.page.keyboard.press("Control+z")
    one = visitor.ink()
    assert 0 < one < both
    for redo in ("Control+y", "Control+Shift+z"):
        visitor.page.keyboard.press(redo)
    assert visitor.ink() == 0
    visitor.page.keyboard.press("Control+z")
    visitor.reads("4")


def test_delete_on_the_slider_deletes_no_drawing(visitor: Visitor) -> None:
    visitor.draw(ONE)
    ink = visitor.ink()
    visitor.page.locator("#pad input[type=range]").press("Delete")
    assert visitor.ink() == ink
    visitor.page.locator("#pad canvas").press("Delete")
    assert visitor.ink() == 0


def test_a_resting_palm_does_not_block_the_pen(visitor: Visitor) -> None:
    event = """([kind, x, y, type, id]) => { const canvas = document.querySelector('#pad canvas');
        const box = canvas.getBoundingClientRect();
        canvas.setPointerCapture = () => {};
        canvas.dispatchEvent(new PointerEvent(kind, {pointerId: id, pointerType: type,
            clientX: box.left + x * box.width, clientY: box.top + y * box.height, buttons: 1,
            bubbles: true, cancelable: true})); }"""
    visitor.page.evaluate(event, ["pointerdown", 0.9, 0.9, "touch", 7])
    for kind, y in (("pointerdown", 0.2), ("pointermove", 0.5), ("pointermove", 0.8)):
        visitor.page.evaluate(event, [kind, 0.5, y, "pen", 8])
    visitor.page.evaluate(event, ["pointerdown", 0.1, 0.9, "touch", 9])
    visitor.page.evaluate(event, ["pointerup", 0.5, 0.8, "pen", 8])
    visitor.reads("1")


def bring(visitor: Visitor, how: str, content: bytes, name: str, kind: str = "image/png") -> None:
    """Drop or paste a file onto the page, where the pad is."""
    visitor.page.evaluate(
        """([how, bytes, name, type]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type}));
        const event = new Event(how, {bubbles: true, cancelable: true});
        event.dataTransfer = event.clipboardData = data;
        document.querySelector('#pad canvas').dispatchEvent(event); }""",
        [how, list(content), name, kind],
    )


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_that_is_brought_comes_onto_the_pad(visitor: Visitor, how: str) -> None:
    bring(visitor, how, png(paper(SEVEN)), "seven.png")
    visitor.reads("7")
    visitor.page.locator("#pad canvas").press("Control+z")
    visitor.reads("–")


def test_what_is_dropped_and_is_no_picture_is_told(visitor: Visitor) -> None:
    note = visitor.page.locator("#pad .pad-note")
    for name, kind in (("a.heic", "image/heic"), ("a.txt", "text/plain")):
        bring(visitor, "drop", b"no picture", name, kind)
        note.filter(has_text=f"{name} is no picture").wait_for()
    bring(visitor, "drop", png(paper(ONE)), "one.png")
    visitor.reads("1")
    assert note.inner_text() == ""


def test_a_pasted_picture_is_an_upload_where_that_tab_is_open(visit) -> None:
    visitor = visit()
    visitor.open_tab("Upload")
    for strokes, answer in ((SEVEN, "7"), (ONE, "1")):  # the second in the place of the first
        bring(visitor, "paste", png(paper(strokes)), "a.png")
        visitor.reads(answer)
    visitor.open_tab("Draw")
    visitor.reads("–")


def test_old_answers_of_a_server_that_is_gone_are_not_shown(visit) -> None:
    visitor = visit()
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.page.route("**/*", lambda route: route.abort())
    visitor.page.keyboard.press("Escape")
    visitor.draw(ONE)
    visitor.page.locator("#answers .silent").wait_for(timeout=5000)
    assert "does not answer" in visitor.page.locator("#answers [role=status]").inner_text()
    old = "#answers .verdict, #answers .headline, #answers .bars, #steps img"
    assert not any(node.is_visible() for node in visitor.page.locator(old).all())
    visitor.errors.clear()  # gradio's own, of the requests that failed


def test_a_server_that_is_slow_is_not_called_gone(visit) -> None:
    visitor = visit(alone=True)  # a clock is a context's
    visitor.page.clock.install()
    visitor.open()
    visitor.page.route("**/*", lambda _: None)  # never answered
    visitor.draw(ONE)
    visitor.page.clock.fast_forward(7000)
    visitor.page.locator("#answers [role=status]", has_text="The answer takes long").wait_for()


def test_the_eraser_takes_ink_away_and_thickness_adds_it(visit) -> None:
    visitor = visit()
    visitor.draw(ONE)
    thin = visitor.ink()
    visitor.page.get_by_role("button", name="Eraser").first.click()
    visitor.draw([[(0.3, 0.5), (0.7, 0.5)]])
    assert visitor.ink() < thin
    visitor.page.keyboard.press("Escape")
    visitor.page.get_by_role("button", name="Pen", exact=True).first.click()
    visitor.page.locator("#pad input[type=range]").fill("40")
    visitor.draw(ONE)
    assert visitor.ink() > 1.5 * thin


def test_a_cleared_pad_never_shows_the_old_answer_again(visitor: Visitor) -> None:
    visitor.draw(SEVEN)
    visitor.page.keyboard.press("Escape")  # while the last request may still be on its way
    visitor.reads("–")
    visitor.page.wait_for_timeout(500)
    visitor.reads("–")
    assert visitor.page.locator("#steps img").count() == 0


def test_a_scribble_and_a_pad_that_is_nearly_filled_are_no_digits(visit) -> None:
    visitor = visit()
    rng = np.random.default_rng(3)
    visitor.draw([[tuple(point) for point in rng.uniform(0.1, 0.9, (24, 2))]])
    visitor.verdict("does not look like a digit")
    visitor.page.keyboard.press("Escape")
    visitor.reads("–")
    visitor.page.locator("#pad input[type=range]").fill("40")
    visitor.draw([[(0.1 + 0.8 * (i % 2), 0.08 + 0.042 * i) for i in range(21)]])
    visitor.verdict("does not look like a digit")
    assert visitor.page.locator("#pad .pad-boxes rect").count() == 0


def test_answers_follow_the_pen_and_are_said_when_it_is_lifted(visitor: Visitor) -> None:
    inside = visitor.page.locator(".inside[data-ready]")
    inside.wait_for()
    visitor.page.wait_for_function(  # what was drawn before has gone from it, too
        "() => { const { ready, manifest } = document.querySelector('.inside').dataset;"
        " return ready === JSON.parse(manifest).example.digits; }"
    )
    before = inside.get_attribute("data-ready")
    box = visitor.page.locator("#pad canvas").bounding_box()
    visitor.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=20)
    visitor.reads("1")
    said = visitor.page.locator("#answers [role=status]")
    assert said.get_attribute("aria-live") == "polite"
    assert "read 1" not in said.inner_text()
    visitor.page.wait_for_timeout(300)
    assert inside.get_attribute("data-ready") == before  # the pen comes first
    visitor.page.mouse.up()
    said.filter(has_text="Both networks read 1.").wait_for()
    visitor.page.wait_for_function(
        "(before) => document.querySelector('.inside').dataset.ready !== before", arg=before
    )


def test_the_layout_does_not_jump(visitor: Visitor) -> None:
    def places() -> list:
        return visitor.page.evaluate(
            "() => ['#answers .cards', '#answers .versus', '#steps', '#more-tabs'].map(s => {"
            "const b = document.querySelector(s).getBoundingClientRect();"
            "return [Math.round(b.top), Math.round(b.height)]; }).slice(0, 3)"
        )

    empty = places()
    visitor.draw(SEVEN)
    visitor.reads("7")
    assert places() == empty
    visitor.draw([[(0.9, 0.2), (0.9, 0.8)]])
    visitor.reads("71")
    assert visitor.page.locator("#pad .pad-boxes rect").count() == 2
    assert places() == empty
    visitor.page.keyboard.press("Escape")
    visitor.reads("–")
    assert visitor.page.locator("#pad .pad-boxes rect").count() == 0


# --- Upload -------------------------------------------------------------------------------------


def test_uploaded_pictures_and_numbers_are_read_with_boxes(visit) -> None:
    visitor = visit()
    visitor.open_tab("Upload")
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        picture = encoded(paper(SEVEN), kind)
        visitor.upload(picture, f"seven.{kind.lower()}", f"image/{kind.lower()}")
        visitor.reads("7")
        assert visitor.page.locator("#boxed rect").count() == 1
    visitor.upload(png(paper(beside(SEVEN, ONE, FOUR, width=0.32), (600, 200))))
    visitor.reads("714")
    assert visitor.page.locator("#boxed rect").count() == 3
    told = visitor.page.locator("#boxed", has_text="several pictures: only the first was read")
    assert not told.count()
    film = encoded(paper(ONE), "GIF", save_all=True, append_images=[paper(FOUR)])
    visitor.upload(film, "film.gif", "image/gif")
    visitor.reads("1")
    told.wait_for()


def test_a_file_that_is_refused_takes_the_old_answer_away(visit) -> None:
    visitor = visit()
    visitor.open_tab("Upload")
    for name, content, says in (
        ("photo.heic", b"\0\0\0\x18ftypheic" + bytes(40), "is HEIC, which is not read"),
        ("empty.png", b"", "empty"),
        ("text.png", b"This is a text.", "is no picture in PNG"),
        ("half.png", png(paper(ONE))[:90], "damaged"),
        ("blank.png", png(Image.new("RGB", (90, 90), "white")), "No ink was found"),
    ):
        visitor.upload(png(paper(SEVEN)))
        visitor.reads("7")
        visitor.upload(content, name)
        visitor.verdict(says)
        visitor.reads("–")


def test_an_upload_and_its_answer_belong_together(visit) -> None:
    visitor = visit()
    visitor.draw(ONE)
    visitor.reads("1")
    visitor.open_tab("Upload")
    visitor.verdict("Choose a picture")
    visitor.upload(png(paper(SEVEN)))
    visitor.reads("7")
    link = copied_link(visitor, "the upload’s first digit as the networks see it")
    digit = networks_saw(visitor)
    linked = visit(fragment=link)
    linked.reads("7")
    assert np.abs(networks_saw(linked) - digit).max() <= 2  # of 255: no less is ink
    visitor.page.wait_for_function("!location.hash.includes('png.')")  # the pad still has a one
    visitor.open_tab("Draw")
    visitor.reads("1")


def networks_saw(visitor: Visitor) -> np.ndarray:
    """The 28×28 of the steps, (28, 28) in levels."""
    url = visitor.page.locator("#steps img[alt$='28×28']").get_attribute("src")
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(picture.convert("L")).astype(int)


@pytest.mark.parametrize("late", ["asked", "answered"])
def test_a_late_answer_to_an_upload_does_not_stay_in_the_place_of_a_drawings(visit, late) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Upload")
    held: list = []

    def hold(route: Any) -> None:
        if held or "seven.png" not in route.request.post_data:
            return route.continue_()
        held.append((route, route.fetch() if late == "answered" else None))

    page.route("**/gradio_api/run/**", hold)
    visitor.upload(png(paper(SEVEN)))
    visitor.until(lambda _: held)
    visitor.open_tab("Draw")
    visitor.draw(ONE)
    visitor.reads("1")
    route, answer = held[0]
    route.fulfill(response=answer or route.fetch())
    page.wait_for_timeout(1000)
    visitor.reads("1")
    assert not page.locator("#answers .stale").count()
    visitor.open_tab("Upload")
    visitor.reads("7")


def test_an_answer_to_the_file_before_is_not_taken_for_that_to_the_next(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Upload")
    answered: list = []
    sent: list = []

    def hold(route: Any) -> None:
        if answered or "seven.png" not in route.request.post_data:
            return route.continue_()
        answered.append((route, route.fetch()))

    page.route("**/gradio_api/run/**", hold)
    visitor.upload(png(paper(SEVEN)))
    visitor.until(lambda _: answered)
    page.route(UPLOADED, lambda route: sent.append(route))  # the next is long under way
    page.get_by_role("button", name="Clear").last.click()
    visitor.upload(png(paper(FOUR)), name="a four!.png")
    visitor.until(lambda _: sent)
    route, answer = answered[0]
    route.fulfill(response=answer)
    page.wait_for_timeout(1500)
    page.locator("#answers .stale, #answers.stale").first.wait_for()
    sent[0].continue_()
    visitor.reads("4")
    assert not page.locator("#answers .stale").count()
    page.unroute(UPLOADED)
    visitor.upload(png(paper(SEVEN)), name="!.png")
    visitor.reads("7")
    page.wait_for_function("!document.querySelector('#answers [data-awaited], #answers.stale')")


def test_files_are_awaited_however_early_the_script_of_the_answers_ran(visit) -> None:
    visitor = visit(alone=True)
    page = visitor.page
    page.add_init_script(  # as where it runs before the tabs of input are made
        """const find = document.querySelector, later = /^#(input-tabs|pad)/;
        document.querySelector = (selector) =>
            later.test(selector) && !window.made ? null : find.call(document, selector)"""
    )
    visitor.open()
    page.locator("#answers .unseen[role=status]").wait_for(state="attached")
    page.evaluate("window.made = true")
    page.route("**/gradio_api/run/**", lambda route: None)  # no answer comes
    visitor.open_tab("Upload")
    page.locator("#answers .stale").wait_for()


def test_an_answer_that_is_there_already_is_taken_for_the_answer(visit) -> None:
    visitor = visit()
    page = visitor.page

    def is_answered(page: Any) -> bool:
        return not page.locator("#answers [data-awaited], #answers .stale").count()

    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.open_tab("Write a number")
    visitor.open_tab("Draw")
    visitor.until(is_answered)
    visitor.open_tab("Upload")
    visitor.upload(b"no picture", "one.png")
    visitor.verdict("no picture")
    page.get_by_role("button", name="Clear").last.click()
    visitor.upload(b"no picture", "one.png")
    visitor.verdict("no picture")
    visitor.open_tab("Many pictures")
    visitor.open_tab("Upload")
    visitor.until(is_answered)


def test_a_detail_is_dimmed_until_it_is_of_the_new_digit(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.open_tab("Why this answer")
    page.locator("#why-detail", has_text="7").wait_for()
    visitor.until(lambda page: not page.locator(".behind-why").count())
    visitor.rest()
    page.evaluate(
        """() => new MutationObserver(() => {
            const read = document.querySelector('#answers .big').textContent;
            const behind = document.documentElement.classList.contains('behind-why');
            (window.seen ??= []).push([read, behind]);
        }).observe(document.querySelector('#answers'), { childList: true, subtree: true })"""
    )
    visitor.draw(ONE)
    visitor.reads("1")
    seen = page.evaluate("window.seen")
    assert ["1", True] in seen and ["1", False] not in seen  # when it first stood there
    visitor.until(lambda page: not page.locator(".behind-why").count())


def test_a_detail_is_dimmed_while_its_own_fields_ask(visit) -> None:
    visitor = visit()
    page, held = visitor.page, []
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.open_tab("Stress test")
    page.locator("#stress-detail", has_text="7").wait_for()
    visitor.quiet()  # the tab and the answers have both asked for it
    page.route("**/gradio_api/run/**", lambda route: held.append(route), times=1)
    page.locator("#stress-rotation [type=range]").press("ArrowLeft")
    page.locator(".behind-stress").wait_for(state="attached")
    held[0].continue_()
    visitor.until(lambda page: not page.locator(".behind-stress").count())
    typed = page.locator("#stress-rotation [type=number]")
    typed.fill(f"{typed.input_value()}.0")
    page.wait_for_timeout(1000)
    assert not page.locator(".behind-stress").count()  # no answer comes to the same number


def test_a_drawing_that_overtakes_the_tab_upload_does_not_take_its_answers_place(visit) -> None:
    visitor = visit()
    page, waiting = visitor.page, []
    skipped = {"data": [{"__type__": "update"}] * 4, "is_generating": False, "duration": 0}

    def overtake(route: Any) -> None:  # the server sees the drawing last, and leaves the file's out
        waiting.append(route)
        if len(waiting) == 2:
            drawing, upload = waiting
            upload.fulfill(json=skipped)
            drawing.continue_()

    visitor.draw(ONE)
    visitor.reads("1")
    visitor.quiet()
    page.route("**/gradio_api/run/**", overtake, times=2)
    visitor.draw(SEVEN)
    visitor.open_tab("Upload")
    visitor.verdict("Choose a picture")


def test_answers_are_dimmed_when_their_file_is_taken_away(visit) -> None:
    visitor = visit()
    visitor.open_tab("Upload")
    visitor.upload(png(paper(SEVEN)))
    visitor.reads("7")
    visitor.quiet()
    held: list = []
    visitor.page.route("**/gradio_api/run/**", lambda route: held.append(route))
    visitor.page.get_by_role("button", name="Clear").last.click()
    visitor.page.locator("#answers .stale").wait_for()
    held[0].continue_()
    visitor.verdict("Choose a picture")
    visitor.page.wait_for_function("!document.querySelector('#answers .stale')")


def test_a_page_that_is_loaded_again_says_that_files_are_chosen_anew(visit) -> None:
    visitor = visit()
    visitor.draw(ONE)
    visitor.open_tab("Upload")
    visitor.upload(png(paper(SEVEN)))
    visitor.reads("7")
    visitor.page.wait_for_function("location.hash.includes('ink=')")
    visitor.page.reload()
    told = visitor.page.get_by_role("alert").filter(has_text="loaded again, without the files")
    told.wait_for()
    visitor.reads("1")  # of the pad, which comes back
    visitor.open_tab("Upload")
    assert told.is_visible()
    visitor.upload(png(paper(SEVEN)))
    visitor.reads("7")
    assert not told.count()
    visitor.page.get_by_role("button", name="Clear").last.click()
    visitor.reads("–")
    visitor.page.reload()
    visitor.reads("1")
    assert not told.count()
    visitor.page.route(UPLOADED, lambda route: route.abort())
    visitor.open_tab("Upload")
    visitor.upload(png(paper(SEVEN)))
    visitor.page.locator("#answers .stale").wait_for()
    visitor.page.reload()  # as Gradio does when the server is back
    told.wait_for()


def copied_link(visitor: Visitor, said: str) -> str:
    """The part after # of the link that the visitor is given, when this is said of it."""
    visitor.page.get_by_role("button", name="Copy link").click()
    visitor.page.locator(".lesson [role=status]", has_text=said).wait_for()
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(visitor.address)
    return link.removeprefix(visitor.address)


def test_a_slow_upload_is_waited_for(visit) -> None:
    visitor = visit(alone=True)  # a clock is a context's
    visitor.page.clock.install()
    visitor.open()
    visitor.open_tab("Upload")
    held: list = []
    visitor.page.route(UPLOADED, lambda route: held.append(route))
    visitor.upload(png(paper(SEVEN)))
    visitor.page.locator("#answers .stale").wait_for()
    visitor.page.clock.fast_forward(20_000)
    assert visitor.page.locator("#answers .silent").count() == 0
    held[0].continue_()
    visitor.reads("7")


# --- More tabs ----------------------------------------------------------------------------------


def test_an_example_goes_onto_the_pad_and_is_read(visitor: Visitor) -> None:
    visitor.open_tab("Examples")
    example = visitor.page.get_by_role("button", name="Example: 0").first
    assert example.inner_text() == "0"
    example.click()
    visitor.reads("0")
    assert visitor.ink() > 0
    visitor.page.get_by_role("button", name="Clear").first.click()
    visitor.reads("–")


def test_why_explains_when_it_is_opened_and_follows_the_drawing(visitor: Visitor) -> None:
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.page.wait_for_timeout(600)
    assert visitor.page.locator("#why-detail img").count() == 0  # closed, it costs nothing
    visitor.rest()
    visitor.open_tab("Why this answer")
    visitor.page.locator("#why-detail", has_text="no digit yet").wait_for()
    visitor.draw(SEVEN)
    visitor.page.locator("#why-detail", has_text="speaks for 7").wait_for()
    # Evidence, Grad-CAM, and maps and filters of four blocks, for each network.
    assert visitor.page.locator("#why-detail img").count() == 2 * (1 + 1 + 4 + 4)
    visitor.page.get_by_role("radio", name="1", exact=True).first.check()
    visitor.page.locator("#why-detail", has_text="speaks for 1").wait_for()


def test_the_map_shows_where_the_drawing_lies(visitor: Visitor) -> None:
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.open_tab("Similar digits")
    visitor.page.locator("#map-detail svg.map .cross").first.wait_for()
    assert visitor.page.locator("#map-detail svg.map").count() == 2
    assert visitor.page.locator("#map-detail .nearest img").count() == 2 * NEIGHBOURS
    before = visitor.page.locator("#map-detail .cross").first.get_attribute("transform")
    visitor.page.locator("#pad canvas").press("Escape")
    visitor.page.locator("#map-detail", has_text="no digit yet").wait_for()
    visitor.draw(ONE)
    visitor.page.locator("#map-detail svg.map .cross").first.wait_for()
    assert visitor.page.locator("#map-detail .cross").first.get_attribute("transform") != before


def test_stress_sliders_move_the_confidence_and_it_is_said(visitor: Visitor) -> None:
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.open_tab("Stress test")
    summary = visitor.page.locator("#stress-detail [role=status]")
    summary.get_by_text("reads 7").first.wait_for()
    assert visitor.page.locator(".stress-chart svg polyline").count() == 12
    visitor.page.emulate_media(forced_colors="active")
    slider = visitor.page.locator("#stress-rotation input[type=range]")
    assert slider.evaluate("(node) => getComputedStyle(node).forcedColorAdjust") == "none"
    visitor.page.emulate_media(forced_colors="none")
    as_drawn, distorted = summary.locator("img").all()
    assert as_drawn.get_attribute("src") == distorted.get_attribute("src")
    typed = visitor.page.locator("#stress-rotation input[type=number]")
    for beyond in ("999", ""):
        with visitor.page.expect_response(lambda answer: "/run/" in answer.url) as response:
            typed.fill(beyond)
        assert response.value.ok, beyond
    typed.fill("80")
    visitor.page.emulate_media(media="print")
    assert typed.is_visible() and not slider.is_visible()  # the value, and nothing to move it
    assert not visitor.page.get_by_role("button", name="Reset").is_visible()
    visitor.page.emulate_media(media="screen")
    visitor.page.keyboard.press("Tab")
    visitor.page.wait_for_function(
        "() => { const [a, b] = document.querySelectorAll('#stress-detail img');"
        "return a.src !== b.src; }"
    )
    visitor.page.get_by_role("button", name="Reset").click()
    visitor.page.wait_for_function(
        "() => { const [a, b] = document.querySelectorAll('#stress-detail img');"
        "return a.src === b.src; }"
    )


def test_arrow_keys_go_from_tab_to_tab(visitor: Visitor) -> None:
    tabs = visitor.page.locator("#input-tabs [role=tab]")
    tabs.first.focus()
    for key, number in (("ArrowRight", 1), ("End", 3), ("ArrowRight", 0), ("ArrowLeft", 3)):
        visitor.page.keyboard.press(key)
        name = tabs.nth(number).inner_text()
        chosen = visitor.page.get_by_role("tab", name=name, exact=True, selected=True)
        chosen.wait_for()
        assert chosen.evaluate("tab => tab === document.activeElement"), key
    visitor.page.keyboard.press("Home")
    visitor.page.locator("#pad canvas").wait_for()


def test_a_number_is_written_and_its_link_holds_it_for_a_pad_of_any_width(visit) -> None:
    visitor = visit()
    visitor.open_tab("Write a number")
    visitor.draw(beside(SEVEN, ONE, FOUR, ZERO), pad="#wide-pad")
    visitor.reads("7140", where="#number-answers")
    assert visitor.page.locator("#wide-pad .pad-boxes rect").count() == 4
    phone = visit(
        size=(380, 800),
        fragment=copied_link(visitor, "The link is copied, with what is drawn"),
    )
    phone.reads("7140", where="#number-answers")
    phone.page.reload()
    phone.reads("7140", where="#number-answers")


def test_a_link_with_a_huge_picture_is_refused(visit) -> None:
    picture = base64.urlsafe_b64encode(png(Image.new("L", (2000, 28)))).decode().rstrip("=")
    visitor = visit(fragment=f"#ink=png.{picture}")
    visitor.page.locator(".lesson [role=status]", has_text="does not fit this page").wait_for()
    assert visitor.ink() == 0


def test_a_batch_that_is_stopped_says_so_at_once_and_is_no_error(
    visit, tmp_path: Path, monkeypatch
) -> None:
    visitor = visit()
    page = visitor.page
    picture = png(paper(beside(SEVEN, ONE), (1200, 500)))
    files = {f"{i}.png": picture for i in range(200)}
    visitor.open_tab("Many pictures")
    archive = write_zip(tmp_path / "many.zip", files)
    page.locator("#batch-files input[type=file]").set_input_files(archive)
    page.locator("#batch-files").get_by_label("many.zip").wait_for()
    page.evaluate(
        "() => { window.shown = []; new MutationObserver(() => shown.push("
        "document.querySelector('#batch-table').innerText)).observe("
        "document.querySelector('#batch-table'), {subtree: true, childList: true}); }"
    )
    page.get_by_role("button", name="Read them").click()
    page.locator("#batch-table", has_text="200 files").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("alert").filter(has_text="Stopped: no answer was kept.").wait_for()
    page.wait_for_timeout(500)

    async def slow(*_: object, **__: object) -> None:
        await asyncio.sleep(60)  # a picture under way

    monkeypatch.setattr(Service, "ask", slow)
    page.get_by_role("button", name="Read them").click()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("alert").filter(has_text="Stopped: no answer was kept.").wait_for()
    assert not [text for text in page.evaluate("shown") if "Error" in text]


def test_a_zip_with_labels_is_scored_and_offers_a_table(visit, tmp_path: Path) -> None:
    visitor = visit()
    drawn = {"seven": SEVEN, "one": ONE, "four": FOUR}
    files = {f"set/{name}.png": png(paper(strokes)) for name, strokes in drawn.items()}
    files["set/labels.csv"] = b"image,label\nseven.png,7\none.png,1\nfour.png,9\n"
    archive = write_zip(tmp_path / "digits.zip", files)
    visitor.open_tab("Many pictures")
    visitor.page.get_by_role("button", name="Read them").click()
    visitor.page.get_by_role("alert").filter(has_text="no picture to read").wait_for()
    visitor.page.locator("#batch-files input[type=file]").set_input_files(archive)
    visitor.page.locator("#batch-files").get_by_label("digits.zip").wait_for()
    visitor.page.get_by_role("button", name="Read them").click()
    visitor.page.locator("#batch-table", has_text="2 of 3").wait_for()
    said = visitor.page.locator("#batch-table [role=status]").inner_text()
    assert said.startswith("3 pictures · 0 read differently · Standard 66.7")
    assert visitor.page.locator("#batch-table tbody tr").count() == 3
    assert visitor.page.locator("#batch-table td.wrong").count() == 2
    files = visitor.page.locator("#batch-table td.name")
    for mark, expected in (("ascending", "four.png"), ("descending", "seven.png")):
        visitor.page.get_by_role("button", name="File", exact=True).click()
        assert files.first.inner_text() == f"set/{expected}"
        assert visitor.page.locator(f"th[aria-sort={mark}]").inner_text().startswith("File")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Download CSV").click()
    spoken = "[...document.querySelectorAll('.sr-only')].map((node) => node.textContent).join()"
    visitor.page.wait_for_function(f"{spoken}.includes('Done')")  # Gradio's own, of five seconds
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("image,label,disagreement,error,standard,standard_confidence")
    visitor.page.route("**/*", lambda route: route.abort())
    visitor.page.get_by_role("button", name="Read them").click()
    visitor.page.get_by_role("alert").filter(has_text="nothing is read").wait_for()
    visitor.errors.clear()  # gradio's own, of the requests that failed
