"""Teaching in a real browser: a European one that is read as 7 is corrected, for one visitor."""

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers_data import png
from helpers_visitor import FOUR, SEVEN, Visitor, paper
from PIL import Image

import demo
from netlib.answer.reader import Reader
from netlib.app.teach import Taught, Teacher, TeachStore
from netlib.data.european import one
from netlib.data.strokes import render_strokes
from netlib.nets.saved import arrays_digest


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("teach")


@pytest.fixture(scope="module")
def app(folder: Path):
    return demo.build_demo(teach_folder=folder)


@pytest.fixture(scope="module")
def address(serving, app) -> Iterator[str]:
    """The running app; one for all tests."""
    with serving(app) as address:
        yield f"{address}/"


@pytest.fixture(scope="module")
def misread() -> str:
    """A European one, on a pad as a data URL, that both networks read as 7."""
    from netlib.answer.predictor import Predictor

    files = {"standard": demo.STANDARD, "mobilenet": demo.MOBILENET}
    reader = Reader(Predictor(files, threads=1))
    rng = np.random.default_rng(3)
    for _ in range(300):
        pad = render_strokes(one(rng).strokes)
        reading = reader.read(pad)
        if not reading.is_number and {net.text for net in reading.networks.values()} == {"7"}:
            return "data:image/png;base64," + base64.b64encode(png(pad)).decode()
    raise AssertionError("no European one is read as 7 any more: the tests here need another digit")


def show(page, url: str) -> None:
    """Put a picture on the pad, as the gallery does."""
    page.evaluate(
        "url => document.querySelector('#pad .pad')"
        ".dispatchEvent(new CustomEvent('pad-load', { detail: url }))",
        url,
    )


def teach(page, answer: str) -> None:
    page.locator("#teach-answer").get_by_role("radio", name=answer, exact=True).check()
    page.get_by_role("button", name="Teach it").click()


def test_a_corrected_european_one_is_a_one_for_its_visitor_and_for_nobody_else(
    visit, misread: str, folder: Path, app
) -> None:
    visitor, other = visit(), visit(alone=True)
    page = visitor.page
    weights = [arrays_digest(net.arrays) for net in app.service.networks.values()]
    show(page, misread)
    visitor.reads("7")
    visitor.open_tab("Teach")
    teach(page, "1")
    note = page.locator("#teach-note [role=status]")
    note.filter(has_text="The last correction: it is 1.").wait_for()
    said = page.locator("#answers [role=status]")
    said.filter(has_text="for you alone: Standard 7 → 1, MobileNet 7 → 1.").wait_for()
    changes = page.locator("#teach-detail .taught-change")
    changes.filter(has_text="7 → 1").nth(1).wait_for()
    assert changes.count() == 2
    for cost in page.locator("#teach-detail .taught-cost").all_inner_texts():
        before, after = map(int, re.search(r"digits.* (\d+) → (\d+) are right", cost).groups())
        assert 990 <= before <= 1000
        assert before - 10 <= after <= 1000  # the others are not spoilt
    line = page.locator("#answers .taught-line")
    assert "Standard 7 → 1, MobileNet 7 → 1" in line.inner_text()
    visitor.reads("7")  # the networks as trained are still shown as trained

    show(other.page, misread)
    other.reads("7")
    assert other.page.locator(".taught-line").count() == 0
    other.open_tab("Teach")
    other.page.locator("#teach-detail", has_text="Nothing is taught yet").wait_for()
    assert [arrays_digest(net.arrays) for net in app.service.networks.values()] == weights

    teach(page, "1")  # the same digit again is kept once
    page.wait_for_timeout(500)
    assert page.locator("#teach-detail .taught-list figure").count() == 1
    assert len((folder / "train.csv").read_text().splitlines()) == 2
    with Image.open(next((folder / "train").iterdir())) as saved:
        assert (saved.size, saved.mode) == ((28, 28), "L")

    page.wait_for_timeout(500)
    assert note.inner_text() == "The last correction: it is 1."
    page.locator("#pad canvas").press("Escape")
    page.wait_for_function("!document.querySelector('#teach-note').innerText")  # of that digit
    page.get_by_role("button", name="Undo", exact=True).last.click()
    page.locator("#teach-detail", has_text="Nothing is taught yet").wait_for()
    assert page.locator(".taught-line").count() == 0
    assert (folder / "train.csv").read_text() == "image,label\n"


