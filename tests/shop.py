"""A client as tests know it: registers, signs in, creates postings, asks for updates, waits for their end."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from app.models.scopes import KEY_SCOPES
from tests.until import until

PASSWORD: Final = "correct horse battery staple"

PARTY: Final = {
    "name": "Ana Souza",
    "cep": "12243-000",
    "street": "Rua das Flores",
    "number": "45",
    "city": "São José dos Campos",
    "uf": "SP",
}
POSTING: Final[Mapping[str, Any]] = {"weight_g": 900, "volume_cm3": 7000, "sender": PARTY, "recipient": PARTY}


_REGISTERED_TYPES: Final = {"quota_exceeded": "https://iana.org/assignments/http-problem-types#quota-exceeded"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the body as it is and as JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"] == _REGISTERED_TYPES.get(problem["code"], f"/problems/{problem['code']}")
        return str(problem["code"])


def _new_email() -> str:
    return f"{uuid.uuid4().hex}@shop.com.br"


class Shop:
    """A session with the API; anonymous until it has registered or signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.email = _new_email()
        self.headers: dict[str, str] = {}
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, method: str, path: str, body: object = None, *, key: str | None = None, **more: Any) -> Answer:
        """Send a request under /api/v1 (or to an absolute path that begins with two slashes) and return the answer."""
        url = self.url + (path[1:] if path.startswith("//") else f"/api/v1{path}")
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {}), **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        async with self._session.request(method, url, headers=headers, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def register(self) -> None:
        """Register and sign in."""
        answer = await self.send("POST", "/clients", {"name": "Loja Azul", "email": self.email, "password": PASSWORD})
        assert answer.status == 201, answer.body
        await self.sign_in()

    async def sign_in(self) -> None:
        """Get an access token and use it from here on."""
        self.use(await self.tokens())

    def use(self, tokens: Mapping[str, Any]) -> None:
        """Use this access token from here on."""
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def tokens(self) -> dict[str, Any]:
        """The tokens of a new session."""
        answer = await self.ask_for_tokens()
        assert answer.status == 200, answer.body
        given: dict[str, Any] = answer.json
        return given

    async def ask_for_tokens(self) -> Answer:
        """Ask for the tokens of a new session."""
        form = {"grant_type": "password", "username": self.email, "password": PASSWORD}
        return await self.send("POST", "/auth/token", data=form)

    async def register_anew(self) -> None:
        """Register and sign in as somebody else than before."""
        self.email = _new_email()
        await self.register()

    async def id(self) -> str:
        """The id of this client."""
        found: str = (await self.send("GET", "/clients/me")).json["id"]
        return found

    async def create_api_key(self, *scopes: str, **fields: Any) -> dict[str, Any]:
        """An API key of this client."""
        answer = await self.send("POST", "/clients/me/api-keys", {"name": "ERP", "scopes": scopes, **fields})
        assert answer.status == 201, answer.body
        created: dict[str, Any] = answer.json
        return created

    async def use_key_of(self, owner: "Shop", *, mode: str) -> None:
        """Use an API key of the owner from here on, with all scopes that a key may have."""
        key = (await owner.create_api_key(*KEY_SCOPES, mode=mode))["key"]
        self.headers["Authorization"] = f"Bearer {key}"

    async def create_posting(self, **fields: Any) -> dict[str, Any]:
        """A posting of this client."""
        answer = await self.send("POST", "/postings", {**POSTING, **fields})
        assert answer.status == 201, answer.body
        created: dict[str, Any] = answer.json
        return created

    async def create_webhooks(self) -> dict[str, str]:
        """The ids of an endpoint of this client, of a spare one that may be deleted, and of a delivery that waits."""
        url = "https://loja.example/webhooks"
        ids = [(await self.send("POST", "/webhooks/endpoints", {"url": url})).json["id"] for _ in range(2)]
        delivery = await self.send("POST", f"/webhooks/endpoints/{ids[0]}/test")
        return {"ENDPOINT": ids[0], "SPARE": ids[1], "DELIVERY": delivery.json["id"]}

    async def create_delivered_posting(self) -> str:
        """The tracking code of a posting that has reached its end."""
        code = str((await self.create_posting())["tracking_code"])
        await self.decided((await self.update(code, "delivered")).json["id"])
        return code

    async def update(self, tracking_code: str, status: str, *, key: str | None = None, **fields: Any) -> Answer:
        """Ask for a status update."""
        return await self.send("PATCH", f"/postings/{tracking_code}/status", {"status": status, **fields}, key=key)

    async def decided(self, update_id: str, *, timeout: float = 10) -> dict[str, Any]:  # noqa: ASYNC109
        """The update once it is applied or refused."""

        async def look() -> dict[str, Any] | None:
            update: dict[str, Any] = (await self.send("GET", f"/status-updates/{update_id}")).json
            return update if update["state"] != "queued" else None

        found = await until(f"update {update_id} is decided", look, timeout)
        assert found is not None
        return found

    async def history(self, tracking_code: str) -> list[dict[str, Any]]:
        """The steps of a posting."""
        steps: list[dict[str, Any]] = (await self.send("GET", f"/postings/{tracking_code}/history")).json["steps"]
        return steps
