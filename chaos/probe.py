"""A careful client inside the run itself: finds out when the system works again, and sends what single faults need."""

import http.client
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from chaos.caller import PASSWORD, Answer
from chaos.client import PARTY
from chaos.ledger import NO_ANSWER, now
from chaos.system import Missed

POSTING: Final = {"weight_g": 900, "volume_cm3": 7000, "sender": PARTY, "recipient": PARTY}
_ATTEMPT_SECONDS: Final = 10
_PAUSE_SECONDS: Final = 0.05


class Probe:
    """A registered client of the service; every call is made anew, to the APIs in turn."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._addresses = [urlsplit(url).netloc for url in urls]
        self._email = f"{uuid.uuid4().hex}@chaos.com.br"
        self._token = ""
        self._turn = 0

    @property
    def headers(self) -> dict[str, str]:
        """What every request says: JSON, and who is calling."""
        authorization = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Content-Type": "application/json", **authorization}

    def attempt(
        self, method: str, path: str, body: object = None, *, key: str | None = None, form: dict[str, str] | None = None
    ) -> Answer:
        """Send once; status 0 when nobody answered."""
        self._turn += 1
        headers = self.headers
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if key is not None:
            headers["Idempotency-Key"] = key
        payload = urlencode(form) if form else json.dumps(body) if body is not None else None
        connection = http.client.HTTPConnection(
            self._addresses[self._turn % len(self._addresses)], timeout=_ATTEMPT_SECONDS
        )
        sent = now()
        try:
            connection.request(
                method, f"/api/v1{path}", payload, headers if payload else {**headers, "Content-Type": ""}
            )
            response = connection.getresponse()
            text = response.read()
            return Answer(sent, now(), response.status, json.loads(text) if text else None)
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(sent, now(), NO_ANSWER)
        finally:
            connection.close()

    def insist(self, method: str, path: str, body: object = None, *, within: float = 60, **more: Any) -> Answer:
        """The first final answer; raises Missed when there is none `within` so many seconds."""
        give_up = now() + within
        more.setdefault("key", uuid.uuid4().hex if method != "GET" and "form" not in more else None)
        while True:
            answer = self.attempt(method, path, body, **more)
            if answer.is_final:
                return answer
            if answer.status == 401 and self._token:
                self.sign_in()
            if now() > give_up:
                raise Missed(
                    f"{method} {path} was not answered within {within:g} s (the last status was {answer.status})"
                )
            time.sleep(_PAUSE_SECONDS)

    def register(self) -> None:
        """Register and sign in."""
        self.insist("POST", "/clients", {"name": "Probe", "email": self._email, "password": PASSWORD}, key=None)
        self.sign_in()

    def sign_in(self) -> None:
        """Get an access token."""
        self._token = ""
        form = {"grant_type": "password", "username": self._email, "password": PASSWORD}
        self._token = self.insist("POST", "/auth/token", form=form).body["access_token"]

    def create_posting(self) -> str:
        """The tracking code of a new posting."""
        code: str = self.insist("POST", "/postings", POSTING).body["tracking_code"]
        return code

    def scan(self, tracking_code: str, description: str | None = None, *, within: float = 60) -> str:
        """The id of an accepted scan."""
        update = {"status": "shipped", "description": description or uuid.uuid4().hex}
        answer = self.insist("PATCH", f"/postings/{tracking_code}/status", update, within=within)
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise Missed(f"a scan was answered with {answer.status}: {answer.body}")
        update_id: str = answer.body["id"]
        return update_id

    def is_decided(self, update_id: str) -> bool:
        """Whether the update is applied or refused."""
        answer = self.attempt("GET", f"/status-updates/{update_id}")
        return answer.status == http.HTTPStatus.OK and answer.body["state"] != "queued"

    def wait_until_decided(self, update_id: str, *, within: float) -> float:
        """The seconds that takes; raises Missed after `within`."""
        began = now()
        while not self.is_decided(update_id):
            if now() - began > within:
                raise Missed(f"update {update_id} was not decided within {within:g} s")
            time.sleep(_PAUSE_SECONDS)
        return now() - began

    def wait_until_all_works(self, *, within: float) -> float:
        """The seconds until a posting is created, and its update accepted and decided; raises Missed after `within`."""
        began = now()
        self.insist("GET", "/clients/me", within=within)
        self.wait_until_decided(self.scan(self.create_posting(), within=within), within=within)
        return now() - began
