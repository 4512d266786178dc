"""Whole replies, made where a picture is read: what the app's jobs for the reader processes return.

The server hands them on as they are, and so spends nothing on a picture but their way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from netlib.answer.explain import Explainer
from netlib.answer.reader import Reader, fitted
from netlib.answer.reading import NetworkReading, Reading
from netlib.app.views.panels import BLANK_TEXT, Facts, answer_html, boxed_html, number_html
from netlib.app.views.pictures import encode
from netlib.app.views.steps import steps_html
from netlib.picture.load import Picture

BLANK_PICTURE = "No ink was found: there is none, or none that stands out from its paper."


def on_pad(reader: Reader, value: str, facts: Facts) -> tuple[str, str, Reading]:
    """The answers to a drawing, the steps to them, and the reading without the steps."""
    return first_view(reader.read_pad(value), facts, reader.predictor.explainers)


def on_wide_pad(reader: Reader, value: str, facts: Facts) -> str:
    """The answers to a number."""
    return number_html(reader.read_pad(value), facts)


def on_picture(reader: Reader, picture: Picture, facts: Facts) -> tuple[str, str, Reading, str]:
    """As `on_pad`, and the picture with its boxes."""
    reading = reader.read(picture)
    problem = BLANK_PICTURE if reading.is_blank else ""
    shown = first_view(reading, facts, reader.predictor.explainers, problem)
    return *shown, boxed_html(reading)


def as_json(reader: Reader, picture: Picture) -> bytes:
    """The answer of the API's `predict`."""
    return orjson.dumps(to_json(reader.read(picture), reader.names))


def first_view(
    reading: Reading,
    facts: Facts,
    networks: Mapping[str, Explainer],
    problem: str = "",
    blank: str = BLANK_TEXT,
) -> tuple[str, str, Reading]:
    """Answers, steps, and the reading without the steps: a large photo's would fill the memory."""
    answers = answer_html(reading, facts, problem, blank) + digit_html(reading, networks)
    return answers, steps_html(reading, networks), replace(reading, sketch=None)


def digit_html(reading: Reading, networks: Mapping[str, Explainer]) -> str:
    """The first digit of a reading, unseen, for the scripts of "Inside one block"."""
    digit, count = first_digit(reading, networks), np.count_nonzero(reading.are_digits)
    return f'<div id="digit-read" hidden data-count="{count}" data-digit="{digit}"></div>'


def first_digit(reading: Reading, networks: Mapping[str, Explainer]) -> str:
    """As `seen`; nothing of an empty page."""
    if reading.is_blank:
        return ""
    return seen(reading.digits[reading.are_digits.argmax()], networks)


def seen(digit: NDArray[np.float32], networks: Mapping[str, Explainer]) -> str:
    """A digit (28, 28) as the networks saw it, for the browser.

    Returns:
        One channel as base64 of little-endian float32 for each network, divided by spaces; "=" for
        what is the same as the one before.
    """
    sides = [net.layers.input_dim[1:] for net in networks.values()]
    sent = [encode(fitted(digit[None], (1, *side))[0, 0]) for side in sides]
    pairs = zip(["", *sent], sent, strict=False)
    return " ".join("=" if text == before else text for before, text in pairs)


def to_json(reading: Reading, names: Sequence[str]) -> dict[str, Any]:
    """What the networks of these names read in one picture, as JSON can hold it.

    Returns:
        blank, agree, boxes ([left, top, right, bottom] of each digit), and for each network
        prediction ("7", "42", "?" for a sign and for what does not look like a digit, "" if
        blank), confidence, probabilities (one for each class if there is one digit, otherwise
        None), classes (their names), is_digit, and the same for each digit in digits, with the
        alternative that may be meant as well (None for most).
    """
    networks = {name: _network_json(reading.networks.get(name)) for name in names}
    boxes = [list(box) for box in reading.boxes]
    return {"blank": reading.is_blank, "agree": reading.agree, "boxes": boxes, **networks}


def _network_json(network: NetworkReading | None) -> dict[str, Any]:
    if network is None:
        return {
            "prediction": "",
            "confidence": None,
            "probabilities": None,
            "classes": [],
            "is_digit": False,
            "digits": [],
        }
    digits = [
        {
            "prediction": text,
            "confidence": max(probabilities),
            "probabilities": probabilities,
            "is_digit": known,
            "alternative": other,
        }
        for text, probabilities, known, other in zip(
            network.texts,
            network.probabilities.tolist(),
            network.is_digit.tolist(),
            network.alternatives,
            strict=True,
        )
    ]
    return {
        "prediction": network.text,
        "confidence": float(network.confidences.prod()),
        "probabilities": digits[0]["probabilities"] if len(digits) == 1 else None,
        "classes": list(network.class_names),
        "is_digit": all(digit["is_digit"] for digit in digits),
        "digits": digits,
    }
