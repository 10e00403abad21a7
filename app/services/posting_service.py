"""Postings: creating them, and reading them back."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString, TypeAlias
from uuid import UUID

from app.core.cursors import CursorRefused, decode_cursor, encode_cursor
from app.core.tracking_code import is_tracking_code, normalize_tracking_code
from app.db.columns import columns_of
from app.db.database import Executor, Row, Transaction
from app.db.queries import postings, status_history
from app.models.clients import Caller
from app.models.fields import parse_timestamp
from app.models.postings import NewPosting, Posting, PostingPage, PostingQuery, Postings, Sort
from app.models.status_updates import History, Step
from app.services import simulation_service
from app.services.errors import (
    DuplicateReference,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidTrackingCode,
    PostedAtInFuture,
    PostingNotFound,
    ReferenceTaken,
    Refusal,
    TrackingCodesExhausted,
)
from app.services.freight import FreightRates, freight_price
from app.services.lookup_desk import LookupDesk
from app.services.posting_lifecycle import in_order
from app.services.scenarios import plan_of
from app.services.stored_postings import read_posting

CODES_PER_PREFIX: Final = 10**8
FIRST_TEST_POSTING: Final = 2**62
"""From this id on, postings are test postings."""
_WARN_EVERY: Final = 10_000
_SMALLEST: Final = -1
_LARGEST: Final = 2**63 - 1
_LONG_AGO: Final = parse_timestamp("2000-01-01T00:00:00Z")
_FAR_AHEAD: Final = parse_timestamp("2099-12-31T23:59:59Z")

OwnedCode: TypeAlias = tuple[str, UUID | None]
"""A tracking code, and the scope of who asks for it."""
OwnedDesk: TypeAlias = LookupDesk[OwnedCode, Row]
"""Finds a posting for somebody who may see it."""

_log = logging.getLogger(__name__)

# The first for a client, the second for an operator.
_PAGES: Final[dict[Sort, tuple[LiteralString, LiteralString]]] = {
    "-created_at": (postings.SELECT_POSTINGS_NEWEST_FIRST, postings.SELECT_ALL_POSTINGS_NEWEST_FIRST),
    "created_at": (postings.SELECT_POSTINGS_OLDEST_FIRST, postings.SELECT_ALL_POSTINGS_OLDEST_FIRST),
    "-posted_at": (postings.SELECT_POSTINGS_LAST_POSTED_FIRST, postings.SELECT_ALL_POSTINGS_LAST_POSTED_FIRST),
    "posted_at": (postings.SELECT_POSTINGS_FIRST_POSTED_FIRST, postings.SELECT_ALL_POSTINGS_FIRST_POSTED_FIRST),
}


@dataclass(frozen=True, slots=True)
class PostingRules:
    """What the deployment decides about new postings: the prefixes of tracking codes in order of use, and the rates.

    Test postings have prefixes of their own, and stay so many seconds in each status.
    """

    tracking_code_prefixes: tuple[str, ...]
    freight_rates: FreightRates
    test_tracking_code_prefixes: tuple[str, ...] = ()
    test_step_seconds: int = 0

    def prefixes_for(self, caller: Caller) -> tuple[str, ...]:
        """Those of the caller's world."""
        return self.test_tracking_code_prefixes if caller.test else self.tracking_code_prefixes


async def create_postings(
    transaction: Transaction,
    rules: PostingRules,
    caller: Caller,
    asked: Sequence[NewPosting],
    *,
    idempotency_key: str | None = None,
) -> Postings:
    """Create all of them or none, in the order asked for.

    With an Idempotency-Key that was used before the postings of that time are returned, as they are now. Raises
    IdempotencyKeyReused, DuplicateReference, ReferenceTaken, PostedAtInFuture and TrackingCodesExhausted; and UnknownScenario, of a
    test posting.
    """
    if idempotency_key is None:
        return _created(await _insert_postings(transaction, rules, caller, asked), asked)
    digest = hashlib.sha256(b"\n".join(posting.model_dump_json().encode() for posting in asked)).digest()
    if not await transaction.fetch_one(postings.INSERT_IDEMPOTENCY_KEY, caller.id, idempotency_key, digest):
        return await _repeat_creation(transaction, caller, idempotency_key, digest)
    rows = await _insert_postings(transaction, rules, caller, asked)
    ids = [row["id"] for row in rows]
    await transaction.execute(postings.UPDATE_IDEMPOTENCY_KEY, caller.id, idempotency_key, ids)
    return _created(rows, asked)


