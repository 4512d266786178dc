"""The answers as HTML: pure functions from a `Reading` to text, no state and no gradio.

Every panel keeps its size whatever it shows, so that nothing on the page jumps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from netlib.answer.reading import REFUSED, NetworkReading, Reading
from netlib.app.views.pictures import grey, ink_on_paper, png_url

BLANK_TEXT = "Draw a digit: {all} answer while you draw."
NO_FILE_TEXT = "Choose a picture of a digit or number: {all} answer."
FEWEST_LINES = 5  # of a card, whatever it shows
NUMBER_TEXT = "Write a number of up to 20 digits: {all} answer while you write."
FIRST = "The file holds several pictures: only the first was read."
TELLING = 1.05  # a smaller ratio of times reads 1.0
MOSTLY = "× in at least half of the timings"
NO_DIGIT_TEXT = "This does not look like a digit."


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network before it sees a picture."""

    title: str  # its name on the page, as in "Standard"
    subtitle: str  # what it is made of
    num_params: int  # trainable parameters
    macs: int  # multiply-accumulates for one picture
    # Seconds for one picture on this server, round by round beside the other networks'
    times: tuple[float, ...]
    colour: str  # what the stylesheet knows it by: "standard", "mobilenet", "third" or "fourth"
    class_names: tuple[str, ...]  # of what it tells apart
    accuracy: float | None = None  # on the test set, as its checkpoint records it

    @property
    def latency(self) -> float:
        """Median seconds for one picture, in whole microseconds, as it is shown."""
        return round(float(np.median(self.times)), 6)


Facts = Mapping[str, NetworkFacts]  # by the network's name


def percent(share: float) -> str:
    """0.9987 -> "99.9 %", unbroken; no network is certain, whatever float32 rounds to."""
    if share >= 0.9995:
        return "99.9\u00a0%"
    if 0 < share < 0.001:
        return "&lt;\u00a00.1\u00a0%"
    return f"{100 * share:.1f}\u00a0%"


def millions(count: int) -> str:
    """32573056 -> "32.57 M"."""
    return f"{count / 1e6:.2f} M"


def all_of(facts: Facts) -> str:
    """The networks together, at the start of a sentence."""
    return "Both networks" if len(facts) == 2 else f"All {len(facts)} networks"


def verdict(reading: Reading, facts: Facts, blank: str = BLANK_TEXT) -> tuple[str, str]:
    """One line on what the networks read, and its kind: blank, none, agree or differ.

    `blank` tells what to do where there is nothing to read.
    """
    if reading.is_blank:
        return blank.format(all=all_of(facts).lower()), "blank"
    if not any(network.is_digit.any() for network in reading.networks.values()):
        return NO_DIGIT_TEXT, "none"
    texts = {name: network.text for name, network in reading.networks.items()}
    joined = f", from {reading.lines} lines" if reading.lines > 1 else ""
    if reading.agree:
        read = f"{all_of(facts)} read {next(iter(texts.values()))}{joined}"
        if all(network.is_digit.all() for network in reading.networks.values()):
            return f"{read}.", "agree"
        return f"{read}: “{REFUSED}” does not look like a digit.", "none"
    parts = [
        f"{facts[name].title} {f'reads {text}' if text.strip(REFUSED) else 'sees no digit'}"
        for name, text in texts.items()
    ]
    differ = f"They differ: {', '.join(parts)}{joined}."
    labels = sorted(set(texts.values()) - {REFUSED})
    if len(labels) > 1 and not reading.is_number:
        differ += f" In question: {' or '.join(labels)}."
    return differ, "differ"


def answer_html(reading: Reading, facts: Facts, problem: str = "", blank: str = BLANK_TEXT) -> str:
    """The verdict, one card a network, and what one costs next to the other.

    `problem` is a sentence that takes the verdict's place.
    """
    text, kind = (problem, "problem") if problem else verdict(reading, facts, blank)
    classes = max(len(fact.class_names) for fact in facts.values())
    cards = "".join(
        _card(fact, reading.networks.get(name), reading.digits) for name, fact in facts.items()
    )
    return (
        f'<p class="verdict {kind}">{escape(text)}</p>'
        f'<div class="cards" style="--classes:{max(FEWEST_LINES, classes)}">{cards}</div>'
        f'<p class="versus">{versus(facts)}</p>'
        f"{boxes_svg(reading) if reading.is_number else ''}"
    )


