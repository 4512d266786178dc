"""Scores, intervals and tests, on cases small enough to work out by hand."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from netlib.answer.refusal import DIGIT_SCORES, digit_margin, digit_score
from netlib.measure.metrics import (
    auroc,
    calibration_error,
    calibration_interval,
    choose_temperature,
    fit_temperature,
    log_odds,
    reliability,
    risk_coverage,
    scores,
)
from netlib.measure.seeds import (
    agreement,
    equivalence,
    mcnemar,
    mean_interval,
    paired_t,
    wilson_interval,
)

# Six images of three classes; probabilities are tenths, so that logits are their logarithms.
LABELS = [0, 0, 0, 1, 1, 2]
TENTHS = [
    [8, 1, 1],  # 0, right
    [6, 3, 1],  # 0, right
    [2, 7, 1],  # 0 read as 1
    [1, 8, 1],  # 1, right
    [1, 2, 7],  # 1 read as 2
    [1, 5, 4],  # 2 read as 1
]
LOGITS = np.log(np.array(TENTHS) / 10)


def test_scores_are_those_worked_out_by_hand() -> None:
    result = scores(LABELS, LOGITS + np.arange(6)[:, None] * 100)  # not normalised
    assert result.n == 6
    assert result.confusion == ((2, 1, 0), (0, 1, 1), (0, 1, 0))  # the true class by row
    assert result.accuracy == pytest.approx(3 / 6)
    assert result.accuracy_interval == wilson_interval(3, 6)
    assert result.per_class_recall == pytest.approx((2 / 3, 1 / 2, 0))
    # F1 = 2·TP / (2·TP + FP + FN).
    f1 = (2 * 2 / (2 * 2 + 0 + 1), 2 * 1 / (2 * 1 + 2 + 1), 0)
    assert result.per_class_f1 == pytest.approx(f1)
    assert result.macro_f1 == pytest.approx(sum(f1) / 3)
    assert result.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert result.nll == pytest.approx(-sum(map(math.log, (0.8, 0.6, 0.2, 0.8, 0.2, 0.4))) / 6)
    squares = (4 + 1 + 1) + (16 + 9 + 1) + (64 + 49 + 1) + (1 + 4 + 1) + (1 + 64 + 49)
    assert result.brier == pytest.approx((squares + 1 + 25 + 36) / 100 / 6)


def test_a_temperature_changes_confidence_but_no_answer() -> None:
    result = scores([0], [[math.log(9), 0.0]], temperature=2)
    assert result.accuracy == 1
    assert result.nll == pytest.approx(-math.log(3 / 4))  # odds of 9 become 3
    assert result.brier == pytest.approx(2 / 16)


def test_macro_scores_are_scikit_learn_s_and_count_no_class_without_images() -> None:
    result = scores([0, 0, 1], [[2, 0, 0], [0, 2, 0], [0, 2, 0]])
    assert result.per_class_recall == (0.5, 1.0, None)
    assert result.balanced_accuracy == pytest.approx(0.75)
    assert result.confusion[2] == (0, 0, 0)
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 5, 60) * 2 + 1, rng.normal(size=(60, 10))
    logits[:, ::2] = -9
    result = scores(labels, logits)
    predictions = logits.argmax(1)
    assert result.macro_f1 == pytest.approx(f1_score(labels, predictions, average="macro"))
    expected = balanced_accuracy_score(labels, predictions)
    assert result.balanced_accuracy == pytest.approx(expected)
    assert scores([1, 3, 5], np.eye(10)[[1, 3, 5]]).macro_f1 == 1


@pytest.mark.parametrize(
    "labels, logits, sentence",
    [
        ([], np.zeros((0, 3)), "N > 0"),
        ([0, 1], np.zeros((3, 3)), "expected .N,. and .N, C."),
        ([0, 1, 2], np.zeros(3), "expected .N,. and .N, C."),
        ([0, 1], [[0, 1], [np.nan, 0]], "not finite"),
        ([0, 1], [[0, 1], [np.inf, 0]], "not finite"),
        ([0, 2], np.zeros((2, 2)), "0 to 2; expected 0 to 1"),
        ([-1, 0], np.zeros((2, 2)), "-1 to 0; expected 0 to 1"),
    ],
)
def test_labels_and_logits_that_do_not_fit_are_refused(labels, logits, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        scores(labels, logits)
    with pytest.raises(ValueError, match=sentence):
        fit_temperature(labels, logits)


# --- Statistics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("right, n", [(0, 10), (5, 10), (10, 10), (9950, 10_000)])
def test_wilson_interval_is_wilson_s_formula(right: int, n: int) -> None:
    z, p = 1.959964, right / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(right, n) == pytest.approx((middle - half, middle + half), abs=1e-6)


def discordant(only_a: int, only_b: int, both: int = 5, neither: int = 5) -> float:
    """McNemar's p where so many images are right for a alone, b alone, both and neither."""
    a = [1] * only_a + [0] * only_b + [1] * both + [0] * neither
    b = [0] * only_a + [1] * only_b + [1] * both + [0] * neither
    return mcnemar([1] * len(a), a, b)


