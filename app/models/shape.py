"""The base of every shape: frozen, nothing unknown, nothing converted by guessing."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A value that travels between the layers; a field of another type or name is an error, never a guess."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Query(BaseModel):
    """The parameters of a query string: text becomes numbers here, since a query string has nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Cursor = Annotated[
    str, Field(min_length=1, max_length=400, pattern="^[A-Za-z0-9_-]+$", description="next_cursor of the page before.")
]
PageLength = Annotated[int, Field(ge=1, le=200, description="How many a page holds at most.")]
