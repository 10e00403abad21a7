"""Requests that are right, one for each operation: what the tests of inputs put their bad values into."""

import asyncio
import copy
import json
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from tests.api.contract import Operation, Place, wrong_with
from tests.shop import PASSWORD, Answer, Shop

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_HERE: Final = "@HERE@"

_PARTY: Final = {
    "name": "Ana Souza",
    "document": "529.982.247-25",
    "phone": "+55 12 91234-5678",
    "email": "ana@casa.com.br",
    "cep": "12243-000",
    "street": "Rua das Flores",
    "number": "45",
    "complement": "ap. 12",
    "district": "Centro",
    "city": "São José dos Campos",
    "uf": "SP",
}
_POSTING: Final = {
    "reference": "pedido-1001",
    "description": "Livros",
    "service": "standard",
    "weight_g": 900,
    "volume_cm3": None,
    "length_cm": 30,
    "width_cm": 20,
    "height_cm": 12,
    "declared_value": "164.00",
    "sender": _PARTY,
    "recipient": _PARTY,
    "metadata": {"canal": "site"},
    "posted_at": "2026-03-01T14:30:00-03:00",
    "estimated_delivery": "2026-12-04",
}
_UPDATE: Final = {
    "status": "shipped",
    "occurred_at": None,
    "city": "Cajamar",
    "uf": "SP",
    "description": "Posted at the counter",
}
_ENDPOINT: Final = {
    "url": "https://loja.example/webhooks",
    "description": "Painel de entregas",
    "event_types": ["posting.status_changed"],
    "statuses": ["delivered"],
    "enabled": True,
}


