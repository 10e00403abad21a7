"""Every SQL constant is understood by PostgreSQL, is nothing but literal text, and finds an index where it must."""

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any, Final

import asyncpg
import pytest

from app.db import queries
from tests.databases import copied_database
from tests.db.rows import Connection

MODULES: Final = [
    importlib.import_module(f"{queries.__name__}.{found.name}") for found in pkgutil.iter_modules(queries.__path__)
]


def _statements() -> dict[str, str]:
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in MODULES
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }


STATEMENTS: Final = _statements()

# Statements of the hot paths (accept, decide, sweep, track, page) and the index by which each must find its rows.
INDEX_OF: Final = {
    "api_keys.SELECT_BEARERS": "api_keys_key_hash_key",
    "clients.SELECT_CREDENTIALS": "clients_email_key",
    "clients.SELECT_CLIENTS": "clients_pkey",
    "audit_log.SELECT_AUDIT_EVENTS": "audit_log_pkey",
    "personal_data.ANONYMISE_POSTINGS": "postings_pkey",
    "personal_data.DELETE_KEYS_OF_DELETED_CLIENTS": "clients_deleted",
    "personal_data.EXPORT_POSTINGS": "postings_client_id_id",
    "personal_data.EXPORT_STATUS_HISTORY": "status_history_pkey",
    "personal_data.EXPORT_STATUS_UPDATES": "status_updates_client_id_seq",
    "personal_data.EXPORT_IDEMPOTENCY_KEYS": "posting_idempotency_keys_pkey",
    "postings.SELECT_OWNED_POSTINGS": "postings_tracking_code_key",
    "postings.SELECT_PUBLIC_STEPS": "postings_tracking_code_key",
    "postings.SELECT_TAKEN_REFERENCES": "postings_client_id_reference_key",
    "postings.SELECT_IDEMPOTENCY_KEY": "posting_idempotency_keys_pkey",
    "postings.SELECT_POSTINGS_NEWEST_FIRST": "postings_client_id_id",
    "postings.SELECT_POSTINGS_OLDEST_FIRST": "postings_client_id_id",
    "postings.SELECT_POSTINGS_LAST_POSTED_FIRST": "postings_client_id_posted_at_id",
    "postings.SELECT_POSTINGS_FIRST_POSTED_FIRST": "postings_client_id_posted_at_id",
    "postings.SELECT_ALL_POSTINGS_NEWEST_FIRST": "postings_pkey",
    "postings.LOCK_POSTINGS": "postings_pkey",
    "simulations.SELECT_DUE_SIMULATIONS": "simulations_due_at",
    "simulations.SELECT_REFUSALS_AT_ONCE": "simulations_pkey",
    "sessions.SELECT_SESSIONS": "sessions_pkey",
    "sessions.INSERT_SESSION": "sessions_client_id_expires_at",
    "sessions.DELETE_SESSIONS_OF_CLIENT": "sessions_client_id_expires_at",
    "status_history.SELECT_STEPS": "status_history_pkey",
    "status_updates.SELECT_POSTINGS_ASKED_FOR": "postings_tracking_code_key",
    "status_updates.SELECT_STATUS_UPDATE": "status_updates_pkey",
    "status_updates.SELECT_STATUS_UPDATES_BY_ID": "status_updates_pkey",
    "status_updates.SELECT_STATUS_UPDATES": "status_updates_client_id_seq",
    "status_updates.SELECT_STATUS_UPDATES_QUEUED": "status_updates_queued",
    "status_updates.SELECT_STATUS_UPDATES_REFUSED": "status_updates_refused",
    "status_updates.SELECT_STATUS_UPDATES_OF_POSTING": "status_updates_refused_of_posting",
    "status_updates.SELECT_ALL_STATUS_UPDATES": "status_updates_seq",
    "status_updates.SELECT_ALL_STATUS_UPDATES_QUEUED": "status_updates_queued",
    "status_updates.SELECT_ALL_STATUS_UPDATES_OF_POSTING": "status_updates_refused_of_posting",
    "status_updates.SELECT_QUEUED_UPDATES": "status_updates_queued",
    "status_updates.COUNT_QUEUED_UPDATES": "status_updates_queued",
    "status_updates.SWEEP_QUEUED_UPDATES": "status_updates_queued",
    "status_updates.UPDATE_ATTEMPTS": "status_updates_pkey",
    "status_updates.UPDATE_DECIDED": "status_updates_pkey",
    "status_updates.REDRIVE_DEAD_LETTERS": "status_updates_dead",
    "webhook_deliveries.CLAIM_DELIVERIES": "webhook_deliveries_due",
    "webhook_deliveries.RECORD_ATTEMPTS": "webhook_deliveries_pkey",
    "webhook_deliveries.SELECT_WEBHOOK_DELIVERIES": "webhook_deliveries_client_id_id",
    "webhook_deliveries.SELECT_FAILED_WEBHOOK_DELIVERIES": "webhook_deliveries_failed",
    "webhook_deliveries.SELECT_WEBHOOK_DELIVERIES_OF_POSTING": "webhook_deliveries_refused",
    "webhook_deliveries.SELECT_WEBHOOK_DELIVERY": "webhook_deliveries_client_id_id",
    "webhook_deliveries.SELECT_WEBHOOK_ATTEMPTS": "webhook_attempts_pkey",
    "webhook_deliveries.REDELIVER": "webhook_deliveries_client_id_id",
    "webhook_deliveries.REDELIVER_FAILED": "webhook_deliveries_failed",
    "webhook_endpoints.LOCK_ENDPOINTS_WITH_DUE": "webhook_deliveries_unfinished",
    "webhook_endpoints.INSERT_WEBHOOK_ENDPOINT": "webhook_endpoints_at_most_ten",
    "webhook_endpoints.SELECT_WEBHOOK_ENDPOINTS": "webhook_endpoints_at_most_ten",
}


