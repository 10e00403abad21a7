"""Holds what receivers of webhooks noted against the facts: every step came, under one id, in order, and nothing that never was."""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from chaos.facts import Posting
from chaos.ledger import Entry, Received, Subscribed
from chaos.model import read_in_time

NOT_DELIVERED: Final = "not delivered"
WRONG_DELIVERIES: Final = "wrong deliveries"
OUT_OF_ORDER: Final = "delivered out of order"
KINDS: Final = (NOT_DELIVERED, WRONG_DELIVERIES, OUT_OF_ORDER)

# What an event tells of: a step of a posting by its number, or a refused update by its id; and what it must say of that.
Subject: TypeAlias = tuple[str, int | str]
Said: TypeAlias = tuple[str, str | None]
_OK: Final = range(200, 300)
WELL: Final = "/well/"


def check_deliveries(entries: Sequence[Entry], postings: Sequence[Posting]) -> Iterator[tuple[str, str]]:
    """Findings, each with its kind."""
    received: dict[str, list[Received]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Received):
            received[entry.path].append(entry)
    for subscribed in (entry for entry in entries if isinstance(entry, Subscribed)):
        owed = _owed(subscribed.client, postings)
        came = sorted(received.pop(subscribed.path, ()), key=lambda each: each.at)
        yield from _found(NOT_DELIVERED, subscribed, _missing(owed, came))
        yield from _found(WRONG_DELIVERIES, subscribed, _wrong(owed, came, subscribed.secret))
        if subscribed.path.startswith(WELL):
            yield from _found(OUT_OF_ORDER, subscribed, _out_of_order(came))
    for path in received:
        yield WRONG_DELIVERIES, f"something came to {path}, which is nobody's"


def _found(kind: str, subscribed: Subscribed, sentences: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((kind, f"{subscribed.path}: {sentence}") for sentence in sentences)


def _owed(client: str, postings: Sequence[Posting]) -> dict[Subject, Said]:
    """Each step of the client's postings and each of their updates that ended refused, with the type and the posting's status."""
    owed: dict[Subject, Said] = {}
    for posting in postings:
        if (posting.wish or "").rpartition("-")[0] != client:
            continue
        before = None
        for count, recorded in enumerate(posting.steps, start=1):
            after = read_in_time([each.step for each in posting.steps[:count]])[-1].status
            kind = "created" if before is None else "scanned" if after == before else "status_changed"
            owed[posting.tracking_code, recorded.seq] = (f"posting.{kind}", after)
            before = after
        for update in posting.updates:
            if update.state == "refused":
                owed[posting.tracking_code, update.id] = ("status_update.refused", None)
    return owed


def _subject(event: dict[str, Any]) -> Subject:
    data = event["data"]
    return data["tracking_code"], data["status_update"]["id"] if "status_update" in data else data["step"]


def _missing(owed: dict[Subject, Said], came: Sequence[Received]) -> Iterator[str]:
    delivered = {_subject(json.loads(each.body)) for each in came if each.status in _OK}
    for code, what in owed.keys() - delivered:
        yield f"{what} of {code} was never accepted"


def _wrong(owed: dict[Subject, Said], came: Sequence[Received], secret: str) -> Iterator[str]:
    """What is not signed, never happened or says something else, and what has several ids or an id that several have."""
    ids: dict[Subject, set[str]] = defaultdict(set)
    bodies: dict[str, set[str]] = defaultdict(set)
    for each in came:
        event = json.loads(each.body)
        subject = _subject(event)
        ids[subject].add(each.message_id)
        bodies[each.message_id].add(each.body)
        if _sign(secret, each) not in each.signature.split():
            yield f"{each.message_id} is not signed with the endpoint's secret"
        if subject not in owed:
            yield f"{each.message_id} tells of {subject}, which never happened"
        elif owed[subject] not in ((event["type"], event["data"]["posting_status"]), (event["type"], None)):
            yield f"{each.message_id} tells of {subject} as {event['type']}, which is {owed[subject]}"
    yield from (f"{subject} came as {several}" for subject, several in ids.items() if len(several) > 1)
    yield from (f"{identity} has several bodies" for identity, several in bodies.items() if len(several) > 1)


def _sign(secret: str, received: Received) -> str:
    """Standard Webhooks 1.0.0, written a second time and as plainly as can be."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{received.message_id}.{received.timestamp}.{received.body}"
    return "v1," + base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()


def _out_of_order(came: Sequence[Received]) -> Iterator[str]:
    """A step comes for the first time after those before it came."""
    last: dict[str, int] = {}
    for each in came:
        code, step = _subject(json.loads(each.body))
        if isinstance(step, int) and step > last.get(code, 0):
            if step != last.get(code, 0) + 1:
                yield f"step {step} of {code} came after step {last.get(code, 0)}"
            last[code] = step