@dataclass(frozen=True, slots=True)
class Base:
    """What an operation takes: values for its path, the parameters that it needs, and a body with every field that there is."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    as_another: bool = False
    """Whether whoever asks for it cannot go on after it: then that is a client that asks for nothing else."""


# "CODE", "FINISHED", "UPDATE", "EMAIL", "CLIENT", "APIKEY", "OLDKEY", "ENDPOINT", "SPARE" (an endpoint that may go) and "DELIVERY"
# stand for what exists; the test fails for an operation that is not here.
BASES: Final = {
    "register_client": Base(
        body={"name": "Loja Azul", "email": "nova@loja.com.br", "password": PASSWORD, "document": "11222333000181"}
    ),
    "get_client": Base(),
    "change_client": Base(body={"name": "Loja Azul Ltda.", "document": "11.222.333/0001-81"}),
    "change_password": Base(body={"current_password": PASSWORD, "new_password": PASSWORD}, as_another=True),
    "delete_client": Base(as_another=True),
    "export_client": Base(),
    "create_api_key": Base(
        body={"name": "ERP", "mode": "live", "scopes": ["postings:read"], "expires_at": "2098-03-01T14:30:00-03:00"}
    ),
    "list_api_keys": Base(),
    "rotate_api_key": Base(path={"key_id": "APIKEY"}, body={"overlap_hours": 24}),
    "revoke_api_key": Base(path={"key_id": "OLDKEY"}),
    "issue_tokens": Base(
        body={
            "grant_type": "password",
            "username": "EMAIL",
            "password": PASSWORD,
            "refresh_token": "x",
            "scope": "postings:read",
            "client_id": "x",
            "client_secret": "x",
        }
    ),
    "revoke_token": Base(
        body={"token": "x", "token_type_hint": "refresh_token", "client_id": "x", "client_secret": "x"}
    ),
    "create_posting": Base(body=_POSTING),
    "create_postings": Base(body={"postings": [{**_POSTING, "reference": "pedido-1002"}]}),
    "list_postings": Base(),
    "get_posting": Base(path={"tracking_code": "CODE"}),
    "get_history": Base(path={"tracking_code": "CODE"}),
    "request_status_update": Base(path={"tracking_code": "CODE"}, body=_UPDATE),
    "request_status_updates": Base(body={"updates": [{"tracking_code": "CODE", **_UPDATE}]}),
    "print_label": Base(path={"tracking_code": "CODE"}),
    "print_labels": Base(body={"tracking_codes": ["CODE"], "sheet": "a4-2", "extra_code": "data_matrix"}),
    "list_status_updates": Base(),
    "get_status_update": Base(path={"update_id": "UPDATE"}),
    "track_many": Base(query={"codes": "CODE"}),
    "track": Base(path={"tracking_code": "CODE"}),
    "create_webhook_endpoint": Base(body=_ENDPOINT),
    "list_webhook_endpoints": Base(),
    "get_webhook_endpoint": Base(path={"endpoint_id": "ENDPOINT"}),
    "change_webhook_endpoint": Base(path={"endpoint_id": "ENDPOINT"}, body=_ENDPOINT),
    "delete_webhook_endpoint": Base(path={"endpoint_id": "SPARE"}),
    "rotate_webhook_secret": Base(path={"endpoint_id": "ENDPOINT"}),
    "test_webhook_endpoint": Base(path={"endpoint_id": "ENDPOINT"}),
    "redeliver_failed_webhooks": Base(path={"endpoint_id": "ENDPOINT"}, body={"since": "2026-03-01T14:30:00-03:00"}),
    "list_webhook_deliveries": Base(),
    "get_webhook_delivery": Base(path={"delivery_id": "DELIVERY"}),
    "redeliver_webhook": Base(path={"delivery_id": "DELIVERY"}),
    "follow": Base(path={"tracking_code": "FINISHED"}),  # the stream of any other would have no end
    "get_queue": Base(),
    "redrive_dead_letters": Base(body={"status_update_ids": ["UPDATE"]}),
    "list_clients": Base(),
    "find_client": Base(path={"client_id": "CLIENT"}),
    "suspend_client": Base(path={"client_id": "CLIENT"}, body={"reason": "Postings of forbidden goods"}),
    "restore_client": Base(path={"client_id": "CLIENT"}),
    "list_events": Base(),
    "get_liveness": Base(),
    "get_readiness": Base(),
    "list_problems": Base(),
    "get_problem": Base(path={"code": "not_found"}),
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent: the address and the body are encoded already, so that they may be wrong."""

    operation: Operation
    address: str
    body: bytes | AsyncIterable[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_query(self, more: str) -> "Request":
        """The same with more behind the question mark."""
        return replace(self, address=f"{self.address}{'&' if '?' in self.address else '?'}{more}")


def request_of(operation: Operation, place: Place | None = None, bad: str = "") -> Request:
    """The right request, or the one with the bad value, encoded already, at the place."""
    base = BASES[operation.name]
    path, query = dict(base.path), dict(base.query)
    headers = {}
    if place is not None and place.where in ("path", "query"):
        name = str(place.path[0])
        (path if place.where == "path" else query).update({name: _HERE})
    address = operation.path.format_map({name: quote(value, safe="@") for name, value in path.items()})
    if query:
        address += f"?{urlencode(query, safe='@')}"
    if place is not None and place.where == "header":
        headers[str(place.path[0])] = bad
    body, media_type = _body(operation, place, bad)
    if media_type is not None:
        headers["Content-Type"] = media_type
    return Request(operation, address.replace(_HERE, bad), body, headers)


def _body(operation: Operation, place: Place | None, bad: str) -> tuple[bytes | None, str | None]:
    if operation.body is None:
        return None, None
    media_type, _ = operation.body
    content = copy.deepcopy(BASES[operation.name].body)
    if place is not None and place.where in ("body", "form"):
        content = _put(content, place.path)
    text = urlencode(content, safe="@") if media_type == FORM else json.dumps(content)
    return text.replace(f'"{_HERE}"', bad).replace(_HERE, bad).encode(), media_type


def _put(content: Any, path: tuple[str | int, ...]) -> Any:
    """The content with the mark at the end of the path."""
    if not path:
        return _HERE
    content[path[0]] = _put(content[path[0]], path[1:])
    return content


class Sender:
    """Sends requests as a caller who may do what the operation does, at a service in which the things exist that requests name."""

    def __init__(
        self,
        url: str,
        *,
        client: Mapping[str, str],
        operator: Mapping[str, str],
        named: Mapping[str, str],
        another: Shop | None = None,
    ) -> None:
        """`another` does what nobody could go on after, and is somebody new then; without it, whoever asks does that too."""
        self._url = url
        self._headers = {"admin": operator}
        self._client = client
        self._another = another
        self._named = named
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8))

    async def send(self, request: Request) -> Answer:
        """The answer."""
        address, body = request.address, request.body
        for name, value in self._named.items():
            address = address.replace(name, value)
            body = body.replace(name.encode(), value.encode()) if isinstance(body, bytes) else body
        who = self._headers.get(request.operation.raw["tags"][0], self._client)
        if self._another and BASES[request.operation.name].as_another:
            who = self._another.headers
        async with self._session.request(
            request.operation.method,
            URL(self._url + address, encoded=True),
            data=body,
            headers={**who, **request.headers},
            skip_auto_headers=("Content-Type",),
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        if self._another and who is self._another.headers and answer.status < HTTPStatus.BAD_REQUEST:
            await self._another.register_anew()
        return answer

    async def accepted(self, requests: Mapping[str, Request]) -> list[str]:
        """Of these bad requests, those that were not refused as the document says, with what came back instead."""
        answers = await asyncio.gather(*map(self.send, requests.values()))
        return [
            f"{name[:80]!a}: {wrong} ({answer.status}: {answer.body[:200]!r})"
            for (name, request), answer in zip(requests.items(), answers, strict=True)
            if (wrong := _not_refused(request.operation, answer))
        ]

    async def close(self) -> None:
        """End the session."""
        await self._session.close()


def _not_refused(operation: Operation, answer: Answer) -> str:
    if not 400 <= answer.status < 500:
        return "was not refused"
    if answer.status == 429:
        return "was not looked at"
    if answer.headers.get("Content-Type") != "application/problem+json":
        return "is no problem"
    return "; ".join(wrong_with(operation, answer.status, answer.headers["Content-Type"], answer.json))