def versus(facts: Facts) -> str:
    """How each other network's cost compares with the first's, in theory and measured."""
    first, *others = facts.values()
    return "<br>".join(_versus(first, other) for other in others)


def _versus(first: NetworkFacts, other: NetworkFacts) -> str:
    return (
        f"{escape(other.title)} next to {escape(first.title)}: "
        f"<b>{_fewer(first.num_params, other.num_params)}</b> parameters (learned numbers), "
        f"<b>{_fewer(first.macs, other.macs)}</b> MACs (a multiplication and an addition each); "
        f"timed by turns on this server, {_speed(first, other)}. Time goes into "
        "moving numbers, too, not only into multiplying them."
        f"{_tested(first, other)}"
    )


def _tested(first: NetworkFacts, other: NetworkFacts) -> str:
    """What is lost, or won: accuracies, where both checkpoints record them."""
    if first.accuracy is None or other.accuracy is None:
        return ""
    return (
        f" With “{REFUSED}” (no digit) not allowed as an answer, {escape(first.title)} reads "
        f"<b>{100 * first.accuracy:.2f} %</b> of its test images right, {escape(other.title)} "
        f"<b>{100 * other.accuracy:.2f} %</b>."
    )


def _fewer(one: int, other: int) -> str:
    if one == other:
        return "as many"
    ratio = f"{max(one, other) / min(one, other):.2f}"
    if ratio == "1.00":
        return "almost as many"
    return f"{ratio}× {'fewer' if one > other else 'more'}"


def _speed(first: NetworkFacts, other: NetworkFacts) -> str:
    """The ratio of the times that are shown, and where the rounds' own ratios lie around it."""
    ratio = first.latency / other.latency
    low, high = np.quantile(np.divide(first.times, other.times), (0.25, 0.75))
    low, high = min(low, ratio), max(high, ratio)
    if low >= TELLING:
        return f"<b>{ratio:.1f}× faster</b> ({_range(low, high)}{MOSTLY})"
    if 1 / high >= TELLING:
        return f"<b>{1 / ratio:.1f}× slower</b> ({_range(1 / high, 1 / low)}{MOSTLY})"
    return (
        f"<b>{ratio:.1f} times as fast</b> ({_range(low, high)}{MOSTLY}), so no difference is sure"
    )


def _range(low: float, high: float) -> str:
    texts = dict.fromkeys((f"{low:.1f}", f"{high:.1f}"))
    return " to ".join(texts)


def _card(facts: NetworkFacts, network: NetworkReading | None, digits: NDArray[np.floating]) -> str:
    if network is None:
        body = _headline("–", "", 1) + _bars(facts.class_names, None, known=True)
    elif len(network.labels) == 1:
        body = _single(network)
    else:
        body = _number(network, digits)
    costs = (
        ("Parameters", f"{facts.num_params:,}"),
        ("MACs a digit", millions(facts.macs)),
        ("Time a digit", f"{1e3 * facts.latency:.3f} ms"),
    )
    terms = "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in costs)
    return (
        f'<section class="card {facts.colour}" aria-label="{escape(facts.title)}">'
        f"<header><h2>{escape(facts.title)}</h2><p>{escape(facts.subtitle)}</p></header>"
        f'{body}<dl class="costs">{terms}</dl></section>'
    )


def _headline(big: str, small: str, length: int) -> str:
    size = "one" if length == 1 else "few" if length <= 4 else "some" if length <= 8 else "many"
    return (
        f'<div class="headline {size}"><output class="big" aria-live="off">{escape(big)}</output>'
        f'<span class="small">{small}</span></div>'
    )


def _single(network: NetworkReading) -> str:
    known = bool(network.is_digit[0])
    confidence = percent(float(network.confidences[0]))
    small = confidence if known else f"no digit; were it one: {escape(network.nearest[0])}"
    small += or_else(network.alternatives[0], ", ")
    bars = _bars(network.class_names, network.probabilities[0], known)
    return _headline(network.text, small, len(network.text)) + bars


def or_else(alternative: str | None, before: str = "") -> str:
    """The second reading, where the digit may be meant so as well; as HTML."""
    return "" if alternative is None else f"{before}or\u00a0{escape(alternative)}"


