"""What settings are made of: texts that stand in an environment variable, checked and read as what they mean."""

import re
from contextlib import suppress
from ipaddress import ip_network
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

# What stands in tutorials: FastAPI's, jwt.io's, and everybody's.
_KNOWN_SECRETS: Final = re.compile(
    r"(.)\1+|.*(change.?me|secret.?key|example|password|256.?bit|09d25e094faa6ca2556c818166b7a956).*", re.IGNORECASE
)
_SECRET_LENGTH: Final = 32
_SECRET_VARIETY: Final = 8
_HOW_TO_MAKE_ONE: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
_URL: Final = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")
_LONGEST_URL: Final = 120
_LONGEST_WAIT: Final = 30 * 86_400


def _split(value: object) -> object:
    return tuple(map(str.strip, value.split(","))) if isinstance(value, str) else value


def _split_what_is_named(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _is_weak(secret: SecretStr) -> bool:
    """Whether it is too short, too even, or one that somebody wrote into an example."""
    text = secret.get_secret_value()
    return len(text) < _SECRET_LENGTH or len(set(text)) < _SECRET_VARIETY or bool(_KNOWN_SECRETS.fullmatch(text))


def _strong(secret: SecretStr) -> SecretStr:
    if _is_weak(secret):
        raise ValueError(f"must be at least 32 random characters; make one with: {_HOW_TO_MAKE_ONE}")
    return secret


def _strong_or_unset(secret: SecretStr) -> SecretStr:
    return _strong(secret) if secret.get_secret_value() else secret


def _strong_and_different(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not keys or len(set(keys)) < len(keys) or any(map(_is_weak, keys)):
        raise ValueError(
            f"must be at least 32 random characters, or several such keys with commas; make one with: {_HOW_TO_MAKE_ONE}"
        )
    return keys


def _waits(waits: tuple[float, ...]) -> tuple[float, ...]:
    if not all(0 <= wait <= _LONGEST_WAIT for wait in waits):
        raise ValueError("must be seconds with commas between them, of at most 30 days each, such as 5,300,1800")
    return waits


def _address(url: str) -> str:
    with suppress(ValueError):  # of urlsplit, which knows an IPv6 address from what only looks like one
        if len(url) <= _LONGEST_URL and _URL.fullmatch(url) and urlsplit(url).hostname:
            return url
    raise ValueError("must be an address of at most 120 characters, such as https://rastreio.loja.com.br")


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValueError(
                "must be addresses or networks with commas between them, such as 10.0.0.7,172.16.0.0/12"
            ) from error
    return networks


def _prefixes(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    if (
        not prefixes
        or len(set(prefixes)) < len(prefixes)
        or not all(re.fullmatch("[A-Z]{2}", each) for each in prefixes)
    ):
        raise ValueError("must be different pairs of capital letters with commas between them, such as ZP,ZQ")
    return prefixes


Secret: TypeAlias = Annotated[SecretStr, AfterValidator(_strong)]
OptionalSecret: TypeAlias = Annotated[SecretStr, AfterValidator(_strong_or_unset)]
"""A secret, or none."""
Secrets: TypeAlias = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), AfterValidator(_strong_and_different)
]
Waits: TypeAlias = Annotated[tuple[float, ...], NoDecode, BeforeValidator(_split_what_is_named), AfterValidator(_waits)]
"""In seconds."""
WebAddress: TypeAlias = Annotated[str, AfterValidator(_address)]
Networks: TypeAlias = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split_what_is_named), AfterValidator(_networks)
]
"""Addresses are networks of one."""
Prefixes: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_prefixes)]
"""The first two letters of tracking codes."""