def seven_shape() -> np.ndarray:
    seven = np.zeros((28, 28), np.float32)
    seven[5:7, 8:20] = seven[5:24, 17:20] = 1
    return seven


def test_undo_brings_back_what_a_digit_was_taught_as_before(app, tmp_path: Path) -> None:
    service = app.service
    teacher = Teacher(service.reader.predictor, service.checkpoints, TeachStore(tmp_path))
    reading = service.reader.read(seven_shape())
    taught = Taught()
    states = []
    for answer in ("3", "5", "5", "3"):  # the second 5 changes nothing
        taught = teacher.correct(taught, reading, answer)
        states.append([c.answer for c in taught.corrections])
    assert states == [["3"], ["5"], ["5"], ["3"]]
    for kept in (["5"], ["3"], []):
        taught = teacher.undo(taught)
        assert [c.answer for c in taught.corrections] == kept
        rows = (tmp_path / "train.csv").read_text().splitlines()[1:]
        assert [row.split(",")[1] for row in rows] == kept
    assert not taught.heads


def test_a_correction_pressed_again_is_the_one_that_undo_takes_back(app) -> None:
    service = app.service
    teacher = Teacher(service.reader.predictor, service.checkpoints, None)
    one, other = (service.reader.read(paper(strokes)) for strokes in (SEVEN, FOUR))
    taught = Taught()
    for reading, answer in ((one, "5"), (other, "3"), (one, "5")):
        taught = teacher.correct(taught, reading, answer)
    assert len(taught.made) == 2
    assert [correction.answer for correction in teacher.undo(taught).corrections] == ["3"]


def test_of_two_visitors_corrections_the_last_counts_whoever_made_it_before(
    app, tmp_path: Path
) -> None:
    service, folder = app.service, tmp_path / "kept"
    teacher = Teacher(service.reader.predictor, service.checkpoints, TeachStore(folder))
    reading = service.reader.read(seven_shape())

    def kept() -> list[str]:
        rows = (folder / "train.csv").read_text().splitlines()[1:]
        return [row.split(",")[1] for row in rows]

    one = teacher.correct(Taught(), reading, "7")
    other = teacher.correct(Taught(), reading, "4")
    assert kept() == ["4"]
    one = teacher.correct(one, reading, "7")  # pressed again
    assert (kept(), len(one.made)) == (["7"], 1)
    assert teacher.undo(one).made == ()
    assert kept() == ["4"]
    shutil.rmtree(folder)  # by somebody else
    one = teacher.correct(Taught(), reading, "1")
    assert (kept(), len(list((folder / "train").iterdir()))) == (["1"], 1)
    teacher.undo(other)


def test_a_folder_takes_no_corrections_of_networks_that_number_classes_differently(
    app, tmp_path: Path
) -> None:
    predictor = app.service.reader.predictor
    for classes in ("31", "01"):  # other ones, and fewer, of which a correction could be outside
        info = {**predictor.info, "mobilenet": SimpleNamespace(class_names=tuple(classes))}
        mixed = SimpleNamespace(info=info, explainers=predictor.explainers)
        told = f"mobilenet has {classes[0]}, {classes[1]}: name networks of the same classes"
        with pytest.raises(ValueError, match=told):
            Teacher(mixed, {}, TeachStore(tmp_path))
        assert Teacher(mixed, {}, None).answers == list("0123456789")


def test_the_log_names_a_command_only_where_it_can_train(app, tmp_path: Path, caplog) -> None:
    shipped, alone = app.service.checkpoints["standard"], tmp_path / "alone.safetensors"
    predictor = SimpleNamespace(
        info={"standard": app.service.reader.predictor.info["standard"]},
        explainers=app.service.reader.predictor.explainers,
    )
    with caplog.at_level("INFO"):
        Teacher(predictor, {"standard": shipped}, TeachStore(tmp_path / "kept"))
        Teacher(predictor, {"standard": alone}, TeachStore(tmp_path / "kept"))
    can, cannot = (line for line in caplog.messages if line.startswith("What is corrected"))
    assert f"--start-from {shipped}" in can
    assert "alone" in cannot and "analysis.project makes" in cannot and "--start" not in cannot


def test_a_correction_that_is_shown_late_is_not_shown_in_the_place_of_an_upload(visit) -> None:
    visitor = with_a_seven(visit)
    page, held = visitor.page, []

    def hold(route: Any) -> None:
        answer = route.fetch()
        if not held and 'data-drawing=\\"taught' in answer.text():
            held.append((route, answer))
        else:
            route.fulfill(response=answer)

    page.route("**/gradio_api/run/**", hold)
    teach(page, "1")
    visitor.until(lambda _: held)
    visitor.open_tab("Upload")
    visitor.verdict("Choose a picture")
    held[0][0].fulfill(response=held[0][1])
    page.wait_for_timeout(500)
    visitor.verdict("Choose a picture")
    visitor.open_tab("Draw")
    page.locator(".taught-line").wait_for()


