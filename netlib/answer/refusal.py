"""Whether a picture looks like a digit at all, from what a network makes of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from netlib.nets.metadata import DIGIT_SCORES as DIGIT_SCORES


def digit_score(
    kind: str,
    logits: ArrayLike,
    embeddings: ArrayLike,
    temperature: float = 1.0,
    head: ArrayLike | None = None,
) -> np.ndarray:
    """How much each of N pictures looks like a digit at all: higher is more.

    Args:
        kind: "confidence", the highest probability (Hendrycks & Gimpel 2017); "max_logit", the
            highest logit (Hendrycks et al. 2022); "energy", log Σ exp(logits), the negative free
            energy of Liu et al. 2020; "head", a logistic regression on the unit-length embedding,
            trained to tell digits from other pictures (see `netlib.training.openset.Judged`);
            "log_odds", energy and head together, the log odds of all classes against one more, "no
            digit", whose logit is the head's, turned around (a virtual logit as in Wang et al.
            2022, arXiv:2203.10807).
        logits: (N, C).
        embeddings: (N, D).
        temperature: divides the logits, for "confidence".
        head: (D + 1,), weights and bias, for "head" and "log_odds".

    Returns:
        (N,) float64.

    Raises:
        ValueError: another kind, or one without what it needs.
    """
    z = np.asarray(logits, dtype=np.float64)
    if kind == "confidence":
        return np.exp(z.max(1) / temperature - log_sum_exp(z / temperature))
    if kind == "max_logit":
        return z.max(1)
    if kind == "energy":
        return log_sum_exp(z)
    if kind in ("head", "log_odds") and head is not None:
        weights = np.asarray(head, dtype=np.float64)
        judged = unit(embeddings) @ weights[:-1] + weights[-1]
        return judged + log_sum_exp(z) if kind == "log_odds" else judged
    raise ValueError(
        f"The digit score is {kind!r}; expected one of {', '.join(DIGIT_SCORES)}, the last two "
        "with head."
    )


def digit_margin(
    rule: Mapping[str, Any], logits: ArrayLike, embeddings: ArrayLike, temperature: float = 1.0
) -> np.ndarray:
    """(N,) how far each picture's `digit_score` lies above its threshold: below 0, it is no digit.

    The rule is a checkpoint's "no_digit": the score's name, what that score needs, and the
    threshold, one number or one for each class, of which that with the highest logit counts.
    """
    score = digit_score(rule["score"], logits, embeddings, temperature, rule.get("head"))
    z = np.asarray(logits)
    return score - np.broadcast_to(rule["threshold"], z.shape[1])[z.argmax(1)]


def log_sum_exp(z: np.ndarray) -> np.ndarray:
    """Log Σ exp over the last axis, (N, C) -> (N,)."""
    return np.logaddexp.reduce(z, axis=1)


def unit(vectors: ArrayLike) -> np.ndarray:
    """Vectors (N, D) at length 1, float64."""
    v = np.asarray(vectors, dtype=np.float64)
    return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
