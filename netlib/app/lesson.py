"""The lesson's buttons; its script, in `assets/inside`, keeps the address and leads the steps."""

from netlib.app.inside import Inside, page_of


def lesson_html(inside: Inside) -> str:
    """Buttons for the lesson, for large type and for a link to what is on the screen."""
    return page_of("lesson.html", inside)
