"""The training loop: it learns, repeats itself, resumes exactly and stops for a reason.

The module is imported, not its functions: pytest would collect `test`.
"""

import copy
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers_runs import same_weights, tiny
from torch import Tensor
from torch.utils.data import DataLoader

from netlib.data.loaders import DigitDataset, EpochSampler
from netlib.nets.checkpoint import save_network
from netlib.nets.network import Network, init_network
from netlib.training import course as training
from netlib.training import loop as fitting
from netlib.training.config import AugmentConfig, TrainConfig
from netlib.training.course import infer
from netlib.training.loop import TrainingError, fit

CPU = TrainConfig(device="cpu", batch_size=8, training_epochs=4, learning_rate=0.01)
BUSY = replace(
    CPU, ema=0.8, augment=AugmentConfig(rotation=10, shift=1, erase=0.5, erase_size=3), patience=9
)


def stripes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make n noisy uint8 images (n, 8, 8) of three kinds of stripes, and what kind each is."""
    rng = np.random.default_rng(seed)
    patterns = np.zeros((3, 8, 8))
    patterns[0, ::2] = patterns[1, :, ::2] = 200
    patterns[2, ::4] = 200
    labels = np.arange(n) % 3
    return (patterns[labels] + rng.integers(0, 50, (n, 8, 8))).astype(np.uint8), labels


def loaders(seed: int = 0, n: int = 21) -> tuple[DataLoader, DataLoader]:
    """Loaders as `DigitData` makes them: 21 training images in batches of 8, and 9 for validation.

    The last batch of 5 is smaller than the others.
    """
    train, validation = (
        DigitDataset.from_arrays(*made, num_classes=3) for made in (stripes(n), stripes(9, seed=1))
    )
    return train.loader(8, EpochSampler(n, seed)), validation.loader(8)


def run(net: Network, config: TrainConfig = CPU, **options) -> list[dict[str, float]]:
    options.setdefault("loss_func", F.cross_entropy)
    return fit(net, *loaders(config.seed), config, **options)


def without_times(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


# --- Learning, and the same again -----------------------------------------------------------------


@pytest.mark.parametrize("optimizer", fitting.OPTIMIZERS)
def test_one_batch_can_be_overfitted(optimizer: str) -> None:
    images, labels = stripes(6)
    rate = {"sgd": 0.1, "adadelta": 1.0}.get(optimizer, 0.01)
    config = replace(CPU, schedule="constant", weight_decay=0)
    net = training.train(
        tiny(), images, labels, images, labels, rate, 60, "cross_entropy", optimizer, config
    )
    assert net.history[-1]["train_loss"] < 0.1 < net.history[0]["train_loss"]
    predictions = training.test(net, None, images, labels)
    assert predictions.dtype == torch.int64 and predictions.tolist() == labels.tolist()


def test_a_network_with_teachers_learns_what_they_say_whatever_the_labels(tmp_path: Path) -> None:
    images, labels = stripes(24)
    wise = training.train(tiny(), images, labels, images, labels, 0.01, 30)
    model = save_network(wise, tmp_path / "wise.safetensors")
    assert training.test(wise, None, images, labels).tolist() == labels.tolist()
    wrong = (labels + 1) % 3
    config = replace(CPU, teachers=(str(model),))
    taught = training.train(tiny(1), images, wrong, images, labels, 0.01, 30, config=config)
    assert training.test(taught, None, images, labels).tolist() == labels.tolist()
    save_network(tiny(input_dim=(1, 16, 16)), model)
    with pytest.raises(ValueError, match=r"teacher .* has input_dim \(1, 16, 16\); expected"):
        run(tiny(), replace(CPU, teachers=(str(model),)))


def test_the_last_epochs_images_may_be_left_as_they_are(monkeypatch) -> None:
    seen: list[Tensor] = []
    monkeypatch.setattr(fitting, "augment", lambda images, *_: (seen.append(images), images)[1])
    run(tiny(), replace(CPU, clean_epochs=3))
    assert len(seen) == 3  # the batches of the first of four epochs


def test_every_parameter_moves_and_the_network_ends_on_the_cpu_in_evaluation_mode() -> None:
    net = tiny()
    before = copy.deepcopy(net.state_dict())
    run(net, replace(CPU, training_epochs=1, channels_last=True))
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
        assert not torch.equal(parameter, before[name]), name
    assert not net.training
    assert all(p.is_contiguous() and p.device.type == "cpu" for p in net.parameters())


def test_losses_and_accuracies_are_means_over_images_not_batches() -> None:
    # At a vanishing rate the weights stay, and the epoch's figures are those of one pass; every
    # batch is normalised by its own statistics, so the batches are those of the loop.
    train_loader, validation_loader = loaders()
    net = tiny()
    twin = copy.deepcopy(net)
    config = replace(CPU, training_epochs=1, learning_rate=1e-30, schedule="constant")
    row = fit(net, train_loader, validation_loader, config, loss_func=F.cross_entropy)[0]

    def totals(loader: DataLoader) -> tuple[float, float]:
        loss, right, n = 0.0, 0, 0
        for images, labels in loader:
            with torch.no_grad():
                logits = twin(images)
            loss += F.cross_entropy(logits, labels).item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
            n += len(labels)
        return loss / n, right / n

    train_loader.sampler.sampler.set_epoch(0)
    twin.train()
    assert (row["train_loss"], row["train_accuracy"]) == pytest.approx(totals(train_loader))
    twin.eval()
    expected = totals(validation_loader)
    assert (row["validation_loss"], row["validation_accuracy"]) == pytest.approx(expected)


def test_the_chosen_loss_is_what_is_minimised() -> None:
    rows = run(tiny(), replace(CPU, training_epochs=1), loss_func=lambda z, _: 0 * z.sum() + 7)
    assert rows[0]["train_loss"] == 7
    assert rows[0]["validation_loss"] != 7  # always the cross entropy


def test_bfloat16_trains_with_weights_in_float32() -> None:
    net = tiny()
    dtypes = set()
    net.blocks[0].conv.register_forward_hook(lambda _m, _i, out: dtypes.add(out.dtype))
    run(net, replace(CPU, training_epochs=1, precision="bfloat16"))
    assert dtypes == {torch.bfloat16, torch.float32}  # training, validation
    assert {p.dtype for p in net.parameters()} == {torch.float32}


@pytest.mark.parametrize("config", [CPU, BUSY], ids=["plain", "average and augmentation"])
def test_the_seed_alone_decides_the_weights(config: TrainConfig) -> None:
    first, second, other = tiny(), tiny(), tiny()
    before = without_times(run(first, config))
    fitting.seed_everything(99)  # of the global generators, which decide nothing
    assert without_times(run(second, config)) == before
    assert same_weights(first, second)
    run(other, replace(config, seed=1))
    assert not same_weights(first, other)


# --- Interruption and resume --------------------------------------------------------------------


class PowerCut(Exception):
    """What interrupts a training here."""


def interrupted(config: TrainConfig, state_path: Path, after: int, **options) -> None:
    """A training that breaks off after this epoch."""

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == after:
            raise PowerCut

    with pytest.raises(PowerCut):
        run(tiny(), config, state_path=state_path, on_epoch=stop, **options)


@pytest.mark.parametrize(
    "config",
    [
        CPU,
        BUSY,
        replace(CPU, optimizer="sgd", schedule="cosine", weight_decay=0.1),
        replace(CPU, optimizer="adadelta", schedule="constant", channels_last=False),
    ],
    ids=["adamw", "average and augmentation", "sgd", "adadelta"],
)
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path, config) -> None:
    state_path = tmp_path / "training.state"
    straight = tiny()
    expected = run(straight, config)
    interrupted(config, state_path, after=1)
    interrupted(config, state_path, after=3, resume=True)
    for _ in range(2):  # it is finished, and had again from its state
        resumed = tiny(seed=5)  # its own first weights do not matter
        history = run(resumed, config, state_path=state_path, resume=True)
        assert same_weights(resumed, straight)
        assert without_times(history) == without_times(expected)
    assert list(tmp_path.iterdir()) == [state_path]


def test_an_interrupted_epoch_is_repeated_but_only_with_resume(tmp_path: Path) -> None:
    state_path = tmp_path / "new folder" / "training.state"
    straight = tiny()
    run(straight, CPU)
    calls = itertools.count(1)

    def loss_func(logits: Tensor, labels: Tensor) -> Tensor:
        if next(calls) == 3 + 2:  # second step of the second epoch
            raise PowerCut
        return F.cross_entropy(logits, labels)

    with pytest.raises(PowerCut):
        run(tiny(), CPU, loss_func=loss_func, state_path=state_path)
    resumed = tiny()
    run(resumed, CPU, state_path=state_path, resume=True)
    assert same_weights(resumed, straight)
    state_path.write_bytes(b"left over")
    fresh = tiny()
    run(fresh, CPU, state_path=state_path)
    assert same_weights(fresh, straight)


def test_a_last_batch_of_one_image_sits_out() -> None:
    images, labels = torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 0, 1, 0])
    net = init_network(2, 0, (1, 8, 8), 2, width=0.1)
    config = replace(CPU, batch_size=4, training_epochs=2, ema=0.0)
    history = training.train(net, images, labels, images, labels, 0.01, 2, config=config).history
    assert len(history) == 2
    assert int(net.blocks[0].bn.num_batches_tracked) in (1, 2)  # one batch an epoch, not two


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """The state of a training that broke off after its first epoch of three steps."""
    interrupted(CPU, tmp_path / "training.state", after=1, identity="these images")
    return tmp_path / "training.state"


@pytest.mark.parametrize(
    "other, sentence",
    [
        ({"config": replace(CPU, ema=0.5)}, "its ema is 0.0, expected 0.5. R"),
        ({"net": init_network(2, 0, (1, 8, 8), 3)}, "its conv_block_count is 1, "),
        ({"n": 33}, "its number of steps is 3, expected 5"),
        ({"identity": "those images"}, "its training images are others"),
    ],
    ids=["config", "network", "number of images", "images"],
)
def test_a_state_of_another_run_is_refused(unfinished: Path, other: dict, sentence: str) -> None:
    options = {"net": tiny(), "config": CPU, "identity": "these images", **other}
    train, validation = loaders(n=options.pop("n", 21))
    options |= {"state_path": unfinished, "resume": True, "loss_func": F.cross_entropy}
    with pytest.raises(TrainingError, match=f"belongs to another run: {sentence}"):
        fit(train_loader=train, validation_loader=validation, **options)
    assert unfinished.exists()


@pytest.mark.parametrize("damage", ["truncated", "text", "another dictionary", "pickle"])
def test_a_damaged_state_is_refused(unfinished: Path, damage: str) -> None:
    if damage == "truncated":
        unfinished.write_bytes(unfinished.read_bytes()[:-500])
    elif damage == "text":
        unfinished.write_text("no state")
    else:  # a pickled module would run code
        torch.save({"epoch": 1} if damage == "another dictionary" else tiny(), unfinished)
    with pytest.raises(TrainingError, match="is no readable training state"):
        run(tiny(), CPU, state_path=unfinished, resume=True)


# --- Which weights are kept, and when to stop ---------------------------------------------------


def scripted(monkeypatch, scores: list[tuple[float, float]]) -> list[dict]:
    """Let validation say these (loss, accuracy); returns the weights that it saw each time."""
    seen: list[dict[str, Tensor]] = []

    def validate(run: fitting._Run, _batches: DataLoader) -> tuple[float, float]:
        seen.append(copy.deepcopy(run.evaluated.state_dict()))
        return scores[len(seen) - 1]

    monkeypatch.setattr(fitting._Run, "validate", validate)
    return seen


@pytest.mark.parametrize(
    "scores, best",
    [
        ([(0.5, 0.8), (0.9, 0.9), (0.1, 0.85), (0.1, 0.85)], 1),  # accuracy before loss
        ([(0.5, 0.8), (0.3, 0.8), (0.4, 0.8), (0.3, 0.8)], 1),  # then loss, the first of equals
        ([(0.5, 0.8), (0.4, 0.8), (0.3, 0.8), (0.2, 0.8)], 3),
    ],
    ids=["accuracy", "loss", "last"],
)
def test_the_best_validation_epoch_s_weights_are_kept(monkeypatch, scores, best) -> None:
    seen = scripted(monkeypatch, scores)
    net = tiny()
    run(net, CPU)
    assert len(seen) == 4
    kept = net.state_dict()
    same = [all(torch.equal(kept[name], w[name]) for name in kept) for w in seen]
    assert same.index(True) == best
    assert sum(same) == 1


def test_training_stops_early_when_patience_runs_out(monkeypatch) -> None:
    scripted(monkeypatch, [(1, 0.5), (1, 0.6), (1, 0.4), (1, 0.4), (1, 0.4), (1, 0.9)])
    history = run(tiny(), replace(CPU, training_epochs=6, patience=3))
    assert len(history) == 5  # the second was the best; three more without a better one


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_a_sentence(bad: float) -> None:
    calls = itertools.count(1)

    def loss_func(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) * (bad if next(calls) == 3 + 2 else 1)

    sentence = f"loss is {bad} in epoch 2, step 2; .* lower the learning rate"
    with pytest.raises(TrainingError, match=sentence):
        run(tiny(), CPU, loss_func=loss_func)


def test_the_moving_average_is_what_is_kept(monkeypatch) -> None:
    steps: list[Tensor] = []
    update = torch.optim.SGD.step

    def step(self: torch.optim.SGD, *args, **kwargs) -> None:
        update(self, *args, **kwargs)
        steps.append(net.head.weight.detach().clone())

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    net = tiny()
    config = replace(CPU, ema=0.3, training_epochs=2, optimizer="sgd")
    scripted(monkeypatch, [(1.0, 0.5), (0.5, 0.5)])
    run(net, config)
    # It starts as the weights after the first step. After k more it keeps (1 + k) / (10 + k) of
    # itself, at most 0.3: 2/11, 3/12, then 0.3 in place of 4/13, 5/14 and 6/15.
    expected = steps[0]
    for weights, kept in zip(steps[1:], (2 / 11, 3 / 12, 0.3, 0.3, 0.3), strict=True):
        expected = kept * expected + (1 - kept) * weights
    assert len(steps) == 6
    torch.testing.assert_close(net.head.weight.detach(), expected)
    assert not torch.allclose(net.head.weight, steps[-1])


# --- Schedules and weight decay -----------------------------------------------------------------


def factors(schedule: str, warmup: float, steps: int) -> list[float]:
    """Share of the peak rate at every step, and after the last."""
    config = replace(CPU, schedule=schedule, warmup=warmup)
    factor = fitting._schedule(config, steps)
    return [factor(step) for step in range(steps + 1)]


def test_onecycle_and_the_recorded_rates_follow_the_schedule() -> None:
    values = factors("onecycle", 0.25, 16)
    # Four steps of warm-up, then the peak, then twelve of cosine.
    assert values[:5] == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])
    assert values[8] == pytest.approx(0.75)
    assert values[10] == pytest.approx(0.5)
    assert values[16] == pytest.approx(0)
    assert values[4:] == sorted(values[4:], reverse=True)
    config = replace(CPU, schedule="cosine", training_epochs=4, learning_rate=0.02)
    rates = [row["learning_rate"] for row in run(tiny(), config)]
    # Three steps an epoch: a quarter, a half, three quarters of the way and the end.
    turns = [math.cos(math.pi * k / 4) for k in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.01 * (1 + turn) for turn in turns])


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 13])
@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
def test_every_step_of_a_short_training_has_a_positive_rate(schedule: str, steps: int) -> None:
    values = factors(schedule, 0.2, steps)
    assert all(0 < value <= 1 for value in values[:-1])
    assert values[-1] == pytest.approx(0)


@pytest.mark.parametrize("depthwise", [True, False])
def test_only_filters_and_the_head_s_weights_decay(monkeypatch, depthwise: bool) -> None:
    net = tiny()
    groups: list[dict] = []

    def make_optimizer(parameters: list[dict], lr: float) -> torch.optim.Optimizer:
        groups.extend(parameters)
        return torch.optim.SGD(parameters, lr=lr)

    monkeypatch.setitem(fitting.OPTIMIZERS, "adamw", make_optimizer)
    run(net, replace(CPU, training_epochs=1, weight_decay=0.3, decay_depthwise=depthwise))
    name_of = {id(p): name for name, p in net.named_parameters()}
    decay = {name_of[id(p)]: g["weight_decay"] for g in groups for p in g["params"]}
    decayed = {"blocks.0.conv.weight", "blocks.1.conv_pw.weight", "head.weight"}
    decayed |= {"blocks.1.conv_dw.weight"} if depthwise else set()
    assert decay == {name: 0.3 if name in decayed else 0 for name, _ in net.named_parameters()}


# --- The course's train and test, and devices -----------------------------------------------------


def test_named_losses_know_the_training_set_s_counts() -> None:
    images, labels = stripes(12)
    only_two = labels < 2
    with pytest.raises(ValueError, match=r"weighted needs .* none of \[2\]"):
        training.train(
            tiny(), images[only_two], labels[only_two], images, labels, 0.01, 1, "weighted"
        )


def test_infer_gives_logits_and_embeddings_in_the_order_of_the_batches() -> None:
    net = tiny()
    images = torch.rand(7, 1, 8, 8)
    outputs = infer(net, [(images[:4], torch.zeros(4)), (images[4:], torch.zeros(3))])
    with torch.no_grad():
        embeddings = net.eval().forward_features(images)
    torch.testing.assert_close(outputs.embeddings, embeddings)
    torch.testing.assert_close(outputs.logits, net.head(embeddings).detach())
    assert torch.equal(outputs.predictions, outputs.logits.argmax(1))


IMAGES, LABELS = stripes(6)


@pytest.mark.parametrize(
    "images, labels, sentence",
    [
        pytest.param(IMAGES[:, :7], LABELS, "Images have shape", id="height"),
        pytest.param(IMAGES.reshape(6, 64), LABELS, "Images have shape", id="flat"),
        pytest.param(np.stack([IMAGES] * 3, 1), LABELS, "Images have shape", id="channels"),
        pytest.param(IMAGES / 16, LABELS, "pass normalise=", id="0 to 16"),
        pytest.param(IMAGES.astype(np.int64) - 100, LABELS, "pass normalise=", id="negative"),
        pytest.param(IMAGES.astype(str), LABELS, "expected numbers", id="text"),
        pytest.param(np.full((6, 8, 8), np.nan), LABELS, "not finite", id="nan"),
        pytest.param(IMAGES, LABELS[:5], "6 images and 5 labels", id="count"),
        pytest.param(IMAGES[:0], LABELS[:0], "at least one", id="empty"),
        pytest.param(
            IMAGES, LABELS + 1, "Labels range from 1 to 3; expected 0 to 2", id="label too large"
        ),
        pytest.param(
            IMAGES, LABELS - 1, "Labels range from -1 to 1; expected 0 to 2", id="label negative"
        ),
        pytest.param(IMAGES, LABELS / 2, "expected integers", id="label float"),
        pytest.param(IMAGES, np.full((6, 3), 1 / 3), "or one-hot", id="shares"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(images, labels, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        training.test(tiny(), None, images, labels)
    given, good = (images, labels), (IMAGES, LABELS)
    for train_set, valid_set in ((given, good), (good, given)):
        with pytest.raises(ValueError, match=sentence):
            training.train(tiny(), *train_set, *valid_set, 0.01, 1)


def test_the_device_auto_is_the_best_and_one_that_is_not_there_is_refused(monkeypatch) -> None:
    for cuda, mps, expected in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert fitting.resolve_device("auto") == torch.device(expected)
    for name in ("tpu9", "", "cuda:99"):
        sentence = f"device is '{name}', .* expected auto, cpu, cuda or mps"
        with pytest.raises(ValueError, match=sentence):
            fitting.resolve_device(name)
