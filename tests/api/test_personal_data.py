"""Personal data: an export has all of it, the end of an account takes all of it out, and so does time; the logistic facts stay."""

import io
import json
import uuid
import zipfile
from typing import Any, Final

import asyncpg

from app.services.personal_data_service import EXPORTED
from tests.db.rows import Connection
from tests.service import Service
from tests.shop import PASSWORD, Answer, Shop
from tests.until import until

_PARTY: Final = {
    "name": "Zuleica Quadros",
    "document": "529.982.247-25",
    "phone": "+55 12 91234-5678",
    "email": "zuleica@quadros.com.br",
    "cep": "12243-128",
    "street": "Rua das Jabuticabeiras",
    "number": "4711-F",
    "complement": "fundos do sobrado",
    "district": "Vila Zulmira",
    "city": "São José dos Campos",
    "uf": "SP",
}
_POSTING: Final = {
    "sender": _PARTY,
    "recipient": _PARTY,
    "reference": "pedido-da-zuleica",
    "description": "Um violino antigo",
    "metadata": {"presente": "para a vovó"},
}
_PLANTED: Final = (
    *(value for name, value in _PARTY.items() if name not in ("city", "uf", "cep", "document")),
    *("12243128", "52998224725", "pedido-da-zuleica", "Um violino antigo", "para a vovó"),
    *("Armarinho Zuleica", "11222333000181", "chave-da-zuleica", "Caixa da Zuleica"),
)


async def posted(shop: Shop, *, key: str | None = None, **fields: Any) -> str:
    """The code of a posting that is full of personal data."""
    answer = await shop.send("POST", "/postings", {"weight_g": 900, "volume_cm3": 7000, **_POSTING, **fields}, key=key)
    assert answer.status == 201, answer.body
    code: str = answer.json["tracking_code"]
    return code


async def traces(connection: Connection, *planted: str) -> set[tuple[str, str]]:
    """Which of these texts are found in which tables of the whole database."""
    found = set()
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        for row in await connection.fetch(f"SELECT to_jsonb({table})::text AS text FROM {table}"):  # noqa: S608
            for text in planted:
                if text in row["text"]:
                    found.add((text, table))
    return found


