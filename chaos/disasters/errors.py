"""The one exception of the disasters; its text is the sentence that a person reads."""


class DisasterError(Exception):
    """This machine cannot stage the disaster, for a reason that a person can act on."""
