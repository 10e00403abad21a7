"""Shapes of clients."""

from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from app.models.fields import Document, Email, Name, Password, Timestamp
from app.models.shape import Shape, never_null

Role: TypeAlias = Literal["client", "operator"]
Mode: TypeAlias = Literal["live", "test"]
"""Which world: what is shipped, or what is only tried."""


class ClientRegistration(Shape):
    """What a new client says of itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Loja Azul", "email": "ti@lojaazul.com.br", "password": "correct horse battery staple"}
            ]
        }
    )

    name: Name
    email: Email
    password: Password
    document: Document | None = None


class ClientChanges(Shape):
    """What a client changes of its account; a field that is not sent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Loja Azul Ltda."}]})

    name: Name | None = Field(default=None, json_schema_extra=never_null)
    document: Document | None = None

    @field_validator("name")
    @classmethod
    def _has_a_name(cls, name: str | None) -> str:
        if name is None:
            raise ValueError("may be left out, but not be null")
        return name


class Client(Shape):
    """A client as it sees itself."""

    id: UUID
    role: Role
    name: str
    email: Email
    document: Document | None
    created_at: Timestamp


class Caller(Shape):
    """Who makes a request; a suspended one is let in nowhere."""

    id: UUID
    role: Role
    suspended: bool = False
    test: bool = False
    """Whether this is the test client of an account: then nothing of the live world is its own, and all that it creates is a test."""

    @property
    def scope(self) -> UUID | None:
        """Whose rows this caller may see: its own id, or None for an operator, who sees all but test worlds."""
        return None if self.role == "operator" else self.id

    @property
    def operator_id(self) -> UUID | None:
        """Its id where it may ask for what is not its own, as an operator; None for a client, who can only be the owner."""
        return self.id if self.role == "operator" else None
