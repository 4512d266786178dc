"""What a checkpoint says of itself: each field that the program uses is checked here, once."""

import json
import math
import reprlib
from typing import Any

import numpy as np

from netlib.nets.layers import Layers, layers_of

# How much a picture looks like a digit is told by one of these, see `netlib.answer.refusal`.
DIGIT_SCORES = ("confidence", "max_logit", "energy", "head", "log_odds")
MAX_CHARACTERS = 32_000_000
MAX_NAME = 100
# Training fits a temperature between 0.05 and 20.
MIN_TEMPERATURE, MAX_TEMPERATURE = 1e-3, 1e3


def parse_metadata(text: str) -> tuple[dict[str, Any], Layers]:
    """The metadata in a checkpoint's header, and the table of layers that its spec describes.

    Raises:
        ValueError: a field is missing, of another kind, or out of range: what and where.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"its metadata has {len(text):,} characters, over {MAX_CHARACTERS:,}")
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its metadata cannot be read ({reprlib.repr(error)})") from error
    if not isinstance(metadata, dict) or not isinstance(metadata.get("spec"), dict):
        raise ValueError("it describes no network: its metadata has no spec")
    try:
        layers = layers_of(metadata["spec"])
    except ValueError as error:
        raise ValueError(f"it describes no network that can be built: {error}") from error
    temperature = metadata.get("temperature", 1.0)
    if not _is_number(temperature) or not MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
        raise ValueError(
            f"its temperature is {reprlib.repr(temperature)}; expected a number from "
            f"{MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}"
        )
    _check_names(metadata.get("class_names"), layers.head.num_classes)
    _check_scores(metadata.get("scores"))
    if metadata.get("no_digit") is not None:
        _check_rule(metadata["no_digit"], layers)
    return metadata, layers


def _check_names(names: Any, count: int) -> None:
    if names is None:
        return
    if (
        not isinstance(names, list)
        or not all(
            isinstance(name, (str, int)) and 0 < len(str(name)) <= MAX_NAME for name in names
        )
        or not len(set(map(str, names))) == len(names) == count
    ):
        raise ValueError(
            f"its class_names are {reprlib.repr(names)}; expected {count} different names"
        )


def _check_scores(scores: Any) -> None:
    """None, or set -> score -> number."""
    sets = scores if isinstance(scores, dict) else {} if scores is None else {"": scores}
    for name, values in sets.items():
        if not isinstance(values, dict):
            raise ValueError(
                f"its scores are {reprlib.repr(scores)}; expected those of each set by name"
            )
        accuracy = values.get("accuracy")
        if accuracy is not None and not (_is_number(accuracy) and 0 <= accuracy <= 1):
            raise ValueError(
                f"its accuracy ({reprlib.repr(name)}) is {reprlib.repr(accuracy)}; expected a "
                "share from 0 to 1"
            )


def _check_rule(rule: Any, layers: Layers) -> None:
    """Score and threshold or thresholds, with what that score needs."""
    kind = rule.get("score") if isinstance(rule, dict) else None
    if (
        not isinstance(kind, str)
        or kind not in DIGIT_SCORES
        or _shape(rule.get("threshold")) not in ((), (layers.head.num_classes,))
    ):
        raise ValueError(
            f"its no_digit rule is {reprlib.repr(rule)}; expected a threshold, or one for each "
            f"class, and a score, one of {', '.join(DIGIT_SCORES)}"
        )
    shape = (layers.head.in_features + 1,)
    if kind in ("head", "log_odds") and _shape(rule.get("head")) != shape:
        raise ValueError(f"its no_digit rule needs head, finite numbers of shape {shape}")


def _shape(values: Any) -> tuple[int, ...] | None:
    """Of nested lists of finite numbers; None for anything else."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        return None
    numeric = array.dtype.kind in "iuf" and bool(np.isfinite(array).all())
    return array.shape if numeric else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
