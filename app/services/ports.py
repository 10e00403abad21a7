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


class KnownPlaces(Protocol):
    """Remembers for some weeks from where accounts have been signed in at. It may forget sooner."""

    def remember(self, place: str) -> None:
        """Somebody has signed in there."""

    async def is_known(self, place: str) -> bool:
        """Whether somebody has; False when nobody can tell within moments."""
        ...


class PasswordHasher(Protocol):
    """Hashes passwords, without keeping the process from other work, and knows the common ones."""

    def is_common(self, password: str) -> bool:
        """Whether the password is among those that many people have."""
        ...

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; takes as long when there is no hash."""
        ...
