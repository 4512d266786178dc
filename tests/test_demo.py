"""The app without a browser: endpoints, command line, and what the panels say."""

import asyncio
import base64
import csv
import io
import json
import pickle
import re
import socket
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from helpers_data import encoded, png, write_zip
from helpers_visitor import SEVEN, beside, paper
from PIL import Image, ImageOps

import demo
from netlib.answer.pool import StoppedError
from netlib.answer.predictor import Predictor, named
from netlib.answer.reader import EMPTY, MAX_PAD_CHARACTERS, Reader, decode_pad, fitted
from netlib.answer.reading import TEN, NetworkReading, Reading
from netlib.app.about import about_markdown
from netlib.app.atlas import Atlas, Place
from netlib.app.batch import (
    Row,
    accuracy,
    collect,
    finish,
    read_batch,
    read_slice,
    row_to_json,
    to_csv,
)
from netlib.app.gallery import KINDS, examples_for, load_examples
from netlib.app.page import build_page, newest
from netlib.app.service import Service, sentence
from netlib.app.stress import FACTORS, NEUTRAL, distort, holds, sweep
from netlib.app.teach import TeachStore, lost_most
from netlib.app.views.batch_view import batch_html
from netlib.app.views.cost_strip import lesson
from netlib.app.views.map_view import _distance, map_html
from netlib.app.views.panels import (
    NO_FILE_TEXT,
    NetworkFacts,
    answer_html,
    boxes_svg,
    number_html,
    percent,
    verdict,
    versus,
)
from netlib.app.views.reply import digit_html, seen
from netlib.app.views.steps import steps_html
from netlib.app.views.stress_view import single_digit, stress_html
from netlib.app.views.why import why_html, written_sum
from netlib.errors import UserError
from netlib.nets.checkpoint import save_network
from netlib.nets.network import init_network
from netlib.picture.digit import to_digit, trace
from netlib.picture.load import ImageError

TIMES = (0.002, 0.002, 0.002, 0.003, 0.009)  # seconds of five rounds, one of them disturbed
FACTS = {
    "standard": NetworkFacts("Standard", "4 standard", 600, 8_000_000, TIMES, "standard", TEN),
    "mobilenet": NetworkFacts("MobileNet", "2 + 2", 100, 2_000_000, (0.001,) * 5, "mobilenet", TEN),
}


@pytest.fixture(scope="module")
def service() -> Service:
    return Service.load(demo.STANDARD, demo.MOBILENET)


def seven() -> Image.Image:
    return paper(SEVEN)


def data_url(image: Image.Image) -> str:
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def reading_of(
    *labels: int, mobilenet: tuple[int, ...] = (), known: bool = True, both: bool = True
) -> Reading:
    """A reading with 90 % for each label; the second network may read something else or nothing."""

    def network(answers: tuple[int, ...], known: bool) -> NetworkReading:
        count = len(answers)
        probabilities = np.full((count, 10), 0.1 / 9)
        probabilities[np.arange(count), answers] = 0.9
        return NetworkReading(probabilities, np.zeros((count, 4)), np.full(count, known))

    second = network(mobilenet or labels, known and both)
    networks = {"standard": network(labels, known), "mobilenet": second}
    boxes = tuple((30 * i, 0, 30 * i + 20, 20) for i in range(len(labels)))
    return Reading(np.zeros((len(labels), 28, 28), np.float32), boxes, networks)


BLANK = Reading(EMPTY, (), {})


def test_lines_are_told() -> None:
    one = reading_of(1, 2, 3, 4)
    assert one.lines == 1
    assert BLANK.lines == 0
    places = ((0, 0), (30, 5), (5, 32), (40, 30))  # the first of the second line begins further on
    two = replace(one, boxes=tuple((x, y, x + 20, y + 20) for x, y in places))
    assert two.lines == 2
    assert verdict(two, FACTS) == ("Both networks read 1234, from 2 lines.", "agree")
    column = replace(one, boxes=tuple((n, 30 * n, n + 20, 30 * n + 20) for n in range(4)))
    assert column.lines == 4


# --- The pad's value ----------------------------------------------------------------------------


def test_a_pad_without_ink_is_blank_and_what_was_drawn_is_black(service: Service) -> None:
    for value in (None, "", data_url(Image.new("L", (280, 280), 255))):
        assert service.reader.read_pad(value).is_blank
    chalk = data_url(ImageOps.invert(seven().convert("L")))
    assert service.reader.read_pad(chalk).networks["standard"].text == "7"
    drawn = service.reader.read_pad(chalk.replace("png;", "png;drawn=1;"))
    assert not any(network.is_digit.any() for network in drawn.networks.values())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("data:text/html;base64,AAAA", "not a PNG data URL"),
        ("https://example.org/x.png", "not a PNG data URL"),
        ("data:image/png;base64,!!!!", "damaged"),
        ("data:image/png;base64," + "A" * MAX_PAD_CHARACTERS, "at most"),
    ],
)
def test_a_value_that_no_pad_sends_is_refused(value: str, expected: str) -> None:
    with pytest.raises(ImageError, match=expected):
        decode_pad(value)


def test_a_huge_picture_in_a_short_value_is_refused_before_decoding(service: Service) -> None:
    value = data_url(Image.new("1", (9000, 9000)))
    assert len(value) < MAX_PAD_CHARACTERS
    with pytest.raises(ImageError, match="pixels"):
        service.reader.read_pad(value)


def test_demo_and_library_give_the_same_probabilities(service: Service) -> None:
    drawing = seven()
    shown = service.reader.read_pad(data_url(drawing))
    digit = to_digit(drawing)
    assert digit is not None
    np.testing.assert_array_equal(shown.digits, digit)
    direct = service.reader.predictor.predict(digit[None])
    for name, network in shown.networks.items():
        np.testing.assert_allclose(network.probabilities, direct[name].probabilities, rtol=1e-5)


