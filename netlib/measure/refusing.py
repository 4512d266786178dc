"""The rule that refuses what is no digit: which score, which threshold, what it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from netlib.answer.refusal import digit_score
from netlib.nets.network import Network

TRIED = ("confidence", "max_logit", "energy", "head")


@dataclass(frozen=True)
class Said:
    """What a network says of a set of pictures.

    Attributes:
        logits: (n, 10).
        embeddings: (n, D).
        blank: how many more were found blank, which needs no network and is a refusal.
        labels: (n,) of digits.
    """

    logits: np.ndarray
    embeddings: np.ndarray
    blank: int = 0
    labels: np.ndarray | None = None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers before anything is refused; None for what is no digit."""
        if self.labels is None:
            return None
        return float((self.logits.argmax(1) == self.labels).mean())

    def scores(self, rule: Mapping[str, Any], temperature: float) -> np.ndarray:
        """(n + blank,) how much each picture looks like a digit; blank ones lowest."""
        found = digit_score(
            rule["score"], self.logits, self.embeddings, temperature, head=rule.get("head")
        )
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
    """The score that refuses most of what is no digit, with its threshold.

    Args:
        digits: validation digits of each origin, which count equally.
        others: validation pictures of each family that is no digit.
        head: weights and bias of the score "head".
        temperature: divides the logits.
        refused: share of digits.
    """
    rules = []
    for kind in TRIED:
        rule: dict[str, Any] = {"score": kind}
        if kind == "head":
            rule["head"] = head.round(4).tolist()
        scores = [said.scores(rule, temperature) for said in digits]
        weights = np.concatenate([np.full(len(s), 1 / len(s) / len(scores)) for s in scores])
        rule["threshold"] = float(
            np.quantile(np.concatenate(scores), refused, weights=weights, method="inverted_cdf")
        )
        rule["refused_of_validation"] = refused
        shares = [refused_share(said, rule, temperature) for said in others]
        rule["refused_of_validation_families"] = round(float(np.mean(shares)), 5)
        rules.append(rule)
    best = max(rules, key=lambda rule: rule["refused_of_validation_families"])
    return {**best, "tried": {r["score"]: r["refused_of_validation_families"] for r in rules}}


def refused_share(said: Said, rule: Mapping[str, Any], temperature: float) -> float:
    """Share of a set that a rule refuses."""
    return float((said.scores(rule, temperature) < rule["threshold"]).mean())
