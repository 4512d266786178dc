"""The stress test as HTML: the distorted digit, and a chart for each kind of distortion."""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from netlib.answer.reader import Reader
from netlib.answer.reading import NetworkReading, Reading
from netlib.app.stress import FACTORS, POINTS, Factor, distort, holds, sweep
from netlib.app.views.panels import Facts, figure, percent
from netlib.app.views.pictures import ink_on_paper
from netlib.errors import UserError

# Of a chart, and its margins.
WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 22


def single_digit(reading: Reading | None) -> Reading:
    """The reading, if it is of one digit.

    Raises:
        UserError: there is none, or more than one.
    """
    if reading is None or reading.is_blank:
        raise UserError("There is no digit yet: draw one, or choose an example.")
    if reading.is_number:
        kinds = "digits" if reading.are_digits.all() else "digits and signs"
        raise UserError(f"There are {len(reading.digits)} {kinds}: this works on one at a time.")
    return reading


def stress_html(
    reader: Reader, facts: Facts, reading: Reading | None, setting: Mapping[str, float]
) -> tuple[str, list[str]]:
    """What the networks make of the digit, distorted by each factor's value in `setting`.

    Returns:
        The summary's HTML, and the charts' HTML in the order of FACTORS.

    Raises:
        UserError: there is no digit, or more than one.
    """
    reading = single_digit(reading)
    digit = reading.digits[0]
    labels = {name: int(network.labels[0]) for name, network in reading.networks.items()}
    now = distort(digit, **setting)
    pictures = np.concatenate([now[None], *(sweep(digit, f, setting) for f in FACTORS)])
    answers = reader.read_digits(pictures)

    charts = []
    for place, factor in enumerate(FACTORS):
        part = slice(1 + place * POINTS, 1 + (place + 1) * POINTS)
        curves = {facts[n].colour: a.probabilities[part, labels[n]] for n, a in answers.items()}
        ranges = "".join(
            f'<span class="{facts[n].colour}">{escape(facts[n].title)} '
            f"{_range(factor, np.where(a.is_digit, a.labels, -1)[part], labels[n])}</span>"
            for n, a in answers.items()
        )
        chart = _chart(factor, curves, setting[factor.name])
        charts.append(f'{chart_title(factor)}{chart}<p class="holds">{ranges}</p>')
    return _summary(digit, now, answers, labels, facts), charts


def chart_title(factor: Factor) -> str:
    """What stands above a chart, or above its slider while there is no digit."""
    return f'<p class="chart-title">{factor.title}</p>'


def _chart(factor: Factor, curves: Mapping[str, NDArray[np.floating]], marker: float) -> str:
    """Confidence in [0, 1] over the values of a factor, one line a network.

    `curves` has the (POINTS,) confidences by the network's colour; the slider stands at `marker`.
    """
    low, high, neutral = factor.low, factor.high, factor.neutral

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for share in (0.0, 0.5, 1.0):
        parts.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share)}" y2="{y(share)}"/>'
            f'<text x="{LEFT - 4}" y="{y(share) + 4}" text-anchor="end">'
            f"{100 * share:.0f}\u00a0%</text>"
        )
    middle = neutral if low < neutral < high else (low + high) / 2
    for value, anchor in ((low, "start"), (middle, "middle"), (high, "end")):
        parts.append(
            f'<text x="{x(value):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">'
            f"{_minus(value)}{escape(factor.unit)}</text>"
        )
    parts.append(
        f'<line class="marker" x1="{x(marker):.1f}" x2="{x(marker):.1f}" '
        f'y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    )
    for name, shares in curves.items():
        points = " ".join(
            f"{x(v):.1f},{y(float(s)):.1f}" for v, s in zip(factor.values(), shares, strict=True)
        )
        parts.append(f'<polyline class="{escape(name)}" points="{points}"/>')
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Confidence over {factor.title.lower()}">{"".join(parts)}</svg>'
    )


def _minus(value: float, figures: int = 6) -> str:
    """A number with a minus of its own, as in "−37.5"."""
    return f"{value:.{figures}g}".replace("-", "−")


def _range(factor: Factor, labels: NDArray[np.integer], label: int) -> str:
    values = factor.values()
    first, last = holds(labels, label, int(np.abs(values - factor.neutral).argmin()))
    if last < first:
        return "does not hold"
    low, high = values[first], values[last]
    if first == last:
        return f"holds at {_minus(low, 3)}{factor.unit} alone"
    if first == 0 and last == len(values) - 1:
        return "holds throughout"
    if low == factor.neutral == factor.low:
        return f"holds to {_minus(high, 3)}{factor.unit}"
    return f"holds {_minus(low, 3)} to {_minus(high, 3)}{factor.unit}"


def _reads(answer: NetworkReading) -> str:
    if not answer.is_digit[0]:
        return f"sees no digit (were it one: {escape(answer.nearest[0])})"
    return f"reads {escape(answer.nearest[0])} ({percent(float(answer.confidences[0]))})"


def _summary(
    digit: NDArray[np.floating],
    now: NDArray[np.floating],
    answers: Mapping[str, NetworkReading],
    labels: Mapping[str, int],
    facts: Facts,
) -> str:
    lines = "".join(
        f'<p class="{facts[name].colour}"><b>{escape(facts[name].title)}</b> {_reads(answer)}; '
        f"confidence in {escape(answer.class_names[labels[name]])}: "
        f"{percent(float(answer.probabilities[0, labels[name]]))}</p>"
        for name, answer in answers.items()
    )
    return (
        '<div class="stress-now strip pixel">'
        f"{figure(ink_on_paper(digit), 'As read')}{figure(ink_on_paper(now), 'Distorted')}"
        f"<div>{lines}</div></div>"
    )