def test_the_statements_were_found() -> None:
    assert {"clients", "postings", "schema", "status_history", "status_updates"} <= {
        name.partition(".")[0] for name in STATEMENTS
    }


@pytest.mark.parametrize("name", STATEMENTS)
async def test_postgresql_understands(known: Connection, name: str) -> None:
    await known.prepare(STATEMENTS[name])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_sql_is_put_together_from_literal_text_alone(module: ModuleType) -> None:
    docstring, *statements = ast.parse(inspect.getsource(module)).body
    assert isinstance(docstring, ast.Expr)
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            assert statement.module == "typing"
            continue
        assert isinstance(statement, ast.AnnAssign), ast.unparse(statement)
        assert ast.unparse(statement.annotation) == "Final[LiteralString]"
        assert statement.value is not None
        kinds = {type(node) for node in ast.walk(statement.value)}
        assert kinds <= {ast.Constant, ast.BinOp, ast.Add, ast.Name, ast.Load}, ast.unparse(statement.target)


@pytest.fixture(scope="module")
async def crowded(migrated_url: str) -> AsyncIterator[Connection]:
    """A database with enough rows that the planner has a choice, and knows it."""
    async with copied_database(migrated_url) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(_CROWD)
        await connection.execute("ANALYZE; SET plan_cache_mode = force_generic_plan")
        yield connection
        await connection.close()


