"""The losses, against values worked out by hand or from the papers' formulas."""

import math

import pytest
import torch

from netlib.nets.network import init_network
from netlib.training.losses import LOSSES, head_for, make_loss

# Probabilities 1/2, 1/4, 1/4 and 1/10, 8/10, 1/10.
LOGITS = torch.tensor([[2.0, 1.0, 1.0], [1.0, 8.0, 1.0]]).log()
LABELS = torch.tensor([0, 2])
P_TRUE = (1 / 2, 1 / 10)
COUNTS = (6, 3, 1)

OF_COUNTS = {"weighted", "class_balanced", "logit_adjusted", "ldam_drw"}
ALL = pytest.mark.parametrize("name", LOSSES)


def value(name: str, counts: tuple[int, ...] = COUNTS) -> float:
    return make_loss(name, counts)(LOGITS, LABELS).item()


def mean(*values: float) -> float:
    return sum(values) / len(values)


def test_cross_entropy_is_the_mean_negative_log_likelihood() -> None:
    assert value("cross_entropy") == pytest.approx(mean(math.log(2), math.log(10)))


def test_label_smoothing_gives_a_tenth_to_all_classes() -> None:
    # Targets 0.9 + 0.1/3 for the true class and 0.1/3 for each other.
    first = -(0.9 + 0.1 / 3) * math.log(1 / 2) - 2 * 0.1 / 3 * math.log(1 / 4)
    second = -(0.9 + 0.1 / 3) * math.log(1 / 10) - 0.1 / 3 * (math.log(8 / 10) + math.log(1 / 10))
    assert value("label_smoothing") == pytest.approx(mean(first, second))


def test_mse_is_the_brier_score() -> None:
    first = (1 - 1 / 2) ** 2 + 2 * (1 / 4) ** 2
    second = (1 / 10) ** 2 + (8 / 10) ** 2 + (1 - 1 / 10) ** 2
    assert value("mse") == pytest.approx(mean(first, second))


