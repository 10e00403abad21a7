"""The OpenAPI document as tests use it: the operations, the places of each that take a value, and what the document says of a value."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from jsonschema_rs import Draft202012Validator
from pydantic import PostgresDsn, RedisDsn, SecretStr
from typing_extensions import override

from app.config import Settings
from app.main import create_app

Schema: TypeAlias = dict[str, Any]
Step: TypeAlias = str | int

# The same as the running service's, which a test holds; made here, so that pytest can name a test after each place.
APPLICATION: Final = create_app(
    Settings(
        database_url=PostgresDsn("postgresql://nobody@127.0.0.1/none"),
        redis_url=RedisDsn("redis://127.0.0.1"),
        jwt_secret=SecretStr("never-used-to-sign-anything-0123456789"),
        webhook_secret_keys=(SecretStr("never-used-to-seal-anything-0123456789"),),
    )
)
DOCUMENT: Final[Schema] = APPLICATION.openapi()


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path."""

    name: str
    method: str
    path: str
    raw: Schema

    def parameters(self, where: str) -> Iterator[tuple[str, Schema]]:
        """The parameters that stand there, with their schemas."""
        for parameter in self.raw.get("parameters", ()):
            if parameter["in"] == where:
                yield parameter["name"], parameter["schema"]

    @property
    def body(self) -> tuple[str, Schema] | None:
        """The media type and the schema of the body, if it takes one."""
        for media_type, content in self.raw.get("requestBody", {}).get("content", {}).items():
            return media_type, content["schema"]
        return None


OPERATIONS: Final = {
    raw["operationId"]: Operation(raw["operationId"], method, path, raw)
    for path, methods in DOCUMENT["paths"].items()
    for method, raw in methods.items()
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value goes: in which part of the request, under which name or at which path of the body."""

    operation: Operation
    where: str
    path: tuple[Step, ...]
    schema: Schema

    @override
    def __str__(self) -> str:
        return f"{self.operation.name} {self.where} {'/'.join(map(str, self.path))}"


def places(operation: Operation, body: Any) -> Iterator[Place]:
    """Every place of the operation that takes a value; of the body, as far as the example fills it, which must be everywhere."""
    for where in ("path", "query", "header"):
        for name, schema in operation.parameters(where):
            yield Place(operation, where, (name,), schema)
    if operation.body is not None:
        media_type, schema = operation.body
        where = "form" if media_type == "application/x-www-form-urlencoded" else "body"
        for path, found in _walk(schema, body, ()):
            if path or where == "body":  # a form is always an object
                yield Place(operation, where, path, found)


def _walk(schema: Schema, example: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Schema]]:
    yield path, schema
    plain = _plain(schema)
    if plain.get("type") == "array":
        yield from _walk(plain["items"], example[0], (*path, 0))
    for name, inner in plain.get("properties", {}).items():
        yield from _walk(inner, example.get(name), (*path, name))
    if isinstance(plain.get("additionalProperties"), dict):
        yield from _walk(plain["additionalProperties"], None, (*path, next(iter(example))))


def _plain(schema: Schema) -> Schema:
    """The schema without references and without the null that an optional field may be."""
    if "$ref" in schema:
        return _plain(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return _plain(kinds[0]) if len(kinds) == 1 else schema


def says_yes(schema: Schema, value: Any) -> bool:
    """Whether the document takes this value there."""
    return _check(schema).is_valid(value)


def wrong_with(operation: Operation, status: int, content_type: str, answer: Any) -> Sequence[str]:
    """What is wrong with an answer, as the document has it."""
    declared = operation.raw["responses"].get(str(status))
    if declared is None:
        return [f"the status {status} is not declared"]
    if content_type not in declared["content"]:
        return [f"the content type {content_type} is not declared"]
    return [error.message for error in _check(declared["content"][content_type]["schema"]).iter_errors(answer)]


def _check(schema: Schema) -> Draft202012Validator:
    return _validator(json.dumps(schema))


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": DOCUMENT["components"]}, validate_formats=True)
