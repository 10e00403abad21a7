"""Scopes: what a credential lets its bearer do, of what the account may do."""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, get_args

from app.models.clients import Role

KeyScope: TypeAlias = Literal["postings:read", "postings:write", "status:write", "labels:read", "webhooks"]
Scope: TypeAlias = Literal[KeyScope, "account", "admin"]

SCOPES: Final[dict[Scope, str]] = {
    "postings:read": "Read postings, their history, and what became of status updates.",
    "postings:write": "Create postings.",
    "status:write": "Ask for status updates.",
    "labels:read": "Print labels.",
    "webhooks": "Manage webhooks.",
    "account": "Look after the account and its API keys; no API key has it.",
    "admin": "Look after the service; operators only, and no API key has it.",
}
"""Every scope there is, and what it is for."""
KEY_SCOPES: Final[tuple[KeyScope, ...]] = tuple(
    scope for part in get_args(KeyScope) for scope in get_args(part) or (part,)
)


def scopes_of(role: Role) -> list[Scope]:
    """All that an account of this role may do."""
    return [scope for scope in SCOPES if scope != "admin" or role == "operator"]


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes among these names: one that only another release knows lets its bearer do nothing here."""
    return frozenset(name for name in names if name in SCOPES)
