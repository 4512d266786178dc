"""The app in a browser with three networks that have little in common, and names made to harm."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers_data import png
from helpers_visitor import SEVEN, Visitor, paper
from playwright.sync_api import expect

import demo
from netlib.nets.checkpoint import save_network
from netlib.nets.network import init_network

EVIL = ["<img src=x onerror=alert(1)>", "$x^2$", "# h", "=cmd()", "7"]
NAMES = ("=net <b>$a$", "small", "mobilenet")


@pytest.fixture(scope="module")
def address(serving, tmp_path_factory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("networks")
    first = init_network(3, 0, (1, 28, 28), 5, width=0.5)
    second = init_network(1, 2, (3, 32, 32), 2, width=0.3)
    files = (
        save_network(first, folder / f"{NAMES[0]}.safetensors", {"class_names": EVIL}),
        save_network(second, folder / "small.safetensors"),
        demo.MOBILENET,
    )
    app = demo.build_demo(*files)
    with serving(app) as address:
        yield f"{address}/"


@pytest.fixture(scope="module")
def visitor(room, address: str) -> Iterator[Visitor]:
    """One window for all tests, with a digit drawn."""
    visitor = Visitor(room, address)
    visitor.draw(SEVEN)
    visitor.page.locator("#answers .card.third .big", has_text="7").wait_for()
    yield visitor
    visitor.check()


def test_blocks_of_three_networks_are_computed(visitor: Visitor) -> None:
    assert visitor.page.locator("h1").inner_text() == "One drawing, three networks"
    visitor.inside()
    assert visitor.page.locator(".inside .pane:visible").count() == 3
    visitor.page.locator(".inside-blocks input[value='3']").check()
    assert visitor.page.locator(".inside .pane:visible").count() == 1
    visitor.page.locator(".cost-columns button").first.click()
    assert visitor.page.locator(".inside .pane:visible").count() == 3
    # No block is standard in one, separable in another, and else the same.
    assert not visitor.page.locator("[data-lesson=start]").is_visible()
    sums = visitor.page.locator(".pane.mobilenet").evaluate("(node) => Number(node.dataset.output)")
    assert sums >= 0


def test_a_pixel_that_is_pointed_at_is_the_panes_own_and_others_are_told(visitor: Visitor) -> None:
    page = visitor.page
    visitor.inside()
    page.locator(".inside-blocks input[value='2']").check()
    for pane, side in zip(page.locator(".inside .pane").all(), (7, 8, 14), strict=True):
        canvas = pane.locator(".output canvas")
        for at in (0, side // 2, side - 1):
            middle = (at + 0.5) * canvas.bounding_box()["width"] / side
            canvas.hover(position={"x": middle, "y": middle})
            assert int(pane.get_attribute("data-pixel")) == at * side + at
        canvas.press("ArrowLeft")
        assert int(pane.get_attribute("data-pixel")) == side * side - 2
    places = (f"7, column 7. {NAMES[0]}", "8, column 8. small", "14, column 13. MobileNet")
    for told in places:  # of the last one's pixel, at its place in each
        page.locator(".inside-step", has_text=f"Row {told}").wait_for()
        page.locator(".inside-pixel", has_text=f"Row {told}").wait_for(state="attached")
    visitor.until(lambda page: "&x=13&y=14" in page.url)


def test_a_network_that_has_no_more_maps_swaps_none(visitor: Visitor) -> None:
    page = visitor.page
    visitor.inside()
    page.locator(".inside-blocks input[value='2']").check()
    page.locator(".inside-map input").fill("100")
    page.locator(
        ".inside-step", has_text=f"{NAMES[0]} has only 64 output maps. small has"
    ).wait_for()
    small = page.locator(".inside .pane").nth(1)
    assert small.get_attribute("data-map") == "37"
    assert small.locator(".swap-note").inner_text() == "There are only 38 output maps."
    small.locator(".output canvas").press("ArrowUp")
    page.locator(".inside-pixel", has_text="small, output map 38: ").wait_for(state="attached")
    for _ in range(3):
        page.locator("[data-run=step]").click()
    assert page.locator(".inside-map output").inner_text() == "1 of 128"
    assert "Another output map" in small.locator(".swap-note").inner_text()
    for _ in range(2):
        page.locator("[data-run=step]").click()
    assert "small needs 15.80× fewer multiplications than =net" in visitor.text(".inside-step")
    page.locator(".inside-blocks input[value='1']").check()
    share = "+ 10 × 9 shared by all 19 output maps, 90/19 for each: 10 + 90/19 in all."
    assert share in visitor.text(".inside .pane:nth-child(2) .sum-count")
    fourth = page.get_by_role("button", name="Look inside block 4: MobileNet")
    assert ";" not in fourth.get_attribute("aria-label")


def test_details_follow_what_is_loaded(visitor: Visitor) -> None:
    visitor.open_tab("Why this answer")
    visitor.page.get_by_role("radio", name=EVIL[0], exact=True).check()
    unknown = visitor.page.locator("#why-detail").get_by_text(f"does not know {EVIL[0]}")
    expect(unknown).to_have_count(4)
    visitor.open_tab("Stress test")
    visitor.page.locator("#stress-detail .stress-now").wait_for()
    assert visitor.page.locator(".stress-chart svg").first.locator("polyline").count() == 3


def test_names_are_shown_as_text_everywhere(visitor: Visitor, tmp_path: Path) -> None:
    name = "=<i>&$y$ # 1.png"
    (tmp_path / name).write_bytes(png(paper(SEVEN)))
    visitor.open_tab("Many pictures")
    visitor.page.locator("#batch-files input[type=file]").set_input_files(tmp_path / name)
    visitor.page.get_by_role("button", name="Read them").click()
    row = visitor.page.locator("#batch-table tbody tr")
    row.wait_for()
    assert row.locator(".name").inner_text().startswith("=")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Download CSV").click()
    table = Path(download.value.path()).read_text(encoding="utf-8")
    header, cells = csv.reader(io.StringIO(table))
    assert header[4] == f"'{NAMES[0]}"
    assert all(cell[:1] not in ("=", "+", "-", "@") for cell in (*header, *cells))
    visitor.open_tab("About")
    about = visitor.page.locator("#about")
    about.get_by_text(NAMES[0]).first.wait_for()
    assert all(label in about.inner_text() for label in EVIL)
    here = visitor.page.url.split("#")[0].rstrip("/")
    assert about.locator(".server").all_inner_texts() == [here] * 4
    example = visitor.page.request.get(f"{here}/seven.png").body()  # as About says
    answer = visitor.page.request.post(f"{here}/predict", data=example).json()
    assert answer["mobilenet"]["prediction"] == "7"
    for tag in ("img[src=x]", "b:text-is('$a$')", ".katex", "i:text-is('&$y$ # 1.png')"):
        assert visitor.page.locator(tag).count() == 0
