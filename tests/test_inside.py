"""Inside one block: what the browser shows is what the networks compute, to 1e-5.

The reference is PyTorch's own forward pass over the shipped checkpoints.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from html import unescape

import numpy as np
import pytest
import torch
from helpers_visitor import SEVEN, Visitor

import demo
from netlib.app.inside import Inside, mobilenet_v1_layers, pack, page_of
from netlib.app.service import Service
from netlib.app.views.cost_strip import cost_strip_html, lesson
from netlib.app.views.pictures import encode
from netlib.nets import init_network, load_network, measure, mobilenet_v1
from netlib.nets.layers import folded

CLOSE = 1e-5
SIDES = {"standard": demo.STANDARD, "mobilenet": demo.MOBILENET}


def feature_maps(net: torch.nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """What PyTorch has after each block, for one image (1, H, W)."""
    maps, values = [], image[None]
    with torch.inference_mode():
        for block in net.blocks:
            values = block(values)
            maps.append(values[0].clone())
    return maps


@pytest.fixture(scope="module")
def networks() -> dict[str, torch.nn.Module]:
    return {name: load_network(path) for name, path in SIDES.items()}


@pytest.fixture(scope="module")
def inside() -> Inside:
    return Inside.of(Service.load(*SIDES.values()))


# --- What is sent -------------------------------------------------------------------------------


def test_weights_lie_where_the_manifest_says() -> None:
    net = init_network(1, 1, (1, 9, 10), 3, width=0.125)
    blocks = folded(net)
    weights, manifest = pack({"net": blocks})
    numbers = np.frombuffer(weights, "<f4")
    entries = [entry for block in manifest["net"] for entry in block]
    for layer, entry in zip([*blocks[0], *blocks[1]], entries, strict=True):
        start = entry["offset"]
        middle, end = start + layer.weight.size, start + layer.weight.size + layer.bias.size
        np.testing.assert_array_equal(numbers[start:middle], layer.weight.ravel())
        np.testing.assert_array_equal(numbers[middle:end], layer.bias)
    assert [entry["kind"] for entry in entries] == ["conv", "depthwise", "pointwise"]
    assert [(entry["height"], entry["width"]) for entry in entries] == [(5, 5), (3, 3), (3, 3)]
    assert [entry["macs"] for entry in entries] == [4 * 9 * 25, 4 * 9 * 9, 4 * 8 * 9]


def test_the_manifest_counts_what_the_networks_cost(inside: Inside, networks) -> None:
    for network in inside.manifest["networks"]:
        cost = measure(networks[network["name"]])
        sent = [layer["macs"] for block in network["blocks"] for layer in block]
        assert sent == [layer.macs for layer in cost.layers if layer.kind not in ("bn", "fc")]


def test_a_digit_is_sent_as_it_was_seen_and_the_manifest_safely(inside: Inside) -> None:
    digit = np.random.default_rng(0).random((28, 28)).astype(np.float32)
    received = np.frombuffer(base64.b64decode(encode(digit)), "<f4").reshape(28, 28)
    np.testing.assert_array_equal(received, digit)
    carried = re.search(r'data-manifest="([^"]*)"', page_of("whatif.html", inside))
    assert carried is not None
    assert json.loads(unescape(carried[1])) == json.loads(json.dumps(inside.manifest))


def test_the_presets_are_the_separable_layers_of_mobilenet_v1() -> None:
    cost = measure(mobilenet_v1())
    pairs = [layer for layer in cost.layers if layer.kind in ("depthwise", "pointwise")]
    macs = [
        (9 * layer["m"] * layer["side"] ** 2, layer["m"] * layer["n"] * layer["side"] ** 2)
        for layer in mobilenet_v1_layers()
    ]
    assert [cost for pair in macs for cost in pair] == [layer.macs for layer in pairs]


# --- The strip of costs -------------------------------------------------------------------------


def test_the_strip_has_every_convolution_and_tells_what_the_ratio_hides(inside: Inside) -> None:
    networks = inside.manifest["networks"]
    bars = re.findall(r'<i class="\w+" data-macs="(\d+)"', cost_strip_html(networks))
    sent = [layer["macs"] for net in networks for block in net["blocks"] for layer in block]
    assert sorted(map(int, bars)) == sorted(sent)
    key = re.findall(r'<i class="(\w+) (\w+)"></i>', cost_strip_html(networks))
    assert key == [("conv", "standard"), ("conv", "mobilenet"), ("depthwise", "mobilenet"),
                   ("pointwise", "mobilenet")]  # fmt: skip
    text = re.sub("<[^>]*>", "", lesson(networks))
    assert "Blocks 3 and 4 made separable: 8.41× and 8.69× fewer" in text
    assert "In all only 4.62×" in text
    assert "block 2 is still standard, and is 51\u00a0% of what remains" in text


def test_the_strip_says_only_of_what_is_less(inside: Inside) -> None:
    standard = inside.manifest["networks"][0]
    folded_blocks = folded(init_network(1, 3, (1, 28, 28), 10))
    blocks = pack({"third": folded_blocks})[1]["third"]
    macs = measure(init_network(1, 3, (1, 28, 28), 10)).macs
    third = {**standard, "title": "third", "blocks": blocks, "macs": macs}
    text = re.sub("<[^>]*>", "", lesson([standard, third]))
    assert text == ("Blocks 2, 3 and 4 made separable: 7.89×, 8.41× and 8.69× fewer. In all 8.36×.")


def test_the_strip_says_the_same_in_any_order_and_claims_no_other_saving(inside: Inside) -> None:
    networks = inside.manifest["networks"]
    assert lesson(networks[::-1]) == lesson(networks)
    assert "MobileNet next to Standard: Blocks 3 and 4" in lesson([*networks, networks[0]])
    assert lesson(networks[:1] * 2) == "Standard and Standard cost the same."
    near = {**networks[0], "title": "near", "macs": networks[0]["macs"] - 1}
    told = re.sub("<[^>]*>", "", lesson([networks[0], near]))
    assert told == "near needs almost as many multiplications in all."


# --- In the browser -----------------------------------------------------------------------------


@pytest.fixture
def open_page(visit) -> Callable:
    """`open_page(**options)` is the page with the tab at work."""

    def open_page(**options):
        visitor = visit(**options)
        visitor.inside()
        return visitor.page

    return open_page


@pytest.fixture
def page(window: Visitor) -> Iterator:
    """The module's window, at rest: an empty pad, and the block that it opens with."""
    window.rest()
    page = window.page
    page.get_by_role("tab", name="Inside one block").click()
    window.inside()
    for block in (0, 2):  # a block that is opened begins anew
        page.locator(f".inside-blocks input[value='{block}']").check()
    yield page
    window.check()