def test_mcnemar_needs_a_difference_of_14_among_40_images_that_one_alone_gets_right() -> None:
    assert discordant(27, 13) < 0.05
    assert discordant(26, 14) > 0.05
    assert discordant(13, 27) == discordant(27, 13)
    # One of five: 2 · (C(5,0) + C(5,1)) / 2^5.
    assert discordant(4, 1) == pytest.approx(2 * (1 + 5) / 32)
    assert discordant(3, 3) == 1
    assert discordant(4, 1, both=0, neither=0) == discordant(4, 1, both=50, neither=9)
    assert mcnemar([0, 1], [0, 1], [0, 1]) == 1
    # Both wrong, in different ways, is no evidence.
    assert mcnemar([0] * 20, [1] * 20, [2] * 20) == 1


# --- Calibration --------------------------------------------------------------------------------


def two_classes(confidences: list[float]) -> np.ndarray:
    """Probabilities that predict class 0 with these confidences."""
    first = np.array(confidences)
    return np.stack([first, 1 - first], 1)


def test_calibration_error_is_worked_out_by_hand() -> None:
    # Sorted: 0.6, 0.7 | 0.8, 0.9; right are 0.7, 0.9 and 0.8.
    probabilities = two_classes([0.9, 0.6, 0.8, 0.7])
    labels = [0, 1, 0, 0]
    expected = (abs(1.3 - 1) + abs(1.7 - 2)) / 4
    assert calibration_error(labels, probabilities, bins=2) == pytest.approx(expected)
    # One bin: the gap of the means. More bins than images: each image alone.
    one = calibration_error([0, 0, 1, 1], two_classes([0.9] * 4), bins=1)
    assert one == pytest.approx(0.9 - 0.5)
    alone = calibration_error([0, 1], two_classes([0.9, 0.8]))
    assert alone == pytest.approx((0.1 + 0.8) / 2)


def test_the_calibration_errors_interval_shrinks_with_the_images() -> None:
    rng = np.random.default_rng(0)

    def interval(n: int) -> tuple[float, float]:
        p = rng.uniform(0.6, 1, n)
        wrong = rng.random(n) > p - 0.1  # too sure by 0.1
        return calibration_interval(wrong.astype(int), np.stack([p, 1 - p], axis=1))

    (low, high), (lower, higher) = interval(1000), interval(100)
    assert low < 0.1 < high
    assert high - low < higher - lower


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(size=(20_000, 5)) * 2
    gumbel = rng.gumbel(size=true_logits.shape)  # argmax(logits + Gumbel) follows their softmax
    labels = (true_logits + gumbel).argmax(1)
    assert fit_temperature(labels, temperature * true_logits) == pytest.approx(
        temperature, rel=0.04
    )


def test_the_fitted_temperature_has_the_lowest_nll_and_needs_enough_images(caplog) -> None:
    labels, logits = np.tile(LABELS, 500), np.tile(LOGITS, (500, 1))  # the prior hardly counts
    best = fit_temperature(labels, logits)
    lowest = scores(labels, logits, best).nll
    assert lowest < scores(labels, logits, 1.02 * best).nll
    assert lowest < scores(labels, logits, best / 1.02).nll
    assert choose_temperature(labels, logits) == best
    assert choose_temperature(LABELS, LOGITS) == 1
    right = np.argmax(logits, 1)
    assert choose_temperature(right, logits) == 1
    assert "6 validation images with 3 errors are too few" in caplog.text


def test_the_temperature_stays_finite_where_every_prediction_is_right() -> None:
    # 50 right answers with a margin of 10: the slopes over log T, 50 (10 / T) / (1 + exp(10 / T))
    # of the likelihood and log T / 0.5^2 of the prior, cancel.
    t = fit_temperature(np.zeros(50, dtype=int), np.tile([10.0, 0.0], (50, 1)))
    assert 0.9 < t < 1
    slope = 50 * (10 / t) / (1 + math.exp(10 / t))
    assert slope == pytest.approx(-math.log(t) / 0.25, rel=1e-3)