# --- Verdict and panels -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "text", "kind"),
    [
        (BLANK, "Draw a digit: both networks answer while you draw.", "blank"),
        (reading_of(7), "Both networks read 7.", "agree"),
        (reading_of(4, 2), "Both networks read 42.", "agree"),
        (reading_of(7, known=False), "This does not look like a digit.", "none"),
        (reading_of(3, both=False), "Standard reads 3, MobileNet sees no digit.", "differ"),
        (reading_of(3, 5, both=False), "Standard reads 35, MobileNet sees no digit.", "differ"),
        (
            reading_of(4, mobilenet=(9,)),
            "Standard reads 4, MobileNet reads 9. In question: 4 or 9.",
            "differ",
        ),
        (reading_of(4, 2, mobilenet=(9, 2)), "Standard reads 42, MobileNet reads 92.", "differ"),
    ],
)
def test_verdict(reading: Reading, text: str, kind: str) -> None:
    beginning = "They differ: " if kind == "differ" else ""
    assert verdict(reading, FACTS) == (beginning + text, kind)


def test_what_is_read_in_part_has_no_tick_and_no_box_of_what_is_read() -> None:
    reading = reading_of(7, 1, 2)
    signs = np.array([True, False, False])
    networks = {
        name: replace(network, is_digit=network.is_digit & ~signs)
        for name, network in reading.networks.items()
    }
    reading = replace(reading, networks=networks, sketch=trace(seven()))
    text, kind = verdict(reading, FACTS)
    assert kind == "none" and text.startswith("Both networks read ?12: “?” does not look like")
    assert boxes_svg(reading).count('class="same"') == 2


def test_an_answer_has_ten_bars_and_both_costs_and_a_blank_one_asks_for_a_picture() -> None:
    html = answer_html(reading_of(7), FACTS)
    assert html.count('<span class="track">') == 20
    assert html.count('class="top"') == 2
    assert "8.00 M" in html
    assert "1.000 ms" in html
    html = answer_html(BLANK, FACTS)
    assert "%" not in html.replace("width:0.00%", "")
    assert html.count("–</output>") == 2
    assert "Draw a digit: both" in answer_html(BLANK, FACTS)
    assert "Choose a picture" in answer_html(BLANK, FACTS, blank=NO_FILE_TEXT)
    assert "Write a number" in number_html(BLANK, FACTS)
    html = answer_html(BLANK, FACTS, "<script> is no digit.")
    assert "&lt;script&gt; is no digit." in html
    assert "<script>" not in html


def test_versus_compares_theory_with_measurement() -> None:
    # 600 / 100 parameters, 8 M / 2 M multiply-accumulates, 2 / 1 ms in the median.
    text = versus(FACTS)
    assert "<b>6.00× fewer</b> parameters" in text
    assert "<b>4.00× fewer</b> MACs" in text
    near = {**FACTS, "mobilenet": replace(FACTS["mobilenet"], num_params=601)}
    assert "<b>almost as many</b> parameters" in versus(near)
    mostly = "(2.0 to 3.0× in at least half of the timings)"
    assert f"<b>2.0× faster</b> {mostly}" in text
    turned = versus({"b": FACTS["mobilenet"], "a": FACTS["standard"]})
    assert f"<b>2.0× slower</b> {mostly}" in turned
    times = (0.001, 0.004, 0.001, 0.004, 0.001)
    mixed = {**FACTS, "mobilenet": replace(FACTS["mobilenet"], times=times)}
    unsure = "(0.8 to 2.0× in at least half of the timings), so no difference"
    assert f"<b>2.0 times as fast</b> {unsure}" in versus(mixed)
    alike = {
        n: replace(f, times=(t,) * 3)
        for (n, f), t in zip(FACTS.items(), (0.001, 0.00102), strict=True)
    }
    assert "<b>1.0 times as fast</b> (1.0× in" in versus(alike)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "99.9 %"),  # as float32 rounds
        (0.99996, "99.9 %"),
        (0.987, "98.7 %"),
        (0.0004, "&lt; 0.1 %"),
        (0, "0.0 %"),
    ],
)
def test_percent_never_rounds_doubt_away(share: float, text: str) -> None:
    assert percent(share).replace("\u00a0", " ") == text  # never broken over two lines


def test_a_second_reading_stands_on_cards_and_in_tables() -> None:
    reading, single = reading_of(4, 7), reading_of(4)
    for network in (*reading.networks.values(), *single.networks.values()):
        network.probabilities[0, [4, 9]] = 0.5, 0.45
    assert number_html(reading, FACTS).count("50.0\u00a0%<br>or\u00a09") == 2
    assert number_html(reading, FACTS).count("45.0\u00a0% for both") == 2
    assert batch_html([Row("47.png", reading)], FACTS).count("(1: or\u00a09)") == 2
    assert batch_html([Row("4.png", single)], FACTS).count("50.0\u00a0% (or\u00a09)") == 2


def test_an_unexpected_error_is_not_shown(caplog) -> None:
    assert "secret" not in sentence(RuntimeError("secret path"))
    assert "secret path" in caplog.text
    assert sentence(UserError("Too many digits.")) == "Too many digits."


def test_a_checkpoints_own_threshold_tells_digits_from_the_rest(tmp_path: Path) -> None:
    net = init_network(1, 0, (1, 28, 28), 10)
    never = {"no_digit": {"score": "confidence", "threshold": 1.1}}
    strict = save_network(net, tmp_path / "strict.safetensors", never)
    lenient = save_network(net, tmp_path / "lenient.safetensors")
    reading = Service.load(strict, lenient).reader.read(seven())
    assert reading.networks["strict"].text == "?"
    assert reading.networks["lenient"].text in set("0123456789")