def draw_seven(visitor: Visitor) -> np.ndarray:
    """Draw a 7; the digit (28, 28) that came back with the answer."""
    visitor.draw(SEVEN)
    visitor.verdict("Both networks read 7")
    return settled(visitor)


def settled(visitor: Visitor) -> np.ndarray:
    """The digit (28, 28) of the answers, once the tab shows it."""
    visitor.page.wait_for_timeout(300)  # the answer to the last of the live calls
    visitor.inside()
    return decoded(visitor.page.evaluate("document.querySelector('#digit-read').dataset.digit"))


def decoded(text: str) -> np.ndarray:
    """What the first network saw; the second saw the same."""
    first, second = text.split()
    assert second == "="
    return np.frombuffer(base64.b64decode(first), "<f4").reshape(28, 28)


def choose(page, block: int, output_map: int) -> None:
    page.locator(f".inside-blocks input[value='{block}']").check()
    slider = page.locator(".inside-map input")
    slider.evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }",
        output_map,
    )


def point_at(page, side: str, x: int, y: int) -> None:
    """Move the mouse over one pixel of a side's output map."""
    canvas = page.locator(f".pane.{side} .output canvas")
    side_of_one = canvas.evaluate("(node) => node.clientWidth / node.width")
    # Waits until nothing moves the canvas any more.
    canvas.hover(position={"x": (x + 0.5) * side_of_one, "y": (y + 0.5) * side_of_one})


def said(page, side: str) -> dict[str, np.ndarray]:
    """The numbers of a side, from its data attributes."""
    data = page.locator(f".pane.{side}").evaluate("(node) => ({...node.dataset})")
    names = ("products", "rest", "sum", "bias", "output", "filtered", "drawn", "pixel", "map")
    return {name: np.array(data[name].split(), float) for name in names if data.get(name)}


def text(page, selector: str) -> str:
    return " ".join(page.locator(selector).inner_text().split())


