"""Scores of one run, from labels and logits or probabilities; over several see `seeds`.

Scores are fractions. `confusion[true, predicted]` counts images.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats
from scipy.optimize import minimize_scalar
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from netlib.errors import many
from netlib.measure.seeds import wilson_interval

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """What one network scores on one set."""

    n: int  # images
    accuracy: float  # share of right predictions
    accuracy_interval: tuple[float, float]  # Wilson's, 95 %
    balanced_accuracy: float  # mean recall of the classes that occur
    macro_f1: float  # mean of the classes that occur as label or prediction, as scikit-learn's
    per_class_recall: tuple[float | None, ...]  # None for a class that does not occur
    per_class_f1: tuple[float, ...]
    nll: float  # mean negative log-likelihood of the true class, nats
    brier: float  # squared error of the probabilities, summed over classes, mean over images
    ece: float  # expected calibration error, see `calibration_error`
    confusion: tuple[tuple[int, ...], ...]  # (C, C) counts, true class by row


def scores(labels: ArrayLike, logits: ArrayLike, temperature: float = 1.0) -> Scores:
    """Score the logits (N, C) of N images against their labels (N,).

    Raises:
        ValueError: shapes do not fit, there is no image, a label has no logit, or a logit is not
            finite.
    """
    y, z = _check(labels, logits)
    num_classes = z.shape[1]
    predictions = z.argmax(1)
    log_p = special.log_softmax(z / temperature, axis=1)
    _, recall, f1, support = precision_recall_fscore_support(
        y, predictions, labels=np.arange(num_classes), zero_division=0.0
    )
    right = int((predictions == y).sum())
    confusion = confusion_matrix(y, predictions, labels=np.arange(num_classes))
    p = np.exp(log_p)
    return Scores(
        n=len(y),
        accuracy=right / len(y),
        accuracy_interval=wilson_interval(right, len(y)),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1[np.union1d(y, predictions)].mean()),
        per_class_recall=tuple(
            float(r) if n else None for r, n in zip(recall, support, strict=True)
        ),
        per_class_f1=tuple(map(float, f1)),
        nll=float(-log_p[np.arange(len(y)), y].mean()),
        brier=float(np.square(p - np.eye(num_classes)[y]).sum(1).mean()),
        ece=calibration_error(y, p),
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error of the predicted class, with equally filled (adaptive) bins.

    Mean over bins, weighted by size, of |mean confidence - share of right predictions|
    (Nguyen & O'Connor 2015; Guo et al. 2017, equation 3, has equally wide bins).
    """
    bins_of = reliability(labels, probabilities, bins)
    gaps = np.abs(bins_of.confidence - bins_of.accuracy)
    return float((gaps * bins_of.count).sum() / bins_of.count.sum())


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in B bins, the least confident images first."""

    confidence: np.ndarray  # (B,) mean probability of the predicted class
    accuracy: np.ndarray  # (B,) share of right predictions
    count: np.ndarray  # (B,) images


def reliability(labels: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> Reliability:
    """Equally filled (adaptive) bins of confidence; fewer of them where there are fewer images."""
    y, p = np.asarray(labels), np.asarray(probabilities)
    confidence, right = p.max(1), p.argmax(1) == y
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return Reliability(
        np.array([confidence[part].mean() for part in parts]),
        np.array([right[part].mean() for part in parts]),
        np.array([len(part) for part in parts]),
    )


def calibration_interval(labels: ArrayLike, probabilities: ArrayLike) -> tuple[float, float]:
    """95 % percentile bootstrap interval of `calibration_error`, over 999 redraws of the images.

    A redraw repeats images, which adds noise, and noise only ever adds to this error: the interval
    lies rather too high than too low.
    """
    y, p = np.asarray(labels), np.asarray(probabilities)
    interval = stats.bootstrap(
        (np.arange(len(y)),), lambda rows: calibration_error(y[rows], p[rows]), n_resamples=999,
        confidence_level=0.95, vectorized=False, method="percentile", rng=0,
    ).confidence_interval  # fmt: skip
    return float(interval.low), float(interval.high)


def risk_coverage(labels: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """What is wrong among the most confident images, as ever more of them are answered.

    El-Yaniv & Wiener 2010; confidence is the probability of the predicted class. Images of equal
    confidence stand in no order, so each counts as their mean error.

    Returns:
        Coverage (N,), 1/N to 1, and risk (N,), the error rate of that share of the images. The mean
        of the risks is the AURC of Geifman et al. 2019.
    """
    y, p = np.asarray(labels), np.asarray(probabilities)
    confidence, wrong = p.max(1), p.argmax(1) != y
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    error = np.bincount(group, weights=wrong) / sizes
    answered = np.arange(1, len(y) + 1)
    return answered / len(y), np.repeat(error, sizes).cumsum() / answered


def log_odds(logits: ArrayLike) -> np.ndarray:
    """Log-odds (N, C) of each class against all others: log p / (1 - p) for p = softmax(logits).

    They rank images as the probabilities do, but do not round to 1 where a network is sure.
    """
    z = np.asarray(logits, dtype=np.float64)
    others = [special.logsumexp(np.delete(z, c, axis=1), axis=1) for c in range(z.shape[1])]
    return z - np.stack(others, axis=1)


TEMPERATURE_PRIOR = 0.5  # T within a factor of 2.7 of 1, unless the images say otherwise


def fit_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The T > 0 that minimises the NLL of softmax(logits / T) (Guo et al. 2017, section 4.2).

    A weak prior, log T normal around 0 with the deviation `TEMPERATURE_PRIOR`, keeps T finite where
    every prediction is right, and hardly counts beside a few errors. Fit T on validation images,
    never on those it is judged by.
    """
    y, z = _check(labels, logits)
    rows = np.arange(len(y))

    def loss(log_t: float) -> float:
        log_p = special.log_softmax(z / np.exp(log_t), axis=1)
        return -float(log_p[rows, y].sum()) + 0.5 * (log_t / TEMPERATURE_PRIOR) ** 2

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


