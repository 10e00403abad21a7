"""Clients: registering, signing in, one's own account."""

import json
import uuid
from base64 import urlsafe_b64decode

import pytest

from tests.shop import PASSWORD, Shop


class TestRegister:
    async def test_a_new_client_gets_its_account_without_its_password(self, anonymous: Shop) -> None:
        answer = await anonymous.send(
            "POST",
            "/clients",
            {
                "name": " Loja Azul ",
                "email": anonymous.email.upper(),
                "password": PASSWORD,
                "document": "11.222.333/0001-81",
            },
        )
        assert answer.status == 201
        client = answer.json
        assert client["name"] == "Loja Azul"
        assert client["email"] == anonymous.email
        assert client["document"] == "11222333000181"
        assert client["role"] == "client"
        assert PASSWORD not in answer.body.decode()
        assert "hash" not in answer.body.decode()

    async def test_an_e_mail_is_registered_once_whatever_its_capitals(self, shop: Shop) -> None:
        answer = await shop.send("POST", "/clients", {"name": "B", "email": shop.email.upper(), "password": PASSWORD})
        assert (answer.status, answer.code) == (409, "email_taken")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "no-at-sign"),
            ("password", "short"),
            ("password", "x" * 257),
            ("name", "   "),
            ("document", "111.111.111-11"),
            ("document", "12345678901"),
            ("role", "operator"),
        ],
    )
    async def test_what_is_wrong_is_named(self, anonymous: Shop, field: str, value: str) -> None:
        body = {"name": "Loja", "email": anonymous.email, "password": PASSWORD, field: value}
        answer = await anonymous.send("POST", "/clients", body)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert [error["place"] for error in answer.json["errors"]] == [f"body#/{field}"]
        assert value.strip() not in answer.body.decode() or len(value) < 9


class TestToken:
    async def test_the_token_says_who_for_whom_and_until_when(self, shop: Shop) -> None:
        header, claims, _ = shop.headers["Authorization"].removeprefix("Bearer ").split(".")
        decoded = json.loads(urlsafe_b64decode(header + "=="))
        assert (decoded["alg"], decoded["typ"], decoded.keys()) == ("HS256", "at+jwt", {"alg", "typ", "kid"})
        decoded = json.loads(urlsafe_b64decode(claims + "=="))
        assert decoded["exp"] - decoded["iat"] == 15 * 60
        assert decoded.keys() == {"iss", "aud", "sub", "sid", "role", "scope", "iat", "nbf", "exp"}

    async def test_a_wrong_password_and_an_unknown_e_mail_get_the_same_answer(self, shop: Shop) -> None:
        answers = [
            await shop.send(
                "POST", "/auth/token", data={"grant_type": "password", "username": username, "password": "wrong one"}
            )
            for username in (shop.email, "nobody@shop.com.br", "not an e-mail")
        ]
        assert {answer.status for answer in answers} == {401}
        assert {answer.code for answer in answers} == {"invalid_credentials"}
        assert len({answer.body for answer in answers}) == 1
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "written",
        [
            "{}@xn--caf-dma.com.br",
            "{}@café.com.br",
            "{}@CAFE\u0301.com.br",
            "jose\u0301.{}@loja.com.br",
            "José.{}@Loja.com.br",
            "{}@\uff4c\uff4f\uff4a\uff41.com.br",
        ],
    )
    async def test_an_e_mail_opens_the_account_as_it_was_written_and_as_it_is_shown(
        self, anonymous: Shop, written: str
    ) -> None:
        anonymous.email = written.format(uuid.uuid4().hex)
        registration = {"name": "Loja", "email": anonymous.email, "password": PASSWORD}
        shown = (await anonymous.send("POST", "/clients", registration)).json["email"]
        for username in (anonymous.email, shown, f" {shown.upper()} "):
            form = {"grant_type": "password", "username": username, "password": PASSWORD}
            assert (await anonymous.send("POST", "/auth/token", data=form)).status == 200, username

    async def test_a_grant_that_there_is_not_is_refused(self, shop: Shop) -> None:
        form = {"grant_type": "client_credentials", "username": shop.email, "password": PASSWORD}
        answer = await shop.send("POST", "/auth/token", data=form)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert "error" not in answer.json, "docs/accounts.md says so"

    async def test_an_answer_with_a_token_is_not_cached(self, shop: Shop) -> None:
        form = {"grant_type": "password", "username": shop.email, "password": PASSWORD}
        assert (await shop.send("POST", "/auth/token", data=form)).headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic dTpw", "Bearer a.b.c", "Bearer é"])
    async def test_anything_but_a_token_of_ours_is_refused(self, anonymous: Shop, authorization: str) -> None:
        answer = await anonymous.send("GET", "/clients/me", headers={"Authorization": authorization})
        assert (answer.status, answer.code) == (401, "not_authenticated")


class TestOwnAccount:
    async def test_what_is_not_sent_stays(self, shop: Shop) -> None:
        changed = await shop.send("PATCH", "/clients/me", {"document": "529.982.247-25"})
        assert (changed.json["name"], changed.json["document"]) == ("Loja Azul", "52998224725")
        changed = await shop.send("PATCH", "/clients/me", {"name": "Loja Verde"})
        assert (changed.json["name"], changed.json["document"]) == ("Loja Verde", "52998224725")
        changed = await shop.send("PATCH", "/clients/me", {"document": None})
        assert changed.json["document"] is None
        assert (await shop.send("GET", "/clients/me")).json == changed.json

    async def test_a_name_cannot_be_taken_away(self, shop: Shop) -> None:
        assert (await shop.send("PATCH", "/clients/me", {"name": None})).code == "validation_failed"

    async def test_an_operator_is_told_apart_by_its_role(self, operator: Shop) -> None:
        assert (await operator.send("GET", "/clients/me")).json["role"] == "operator"
