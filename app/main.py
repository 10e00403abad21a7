"""The API process: reads the settings, builds the parts, mounts the routes."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from app.api import catalogue, docs, handlers, health
from app.api.admission import Admission, AdmissionMiddleware
from app.api.authentication import Authentication
from app.api.backpressure import Backpressure
from app.api.body_guard import BodyGuard, BodyLimits
from app.api.connections import Connections
from app.api.cross_origin import CrossOriginTracking
from app.api.draining_server import DrainingServer
from app.api.edge_errors import ServiceUnavailable, ValidationFailed
from app.api.methods import check_method
from app.api.operations import Operations
from app.api.parameters import check_query
from app.api.problems import declares
from app.api.rate_limiting import RateLimiting
from app.api.request_id import RequestId
from app.api.security_headers import server_headers
from app.api.short_way import ShortWay
from app.api.shortest_way import ShortestWay
from app.api.shortest_way_protocol import ShortestWayProtocol
from app.api.v1.router import router
from app.config import Settings, SettingsError, read_settings
from app.core.auth import AccessTokens, Passwords
from app.core.change_listener import listening
from app.core.collector import calm_collector
from app.core.deps import Parts
from app.core.hint_sender import sending_hints
from app.core.known_places import KnownPlaces
from app.core.logging import configure_logging
from app.core.memory import use_one_arena
from app.core.open_files import allow_open_files
from app.core.quota_sharing import sharing_quotas
from app.core.redis import open_change_channel, open_quotas, open_streams
from app.core.secret_box import SecretBox
from app.db.connection import open_database
from app.labels.renderer import LabelRenderer
from app.services.acceptance_desk import AcceptanceDesk
from app.services.api_key_service import find_credentials
from app.services.auth_service import SignInRules
from app.services.authentication import ApiKeyDesk, Authenticator, SessionDesk
from app.services.backlog import watching_backlog
from app.services.freight import FreightRates
from app.services.live_tracking import tracking_live
from app.services.lookup_desk import LookupDesk
from app.services.posting_service import OwnedDesk, PostingRules, find_owned_postings
from app.services.rate_limits import RateLimits
from app.services.session_service import SessionRules, find_bearers
from app.services.sign_in_limits import SignInLimits
from app.services.tracking_service import PublicDesk, find_public_steps
from app.services.webhook_service import WebhookRules
from app.web import pages
from app.web.busy import BusyPages

_log = logging.getLogger(__name__)

_KB: Final = 1024
BODY_LIMITS: Final = BodyLimits(
    single=64 * _KB,
    batch=2 * _KB * _KB,
    batches=frozenset({"/api/v1/postings/batch", "/api/v1/status-updates"}),
)
_STOP_SECONDS: Final = 10
# Connections that are open and quiet, for each request under way; and what is open besides connections of readers.
_CONNECTIONS_OF_ONE: Final = 4
_OTHER_FILES: Final = 100


_DESCRIPTION: Final = """
Logistics postings: create them, report their status, follow them.

A status update answered with **202** is already committed: it ends `applied` or `refused` (with the reason) at its own URL, exactly
once, whatever happens to the service meanwhile. Any other answer, or none, means "unknown": repeat the request with the same
`Idempotency-Key` and it is the same update.

A test key (`postagens_test_…`) sees a world of its own: nothing is shipped, parcels move by themselves, and a posting's `reference`, such
as `test:returned@2:order-7` or `test:out_of_sequence`, chooses what becomes of it.

Every error is a problem (RFC 9457) with a `code`; `/problems` lists them all.
"""


@asynccontextmanager
async def open_parts(settings: Settings, closing: asyncio.Event) -> AsyncIterator[Parts]:
    """Build what the process is made of, and take it apart in the opposite order."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(
            open_database(**settings.database_options, patience_seconds=settings.database_patience_seconds)
        )
        streams = await parts.enter_async_context(open_streams(**settings.stream_options))
        hints = await parts.enter_async_context(sending_hints(streams))
        backlog = await parts.enter_async_context(watching_backlog(database.reader, limit=settings.max_backlog))
        acceptance_desk = AcceptanceDesk(database, hints, backlog)
        parts.push_async_callback(acceptance_desk.close)
        owned_desk: OwnedDesk = LookupDesk(partial(find_owned_postings, database.reader))
        public_desk: PublicDesk = LookupDesk(partial(find_public_steps, database.reader))
        parts.push_async_callback(owned_desk.close)
        parts.push_async_callback(public_desk.close)
        live = await parts.enter_async_context(tracking_live(public_desk, closing))
        channel = await parts.enter_async_context(open_change_channel(**settings.redis_options))
        await parts.enter_async_context(listening(channel, live))
        tokens = AccessTokens(**settings.token_options)
        sessions: SessionDesk = LookupDesk(partial(find_bearers, database.reader))
        api_keys: ApiKeyDesk = LookupDesk(partial(find_credentials, database))
        parts.push_async_callback(sessions.close)
        parts.push_async_callback(api_keys.close)
        passwords = Passwords(threads=settings.argon2_threads)
        parts.callback(passwords.close)
        used_quotas, sign_in_places = await parts.enter_async_context(open_quotas(**settings.redis_options))
        known_places = KnownPlaces(sign_in_places)
        rate_limits = RateLimits.of(
            per_client=settings.rate_limit_per_client, per_address=settings.rate_limit_per_address
        )
        sign_in_limits = SignInLimits(
            known_places,
            per_account_and_address=settings.failed_sign_ins_per_account_and_address,
            per_address=settings.failed_sign_ins_per_address,
            per_account=settings.failed_sign_ins_per_account,
        )
        quotas = [*rate_limits.quotas, *sign_in_limits.quotas]
        await parts.enter_async_context(sharing_quotas(quotas, used_quotas, known_places))
        labels = LabelRenderer(public_url=settings.public_url)
        parts.callback(labels.close)
        session_rules = SessionRules(tokens=tokens, lifetime=timedelta(days=settings.session_days))
        yield Parts(
            database=database,
            hints=hints,
            acceptance_desk=acceptance_desk,
            owned_desk=owned_desk,
            public_desk=public_desk,
            live=live,
            event_heartbeat_seconds=settings.event_heartbeat_seconds,
            stream=streams[0],
            passwords=passwords,
            session_rules=session_rules,
            authenticator=Authenticator(tokens, sessions, api_keys),
            rate_limits=rate_limits,
            sign_in_rules=SignInRules(passwords, sign_in_limits, session_rules),
            posting_rules=PostingRules(
                tracking_code_prefixes=settings.tracking_code_prefixes,
                freight_rates=FreightRates(per_kg=settings.freight_per_kg, per_cm3=settings.freight_per_cm3),
                test_tracking_code_prefixes=settings.test_tracking_code_prefixes,
                test_step_seconds=settings.test_step_seconds,
            ),
            webhook_rules=WebhookRules(
                secret_box=SecretBox(settings.webhook_keys), development=settings.webhook_development
            ),
            labels=labels,
            public_url=settings.public_url,
            closing=closing,
        )