# 2000 clients, half of them the test clients of the others, of whom 20 have 200 postings each, and as many test postings; one posting in a
# hundred has an update waiting, one in a thousand a dead letter.
_CROWD: Final = """
INSERT INTO clients (name, email, password_hash)
SELECT 'Loja', n || '@loja.com.br', '-' FROM generate_series(1, 2000) AS n;

INSERT INTO test_clients (account_id, client_id)
SELECT account.id, tester.id
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM clients) AS account
  JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1000 AS n FROM clients) AS tester USING (n);

INSERT INTO api_keys (client_id, name, scopes, key_hash, last4)
SELECT id, 'ERP', '{postings:read}', sha256(email::bytea), 'abcd' FROM clients;

INSERT INTO sessions (id, client_id, scopes, token_hashes, expires_at)
SELECT gen_random_uuid(), id, '{account}', '{hash}', now() + interval '1 day' FROM clients;

INSERT INTO audit_log (action, client_id)
SELECT 'client.registered', id FROM clients;

INSERT INTO posting_idempotency_keys (client_id, key, request_hash)
SELECT id, email, '' FROM clients;

INSERT INTO postings (id, client_id, tracking_code, status_at, posted_at, weight_g, volume_cm3, declared_value, freight_price,
                      service, reference, sender, recipient)
SELECT n, id, 'ZP' || lpad(n::text, 8, '0') || s10_check_digit(n) || 'BR', now(), now() - n * interval '1 minute',
       900, 7200, 164, 9.45, 'standard', n::text, place, place
  FROM (SELECT id, row_number() OVER () AS n
          FROM (SELECT id FROM clients LIMIT 20) AS shipping CROSS JOIN generate_series(1, 200)) AS numbered (id, wide)
 CROSS JOIN LATERAL (SELECT wide::integer AS n, '{"cep": "12243000", "city": "Campinas", "uf": "SP"}'::jsonb AS place) AS made;

INSERT INTO status_updates (id, posting_id, client_id, status, state, refusal, decided_at)
SELECT gen_random_uuid(), id, client_id, 'shipped', state, CASE state WHEN 'refused' THEN 'internal_error' END,
       CASE WHEN state <> 'queued' THEN now() END
  FROM (SELECT *, CASE WHEN id % 100 = 0 THEN 'queued' WHEN id % 1000 = 1 THEN 'refused' ELSE 'applied' END AS state
          FROM postings) AS decided;

INSERT INTO status_history (posting_id, seq, client_id, status, occurred_at)
SELECT id, 1, client_id, 'pending', posted_at FROM postings;

INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at)
SELECT posting_id, 2, client_id, id, status, now() FROM status_updates;

INSERT INTO webhook_endpoints (id, client_id, place, url, event_types, secret)
SELECT uuidv7(), id, 1, 'https://loja.example/', ARRAY['posting.created'], '' FROM clients;

INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status, state, due_at, attempts, finished_at)
SELECT client_id, endpoint.id, 'posting.created', postings.id, 1, 'pending', state, CASE state WHEN 'waiting' THEN now() END, 1,
       CASE state WHEN 'waiting' THEN NULL ELSE now() END
  FROM (SELECT *, CASE WHEN id % 100 = 0 THEN 'waiting' WHEN id % 100 = 1 THEN 'failed' ELSE 'delivered' END AS state
          FROM postings) AS postings
  JOIN webhook_endpoints AS endpoint USING (client_id);

INSERT INTO webhook_attempts (delivery_id, number, client_id, started_at, duration_ms, status)
SELECT id, 1, client_id, now(), 12, 200 FROM webhook_deliveries;

INSERT INTO postings (id, client_id, tracking_code, status_at, posted_at, weight_g, volume_cm3, declared_value, freight_price,
                      service, sender, recipient)
SELECT 4611686018427387904 + id, client_id, 'ZT' || substr(tracking_code, 3), status_at, posted_at, 900, 7200, 164, 9.45,
       'standard', sender, recipient
  FROM postings;

INSERT INTO simulations (posting_id, scenario, pace_seconds, due_at)
SELECT id, 'delivered', 5, CASE WHEN id % 2 = 0 THEN now() + id % 1000 * interval '1 second' END FROM postings WHERE test;
"""


# And where two kinds of rows are looked for, the index of the other kind.
ALSO: Final = (
    ("status_updates.UPDATE_DECIDED", "postings_pkey"),
    ("webhook_deliveries.SELECT_WEBHOOK_DELIVERIES_OF_POSTING", "webhook_deliveries_step_once"),
)


