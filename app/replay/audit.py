"""Looks afterwards: is every accepted update decided, and does every posting have the status its updates give it?"""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from app.replay.ledger import Fate, Ledger
from app.replay.progress import Phase
from app.replay.script import STEPS
from app.replay.traffic import Traffic

PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.25


class Audit:
    """Reads back, as each client, what became of what it sent."""

    def __init__(self, traffic: Traffic, ledger: Ledger) -> None:
        self._traffic = traffic
        self._ledger = ledger

    async def await_decisions(self, phase: Phase) -> None:
        """Waits until every accepted update is decided, or nothing has been decided for a minute."""
        undecided: defaultdict[str, dict[str, Fate]] = defaultdict(dict)
        for update, fate in self._ledger.fates.items():
            if fate.update_id is not None:
                undecided[update.seller_id][fate.update_id] = fate

        async def look(seller_id: str) -> None:
            mine = undecided[seller_id]
            async for seen in self._traffic.accounts[seller_id].status_updates():
                if seen.state != "queued" and (fate := mine.pop(seen.id, None)):
                    fate.decide(seen)
                    phase.advance(1)
            if not mine:
                del undecided[seller_id]

        last_progress = monotonic()
        while undecided and monotonic() - last_progress < PATIENCE_SECONDS:
            before = phase.done
            await self._traffic.each(list(undecided), look)
            if phase.done > before:
                last_progress = monotonic()
            if undecided:
                await asyncio.sleep(PAUSE_SECONDS)

    async def confirm_postings(self, phase: Phase) -> None:
        """Finds every posting in its client's list, with the status of the last of its applied updates."""
        expected = self._expected_statuses()

        async def look(seller_id: str) -> None:
            async for seen in self._traffic.accounts[seller_id].postings():
                status = expected.pop(seen.tracking_code, None)
                if status is None:
                    continue
                self._ledger.confirmed += 1
                phase.advance(1)
                if seen.status != status:
                    self._ledger.surprises[
                        f"{seen.tracking_code} is {seen.status}, but its applied updates make it {status}"
                    ] += 1

        await self._traffic.each({seller_id for seller_id, _ in self._ledger.tracking_codes}, look)

    def _expected_statuses(self) -> dict[str, str]:
        """By tracking code: the status of the update that was applied and happened last, or pending."""
        never = datetime.max.replace(tzinfo=UTC)
        last = {code: (datetime.min.replace(tzinfo=UTC), 0) for code in self._ledger.tracking_codes.values()}
        for update, fate in self._ledger.fates.items():
            if fate.state == "applied":
                code = self._ledger.tracking_codes[update.seller_id, update.reference]
                last[code] = max(last[code], (update.occurred_at or never, STEPS.index(update.status)))
        return {code: STEPS[step] for code, (_, step) in last.items()}
