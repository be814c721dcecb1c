"""The one error that users are meant to read."""


class HemaPilotsError(Exception):
    """Something a user can mend: the message names the file, the field or column, and the remedy in one sentence."""
