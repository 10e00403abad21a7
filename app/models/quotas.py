"""Quota policies, in the words of draft-ietf-httpapi-ratelimit-headers-11."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """How much each of those who are told apart may use: so many requests in a window of so many seconds, or at once."""

    name: str
    quota: int
    window_seconds: int | None = None
    unit: Literal["requests", "concurrent-requests"] = "requests"

    @property
    def told(self) -> str:
        """An item of the RateLimit-Policy header."""
        window = "" if self.window_seconds is None else f";w={self.window_seconds}"
        unit = "" if self.unit == "requests" else f';qu="{self.unit}"'
        return f'"{self.name}";q={self.quota}{window}{unit}'

    def told_left(self, left: int, seconds_until_more: int) -> str:
        """An item of the RateLimit header."""
        window = "" if self.window_seconds is None else f";t={seconds_until_more}"
        return f'"{self.name}";r={left}{window}'
