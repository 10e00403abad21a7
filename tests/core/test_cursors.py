"""Cursors: opaque texts that say where a page ended, and nothing else."""

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.cursors import CursorRefused, decode_cursor, encode_cursor
from tests.properties import examples

values = st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(codec="utf-8"))), max_size=4)


def _cursor(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@examples(100)
@given(values)
def test_what_was_put_in_comes_out(given_values: list[int | str]) -> None:
    assert decode_cursor("-posted_at", encode_cursor("-posted_at", *given_values)) == given_values


@examples(100)
@given(values)
def test_a_cursor_can_stand_in_an_address_as_it_is(given_values: list[int | str]) -> None:
    assert re.fullmatch("[A-Za-z0-9_-]+", encode_cursor("posted_at", *given_values))


def test_a_cursor_of_another_sort_is_refused() -> None:
    with pytest.raises(CursorRefused):
        decode_cursor("-created_at", encode_cursor("created_at", 7))


@pytest.mark.parametrize(
    "cursor",
    [
        "", "a", "====", "é", "a b", "WyJraW5kIl0\n", "//79", "AAAA", "_____w", _cursor({}), _cursor({"kind": 1}), _cursor("kind"),
        _cursor([]), _cursor(None), _cursor([["kind"]]), _cursor(7), _cursor(["Kind", 1]), "W" * 4000, _cursor(["kind"])[:-1],
        base64.urlsafe_b64encode(b"[" * 2000).decode(), base64.urlsafe_b64encode(b"[" * 200_000).decode(),
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorRefused):
        decode_cursor("kind", cursor)


@examples(100)
@given(
    st.one_of(
        st.text(),
        st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()),
    )
)
def test_no_text_makes_a_cursor_fail_in_another_way(cursor: str) -> None:
    try:
        found = decode_cursor("kind", cursor)
    except CursorRefused:
        return
    assert all(isinstance(value, int | str) for value in found)


def test_an_altered_cursor_holds_only_numbers_and_texts() -> None:
    assert decode_cursor("kind", _cursor(["kind", 1, None, [2], {"a": 3}, 4.5, "b"])) == [1, "b"]


def test_a_huge_number_in_a_cursor_is_refused_or_read() -> None:
    huge = base64.urlsafe_b64encode(b'["kind", ' + b"9" * 10_000 + b"]").decode()
    with pytest.raises(CursorRefused):
        decode_cursor("kind", huge)
