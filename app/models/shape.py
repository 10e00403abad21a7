"""The base of every shape: frozen, nothing unknown, nothing converted by guessing."""

from functools import cache
from typing import Annotated, Any, Final, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.models.fields import parse_count


class _Named(Protocol):
    """A mapping, or a row."""

    def __getitem__(self, name: str, /) -> Any: ...


# A frozen shape has to be filled past its own setter: by its slots.
_set_values, _set_names, _set_extra, _set_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


@cache
def _all_fields(shape: type[BaseModel]) -> set[str]:
    """Nobody changes it: a frozen shape is copied before anything of it changes."""
    return set(shape.__pydantic_fields__)


class Shape(BaseModel):
    """A value that travels between the layers; a field of another type or name is an error, never a guess."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def trusted(cls, values: _Named) -> Self:
        """The shape of values that need no check, such as those of a row; a KeyError where one is missing, and others are left out."""
        return cls.made_of({name: values[name] for name in cls.__pydantic_fields__})

    @classmethod
    def made_of(cls, values: dict[str, Any]) -> Self:
        """The shape of its fields' values, of all of them in their order, which need no check; the dict belongs to it from now on.

        pydantic's model_construct for shapes without aliases, defaults and private attributes that matter here, in an eighth of the time.
        """
        made = cls.__new__(cls)
        _set_values(made, values)
        _set_names(made, _all_fields(cls))
        _set_extra(made, None)
        _set_private(made, None)
        return made


class Query(BaseModel):
    """The parameters of a query string: text becomes numbers here, since a query string has nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def never_null(schema: dict[str, Any]) -> None:
    """Tell in the JSON Schema of a field that it may be left out, but not be null (which stands in the model for "left out")."""
    (kept,) = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
    schema.pop("default", None)
    schema.update({**kept, **schema})


CURSOR: Final = "[A-Za-z0-9_-]{1,400}"
Cursor = Annotated[
    str,
    Field(pattern=f"^{CURSOR}$", description="next_cursor of the page before.", json_schema_extra={"format": "cursor"}),
]
NextCursor = Annotated[str, Field(json_schema_extra={"pattern": f"^{CURSOR}$", "format": "cursor"})]
PageLength = Annotated[
    int, Field(ge=1, le=200, description="How many a page holds at most."), BeforeValidator(parse_count)
]
