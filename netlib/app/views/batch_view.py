"""The answers to many pictures as HTML: a table, the score, and a CSV to download."""

import base64
from collections.abc import Sequence
from html import escape

from netlib.app.batch import Row, accuracy, to_csv
from netlib.app.views.panels import FIRST, Facts, or_else, percent
from netlib.app.views.pictures import ink_on_paper, png_url
from netlib.errors import many

MAX_THUMBNAILS = 8


def batch_html(rows: Sequence[Row], facts: Facts) -> str:
    """Summary, download link and table; a click on a column's title sorts by it."""
    csv_text = to_csv(rows, {name: fact.class_names for name, fact in facts.items()})
    link = "data:text/csv;base64," + base64.b64encode(csv_text.encode()).decode("ascii")
    titles = [("File", ""), *((f.title, f.colour) for f in facts.values())]
    titles += [("Label", ""), ("Disagreement", "")]
    head = "".join(
        f'<th scope="col" class="{colour}"><button type="button">{escape(title)}</button></th>'
        for title, colour in titles
    )
    body = "".join(_row(row, facts) for row in rows)
    return (
        f'<div class="batch-head">{_summary(rows, facts)}'
        f'<a class="download" href="{link}" download="answers.csv">Download CSV</a></div>'
        '<div class="table-frame"><table class="batch"><thead><tr><th scope="col">Digit</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _summary(rows: Sequence[Row], facts: Facts) -> str:
    pictures = [row for row in rows if row.is_picture]
    differ = sum(row.differs for row in pictures)
    unread = sum(row.reading is None for row in pictures)
    parts = [many(len(pictures), "picture"), f"{differ} read differently"]
    if blank := sum(row.reading is not None and row.reading.is_blank for row in pictures):
        parts.append(f"{blank} blank")
    if unread:
        parts.append(f"{unread} not readable")
    if others := len(rows) - len(pictures):
        parts.append(f"{many(others, 'other file')} with a note")
    for name, (right, count) in accuracy(rows, facts).items():
        title, colour = escape(facts[name].title), facts[name].colour
        parts.append(
            f'<b class="{colour}">{title} {100 * right / count:.1f}\u00a0%</b> ({right} of {count})'
        )
    return f"<p>{' · '.join(parts)}</p>"


def _row(row: Row, facts: Facts) -> str:
    if row.reading is None:
        cells = f"<td>{'not read' if row.is_picture else ''}</td>" * len(facts)
        thumbnails = ""
    else:
        thumbnails = "".join(
            f'<img src="{png_url(ink_on_paper(digit))}" alt="" width="28" height="28">'
            for digit in row.reading.digits[:MAX_THUMBNAILS]
        )
        cells = "".join(_answer(row, name) for name in facts)
    problem = f'<p class="error">{escape(row.error)}</p>' if row.error else ""
    if row.reading is not None and row.reading.is_first:
        problem = f"<small>{FIRST}</small>"
    disagreement = f"{row.disagreement:.3f}" if row.texts() else ""
    return (
        f'<tr class="{"differ" if row.differs else ""}"><td class="thumbs">{thumbnails}</td>'
        f'<td class="name"><span>{escape(row.name)}</span>{problem}</td>{cells}'
        f"<td>{escape(row.label or '')}</td><td>{disagreement}</td></tr>"
    )


def _answer(row: Row, name: str) -> str:
    assert row.reading is not None
    network = row.reading.networks.get(name)
    if network is None:
        return "<td>blank</td>"
    wrong = row.label is not None and not row.is_right(name)
    known = bool(network.is_digit.all())  # of what was refused, no percentage is told
    confidence = percent(float(network.confidences.prod())) if known else ""
    others = enumerate(network.alternatives, 1)
    meant = ", ".join(f"{i}: {or_else(other)}" for i, other in others if other is not None)
    if len(network.labels) == 1:
        meant = or_else(network.alternatives[0])
    return (
        f'<td class="{"wrong" if wrong else ""}"><b>{escape(network.text)}</b> {confidence}'
        f"{f' ({meant})' if meant else ''}</td>"
    )
