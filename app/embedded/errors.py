"""The one exception of the embedded servers; its text is the sentence that a person reads."""


class EmbeddedError(Exception):
    """An embedded server or a part of `make up` cannot do what was asked, for a reason that a person can act on."""