@pytest.mark.parametrize(("name", "index"), [*INDEX_OF.items(), *ALSO])
async def test_a_hot_statement_finds_its_rows_by_an_index(crowded: Connection, name: str, index: str) -> None:
    nodes = await _nodes_for_any_arguments(crowded, name)
    assert index in {node.get("Index Name") for node in nodes}, json.dumps(nodes, indent=1)
    assert not [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"], json.dumps(nodes, indent=1)


# Statements that are carried out for a few, again and again: to plan them takes longer than that.
PLANNED_ONCE: Final = (
    "postings.SELECT_OWNED_POSTINGS",
    "postings.SELECT_PUBLIC_STEPS",
    "status_updates.SELECT_POSTINGS_ASKED_FOR",
    "status_updates.INSERT_STATUS_UPDATES",
    "status_updates.INSERT_STATUS_UPDATES_AT_ONCE",
)


@pytest.mark.parametrize("name", PLANNED_ONCE)
async def test_a_statement_about_a_few_is_not_planned_each_time(crowded: Connection, name: str) -> None:
    types = [each.name for each in (await crowded.prepare(STATEMENTS[name])).get_parameters()]
    client = await crowded.fetchval("SELECT client_id FROM postings LIMIT 1")
    one = {"text": "'x'", "uuid": f"'{client}'", "int8": "1", "timestamptz": "now()"}
    arguments = [f"ARRAY[{one[each[:-2]]}]::{each}" if each.endswith("[]") else one[each] for each in types]
    await crowded.execute(f"SET plan_cache_mode = auto; PREPARE tried AS {STATEMENTS[name]}")
    for _ in range(7):
        await crowded.execute(f"EXPLAIN EXECUTE tried ({', '.join(arguments)})")
    planned_once = await crowded.fetchval("SELECT generic_plans FROM pg_prepared_statements WHERE name = 'tried'")
    await crowded.execute("DEALLOCATE tried; SET plan_cache_mode = force_generic_plan")
    assert planned_once == 2  # after the five with which it is found out what they cost


@pytest.mark.parametrize("name", PLANNED_ONCE)
async def test_what_is_planned_while_a_deployment_is_new_finds_its_rows_by_an_index(
    known: Connection, name: str
) -> None:
    await known.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    kinds = {node["Node Type"] for node in await _nodes_for_any_arguments(known, name)}
    assert "Seq Scan" not in kinds
    assert kinds & {"Index Scan", "Bitmap Index Scan"}


@pytest.mark.parametrize("order", ["LAST", "FIRST"])
async def test_a_page_of_all_postings_by_time_ends_with_its_last_row(crowded: Connection, order: str) -> None:
    """Planned for its arguments, as PostgreSQL goes on doing where a plan for any would cost so much more."""
    filters = ["NULL"] * 12
    end = ["9223372036854775807", "20", "'infinity'"] if order == "LAST" else ["-1", "20", "'-infinity'"]
    await crowded.execute("SET plan_cache_mode = auto")
    await crowded.execute(f"PREPARE page AS {STATEMENTS[f'postings.SELECT_ALL_POSTINGS_{order}_POSTED_FIRST']}")
    explain = f"EXPLAIN (ANALYZE, FORMAT json) EXECUTE page ({', '.join(filters + end)})"
    for _ in range(10):
        await crowded.execute(explain)
    (row,) = await crowded.fetch(explain)
    await crowded.execute("DEALLOCATE page; SET plan_cache_mode = force_generic_plan")
    limit, read = _nodes(json.loads(row[0])[0]["Plan"])
    assert (limit["Node Type"], read.get("Index Name")) == ("Limit", "postings_posted_at_id"), json.dumps(
        read, indent=1
    )
    assert read["Actual Rows"] == 20


async def _nodes_for_any_arguments(connection: Connection, name: str) -> list[dict[str, Any]]:
    arguments = ["NULL"] * len((await connection.prepare(STATEMENTS[name])).get_parameters())
    await connection.execute(f"PREPARE tried AS {STATEMENTS[name]}")
    (row,) = await connection.fetch(f"EXPLAIN (FORMAT json) EXECUTE tried ({', '.join(arguments)})")
    await connection.execute("DEALLOCATE tried")
    return list(_nodes(json.loads(row[0])[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
