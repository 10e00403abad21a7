"""Refresh tokens: what is handed out is read again, and nothing else is."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.refresh_tokens import new_refresh_token, read_refresh_token
from tests.properties import examples

SESSION = UUID("019a0000-0000-4000-8000-000000000002")


def test_a_token_is_read_as_it_was_handed_out() -> None:
    token = new_refresh_token(SESSION)
    assert token.text.startswith("postagens_refresh_")
    assert read_refresh_token(token.text) == token


def test_every_token_differs_and_so_does_what_is_kept_of_it() -> None:
    made = [new_refresh_token(SESSION) for _ in range(100)]
    assert len({token.text for token in made}) == len({token.hash for token in made}) == 100
    assert all(token.secret not in token.hash for token in made)


@pytest.mark.parametrize("change", [str.lower, str.strip, lambda text: text[:-1], lambda text: text + "A"])
def test_a_token_that_was_changed_is_another_or_none(change: "type[str]") -> None:
    token = new_refresh_token(uuid4())
    changed = change(token.text)
    assert changed == token.text or read_refresh_token(changed) != token


@pytest.mark.parametrize(
    "text", ["", "postagens_refresh_", "postagens_refresh_é", "postagens_refresh_" + "A" * 63, "A" * 64, "x" * 4096]
)
def test_a_text_that_was_never_handed_out_is_no_token(text: str) -> None:
    assert read_refresh_token(text) is None


@examples(100)
@given(st.one_of(st.text(), st.text().map("postagens_refresh_".__add__)))
def test_no_text_makes_reading_fail(text: str) -> None:
    read_refresh_token(text)
