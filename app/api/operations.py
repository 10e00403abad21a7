"""The operations that the OpenAPI document describes, as the routes know them: what asks at each request must not wait for the document.

Making the document takes a third of a second, in which nobody is answered.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel


class Operations:
    """Those of an application that has all its routes by now."""

    def __init__(self, app: FastAPI) -> None:
        self.methods: Final[dict[str, set[str]]] = defaultdict(set)
        """The methods that each path takes, with `{names}` where it has a place for a value, in the order of the routes."""
        self.query_parameters: Final[dict[str, dict[str, bool]]] = {}
        """Of each operation by name, the names that its query may have, and whether they may stand more than once."""
        for context in iter_route_contexts(app.routes):
            if getattr(context, "include_in_schema", False):
                self.methods[context.path or ""] |= context.methods or set()
                self.query_parameters[context.name or ""] = dict(_query_parameters(context.dependant))


def operations_of(request: Request) -> Operations:
    """Those of the application that the request is for."""
    operations: Operations = request.app.state.operations
    return operations


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from (
                (field.alias or name, _is_list(field.annotation)) for name, field in annotation.model_fields.items()
            )
        else:
            yield parameter.alias, _is_list(annotation)
    for inner in dependant.dependencies:
        yield from _query_parameters(inner)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(get_origin(one) is list for one in get_args(annotation))
