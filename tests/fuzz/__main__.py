"""`make fuzz`: a service of its own, and schemathesis against it as a client and as an operator."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from app.db.migrate import migrate
from app.embedded.postgres import start_postgres
from app.embedded.valkey import start_valkey
from tests.fuzz.schemathesis_run import Codes, run_schemathesis
from tests.service import create_operator, running_service
from tests.shop import Shop

# A token lives for an hour at most, and each caller has one for its whole run.
_MOST_SECONDS = 55 * 60


def main() -> int:
    """The entry point; the exit code is 1 when there was a finding."""
    options = _read_options()
    with tempfile.TemporaryDirectory(prefix="postagens-fuzz-") as folder:
        # The database's own user must be able to reach its folder in there.
        Path(folder).chmod(0o755)
        return asyncio.run(_fuzz(Path(folder), options))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, help="how long for each of the two callers")
    parser.add_argument("--examples", type=int, default=100, help="how many requests of each kind for each operation")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**32), help="a run with the same seed asks the same"
    )
    options = parser.parse_args()
    if options.seconds is not None and not 0 < options.seconds <= _MOST_SECONDS:
        parser.error(f"SECONDS must lie between 1 and {_MOST_SECONDS}")
    return options


async def _fuzz(folder: Path, options: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        for name in ("postgres", "valkey", "service", "client", "operator"):
            (folder / name).mkdir()
        print("Starting PostgreSQL, Valkey, the API and a worker ...", flush=True)  # noqa: T201
        postgres = stack.enter_context(start_postgres(folder / "postgres", durable=False))
        valkey = stack.enter_context(start_valkey(folder / "valkey", durable=False))
        await migrate(postgres.url)
        service = await stack.enter_async_context(
            running_service(
                folder / "service",
                database_url=postgres.url,
                redis_url=valkey.url,
                settings={"ACCESS_TOKEN_MINUTES": "60"},
            )
        )
        client, operator = [await stack.enter_async_context(Shop(service.url)) for _ in range(2)]
        await client.register()
        await create_operator(service, operator.email)
        codes = await Codes.of(client)
        bound = ["--max-examples", str(options.examples), "--seed", str(options.seed)]
        if options.seconds is not None:
            bound += ["--max-time", str(options.seconds)]
        findings = []
        for name, caller in (("client", client), ("operator", operator)):
            await caller.sign_in()  # a token that has its whole life before it
            print(f"\nAs {name}, with SEED={options.seed} ...", flush=True)  # noqa: T201
            run = await run_schemathesis(caller, folder / name, *bound, codes=codes, loud=True)
            findings += [name] if run.code else []
    print(_verdict(findings, options.seed))  # noqa: T201
    return 1 if findings else 0


def _verdict(findings: list[str], seed: int) -> str:
    if not findings:
        return f"No findings (SEED={seed})."
    return (
        f"FINDINGS as {' and '.join(findings)}: see above, each with a curl command; SEED={seed} asks the same again."
    )


if __name__ == "__main__":
    sys.exit(main())
