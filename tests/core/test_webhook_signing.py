"""Signatures: the reference library's own verification accepts them, and nothing that was altered."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.webhook_signing import new_secret, sign

BODY: Final = '{"type":"posting.created","data":{"city":"São José"}}'.encode()
BRASILIA: Final = timezone(timedelta(hours=-3))


def verified(secret: str, headers: Mapping[str, str], body: bytes = BODY) -> object:
    """What the reference verifier reads; it raises WebhookVerificationError."""
    return Webhook(secret).verify(body, dict(headers))


def test_the_reference_verifier_accepts_a_signature() -> None:
    secret = new_secret()
    assert verified(secret, sign([secret], "msg_1", datetime.now(UTC), BODY)) == json.loads(BODY)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    secret, now = new_secret(), datetime.now(UTC)
    headers = sign([secret], "msg_1", now.astimezone(BRASILIA), BODY)
    assert headers == sign([secret], "msg_1", now, BODY)
    verified(secret, headers)


def test_during_a_rotation_the_old_secret_verifies_and_so_does_the_new_one() -> None:
    old, new = new_secret(), new_secret()
    headers = sign([new, old], "msg_1", datetime.now(UTC), BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    verified(old, headers)
    verified(new, headers)
    with pytest.raises(WebhookVerificationError):
        verified(new_secret(), headers)


@pytest.mark.parametrize(
    ("change", "body"),
    [({"webhook-id": "msg_2"}, BODY), ({"webhook-timestamp": "1"}, BODY), ({}, BODY.replace(b"S", b"s"))],
    ids=["id", "timestamp", "body"],
)
def test_what_was_altered_does_not_verify(change: dict[str, str], body: bytes) -> None:
    secret = new_secret()
    headers = {**sign([secret], "msg_1", datetime.now(UTC), BODY), **change}
    with pytest.raises(WebhookVerificationError):
        verified(secret, headers, body)


def test_what_was_signed_six_minutes_ago_is_stale() -> None:
    secret = new_secret()
    headers = sign([secret], "msg_1", datetime.now(UTC) - timedelta(minutes=6), BODY)
    with pytest.raises(WebhookVerificationError, match="too old"):
        verified(secret, headers)


def test_a_new_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}