# --- Similar digits -----------------------------------------------------------------------------


def small_atlas() -> Atlas:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    embeddings = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 40.0]], np.float32)
    return Atlas(points, embeddings, np.array([3, 5, 8]), np.zeros((3, 28, 28), np.uint8), "pca")


def test_a_place_is_the_mean_of_its_neighbours_and_is_told_with_its_distance() -> None:
    # Distances 1 and 3 to the first two, so weights 3/4 and 1/4: a quarter of the way.
    place = small_atlas().place(np.array([1.0, 0.0]), count=2)
    assert place.neighbours.tolist() == [0, 1]
    np.testing.assert_allclose(place.distances, [1, 3])
    np.testing.assert_allclose(place.point, [0.25, 0])
    atlas = small_atlas()
    np.testing.assert_allclose(atlas.place(atlas.embeddings[1]).point, [1, 0], atol=1e-6)
    # The digits lie 4 and 40, 4 and 40.2, 40 and 40.2 from the two others.
    np.testing.assert_allclose(atlas.spacing, [22, 22.1, 40.1], atol=0.01)
    assert place.closer == 0
    assert atlas.place(np.array([300.0, 0.0]), count=2).closer == 1


def test_a_map_names_its_classes() -> None:
    names = tuple("abcdefghi")
    reading = reading_of(3)
    network = replace(reading.networks["standard"], class_names=names, embeddings=np.zeros((1, 2)))
    fact = replace(FACTS["standard"], class_names=names)
    drawn = map_html({"x": small_atlas()}, {"x": fact}, replace(reading, networks={"x": network}))
    assert all(f">{name}</" in drawn for name in "dfi")


@pytest.mark.parametrize(
    ("far", "known", "said"),
    [
        (0.5, True, ": 50\u00a0% of"),
        (0.0, True, ": less than 1\u00a0% of"),
        (1.0, True, ": more than 99\u00a0% of"),
        (0.99, True, "lies far from all"),
        (0.5, False, "takes the drawing for no digit"),
    ],
)
def test_the_map_says_what_its_place_is_worth(far: float, known: bool, said: str) -> None:
    place = Place(np.zeros(2), np.arange(2), np.array([1.0, 3.0]), far)
    text = _distance(place, reading_of(7, known=known).networks["standard"])
    assert said in text
    assert "mean distance from the 2 nearest is 2.0" in text


def test_only_a_class_that_lost_more_than_the_others_is_said_to_have_lost_most() -> None:
    assert lost_most({"0": 1, "1": 0, "2": 3}) == ("2", 3)
    assert lost_most({"0": 1, "1": -2, "2": 1}) is None
    assert lost_most({"0": 0, "1": -1}) is None


def write_map(path: Path, **changes: np.ndarray) -> Path:
    arrays = {
        "projection": np.array([[0.0, 0.0], [10.0, 5.0]]),
        "embeddings": np.zeros((2, 4), np.float16),
        "labels": np.array([1, 2], np.uint8),
        "images": np.zeros((2, 28, 28), np.uint8),
        "made_by": np.array(json.dumps({"method": "umap"})),
    }
    np.savez(path, **{**arrays, **changes})
    return path


def test_a_map_fills_the_unit_square_with_y_downwards(tmp_path: Path) -> None:
    atlas = Atlas.load(write_map(tmp_path / "map.npz"))
    # 10 wide and 5 high, with a margin of 0.04: x from 0.04 to 0.96, y half as far around 0.5.
    np.testing.assert_allclose(atlas.points, [[0.04, 0.73], [0.96, 0.27]])


def test_maps_and_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no map"):
        Atlas.load(bad)
    for count in (0, 1, 4):
        with pytest.raises(ValueError, match="expected two or three"):
            Service.load(*[demo.STANDARD] * count)
    path = save_network(init_network(1, 0, (1, 28, 28), 10), tmp_path / "net.safetensors")
    wrong = np.full((2, 32), 9, np.float16)
    write_map(tmp_path / "map_net.npz", embeddings=wrong)
    with pytest.raises(ValueError, match="another checkpoint"):
        Service.load(path, path)
    path = save_network(init_network(1, 0, (1, 28, 28), 11), tmp_path / "eleven.safetensors")
    with pytest.raises(ValueError, match=r"eleven.safetensors tells 11 classes apart"):
        Service.load(path, demo.STANDARD)


# --- Many pictures ------------------------------------------------------------------------------


def test_accuracy_counts_unreadable_pictures_as_wrong() -> None:
    rows = [
        Row("a.png", reading_of(4, mobilenet=(9,)), "4"),
        Row("b.png", reading_of(1), "1"),
        Row("c.png", None, "2", "damaged"),
        Row("d.png", reading_of(1)),
    ]
    assert "4 pictures · 1 read differently · 1 blank · 1 not readable" in batch_html(
        [*rows[:3], Row("e.png", BLANK, "1")], FACTS
    )
    assert accuracy(rows, FACTS) == {"standard": (2, 3), "mobilenet": (1, 3)}
    assert accuracy(rows[2:3], FACTS) == {"standard": (0, 1), "mobilenet": (0, 1)}
    assert accuracy(rows[3:], FACTS) == {}
    notes = [Row("l.csv", None, error="It labels 1 picture not among those."),
             Row("a.txt", None, error="It is neither a picture nor a zip.")]  # fmt: skip
    told = "<p>4 pictures · 1 read differently · 1 not readable · 2 other files with a note · "
    table = batch_html([*rows, *notes], FACTS)
    assert told in table
    assert table.count("<td>not read</td>") == len(FACTS)  # of the one picture