# --- Digits and the rest ------------------------------------------------------------------------

EMBEDDINGS = [[3.0, 4.0], [0.0, 2.0]]


def test_scores_without_a_head_are_worked_out_by_hand() -> None:
    logits = np.log([[1, 4, 4], [1, 1, 16]])
    assert digit_score("confidence", logits, EMBEDDINGS) == pytest.approx([4 / 9, 16 / 18])
    # A temperature of 2 takes the roots of the odds.
    halved = digit_score("confidence", logits, EMBEDDINGS, temperature=2)
    assert halved == pytest.approx([2 / 5, 4 / 6])
    assert digit_score("max_logit", [[1, 7, 2], [-3, -1, -2]], EMBEDDINGS).tolist() == [7, -1]
    logits = [np.log([1, 2, 5]), [1000.0, 1000.0, -1000.0]]
    expected = [math.log(8), 1000 + math.log(2)]
    assert digit_score("energy", logits, EMBEDDINGS) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["odds", "head"])
def test_an_unknown_digit_score_and_a_missing_head_are_refused(kind: str) -> None:
    expected = f"'{kind}'; expected one of {', '.join(DIGIT_SCORES)}, the last two with head"
    with pytest.raises(ValueError, match=expected):
        digit_score(kind, np.zeros((2, 2)), EMBEDDINGS)


def test_the_head_is_a_linear_score_of_the_direction_and_one_class_more_in_log_odds() -> None:
    head, logits = np.array([1.0, 2.0, 3.0, 4.0, 0.5]), np.zeros((1, 10))
    # By hand for one embedding of length 1: the dot product with the weights, plus the bias.
    one = digit_score("head", logits, [[0, 0, 1, 0]], head=head)
    assert one == pytest.approx([3.5])
    assert digit_score("head", logits, [[0, 0, 7, 0]], head=head) == pytest.approx(one)
    head, logits = np.array([1.0, 2.0, 0.5]), [np.log([1.0, 2.0, 5.0])]
    # The head says 2.5 of (0, 7) at length 1: "no digit" has the logit -2.5 beside the three.
    none = math.exp(-2.5) / (8 + math.exp(-2.5))
    found = digit_score("log_odds", logits, [[0, 7]], head=head)
    assert found == pytest.approx([math.log((1 - none) / none)])


def test_the_margin_is_above_the_threshold_of_the_class_that_is_read() -> None:
    logits = [[1.0, 7.0, 2.0], [4.0, -1.0, -2.0]]
    rule = {"score": "max_logit", "threshold": [5.0, 6.0, 0.0]}
    assert digit_margin(rule, logits, EMBEDDINGS).tolist() == [1, -1]
    assert digit_margin({**rule, "threshold": 5}, logits, EMBEDDINGS).tolist() == [2, -1]


def test_auroc_is_the_share_of_pairs_in_order_with_an_interval_of_95_percent() -> None:
    area, low, high = auroc([1.0, 2.0, 3.0], [1.5, 1.0, -np.inf])
    assert area == pytest.approx((1.5 + 3 + 3) / 9)  # equal scores count half
    assert 0 < low < area < high < 1
    assert auroc([1.0, 2.0], [0.0, -np.inf]) == (1, 1, 1)
    assert auroc([1.0, 2.0], [1.5, -np.inf])[0] == 0.75
    rng = np.random.default_rng(0)
    digits, others = rng.normal(1, 1, 300).round(1), rng.normal(0, 1, 200).round(1)
    expected = roc_auc_score(np.arange(500) < 300, np.concatenate([digits, others]))
    assert auroc(digits, others)[0] == pytest.approx(expected)
    truth = stats.norm.cdf(2 / 2**0.5)
    held = 0
    for _ in range(400):
        _, low, high = auroc(rng.normal(2, 1, 80), rng.normal(0, 1, 60))
        held += low < truth < high
    assert 0.92 < held / 400 < 0.98


# --- Several runs -------------------------------------------------------------------------------


def test_agreement_counts_each_image_once() -> None:
    labels = [0, 0, 0, 0, 0, 0]
    a = [0, 0, 0, 0, 1, 1]
    b = [0, 0, 0, 1, 0, 2]
    assert agreement(labels, a, b) == (3, 1, 1, 1)


