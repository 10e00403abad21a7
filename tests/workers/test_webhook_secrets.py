"""The keys of the secrets: a new one takes over, and what was sealed with a lost one stands in nobody's way."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from app.core.secret_box import SecretBox
from tests.service import WEBHOOK_SECRET_KEYS, Service
from tests.shop import Shop
from tests.until import until
from tests.workers.hooks import QUICKLY, hooked

_NEW_KEY: Final = "another-key-for-the-tests-9876543210"
_LOST_KEY: Final = "a-key-that-nobody-has-any-more-13579"


@pytest.fixture
def settings() -> Mapping[str, str]:
    """Workers of webhooks that try again soon, and take over soon."""
    return QUICKLY


async def test_a_new_key_takes_over_and_the_old_one_can_go(
    customer: Shop, own_service: Service, connection: Any
) -> None:
    async with hooked(customer) as hook:
        await customer.send("POST", f"/webhooks/endpoints/{hook.id}/rotate-secret")
        own_service.environment["WEBHOOK_SECRET_KEYS"] = f"{_NEW_KEY},{WEBHOOK_SECRET_KEYS}"
        own_service.start_webhook_worker()

        async def resealed() -> bool:
            row = await connection.fetchrow("SELECT secret, previous_secret FROM webhook_endpoints")
            return not any(map(SecretBox([_NEW_KEY]).needs_reseal, row))

        await until("the secrets are encrypted with the new key", resealed)
        opened = SecretBox([_NEW_KEY])
        row = await connection.fetchrow("SELECT id, secret, previous_secret FROM webhook_endpoints")
        assert opened.open(row["previous_secret"], context=row["id"].bytes) == hook.secret


async def test_after_a_lost_key_a_rotation_is_all_that_an_endpoint_needs(customer: Shop, own_service: Service) -> None:
    async with hooked(customer) as hook:
        own_service.environment["WEBHOOK_SECRET_KEYS"] = _NEW_KEY
        await own_service.replace_api()
        worker = own_service.start_webhook_worker()
        rotated = await customer.send("POST", f"/webhooks/endpoints/{hook.id}/rotate-secret")
        hook.secret = rotated.json["secret"]
        await customer.create_posting()
        (delivery,) = await hook.all_become("delivered", 1)
        (event,) = hook.told  # signed with the new secret
    assert (delivery["attempts"], event.step) == (1, 1)
    assert "a previous secret does not sign" in worker.log


async def test_one_that_no_key_opens_hinders_no_other_and_is_told_and_one_whose_time_is_over_is_not(
    customer: Shop, own_service: Service, connection: Any
) -> None:
    async with hooked(customer) as lost, hooked(customer) as well:
        sealed = SecretBox([_LOST_KEY]).seal("whsec_lost", context=b"")
        await connection.execute("UPDATE webhook_endpoints SET secret = $1 WHERE id = $2", sealed, lost.id)
        await connection.execute(
            "UPDATE webhook_endpoints SET previous_secret = $1, previous_secret_until = now() - interval '1 s' WHERE id = $2",
            *(sealed, well.id),
        )
        own_service.environment["WEBHOOK_SECRET_KEYS"] = f"{_NEW_KEY},{WEBHOOK_SECRET_KEYS}"
        worker = own_service.start_webhook_worker()

        async def resealed() -> bool:
            secret = await connection.fetchval("SELECT secret FROM webhook_endpoints WHERE id = $1", well.id)
            return not SecretBox([_NEW_KEY]).needs_reseal(secret)

        async def told() -> bool:
            return "could not be encrypted anew" in worker.log

        await until("the other secret is encrypted with the new key", resealed)
        await until("whose is not is told", told)
    assert (
        f"1 secrets could not be encrypted anew, since no key of WEBHOOK_SECRET_KEYS opens them; the first endpoint is {lost.id}"
        in worker.log
    )
    assert await connection.fetchval("SELECT secret FROM webhook_endpoints WHERE id = $1", lost.id) == sealed