def test_a_digit_of_two_strokes_is_shown_as_it_is_when_both_are_drawn(page, window) -> None:
    first = draw_seven(window)
    page.wait_for_timeout(700)
    window.draw([[(0.4, 0.52), (0.7, 0.5)]])
    window.until(lambda _: (settled(window) != first).any())


def test_the_picture_of_the_others_says_what_they_are(page, window) -> None:
    draw_seven(window)
    choose(page, 2, 0)
    for name, others in (
        ("standard", "56 other input maps, and the sum of their products"),
        ("mobilenet", "56 other filtered maps, and their weighted sum"),
    ):
        assert text(page, f".pane.{name} .others .told") == others


def test_every_sum_and_filtered_map_is_the_networks_own(page, window, networks) -> None:
    image = torch.from_numpy(draw_seven(window).copy())[None]
    maps = {name: feature_maps(net, image) for name, net in networks.items()}
    for block in range(4):
        assert_sums_are_exact(page, maps, block)
    for block in (2, 3):
        assert_filtered_maps_are_exact(page, networks["mobilenet"], image[None], block)


def assert_sums_are_exact(page, maps: dict[str, list[torch.Tensor]], block: int) -> None:
    """Read three pixels of three output maps of a block, and compare both networks'."""
    count, side, _ = maps["standard"][block].shape
    for output_map, x, y in [
        (0, 0, 0),
        (count // 2, side // 2, 3),
        (count - 1, side - 1, side - 1),
    ]:
        choose(page, block, output_map)
        point_at(page, "standard", x, y)
        for name in maps:
            shown = said(page, name)
            assert (shown["map"], shown["pixel"]) == (output_map, y * side + x)
            assert shown["output"] == pytest.approx(
                float(maps[name][block][output_map, y, x]), abs=CLOSE
            )
            added = shown["products"].sum() + shown.get("rest", np.zeros(1))
            assert added == pytest.approx(shown["sum"], abs=CLOSE)
            assert max(0, shown["sum"] + shown["bias"]) == pytest.approx(shown["output"], abs=CLOSE)


def assert_filtered_maps_are_exact(page, net, image: torch.Tensor, block: int) -> None:
    with torch.inference_mode():
        separable = net.blocks[block]
        before = net.blocks[:block](image)
        filtered = separable.relu_dw(separable.bn_dw(separable.conv_dw(before)))[0]
    choose(page, block, 5)
    point_at(page, "mobilenet", 3, 4)
    shown = said(page, "mobilenet")
    expected = [float(filtered[int(m), 4, 3]) for m in shown["drawn"]]
    np.testing.assert_allclose(shown["filtered"], expected, atol=CLOSE)


def test_an_empty_pad_shows_a_labelled_example(page, window, inside: Inside, networks) -> None:
    example = inside.manifest["example"]
    assert f"Example: a {example['label']}" in text(page, ".inside-digit")
    point_at(page, "standard", 6, 6)
    image = torch.from_numpy(decoded(example["digits"]).copy())[None]
    shown = said(page, "standard")
    expected = feature_maps(networks["standard"], image)[2][int(shown["map"][0]), 6, 6]
    assert shown["output"] == pytest.approx(float(expected), abs=CLOSE)
    draw_seven(window)
    assert text(page, ".inside-digit") == "Your digit"


def test_another_output_map_swaps_kernels_on_the_left_and_moves_weights_on_the_right(page) -> None:
    look = """() => ['standard', 'mobilenet'].map((side) => {
        const pictures = (kind) => [...document.querySelectorAll(`.pane.${side} ${kind}`)]
            .map((canvas) => canvas.toDataURL());
        return [pictures('.lane[data-row] .kernel'), pictures('.lane[data-row] .product canvas')];
    })"""
    (kernels, products), (own, filtered) = page.evaluate(look)
    weights = page.locator(".pane.mobilenet").get_attribute("data-weights")
    pixel = said(page, "standard")["pixel"]
    page.get_by_role("button", name="Another output map").click()
    assert said(page, "standard")["pixel"] == pixel  # only the map moves
    assert page.get_by_role("slider", name="Output map").is_visible()
    (new_kernels, new_products), (same_own, same_filtered) = page.evaluate(look)
    assert all(a != b for a, b in zip(kernels, new_kernels, strict=True))
    assert products != new_products
    assert (own, filtered) == (same_own, same_filtered)
    assert page.locator(".pane.mobilenet").get_attribute("data-weights") != weights
    shown = int(page.locator(".pane.standard").get_attribute("data-map"))
    assert text(page, ".inside-step [role=status]") == (
        f"Output map {shown + 1}. "
        "Standard: all 64 kernels swapped, 576 weights. "
        "MobileNet: the 64 filtered maps stay, 64 weights swapped."
    )
    kernels = text(page, ".pane.standard .swap-note")
    assert "all 64 kernels swapped, 576 new weights, and another bias" in kernels
    assert "64 filtered maps stay, only 64 weights and the bias" in text(
        page, ".pane.mobilenet .swap-note"
    )


def test_a_sign_is_shown_where_two_decimals_would_hide_it(page) -> None:
    shown = page.evaluate(
        """async (numbers) => {
            const { signed } = await import(new URL('inside/pane.js', document.baseURI));
            return numbers.map((number) => signed(number));
        }""",
        [0.684, -0.0051, -0.003, 0.0004, -0.00004, 0],
    )
    assert shown == ["+0.68", "−0.01", "−0.003", "+0.0004", "0.00", "0.00"]


def test_a_pixel_says_what_it_costs_and_arrow_keys_move_it(page) -> None:
    assert "576 multiplications for this pixel" in text(page, ".pane.standard .sum-count")
    own, shared = "64 multiplications for this pixel, + 64 × 9", "shared by all 128 output maps"
    assert text(page, ".pane.mobilenet .sum-count") == (
        f"{own} {shared}, 4.5 for each: 68.5 in all. "
        "Times 14 × 14 pixels × 128 output maps: 1,718,528."
    )
    point_at(page, "mobilenet", 5, 5)
    assert text(page, ".inside-step") == (
        "Row 6, column 6. Standard: 576 multiplications. "
        "MobileNet: 64 to mix, 4.5 as its share of filtering."
    )
    assert not text(page, ".inside-step [role=status]")  # a pixel is spoken elsewhere, and once
    for side in SIDES:  # each row's product, to two decimals or more
        values = page.locator(f".pane.{side} [data-row] .value").all_inner_texts()
        shown = [float(value.replace("−", "-")) for value in values]
        np.testing.assert_allclose(shown, said(page, side)["products"], atol=0.005)
    window = "getComputedStyle(document.querySelector('.pane.standard .input i')).left"
    before = page.evaluate(window)
    page.locator(".pane.mobilenet .output canvas").press("ArrowRight")
    page.locator(".pane.mobilenet .output canvas").press("ArrowDown")
    assert said(page, "standard")["pixel"] == said(page, "mobilenet")["pixel"] == 6 * 14 + 6
    assert page.evaluate(window) != before
    page.locator(".inside-pixel", has_text="Row 7, column 7").wait_for(state="attached")


@pytest.mark.parametrize(
    ("block", "standard", "mobilenet", "ratio", "formula"),
    [
        (2, "14,450,688", "112,896 + 1,605,632 = 1,718,528", "8.41×", "1/128 + 1/9"),
        (3, "14,450,688", "56,448 + 1,605,632 = 1,662,080", "8.69×", "1/256 + 1/9"),
    ],
)
def test_steps_count_every_multiplication(page, block, standard, mobilenet, ratio, formula) -> None:
    page.locator(f".inside-blocks input[value='{block}']").check()
    step = page.locator("[data-run=step]")
    step.click()
    first = [int(page.locator(f".pane.{side}").get_attribute("data-count")) for side in SIDES]
    assert first == [112_896, 112_896] if block == 2 else first == [56_448, 56_448]
    if block == 2:
        page.locator(".pane.standard .output canvas").press("ArrowRight")
        told = page.locator(".inside-pixel", has_text="MobileNet: not mixed yet.")
        told.wait_for(state="attached")
        assert page.locator(".pane.mobilenet .sum[aria-hidden=true]").count() == 1
    maps = [page.locator(".inside-map output").inner_text()]
    for number in range(2, 6):
        step.click()
        maps.append(page.locator(".inside-map output").inner_text())
        page.locator(".inside-step", has_text=f"{number} of 5").wait_for()
        if number == 2:
            assert "more than Standard: it pays from 2 output maps on" in text(page, ".inside-step")
        if number == 4:
            assert f"Standard {standard}; MobileNet {mobilenet}" in text(page, ".inside-step")
    assert not page.locator(".pane .sum[aria-hidden=true]").count()
    assert maps[0] == maps[1] != maps[2] == maps[3] == maps[4]  # none is left without a word
    assert ratio in text(page, ".inside-step")
    assert formula in text(page, ".inside-step")
    assert ratio in text(page, ".inside-result .ratio")
    one, other = formula.split(" + ")
    assert one in text(page, ".why-cheaper")
    assert f"+ {other}" in text(page, ".why-cheaper")


def test_the_reason_is_told_whichever_side_comes_first(page) -> None:
    found = page.evaluate(
        """async () => {
            const { comparison } = await import(new URL('inside/story.js', document.baseURI).href);
            const { networks } = JSON.parse(document.querySelector('.inside').dataset.manifest);
            const [a, b] = networks.map((network) => network.blocks[2]);
            return [[a, b], [b, a], [a, a]].map(([one, other]) => comparison(one, other).formula);
        }"""
    )
    assert found == [{"n": 128, "k": 3}, {"n": 128, "k": 3}, None]
    assert "M·N·K·K = 73,728 against M·K·K + M·N = 576 + 8,192 = 8,768" in text(
        page, ".why-cheaper"
    )


@pytest.fixture
def hurried(page) -> Iterator:
    """The page on which time runs six times as fast for what is played."""
    page.evaluate(
        "() => { window.unhurried = requestAnimationFrame;"
        "window.requestAnimationFrame = (then) => unhurried((now) => then(6 * now)); }"
    )
    yield page
    page.evaluate("() => { window.requestAnimationFrame = unhurried; }")


def test_play_counts_up_to_the_same_totals(hurried) -> None:
    page = hurried
    page.locator("[data-run=play]").click()
    standard, mobilenet = page.wait_for_function(
        """() => {
            const panes = [...document.querySelectorAll('.pane')];
            const [a, b] = panes.map((pane) => Number(pane.dataset.count));
            return a > 200000 && a < 14000000 && [a, b];
        }"""
    ).json_value()
    assert standard > mobilenet
    page.get_by_role("button", name="Play").wait_for()
    assert text(page, ".pane.standard .count b") == "14,450,688"
    assert text(page, ".pane.mobilenet .count b") == "1,718,528"
    assert "8.41×" in text(page, ".inside-result")


def test_play_tells_of_the_next_map_while_it_is_made_where_nothing_is_mixed(page) -> None:
    page.locator(".inside-blocks input[value='0']").check()
    page.locator("[data-run=play]").click()
    page.locator(".inside-step", has_text="makes one output map").wait_for()
    page.locator(".inside-step", has_text="The next output map").wait_for()
    page.wait_for_timeout(1500)
    assert int(page.locator(".pane.standard").get_attribute("data-count")) > 14 * 14 * 9
    page.locator("[data-run=play]").click()


def test_reduced_motion_leaves_the_steps_only(open_page) -> None:
    page = open_page(motion="reduce")
    assert page.locator("[data-run=play]").is_hidden()
    page.locator("[data-run=step]").click()
    assert text(page, ".inside-step").startswith("Count 1 of 5.")


def test_a_block_that_is_standard_in_both_is_shown_as_such(page) -> None:
    page.locator(".inside-blocks input[value='1']").check()
    kinds = [page.locator(f".pane.{side}").get_attribute("data-kind") for side in SIDES]
    assert kinds == ["standard", "standard"]
    assert "the same number of multiplications" in text(page, ".inside-result")
    assert "has its sizes" in text(page, ".inside-result")
    page.locator(".inside-blocks input[value='0']").check()
    note = "For each output map a kernel of its own for the one input map: 1 × 32 = 32 kernels"
    assert text(page, ".pane.standard .swap-note") == f"{note} of 9 weights."


def test_the_strip_opens_the_block_that_is_clicked(page) -> None:
    page.get_by_role("tab", name="About").click()
    assert not page.locator(".inside").is_visible()
    page.get_by_role("button", name="Look inside block 4").click()
    page.locator(".inside").wait_for()
    page.wait_for_selector(".pane.mobilenet[data-block='3']")
    assert "128 × 9 shared by all 256" in text(page, ".pane.mobilenet .sum-count")


@pytest.mark.parametrize("width", [380, 820])
def test_it_fits_a_narrow_screen_and_answers_to_a_finger(open_page, width: int) -> None:
    page = open_page(size=(width, 800), has_touch=True)
    page.wait_for_function("(width) => document.documentElement.scrollWidth <= width", arg=width)
    canvas = page.locator(".pane.standard .output canvas")
    canvas.tap(position={"x": 0.5, "y": 0.5})  # where it comes to rest
    assert said(page, "standard")["pixel"] == 0
    small = page.evaluate(
        "() => [...document.querySelectorAll('.inside button, .inside input, .cost-strip button')]"
        ".map((node) => node.getBoundingClientRect())"
        ".filter((box) => box.width && (box.width < 24 || box.height < 24)).length"
    )
    assert small == 0


def test_what_if_follows_its_sliders_and_presets(page) -> None:
    page.get_by_role("tab", name="What if").click()
    root = page.locator(".whatif")
    root.locator("tbody tr").first.wait_for()
    assert root.get_attribute("data-standard") == "14450688"  # block 3 to begin with
    root.locator("select").select_option(label="MobileNet v1, separable block 2: 64 → 128, 56 × 56")
    assert int(root.get_attribute("data-depthwise")) == 9 * 64 * 56**2
    assert int(root.get_attribute("data-separable")) == 9 * 64 * 56**2 + 64 * 128 * 56**2
    for name, value in (("m", 32), ("n", 64), ("k", 5), ("side", 10)):
        root.locator(f"input[name={name}]").fill(str(value))
    assert int(root.get_attribute("data-standard")) == 25 * 32 * 64 * 100
    assert int(root.get_attribute("data-separable")) == 25 * 32 * 100 + 32 * 64 * 100
    assert f"{1 / (1 / 64 + 1 / 25):.2f}×" in text(page, ".whatif-ratio")
    assert root.locator("output[name=k]").inner_text() == "5 × 5"
    typed = {name: root.locator(f"[data-size={name}]") for name in ("m", "n", "side")}
    assert [field.input_value() for field in typed.values()] == ["32", "64", "10"]
    typed["side"].fill("1")  # one pixel of every output map
    assert int(root.get_attribute("data-standard")) == 25 * 32 * 64
    for said, taken in (("2000", 1024), ("0", 1), ("2.4999", 2), ("007", 7), ("32", 32)):
        typed["m"].fill("")
        typed["m"].press_sequentially(said)
        assert typed["m"].input_value() == said  # while it is typed
        typed["m"].blur()  # what does not fit is then the nearest that does
        assert typed["m"].input_value() == str(taken)
        assert int(root.get_attribute("data-standard")) == 25 * taken * 64
    typed["m"].fill("")
    typed["m"].press_sequentially("1025")
    told = page.locator(".whatif-typed")
    assert told.inner_text() == "M is a whole number from 1 to 1,024: below it is still 102."
    typed["m"].blur()
    assert told.inner_text().startswith("M is 1,024 now. Standard ")
    typed["m"].fill("32")
    assert "visually-hidden" in told.locator("[role=status]").get_attribute("class")
    typed["m"].fill("")
    typed["m"].blur()
    assert typed["m"].input_value() == "32"
    typed["n"].fill("1")
    assert "saves nothing" in text(page, ".whatif-ratio")


@pytest.mark.parametrize(("width", "tallied"), [(1280, False), (380, True)])
def test_what_runs_and_its_counts_stay_on_the_screen(open_page, width: int, tallied: bool) -> None:
    page = open_page(size=(width, 800))
    for number in (1, 2, 3):
        page.locator("[data-run=step]").click()
        page.locator(".inside-step", has_text=f"{number} of 5").wait_for()
    page.locator(".pane.mobilenet .sum").scroll_into_view_if_needed()
    for part in ("[data-run=step]", "[data-move='1']", ".inside-step"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] < 400, part
    tally = page.locator(".inside-tally")
    assert tally.is_visible() == tallied
    if tallied:
        assert text(page, ".inside-tally") == "Standard 225,792 MobileNet 137,984"
        assert tally.bounding_box()["y"] < 400


def test_it_is_computed_before_it_is_scrolled_to(visit) -> None:
    page = visit(size=(380, 500)).page
    page.wait_for_selector(".inside[data-ready]")
    assert page.locator(".inside").bounding_box()["y"] > 900
    assert "8.41×" in text(page, ".inside-result")