def test_a_csv_has_a_line_a_picture_and_no_formulas() -> None:
    lines = to_csv([Row("=cmd.png", reading_of(7))], {"standard": TEN}).splitlines()
    assert lines[0].startswith("image,label,disagreement,error,standard,standard_confidence")
    assert lines[1].startswith("'=cmd.png,,0.0000,,7,0.9000,,,0.0")
    refused = to_csv([Row("x.png", reading_of(7, known=False))], {"standard": TEN})
    assert "x.png,,0.0000,,?,0.9000,1,,0.0" in refused
    both = NetworkReading(np.array([[0, 0.7, 0, 0, 0, 0, 0, 0.3, 0, 0]]), EMPTY, np.array([True]))
    doubtful = Reading(EMPTY, (), {"standard": both})
    assert "1,0.7000,,1:7,0.0" in to_csv([Row("x.png", doubtful)], {"standard": TEN})
    assert len(lines) == 2


def rows_of(service: Service, paths: Sequence[Path], progress: Any = None) -> list[Row]:
    return asyncio.run(read_batch(service.ask, paths, list, progress))


def test_a_zip_with_labels_is_read_without_unpacking(service: Service, tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "set.zip",
        {
            "set/a.png": png(seven()),
            "set/b.png": b"not a picture",
            "set/c.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "__MACOSX/a.png": b"",
            "set/labels.csv": b"image,label\na.png,7\nb,3\nelsewhere.png,1\n",
            "set/page.pdf": b"%PDF",
            "inner.zip": b"",
        },
    )
    steps: list[tuple[int, int]] = []
    rows = rows_of(service, [archive], lambda *step: steps.append(step))
    named = [(row.name, row.label) for row in rows]
    pictures = [("set/a.png", "7"), ("set.zip", None), ("set/b.png", "3"), ("set/c.HEIC", None)]
    assert named == [*pictures, ("set/labels.csv", None)]
    assert rows[1].error.endswith("CSV tables by their names: inner.zip, set/page.pdf")
    assert "no picture" in rows[2].error and "HEIC" in rows[3].error
    assert rows[4].error.startswith("It labels 1 picture by a name that none of those sent has")
    assert rows[0].texts() == {"standard": "7", "mobilenet": "7"}
    assert steps[-1] == (5, 5)
    assert list(tmp_path.iterdir()) == [archive]


def test_equal_names_of_several_files_are_told_apart(tmp_path: Path) -> None:
    zips = [write_zip(tmp_path / f"{name}.zip", {"x.png": b"x"}) for name in ("one", "two")]
    loose = [tmp_path / folder / "d.png" for folder in "ab"]
    table = tmp_path / "t.csv"
    for path, content in ((loose[0], b"a"), (loose[1], b"b"), (table, b"x.png,1\n1/d.png,5\n")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    pictures, labels = collect((*loose, *zips, table), TEN)
    assert [name for name, _ in pictures] == [
        "1/d.png",
        "2/d.png",
        "one/x.png",
        "two/x.png",
        "t.csv",
    ]
    assert labels == {"1/d.png": "5"}  # x.png may be either
    assert [load() for _, load in pictures[:2]] == [b"a", b"b"]


def test_a_table_labels_the_pictures_beside_it_first(tmp_path: Path) -> None:
    entries = {"a.png": b"", "labels.csv": b"image,label\na.png,7\n"}
    others = {"a.png": b"", "b.png": b"", "labels.csv": b"image,label\na,1\nb,2\n"}
    zips = (write_zip(tmp_path / "one.zip", entries), write_zip(tmp_path / "two.zip", others))
    labels = {"one/a.png": "7", "two/a.png": "1", "b.png": "2"}
    assert collect(zips, TEN)[1] == labels
    folders = {f"x/one/{name}": data for name, data in entries.items()}
    folders |= {f"x/two/{name}": data for name, data in others.items()} | {"a.png": b""}
    labels = {"x/one/a.png": "7", "x/two/a.png": "1", "x/two/b.png": "2"}
    assert collect((write_zip(tmp_path / "three.zip", folders),), TEN)[1] == labels


def test_a_label_that_is_left_out_does_not_move_the_others(tmp_path: Path) -> None:
    text = b"image,writer,label\nseven!.png,3,7\nb.png,4,2\nc.png,5\n"
    files = {"seven.png": b"", "b.png": b"", "c.png": b"", "labels.csv": text}
    archive = write_zip(tmp_path / "x.zip", files)  # Gradio leaves "!" out of names
    assert collect((archive,), TEN)[1] == {"seven.png": "7", "b.png": "2"}
    words = write_zip(tmp_path / "y.zip", {**files, "labels.csv": b"z.png,one\nb.png,two\n"})
    pictures, labels = collect((words,), TEN)
    assert labels == {"b.png": "2"}
    with pytest.raises(UserError, match="It labels 1 picture by a name"):
        pictures[-1][1]()


def test_a_picture_is_told_by_its_content(service: Service, tmp_path: Path) -> None:
    (tmp_path / "scan.jfif").write_bytes(encoded(seven(), "JPEG"))
    (tmp_path / "seven").write_bytes(png(seven()))
    rows = rows_of(service, sorted(tmp_path.iterdir()))
    assert [row.texts()["standard"] for row in rows] == ["7", "7"]
    assert "2 pictures" in batch_html(rows, FACTS)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "no picture"),
        ({"l.csv": b"image,label\nother.png,7\n"}, "names none of the pictures"),
        ({"l.csv": b"image,label\nx0.png,0\n"}, "names none of the pictures"),
        ({"l.csv": b"0,x0.png\n"}, "names none of the pictures"),
        ({"l.csv": b"index,file,label\n0,x0.png,7\n"}, "names none of the pictures"),
        ({"l.csv": b"image,label\n0.png,0\n0,1\n"}, "0.png the label 0 in line 2 and 1 in line 3"),
        ({"l.csv": b"image,label\n0.png,cat\n"}, "line 2: the label is 'cat'; expected digits, or"),
        ({"l.csv": b"0.png,7\n", "m.csv": b"0.png,8\n"}, "label 8, another table 7"),
        ({"l.csv": b"\xff\xfe\x00"}, "UTF-8"),
    ],
)
def test_what_cannot_be_read_or_scored_gets_one_sentence(tmp_path: Path, files, expected) -> None:
    pictures = {"0.png": b"x"} if files else {}
    with pytest.raises(UserError, match=expected):
        collect((write_zip(tmp_path / "x.zip", {**pictures, **files}),), TEN)


