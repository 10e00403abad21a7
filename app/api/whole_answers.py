"""Answers of which everything is known before the first byte is written (RFC 9112).

ASGI takes an answer in two messages; the server looks over each header again, and writes twice, which costs a system call more.
"""

from collections.abc import Callable, Iterable
from typing import Final

from app.api.security_headers import Header

Headers = Iterable[Header]

WRITER: Final = "postagens.writer"
"""The key of a scope under which the server's own `Writer` stands, where an answer may be written at once."""

Writer = Callable[[int, Headers, bytes], bool]
"""Writes status, headers and body of the answer. False, and nothing is written, when it has to be sent as ASGI wants it."""


def written_lines(headers: Headers) -> bytes:
    """Headers as they are sent. Nobody looks at them again: a line end in one would be the beginning of the next."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


class ServerLines:
    """The lines of the headers that the server adds to each answer. It makes a new list of them once a second: meanwhile they are kept."""

    def __init__(self) -> None:
        self._headers: Headers = ()
        self._lines = b""

    def of(self, headers: Headers) -> bytes:
        """The lines of this list."""
        if headers is not self._headers:
            self._lines = written_lines(headers)
            self._headers = headers
        return self._lines