def lines(export: Answer) -> dict[str, list[dict[str, Any]]]:
    """The objects of each file of an export."""
    with zipfile.ZipFile(io.BytesIO(export.body)) as archive:
        assert archive.testzip() is None
        return {
            name.removesuffix(".jsonl"): [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
        }


class TestExport:
    async def test_it_has_all_that_is_held(self, shop: Shop, other_shop: Shop) -> None:
        await shop.send("PATCH", "/clients/me", {"name": "Armarinho Zuleica", "document": "11.222.333/0001-81"})
        key = await shop.create_api_key("postings:read", name="Caixa da Zuleica")
        code = await posted(shop, key="chave-da-zuleica")
        await posted(other_shop)
        update = (await shop.update(code, "shipped", description="Posted at the counter")).json["id"]
        await shop.decided(update)
        answer = await shop.send("GET", "/clients/me/export")
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="postagens.zip"'
        files = lines(answer)
        assert files.keys() == EXPORTED.keys()
        text = "\n".join(json.dumps(file, ensure_ascii=False) for file in files.values())
        assert [planted for planted in (*_PLANTED, shop.email) if planted not in text] == []
        assert PASSWORD not in text
        assert "argon2" not in text
        (account,), (posting,), steps, (exported_update,) = (
            files[name] for name in ("account", "postings", "status_history", "status_updates")
        )
        assert account["id"] == await shop.id()
        assert ([each["id"] for each in files["api_keys"]], len(files["sessions"])) == ([key["id"]], 1)
        assert [secret for secret in (key["key"], "hash") if secret in text.replace("request_hash", "")] == []
        assert posting["tracking_code"] == code
        assert [step["status"] for step in steps] == ["pending", "shipped"]
        assert exported_update["id"] == update
        assert [event["action"] for event in files["audit_log"]] == [
            "client.registered",
            "client.changed",
            "api_key.created",
            "client.exported",
        ]

    async def test_it_has_the_test_world_too(self, shop: Shop, sandbox: Shop) -> None:
        codes = {await posted(shop), await posted(sandbox, reference="test:pending:da-zuleica", key="chave-de-teste")}
        files = lines(await shop.send("GET", "/clients/me/export"))
        assert {(posting["tracking_code"] in codes, posting["test"]) for posting in files["postings"]} == {
            (True, False),
            (True, True),
        }
        assert [key["key"] for key in files["idempotency_keys"]] == ["chave-de-teste"]
        assert [key["test"] for key in files["api_keys"]] == [True]

    async def test_it_is_longer_than_a_page(self, service: Service, shop: Shop) -> None:
        postings = [{"weight_g": 900, "volume_cm3": 7000, "sender": _PARTY, "recipient": _PARTY}] * 1000
        for _ in range(2):
            assert (await shop.send("POST", "/postings/batch", {"postings": postings})).status == 201
        files = lines(await shop.send("GET", "/clients/me/export"))
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])
        known = await connection.fetch("SELECT id FROM postings WHERE client_id = $1", uuid.UUID(await shop.id()))
        await connection.close()
        assert [each["id"] for each in files["postings"]] == sorted(row["id"] for row in known)
        assert {(each["posting_id"], each["seq"]) for each in files["status_history"]} == {
            (row["id"], 1) for row in known
        }
        assert len(known) == len(files["status_history"]) == 2000

    async def test_an_operator_s_address_is_not_its_client_s_to_know(self, shop: Shop, operator: Shop) -> None:
        path = f"/admin/clients/{await shop.id()}"
        await operator.send("POST", f"{path}/suspend", {"reason": "A test"})
        await operator.send("POST", f"{path}/restore")

        async def let_in() -> Answer | None:
            answer = await shop.send("GET", "/clients/me/export")
            return answer if answer.status == 200 else None

        answer = await until("the client is let in again", let_in, timeout=5)
        assert answer is not None
        own, *others = (
            event
            for event in lines(answer)["audit_log"]
            if event["action"] in ("client.registered", "client.suspended")
        )
        assert own["address"] == "127.0.0.1"
        assert [event.keys() & {"address", "actor_id"} for event in others] == [set()]


