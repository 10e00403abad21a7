"""What is let in at each request is what the OpenAPI document says, without the time that it takes to make the document."""

from app.api.operations import Operations
from tests.api.contract import APPLICATION, DOCUMENT

OPERATIONS: Operations = APPLICATION.state.operations


def test_every_path_takes_the_methods_that_are_documented() -> None:
    documented = {path: {method.upper() for method in methods} for path, methods in DOCUMENT["paths"].items()}
    assert documented == OPERATIONS.methods
    assert list(documented) == list(OPERATIONS.methods)


def test_every_query_has_the_names_that_are_documented_and_lists_alone_more_than_once() -> None:
    documented = {
        operation["operationId"]: {
            parameter["name"]: parameter["schema"].get("type") == "array"
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    }
    assert documented == OPERATIONS.query_parameters
    assert any(may_repeat for names in documented.values() for may_repeat in names.values())
