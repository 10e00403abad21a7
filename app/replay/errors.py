"""What can stop a replay, each as one sentence for the person who started it."""


class ReplayError(Exception):
    """The replay cannot be played as asked; the message says why in one sentence."""


class UnexpectedAnswerError(Exception):
    """The API answered something that no correct API answers to this request."""


class NoAnswerError(Exception):
    """The API did not answer this request usefully, however often it was repeated."""


class ApiGoneError(Exception):
    """The API has answered nothing useful to anybody for so long that going on makes no sense."""
