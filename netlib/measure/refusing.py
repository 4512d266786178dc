"""The rule that refuses what is no digit: which score, which threshold, what it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from netlib.answer.refusal import digit_margin
from netlib.nets.metadata import DIGIT_SCORES
from netlib.nets.network import Network

LEVELS = 400  # thresholds that are tried, at quantiles of the scores


@dataclass(frozen=True)
class Said:
    """What a network says of a set of pictures."""

    logits: np.ndarray  # (n, 10)
    embeddings: np.ndarray  # (n, D)
    blank: int = 0  # how many more were found blank, which needs no network and is a refusal
    labels: np.ndarray | None = None  # (n,) of digits

    @property
    def accuracy(self) -> float | None:
        """Share of right answers before anything is refused; None for what is no digit."""
        if self.labels is None:
            return None
        return float((self.logits.argmax(1) == self.labels).mean())

    def margins(self, rule: Mapping[str, Any], temperature: float) -> np.ndarray:
        """(n + blank,) how far each picture is above its threshold; blank ones lowest."""
        found = digit_margin(rule, self.logits, self.embeddings, temperature)
        return np.append(found, np.full(self.blank, -np.inf))


@torch.inference_mode()
def ask(net: Network, images: np.ndarray, labels: np.ndarray | None = None, blank: int = 0) -> Said:
    """What a network says of uint8 pictures (n, 28, 28)."""
    logits, embeddings = [np.zeros((0, net.num_classes))], [np.zeros((0, net.head.in_features))]
    for part in torch.as_tensor(images)[:, None].split(500):
        features = net.forward_features(part.float() / 255)
        embeddings.append(features.numpy())
        logits.append(net.forward_head(features).numpy())
    return Said(np.concatenate(logits), np.concatenate(embeddings), blank, labels)


def choose_rule(
    digits: Sequence[Said],
    others: Sequence[Said],
    head: np.ndarray,
    temperature: float,
    refused: float,
) -> dict[str, Any]:
    """The score that refuses most of what is no digit, with a threshold for each class.

    What is read as a 7 is more often no digit than what is read as a 3, and a ring is all that
    there is of a 0: so each class has a threshold of its own. Origins of digits count equally, as
    do families of what is no digit; `refused` is the share of digits that may be refused, `head`
    has weights and bias of the scores "head" and "log_odds".
    """
    rules = []
    for kind in DIGIT_SCORES:
        rule: dict[str, Any] = {"score": kind, "threshold": 0.0}
        if kind in ("head", "log_odds"):
            rule["head"] = head.round(4).tolist()
        rule["threshold"] = _thresholds(digits, others, rule, temperature, refused)
        rule["refused_of_validation"] = refused
        shares = [refused_share(said, rule, temperature) for said in others]
        rule["refused_of_validation_families"] = round(float(np.mean(shares)), 5)
        rules.append(rule)
    best = max(rules, key=lambda rule: rule["refused_of_validation_families"])
    return {**best, "tried": {r["score"]: r["refused_of_validation_families"] for r in rules}}


def _thresholds(
    digits: Sequence[Said],
    others: Sequence[Said],
    rule: Mapping[str, Any],
    temperature: float,
    refused: float,
) -> list[float]:
    """One for each class: those that refuse most of the others for the share of digits.

    Each class takes the threshold that is best at one price for a digit, the same for all classes,
    and the highest of equals; the price is found by bisection.
    """
    sets = (*digits, *others)
    every = np.concatenate([digit_margin(rule, s.logits, s.embeddings, temperature) for s in sets])
    levels = np.unique(np.quantile(every, np.linspace(0, 1, LEVELS)))[::-1]
    lost, gained = (
        np.mean([_refused_by_class(said, rule, temperature, levels) for said in kind], axis=0)
        for kind in (digits, others)
    )
    classes = np.arange(len(lost))
    low, high = 0.0, 1e6  # the price of a digit, in pictures that are none
    for _ in range(60):
        price = (low + high) / 2
        chosen = np.argmax(gained - price * lost, axis=1)
        low, high = (price, high) if lost[classes, chosen].sum() > refused else (low, price)
    return levels[np.argmax(gained - high * lost, axis=1)].tolist()


def _refused_by_class(
    said: Said, rule: Mapping[str, Any], temperature: float, levels: np.ndarray
) -> np.ndarray:
    """(C, len(levels)) share of a set that is read as a class and lies below each level."""
    scores = digit_margin(rule, said.logits, said.embeddings, temperature)
    read = said.logits.argmax(1)
    classes = range(said.logits.shape[1])
    below = [np.searchsorted(np.sort(scores[read == c]), levels) for c in classes]
    return np.array(below) / max(1, len(scores) + said.blank)


def refused_share(said: Said, rule: Mapping[str, Any], temperature: float) -> float:
    """Share of a set that a rule refuses."""
    return float((said.margins(rule, temperature) < 0).mean())