def test_focal_fades_by_the_square_of_the_missing_probability_down_to_zero() -> None:
    expected = mean(*[(1 - p) ** 2 * -math.log(p) for p in P_TRUE])
    assert value("focal") == pytest.approx(expected)
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    loss = make_loss("focal", COUNTS)(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()


def test_weighted_is_inverse_to_the_counts() -> None:
    # 1/6, 1/3, 1 over 6, 3 and 1 images add up to 3: scaled to a mean of 1 over 10 images,
    # every class weighs 10/3 in all.
    weights = (10 / 3 / 6, 10 / 3 / 1)
    expected = mean(weights[0] * math.log(2), weights[1] * math.log(10))
    assert value("weighted") == pytest.approx(expected)


def test_class_balanced_divides_by_the_effective_number_of_images_which_flattens() -> None:
    beta = 0.9999
    # Equation 2 of Cui et al.: E_n = 1 + β + … + β^(n-1).
    effective = [sum(beta**i for i in range(n)) for n in COUNTS]
    scale = 10 / sum(n / e for n, e in zip(COUNTS, effective, strict=True))
    expected = mean(scale / effective[0] * math.log(2), scale / effective[2] * math.log(10))
    assert value("class_balanced") == pytest.approx(expected)
    # E_n tends to 1 / (1 - β) = 10,000, so a million images weigh hardly less than 100,000.
    loss = make_loss("class_balanced", (1_000_000, 100_000))
    even = torch.zeros(1, 2)
    ratio = loss(even, torch.tensor([1])) / loss(even, torch.tensor([0]))
    assert ratio.item() == pytest.approx(1 / (1 - 0.9999**100_000), rel=1e-5)


@pytest.mark.parametrize("name", ["weighted", "class_balanced"])
def test_weights_have_a_mean_of_1_and_are_the_same_in_every_batch(name: str) -> None:
    # With even logits every image's cross entropy is log 3; the whole training set's mean stays so.
    labels = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
    loss = make_loss(name, COUNTS)
    assert loss(torch.zeros(10, 3), labels).item() == pytest.approx(math.log(3))
    apart = [loss(LOGITS[i : i + 1], LABELS[i : i + 1]).item() for i in range(2)]
    assert loss(LOGITS, LABELS).item() == pytest.approx(mean(*apart))


def test_logit_adjusted_is_the_balanced_softmax() -> None:
    # Equation 3 of Ren et al.: n_y exp(z_y) / Σ n_c exp(z_c).
    first = 6 * 2 / (6 * 2 + 3 * 1 + 1 * 1)
    second = 1 * 1 / (6 * 1 + 3 * 8 + 1 * 1)
    expected = mean(-math.log(first), -math.log(second))
    assert value("logit_adjusted") == pytest.approx(expected)


def test_ldam_takes_a_margin_off_and_weighs_its_classes_over_the_last_fifth() -> None:
    # 30 times margins of 0.5 for the class with one image, 0.5 / 6^(1/4) for that with six.
    first, second = 2 * math.exp(-30 * 0.5 / 6**0.25), 1 * math.exp(-30 * 0.5)
    expected = mean(-math.log(first / (first + 2)), -math.log(second / (1 + 8 + second)))
    assert value("ldam_drw") == pytest.approx(expected)
    loss, even = make_loss("ldam_drw", COUNTS), make_loss("ldam_drw", (7, 7, 7))
    early = loss(LOGITS, LABELS)
    loss.set_progress(0.79)
    assert loss(LOGITS, LABELS) == early
    loss.set_progress(0.8)
    assert loss(LOGITS, LABELS) > early  # the second image's class is the rare one
    even.set_progress(0.8)
    assert even(LOGITS, LABELS) == pytest.approx(value("ldam_drw", (7, 7, 7)))


def test_only_ldam_needs_another_head_whose_cosines_bound_its_logits() -> None:
    assert {name: head_for(name) for name in LOSSES if head_for(name) != "linear"} == {
        "ldam_drw": "cosine"
    }
    net = init_network(1, 1, (1, 28, 28), 10, head="cosine")
    logits = net(torch.rand(16, 1, 28, 28))
    assert logits.abs().max() <= 30 + 1e-4
    embeddings = torch.rand(3, 64)
    torch.testing.assert_close(net.forward_head(embeddings), net.forward_head(5 * embeddings))


@pytest.mark.parametrize("name", sorted(OF_COUNTS - {"ldam_drw"}))
def test_equal_counts_leave_plain_cross_entropy(name: str) -> None:
    expected = mean(math.log(2), math.log(10))
    assert value(name, (7, 7, 7)) == pytest.approx(expected, rel=1e-5)


@ALL
def test_gradients_are_finite_and_a_step_against_them_makes_the_loss_smaller(name: str) -> None:
    torch.manual_seed(0)
    logits = torch.cat([torch.randn(4, 3), 100 * torch.randn(4, 3)]).requires_grad_()
    loss = make_loss(name, COUNTS)(logits, torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]))
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[:4] != 0).any(1).all()
    loss = make_loss(name, COUNTS)
    logits = LOGITS.clone().requires_grad_()
    before = loss(logits, LABELS)
    before.backward()
    assert loss(logits.detach() - 0.1 * logits.grad, LABELS) < before


@ALL
def test_a_missing_class_is_refused_where_counts_matter_and_so_are_other_names(name: str) -> None:
    if name in OF_COUNTS:
        with pytest.raises(ValueError, match=rf"{name} needs .* none of \[1\]"):
            make_loss(name, (5, 0, 3))
    else:
        assert math.isfinite(value(name, (5, 0, 3)))
    with pytest.raises(ValueError, match=rf"'no {name}'; expected one of .*cross_entropy, "):
        make_loss(f"no {name}", COUNTS)
