"""The answers to many pictures as HTML: a table, the score, and a CSV to download."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from netlib.app.batch import Row, accuracy, to_csv
from netlib.app.views.panels import NetworkFacts, percent
from netlib.app.views.pictures import ink_on_paper, png_url

MAX_ROWS_SHOWN = 200
MAX_THUMBNAILS = 8


def batch_html(rows: Sequence[Row], facts: Mapping[str, NetworkFacts]) -> str:
    """Summary, download link and table; the table shows the first rows only, the CSV all."""
    csv_text = to_csv(rows, {name: fact.class_names for name, fact in facts.items()})
    link = "data:text/csv;base64," + base64.b64encode(csv_text.encode()).decode("ascii")
    head = "".join(f'<th class="{f.colour}">{escape(f.title)}</th>' for f in facts.values())
    body = "".join(_row(row, facts) for row in rows[:MAX_ROWS_SHOWN])
    more = (
        f'<p class="hint">The first {MAX_ROWS_SHOWN} of {len(rows)} rows; the CSV has them all.</p>'
        if len(rows) > MAX_ROWS_SHOWN
        else ""
    )
    return (
        f'<div class="batch-head">{_summary(rows, facts)}'
        f'<a class="download" href="{link}" download="answers.csv">Download CSV</a></div>'
        '<div class="table-frame"><table class="batch"><thead><tr><th>Digit</th><th>File</th>'
        f"{head}<th>Label</th><th>Disagreement</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"{more}"
    )


def _summary(rows: Sequence[Row], facts: Mapping[str, NetworkFacts]) -> str:
    differ = sum(row.differs for row in rows)
    unread = sum(row.reading is None for row in rows)
    parts = [f"{len(rows)} pictures", f"{differ} read differently"]
    if unread:
        parts.append(f"{unread} not readable")
    for name, (right, count) in accuracy(rows).items():
        title, colour = escape(facts[name].title), facts[name].colour
        parts.append(
            f'<b class="{colour}">{title} {percent(right / count)}</b> ({right} of {count})'
        )
    return f"<p>{' · '.join(parts)}</p>"


def _row(row: Row, facts: Mapping[str, NetworkFacts]) -> str:
    if row.reading is None:
        cells = f'<td colspan="{len(facts)}" class="error">{escape(row.error)}</td>'
        thumbnails = ""
    else:
        thumbnails = "".join(
            f'<img src="{png_url(ink_on_paper(digit))}" alt="" width="28" height="28">'
            for digit in row.reading.digits[:MAX_THUMBNAILS]
        )
        cells = "".join(_answer(row, name) for name in facts)
    differ = row.differs
    disagreement = f"{row.disagreement:.3f}" if row.texts() else ""
    return (
        f'<tr class="{"differ" if differ else ""}"><td class="thumbs">{thumbnails}</td>'
        f'<td class="name">{escape(row.name)}</td>{cells}'
        f"<td>{escape(row.label or '')}</td><td>{disagreement}</td></tr>"
    )


def _answer(row: Row, name: str) -> str:
    assert row.reading is not None
    network = row.reading.networks.get(name)
    if network is None:
        return "<td>blank</td>"
    wrong = row.label is not None and network.text != row.label
    known = bool(network.is_digit.all())  # of what was refused, no percentage is told
    confidence = percent(float(network.confidences.prod())) if known else ""
    return f'<td class="{"wrong" if wrong else ""}"><b>{escape(network.text)}</b> {confidence}</td>'
