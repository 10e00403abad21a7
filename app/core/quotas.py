"""How much of its quota each has used, in this process: the generic cell rate algorithm (ITU-T I.371), one number for each.

A quota is whole again at some moment, and each use moves that moment by as long as one more takes to come back. There is no window that
ends for all at once, and a process can tell others what was used as a length of time, without having their clock.
"""

import math
from typing import Final, TypeAlias
from uuid import UUID

from app.models.quotas import QuotaPolicy

Key: TypeAlias = str | UUID
"""What those are told apart by who use the same policy's quota."""

# Those who have used something lately. Whoever asks from more addresses than that is found again in what the processes share.
_MOST_KEPT: Final = 50_000
# Of what one use costs: a sum of many lengths of time is not exactly their product.
_ROUNDING: Final = 0.001
# In seconds: where there is one more exactly at a full second, reckoning from then may find it a little later.
_MOMENT: Final = 1e-6


class _Use:
    """What one of them has used: when its quota is whole again, and how many uses the other processes have not been told of."""

    __slots__ = ("full_at", "key", "untold", "waits_to_be_told")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.full_at = -math.inf
        self.untold = 0
        self.waits_to_be_told = False


class Quota:
    """One policy's quota of each. Times are seconds of a clock that only goes forward, the same for all calls."""

    def __init__(self, policy: QuotaPolicy) -> None:
        """The policy has a window and a quota of at least 1."""
        assert policy.window_seconds is not None  # noqa: S101 - for the type
        self.policy: Final = policy
        self._cost: Final = policy.window_seconds / policy.quota
        self.comes_back_every_second: Final = self._cost <= 1
        """Whether there is always one more within a second."""
        self._most: Final = policy.window_seconds + self._cost * _ROUNDING
        self._uses: dict[Key, _Use] = {}
        self._to_be_told: list[_Use] = []

    def take(self, key: Key, now: float) -> int:
        """Use one, if there is one; how many are left after that, or -1 when there was none."""
        use = self._uses.get(key) or self._begin(key, now)
        full_at = max(use.full_at, now) + self._cost
        left = self._most - (full_at - now)
        if left < 0:
            return -1
        use.full_at = full_at
        self._note(use, 1)
        return int(left / self._cost)

    def give_back(self, key: Key) -> None:
        """One that was taken was not used after all."""
        if use := self._uses.get(key):
            use.full_at -= self._cost
            self._note(use, -1)

    def seconds_until_more(self, key: Key, now: float) -> int:
        """How long it takes until there is one more than now, in whole seconds: at least 1."""
        if (use := self._uses.get(key)) is None:
            return 1
        used = max(0.0, use.full_at - now)
        if self.comes_back_every_second and used <= self._most:
            return 1
        # Reckoned as take() does, or it would say no at that time. All processes together may have used more than there is: that has
        # to come back before.
        left = max(0, math.floor((self._most - used) / self._cost))
        return max(1, math.ceil(used + (left + 1) * self._cost - self._most + _MOMENT))

    def _begin(self, key: Key, now: float) -> _Use:
        if len(self._uses) >= _MOST_KEPT:
            self.forget_whole(now)
            if len(self._uses) >= _MOST_KEPT:
                self._uses.clear()
        use = self._uses[key] = _Use(key)
        return use

    def _note(self, use: _Use, count: int) -> None:
        use.untold += count
        if not use.waits_to_be_told:
            use.waits_to_be_told = True
            self._to_be_told.append(use)

    def forget_whole(self, now: float) -> None:
        """Forget those whose quota is whole again."""
        self._uses = {key: use for key, use in self._uses.items() if use.full_at > now or use.waits_to_be_told}

    def untold(self) -> list[tuple[Key, float]]:
        """What was used of each since the last call, in seconds that it takes to come back."""
        told = [(use.key, use.untold * self._cost) for use in self._to_be_told]
        for use in self._to_be_told:
            use.untold = 0
            use.waits_to_be_told = False
        self._to_be_told = []
        return told

    def learn(self, key: Key, seconds: float, now: float) -> None:
        """All processes together have used so much that it takes so long to be whole again; what is untold comes on top."""
        if use := self._uses.get(key):
            use.full_at = max(use.full_at, now + seconds + use.untold * self._cost)
