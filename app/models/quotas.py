"""Quota policies, in the words of draft-ietf-httpapi-ratelimit-headers-11."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class QuotaPolicy:
    """How much each of those who are told apart may use: so many requests in a window of so many seconds, or at once."""

    name: str
    quota: int
    window_seconds: int | None = None
    unit: Literal["requests", "concurrent-requests"] = "requests"

    @cached_property
    def told(self) -> bytes:
        """An item of the RateLimit-Policy header."""
        window = "" if self.window_seconds is None else f";w={self.window_seconds}"
        unit = "" if self.unit == "requests" else f';qu="{self.unit}"'
        return f'"{self.name}";q={self.quota}{window}{unit}'.encode()

    def told_left(self, left: int, seconds_until_more: int) -> bytes:
        """An item of the RateLimit header."""
        if self.window_seconds is None:
            return b'"%s";r=%d' % (self._name, left)
        return b'"%s";r=%d;t=%d' % (self._name, left, seconds_until_more)

    @cached_property
    def _name(self) -> bytes:
        return self.name.encode()