async def create_posting(
    transaction: Transaction,
    rules: PostingRules,
    caller: Caller,
    asked: NewPosting,
    *,
    idempotency_key: str | None = None,
) -> Posting:
    """Create one: a batch of one."""
    created = await create_postings(transaction, rules, caller, [asked], idempotency_key=idempotency_key)
    return created.postings[0]


async def _repeat_creation(transaction: Transaction, caller: Caller, key: str, digest: bytes) -> Postings:
    first = await transaction.fetch_one(postings.SELECT_IDEMPOTENCY_KEY, caller.id, key)
    if first is None or first["request_hash"] != digest:
        raise IdempotencyKeyReused
    rows = await transaction.fetch(postings.SELECT_POSTINGS_BY_ID, caller.id, first["posting_ids"])
    return Postings.model_construct(postings=[read_posting(row) for row in rows])


async def _insert_postings(
    transaction: Transaction, rules: PostingRules, caller: Caller, asked: Sequence[NewPosting]
) -> list[Row]:
    references = [posting.reference for posting in asked if posting.reference is not None]
    if len(set(references)) < len(references):
        raise DuplicateReference
    timed = [posting.posted_at for posting in asked if posting.posted_at]
    if timed and await transaction.fetch(postings.SELECT_POSTINGS_AHEAD_OF_TIME, timed):
        raise PostedAtInFuture
    plans = [plan_of(posting.reference, rules.test_step_seconds) for posting in asked] if caller.test else []
    columns = columns_of(_values(posting, rules.freight_rates) for posting in asked)
    prefixes = rules.prefixes_for(caller)
    rows = await transaction.fetch(postings.INSERT_POSTINGS, caller.id, prefixes, *columns, caller.test)
    if len(rows) < len(asked):
        raise await _refusal_of_missing(transaction, caller, references, rows)
    if plans:
        await simulation_service.plan_simulations(transaction, [row["id"] for row in rows], plans)
    _warn_when_scarce(len(prefixes), rows[0]["id"], rows[-1]["id"])
    return rows


async def _refusal_of_missing(
    transaction: Transaction, caller: Caller, references: Sequence[str], rows: Sequence[Row]
) -> Refusal:
    """Why fewer postings were inserted than asked for: a reference was taken, or there was no tracking code left."""
    inserted = {row["reference"] for row in rows}
    stored = await transaction.fetch(postings.SELECT_TAKEN_REFERENCES, caller.id, references)
    taken = [row["reference"] for row in stored if row["reference"] not in inserted]
    return ReferenceTaken(taken) if taken else TrackingCodesExhausted()


def _values(posting: NewPosting, rates: FreightRates) -> tuple[object, ...]:
    """One posting in the order of INSERT_POSTINGS' arrays."""
    volume_cm3 = posting.measured_volume_cm3
    return (
        posting.reference,
        posting.description,
        posting.service,
        posting.weight_g,
        volume_cm3,
        posting.length_cm,
        posting.width_cm,
        posting.height_cm,
        posting.declared_value,
        freight_price(rates, weight_g=posting.weight_g, volume_cm3=volume_cm3),
        posting.sender.model_dump_json(exclude_none=True),
        posting.recipient.model_dump_json(exclude_none=True),
        json.dumps(posting.metadata) if posting.metadata else "{}",
        posting.posted_at,
        posting.estimated_delivery,
    )


def _warn_when_scarce(prefixes: int, first: int, last: int) -> None:
    setting = "TRACKING_CODE_PREFIXES"
    if first >= FIRST_TEST_POSTING:
        setting, first, last = f"TEST_{setting}", first - FIRST_TEST_POSTING, last - FIRST_TEST_POSTING
    capacity = CODES_PER_PREFIX * prefixes
    if last + 1 >= capacity * 8 // 10 and first // _WARN_EVERY != (last + 1) // _WARN_EVERY:
        _log.warning(
            "%d of %d tracking codes are used: add a prefix to %s before they run out",
            last + 1,
            capacity,
            setting,
        )


def _created(rows: Sequence[Row], asked: Sequence[NewPosting]) -> Postings:
    """The rows in the order asked for; their parties are at hand."""
    pairs = zip(rows, asked, strict=True)
    return Postings.model_construct(
        postings=[read_posting(row, posting.sender, posting.recipient) for row, posting in pairs]
    )