class TestDeletion:
    async def test_nothing_tells_any_more_who_it_was_and_the_facts_stay(self, service: Service, shop: Shop) -> None:
        tag = uuid.uuid4().hex
        await shop.send("PATCH", "/clients/me", {"name": f"Armarinho {tag}", "document": "11.222.333/0001-81"})
        party = {**_PARTY, **{name: f"{tag} {name}" for name in ("name", "street", "number", "complement", "district")}}
        party["email"] = f"{tag}@quadros.com.br"
        tagged: dict[str, Any] = {"sender": party, "recipient": party, "description": tag, "metadata": {tag: tag}}
        await shop.create_api_key("postings:read", name=f"ERP {tag}")
        endpoint = {"url": f"https://{tag}.example/", "description": tag, "enabled": False}
        assert (await shop.send("POST", "/webhooks/endpoints", endpoint)).status == 201
        finished = await posted(shop, key=tag, **tagged, reference=tag)
        on_its_way = await posted(shop, **tagged, reference=None)
        for status in ("shipped", "delivered"):
            await shop.decided((await shop.update(finished, status, city="Campinas", uf="SP")).json["id"])
        client_id = uuid.UUID(await shop.id())
        assert (await shop.send("DELETE", "/clients/me")).status == 204
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])
        try:

            async def anonymised() -> asyncpg.Record | None:
                row = "SELECT * FROM postings WHERE tracking_code = $1 AND anonymised_at IS NOT NULL"
                return await connection.fetchrow(row, finished)

            kept = await until("the finished posting is anonymised", anonymised, timeout=20)
            assert kept is not None
            region = {"name": "(anonymised)", "cep": "12243000", "city": "São José dos Campos", "uf": "SP"}
            assert [json.loads(kept[side]) for side in ("sender", "recipient")] == [region, region]
            assert (kept["weight_g"], kept["status"], kept["step_count"]) == (900, "delivered", 3)
            # What is still to be delivered keeps where to; then that is taken out as well.
            assert await traces(connection, tag, shop.email) == {(tag, "postings")}
            await connection.execute("UPDATE postings SET status = 'cancelled' WHERE tracking_code = $1", on_its_way)

            async def no_trace() -> bool:
                return not await traces(connection, tag, shop.email)

            await until("no trace is left in any table", no_trace, timeout=20)
            account = await connection.fetchrow("SELECT * FROM clients WHERE id = $1", client_id)
            assert account is not None
            assert (account["document"], account["password_hash"]) == (None, "-")
        finally:
            await connection.close()
        assert (await shop.send("GET", f"/tracking/{finished}")).json["status"] == "delivered"

    async def test_its_credentials_stop_working_and_its_e_mail_is_free_again(self, shop: Shop) -> None:
        key = (await shop.create_api_key("postings:read"))["key"]
        tokens = await shop.tokens()
        bearers = [key, tokens["access_token"], shop.headers["Authorization"].removeprefix("Bearer ")]

        async def answered() -> set[int]:
            headers = [{"Authorization": f"Bearer {bearer}"} for bearer in bearers]
            return {(await shop.send("GET", "/postings", headers=each)).status for each in headers}

        async def refused() -> bool:
            return await answered() == {401}

        assert await answered() == {200}
        assert (await shop.send("DELETE", "/clients/me")).status == 204
        await until("the tokens and the key are refused", refused, timeout=5)
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert (await shop.send("POST", "/auth/token", data=refresh)).code == "invalid_grant"
        form = {"grant_type": "password", "username": shop.email, "password": PASSWORD}
        assert (await shop.send("POST", "/auth/token", data=form)).code == "invalid_credentials"
        await shop.register()
        assert (await shop.send("GET", "/postings")).json["postings"] == []

    async def test_the_test_world_ends_with_the_account(self, service: Service, shop: Shop, sandbox: Shop) -> None:
        tag = uuid.uuid4().hex
        asked = {"name": f"Zuleica {tag}"}
        code = await posted(sandbox, reference=f"test:cancelled@0:{tag}", recipient={**_PARTY, **asked}, key=tag)
        assert (await shop.send("DELETE", "/clients/me")).status == 204

        async def is_refused() -> bool:
            return (await sandbox.send("GET", "/postings")).status == 401

        await until("the test key is refused", is_refused, timeout=5)
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])

        async def is_forgotten() -> bool:
            return not await traces(connection, tag)

        await until("nothing of it is found", is_forgotten, timeout=60)
        assert await connection.fetchval("SELECT status FROM postings WHERE tracking_code = $1", code) == "cancelled"
        await connection.close()

    async def test_a_second_time_there_is_nobody_any_more(self, shop: Shop) -> None:
        await shop.send("DELETE", "/clients/me")
        for method, path in (("DELETE", "/clients/me"), ("GET", "/clients/me"), ("GET", "/clients/me/export")):
            assert (await shop.send(method, path)).code == "not_authenticated"

    async def test_operators_see_that_there_was_one(self, shop: Shop, operator: Shop) -> None:
        client_id = await shop.id()
        await shop.send("DELETE", "/clients/me")
        seen = (await operator.send("GET", f"/admin/clients/{client_id}")).json
        assert (seen["name"], seen["document"]) == ("(deleted)", None)
        assert seen["deleted_at"] is not None
        suspended = await operator.send("POST", f"/admin/clients/{client_id}/suspend", {"reason": "A test"})
        assert suspended.json == seen, "there is nobody to suspend"
        events = (await operator.send("GET", f"/admin/audit-log?client_id={client_id}")).json["events"]
        assert [event["action"] for event in events] == ["client.deleted", "client.registered"]
