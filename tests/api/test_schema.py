"""The service keeps what its OpenAPI document says: schemathesis with all checks, in short (`make fuzz` for longer)."""

from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.schemathesis_run import Codes, run_schemathesis
from tests.shop import Shop

_BOUND: Final = ("--seed", "20261125", "--max-examples")


async def operations(shop: Shop, method: str = "") -> set[str]:
    """The names of all operations, or of those with a method."""
    paths = (await shop.send("GET", "//openapi.json")).json["paths"].values()
    return {path[name]["operationId"] for path in paths for name in path if name.startswith(method)}


@pytest.fixture
async def codes(shop: Shop) -> Codes:
    """Postings of the client."""
    return await Codes.of(shop)


async def test_a_client_gets_what_the_document_says(shop: Shop, codes: Codes, tmp_path: Path) -> None:
    run = await run_schemathesis(shop, tmp_path, *_BOUND, "5", codes=codes)
    assert run.code == 0, run.output
    # A run that only met refusals would have proven little.
    reached = {name for name, statuses in run.seen.items() if min(statuses) < 300}
    assert await operations(shop) - reached == {"get_queue", "redrive_dead_letters"}


async def test_an_operator_gets_what_the_document_says(operator: Shop, codes: Codes, tmp_path: Path) -> None:
    run = await run_schemathesis(
        operator, tmp_path, *_BOUND, "5", "--include-tag", "admin", "--include-method", "GET", codes=codes
    )
    assert run.code == 0, run.output
    reached = {name for name, statuses in run.seen.items() if min(statuses) < 300}
    assert reached >= await operations(operator, "get") | {"redrive_dead_letters"}
