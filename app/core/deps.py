"""What a route may ask for. All of it is `async`: FastAPI would send anything else to a thread."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Request
from fastapi.security import OAuth2PasswordBearer
from pydantic import BeforeValidator

from app.core.auth import AccessTokens, Passwords
from app.core.hint_sender import HintSender
from app.core.redis import HintStream
from app.db.database import Database, Executor, Transaction
from app.labels.renderer import LabelRenderer
from app.models.clients import Caller
from app.models.fields import parse_count
from app.services.acceptance_desk import AcceptanceDesk
from app.services.auth_service import authenticate
from app.services.errors import InvalidIdempotencyKey, OperatorOnly
from app.services.live_tracking import LiveTracking
from app.services.posting_lifecycle import MOST_STEPS
from app.services.posting_service import OwnedDesk, PostingRules
from app.services.tracking_service import PublicDesk
from app.services.webhook_service import WebhookRules


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API process is made of; main builds it once and keeps it in the application's state."""

    database: Database
    hints: HintSender
    acceptance_desk: AcceptanceDesk
    owned_desk: OwnedDesk
    public_desk: PublicDesk
    live: LiveTracking
    event_heartbeat_seconds: float
    stream: HintStream
    passwords: Passwords
    tokens: AccessTokens
    posting_rules: PostingRules
    webhook_rules: WebhookRules
    labels: LabelRenderer
    public_url: str
    closing: asyncio.Event
    """Set as soon as the process is told to stop, while it still answers."""


async def get_parts(request: Request) -> Parts:
    """The parts of this process."""
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(get_parts)]


async def get_reader(parts: PartsDep) -> Executor:
    """Reads outside any transaction."""
    return parts.database.reader


async def open_transaction(parts: PartsDep) -> AsyncIterator[Transaction]:
    """One transaction for the request."""
    async with parts.database.transaction() as transaction:
        yield transaction


ReaderDep = Annotated[Executor, Depends(get_reader)]
# scope="function": committed before the answer is sent, so a commit that fails is never answered with a success.
TransactionDep = Annotated[Transaction, Depends(open_transaction, scope="function")]

_bearer: Final = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


async def get_caller(request: Request, parts: PartsDep, _token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    """Who makes the request; raises NotAuthenticated."""
    return authenticate(parts.tokens, request.headers.get("Authorization"))


CallerDep = Annotated[Caller, Depends(get_caller)]
WebhookOwnerDep = CallerDep


async def get_operator(caller: CallerDep) -> Caller:
    """The operator who makes the request; raises OperatorOnly for anybody else."""
    if caller.role != "operator":
        raise OperatorOnly
    return caller


OperatorDep = Annotated[Caller, Depends(get_operator)]

TrackingCodePath = Annotated[
    str,
    Path(
        description="With or without spaces and hyphens, in capitals or not.",
        # Only told, not checked here: the refusal has a code of its own.
        json_schema_extra={
            "pattern": "^([A-Za-z][ -]?){2}([0-9][ -]?){9}[A-Za-z][ -]?[A-Za-z]$",
            "format": "tracking-code",
        },
    ),
]


LastEventIdDep = Annotated[
    int | None,
    Header(ge=0, le=MOST_STEPS, description="The `id` of the last event that arrived: only what is newer is told."),
    BeforeValidator(parse_count),
]


async def get_idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="1 to 255 printable ASCII characters of your choice: a request repeated with the same key is the same request.",
            # Only told, not checked here: the refusal has a code of its own.
            json_schema_extra={"pattern": "^[!-~]([ -~]{0,253}[!-~])?$", "format": "idempotency-key"},
        ),
    ] = None,
) -> str | None:
    """The Idempotency-Key, if one was sent; raises InvalidIdempotencyKey."""
    return check_idempotency_key(idempotency_key)


def check_idempotency_key(idempotency_key: str | None) -> str | None:
    """The key as it was sent, or None; raises InvalidIdempotencyKey."""
    if idempotency_key is not None and not re.fullmatch("[ -~]{1,255}", idempotency_key):
        raise InvalidIdempotencyKey
    return idempotency_key


IdempotencyKeyDep = Annotated[str | None, Depends(get_idempotency_key)]
