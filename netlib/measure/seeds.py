"""Intervals and paired tests: a claim is a mean with its interval over seeds, or over images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson 1927)."""
    interval = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(labels: ArrayLike, predictions_a: ArrayLike, predictions_b: ArrayLike) -> float:
    """Two-sided p of McNemar's exact test: are a and b equally often right on the same images?

    Only images that exactly one of them gets right count; under the null hypothesis each is a
    fair coin.
    """
    _, only_a, only_b, _ = agreement(labels, predictions_a, predictions_b)
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def agreement(
    labels: ArrayLike, predictions_a: ArrayLike, predictions_b: ArrayLike
) -> tuple[int, int, int, int]:
    """Images that both, only a, only b and neither of two networks get right."""
    y, a, b = (np.asarray(x) for x in (labels, predictions_a, predictions_b))
    a, b = a == y, b == y
    return int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())


def paired_interval(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """95 % interval of a's accuracy less b's on the same n images (Agresti & Min 2005).

    `only_a` images only a gets right, `only_b` only b; half a count is added to each.
    """
    total, gap, apart = n + 2, only_a - only_b, only_a + only_b + 1
    half = stats.norm.ppf(0.975) * (apart - gap**2 / total) ** 0.5 / total
    middle = gap / total
    return float(max(-1.0, middle - half)), float(min(1.0, middle + half))


@dataclass(frozen=True)
class MeanInterval:
    """A mean over runs and how sure it is; of a single run, nothing but its value is known."""

    mean: float
    sd: float | None  # standard deviation of the values, with n - 1
    low: float | None  # lower end of the mean's Student t interval
    high: float | None  # upper end
    n: int  # number of values


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> MeanInterval:
    """Mean of n values with its Student t interval, n - 1 degrees of freedom.

    Raises:
        ValueError: there is no value.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"Values have shape {x.shape}; expected (n,), n > 0.")
    mean = float(x.mean())
    if len(x) == 1:
        return MeanInterval(mean, None, None, None, 1)
    if _alike(x):
        return MeanInterval(mean, 0.0, mean, mean, len(x))
    interval = stats.ttest_1samp(x, 0).confidence_interval(confidence)
    return MeanInterval(
        mean, float(x.std(ddof=1)), float(interval.low), float(interval.high), len(x)
    )


def paired_t(a: ArrayLike, b: ArrayLike) -> float | None:
    """Two-sided p of the paired t test: is the mean of a - b zero? None for a single pair."""
    return _t_test(_differences(a, b), 0.0, "two-sided")


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests (Schuirmann 1987): is the mean difference inside ± margin?

    All are None for a single pair.
    """

    p_lower: float | None  # of "the difference is at most -margin"
    p_upper: float | None  # of "the difference is at least margin"
    p: float | None  # the larger of the two
    low: float | None  # lower end of the 1 - 2·alpha interval of the mean difference
    high: float | None  # upper end; equivalent where the interval lies within ± margin
    equivalent: bool | None  # whether p < alpha


def equivalence(a: ArrayLike, b: ArrayLike, margin: float, alpha: float = 0.05) -> Equivalence:
    """Test whether paired values a and b differ by less than `margin` in the mean."""
    differences = _differences(a, b)
    lower = _t_test(differences, -margin, "greater")
    upper = _t_test(differences, margin, "less")
    if lower is None or upper is None:
        return Equivalence(None, None, None, None, None, None)
    p = max(lower, upper)
    interval = mean_interval(differences, 1 - 2 * alpha)
    return Equivalence(lower, upper, p, interval.low, interval.high, p < alpha)


def _differences(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) == 0:
        raise ValueError(f"Values have shapes {x.shape} and {y.shape}; expected pairs: (n,) twice.")
    return x - y


def _alike(values: np.ndarray) -> bool:
    """Whether values have no spread but rounding: t is infinite then, or 0 / 0."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, np.abs(values).max()))


def _t_test(values: np.ndarray, expected: float, alternative: str) -> float | None:
    if len(values) == 1:
        return None
    if _alike(values):
        gap = float(values.mean()) - expected
        sides = {"greater": gap, "less": -gap, "two-sided": abs(gap)}
        return 0.0 if sides[alternative] > 1e-12 else 1.0
    return float(stats.ttest_1samp(values, expected, alternative=alternative).pvalue)
