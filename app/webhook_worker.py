"""The process that delivers webhooks: reads the settings, builds the parts, runs until it is told to stop."""

import logging
import sys
from contextlib import AsyncExitStack
from datetime import timedelta

import uvloop

from app.config import Settings, SettingsError, read_settings
from app.core.logging import configure_logging
from app.core.secret_box import SecretBox
from app.core.webhook_client import open_webhook_client
from app.db.connection import open_database
from app.services.delivery_service import Room
from app.workers.running import run_until_stopped
from app.workers.webhook_worker import WebhookWorker

_log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run one until SIGTERM or SIGINT: what is under way gets its answer, within the bound of the settings."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(open_database(**settings.database_options))
        client = await parts.enter_async_context(open_webhook_client(development=settings.webhook_development))
        worker = WebhookWorker(
            database,
            client,
            SecretBox(settings.webhook_keys),
            room=Room(in_all=settings.webhook_concurrency, to_one=settings.webhook_concurrency_of_one),
            lease=timedelta(seconds=settings.webhook_lease_seconds),
            schedule=settings.webhook_retry_seconds,
            disable_after=timedelta(days=settings.webhook_disable_days),
            keep_log=timedelta(days=settings.webhook_log_days),
        )
        await run_until_stopped(
            worker, stop_seconds=settings.worker_stop_seconds, left_over="what was under way is sent again"
        )
        _log.info("worker stopped: %d deliveries, %d failed attempts", worker.delivered, worker.failed)


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