def test_a_refused_zip_is_told_before_a_table_that_does_not_fit_the_rest(
    service: Service, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "evil.zip", {"../a.png": png(seven())})
    table = tmp_path / "labels.csv"
    table.write_text("image,label\na.png,7\n")
    with pytest.raises(UserError, match=r"evil\.zip"):
        rows_of(service, [archive, table])


def test_a_written_sum_adds_up() -> None:
    values = np.random.default_rng(0).normal(0, 0.3, (300, 2))
    for value, bias in values:
        rest, added, total = re.findall(r"[+−][\d.]+", written_sum(np.array([value]), bias))
        rest, added, total = (
            round(100 * float(text.replace("−", "-"))) for text in (rest, added, total)
        )
        assert rest + added == total == round(100 * (value + bias))
        assert abs(rest - 100 * value) <= 1
    assert written_sum(np.array([-0.204]), 0.163) == "sum −0.20, and +0.16 of bias: −0.04 in all"
    assert written_sum(np.array([-0.001]), None) == "sum +0.00"


def test_a_table_that_does_not_fit_is_told_before_what_a_zip_has_besides(
    service: Service, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"a.png": png(seven()), "notes.txt": b"hello"})
    table = tmp_path / "labels.csv"
    table.write_text("first,second,image\n1,7,a.png\n")
    with pytest.raises(UserError, match="does not say where the labels are"):
        rows_of(service, [archive, table])
    table.write_text("image,label\na.png,7\n")
    assert [row.error.partition(":")[0] for row in rows_of(service, [archive, table])] == [
        "",
        "Left out, as neither pictures nor CSV tables by their names",
    ]


