"""What operators do with clients, and the audit log that tells of it."""

from typing import Any

import asyncpg
import pytest

from tests.service import Service
from tests.shop import PASSWORD, Shop
from tests.until import until

REASON = {"reason": "Postings of forbidden goods"}


async def suspend(operator: Shop, shop: Shop) -> str:
    """Suspend the shop's client, wait until that bites, and return its id."""
    client_id = await shop.id()
    answer = await operator.send("POST", f"/admin/clients/{client_id}/suspend", REASON)
    assert answer.status == 200, answer.body
    assert answer.json["suspended_at"] is not None

    async def bites() -> bool:
        return (await shop.send("GET", "/clients/me")).status == 403

    await until("the suspension bites", bites, timeout=5)
    return client_id


async def events(operator: Shop, query: str) -> list[dict[str, Any]]:
    """The first page of the audit log with this query."""
    answer = await operator.send("GET", f"/admin/audit-log?{query}")
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["events"]
    return found


class TestSuspension:
    async def test_it_is_a_clear_403_on_the_hot_routes_too_and_at_sign_in(self, operator: Shop, shop: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        await suspend(operator, shop)
        for answer in (
            await shop.send("GET", f"/postings/{code}"),
            await shop.update(code, "shipped"),
            await shop.send("POST", "/postings", {}),
            await shop.send(
                "POST", "/auth/token", data={"grant_type": "password", "username": shop.email, "password": PASSWORD}
            ),
        ):
            assert (answer.status, answer.code) == (403, "client_suspended")

    async def test_who_does_not_know_the_password_does_not_learn_of_it(self, operator: Shop, shop: Shop) -> None:
        await suspend(operator, shop)
        form = {"grant_type": "password", "username": shop.email, "password": "wrong one"}
        assert (await shop.send("POST", "/auth/token", data=form)).code == "invalid_credentials"

    async def test_what_was_accepted_before_is_decided_and_recipients_still_see_it(
        self, operator: Shop, shop: Shop
    ) -> None:
        code = (await shop.create_posting())["tracking_code"]
        update = (await shop.update(code, "shipped")).json["id"]
        await suspend(operator, shop)
        assert (await operator.decided(update))["state"] == "applied"
        assert (await operator.send("GET", f"/tracking/{code}")).json["status"] == "shipped"

    async def test_a_restored_client_goes_on_with_the_token_it_has(self, operator: Shop, shop: Shop) -> None:
        client_id = await suspend(operator, shop)
        restored = await operator.send("POST", f"/admin/clients/{client_id}/restore")
        assert restored.json["suspended_at"] is None

        async def works() -> bool:
            return (await shop.send("GET", "/clients/me")).status == 200

        await until("the client is let in again", works, timeout=5)

    async def test_its_keys_and_refresh_tokens_rest_meanwhile_and_are_good_again_after_it(
        self, operator: Shop, shop: Shop
    ) -> None:
        by_key = {"Authorization": f"Bearer {(await shop.create_api_key('postings:read'))['key']}"}
        refresh = {"grant_type": "refresh_token", "refresh_token": (await shop.tokens())["refresh_token"]}
        client_id = await suspend(operator, shop)
        asked = await shop.send("GET", "/postings", headers=by_key)
        refreshed = await shop.send("POST", "/auth/token", data=refresh)
        assert (asked.status, asked.code) == (refreshed.status, refreshed.code) == (403, "client_suspended")
        assert refreshed.json["error"] == "invalid_grant"
        await operator.send("POST", f"/admin/clients/{client_id}/restore")
        assert (await shop.send("GET", "/postings", headers=by_key)).status == 200
        assert (await shop.send("POST", "/auth/token", data=refresh)).status == 200

    async def test_nobody_suspends_themselves(self, operator: Shop) -> None:
        answer = await operator.send("POST", f"/admin/clients/{await operator.id()}/suspend", REASON)
        assert (answer.status, answer.code) == (409, "own_account")

    @pytest.mark.parametrize("action", ["suspend", "restore"])
    async def test_a_client_that_is_not_there_is_not_found(self, operator: Shop, action: str) -> None:
        answer = await operator.send(
            "POST",
            f"/admin/clients/00000000-0000-7000-8000-000000000000/{action}",
            REASON if action == "suspend" else None,
        )
        assert (answer.status, answer.code) == (404, "client_not_found")


class TestFinding:
    async def test_a_client_is_found_by_part_of_its_e_mail_and_by_its_state(self, operator: Shop, shop: Shop) -> None:
        client_id = await shop.id()

        async def found(query: str) -> list[str]:
            page = await operator.send("GET", f"/admin/clients?search={shop.email[:20]}{query}")
            return [client["id"] for client in page.json["clients"]]

        assert await found("") == await found("&state=active") == await found("&role=client") == [client_id]
        assert await found("&state=suspended") == await found("&role=operator") == []
        await suspend(operator, shop)
        assert await found("&state=suspended") == [client_id]
        assert await found("&state=active") == []
        assert (await operator.send("GET", f"/admin/clients/{client_id}")).json["email"] == shop.email

    async def test_a_document_is_found_as_it_is_written(self, operator: Shop, shop: Shop) -> None:
        await shop.send("PATCH", "/clients/me", {"document": "12.abc.345/01de-35"})
        for written in ("12.abc.345/01de-35", "12ABC34501DE35"):
            page = await operator.send("GET", "/admin/clients", params={"search": written})
            assert await shop.id() in [client["id"] for client in page.json["clients"]]

    async def test_pages_follow_each_other_without_a_gap(self, operator: Shop, shop: Shop, other_shop: Shop) -> None:
        first = await operator.send("GET", "/admin/clients?limit=1&role=client")
        second = await operator.send("GET", f"/{first.headers['Link'].partition('<')[2].partition('>')[0]}")
        (newest,), (next_one,) = first.json["clients"], second.json["clients"]
        assert {newest["id"], next_one["id"]} == {await shop.id(), await other_shop.id()}


class TestAuditLog:
    async def test_it_tells_who_did_what_to_whom_from_where_and_why(self, operator: Shop, shop: Shop) -> None:
        client_id = await suspend(operator, shop)
        await operator.send("POST", f"/admin/clients/{client_id}/suspend", REASON)  # changes nothing, and is no event
        await operator.send("POST", f"/admin/clients/{client_id}/restore")
        restored, suspended, registered = await events(operator, f"client_id={client_id}")
        assert [each["action"] for each in (registered, suspended, restored)] == [
            "client.registered",
            "client.suspended",
            "client.restored",
        ]
        assert registered["actor_id"] == client_id
        assert suspended["actor_id"] == restored["actor_id"] == await operator.id()
        assert {each["address"] for each in (registered, suspended, restored)} == {"127.0.0.1"}
        assert suspended["details"] == REASON

    async def test_a_change_is_told_without_its_values(self, operator: Shop, shop: Shop) -> None:
        await shop.send("PATCH", "/clients/me", {"name": "Loja Verde", "document": "529.982.247-25"})
        (changed,) = await events(operator, f"client_id={await shop.id()}&action=client.changed")
        assert changed["details"] == {"fields": ["document", "name"]}

    async def test_what_is_done_with_keys_and_the_password_is_told_without_a_secret(
        self, operator: Shop, shop: Shop
    ) -> None:
        client_id, old = await shop.id(), await shop.create_api_key("postings:read")
        new = (await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {"overlap_hours": 1})).json
        await shop.send("DELETE", f"/clients/me/api-keys/{old['id']}")
        await shop.send("DELETE", f"/clients/me/api-keys/{old['id']}")  # changes nothing, and is no event
        await shop.send("POST", "/clients/me/password", {"current_password": "wrong one", "new_password": PASSWORD})
        await shop.send("POST", "/clients/me/password", {"current_password": PASSWORD, "new_password": PASSWORD})
        told = await events(operator, f"client_id={client_id}")
        assert [(each["action"], each["details"]) for each in reversed(told)] == [
            ("client.registered", {}),
            ("api_key.created", {"api_key_id": old["id"], "mode": "live", "scopes": ["postings:read"]}),
            ("api_key.rotated", {"api_key_id": old["id"], "by": new["id"], "overlap_hours": 1}),
            ("api_key.revoked", {"api_key_id": old["id"]}),
            ("client.password_changed", {}),
        ]
        assert {(each["actor_id"], each["address"]) for each in told} == {(client_id, "127.0.0.1")}

    async def test_a_revoked_session_is_told_and_so_is_a_token_in_two_hands(self, operator: Shop, shop: Shop) -> None:
        client_id = await shop.id()
        revoked, stolen = (await shop.tokens())["refresh_token"], (await shop.tokens())["refresh_token"]
        for _ in range(2):
            await shop.send("POST", "/auth/revoke", data={"token": revoked})
        for _ in range(3):
            await shop.send("POST", "/auth/token", data={"grant_type": "refresh_token", "refresh_token": stolen})
        _, *told = reversed(await events(operator, f"client_id={client_id}"))
        assert [(each["action"], each["actor_id"]) for each in told] == [
            ("session.revoked", client_id),
            ("session.token_reused", None),
        ]
        assert {each["address"] for each in told} == {"127.0.0.1"}

    async def test_redriven_dead_letters_are_told(self, operator: Shop) -> None:
        await operator.send("POST", "/admin/dead-letters/redrive", {})
        (event, *_) = await events(operator, f"action=dead_letters.redriven&actor_id={await operator.id()}")
        assert event["details"] == {"redriven": 0}

    async def test_an_operator_made_on_the_command_line_has_no_maker(self, operator: Shop) -> None:
        (created,) = await events(operator, f"action=operator.created&client_id={await operator.id()}")
        assert (created["action"], created["actor_id"], created["address"]) == ("operator.created", None, None)

    async def test_pages_and_ranges(self, operator: Shop, shop: Shop) -> None:
        client_id = await suspend(operator, shop)
        newest, first = await events(operator, f"client_id={client_id}")
        page = await operator.send("GET", f"/admin/audit-log?client_id={client_id}&limit=1")
        assert page.json["events"] == [newest]
        query = f"client_id={client_id}&limit=1&cursor={page.json['next_cursor']}"
        assert await events(operator, query) == [first]
        assert await events(operator, f"client_id={client_id}&occurred_to={newest['occurred_at']}") == [first]
        assert await events(operator, f"client_id={client_id}&occurred_from={newest['occurred_at']}") == [newest]

    async def test_what_is_not_done_is_not_told(self, service: Service, operator: Shop, shop: Shop) -> None:
        """The entry stands in the transaction of what it tells of: without the one there is not the other."""
        client_id = await shop.id()
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])
        try:
            await connection.execute(
                f"ALTER TABLE audit_log ADD CONSTRAINT refuse CHECK (client_id <> '{client_id}') NOT VALID"
            )
            answer = await operator.send("POST", f"/admin/clients/{client_id}/suspend", REASON)
            assert answer.status == 500
        finally:
            await connection.execute("ALTER TABLE audit_log DROP CONSTRAINT refuse")
            await connection.close()
        assert (await operator.send("GET", f"/admin/clients/{client_id}")).json["suspended_at"] is None
