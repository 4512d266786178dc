"""What a visitor has taught, as HTML: answers before and after, and what that costs elsewhere."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from netlib.answer.reading import NetworkReading, Reading
from netlib.app.teach import Correction, Taught, Teacher
from netlib.app.views.panels import Facts, percent
from netlib.app.views.pictures import ink_on_paper, png_url

HINT = (
    "Was an answer wrong? Say what it is. The convolutions stay as they are; the last layer of "
    "each network that knows the answer is fitted again to your corrections, held near its trained "
    "weights. The result is yours alone and ends when you leave or reload this page; its "
    "confidence is not calibrated anew."
)
KEPT = (
    " The 28×28 picture and your label are also saved on this server, and nothing else, for a "
    "training to learn from."
)
NOTHING = "Nothing is taught yet: draw a digit that is read wrongly, choose what it is, teach it."
NO_DIGIT = "Draw one digit to see it read before and after."
REFUSED = (
    "Refused as no digit, before and after: a correction teaches which digit, not that it is one."
)
LEGEND = "Of each pair of bars the upper is before, the lower after your corrections."


def hint_html(teacher: Teacher) -> str:
    """What teaching does, and what of it is kept."""
    return f'<p class="hint">{HINT}{KEPT if teacher.store is not None else ""}</p>'


def teach_html(teacher: Teacher, facts: Facts, taught: Taught, reading: Reading | None) -> str:
    """The corrections, and for each network the drawing and the held-back digits."""
    if not taught.corrections:
        return f'<p class="hint">{NOTHING}</p>'
    single = reading is not None and len(reading.digits) == 1
    after = teacher.reread(taught, reading) if reading is not None and single else {}
    columns = []
    for name, fact in facts.items():
        drawn = NO_DIGIT
        if reading is not None and single:
            drawn = _drawn(reading.networks[name], after[name], fact.class_names)
        columns.append(
            f'<section class="side {fact.colour}">'
            f"<h2>{escape(fact.title)}</h2>{drawn}{_elsewhere(teacher, taught, name)}</section>"
        )
    saved = "".join(map(_thumbnail, taught.corrections))
    legend = f'<p class="hint">{LEGEND}</p>' if single else ""
    return (
        f'<div class="taught-list" role="group" aria-label="Your corrections">{saved}</div>'
        f'{legend}<div class="pair taught">{"".join(columns)}</div>'
    )


def taught_line(teacher: Teacher, facts: Facts, taught: Taught, reading: Reading) -> str:
    """One line below the answers while something is taught: what that makes of them."""
    if not taught.corrections or reading.is_blank:
        return ""
    after = teacher.reread(taught, reading)
    parts = [
        f"{escape(fact.title)} {_change(reading.networks[name], after[name])}"
        for name, fact in facts.items()
    ]
    count = len(taught.corrections)
    told = "your correction" if count == 1 else f"your {count} corrections"
    return (
        f'<p class="taught-line">With {told}, for you alone: <b>{", ".join(parts)}</b>. '
        "All else outside of Teach is of the networks as trained.</p>"
    )


def _change(before: NetworkReading, after: NetworkReading) -> str:
    if before.text == after.text:
        return f"still {escape(after.text)}"
    return f"{escape(before.text)} → {escape(after.text)}"


def _drawn(before: NetworkReading, after: NetworkReading, names: tuple[str, ...]) -> str:
    bars = "".join(
        _pair_of_bars(label, old, new)
        for label, old, new in zip(
            names, before.probabilities[0], after.probabilities[0], strict=True
        )
    )
    refused = "" if before.is_digit[0] else f'<p class="hint">{REFUSED}</p>'
    return (
        f'<p class="taught-change">{_change(before, after)}</p>{refused}'
        f'<ol class="twice" aria-label="Probabilities before and after">{bars}</ol>'
    )


def _pair_of_bars(label: str, before: float, after: float) -> str:
    fills = "".join(
        f'<span class="fill {kind}" style="width:{100 * share:.2f}%"></span>'
        for kind, share in (("before", float(before)), ("after", float(after)))
    )
    return (
        f'<li><span class="label">{escape(label)}</span><span class="track">{fills}</span>'
        f'<span class="value">{percent(float(before))} → {percent(float(after))}</span></li>'
    )


def _elsewhere(teacher: Teacher, taught: Taught, name: str) -> str:
    cost = teacher.cost(taught, name)
    if cost is None:
        return (
            '<p class="taught-cost">What this costs elsewhere is not known: '
            f"{escape(teacher.missing[name])}</p>"
        )
    lost = cost.before - cost.after
    change = f"{abs(lost)} {'fewer' if lost > 0 else 'more'}" if lost else "as many"
    worst = f" Class {escape(cost.worst[0])} lost most: {cost.worst[1]}." if cost.worst else ""
    return (
        f'<p class="taught-cost">Elsewhere: of {cost.count:,} validation digits, on which no '
        f"weight was trained, <b>{cost.before:,} → {cost.after:,}</b> are right "
        f"({100 * cost.before / cost.count:.1f} % → {100 * cost.after / cost.count:.1f} %): "
        f"{change}.{worst}</p>"
    )


def _thumbnail(correction: Correction) -> str:
    picture: NDArray[np.uint8] = ink_on_paper(correction.digit)
    answer = escape(correction.answer)
    return (
        f'<figure class="pixel"><img src="{png_url(picture)}" alt="A digit taught as {answer}" '
        f'width="42" height="42"><figcaption>= {answer}</figcaption></figure>'
    )