def _bars(names: Sequence[str], probabilities: NDArray[np.floating] | None, known: bool) -> str:
    """One bar a class; empty ones where there are no probabilities."""
    shares = [0.0] * len(names) if probabilities is None else [float(p) for p in probabilities]
    rows = []
    for name, share in zip(names, shares, strict=True):
        value = "" if probabilities is None else percent(share)
        top = "top" if share and share == max(shares) else ""
        fill = f'<span class="fill" style="width:{100 * share:.2f}%"></span>'
        rows.append(
            f'<li class="{top}"><span class="label">{escape(name)}</span>'
            f'<span class="track">{fill}</span><span class="value">{value}</span></li>'
        )
    kind = "bars" if known else "bars unsure"
    wide = " words" if max(map(len, names)) > 1 else ""
    return f'<ol class="{kind}{wide}" aria-label="Probabilities">{"".join(rows)}</ol>'


def _number(network: NetworkReading, digits: NDArray[np.floating]) -> str:
    known = network.is_digit
    chips = "".join(
        f'<li><img src="{png_url(ink_on_paper(digit))}" alt="" width="28" height="28">'
        f"<b>{escape(text)}</b><span>"
        f"{percent(float(confidence)) if sure else 'no digit'}{or_else(other, '<br>')}</span></li>"
        for digit, text, confidence, sure, other in zip(
            digits, network.texts, network.confidences, known, network.alternatives, strict=True
        )
    )
    product = percent(float(np.prod(network.confidences)))
    together = {1: "", 2: " for both"}.get(len(digits), f" for all {len(digits)}")
    small = product + together if known.all() else f"{(~known).sum()} not read"
    headline = _headline(network.text, small, len(network.text))
    return f'{headline}<ol class="chips" aria-label="Digit by digit">{chips}</ol>'


def figure(picture: NDArray[np.uint8] | None, caption: str, alt: str = "") -> str:
    """A small picture with its caption; an empty frame of the same size for None."""
    image = f'<img src="{png_url(picture)}" alt="{escape(alt)}">' if picture is not None else ""
    return f'<figure><div class="frame">{image}</div><figcaption>{caption}</figcaption></figure>'


def number_html(reading: Reading, facts: Facts, problem: str = "") -> str:
    """The verdict and each network's reading of a number, digit by digit; see `answer_html`."""
    text, kind = (problem, "problem") if problem else verdict(reading, facts, NUMBER_TEXT)
    cards = "".join(
        f'<section class="card {fact.colour}" aria-label="{escape(fact.title)}">'
        f"<header><h2>{escape(fact.title)}</h2></header>"
        f"{_digit_by_digit(reading.networks.get(name), reading.digits)}</section>"
        for name, fact in facts.items()
    )
    return (
        f'<p class="verdict {kind}">{escape(text)}</p>'
        f'<div class="cards compact">{cards}</div>{boxes_svg(reading)}'
    )


def _digit_by_digit(network: NetworkReading | None, digits: NDArray[np.floating]) -> str:
    if network is None:
        return _headline("–", "", 1) + '<ol class="chips"></ol>'
    return _number(network, digits)


def boxes_svg(reading: Reading) -> str:
    """A box around each digit, in a drawing of the picture's size; "" if there is no digit.

    A solid box is a digit on which the networks agree, a dashed one a digit on which they differ or
    that they do not read.
    """
    if reading.sketch is None or reading.is_blank:
        return ""
    height, width = reading.sketch.grey.shape
    shapes = []
    for i, (left, top, right, bottom) in enumerate(reading.boxes):
        texts = {network.texts[i] for network in reading.networks.values()}
        same = len(texts) == 1 and REFUSED not in texts
        shapes.append(
            f'<rect class="{"same" if same else "differ"}" x="{left}" y="{top}" '
            f'width="{right - left}" height="{bottom - top}"/>'
        )
    return (
        f'<svg class="boxes" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(shapes)}</svg>'
    )


def boxed_html(reading: Reading | None) -> str:
    """The picture as it was read, with a box around each digit; "" if there is none."""
    if reading is None or reading.sketch is None:
        return ""
    picture = png_url(grey(reading.sketch.grey))
    told = f'<p class="hint">{FIRST}</p>' if reading.is_first else ""
    return (
        f'<div class="boxed"><img src="{picture}" alt="The picture as it was read">'
        f"{boxes_svg(reading)}</div>{told}"
    )
