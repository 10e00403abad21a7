"""Shapes of API keys."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from app.models.clients import Mode
from app.models.fields import Expiry, ShortText, Timestamp
from app.models.scopes import KeyScope
from app.models.shape import Shape


class ApiKeyRequest(Shape):
    """What a key is to be for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "ERP",
                    "scopes": ["postings:read", "postings:write"],
                    "expires_at": "2098-03-01T00:00:00-03:00",
                }
            ]
        }
    )

    name: ShortText
    mode: Mode = Field(
        default="live",
        description="A test key sees a world of its own, in which nothing is shipped and parcels move by themselves.",
    )
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=10, json_schema_extra={"uniqueItems": True})]
    expires_at: Expiry | None = Field(default=None, description="It never expires by itself when not given.")

    @field_validator("scopes")
    @classmethod
    def _names_each_once(cls, scopes: list[KeyScope]) -> list[KeyScope]:
        if len(set(scopes)) < len(scopes):
            raise ValueError("must name each scope once")
        return scopes


class ApiKeyRotation(Shape):
    """How long both keys are good."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class ApiKey(Shape):
    """A key as its owner sees it later: without the key itself, which nobody has any more."""

    id: UUID
    name: str
    mode: Mode
    scopes: list[KeyScope]
    last4: str = Field(description="The key's last characters.")
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None = Field(description="To the minute or so.")


class NewApiKey(ApiKey):
    """A key when it is made; the key itself is shown this once."""

    key: str = Field(json_schema_extra={"pattern": "^postagens_(live|test)_[a-z2-7]{56}$"})


class ApiKeys(Shape):
    """The keys that were not revoked, the oldest first."""

    api_keys: list[ApiKey]
