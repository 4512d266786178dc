"""Fine-tuning on what is no digit: pictures, loss, mixture, the choice of score and threshold."""

import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers_data import done, pen_file

from analysis import no_digit, open_set
from netlib.data.european import four, one, seven, zero
from netlib.data.overlap import digests_path
from netlib.data.strokes import PenDigit
from netlib.measure.families import (
    LETTERS,
    LOOKALIKES,
    WRITTEN,
    characters,
    drawn,
    families,
    find_fonts,
    typed,
    worn,
)
from netlib.measure.outsiders import SPLITS, Drawing, _draw, draw_all
from netlib.measure.refusing import Said, ask, choose_rule, refused_share
from netlib.nets import load_network, read_metadata, save_network
from netlib.nets.checkpoint import weights_digest
from netlib.nets.network import init_network
from netlib.picture.digit import to_digit
from netlib.training.config import AUGMENTATIONS
from netlib.training.openset import (
    Judged,
    Mixture,
    Part,
    digit_targets,
    open_set_loss,
    other_targets,
    views,
)

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


@pytest.fixture(scope="module")
def pen() -> list[PenDigit]:
    rng = np.random.default_rng(0)
    return [PenDigit(draw(rng).strokes, label, 1) for label in range(10) for draw in (one, zero)]


