"""Sessions as callers meet them: begun by a password, continued by refresh tokens, ended by either side, within 5 seconds everywhere."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import pytest
from oauthlib.oauth2 import InvalidGrantError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session

from app.embedded.server import Server
from tests.service import Service, running_service
from tests.shop import PASSWORD, Answer, Shop
from tests.until import until

NEW_PASSWORD = "a dozen blue parcels by noon"
_SECONDS = 5


async def sign_in(shop: Shop, *, password: str = PASSWORD, **more: str) -> Answer:
    """What the password grant answers."""
    form = {"grant_type": "password", "username": shop.email, "password": password, **more}
    return await shop.send("POST", "/auth/token", data=form)


async def refresh(shop: Shop, token: str, **more: str) -> Answer:
    """What the refresh_token grant answers."""
    return await shop.send("POST", "/auth/token", data={"grant_type": "refresh_token", "refresh_token": token, **more})


async def status_with(shop: Shop, access_token: str, path: str = "/clients/me") -> int:
    """What is answered to this access token."""
    return (await shop.send("GET", path, headers={"Authorization": f"Bearer {access_token}"})).status


async def ends(shop: Shop, access_token: str) -> None:
    """Wait until the token is refused; it may take 5 seconds."""

    async def is_refused() -> bool:
        return await status_with(shop, access_token) == 401

    await until("the access token is refused", is_refused, timeout=_SECONDS)


class TestRefresh:
    async def test_a_refresh_token_is_worth_a_new_access_token_and_the_next_refresh_token(self, shop: Shop) -> None:
        first = (await sign_in(shop)).json
        second = (await refresh(shop, first["refresh_token"])).json
        assert second["refresh_token"] != first["refresh_token"]
        assert await status_with(shop, second["access_token"]) == 200
        third = await refresh(shop, second["refresh_token"])
        assert third.status == 200
        assert third.headers["Cache-Control"] == "no-store"

    async def test_whoever_lost_the_answer_may_ask_once_more(self, shop: Shop) -> None:
        first = (await sign_in(shop)).json["refresh_token"]
        lost = await refresh(shop, first)
        again = await refresh(shop, first)
        assert (lost.status, again.status) == (200, 200)
        assert (await refresh(shop, again.json["refresh_token"])).status == 200

    async def test_a_token_in_two_hands_ends_the_session_for_both(self, shop: Shop) -> None:
        stolen = (await sign_in(shop)).json["refresh_token"]
        owner = (await refresh(shop, stolen)).json
        owner = (await refresh(shop, owner["refresh_token"])).json
        thief = await refresh(shop, stolen)
        assert (thief.status, thief.code, thief.json["error"]) == (400, "invalid_grant", "invalid_grant")
        assert (await refresh(shop, owner["refresh_token"])).code == "invalid_grant"
        await ends(shop, owner["access_token"])

    async def test_other_sessions_go_on(self, shop: Shop) -> None:
        one, other = (await sign_in(shop)).json, (await sign_in(shop)).json
        await shop.send("POST", "/auth/revoke", data={"token": one["refresh_token"]})
        assert (await refresh(shop, one["refresh_token"])).code == "invalid_grant"
        assert (await refresh(shop, other["refresh_token"])).status == 200

    @pytest.mark.parametrize("token", ["x", "postagens_refresh_", "postagens_refresh_" + "A" * 64, "é", "Bearer x"])
    async def test_a_token_that_nobody_handed_out_is_refused(self, shop: Shop, token: str) -> None:
        answer = await refresh(shop, token)
        assert (answer.status, answer.code) == (400, "invalid_grant")

    async def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(self, shop: Shop) -> None:
        tokens = (await sign_in(shop)).json
        assert (await refresh(shop, tokens["access_token"])).code == "invalid_grant"
        assert await status_with(shop, tokens["refresh_token"]) == 401

    @pytest.mark.parametrize(
        "form",
        [
            {"grant_type": "refresh_token"},
            {"grant_type": "refresh_token", "refresh_token": ""},
            {"grant_type": "password", "username": "a@b.com.br"},
            {"grant_type": "password", "password": PASSWORD},
        ],
    )
    async def test_a_grant_without_what_it_needs_is_refused(self, shop: Shop, form: dict[str, str]) -> None:
        assert (await shop.send("POST", "/auth/token", data=form)).code == "validation_failed"

    async def test_parameters_that_are_not_recognized_are_ignored(self, shop: Shop) -> None:
        """RFC 6749, section 3.2; requests-oauthlib sends some."""
        assert (await sign_in(shop, allow_redirects="True", colour="red")).status == 200


class TestScopes:
    async def test_a_token_may_do_all_that_its_account_may_when_nothing_else_was_asked_for(self, shop: Shop) -> None:
        answer = (await sign_in(shop)).json
        assert answer["scope"] == "postings:read postings:write status:write labels:read webhooks account"

    async def test_a_token_does_what_was_asked_for_and_nothing_else(self, shop: Shop) -> None:
        tokens = (await sign_in(shop, scope="postings:read")).json
        assert tokens["scope"] == "postings:read"
        assert await status_with(shop, tokens["access_token"], "/postings") == 200
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = await shop.send("GET", "/clients/me", headers=headers)
        assert (answer.status, answer.code, answer.json["scope"]) == (403, "insufficient_scope", "account")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="account"'
        assert "account" in answer.json["detail"]

    async def test_a_refresh_gives_the_same_scopes_or_fewer_but_never_more(self, shop: Shop) -> None:
        first = (await sign_in(shop, scope="postings:read labels:read")).json
        second = (await refresh(shop, first["refresh_token"], scope="labels:read")).json
        assert second["scope"] == "labels:read"
        third = (await refresh(shop, second["refresh_token"])).json
        assert third["scope"] == "postings:read labels:read"
        answer = await refresh(shop, third["refresh_token"], scope="account")
        assert (answer.status, answer.code, answer.json["error"]) == (400, "invalid_scope", "invalid_scope")
        assert (await refresh(shop, third["refresh_token"])).status == 200, "what was refused has spent nothing"

    @pytest.mark.parametrize("scope", ["postings:fly", "admin", "POSTINGS:READ", "postings:read,labels:read", "*"])
    async def test_a_scope_that_cannot_be_had_is_refused(self, shop: Shop, scope: str) -> None:
        assert (await sign_in(shop, scope=scope)).code == "invalid_scope"

    async def test_an_operator_may_look_after_the_service(self, operator: Shop) -> None:
        token = (await sign_in(operator, scope="admin")).json["access_token"]
        assert await status_with(operator, token, "/admin/queue") == 200
        token = (await sign_in(operator, scope="postings:read")).json["access_token"]
        assert await status_with(operator, token, "/admin/queue") == 403


class TestRevoke:
    @pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
    async def test_any_token_of_a_session_ends_all_of_it(self, shop: Shop, kind: str) -> None:
        tokens = (await sign_in(shop)).json
        assert await status_with(shop, tokens["access_token"]) == 200
        answer = await shop.send("POST", "/auth/revoke", data={"token": tokens[kind], "token_type_hint": kind})
        assert (answer.status, answer.body) == (200, b"")
        await ends(shop, tokens["access_token"])
        assert (await refresh(shop, tokens["refresh_token"])).code == "invalid_grant"

    async def test_a_lean_route_refuses_it_too(self, shop: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        token = (await sign_in(shop)).json["access_token"]
        assert await status_with(shop, token, f"/postings/{code}") == 200
        await shop.send("POST", "/auth/revoke", data={"token": token})
        await ends(shop, token)
        assert await status_with(shop, token, f"/postings/{code}") == 401

    @pytest.mark.parametrize("token", ["x", "a.b.c", "postagens_refresh_" + "A" * 64, "é"])
    async def test_a_token_of_nobody_is_no_error(self, shop: Shop, token: str) -> None:
        assert (await shop.send("POST", "/auth/revoke", data={"token": token})).status == 200

    async def test_whoever_only_knows_the_session_cannot_end_it_by_a_made_up_token(self, shop: Shop) -> None:
        token = (await sign_in(shop)).json["refresh_token"]
        await shop.send(
            "POST", "/auth/revoke", data={"token": f"{token[:-4]}{'AAAA' if token[-4:] != 'AAAA' else 'BBBB'}"}
        )
        assert (await refresh(shop, token)).status == 200

    async def test_something_has_to_be_revoked(self, shop: Shop) -> None:
        assert (await shop.send("POST", "/auth/revoke", data={"token": ""})).code == "validation_failed"


async def change(shop: Shop, current: str, new: str) -> Answer:
    """What is answered to a change of the password."""
    return await shop.send("POST", "/clients/me/password", {"current_password": current, "new_password": new})


class TestPassword:
    async def test_a_changed_password_ends_all_sessions_and_is_the_one_that_counts(self, shop: Shop) -> None:
        sessions = [(await sign_in(shop)).json for _ in range(3)]
        answer = await change(shop, PASSWORD, NEW_PASSWORD)
        assert (answer.status, answer.body) == (204, b"")
        for session in sessions:
            await ends(shop, session["access_token"])
            assert (await refresh(shop, session["refresh_token"])).code == "invalid_grant"
        assert (await sign_in(shop)).code == "invalid_credentials"
        assert (await sign_in(shop, password=NEW_PASSWORD)).status == 200

    async def test_without_the_current_password_nothing_changes(self, shop: Shop) -> None:
        answer = await change(shop, "not my password", NEW_PASSWORD)
        assert (answer.status, answer.code) == (403, "wrong_password")
        assert (await sign_in(shop)).status == 200

    async def test_of_two_changes_at_once_one_is_made(self, shop: Shop) -> None:
        answers = await asyncio.gather(*(change(shop, PASSWORD, f"{NEW_PASSWORD} {number}") for number in range(3)))
        assert sorted(answer.status for answer in answers) == [204, 403, 403]

    @pytest.mark.parametrize("new", ["short", "x" * 257, "", 12345678, None])
    async def test_a_new_password_is_held_to_the_same_rules(self, shop: Shop, new: Any) -> None:
        assert (await change(shop, PASSWORD, new)).code == "validation_failed"


class TestStandardClient:
    """requests-oauthlib, which knows nothing of this service but its addresses."""

    async def test_it_signs_in_refreshes_by_itself_and_understands_a_refusal(self, shop: Shop) -> None:
        await asyncio.to_thread(self._use, shop)

    def _use(self, shop: Shop) -> None:
        token_url = f"{shop.url}/api/v1/auth/token"
        with patch.dict(os.environ, {"OAUTHLIB_INSECURE_TRANSPORT": "1"}):  # the tests have no TLS
            client = OAuth2Session(client=LegacyApplicationClient(client_id="shop", scope="account postings:read"))
            with pytest.raises(InvalidGrantError):
                client.fetch_token(token_url, username=shop.email, password="wrong one")
            client.fetch_token(token_url, username=shop.email, password=PASSWORD)
            assert client.get(f"{shop.url}/api/v1/clients/me", timeout=10).json()["email"] == shop.email
            kept: list[dict[str, Any]] = []
            later = OAuth2Session(
                "shop",
                token={**client.token, "expires_at": 1.0, "expires_in": -1},
                auto_refresh_url=token_url,
                auto_refresh_kwargs={"client_id": "shop"},
                token_updater=kept.append,
            )
            assert later.get(f"{shop.url}/api/v1/postings", timeout=10).status_code == 200
            assert kept[0]["refresh_token"] != client.token["refresh_token"]
            shop_revokes = later.post(
                f"{shop.url}/api/v1/auth/revoke", data={"token": kept[0]["refresh_token"]}, timeout=10
            )
            assert shop_revokes.status_code == 200


@pytest.fixture
async def rotated(service: Service, valkey: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """An API on the same database whose key took the place of the other's."""
    async with running_service(
        tmp_path_factory.mktemp("rotated"),
        database_url=service.environment["DATABASE_URL"],
        redis_url=valkey.url,
        workers=0,
        settings={
            "JWT_SECRET": "the-secret-that-comes-next-0123456789",
            "JWT_PREVIOUS_SECRET": service.environment["JWT_SECRET"],
        },
    ) as running:
        yield running


async def test_a_new_key_signs_nobody_out(rotated: Service, shop: Shop) -> None:
    async with Shop(rotated.url) as after:
        after.headers = dict(shop.headers)
        after.email = shop.email
        assert (await after.send("GET", "/clients/me")).status == 200
        await after.sign_in()
        assert (await after.send("GET", "/clients/me")).status == 200
        assert (await shop.send("GET", "/clients/me", headers=after.headers)).status == 401


async def test_what_one_process_revokes_another_refuses(rotated: Service, shop: Shop) -> None:
    async with Shop(rotated.url) as other:
        token = (await sign_in(shop)).json["access_token"]
        assert await status_with(other, token) == 200
        await shop.send("POST", "/auth/revoke", data={"token": token})
        await ends(other, token)
