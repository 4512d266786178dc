"""Errors whose text is a sentence for the person at the keyboard, not a matter for a traceback."""


class UserError(ValueError):
    """What a visitor did wrong, in one sentence: what was got, what was expected, what to do."""


class WorkError(RuntimeError):
    """Work that cannot go on; the message says why and what to change."""