MIN_FOR_TEMPERATURE = 1000


def choose_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """`fit_temperature` where the validation images can carry it; else 1, which the log says.

    Of 163 images, all right, T = 0.46 came out, with a worse NLL on the test images.
    """
    y, z = _check(labels, logits)
    wrong = int((z.argmax(1) != y).sum())
    if len(y) >= MIN_FOR_TEMPERATURE and wrong:
        return fit_temperature(y, z)
    log.warning(
        "the temperature stays 1: %s with %s are too few to fit it (expected %s with an error).",
        many(len(y), "validation image"), many(wrong, "error"), f"{MIN_FOR_TEMPERATURE:,}",
    )  # fmt: skip
    return 1.0


def auroc(digits: ArrayLike, others: ArrayLike) -> tuple[float, float, float]:
    """Area under the ROC curve, with its 95 % interval, of scores that should be high for digits.

    The area is the chance that a digit scores higher than something else, ties counting half; its
    variance is that of DeLong et al. 1988, found from ranks (Sun & Xu 2014), and the interval is
    symmetric in the log-odds, so that it stays below 1. Two scores or more of each kind are
    needed; -inf and inf are scores like any other.
    """
    high, low = np.asarray(digits, dtype=np.float64), np.asarray(others, dtype=np.float64)
    n, m = len(high), len(low)
    ranks = stats.rankdata(np.concatenate([high, low]))
    above = (ranks[:n] - stats.rankdata(high)) / m  # of each digit: share of others below it
    below = 1 - (ranks[n:] - stats.rankdata(low)) / n  # of each other: share of digits above it
    area = float(above.mean())
    if area in (0.0, 1.0):
        return area, area, area
    deviation = (above.var(ddof=1) / n + below.var(ddof=1) / m) ** 0.5
    half = stats.norm.ppf(0.975) * deviation / (area * (1 - area))
    interval = special.expit(special.logit(area) + np.array([-half, half]))
    return area, float(interval[0]), float(interval[1])


def _check(labels: ArrayLike, logits: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, z = np.asarray(labels), np.asarray(logits, dtype=np.float64)
    if z.ndim != 2 or y.shape != z.shape[:1] or len(y) == 0:
        raise ValueError(
            f"Labels have shape {y.shape} and logits {z.shape}; expected (N,) and (N, C), N > 0."
        )
    if y.min() < 0 or y.max() >= z.shape[1]:
        raise ValueError(
            f"Labels range from {y.min()} to {y.max()}; expected 0 to {z.shape[1] - 1}, one for "
            "each logit."
        )
    if not np.isfinite(z).all():
        raise ValueError("Some logits are not finite; expected finite numbers: train anew.")
    return y, z
