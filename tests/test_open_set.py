"""Fine-tuning on what is no digit: the losses, the mixture, the choice of score and threshold."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from analysis import open_set
from netlib.data.european import four, one, seven, zero
from netlib.data.strokes import PenDigit
from netlib.measure.families import (
    LETTERS,
    LOOKALIKES,
    WRITTEN,
    drawn,
    families,
    find_fonts,
    lookalikes,
    worn,
)
from netlib.nets.network import init_network
from netlib.picture.digit import to_digit
from netlib.training.openset import NONE, OPEN_SET_LOSSES, Mixture, Part

FONTS = sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf"))


@pytest.fixture(scope="module")
def pen() -> list[PenDigit]:
    rng = np.random.default_rng(0)
    return [PenDigit(draw(rng).strokes, label, 1) for label in range(10) for draw in (one, zero)]


@pytest.fixture(scope="module")
def makers(pen):
    photos = [np.random.default_rng(0).integers(0, 255, (300, 320, 3), dtype=np.uint8)]
    return families(FONTS, pen, photos)


def test_every_family_draws_pads_that_differ_and_repeat_with_their_seed(makers):
    assert set(WRITTEN) < set(makers)
    for name, make in makers.items():
        pads = [make(np.random.default_rng(seed)) for seed in (0, 1, 0)]
        assert all(pad.shape == (280, 280) and pad.dtype == np.uint8 for pad in pads), name
        assert (pads[0] == pads[2]).all(), name
        assert (pads[0] != pads[1]).any(), name


def test_no_letter_is_drawn_that_hands_write_as_a_digit():
    assert not set(LETTERS) & set(LOOKALIKES)
    assert lookalikes(FONTS)(np.random.default_rng(0)).min() == 0


def test_a_folder_without_fonts_is_told_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="holds 0 fonts; expected 3 or more"):
        find_fonts(tmp_path)


@pytest.mark.parametrize(("draw", "label"), [(one, 1), (seven, 7), (four, 4), (zero, 0)])
def test_european_digits_carry_their_label_and_can_be_seen_when_worn(draw, label):
    rng = np.random.default_rng(3)
    digit = draw(rng)
    assert digit.label == label
    assert to_digit(worn(rng, drawn(rng, digit.strokes))) is not None


def test_flags_make_sharper_angles_with_their_stems_than_bars_do():
    rng = np.random.default_rng(0)
    flags = [_angle(one(rng).strokes[0], slice(0, 12)) for _ in range(20)]
    bars = [_angle(seven(rng).strokes[0], slice(-36, -24)) for _ in range(20)]
    assert max(flags) < 60
    assert np.mean(flags) + 20 < np.mean(bars)


def _angle(path: np.ndarray, first: slice) -> float:
    """Degrees between a part of a stroke and the way from that part's end to the stroke's."""
    a = path[first][0] - path[first][-1]
    b = path[-1] - path[first][-1]
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))


@pytest.mark.parametrize("name", OPEN_SET_LOSSES)
def test_each_loss_is_lower_where_digits_are_sure_and_others_are_not(name):
    loss = OPEN_SET_LOSSES[name]
    labels = torch.tensor([3, NONE])
    sure = torch.zeros(2, 10)
    sure[0, 3] = 12.0
    sure[1] -= 8.0
    swapped = sure.flip(0)
    assert loss(sure, labels) < loss(swapped, labels)
    assert loss(sure[:1], labels[:1]) < 0.1


@pytest.mark.parametrize("name", OPEN_SET_LOSSES)
def test_a_batch_of_digits_only_and_one_of_none_have_finite_losses(name):
    logits = torch.randn(4, 10, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for labels in (torch.tensor([0, 1, 2, 3]), torch.full((4,), NONE)):
        loss = OPEN_SET_LOSSES[name](logits, labels)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()


def test_a_mixture_shows_as_many_of_each_part_as_asked_in_another_order_each_epoch():
    first = Part(np.zeros((5, 28, 28), np.uint8), np.arange(5), count=12)
    second = Part(np.full((9, 28, 28), 255, np.uint8), NONE, count=4)
    mixture = Mixture([first, second], batch_size=6)
    epochs = []
    for epoch in (0, 1, 0):
        mixture.sampler.set_epoch(epoch)
        batches = list(mixture)
        assert len(batches) == len(mixture) == 3
        labels = torch.cat([labels for _, labels in batches])
        images = torch.cat([images for images, _ in batches])
        assert ((images.amax((1, 2, 3)) == 1) == (labels == NONE)).all()
        assert torch.bincount(labels[labels != NONE]).tolist() in _twelve_of_five()
        epochs.append(labels.tolist())
    assert epochs[0] == epochs[2] != epochs[1]


def _twelve_of_five():
    return [[3 if i in (a, b) else 2 for i in range(5)] for a in range(5) for b in range(a)]


def test_a_part_without_pictures_is_an_error():
    with pytest.raises(ValueError, match="is empty"):
        Part(np.zeros((0, 28, 28), np.uint8), NONE, count=1)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A net that cannot read, and blocks as pictures: digits are bright, others dark."""
    rng = np.random.default_rng(0)

    def images(low: int, high: int, n: int = 40) -> np.ndarray:
        return rng.integers(low, high, (n, 28, 28), dtype=np.uint8)

    labels = np.arange(40) % 10
    pictures = {f"{s}/{f}": images(0, 40) for s in open_set.SPLITS for f in ("rings", "bars")}
    pictures |= {f"blank/{key}": np.array(10) for key in list(pictures)}
    for name in (*open_set.DIGIT_SETS[1:], *open_set.KEPT[1:]):
        for split in open_set.SPLITS:
            pictures[f"digits/{split}/{name}"] = images(180, 255)
            pictures[f"labels/{split}/{name}"] = labels
    digits = {split: (images(180, 255), labels) for split in open_set.SPLITS}
    torch.manual_seed(0)
    net = init_network(1, 0, (1, 28, 28), 10).eval()
    options = open_set.Options(
        dataset_path=Path(), unipen=Path(), fonts=Path(), checkpoint=Path("net.safetensors"),
        output=tmp_path_factory.mktemp("open"), without=("bars",), loss="reserved", refused=0.1,
        passes=1, mnist=40,
    )  # fmt: skip
    return net, options, pictures, digits


