"""What finds handwriting in a photograph: the sheets it learns from, its training, its finds."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers_data import done, pen_file

from netlib.answer import finder
from netlib.answer.finder import handwriting
from netlib.data.european import four, one, seven, zero
from netlib.measure.photographs import KINDS, on_a_page, written
from netlib.measure.sheets import SIDE, sheet
from netlib.nets.ink_net import STRIDE, InkNet, export
from netlib.training.segmentation import loss, train_ink


@pytest.fixture(scope="module")
def sheets() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    digits = [draw(rng).strokes for draw in (zero, one, four, seven) for _ in range(3)]
    pairs = [sheet(np.random.default_rng([1, n]), digits) for n in range(40)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def chances(path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(finder, "WEIGHTS", path)
    finder._network.cache_clear()
    try:
        return finder._chances(picture)
    finally:
        monkeypatch.undo()
        finder._network.cache_clear()


def test_sheets_repeat_with_their_seed_and_differ_without() -> None:
    digits = [zero(np.random.default_rng(0)).strokes]
    again, same, other = (sheet(np.random.default_rng(seed), digits) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(again, same, strict=True))
    assert (again[0] != other[0]).any()


def test_what_is_written_on_a_sheet_has_another_tone_than_what_is_beside_it(sheets) -> None:
    pictures, ink = sheets
    assert pictures.shape == ink.shape == (40, SIDE, SIDE)
    assert pictures.dtype == ink.dtype == np.uint8
    written_on = [n for n in range(40) if (ink[n] > 200).sum() > 100]
    assert 25 < len(written_on) < 40, "some sheets are empty"
    apart = []
    for n in written_on:
        inside = (ink[n] > 200).astype(np.uint8)
        around = cv2.dilate((ink[n] > 20).astype(np.uint8), np.ones((7, 7), np.uint8)) - (
            ink[n] > 20
        )
        tones = (float(np.median(pictures[n][mask > 0])) for mask in (inside, around))
        apart.append(abs(np.subtract(*tones)))
    assert np.median(apart) > 20
    assert np.mean(np.array(apart) > 3) > 0.9


def test_the_loss_is_least_for_what_is_there() -> None:
    ink = torch.zeros(2, 1, 32, 32)
    ink[0, 0, 4:20, 8:12] = 1
    right, none = 20 * (ink - 0.5), torch.full_like(ink, -10)
    assert float(loss(right, ink)) < 0.01 < float(loss(none, ink)) < float(loss(-right, ink))


def test_an_interrupted_training_goes_on_to_the_same_weights(sheets, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("netlib.training.segmentation.STATE_STEPS", 2)
    at_once = train_ink(*sheets, steps=4).state_dict()
    losses = iter([loss] * 3)
    state = tmp_path / "state.pt"
    with monkeypatch.context() as patched:
        patched.setattr("netlib.training.segmentation.loss", lambda *both: next(losses)(*both))
        with pytest.raises(StopIteration):
            train_ink(*sheets, steps=4, state=state)
    gone_on = train_ink(*sheets, steps=4, state=state).state_dict()
    assert all(torch.equal(at_once[name], gone_on[name]) for name in at_once)


def test_the_command_writes_a_graph_that_says_what_the_network_says(tmp_path, monkeypatch) -> None:
    unipen = pen_file(tmp_path / "pen.unipen")
    options = ["--unipen", unipen, "--test-writers", 1, "--pictures", 4, "--steps", 2]
    done("ink_finder", *options, "--output", tmp_path / "out")
    assert not (tmp_path / "out" / "state.pt").exists()
    picture = np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8)
    found = chances(tmp_path / "out" / "ink.onnx", picture, monkeypatch)
    assert found.shape == picture.shape
    net = InkNet().eval()
    path = export(net, tmp_path / "plain.onnx")
    height, width = 2 * STRIDE, 3 * STRIDE
    seen = cv2.copyMakeBorder(picture, 0, height - 50, 0, width - 70, cv2.BORDER_REPLICATE)
    with torch.no_grad():
        says = net(torch.from_numpy(seen)[None, None].float() / 255).sigmoid()[0, 0, :50, :70]
    assert np.allclose(chances(path, picture, monkeypatch), says.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "kind", ["graph paper", "hand shadow", "folded", "coloured paper", "chalk"]
)
def test_a_number_is_found_where_it_was_written(kind: str) -> None:
    rng = np.random.default_rng(4)
    ink = on_a_page(rng, [written(rng, "452")], margin=(0.8, 1.0))
    picture = np.asarray(KINDS[kind](rng, ink, 140).convert("L"))
    ink_found = handwriting(picture)
    assert ink_found is not None
    found = ink_found.whole() >= 0.5
    there = cv2.resize(ink, picture.shape[::-1]) >= 0.5
    assert (found & there).sum() > 0.6 * (found | there).sum()


def test_a_small_number_is_found_in_a_large_picture() -> None:
    rng = np.random.default_rng(1)
    ink = on_a_page(rng, [written(rng, "452")], height=60)
    page = np.full((1200, 1600), 190, np.uint8)
    page[::24], page[:, ::24] = 160, 160
    top, left = 700, 900
    bottom, right = top + ink.shape[0], left + ink.shape[1]
    page[top:bottom, left:right] = page[top:bottom, left:right] * (1 - 0.7 * ink)
    found = handwriting(page)
    assert found is not None and found.box is not None
    y, x = np.nonzero(ink > 0.5)
    there = left + x.min(), top + y.min(), left + x.max(), top + y.max()
    assert np.abs(np.subtract(found.placed(found.box), there)).max() <= 12


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (31, 33), (300, 400)])
def test_nothing_is_found_on_an_empty_page_of_any_size(shape: tuple[int, int]) -> None:
    assert handwriting(np.full(shape, 200, np.uint8)) is None


def test_a_pencilled_number_in_stripes_of_shadow_is_read_where_it_was_not(monkeypatch) -> None:
    from netlib.answer import Predictor, Reader

    reader = Reader(Predictor({"standard": "checkpoints/standard.safetensors"}))

    def right() -> int:
        texts = [reader.read(picture).networks for picture in pictures]
        return sum(bool(found) and found["standard"].text == "452" for found in texts)

    pictures = [_pencilled(np.random.default_rng(seed)) for seed in range(8)]
    with_it = right()
    monkeypatch.setattr("netlib.answer.reader.handwriting", lambda levels: None)
    assert with_it > 2 + right()


def _pencilled(rng: np.random.Generator) -> np.ndarray:
    """Grey on squares, under stripes."""
    ink = on_a_page(rng, [written(rng, "452")], pen=8)
    lines = np.zeros_like(ink)
    lines[::40], lines[:, ::40] = 1, 1
    lines = cv2.dilate(lines, np.ones((2, 2), np.uint8))
    page = 200 * (1 - np.maximum(0.4 * ink, 0.25 * lines))
    stripes = np.sin((np.arange(ink.shape[1]) + 0.4 * np.arange(ink.shape[0])[:, None]) / 40) > 0
    page *= 1 - 0.4 * cv2.GaussianBlur(stripes.astype(np.float32), (0, 0), 3)
    return np.clip(page + rng.normal(0, 3, page.shape), 0, 255).astype(np.uint8)