async def skip_tracking_codes(transaction: Transaction, prefixes: Sequence[str], count: int) -> int:
    """Give the next `count` tracking codes to nobody, for good; return how many are left. Raises TrackingCodesExhausted.

    After a restore: codes that were given since the backup are on labels, and would be given again.
    """
    row = await transaction.fetch_one(postings.SKIP_POSTING_NUMBERS, count)
    left = CODES_PER_PREFIX * len(prefixes) - 1 - (row["last"] if row else 0)
    if left <= 0:
        raise TrackingCodesExhausted
    return left


async def get_posting(desk: OwnedDesk, caller: Caller, tracking_code: str) -> Posting:
    """The posting with this code; raises InvalidTrackingCode, and PostingNotFound for somebody else's too."""
    return read_posting(await _owned_row(desk, caller, tracking_code))


async def get_postings(executor: Executor, caller: Caller, tracking_codes: Sequence[str]) -> list[Posting]:
    """The postings with these codes, each once, in this order; raises as get_posting does, and names the codes."""
    codes = list(dict.fromkeys(map(normalize_tracking_code, tracking_codes)))
    if mistyped := [code for code in codes if not is_tracking_code(code)]:
        raise InvalidTrackingCode(places=[(code, "is not a tracking code") for code in mistyped])
    asked = [(code, caller.scope) for code in codes]
    found = await find_owned_postings(executor, asked)
    if missing := [code for code, owner in asked if (code, owner) not in found]:
        raise PostingNotFound(places=[(code, "you have no posting with this code") for code in missing])
    return [read_posting(found[each]) for each in asked]


async def get_history(executor: Executor, desk: OwnedDesk, caller: Caller, tracking_code: str) -> History:
    """The steps of the posting in the order in which they happened; raises as get_posting does."""
    posting = await _owned_row(desk, caller, tracking_code)
    rows = await executor.fetch(status_history.SELECT_STEPS, [posting["id"]])
    steps = in_order([Step.trusted(row) for row in rows])
    return History.model_construct(tracking_code=posting["tracking_code"], steps=steps)


async def _owned_row(desk: OwnedDesk, caller: Caller, tracking_code: str) -> Row:
    code = normalize_tracking_code(tracking_code)
    if not is_tracking_code(code):
        raise InvalidTrackingCode
    row = await desk.find((code, caller.scope))
    if row is None:
        raise PostingNotFound
    return row


async def find_owned_postings(executor: Executor, asked: Sequence[OwnedCode]) -> dict[OwnedCode, Row]:
    """The rows of those postings that there are and that their asker may see."""
    rows = await executor.fetch(
        postings.SELECT_OWNED_POSTINGS, [code for code, _ in asked], [owner for _, owner in asked]
    )
    return {asked[row["position"] - 1]: row for row in rows}


async def list_postings(executor: Executor, caller: Caller, query: PostingQuery) -> PostingPage:
    """One page of the caller's postings (an operator's: of all), however deep; raises InvalidCursor."""
    of_client, of_all = _PAGES[query.sort]
    descending = query.sort.startswith("-")
    last_id, last_posted_at = _LARGEST if descending else _SMALLEST, _FAR_AHEAD if descending else _LONG_AGO
    if query.cursor is not None:
        last_id, last_posted_at = _position(query.sort, query.cursor)
    by_time = (last_posted_at,) if query.sort.endswith("posted_at") else ()
    rows = await executor.fetch(
        of_all if caller.scope is None else of_client,
        caller.scope,
        *query.model_dump(exclude={"sort", "cursor", "limit"}).values(),
        last_id,
        query.limit + 1,
        *by_time,
    )
    page = rows[: query.limit]
    next_cursor = (
        encode_cursor(query.sort, page[-1]["id"], page[-1]["posted_at"].isoformat())
        if len(rows) > query.limit
        else None
    )
    return PostingPage.model_construct(postings=[read_posting(row) for row in page], next_cursor=next_cursor)


def _position(sort: Sort, cursor: str) -> tuple[int, datetime]:
    try:
        posting_id, posted_at = decode_cursor(sort, cursor)
        if not isinstance(posting_id, int) or not _SMALLEST <= posting_id <= _LARGEST:
            raise InvalidCursor
        return posting_id, parse_timestamp(posted_at)
    except (CursorRefused, ValueError) as error:
        raise InvalidCursor from error
