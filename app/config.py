"""The settings: read once from the environment, a `.env` file or a folder of secrets, and validated."""

import os
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import Field, PostgresDsn, RedisDsn, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SecretsSettingsSource, SettingsConfigDict

from app.setting_types import Networks, OptionalSecret, Prefixes, Secret, Secrets, Waits, WebAddress


class SettingsError(Exception):
    """A setting is missing or wrong."""


class DatabaseOptions(TypedDict):
    """How to reach PostgreSQL, and how long to wait for it."""

    url: str
    pool_size: int
    acquire_seconds: float
    statement_seconds: float


class RedisOptions(TypedDict):
    """How to reach Redis, and how long to wait for it."""

    url: str
    timeout_seconds: float


class StreamOptions(RedisOptions):
    """The same, and over how many streams."""

    count: int


class TokenOptions(TypedDict):
    """What access tokens are signed with, now and before, and how long they live."""

    secret: str
    previous_secret: str
    lifetime: timedelta


class Settings(BaseSettings):
    """One field is one environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    database_url: PostgresDsn = Field(description="PostgreSQL 18, as postgresql://user:password@host:5432/database.")
    redis_url: RedisDsn = Field(description="Redis 7.2 or Valkey 8, or newer, as redis://:password@host:6379/0.")
    jwt_secret: Secret = Field(description="What access tokens are signed with: at least 32 random characters.")
    jwt_previous_secret: OptionalSecret = Field(
        default=SecretStr(""),
        description="The JWT_SECRET before this one: what it signed is taken too. Unset it after ACCESS_TOKEN_MINUTES.",
    )
    webhook_secret_keys: Secrets = Field(
        description="What the secrets of webhooks are encrypted with, with commas: the first encrypts, all decrypt. Each as JWT_SECRET."
    )

    host: str = Field(default="127.0.0.1", description="The address that the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port that the API listens on.")
    public_url: WebAddress = Field(
        default="http://127.0.0.1:8000",
        description="Where recipients reach this service: it is printed on labels. Without a path or with one, as a proxy has it.",
    )
    api_drain_seconds: float = Field(
        default=0,
        ge=0,
        description="How long the API, told to stop, says that it is not ready and goes on: longer than a load balancer takes to notice.",
    )
    max_concurrent_requests: int = Field(
        default=128, ge=1, description="Requests under way in one API process; beyond them it answers 503."
    )
    max_share_of_one_caller: float = Field(
        default=0.5, gt=0, le=1, description="The share of them that one caller may have; beyond it 429."
    )
    client_patience_seconds: float = Field(
        default=10,
        gt=0,
        description="Longest time that a client may take to send a request, or to read on in an answer; then its connection is closed.",
    )
    max_backlog: int = Field(
        default=100_000, ge=1, description="Status updates that may wait to be decided; beyond them new ones get 503."
    )
    max_event_streams: int = Field(
        default=2_000,
        ge=1,
        description="Open streams of tracking events in one API process; beyond them it answers 503.",
    )
    event_heartbeat_seconds: float = Field(
        default=15,
        gt=0,
        description="How often a stream without news says that it is alive: sooner than a proxy ends it.",
    )
    access_token_minutes: int = Field(default=15, ge=1, le=60, description="How long an access token lives.")
    session_days: int = Field(
        default=30, ge=1, le=365, description="How long a session lasts that no refresh token continues."
    )
    rate_limit_per_client: int = Field(
        default=60_000,
        ge=0,
        description="Requests a minute that one client may make, at all API processes together; beyond them 429. 0 is no limit.",
    )
    rate_limit_per_address: int = Field(
        default=6_000,
        ge=0,
        description="The same for one address (of IPv6: one /64) whose requests show no good credential.",
    )
    failed_sign_ins_per_account_and_address: int = Field(
        default=10,
        ge=0,
        description="Wrong passwords an hour for one account from one address; beyond them 429. 0 is no limit.",
    )
    failed_sign_ins_per_address: int = Field(default=100, ge=0, description="Wrong passwords an hour from one address.")
    failed_sign_ins_per_account: int = Field(
        default=100,
        ge=0,
        description="Wrong passwords an hour for one account; beyond them only addresses it was signed in from before may try.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses and networks of the proxies before the API, with commas: X-Forwarded-For is believed from them alone.",
    )
    argon2_threads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many passwords are hashed at once: fewer than there are cores, so that a flood of sign-ins stops nobody.",
    )

    tracking_code_prefixes: Prefixes = Field(
        default=("ZP",),
        description="Prefixes of tracking codes, in order of use, with commas: 100 000 000 codes each. Add at the end only.",
    )
    test_tracking_code_prefixes: Prefixes = Field(
        default=("ZT",),
        description="The same for postings that are made with test keys; never one that live postings have, or had.",
    )
    test_step_seconds: int = Field(
        default=5,
        ge=0,
        le=86_400,
        description="How long a test posting stays in each status, unless its reference says so.",
    )
    freight_per_kg: Decimal = Field(default=Decimal("2.50"), ge=0, description="BRL per kilogram.")
    freight_per_cm3: Decimal = Field(default=Decimal("0.001"), ge=0, description="BRL per cubic centimetre.")

    posting_retention_days: int = Field(
        default=1825,
        ge=1,
        le=36500,
        description="How long after its last step a posting keeps names, addresses and what its client wrote; then only logistic facts.",
    )
    status_update_retention_days: int = Field(
        default=365,
        ge=1,
        le=36500,
        description="How long after its decision an update can be asked for, and repeated with its key; its step stays in the history.",
    )

    database_pool_size: int = Field(
        default=10, ge=1, le=500, description="Most connections of one process to PostgreSQL."
    )
    database_acquire_seconds: float = Field(default=1.5, gt=0, description="Longest wait for a connection.")
    database_statement_seconds: float = Field(
        default=5, gt=0, description="Longest wait of a worker or a command for an answer of PostgreSQL."
    )
    database_patience_seconds: float = Field(
        default=1.8,
        gt=0,
        description="Longest time that the API gives PostgreSQL for one operation; then it answers 503.",
    )
    redis_timeout_seconds: float = Field(
        default=3, gt=2, description="Longest wait for an answer of Redis; over the 2 s of a read."
    )
    stream_count: int = Field(
        default=1, ge=1, le=64, description="How many streams hints are spread over: more than 1 for a cluster."
    )

    worker_batch_size: int = Field(
        default=1000, ge=1, le=5000, description="About how many postings a worker decides at once."
    )
    worker_sweep_seconds: float = Field(
        default=1, gt=0, description="How often a worker looks for updates no hint brought."
    )
    worker_max_attempts: int = Field(
        default=5, ge=1, le=100, description="Attempts before an update becomes a dead letter."
    )
    worker_stop_seconds: float = Field(default=10, gt=0, description="Longest time that a worker takes to stop.")

    webhook_development: bool = Field(
        default=False, description="For developers only: webhooks may also go to this machine, and over http."
    )
    webhook_concurrency: int = Field(
        default=512, ge=1, le=10_000, description="Webhooks under way at once in one webhook worker."
    )
    webhook_concurrency_of_one: int = Field(
        default=16,
        ge=1,
        le=1_000,
        description="Those of them that go to one endpoint; fewer while it is slow or fails.",
    )
    webhook_retry_seconds: Waits = Field(
        default=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="The waits between the attempts to deliver a webhook, with commas; after the last attempt it has failed.",
    )
    webhook_lease_seconds: float = Field(
        default=30,
        gt=0,
        description="After this time a webhook under way in a worker that was killed is sent again: longer than the 10 s of a request.",
    )
    webhook_disable_days: float = Field(
        default=5, gt=0, description="An endpoint to which nothing could be delivered for this long is disabled."
    )
    webhook_log_days: float = Field(default=30, gt=0, description="How long deliveries that ended stay in the log.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="What is logged.")
    log_style: Literal["json", "console"] = Field(default="json", description="For machines, or for people.")

    @field_validator("test_tracking_code_prefixes")
    @classmethod
    def _are_of_no_live_posting(cls, prefixes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if set(prefixes) & set(info.data.get("tracking_code_prefixes", ())):
            raise ValueError("must have no prefix in common with TRACKING_CODE_PREFIXES")
        return prefixes

    @property
    def database_options(self) -> DatabaseOptions:
        """What open_database wants to know."""
        return {
            "url": str(self.database_url),
            "pool_size": self.database_pool_size,
            "acquire_seconds": self.database_acquire_seconds,
            "statement_seconds": self.database_statement_seconds,
        }

    @property
    def redis_options(self) -> RedisOptions:
        """What open_change_channel wants to know."""
        return {"url": str(self.redis_url), "timeout_seconds": self.redis_timeout_seconds}

    @property
    def stream_options(self) -> StreamOptions:
        """What open_streams wants to know."""
        return {**self.redis_options, "count": self.stream_count}

    @property
    def public_url_is_local(self) -> bool:
        """Whether nobody but this machine can follow PUBLIC_URL."""
        host = urlsplit(self.public_url).hostname or ""
        try:
            address = ip_address(host)
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")
        return address.is_loopback or address.is_unspecified

    @property
    def token_options(self) -> TokenOptions:
        """What AccessTokens wants to know."""
        return {
            "secret": self.jwt_secret.get_secret_value(),
            "previous_secret": self.jwt_previous_secret.get_secret_value(),
            "lifetime": timedelta(minutes=self.access_token_minutes),
        }

    @property
    def webhook_keys(self) -> list[str]:
        """What SecretBox wants to know."""
        return [key.get_secret_value() for key in self.webhook_secret_keys]


def read_given() -> dict[str, str]:
    """The environment, and in it the settings that it has not, or empty, but `.env` or SECRETS_DIR has; as they are written."""
    file, folder = DotEnvSettingsSource(Settings).env_vars, os.environ.get("SECRETS_DIR")
    settings = {**(SecretsSettingsSource(Settings, folder)() if folder else {}), **file}
    given = {name.upper(): settings.get(name) for name in Settings.model_fields}
    return {**os.environ, **{name: value for name, value in given.items() if value and not os.environ.get(name)}}


def read_settings() -> Settings:
    """The settings of this process; raises SettingsError with a line for each that is missing or wrong.

    SECRETS_DIR names a folder with one file for each secret setting (`database_url`, `jwt_secret`, …).
    """
    folder = os.environ.get("SECRETS_DIR")
    try:
        return Settings(_secrets_dir=Path(folder) if folder else None)  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors()]
        raise SettingsError("\n".join(["The settings are not right:", *lines])) from error
