"""What the rules need of the world outside, without knowing who gives it."""

from collections.abc import Sequence
from typing import Protocol


class Hints(Protocol):
    """Tells the workers which postings have an update waiting. A hint may be lost: the sweep finds what no hint brought."""

    def hint(self, posting_ids: Sequence[int]) -> None:
        """Pass the hint on soon, without waiting and without failing."""


class Announcements(Protocol):
    """Tells open streams which postings have a new step. An announcement may be lost: a stream also looks by itself."""

    def announce(self, posting_ids: Sequence[int]) -> None:
        """Pass the announcement on soon, without waiting and without failing."""


class PasswordHasher(Protocol):
    """Hashes passwords, without keeping the process from other work."""

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; takes as long when there is no hash."""
        ...
