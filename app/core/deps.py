"""What a route may ask for. All of it is `async`: FastAPI would send anything else to a thread."""

import asyncio
import ipaddress
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from pydantic import BeforeValidator
from starlette.types import Scope as AsgiScope

from app.core.auth import Passwords
from app.core.hint_sender import HintSender
from app.core.redis import HintStream
from app.db.database import Database, Executor, Transaction
from app.labels.renderer import LabelRenderer
from app.models.audit import Source
from app.models.clients import Caller
from app.models.fields import parse_count
from app.models.scopes import SCOPES
from app.services.acceptance_desk import AcceptanceDesk
from app.services.auth_service import SignInRules
from app.services.authentication import Authenticator, Credential
from app.services.errors import InvalidIdempotencyKey, NotAuthenticated, OperatorOnly
from app.services.live_tracking import LiveTracking
from app.services.posting_lifecycle import MOST_STEPS
from app.services.posting_service import OwnedDesk, PostingRules
from app.services.rate_limits import RateLimits
from app.services.session_service import SessionRules
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
    session_rules: SessionRules
    authenticator: Authenticator
    rate_limits: RateLimits
    sign_in_rules: SignInRules
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

OUTCOME: Final = "postagens.outcome"
"""The key of a scope under which stands what came of looking at the request's credential: it, or why there is none."""


def credential_of(scope: AsgiScope) -> Credential:
    """What the request was made with; raises NotAuthenticated, or whatever the look at it raised."""
    outcome: object = scope.get(OUTCOME)
    if isinstance(outcome, Credential):
        return outcome
    raise outcome if isinstance(outcome, Exception) else NotAuthenticated


_oauth: Final = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/token",
    refreshUrl="/api/v1/auth/token",
    scopes=dict(SCOPES.items()),
    auto_error=False,
)
_api_key: Final = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="postagens_live_… or postagens_test_…",
    description="POST /api/v1/clients/me/api-keys",
    auto_error=False,
)
# They are for the document alone: what they find has been looked at already.
_Token = Annotated[object, Depends(_oauth)]
_Key = Annotated[object, Depends(_api_key)]


async def get_account(request: Request, _token: _Token) -> Caller:
    """The account itself, which no API key may look after; raises NotAuthenticated and InsufficientScope."""
    return credential_of(request.scope).permit("account")


async def get_caller(request: Request, needed: SecurityScopes, _token: _Token, _key: _Key) -> Caller:
    """Who makes the request, which needs one scope; raises NotAuthenticated and InsufficientScope."""
    (scope,) = needed.scopes
    return credential_of(request.scope).permit(scope)


CallerDep = Annotated[Caller, Security(get_account, scopes=["account"])]
PostingsReaderDep = Annotated[Caller, Security(get_caller, scopes=["postings:read"])]
PostingsWriterDep = Annotated[Caller, Security(get_caller, scopes=["postings:write"])]
StatusWriterDep = Annotated[Caller, Security(get_caller, scopes=["status:write"])]
LabelsReaderDep = Annotated[Caller, Security(get_caller, scopes=["labels:read"])]
WebhookOwnerDep = Annotated[Caller, Security(get_caller, scopes=["webhooks"])]


async def get_operator(request: Request, _token: _Token) -> Caller:
    """The operator who makes the request; raises OperatorOnly for anybody else."""
    credential = credential_of(request.scope)
    if credential.caller.role != "operator":
        raise OperatorOnly
    return credential.permit("admin")


OperatorDep = Annotated[Caller, Security(get_operator, scopes=["admin"])]


async def get_address(request: Request) -> str | None:
    """The IP address that the request came from, as a proxy has it that is trusted; None where that is none."""
    try:
        return str(ipaddress.ip_address(request.client.host if request.client else "")).partition("%")[0]
    except ValueError:
        return None


AddressDep = Annotated[str | None, Depends(get_address)]


async def get_source(request: Request, address: AddressDep) -> Source:
    """Who does this and from where, for the audit log. It asks for no scope: CallerDep or OperatorDep stands beside it."""
    return Source(actor_id=credential_of(request.scope).caller.id, address=address)


SourceDep = Annotated[Source, Depends(get_source)]

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
