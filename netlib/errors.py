"""The one kind of error whose text is shown to visitors."""


class UserError(ValueError):
    """What a visitor did wrong, in one sentence: what was got, what was expected, what to do."""