def test_a_bad_file_spoils_its_own_row_only(service: Service, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and nothing more")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "a.png").write_bytes(png(seven()))
    rows = rows_of(service, sorted(tmp_path.iterdir()))
    errors = {row.name: row.error for row in rows}
    assert rows[0].name == "a.png" and rows[0].texts()["standard"] == "7"
    assert "no readable zip" in errors["x.zip"] and "no picture" in errors["notes.txt"]


def test_a_picture_that_ends_its_process_spoils_its_own_row_only(service, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png(seven()))

    async def ask(job: Any, *arguments: Any) -> Any:
        start, seconds = arguments[1:3] if job is read_slice else (0, 0)
        if start <= 2 and (seconds or start == 2):  # which is in the slice, or alone
            raise StoppedError
        return await service.ask(job, *arguments)

    rows = asyncio.run(read_batch(ask, sorted(tmp_path.iterdir()), list))
    assert {row.name: row.error[:11] for row in rows} == {
        "0.png": "", "1.png": "", "2.png": "The picture", "3.png": "",
    }  # fmt: skip


def test_pictures_of_one_name_in_two_folders_have_labels_of_their_own(
    service: Service, tmp_path: Path
) -> None:
    table = b"image,label\none/a.png,7\ntwo/a.png,1\n"
    picture = png(seven())
    entries = {"one/a.png": picture, "two/a.png": picture, "labels.csv": table}
    rows = rows_of(service, [write_zip(tmp_path / "x.zip", entries)])
    assert {row.name: row.label for row in rows} == {"one/a.png": "7", "two/a.png": "1"}
    entries["labels.csv"] = b"image,label\na.png,7\n"  # which of the two?
    with pytest.raises(UserError, match="names none of the pictures"):
        collect((write_zip(tmp_path / "y.zip", entries),), TEN)


def test_what_is_read_most_differently_comes_first(service: Service, tmp_path: Path) -> None:
    sure, differ = reading_of(4), reading_of(4, mobilenet=(9,))
    rows = [Row("a", sure), Row("b", None, None, "damaged"), Row("c", differ)]
    (tmp_path / "a.png").touch()
    files = (tmp_path / "a.png",)
    parts = [pickle.dumps(rows[:2]), pickle.dumps(rows[2:])]
    assert [row.name for row in finish(service.reader, files, parts, list)] == ["c", "a", "b"]
    assert rows[2].disagreement == pytest.approx(0.8 / 0.9)
    assert rows[0].disagreement == 0
    one = NetworkReading(np.array([[0.9, 0.1]]), np.zeros((1, 4)), np.ones(1, bool), ("7", "1"))
    other = NetworkReading(np.array([[0.4, 0.6]]), np.zeros((1, 4)), np.ones(1, bool), ("1", "7"))
    row = Row("x", Reading(np.zeros((1, 28, 28), np.float32), (), {"one": one, "other": other}))
    # 7: 0.9 and 0.6; 1: 0.1 and 0.4.
    assert row.disagreement == pytest.approx(0.3)
    assert not row.differs


def test_a_part_of_a_picture_is_read_where_it_has_the_largest_digit_or_as_many() -> None:
    form = reading_of(0, 0, 6)  # "Room 6": print, and what is written
    boxes = ((10, 40, 20, 50), (22, 40, 32, 50), (50, 20, 90, 80))
    form = replace(form, boxes=boxes, sketch=trace(np.full((100, 100), 255, np.uint8)))
    for network in form.networks.values():
        network.is_digit[0] = False
    largest, small = reading_of(6), reading_of(0)
    assert form.is_outdone_by(replace(largest, boxes=((55, 22, 85, 75),)))
    assert not form.is_outdone_by(replace(small, boxes=((22, 40, 32, 50),)))
    assert form.is_outdone_by(reading_of(0, 0))
    for network in form.networks.values():
        network.is_digit[1] = False
    assert form.is_outdone_by(replace(small, boxes=((22, 40, 32, 50),)))


def test_signs_are_no_digits_where_digits_are_counted_shown_and_scored(service) -> None:
    signs = np.array([True, False, False])  # $12
    reading = replace(reading_of(1, 1, 2, mobilenet=(7, 1, 2)), signs=signs)
    for network in reading.networks.values():
        network.is_digit[0] = False
    reading.digits[1] = 1
    row = Row("a", reading, "12")
    assert row.texts()["standard"] == "?12" and row.is_right("standard")
    assert not Row("a", reading, "112").is_right("standard")
    assert not Row("a", None, "12").is_right("standard")
    assert Row("a", replace(reading, signs=None), "12").is_right("standard")  # refused as another
    assert row.disagreement == 0  # of what the networks say of a sign
    with pytest.raises(UserError, match="There are 3 digits and signs"):
        single_digit(reading)
    html = digit_html(reading, service.networks)
    assert 'data-count="2"' in html
    assert seen(reading.digits[1], service.networks) in html
    steps = steps_html(replace(reading, sketch=trace(np.full((60, 60), 255, np.uint8))), {})
    assert "Sign 1, 28×28" in steps and "Digit 2, 28×28" in steps


@pytest.mark.parametrize(("size", "is_told"), [((3, 28, 28), False), ((1, 28, 36), True)])
def test_the_steps_tell_of_networks_that_see_another_size(size: tuple, is_told: bool) -> None:
    network = SimpleNamespace(layers=SimpleNamespace(input_dim=size))
    assert ("scaled to its own size" in steps_html(None, {"net": network})) == is_told


@pytest.mark.parametrize(
    ("limit", "most", "sentence"),
    [("MAX_INFLATED_BYTES", 1000, "inflates"), ("MAX_PICTURES", 2, "more than 2")],
)
def test_zip_bombs_and_too_many_pictures_are_refused(
    tmp_path: Path, monkeypatch, limit: str, most: int, sentence: str
) -> None:
    files = {f"{number}.png": bytes(2000) for number in range(3)}
    archive = write_zip(tmp_path / "bomb.zip", files, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(f"netlib.app.batch.{limit}", most)
    with pytest.raises(UserError, match=sentence):
        collect((archive,), TEN)


# --- Stress -------------------------------------------------------------------------------------


@pytest.fixture
def digit() -> np.ndarray:
    canvas = np.zeros((28, 28), np.float32)
    canvas[6:22, 12:16] = 1  # a bar, 4 pixels wide, 16 high
    return canvas


def test_every_sweep_passes_through_the_digit_and_holds_around_it(digit: np.ndarray) -> None:
    for factor in FACTORS:
        pictures = sweep(digit, factor, NEUTRAL)
        assert pictures.min() >= 0
        assert pictures.max() <= 1
        assert any(np.array_equal(picture, digit) for picture in pictures)
    labels = np.array([7, 1, 7, 7, 7, 2, 7])
    assert holds(labels, 7, start=3) == (2, 4)
    assert holds(labels, 7, start=1) == (1, 0)


def test_distortions_go_where_their_sliders_say(digit: np.ndarray) -> None:
    moved = distort(digit, shift=3)  # to the right
    np.testing.assert_allclose(moved[:, 3:], digit[:, :-3], atol=1e-6)
    turned = distort(moved, rotation=90)  # counter-clockwise
    np.testing.assert_allclose(turned, np.rot90(moved), atol=1e-5)
    # Half the size is a quarter of the 64 pixels of ink.
    assert distort(digit, scale=0.5).sum() == pytest.approx(16, rel=0.1)
    # 4 x 16 -> 6 x 18 less the rounding of four corners.
    assert distort(digit, thickness=2).sum() == pytest.approx(6 * 18, abs=2)
    assert distort(digit, thickness=-2).sum() == pytest.approx(2 * 14, abs=2)


# --- Teach, and examples --------------------------------------------------------------------------


def test_corrections_train_as_they_are_once_each_and_are_taken_back(tmp_path: Path, digit) -> None:
    from netlib.data.loaders import DigitDataset

    store = TeachStore(tmp_path)
    first, again, other = (store.put(digit, label) for label in (1, 1, 7))
    half = store.put(digit / 2, 3)
    dataset = DigitDataset(tmp_path, split="train")
    assert sorted(dataset.labels.tolist()) == [3, 7]
    image = dataset.images[dataset.labels == 7][0, 0]
    np.testing.assert_array_equal(image.numpy(), digit * 255)
    labels = []  # of a digit that three visitors have taught
    for kept in (first, other, again):
        store.take_back(digit, kept)
        rows = (tmp_path / "train.csv").read_text().splitlines()[2:]
        labels.append([row.split(",")[1] for row in rows])
    assert labels == [["7"], ["1"], []]
    store.take_back(digit / 2, half)
    assert (tmp_path / "train.csv").read_text() == "image,label\n"
    assert not list((tmp_path / "train").iterdir())


def test_a_full_collection_saves_nothing(tmp_path: Path, digit: np.ndarray, monkeypatch) -> None:
    store = TeachStore(tmp_path)
    store.put(digit, 1)
    monkeypatch.setattr("netlib.app.teach.MAX_IMAGES", 1)
    with pytest.raises(UserError, match="full"):
        store.put(digit / 2, 2)
    assert len(list((tmp_path / "train").iterdir())) == 1
    monkeypatch.undo()
    monkeypatch.setattr("netlib.app.teach.MAX_BYTES", 10)
    with pytest.raises(UserError, match="full"):
        store.put(digit / 2, 2)


def test_a_failed_write_leaves_no_row_and_no_scrap(tmp_path: Path, digit, monkeypatch) -> None:
    store = TeachStore(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("netlib.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        store.put(digit, 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["train"]


def test_the_gallery_has_only_what_is_so_of_the_networks(service: Service, tmp_path: Path) -> None:
    examples = load_examples()
    assert examples
    for example in examples:
        assert example.kind in KINDS
        service.reader.read(example.path)
    equal = Reader(Predictor({"one": demo.MOBILENET, "other": demo.MOBILENET}))
    assert len(examples_for(equal)) == len(examples)
    assert "differ" not in {example.kind for example in examples_for(equal)}
    five = save_network(init_network(1, 1, (1, 28, 28), 5), tmp_path / "five.safetensors")
    shown = examples_for(Reader(Predictor({"one": five, "other": five})))
    assert {letter for example in shown for letter in example.label} == set("01234")
    assert "" in {example.label for example in shown}


# --- The running app ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(address: str):
    from gradio_client import Client

    return Client(address, verbose=False)


def test_health_predict_and_predict_batch_answer(client, tmp_path: Path, address: str) -> None:
    from gradio_client import handle_file

    def ask(picture: Image.Image) -> dict:
        (tmp_path / "picture.png").write_bytes(png(picture))
        return client.predict(handle_file(tmp_path / "picture.png"), api_name="/predict")

    answer = ask(seven())
    assert (answer["agree"], answer["blank"], len(answer["boxes"])) == (True, False, 1)
    for name in ("standard", "mobilenet"):
        assert answer[name]["prediction"] == "7"
        assert len(answer[name]["probabilities"]) == 10
        assert sum(answer[name]["probabilities"]) == pytest.approx(1)
    two = ask(paper(beside(SEVEN, SEVEN, width=0.45), (440, 200)))
    assert two["standard"]["prediction"] == "77"
    assert len(two["standard"]["digits"]) == len(two["boxes"]) == 2
    blank = ask(paper([]))
    assert (blank["blank"], blank["mobilenet"]["prediction"]) == (True, "")
    (tmp_path / "a.png").write_bytes(png(seven()))
    (tmp_path / "b.png").write_bytes(b"no picture")
    files = [handle_file(tmp_path / name) for name in ("a.png", "b.png")]
    answers = client.predict(files, api_name="/predict_batch")
    assert [answer["image"] for answer in answers] == ["a.png", "b.png"]
    assert answers[0]["standard"]["prediction"] == "7"
    assert "no picture" in answers[1]["error"]
    answer = httpx.get(f"{address}health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_only_the_newest_of_what_a_visitor_asks_is_answered() -> None:
    @newest
    async def wait(seconds: float, _: object) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def ask(turn: list[int]) -> list:
        return await asyncio.gather(wait(None, turn, 0.1), wait(None, turn, 0))

    assert asyncio.run(ask([0])) == [gr.skip(), 0]


def test_only_the_documented_endpoints_are_public_and_they_are_described(client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/predict", "/predict_batch"}
    assert endpoints["/predict"]["description"].startswith("Read one picture")
    assert endpoints["/predict_batch"]["description"].startswith("Read many")
    [image], [files] = (endpoint["parameters"] for endpoint in endpoints.values())
    assert image["python_type"]["description"].startswith("A picture; the server has one")
    assert [image["example_input"]] == files["example_input"]
    assert image["example_input"]["path"] == "seven.png"


# --- Command line -------------------------------------------------------------------------------


def test_what_cannot_be_served_is_one_sentence_and_status_2(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    def told(*words: object) -> str:
        assert demo.main([str(word) for word in words]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    damaged = tmp_path / "damaged.safetensors"
    assert str(damaged) in told("--checkpoint", damaged, damaged)  # which is not there
    for keep in (1000, -1):
        damaged.write_bytes(demo.STANDARD.read_bytes()[:keep])
        assert str(damaged) in told("--checkpoint", damaged, damaged)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be listened on (Address" in told("--port", port)
    assert "--port is 99999; expected 1 to 65535." in told("--port", 99999)
    assert "--host 192.0.2.1 cannot be listened on" in told("--host", "192.0.2.1")
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    assert "needs the package mcp" in told("--mcp")


def test_a_server_that_is_slow_at_the_start_is_not_ended(service, serving, monkeypatch) -> None:
    monkeypatch.setattr("gradio.networking.url_ok", lambda _: False)  # no answer within 3 s
    with serving(build_page(service)) as address:
        assert httpx.get(f"{address}/health").json() == {"status": "ok"}


@pytest.fixture(scope="module")
def strangers(tmp_path_factory) -> Service:
    """Three networks that have little in common, two of them in files of one name."""
    folder = tmp_path_factory.mktemp("strangers")
    few = {"class_names": ["one", "<b>$x$</b>", "=cmd()", "#h", "7"], "temperature": 1.0}
    few["untrained_classes"] = [3, 4]
    return Service.load(
        save_network(init_network(2, 1, (3, 32, 24), 5, 0.5), folder / "a" / "net.st", few),
        save_network(init_network(1, 0, (1, 20, 20), 2), folder / "b" / "net.st"),
        demo.MOBILENET,
    )


def test_one_checkpoint_given_twice_has_a_name_and_a_number() -> None:
    twice = ["x/net.st", "x/net.st", "y/other.st", "z/z.st"]
    assert list(named(twice)) == ["net", "net 2", "other", "z"]


def test_any_checkpoints_are_told_apart_and_described(strangers: Service) -> None:
    facts = strangers.facts
    assert list(facts) == ["net (a)", "net (b)", "mobilenet"]
    assert [fact.title for fact in facts.values()] == ["net (a)", "net (b)", "MobileNet"]
    assert [fact.colour for fact in facts.values()] == ["mobilenet", "standard", "third"]
    subtitle = "2 standard + 1 separable convolutions, width 0.5, 32×24 RGB"
    assert facts["net (a)"].subtitle == subtitle
    about = about_markdown(strangers)
    assert "tell apart different classes. " in about
    assert "(outputs for &#35;h, 7, too, but shown none)." in about
    assert about.count("MobileNet: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.") == 1
    assert "**net&#32;&#40;a&#41;**" in about
    assert about.count("its confidence is not calibrated; it refuses nothing") == 2
    params, macs = facts["mobilenet"].num_params, facts["mobilenet"].macs
    assert f"\n    * {params:,} parameters; a digit takes {macs:,} MACs and " in about
    assert about.count("test accuracy, nothing refused: not recorded.") == 2


def test_networks_of_other_sizes_and_classes_read_and_explain_one_digit(strangers: Service) -> None:
    reading = strangers.reader.read(seven())
    shapes = [network.probabilities.shape for network in reading.networks.values()]
    assert shapes == [(1, 5), (1, 2), (1, 10)]
    direct = strangers.networks["net (a)"].feature_maps(fitted(reading.digits, (3, 32, 24))[0])
    np.testing.assert_allclose(
        direct[-1].mean(axis=(1, 2)), reading.networks["net (a)"].embeddings[0], rtol=1e-4
    )
    html = answer_html(reading, strangers.facts)
    assert html.count('<span class="track">') == 5 + 2 + 10
    assert "All 3 networks" in answer_html(BLANK, strangers.facts).replace("all", "All")
    assert versus(strangers.facts).count("next to net (a)") == 2
    html = why_html(strangers.networks, strangers.facts, reading, "3")
    assert html.count("This network does not know 3.") == 4  # evidence and Grad-CAM of two
    assert "<b>Grad-CAM</b> at the block named below" in html
    seen_by_two = why_html(strangers.networks, strangers.facts, reading, "7")
    pictures = re.findall('data:image/png;base64,([^"]+)', seen_by_two)
    sizes = {Image.open(io.BytesIO(base64.b64decode(picture))).size for picture in pictures}
    assert {(126, 168), (168, 168)} <= sizes  # over digits of 32 x 24, and of 28 x 28
    assert re.search(r"block 3, maximum [\d.e-]+</figcaption>", html)  # of MobileNet's four
    assert "<b>$x$" not in why_html(strangers.networks, strangers.facts, reading, "<b>$x$</b>")
    summary, charts = stress_html(strangers.reader, strangers.facts, reading, NEUTRAL)
    assert len(charts) == len(FACTORS)
    assert "net (b)" in summary


def test_filters_are_shown_as_they_work_with_batch_norm(service: Service) -> None:
    html = why_html(service.networks, service.facts, service.reader.read(seven()), None)
    for net in service.networks.values():
        limit = np.abs(net.folded[0][0].weight).max()  # all of the first block's 32 are shown
        assert f"block 1: 32 of 32 standard, ±{limit:.2g}" in html


def test_answers_of_any_checkpoints_carry_their_names(strangers: Service) -> None:
    row = Row("7.png", strangers.reader.read(seven()))
    answer = row_to_json(row, strangers.reader.names)
    assert {"net (a)", "net (b)", "mobilenet"} < answer.keys()
    assert answer["net (a)"]["classes"] == list(strangers.facts["net (a)"].class_names)
    assert len(answer["net (b)"]["probabilities"]) == 2
    assert 0 <= row.disagreement <= 1 + 1e-6
    classes = {name: fact.class_names for name, fact in strangers.facts.items()}
    header, cells = csv.reader(to_csv([row], classes).splitlines())
    assert header[4:13] == [
        "net (a)",
        *(f"net (a)_{rest}" for rest in ("confidence", "refused", "alternative", "pone")),
        *(f"net (a)_p{rest}" for rest in ("<b>$x$</b>", "=cmd()", "#h", "7")),
    ]
    assert len(cells) == len(header) == 4 + (4 + 5) + (4 + 2) + (4 + 10)


def test_an_answer_that_is_refused_does_not_hold(service: Service) -> None:
    reading = service.reader.read(seven())
    (blur,) = (factor for factor in FACTORS if factor.name == "blur")
    _, charts = stress_html(service.reader, service.facts, reading, NEUTRAL)
    ends = re.findall(r"holds to ([\d.]+)", charts[FACTORS.index(blur)])
    assert len(ends) == 2
    for network, end in zip(service.reader.names, ends, strict=True):
        blurred = distort(reading.digits[0], **{**NEUTRAL, "blur": float(end)})
        assert service.reader.read_digits(blurred[None])[network].is_digit[0]


def test_a_ratio_that_has_other_causes_is_not_said_to_be_of_what_stays() -> None:
    def network(title: str, *blocks: tuple[str, int]) -> dict[str, Any]:
        layers = [
            [{"kind": kind, "macs": macs, "m": 8, "n": 8, "height": 7, "width": 7}]
            for kind, macs in blocks
        ]
        return {"title": title, "blocks": layers, "macs": sum(macs for _, macs in blocks)}

    full = network("A", ("conv", 90), ("conv", 900))
    assert "only <b>9.90×</b>: B’s block 1 is still standard" in lesson(
        [full, network("B", ("conv", 90), ("depthwise", 10))]
    )
    told = lesson([full, network("B", ("conv", 9), ("depthwise", 10))])
    assert "only" not in told and "they differ elsewhere, too" in told


def test_importing_the_demo_loads_nothing() -> None:
    assert "demo" not in vars(demo)
    with pytest.raises(AttributeError, match="nothing"):
        demo.nothing  # noqa: B018