def create_app(settings: Settings, closing: asyncio.Event | None = None) -> FastAPI:
    """The application with everything mounted; its parts are built when it starts. It is not ready any more once `closing` is set."""
    closing = closing or asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(settings, closing) as parts:
            app.state.parts = parts
            calm_collector()
            yield

    app = FastAPI(
        title="Postagens",
        version=version("postagens"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(check_method), Depends(check_query)],
        responses=declares(ValidationFailed, ServiceUnavailable),
        redirect_slashes=False,
    )
    app.state.event_streams = Admission(
        name="event-streams",
        most=settings.max_event_streams,
        share_of_one=settings.max_share_of_one_caller,
        told="streams are turned away",
    )
    # The last one added is the first one passed.
    app.add_middleware(
        BodyGuard,
        limits=BODY_LIMITS,
        forms=("/api/v1/auth/token", "/api/v1/auth/revoke"),
    )
    app.add_middleware(RateLimiting)
    app.add_middleware(Authentication)
    app.add_middleware(RequestId)
    handlers.add_handlers(app)
    docs.add_docs(app)
    for part in (router, health.router, catalogue.router, pages.router):
        app.include_router(part)
    app.state.operations = Operations(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """The verb of the route is the operation's name: one word for the same thing in the code and in a generated client."""
    return route.name


def _with_files_for_streams(settings: Settings) -> Settings:
    """The settings with as many streams as the system lets this process have connections: beyond that nobody could connect at all."""
    others = settings.max_concurrent_requests * _CONNECTIONS_OF_ONE + settings.database_pool_size + _OTHER_FILES
    most = max(1, allow_open_files(settings.max_event_streams + others) - others)
    if most < settings.max_event_streams:
        _log.warning(
            "MAX_EVENT_STREAMS is %d, but the limit of open files (ulimit -n) leaves room for %d",
            settings.max_event_streams,
            most,
        )
    return settings.model_copy(update={"max_event_streams": min(most, settings.max_event_streams)})


def main() -> int:
    """The entry point; the exit code is 2 when the settings are not right."""
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no logging yet
        return 2
    use_one_arena()
    configure_logging(level=settings.log_level, style=settings.log_style)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if settings.public_url_is_local:
        _log.warning("PUBLIC_URL is %s: the QR codes on labels lead to whoever's own machine", settings.public_url)
    closing = asyncio.Event()
    settings = _with_files_for_streams(settings)
    admission = Admission(
        name="concurrent-requests",
        most=settings.max_concurrent_requests,
        share_of_one=settings.max_share_of_one_caller,
        told="requests are turned away",
    )
    connections = Connections(
        most=settings.max_event_streams + settings.max_concurrent_requests * _CONNECTIONS_OF_ONE,
        share_of_one=settings.max_share_of_one_caller,
        patience_seconds=settings.client_patience_seconds,
    )
    app = create_app(settings, closing)
    short_way = ShortWay(app, BODY_LIMITS)
    config = uvicorn.Config(
        CrossOriginTracking(BusyPages(AdmissionMiddleware(short_way, admission))),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=partial(  # type: ignore[arg-type]
            ShortestWayProtocol,
            shortest_way=ShortestWay(app, short_way.routes, BODY_LIMITS),
            admission=admission,
            backpressure=Backpressure(admission, closing),
            connections=connections,
            closing=closing,
        ),
        lifespan="on",
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        access_log=False,
        server_header=False,
        headers=server_headers(settings.public_url),
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    DrainingServer(config, closing=closing, drain_seconds=settings.api_drain_seconds).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
