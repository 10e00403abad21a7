"""The settings: read once from the environment, a `.env` file or a folder of secrets, and validated."""

import os
import re
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import Field, PostgresDsn, RedisDsn, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_KNOWN_SECRETS = re.compile(r"(.)\1+|.*(change.?me|secret.?key|example|password).*", re.IGNORECASE)
_PUBLIC_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")

_SECRET_LENGTH = 32
_SECRET_VARIETY = 8
_LONGEST_URL = 120


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
    jwt_secret: SecretStr = Field(description="What access tokens are signed with: at least 32 random characters.")
    jwt_previous_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The JWT_SECRET before this one: what it signed is taken too. Unset it after ACCESS_TOKEN_MINUTES.",
    )

    host: str = Field(default="127.0.0.1", description="The address that the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port that the API listens on.")
    public_url: str = Field(
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
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses and networks of the proxies before the API, with commas: X-Forwarded-For is believed from them alone.",
    )
    argon2_threads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many passwords are hashed at once: fewer than there are cores, so that a flood of sign-ins stops nobody.",
    )

    tracking_code_prefixes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("ZP",),
        description="Prefixes of tracking codes, in order of use, with commas: 100 000 000 codes each. Add at the end only.",
    )
    freight_per_kg: Decimal = Field(default=Decimal("2.50"), ge=0, description="BRL per kilogram.")
    freight_per_cm3: Decimal = Field(default=Decimal("0.001"), ge=0, description="BRL per cubic centimetre.")

    posting_retention_days: int = Field(
        default=1825,
        ge=1,
        le=36500,
        description="How long after its last step a posting keeps names, addresses and what its client wrote; then only logistic facts.",
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

    worker_batch_size: int = Field(default=1000, ge=1, le=5000, description="Most hints that a worker takes at once.")
    worker_sweep_seconds: float = Field(
        default=1, gt=0, description="How often a worker looks for updates no hint brought."
    )
    worker_max_attempts: int = Field(
        default=5, ge=1, le=100, description="Attempts before an update becomes a dead letter."
    )
    worker_stop_seconds: float = Field(default=10, gt=0, description="Longest time that a worker takes to stop.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="What is logged.")
    log_style: Literal["json", "console"] = Field(default="json", description="For machines, or for people.")

    @field_validator("jwt_secret", "jwt_previous_secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        text = secret.get_secret_value()
        if not text and info.field_name == "jwt_previous_secret":
            return secret
        if len(text) < _SECRET_LENGTH or len(set(text)) < _SECRET_VARIETY or _KNOWN_SECRETS.fullmatch(text):
            raise ValueError(
                "must be at least 32 random characters; make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        return secret

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        with suppress(ValueError):  # of urlsplit, which knows an IPv6 address from what only looks like one
            if len(url) <= _LONGEST_URL and _PUBLIC_URL.fullmatch(url) and urlsplit(url).hostname:
                return url
        raise ValueError("must be an address of at most 120 characters, such as https://rastreio.loja.com.br")

    @field_validator("tracking_code_prefixes", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",")) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        named = tuple(filter(None, proxies))
        for proxy in named:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    "must be addresses or networks with commas between them, such as 10.0.0.7,172.16.0.0/12"
                ) from error
        return named

    @field_validator("tracking_code_prefixes")
    @classmethod
    def _are_prefixes(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        if (
            not prefixes
            or len(set(prefixes)) < len(prefixes)
            or not all(re.fullmatch("[A-Z]{2}", each) for each in prefixes)
        ):
            raise ValueError("must be different pairs of capital letters with commas between them, such as ZP,ZQ")
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
    def posting_retention(self) -> timedelta:
        """How long after its last step a posting keeps its personal data."""
        return timedelta(days=self.posting_retention_days)


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
