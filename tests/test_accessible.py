"""The page for everyone: axe-core finds nothing, and what it cannot see is looked at here.

axe-core is npm's package: `npm pack axe-core`, and AXE_CORE names its axe.min.js.
"""

import os
from pathlib import Path

import pytest
from helpers_visitor import FOUR, ONE, SEVEN, Visitor

TABS = (
    "Draw", "Upload", "Write a number", "Many pictures", "Inside one block", "What if",
    "Examples", "Why this answer", "Similar digits", "Stress test", "Teach", "About",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALL = """() => [...document.querySelectorAll(
    'button, input, select, a[href], canvas[tabindex], [role=tab], [role=radio]')]
    .filter((node) => node.checkVisibility() && !node.closest('.md, label, .visually-hidden'))
    .filter((node) => { const {width, height} = node.getBoundingClientRect();
        return width > 1 && (width < 24 || height < 24); })
    .map((node) => node.outerHTML.slice(0, 90))"""


RINGS = """() => [...document.querySelectorAll('#teach-answer input')].slice(0, 2).map((ring) => {
    const light = (text) => {
        const shares = text.match(/[\\d.]+/g).slice(0, 3).map((value) => (value / 255) ** 2.2);
        return 0.2126 * shares[0] + 0.7152 * shares[1] + 0.0722 * shares[2] + 0.05; };
    const [edge, paper] = [getComputedStyle(ring).borderColor,
        getComputedStyle(ring.closest('label')).backgroundColor].map(light);
    return Math.max(edge / paper, paper / edge); })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_choices_stand_out_and_axe_finds_nothing_in_any_tab(visit, scheme: str) -> None:
    path = os.environ.get("AXE_CORE")
    visitor = visit(scheme=scheme)
    visitor.open_tab("Teach")
    visitor.page.get_by_role("radio", name="0", exact=True).last.check()
    chosen, other = visitor.page.evaluate(RINGS)
    assert chosen >= 3 and other >= 3  # WCAG 1.4.11, which axe does not look at
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Shift+Tab")
    focus = "getComputedStyle(document.activeElement).outlineStyle"
    assert visitor.page.evaluate(focus) == "solid"  # which Gradio takes away
    panel = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    red = int(visitor.page.evaluate(panel).split("(")[1].split(",")[0])
    assert (red < 64) == (scheme == "dark")
    visitor.draw(SEVEN)
    visitor.reads("7")  # on white paper, whatever is around it
    if not path:
        pytest.skip("AXE_CORE names no axe.min.js (npm pack axe-core): axe did not run.")
    visitor.page.evaluate(Path(path).read_text(encoding="utf-8"))
    found = {}
    for tab in TABS:
        visitor.open_tab(tab)
        visitor.page.wait_for_timeout(350)  # what it shows has faded in
        if tab == "Many pictures":
            visitor.choose_many()
        result = visitor.page.evaluate("(rules) => axe.run(document, {runOnly: rules})", RULES)
        found[tab] = [(v["id"], v["nodes"][0]["target"]) for v in result["violations"]]
    assert not any(found.values()), found


def test_files_are_chosen_and_removed_by_keys_without_losing_the_focus(visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Many pictures")
    visitor.choose_many()
    page.wait_for_function("document.activeElement.matches('#batch-files .file-preview a')")
    with page.expect_file_chooser():
        page.get_by_role("button", name="Add files").press("Enter")
    page.locator("#batch-files [aria-label=Clear]").press("Enter")
    page.wait_for_function("document.activeElement.matches('#batch-files .upload-container')")


@pytest.mark.parametrize("width", [320, 380, 820])
def test_every_tab_is_reached_and_nothing_is_wider_than_the_screen(visit, width: int) -> None:
    visitor = visit(size=(width, 900))
    visitor.draw(SEVEN)
    for tab in TABS:
        button = visitor.page.get_by_role("tab", name=tab, exact=True)
        button.click()
        assert button.get_attribute("aria-selected") == "true"
        visitor.page.wait_for_timeout(150)
        assert visitor.page.get_by_role("tabpanel", name=tab, exact=True).is_visible()
        wide, room = visitor.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room, tab
        assert not visitor.page.evaluate(SMALL), tab


@pytest.mark.parametrize(("width", "size"), [(1280, 32), (390, 24), (320, 32)])
def test_large_text_is_not_cut(visit, width: int, size: int) -> None:
    visitor = visit(size=(width, 900), alone=True)
    sizes = """() => ['.masthead p', '#more-tabs [role=tab]', '.hint', '.pad-tool', '.show-api']
        .map((name) => parseFloat(getComputedStyle(document.querySelector(name)).fontSize))"""
    before = visitor.page.evaluate(sizes)
    devtools = visitor.context.new_cdp_session(visitor.page)  # as in the browser's settings
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size - 4}})
    larger = [size / 16 * one for one in before]
    assert visitor.page.evaluate(sizes) == pytest.approx(larger, rel=0.03)
    visitor.draw(SEVEN)
    visitor.reads("7")
    visitor.inside()
    assert not visitor.page.evaluate(CUT)
    for _ in range(3):  # the counters at work
        visitor.page.locator("[data-run=step]").click()
    assert not visitor.page.evaluate(CUT)
    visitor.open_tab("What if")
    assert not visitor.page.evaluate(CUT)
    visitor.open_tab("Teach")
    visitor.page.get_by_role("radio", name="1", exact=True).last.check()
    visitor.page.get_by_role("button", name="Teach it").click()
    visitor.page.locator(".taught-change").first.wait_for()
    assert not visitor.page.evaluate(CUT)


def test_a_verdict_of_two_lines_moves_nothing(visit) -> None:
    visitor = visit(size=(820, 900))
    place = "() => document.querySelector('#answers .cards').getBoundingClientRect().top"
    before = visitor.page.evaluate(place)
    visitor.page.evaluate(
        "document.querySelector('#answers .verdict').textContent ="
        " 'They differ: Standard reads 4, MobileNet reads 9. In question: 4 or 9.'"
    )
    assert visitor.page.evaluate(place) == before


def test_a_number_is_written_with_a_finger_on_a_phone(visit) -> None:
    visitor = visit(size=(380, 760), has_touch=True)
    visitor.open_tab("Write a number")
    canvas = visitor.page.locator("#wide-pad canvas")
    box = canvas.bounding_box()
    assert box["height"] > 150
    canvas.scroll_into_view_if_needed()
    before = visitor.page.evaluate("window.scrollY")
    for i, digit in enumerate([SEVEN, ONE, FOUR]):
        moved = [[(0.04 + 0.31 * i + 0.3 * x, y) for x, y in stroke] for stroke in digit]
        visitor.draw(moved, pad="#wide-pad", touch=True)
    visitor.reads("714", where="#number-answers")
    assert visitor.page.evaluate("window.scrollY") == before  # a finger draws, and does not scroll
    assert not visitor.page.locator("#answers").is_visible()


def test_a_phone_offers_its_camera_and_names_hold_what_is_written(visit) -> None:
    visitor = visit(size=(380, 900))
    visitor.open_tab("Upload")
    field = visitor.page.locator("#picture .upload-container")
    assert "image/*" in field.locator("input").get_attribute("accept")
    assert field.get_attribute("aria-label") == field.inner_text().strip()
    assert "Upload" in visitor.page.locator("#pad canvas").get_attribute("aria-label")


def test_the_page_is_english_whatever_the_browser_speaks(visit) -> None:
    visitor = visit(locale="de-DE")
    visitor.open_tab("Upload")
    assert visitor.page.locator("html").get_attribute("lang") == "en"
    text = visitor.page.locator("#picture").inner_text()
    own = visitor.page.locator("#picture .upload-container").get_attribute("lang")
    assert own == ("en" if "Click to Upload" in text else "de")


# How wide a select's content is its longest option says, whatever it shows.
CUT = """() => [...document.querySelectorAll(
        '.verdict, .card, .card *, .versus, .cost-strip *, .steps *, .pad-tools *, .inside *,'
        + '.whatif *, .taught *')]
    .filter((node) => node.checkVisibility() && getComputedStyle(node).display !== 'inline')
    .filter((node) => !node.closest('.visually-hidden'))
    .filter((node) => { const { right, left } = node.getBoundingClientRect();
        const wide = node.tagName !== 'SELECT' && node.scrollWidth > node.clientWidth + 2;
        return wide || left < 0 || right > innerWidth; })
    .map((node) => node.outerHTML.slice(0, 90))"""
STATES = """() => ['#more-tabs [aria-selected=false]', '#more-tabs [aria-selected=true]',
    '.pad-tool[aria-pressed=false]', '.pad-tool[aria-pressed=true]',
    '.inside-blocks input:not(:checked) + span', '.inside-blocks :checked + span',
    '.lesson [data-lesson=copy]', '.lesson [aria-pressed=true]'].map((name) => {
        const style = getComputedStyle(document.querySelector(name));
        return [style.outlineStyle, style.textDecorationLine].join(); })"""


def test_paper_and_forced_colours_show_the_answers_and_what_is_chosen(visitor: Visitor) -> None:
    page = visitor.page
    visitor.draw(SEVEN)
    visitor.reads("7")
    page.wait_for_timeout(300)  # the answer to the last of the live calls
    visitor.inside()
    page.locator("[data-run=step]").click()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins
    page.emulate_media(media="print")
    assert page.locator(".inside-step", has_text="Count 1 of 5").is_visible()
    for text in ("Both networks read 7", "99.9", "fewer parameters", "Blocks 3 and 4"):
        assert page.get_by_text(text).first.is_visible(), text
    assert not page.locator(".pad-tools").first.is_visible()  # nothing can be pressed on paper
    assert not page.locator("footer").is_visible()
    tabs = page.get_by_role("tab")
    assert [tab.inner_text() for tab in tabs.all() if tab.is_visible()] == [
        "Draw",
        "Inside one block",
    ]
    assert not page.evaluate(CUT)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen", forced_colors="active")
    large = page.locator(".lesson [data-lesson=large]")
    large.evaluate("(node) => { node.ariaPressed = 'true'; }")
    states = page.evaluate(STATES)
    assert all(other != chosen for other, chosen in zip(states[::2], states[1::2], strict=True))
    large.evaluate("(node) => { node.ariaPressed = 'false'; }")
    fills = "() => [...document.querySelectorAll('.bars .fill')].map("
    fills += "(node) => getComputedStyle(node).forcedColorAdjust)"
    assert set(page.evaluate(fills)) == {"none"}  # a bar's length is its colour's
    page.emulate_media(forced_colors="none")


def test_a_dark_page_is_printed_in_light_at_the_step_that_it_shows(visit) -> None:
    page = visit(scheme="dark").page
    page.locator(".inside").scroll_into_view_if_needed()
    page.wait_for_selector(".inside[data-ready]")
    page.locator("[data-run=step]").click()
    paper = "(red) => document.querySelector('.inside-digit canvas').getContext('2d')"
    paper += ".getImageData(0, 0, 1, 1).data[0] === red"
    assert page.evaluate(paper, 22)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(paper, arg=255)
    assert not page.locator(".dark").count()
    assert page.locator(".inside-step", has_text="Count 1 of 5").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(paper, arg=22)
