"""Whose quota a request counts for: that of its client, or that of its address where it shows no good credential."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from app.core.quotas import Quota
from app.models.quotas import QuotaPolicy

_MINUTE: Final = 60


def quota_of(name: str, quota: int, window_seconds: int) -> Quota | None:
    """The quota of a policy; None where `quota` is 0, which means that there is no limit."""
    return Quota(QuotaPolicy(name, quota, window_seconds)) if quota else None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The quota of each client and that of each address; None where there is none."""

    client: Quota | None
    address: Quota | None

    @property
    def quotas(self) -> Sequence[Quota]:
        """All there are."""
        return [quota for quota in (self.client, self.address) if quota]

    @classmethod
    def of(cls, *, per_client: int, per_address: int) -> Self:
        """So many requests a minute; 0 for no limit."""
        return cls(quota_of("client", per_client, _MINUTE), quota_of("address", per_address, _MINUTE))
