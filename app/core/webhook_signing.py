"""Signatures of webhooks, as Standard Webhooks 1.0.0 has them: pure."""

import base64
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """A secret to sign with: `whsec_` and the base64 of 32 random bytes."""
    return f"whsec_{base64.b64encode(random.token_bytes(_SECRET_BYTES)).decode()}"


def sign(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers of one attempt, made at this time, to deliver this message, whose body is UTF-8.

    With several secrets there are several signatures, and a receiver that knows any of the secrets is satisfied: so one is replaced.
    """
    at = at.astimezone(UTC)  # the library takes the digits of any other zone for UTC
    text = body.decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, text) for secret in secrets),
    }
