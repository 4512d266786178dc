"""The stress test as HTML: the distorted digit, and a chart for each kind of distortion."""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from netlib.answer.reading import NetworkReading, Reader, Reading
from netlib.app.stress import FACTORS, Factor, distort, holds, sweep
from netlib.app.views.charts import confidence_chart, minus
from netlib.app.views.panels import NetworkFacts, figure, percent
from netlib.app.views.pictures import ink_on_paper
from netlib.errors import UserError


def single_digit(reading: Reading | None) -> NDArray[np.float32]:
    """The one digit (28, 28) of a reading.

    Raises:
        UserError: there is none, or more than one.
    """
    if reading is None or reading.is_blank:
        raise UserError("There is no digit yet: draw one, or choose an example.")
    if reading.is_number:
        raise UserError(f"There are {len(reading.digits)} digits: this works on one at a time.")
    return reading.digits[0]


def stress_html(
    reader: Reader,
    facts: Mapping[str, NetworkFacts],
    reading: Reading | None,
    setting: Mapping[str, float],
) -> tuple[str, list[str]]:
    """What the networks make of the distorted digit, and one chart a factor.

    Args:
        reader: reads the distorted digits.
        facts: name -> title.
        reading: of one undistorted digit.
        setting: value of each factor.

    Returns:
        The summary's HTML, and the charts' HTML in the order of FACTORS.
    """
    digit = single_digit(reading)
    assert reading is not None
    labels = {name: int(network.labels[0]) for name, network in reading.networks.items()}
    now = distort(digit, **setting)
    pictures = np.concatenate([now[None], *(sweep(digit, f, setting) for f in FACTORS)])
    answers = reader.read_digits(pictures)

    charts = []
    start = 1
    for factor in FACTORS:
        stop = start + len(factor.values())
        part = slice(start, stop)
        curves = {facts[n].colour: a.probabilities[part, labels[n]] for n, a in answers.items()}
        ranges = "".join(
            f'<span class="{facts[n].colour}">{escape(facts[n].title)} '
            f"{_range(factor, a.labels[part], labels[n])}</span>"
            for n, a in answers.items()
        )
        title = f'<p class="chart-title">{factor.title}</p>'
        chart = confidence_chart(
            factor.values(),
            curves,
            setting[factor.name],
            factor.neutral,
            factor.unit,
            f"Confidence over {factor.title.lower()}",
        )
        charts.append(f'{title}{chart}<p class="holds">{ranges}</p>')
        start = stop
    return _summary(digit, now, answers, labels, facts), charts


def _range(factor: Factor, labels: NDArray[np.integer], label: int) -> str:
    values = factor.values()
    first, last = holds(labels, label, int(np.abs(values - factor.neutral).argmin()))
    if last < first:
        return "does not hold"
    low, high = values[first], values[last]
    if first == 0 and last == len(values) - 1:
        return "holds throughout"
    if low == factor.neutral == factor.low:
        return f"holds to {minus(high, 3)}{factor.unit}"
    return f"holds {minus(low, 3)} to {minus(high, 3)}{factor.unit}"


def _reads(answer: NetworkReading) -> str:
    if not answer.is_digit[0]:
        return f"sees no digit (nearest: {escape(answer.nearest[0])})"
    return f"reads {escape(answer.nearest[0])} ({percent(float(answer.confidences[0]))})"


def _summary(
    digit: NDArray[np.floating],
    now: NDArray[np.floating],
    answers: Mapping[str, NetworkReading],
    labels: Mapping[str, int],
    facts: Mapping[str, NetworkFacts],
) -> str:
    lines = "".join(
        f'<p class="{facts[name].colour}"><b>{escape(facts[name].title)}</b> {_reads(answer)}; '
        f"confidence in {escape(answer.class_names[labels[name]])}: "
        f"{percent(float(answer.probabilities[0, labels[name]]))}</p>"
        for name, answer in answers.items()
    )
    return (
        '<div class="stress-now strip pixel">'
        f"{figure(ink_on_paper(digit), 'As drawn')}{figure(ink_on_paper(now), 'Distorted')}"
        f"<div>{lines}</div></div>"
    )