def test_no_answer_that_is_under_way_shows_what_was_taken_back(visit) -> None:
    visitor = with_a_seven(visit)
    page, held = visitor.page, []
    teach(page, "1")
    page.locator(".taught-line").wait_for()
    visitor.open_tab("Upload")
    visitor.verdict("Choose a picture")

    def hold(route: Any) -> None:
        if held or "seven.png" not in route.request.post_data:
            return route.continue_()
        held.append((route, route.fetch()))  # read, with the correction

    page.route("**/gradio_api/run/**", hold)
    visitor.upload(png(paper(SEVEN)))
    visitor.until(lambda _: held)
    undo = page.get_by_role("button", name="Undo", exact=True).last
    undo.click()
    page.locator("#teach-note", has_text="Nothing was taken back").wait_for()
    held[0][0].fulfill(response=held[0][1])
    visitor.reads("7")
    page.locator(".taught-line").wait_for()
    undo.click()
    page.locator("#teach-detail", has_text="Nothing is taught yet").wait_for()
    page.locator(".taught-line").wait_for(state="detached")


def test_what_cannot_be_taught_is_told_in_one_sentence(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Teach")
    note = page.locator("#teach-note")
    page.evaluate(
        "() => { window.said = []; new MutationObserver(() => said.push("
        "document.querySelector('#teach-note').innerText.slice(0, 21))).observe("
        "document.querySelector('#teach-note'), {subtree: true, childList: true}); }"
    )
    for _ in range(2):
        page.get_by_role("button", name="Teach it").click()
        note.filter(has_text="There is no digit yet").wait_for()
        page.wait_for_timeout(300)
    # The same words are read out again only if they were gone.
    assert page.evaluate("said") == ["There is no digit yet", "", "There is no digit yet"]
    page.get_by_role("button", name="Undo", exact=True).last.click()
    note.filter(has_text="no correction to take back").wait_for()


def with_a_seven(visit) -> Visitor:
    """A visitor of Teach who has drawn a seven and sees what it is read as."""
    visitor = visit()
    visitor.open_tab("Teach")
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.quiet()
    return visitor


def test_the_right_answer_is_one_tab_stop_with_a_name_and_arrow_keys(visit) -> None:
    visitor = with_a_seven(visit)
    page = visitor.page
    group = page.get_by_role("group", name="The right answer")
    page.get_by_role("tab", name="About").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert group.get_by_role("radio", checked=True).input_value() == "1"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#teach-note", has_text="it is 1").wait_for()


def test_teaching_goes_with_what_is_on_the_pad_however_slow_the_answers_are(visit) -> None:
    visitor = with_a_seven(visit)
    page = visitor.page
    page.locator("#teach-answer").get_by_role("radio", name="1", exact=True).check()
    with page.expect_request("**/gradio_api/run/**"):
        page.evaluate("document.querySelector('#teach-button').click()")
    page.evaluate("document.querySelector('#pad [data-action=clear]').click()")  # before its answer
    page.locator(".taught-list img").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#answers .big").first.inner_text() == "–"
    page.evaluate(
        "() => { const fetched = fetch, held = new Promise((done) => { window.answer = done; });"
        "window.fetch = async (...asked) => {"
        "if (String(asked[1]?.body).includes('drawn=1')) await held; return fetched(...asked); }; }"
    )
    visitor.draw(SEVEN)
    page.evaluate(  # at pen-up, before anything is dimmed
        "document.querySelector('#teach-answer [value=\"2\"]').click();"
        "document.querySelector('#teach-button').click()"
    )
    page.locator("#teach-note", has_text="not read yet").wait_for()
    page.evaluate("answer()")
    visitor.reads("7")
    page.get_by_role("button", name="Undo", exact=True).last.click()
    page.locator("#teach-detail", has_text="Nothing is taught yet").wait_for()


def test_teaching_keeps_nothing_unless_the_operator_names_a_folder() -> None:
    assert demo.build_demo(workers=0).service.teach is None


def test_a_correction_is_of_the_digit_that_it_was_pressed_for(visit) -> None:
    visitor = with_a_seven(visit)
    page, held = visitor.page, []
    page.locator("#teach-tab [type=radio]").nth(1).check()
    page.route("**/gradio_api/run/**", lambda route: held.append(route), times=1)
    page.locator("#teach-button").click()
    visitor.until(lambda _: held)
    page.locator("#pad canvas").press("Escape")
    visitor.reads("–")
    visitor.draw(FOUR)
    visitor.reads("4")
    held[0].continue_()
    page.locator("#teach-note", has_text="another digit was read meanwhile").wait_for()
    visitor.reads("4")
    assert not page.locator("#answers .taught-line").count()


def test_a_correction_that_no_server_hears_is_told(visit) -> None:
    visitor = with_a_seven(visit)
    page = visitor.page
    page.locator("#teach-tab [type=radio]").nth(1).check()
    page.route("**/gradio_api/run/**", lambda route: None)
    page.route("**/health", lambda route: route.abort())
    page.locator("#teach-button").click()
    page.locator("#teach-note", has_text="nothing was taught").wait_for()


def test_a_server_that_was_started_anew_is_noticed_by_a_page_that_asks_nothing(visit) -> None:
    visitor = with_a_seven(visit)
    page = visitor.page
    page.locator("#teach-tab [type=radio]").nth(1).check()
    page.locator("#teach-button").click()
    page.locator("#answers .taught-line").wait_for()
    another = {"status": 200, "headers": {"ETag": '"another"'}, "json": {"status": "ok"}}
    page.route("**/health", lambda route: route.fulfill(**another))
    page.locator(".lesson [role=alert]", has_text="loaded again, without").wait_for()
    visitor.reads("7")
    assert not page.locator("#answers .taught-line").count()


# --- The lesson and its address -----------------------------------------------------------------

STATUS = ".lesson [role=status]"
GARBAGE = (
    "<script>document.title='hacked'</script>",
    "tab=<img src=x onerror=document.title='hacked'>",
    "tab=nowhere",
    "tab=why&tab=about",
    "block=0",
    "block=99",
    "block=three",
    "block=3&map=129",
    "block=3&x=5",
    "x=5&y=5",
    "step=6",
    "large=2",
    "large",
    "what-if=1_2_3",
    "what-if=1_2_3_four",
    "stress-test=1_2_3_4_5_1e9",
    "block=3&tab=stress-test&stress-test=-999_1_0_0_0_0.5",
    "what-if=64_127_4_14",  # kernels are odd
    "tab=about&what-if=9999_1_3_5",
    "block=3&tab=why-this-answer&why-this-answer=99",
    "step=1=1",
    "colour=red",
    "ink=",
    "ink=3w.a6",
    "ink=zz.a68m",
    "ink=png.AAAA",
    "ink=png.<svg>",
    "ink=png." + "A" * 60,
    "ink=x_y",
    "ink=" + "3w.a68m_" * 4000,
    "%00%ff&&==",
    "__proto__=1",
    "x" * 200_000,
)


def seen(page) -> dict:
    """What the address is to bring back."""
    return page.evaluate(
        """() => ({
            pixels: document.querySelector('#pad canvas').toDataURL(),
            answers: [...document.querySelectorAll('#answers .bars')].map((e) => e.innerText),
            tab: document.querySelector('#more-tabs [aria-selected=true]').innerText,
            block: document.querySelector('.inside-blocks input:checked')?.value,
            large: document.documentElement.className.includes('large-type'),
            panes: [...document.querySelectorAll('.inside .pane')].map(
                ({ dataset: d }) => [d.map, d.output]),
        })"""
    )


def test_a_link_brings_drawing_block_map_and_pixel_to_another_visitor(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.inside()
    page.locator(".inside-blocks label", has_text="4").click()
    page.get_by_role("button", name="Another output map").click()
    output = page.locator(".inside .output canvas").first
    output.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Large type").click()
    page.get_by_role("button", name="Copy link to this").click()
    page.locator(STATUS, has_text="link").wait_for()
    before, link = seen(page), page.url
    assert "block=4" in link and "&x=" in link and len(link) < 2_000
    visitor.open_tab("Write a number")
    visitor.open_tab("About")
    page.wait_for_function("location.hash.includes('write-a-number')")
    page.evaluate("(link) => { location.hash = new URL(link).hash; }", link)
    visitor.until(lambda page: seen(page) == before)  # on the tabs that the link was copied on
    assert page.locator("#pad canvas").is_visible()
    older = link.partition("&")[2]  # without the length
    for where in (visit(fragment=f"#{older}", alone=True), visitor):
        if where is visitor:
            page.reload()
        where.reads("7")
        where.inside()
        where.until(lambda page: seen(page) == before)
    visitor.open_tab("Why this answer")
    assert "tab=why-this-answer" in page.evaluate("location.hash")  # at once
    page.locator("#why-tab [type=radio]").nth(4).check()
    page.wait_for_function("location.hash.includes('why-this-answer=4')")
    page.reload()
    page.locator("#more-tabs [aria-selected=true]", has_text="Why this answer").wait_for()
    visitor.until(lambda page: page.locator("#why-tab [type=radio]").nth(4).is_checked())
    page.locator("#why-detail [alt*='Evidence for 3']").first.wait_for()
    for old, name in (("where-it-lies", "Similar digits"), ("why", "Why this answer")):
        page.evaluate("(tab) => { location.hash = `tab=${tab}`; }", old)  # of links from before
        page.locator("#more-tabs [aria-selected=true]", has_text=name).wait_for()
    for tab, sliders in (("Stress test", ".stress-grid"), ("What if", ".whatif-sliders")):
        visitor.open_tab(tab)
        page.locator(f"{sliders} input[type=range]").nth(1).press("ArrowLeft")
    page.wait_for_function("location.hash.includes('&what-if=64_127_3_14&stress-test=0_0.95_0')")
    page.reload()
    page.locator(".whatif-ratio", has_text="1/127").wait_for()
    visitor.open_tab("Stress test")
    visitor.until(lambda page: page.locator("#stress-scale [type=number]").input_value() == "0.95")
    page.evaluate("location.hash = 'tab=stress-test&stress-test=-44.375_1_0_0_0_0.5'")
    visitor.until(
        lambda page: page.locator("#stress-rotation [type=number]").input_value() == "-44.375"
    )
    assert page.locator("#stress-noise [type=number]").input_value() == "0.5"
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("!location.hash.includes('stress-test=')")


def test_the_pad_is_what_the_address_says_at_once_and_after_going_back(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.draw(SEVEN)
    page.reload()  # the pen has just been lifted
    visitor.reads("7")
    link = page.evaluate("location.hash")
    page.locator("#pad canvas").press("Escape")
    page.wait_for_function("!location.hash")
    kept = "sessionStorage.setItem('lesson-ink', '{\"ink\": \"3w.a68m\"}')"  # of a drawing too long
    page.evaluate(f"(link) => {{ {kept}; location.hash = link; }}", link)
    visitor.reads("7")
    page.go_back()
    visitor.reads("–")
    assert visitor.ink() == 0
    page.keyboard.press("Control+z")
    visitor.reads("7")
    page.keyboard.press("Control+z")  # stroke by stroke
    visitor.reads("–")
    page.reload()
    page.locator("#pad canvas").wait_for()
    page.wait_for_timeout(500)
    assert visitor.ink() == 0
    page.evaluate("location.hash = 'block=4&map=3'")
    page.locator(".inside-map", has_text="Output map 3 of").wait_for()
    page.evaluate("location.hash = 'tab=what-if'")  # the block is still seen, and in the link
    page.wait_for_function("/tab=what-if&block=4&map=3/.test(location.hash)")


def test_an_address_that_is_cut_or_does_not_fit_changes_nothing_and_is_told_once(visit) -> None:
    visitor = visit()
    page = visitor.page
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.inside()
    before, title = seen(page), page.title()
    rng = np.random.default_rng(0)
    noise = [bytes(rng.integers(32, 127, 60)).decode() for _ in range(30)]
    page.wait_for_function("location.hash.includes('ink=')")
    page.wait_for_timeout(500)  # what was pressed last is in it, too
    whole = page.evaluate("location.hash.slice(1)")
    cut = [whole[:length] for length in (3, 9, 12, len(whole) // 2, len(whole) - 1)]
    told = dict.fromkeys((*GARBAGE, *noise, f"{whole}."), "does not fit this page")
    for fragment, says in {**told, **dict.fromkeys(cut, "The link is cut short")}.items():
        page.evaluate(
            "(text) => { document.querySelector('.lesson [role=status]').textContent = '';"
            " location.hash = text; }",
            fragment,
        )
        page.locator(STATUS, has_text=says).wait_for()
        assert page.locator(STATUS).inner_text().count(".") == 2
        assert seen(page) == before, fragment[:60]
    visitor.draw(SEVEN)  # and the address is that of the page again
    page.wait_for_function("!document.querySelector('.lesson [role=status]').textContent")
    assert page.title() == title
    assert page.locator(".lesson img, .lesson script").count() == 0


def test_a_block_that_the_lesson_opens_is_said_until_something_changes(visit) -> None:
    visitor = visit(fragment="#step=4")
    visitor.inside()
    visitor.page.get_by_role("button", name="Open block 4").press("Enter")
    told = visitor.page.locator(".lesson [role=status]", has_text="Block 4 is open below.")
    told.wait_for()
    visitor.page.locator(".inside-blocks input[value='1']").check()
    told.wait_for(state="detached")


def test_a_count_that_the_lesson_breaks_off_leaves_no_map_empty(visit) -> None:
    visitor = visit()
    page = visitor.page
    page.locator(".lesson-panel").wait_for(state="attached")
    page.get_by_role("button", name="Lesson in five steps").click()
    visitor.inside()
    page.get_by_role("button", name="Go on without a guess").click()
    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Step", exact=True).click()  # nothing is mixed yet
    empty = """() => [...document.querySelectorAll('.tail canvas')].filter((canvas) => {
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        return data.filter((_, i) => i % 4 === 3).includes(0); }).length"""
    assert page.evaluate(empty) == 2  # the sum and the output map of MobileNet
    page.get_by_role("button", name="Next step").click()
    page.locator(".lesson-panel h3", has_text="step 4").wait_for()
    assert page.evaluate(empty) == 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (380, True)])
def test_five_steps_lead_from_a_guess_to_its_reason_by_keyboard(visit, width, dark) -> None:
    visitor = visit(size=(width, 800), scheme="dark" if dark else "light")
    page = visitor.page
    page.locator(".lesson-panel").wait_for(state="attached")
    page.get_by_role("button", name="Lesson in five steps").focus()
    page.keyboard.press("Enter")
    panel = page.locator(".lesson-panel")
    panel.get_by_text("Step 1 of 5").wait_for()
    assert "14,450,688" in panel.inner_text()
    visitor.inside()
    for answer in (
        ".inside-result",
        ".inside-step",
        ".inside-tally",
        ".pane .count",
        ".cost-strip",
        ".costs dd",
        ".versus",
    ):
        assert not page.locator(answer).first.is_visible()  # before the guess
    for tab, answer in (("What if", ".whatif"), ("About", "#about li li")):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.locator(answer).first.wait_for(state="attached")
        assert not page.locator(answer).first.is_visible()
    page.get_by_role("tab", name="Inside one block").click()
    panel.get_by_role("button", name="Go on without a guess").wait_for()
    panel.locator("h3").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # from the first guess to the second
    page.keyboard.press("ArrowDown")
    for number in range(2, 6):
        panel.get_by_role("button", name="Next step").focus()
        page.keyboard.press("Enter")
        panel.get_by_text(f"Step {number} of 5").wait_for()
        if number == 2:
            page.locator("[data-move='1']").press("Enter")
            heard = page.locator(".inside-step [role=status]")
            heard.filter(has_text="64 weights swapped").wait_for()  # and nothing of their cost
            looked_at = seen(page)["panes"]
        if number == 3:
            assert seen(page)["panes"] == looked_at
            assert page.locator(".costs dd").first.is_visible()
            page.locator("[data-run=step]").press("Enter")  # a count that is left half done
        if number == 4:
            assert page.locator(".pane.standard .count").inner_text().startswith("14,450,688")
            assert "You said: about an eighth. That is nearest: 14,450,688" in panel.inner_text()
            assert "112,896 + 1,605,632 = 1,718,528, 8.41 times fewer" in panel.inner_text()
            opened = panel.locator("[data-open]").all_inner_texts()
            assert opened == ["Open block 4", "Open block 2"]
            page.locator(".inside-result").wait_for()
    panel.locator("textarea").fill("Filters are shared.")
    panel.locator("summary").focus()
    page.keyboard.press("Enter")
    assert "1/128 + 1/9" in panel.inner_text()
    page.get_by_role("button", name="Large type").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_function("location.hash.includes('large=1')")
    page.reload()
    page.locator(".lesson-panel").get_by_text("Step 5 of 5").wait_for()
    assert page.locator(".lesson-panel textarea").input_value() == "Filters are shared."
    panel.get_by_role("button", name="End the lesson").press("Enter")
    assert not panel.is_visible()
    assert page.evaluate("document.activeElement.id") == "inside-tab-button"  # not lost
