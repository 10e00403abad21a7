"""Moves test postings through their lives: a look at what is due, again and again."""

from typing import Final

from app.db.database import Database
from app.services import simulation_service
from app.services.backlog import Backlog
from app.services.errors import BacklogFull
from app.services.ports import Hints

_AT_ONCE: Final = 200
_PAUSE_SECONDS: Final = 0.5


class PostingSimulator:
    """Any number may run at once: what two ask for is asked for once."""

    def __init__(self, database: Database, hints: Hints, *, most_queued: int) -> None:
        """While `most_queued` updates wait to be decided, test postings wait too."""
        self._database = database
        self._hints = hints
        self._backlog = Backlog(limit=most_queued)

    async def simulate(self) -> float:
        """Ask for what is due, and return for how many seconds to pause."""
        try:
            taken = await simulation_service.take_due_steps(self._database, self._hints, self._backlog, limit=_AT_ONCE)
        except BacklogFull:
            return _PAUSE_SECONDS
        return 0 if taken else _PAUSE_SECONDS