def test_the_interval_of_a_mean_is_students_of_two_runs_or_more() -> None:
    result = mean_interval([1, 2, 3])  # sd 1; t of 2 degrees of freedom at 97.5 % is 4.3027
    assert (result.mean, result.sd, result.n) == (2, 1, 3)
    assert result.high - result.mean == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert result.mean - result.low == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    result = mean_interval([0.5])
    assert (result.mean, result.sd, result.low, result.high, result.n) == (0.5, None, None, None, 1)
    assert paired_t([0.5], [0.25]) is None
    assert equivalence([0.5], [0.25], 0.1).equivalent is None
    with pytest.raises(ValueError, match="n > 0"):
        mean_interval([])
    with pytest.raises(ValueError, match="expected pairs"):
        paired_t([1, 2], [1])


def test_paired_t_looks_at_the_differences_alone_and_equal_ones_leave_no_doubt() -> None:
    # Two differences, 1 and 3: t = 2 / (√2 / √2) = 2. With one degree of freedom Student's t is
    # Cauchy's distribution: p = 1 - 2/π · arctan t.
    assert paired_t([11, 103], [10, 100]) == pytest.approx(1 - 2 / math.pi * math.atan(2))
    assert paired_t([0.3, 0.6], [0.2, 0.5]) == 0
    assert paired_t([0.3, 0.6], [0.3, 0.6]) == 1
    assert equivalence([0.3, 0.6], [0.2, 0.5], 0.05).equivalent is False
    assert equivalence([0.3, 0.6], [0.2, 0.5], 0.15).equivalent is True


@pytest.mark.filterwarnings("error")
def test_values_that_differ_by_rounding_alone_have_no_spread() -> None:
    result = mean_interval([100 * (1 - 0.99), 1.0])
    assert (result.sd, result.low, result.high) == (0, result.mean, result.mean)
    assert paired_t([0.3, 0.6], [0.1, 0.4]) == 0  # 0.19999999999999998 twice, or nearly


def test_equivalence_is_two_one_sided_tests() -> None:
    # Differences 1 and 3, mean 2, standard error 1: t is 2 + 4 = 6 above -4 and 2 below 4.
    result = equivalence([11, 103], [10, 100], margin=4)
    assert result.p_lower == pytest.approx(0.5 - math.atan(6) / math.pi)
    assert result.p_upper == pytest.approx(0.5 - math.atan(2) / math.pi)
    assert result.p == result.p_upper
    assert result.equivalent is False
    # The 90 % interval: t of one degree of freedom at 95 % is tan(0.45 π) = 6.3138.
    assert (result.low, result.high) == pytest.approx((2 - 6.313752, 2 + 6.313752))
    assert not equivalence([11, 103], [10, 100], 8.3).equivalent  # it ends at 8.3138
    assert equivalence([11, 103], [10, 100], 8.32).equivalent


# --- Confidence ---------------------------------------------------------------------------------


def test_reliability_fills_its_bins_equally_from_the_least_sure() -> None:
    result = reliability(LABELS, np.array(TENTHS) / 10, bins=3)
    # Sorted confidences: .5 (wrong), .6 (right); .7 (wrong), .7 (wrong); .8 (right), .8 (right).
    assert result.confidence == pytest.approx([0.55, 0.7, 0.8])
    assert result.accuracy.tolist() == [0.5, 0, 1]
    assert result.count.tolist() == [2, 2, 2]


def test_risk_rises_as_less_confident_images_are_answered_and_ties_count_as_their_mean() -> None:
    coverage, risk = risk_coverage(LABELS, np.array(TENTHS) / 10)
    assert coverage == pytest.approx(np.arange(1, 7) / 6)
    assert risk == pytest.approx([0, 0, 1 / 3, 2 / 4, 2 / 5, 3 / 6])
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]]
    for labels in ([0, 1, 0], [1, 0, 0]):
        _, risk = risk_coverage(labels, probabilities)
        assert risk == pytest.approx([1 / 2, 1 / 2, 1 / 3])


def test_log_odds_tell_apart_what_rounds_to_certainty() -> None:
    p = np.array(TENTHS) / 10
    np.testing.assert_allclose(log_odds(np.log(p)), np.log(p / (1 - p)), atol=1e-12)
    odds = log_odds([[100.0, 0, 0], [200.0, 0, 0]])[:, 0]
    assert odds == pytest.approx([100 - math.log(2), 200 - math.log(2)])
