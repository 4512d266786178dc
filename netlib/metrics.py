"""Scores, intervals and paired tests, from labels and logits or probabilities.

Scores are fractions. `confusion[true, predicted]` counts images.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True)
class Scores:
    """What one network scores on one set.

    Attributes:
        n: number of images.
        accuracy: share of right predictions.
        accuracy_interval: its Wilson 95 % interval.
        balanced_accuracy: mean recall of the classes that occur.
        macro_f1: mean F1 of all classes.
        per_class_recall: recall of each class; None for a class that does not occur.
        per_class_f1: F1 of each class.
        nll: mean negative log-likelihood of the true class, nats.
        brier: squared error of the probabilities, summed over classes, mean over images.
        ece: expected calibration error, see `calibration_error`.
        confusion: (C, C) counts, true class by row.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    per_class_recall: tuple[float | None, ...]
    per_class_f1: tuple[float, ...]
    nll: float
    brier: float
    ece: float
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers and lists, for a JSON file."""
        return asdict(self)


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
        macro_f1=float(f1.mean()),
        per_class_recall=tuple(
            float(r) if n else None for r, n in zip(recall, support, strict=True)
        ),
        per_class_f1=tuple(float(f) for f in f1),
        nll=float(-log_p[np.arange(len(y)), y].mean()),
        brier=float(np.square(p - np.eye(num_classes)[y]).sum(1).mean()),
        ece=calibration_error(y, p),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
    )


def wilson_interval(right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927)."""
    interval = stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(labels: ArrayLike, predictions_a: ArrayLike, predictions_b: ArrayLike) -> float:
    """Two-sided p of McNemar's exact test: are a and b equally often right on the same images?

    Only images that exactly one of them gets right count; under the null hypothesis each is a
    fair coin.
    """
    y, a, b = (np.asarray(x) for x in (labels, predictions_a, predictions_b))
    only_a = int(((a == y) & (b != y)).sum())
    only_b = int(((a != y) & (b == y)).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error of the predicted class, with equally filled (adaptive) bins.

    Mean over bins, weighted by size, of |mean confidence - share of right predictions|
    (Nguyen & O'Connor 2015; Guo et al. 2017, equation 3, has equally wide bins).
    """
    y, p = np.asarray(labels), np.asarray(probabilities)
    confidence, right = p.max(1), p.argmax(1) == y
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(confidence[part].sum() - right[part].sum())
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return float(np.sum(gaps) / len(y))


def fit_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The T > 0 that minimises the NLL of softmax(logits / T) (Guo et al. 2017, section 4.2).

    One more image counts, with any label equally likely, as in Laplace's rule of succession:
    without it, T would go to 0 wherever every prediction is right. Fit T on validation images,
    never on those it is judged by.
    """
    y, z = _check(labels, logits)
    rows = np.arange(len(y))

    def nll(log_t: float) -> float:
        log_p = special.log_softmax(z / np.exp(log_t), axis=1)
        return -float(log_p[rows, y].sum() + log_p.mean())

    return float(np.exp(minimize_scalar(nll, bounds=(-3, 3), method="bounded").x))


HEAD_C = 1000.0  # inverse strength of the L2 penalty; unit-length embeddings have small entries
DIGIT_SCORES = ("confidence", "max_logit", "energy", "class_mean", "head")


def digit_score(
    kind: str,
    logits: ArrayLike,
    embeddings: ArrayLike,
    temperature: float = 1.0,
    class_means: ArrayLike | None = None,
    head: ArrayLike | None = None,
) -> np.ndarray:
    """How much each of N pictures looks like a digit at all: higher is more.

    Args:
        kind: "confidence", the highest probability (Hendrycks & Gimpel 2017); "max_logit", the
            highest logit (Hendrycks et al. 2022); "energy", log Σ exp(logits), the negative free
            energy of Liu et al. 2020; "class_mean", the cosine between the embedding and the
            nearest class's mean embedding; "head", a logistic regression on the unit-length
            embedding, trained to tell digits from other pictures (see `fit_digit_head`).
        logits: (N, C).
        embeddings: (N, D).
        temperature: divides the logits, for "confidence".
        class_means: (C, D), for "class_mean".
        head: (D + 1,), weights and bias, for "head".

    Returns:
        (N,) float64.

    Raises:
        ValueError: another kind, or one without what it needs.
    """
    z = np.asarray(logits, dtype=np.float64)
    if kind == "confidence":
        return special.softmax(z / temperature, axis=1).max(1)
    if kind == "max_logit":
        return z.max(1)
    if kind == "energy":
        return special.logsumexp(z, axis=1)
    if kind == "class_mean" and class_means is not None:
        return (_unit(embeddings) @ _unit(class_means).T).max(1)
    if kind == "head" and head is not None:
        weights = np.asarray(head, dtype=np.float64)
        return _unit(embeddings) @ weights[:-1] + weights[-1]
    raise ValueError(
        f"The digit score is {kind!r}; expected one of {', '.join(DIGIT_SCORES)}, class_mean with "
        "class_means and head with head."
    )


def fit_digit_head(digits: ArrayLike, others: ArrayLike) -> np.ndarray:
    """Weights and bias (D + 1,) of a logistic regression that tells digits from other pictures.

    Args:
        digits: embeddings (N, D) of digits.
        others: embeddings (M, D) of pictures that are none.
    """
    x = np.concatenate([_unit(digits), _unit(others)])
    is_digit = np.arange(len(x)) < len(np.asarray(digits))
    model = LogisticRegression(C=HEAD_C, class_weight="balanced", max_iter=2000).fit(x, is_digit)
    return np.append(model.coef_[0], model.intercept_)


def mean_embeddings(labels: ArrayLike, embeddings: ArrayLike, num_classes: int) -> np.ndarray:
    """(C, D): the mean of each class's unit-length embeddings."""
    y, units = np.asarray(labels), _unit(embeddings)
    return np.stack([units[y == c].mean(0) for c in range(num_classes)])


def _unit(vectors: ArrayLike) -> np.ndarray:
    v = np.asarray(vectors, dtype=np.float64)
    return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)


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
