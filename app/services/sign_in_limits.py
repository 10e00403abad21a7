"""How often a password may be guessed: so often from one address, and all in all; but nobody can lock out the owner of an account.

What is counted is the same for an e-mail that nobody has: a limit tells nothing of whether there is an account.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.core.addresses import network_of
from app.core.quotas import Quota
from app.services.errors import InvalidCredentials, QuotaExceeded, WrongPassword
from app.services.ports import KnownPlaces
from app.services.rate_limits import quota_of

_HOUR: Final = 3_600


class SignInLimits:
    """An attempt is counted before it is made, so that many at once are not more; one that was no guess is given back."""

    def __init__(
        self, known_places: KnownPlaces, *, per_account_and_address: int, per_address: int, per_account: int
    ) -> None:
        """So many failures an hour; 0 for no limit. That of an account does not bind whoever has signed in at the same address before."""
        self._known_places = known_places
        self._pair = quota_of("sign-in", per_account_and_address, _HOUR)
        self._address = quota_of("sign-in-address", per_address, _HOUR)
        self._account = quota_of("sign-in-account", per_account, _HOUR)

    @property
    def quotas(self) -> Sequence[Quota]:
        """All there are."""
        return [quota for quota in (self._pair, self._address, self._account) if quota]

    @asynccontextmanager
    async def attempt(self, email: str, address: str | None) -> AsyncIterator[None]:
        """An attempt to open this account from this address, which may end in InvalidCredentials; raises QuotaExceeded before it."""
        network = network_of(address or "")
        account = _digest(email)
        place = _digest(email, network)
        taken: list[tuple[Quota, str]] = []
        try:
            _take(taken, self._pair, place)
            _take(taken, self._address, network)
            try:
                _take(taken, self._account, account)
            except QuotaExceeded:
                if not await self._known_places.is_known(place):
                    raise
            yield
        except (InvalidCredentials, WrongPassword):
            raise
        except Exception:  # but not when it is cancelled: nobody knows how far it had come
            _give_back(taken)
            raise
        _give_back(taken)
        self._known_places.remember(place)


def _take(taken: list[tuple[Quota, str]], quota: Quota | None, key: str) -> None:
    if quota is None:
        return
    now = time.monotonic()
    if quota.take(key, now) < 0:
        raise QuotaExceeded(quota.policy, retry_after=quota.seconds_until_more(key, now))
    taken.append((quota, key))


def _give_back(taken: Sequence[tuple[Quota, str]]) -> None:
    for quota, key in taken:
        quota.give_back(key)


def _digest(*words: str) -> str:
    """Stands for the words where they need not be known."""
    return hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]
