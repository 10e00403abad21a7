"""The worker process: reads the settings, builds the parts, runs until it is told to stop."""

import logging
import os
import socket
import sys
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta

import uvloop

from app.config import Settings, SettingsError, read_settings
from app.core.hint_sender import announcing, sending_hints
from app.core.logging import configure_logging
from app.core.redis import open_change_channel, open_streams
from app.db.connection import open_database
from app.workers.personal_data_eraser import PersonalDataEraser
from app.workers.posting_decider import PostingDecider
from app.workers.posting_simulator import PostingSimulator
from app.workers.posting_status_worker import PostingStatusWorker
from app.workers.running import run_until_stopped
from app.workers.update_retention import UpdateRetention

_log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT: it finishes what it has in hand, within the bound of the settings."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(open_database(**settings.database_options))
        streams = await parts.enter_async_context(open_streams(**settings.stream_options))
        hints = await parts.enter_async_context(sending_hints(streams))
        channel = await parts.enter_async_context(open_change_channel(**settings.redis_options))
        announcer = await parts.enter_async_context(announcing(channel))
        decider = PostingDecider(database, max_attempts=settings.worker_max_attempts)
        eraser = PersonalDataEraser(database, retention=timedelta(days=settings.posting_retention_days))
        retention = UpdateRetention(database, retention=timedelta(days=settings.status_update_retention_days))
        # Live updates go first: the simulator asks for no more while half of what may wait does.
        simulator = PostingSimulator(database, hints, most_queued=max(1, settings.max_backlog // 2))
        worker = PostingStatusWorker(
            database.reader,
            streams,
            decider,
            announcer,
            {"erase": eraser.erase, "simulate": simulator.simulate, "delete old updates": retention.delete_old},
            # Never a name that was used before: a hint left by a dead process is taken over, not mistaken for one's own.
            name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            batch_size=settings.worker_batch_size,
            sweep_seconds=settings.worker_sweep_seconds,
        )
        await run_until_stopped(
            worker, stop_seconds=settings.worker_stop_seconds, left_over="what it had in hand is decided by another"
        )
        _log.info("worker stopped: %d updates applied, %d refused", decider.applied, decider.refused)


def main() -> int:
    """The entry point; the exit code is 2 when the settings are not right."""
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no logging yet
        return 2
    configure_logging(level=settings.log_level, style=settings.log_style)
    uvloop.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