@pytest.fixture(scope="module")
def latin(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("hand") / "latin.ttf"
    path.symlink_to(FONT)
    return path


@pytest.fixture(scope="module")
def makers(pen, latin):
    photos = [np.random.default_rng(0).integers(0, 255, (300, 320, 3), dtype=np.uint8)]
    return families([latin], [FONT], pen, photos)


def test_every_family_draws_pads_that_differ_and_repeat_with_their_seed(makers):
    assert {make.__name__ for make in WRITTEN} < set(makers)
    for name, make in makers.items():
        pads = [make(np.random.default_rng(seed)) for seed in (0, 1, 0)]
        assert all(pad.shape == (280, 280) and pad.dtype == np.uint8 for pad in pads), name
        assert (pads[0] == pads[2]).all(), name
        assert (pads[0] != pads[1]).any(), name


def test_no_digit_is_drawn_among_letters_other_scripts_and_icons(latin, tmp_path):
    assert not set(LETTERS) & set(LOOKALIKES)
    assert typed(np.random.default_rng(0), [latin], LOOKALIKES).min() == 0
    letters, icons = characters(FONT, "L"), characters(FONT, "S")
    assert {"α", "Ж", "ψ"} <= set(letters)
    assert not {"О", "З", "٣", "A"} & set(letters)
    assert {"→", "☂", "♞"} <= set(icons)
    assert not {"①", "○"} & set(icons)
    with pytest.raises(ValueError, match="has 0 folders of fonts; expected 3 or more"):
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


def test_the_loss_is_lower_where_digits_are_as_taught_and_others_are_judged_none():
    taught = torch.zeros(2, 11)
    taught[0, 3], taught[1, 10] = 1.0, 1.0
    outputs = torch.zeros(2, 11)
    outputs[0, 3], outputs[0, 10], outputs[1, 10] = 20.0, -10.0, 10.0
    assert open_set_loss(outputs, taught) < open_set_loss(outputs.flip(0), taught)
    # Of the digit nothing is left but its logits' tail; of the other, equal probabilities.
    assert open_set_loss(outputs[:1], taught[:1]) == pytest.approx(4 * 9 * np.exp(-10), rel=0.1)
    assert open_set_loss(outputs[1:], taught[1:]) == pytest.approx(0.1 * np.log(10), rel=0.01)


def test_a_judged_network_says_eleven_numbers_and_the_head_of_the_rule_is_its_judge():
    judged = Judged(init_network(1, 0, (1, 28, 28), 10))
    images = torch.rand(3, 1, 28, 28)
    assert judged.train()(images).shape == (3, 11)
    assert judged.eval()(images).shape == (3, 10)
    assert judged.rule_head().shape == (judged.net.head.in_features + 1,)
    torch.nn.init.normal_(judged.judge.weight)
    images = np.random.default_rng(0).integers(0, 255, (4, 28, 28), dtype=np.uint8)
    said = ask(judged.net.eval(), images)
    judged.train()
    for module in judged.modules():  # the network as it answers, the judge beside it
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    none = judged(torch.as_tensor(images)[:, None].float() / 255)[:, -1].detach().numpy()
    rule = {"score": "head", "head": judged.rule_head().tolist(), "threshold": 0.5}
    np.testing.assert_allclose(said.margins(rule, 1.0), -none - 0.5, rtol=1e-3, atol=1e-4)


def test_teachers_are_heard_unless_they_are_wrong():
    torch.manual_seed(0)
    teacher = init_network(1, 0, (1, 28, 28), 10).eval()
    images = np.random.default_rng(0).integers(0, 255, (6, 28, 28), dtype=np.uint8)
    right = ask(teacher, images).logits.argmax(1)
    labels = np.where(np.arange(6) < 3, right, (right + 1) % 10)
    targets = digit_targets([teacher], images, labels)
    assert targets.shape == (6, 11)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
    assert (targets[:3].max(1) < 1).all()
    assert (targets[3:, :10] == np.eye(10)[labels[3:]]).all()


def test_views_repeat_with_their_seed_and_differ_from_the_digits():
    images = np.random.default_rng(0).integers(0, 255, (4, 28, 28), dtype=np.uint8)
    first, again, other = (views(images, AUGMENTATIONS["mild"], seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert (first != images).any()
    assert first.shape == images.shape


def test_a_mixture_shows_as_many_of_each_part_as_asked_in_another_order_each_epoch():
    rows = np.pad(np.eye(10, dtype=np.float32)[:5], ((0, 0), (0, 1)))
    first = Part(np.zeros((5, 28, 28), np.uint8), rows, count=12)
    second = Part(np.full((9, 28, 28), 255, np.uint8), other_targets(9), count=4)
    mixture = Mixture([first, second], batch_size=6)
    epochs = []
    for epoch in (0, 1, 0):
        mixture.set_epoch(epoch)
        batches = list(mixture)
        assert len(batches) == len(mixture) == 3
        images, targets = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
        assert ((images.amax((1, 2, 3)) == 1) == (targets[:, 10] == 1)).all()
        assert sorted(targets.sum(0).tolist()) == [0] * 5 + [2, 2, 2, 3, 3, 4]
        epochs.append(targets.argmax(1).tolist())
    assert epochs[0] == epochs[2] != epochs[1]


def test_the_rule_refuses_at_most_the_share_asked_for_and_blank_pads():
    rng = np.random.default_rng(0)
    head = np.array([5.0, 0.0, -1.0])

    def said(direction, blank=0, n=200):
        near = np.array(direction) + rng.normal(0, 0.1, (n, 2))
        return Said(rng.normal(0, 1, (n, 10)), near, blank)

    digits, others = [said((1, 0)), said((1, 0.5), n=20)], [said((0, 1), blank=50)]
    rule = choose_rule(digits, others, head, 1.0, refused=0.1)
    assert rule["score"] == "head"
    assert np.mean([refused_share(d, rule, 1.0) for d in digits]) <= 0.1
    assert refused_share(others[0], rule, 1.0) == rule["refused_of_validation_families"] == 1
    assert set(rule["tried"]) == {"confidence", "max_logit", "energy", "head", "log_odds"}


def test_each_class_has_a_threshold_where_the_others_are():
    rng = np.random.default_rng(0)

    def said(label, heights):
        logits = np.where(np.arange(10) == label, np.array(heights)[:, None], -20.0)
        return Said(logits, np.ones((len(logits), 2)))

    # Digits of both classes score alike; what is no digit is read as a 7 alone.
    heights = rng.normal(5, 1, 1000)
    digits = [said(1, heights), said(7, heights)]
    others = [said(7, rng.normal(2, 1, 400))]
    rule = choose_rule(digits, others, np.zeros(3), 1.0, refused=0.05)
    assert refused_share(digits[0], rule, 1.0) == 0
    assert refused_share(digits[1], rule, 1.0) == pytest.approx(0.1, abs=0.02)
    assert refused_share(others[0], rule, 1.0) > 0.9


@pytest.fixture(scope="module")
def fonts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
        (folder / name / "latin.ttf").symlink_to(FONT)
    return folder


def test_every_split_has_every_family_of_other_fonts_and_repeats_with_its_seed(fonts, tmp_path):
    unipen = pen_file(tmp_path / "pen.unipen", writers=8, each=10)
    drawing = Drawing(unipen, 2, fonts, fonts, open_set.sample_photos(), count=3, seed=0)
    pictures = draw_all(drawing, workers=1)
    found = {split: [k for k in pictures if k.startswith(f"{split}/")] for split in SPLITS}
    assert len(found["train"]) == len(found["validation"]) == len(found["test"]) - 1
    assert "test/lookalikes" in found["test"]
    assert len(pictures["train/letters"]) + pictures["blank/train/letters"] == 9
    sets = {key.removeprefix("digits/test/") for key in pictures if key.startswith("digits/test/")}
    assert set(no_digit.DIGITS) <= sets
    assert set(pictures["labels/validation/small"][-2:]) <= {0, 1}
    again = _draw(drawing, "train", "arrows")["train/arrows"]
    assert (pictures["train/arrows"] == again).all()
    assert pictures["labels/train/pen"].max() == 9


def given(dataset: object, pictures: Path, checkpoint: Path, output: Path) -> list[str]:
    """Words of the command where all pictures are drawn already."""
    words = "--unipen none --hands none --icons none".split()
    files = ("--pictures", pictures, "--checkpoint", checkpoint, "--output", output)
    return [*words, "--dataset-path", *map(str, (dataset, *files))]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, digit_folder) -> tuple[Path, Path]:
    """A small network, fine-tuned on pictures that were drawn by hand."""
    folder = tmp_path_factory.mktemp("tuned")
    rng = np.random.default_rng(0)

    def images(low: int, high: int, n: int = 20) -> np.ndarray:
        return rng.integers(low, high, (n, 28, 28), dtype=np.uint8)

    pictures = {f"{split}/{name}": images(0, 40) for split in SPLITS for name in ("rings", "bars")}
    pictures |= {f"blank/{key}": np.array(5) for key in list(pictures)}
    sets = ("pen", "worn", "european", "mouse", "small", "tilted")
    for name in (*sets, *no_digit.DIGITS):
        for split in SPLITS:
            pictures[f"digits/{split}/{name}"] = images(180, 255)
            pictures[f"labels/{split}/{name}"] = np.arange(20) % 10
    arrays: dict[str, np.ndarray] = pictures
    np.savez(folder / "pictures.npz", **arrays)
    metadata = {"config": {"seed": 0}, "temperature": 1.0}
    torch.manual_seed(0)
    save_network(init_network(1, 0, (1, 28, 28), 10), folder / "small.safetensors", metadata)
    files = folder / "pictures.npz", folder / "small.safetensors", folder / "out"
    options = "--validation-size 40 --without bars --training-epochs 1 --views 2 --mnist 40"
    words = given(digit_folder(train=20, test=2), *files)
    done("open_set", *words, *options.split(), "--refused", 0.1)
    return folder / "pictures.npz", folder / "out" / "small.safetensors"


def test_fine_tuning_tells_what_was_done_and_which_families_there_are(tuned, refused):
    metadata = read_metadata(tuned[1])
    assert metadata["fine_tuning"]["families"] == ["rings"]
    assert [row["epoch"] for row in metadata["fine_tuning"]["history"]] == [1]
    assert metadata["no_digit"]["refused_of_validation"] == 0.1
    command = metadata["fine_tuning"]["command"]
    assert "--checkpoint small.safetensors" in command
    assert str(tuned[0].parent) not in command
    assert digests_path(tuned[1]).is_file()
    words = given("x", *tuned, tuned[0].parent / "again")
    sentence = refused("open_set", *words, "--without", "cats")
    assert "--without names cats; expected some of rings, bars." in sentence


def test_what_it_reads_is_not_written_over(tuned, refused):
    pictures, checkpoint = tuned
    before = checkpoint.read_bytes()
    assert "would be written over" in refused(
        "open_set", *given("x", pictures, checkpoint, checkpoint.parent)
    )
    start = pictures.parent / "small.safetensors"
    words = given("x", pictures, start, checkpoint.parent)
    assert "would be written over" in refused("open_set", *words, "--teachers", checkpoint)
    assert checkpoint.read_bytes() == before


def test_without_epochs_only_the_threshold_is_chosen_anew(tuned, digit_folder, tmp_path, refused):
    pictures, checkpoint = tuned
    net = load_network(checkpoint)
    taught = tmp_path / "small.safetensors"
    words = given(digit_folder(train=20, test=2), pictures, taught, tmp_path / "out")
    words += "--validation-size 40 --training-epochs 0".split()
    head = [0.1] * (net.head.in_features + 1)
    rule = {"score": "head", "threshold": 0.0, "head": head}
    save_network(net, taught, {**net.metadata, "no_digit": rule})
    done("open_set", *words)
    after = read_metadata(tmp_path / "out" / "small.safetensors")
    assert after["fine_tuning"] == net.metadata["fine_tuning"]
    assert after["no_digit"]["refused_of_validation"] == 0.01
    assert len(after["no_digit"]["threshold"]) == 10
    assert (
        digests_path(tmp_path / "out" / "small.safetensors").exists()
        == digests_path(taught).exists()
    )
    save_network(net, taught, {"config": {"seed": 0}, "temperature": 1.0})
    refused("open_set", *words)


def test_fine_tunings_of_one_start_are_averaged(tuned, digit_folder, tmp_path, refused):
    pictures, net = tuned[0], load_network(tuned[1])
    checkpoint, other = tmp_path / "small.safetensors", tmp_path / "other.safetensors"
    net.metadata["no_digit"]["head"] = [0.1] * (net.head.in_features + 1)
    save_network(net, checkpoint, net.metadata)
    with torch.no_grad():
        for values in net.parameters():
            values.add_(1)
    save_network(net, other, net.metadata)
    words = given(digit_folder(train=20, test=2), pictures, checkpoint, tmp_path / "out")
    words += ["--average", str(other), *"--validation-size 100 --training-epochs 0".split()]
    done("open_set", *words)
    found = load_network(tmp_path / "out" / checkpoint.name)
    for mean, own in zip(found.parameters(), load_network(checkpoint).parameters(), strict=True):
        assert torch.allclose(mean, own + 0.5)
    (told,) = found.metadata["fine_tuning"]["averaged_with"]
    assert told["weights_sha256"] == weights_digest(net)
    words[-1] = "1"
    refused("open_set", *words)


def test_families_are_measured_apart_where_a_network_never_saw_them(tuned, digit_folder, tmp_path):
    pictures, checkpoint = tuned
    other = shutil.copy(checkpoint, tmp_path / "other.safetensors")
    words = ["--dataset-path", digit_folder(train=20, test=2), "--pictures", pictures]
    words += ["--checkpoint", checkpoint, "--unseen", other, "--output", tmp_path / "t.csv"]
    done("no_digit", *words)
    rows = pd.read_csv(tmp_path / "t.csv").query("accuracy.isna()")
    kinds = [*zip(rows["unseen"], rows["kind"], strict=True)]
    assert kinds == [(0, "rings"), (0, "bars"), (1, "bars")]
    assert (rows["n"] == 25).all() and rows["refused"].between(0.2, 1).all()
    assert (tmp_path / "t.json").is_file()
