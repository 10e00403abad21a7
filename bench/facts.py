"""The machine that a run took place on, as far as a reader of the figures needs to know it: no paths, no names."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import asyncpg
from redis.asyncio import Redis

_MB: Final = 2**20
_LIBRARIES: Final = ("fastapi", "uvicorn", "uvloop", "asyncpg", "redis", "pydantic")


async def machine_facts(*, database_url: str, redis_url: str) -> dict[str, str]:
    """What is true of the whole run."""
    connection = await asyncpg.connect(database_url)
    settings = [
        await connection.fetchval("SELECT current_setting($1)", name) for name in ("fsync", "synchronous_commit")
    ]
    postgres = await connection.fetchval("SELECT current_setting('server_version')")
    await connection.close()
    async with Redis.from_url(redis_url) as redis:
        server = await redis.info("server")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "memory": f"{memory / 1024:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "PostgreSQL": f"{postgres.split()[0]}, fsync={settings[0]}, synchronous_commit={settings[1]}",
        "Valkey": str(server.get("valkey_version", server["redis_version"])),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