def test_the_rule_refuses_the_share_asked_for_and_counts_blank_pads_as_refused(measured):
    net, options, pictures, digits = measured
    outputs = open_set.predict_all(net, pictures, digits)
    rule, rows = open_set.choose(options, {}, outputs, pictures, digits)
    chosen = {row["set"]: row for row in rows if row["score"] == rule["score"]}
    shares = [chosen[f"digits/{name}"]["refused"] for name in open_set.DIGIT_SETS]
    assert 0 < max(shares) <= options.refused + 0.03
    assert chosen["test/rings"]["n"] == 50
    assert chosen["test/rings"]["refused"] >= 0.2
    assert chosen["test/rings"]["trained"] == 1
    assert chosen["test/bars"]["trained"] == 0


def test_families_left_out_are_not_in_the_mixture(measured):
    _, options, pictures, digits = measured
    parts = open_set.mixture(options, pictures, digits).parts
    assert sum(bool((part.labels == NONE).all()) for part in parts) == 1


def test_fine_tuning_ends_with_a_network_and_a_record_of_each_epoch(measured):
    net, options, pictures, digits = measured
    weights = net.head.weight.detach().clone()
    config = open_set.make_config(options)
    history = open_set.fine_tune(net, options, config, pictures, digits)
    assert [row["epoch"] for row in history] == [1]
    assert (net.head.weight != weights).any()


def test_a_recorded_command_names_files_but_not_their_places():
    assert open_set.told("python -m x --unipen /a/b/pen.unipen --output runs/o") == (
        "python -m x --unipen pen.unipen --output runs/o"
    )


def test_averaging_keeps_the_share_of_the_weights_before_that_is_asked_for(measured):
    net = measured[0]
    after = net.head.weight.detach().clone()
    before = {name: torch.zeros_like(tensor) for name, tensor in net.state_dict().items()}
    open_set.average(net, before, keep=0.25)
    assert torch.allclose(net.head.weight, 0.75 * after)
    with pytest.raises(ValueError, match="from 0 to 1"):
        open_set.average(net, before, keep=2)
