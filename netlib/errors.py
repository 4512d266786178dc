"""Errors whose text is a sentence for the person at the keyboard, not a matter for a traceback."""


def many(count: int, noun: str, plural: str = "") -> str:
    """How many there are, in words: 1 image, 2,000 images."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


class UserError(ValueError):
    """What a visitor did wrong, in one sentence: what was got, what was expected, what to do."""


class WorkError(RuntimeError):
    """Work that cannot go on; the message says why and what to change."""
