"""API keys as text: what is made is read, and a typing mistake is noticed without asking anybody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.api_keys import hash_api_key, is_api_key, is_meant_as_api_key, new_api_key
from app.models.clients import Mode
from tests.properties import examples

KEY = "postagens_live_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq7vkj"


@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_key_says_what_it_is(mode: Mode) -> None:
    key = new_api_key(mode)
    assert re.fullmatch(f"postagens_{mode}_[a-z2-7]{{56}}", key)
    assert is_api_key(key)


def test_a_key_that_was_made_long_ago_is_still_one() -> None:
    assert is_api_key(KEY)


def test_every_key_differs_and_so_does_what_is_kept_of_it() -> None:
    keys = {new_api_key() for _ in range(200)}
    assert len(keys) == len({hash_api_key(key) for key in keys}) == 200


@examples(300)
@given(place=st.integers(0, len(KEY) - 1), character=st.sampled_from("abcxyz2345670189_-ABé "))
def test_a_key_with_a_changed_character_is_noticed(place: int, character: str) -> None:
    changed = KEY[:place] + character + KEY[place + 1 :]
    assert is_api_key(changed) == (changed == KEY)


@examples(100)
@given(place=st.integers(len("postagens_live_"), len(KEY) - 2))
def test_two_characters_in_the_wrong_order_are_noticed(place: int) -> None:
    changed = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]
    assert is_api_key(changed) == (changed == KEY)


@pytest.mark.parametrize(
    "changed",
    [KEY[:-1], KEY + "a", KEY[:-8], KEY + "a" * 8, KEY.upper(), KEY.replace("live", "test"), f" {KEY}", f"{KEY}\n", ""],
    ids=repr,
)
def test_what_was_lost_or_added_is_noticed(changed: str) -> None:
    assert not is_api_key(changed)


def test_what_begins_as_a_key_is_meant_as_one() -> None:
    assert is_meant_as_api_key("postagens_live_x")
    assert is_meant_as_api_key("postagens_test_x")
    assert not is_meant_as_api_key("postagens_refresh_x")


@examples(200)
@given(st.one_of(st.text(), st.text().map("postagens_live_".__add__)))
def test_no_text_makes_it_fail(text: str) -> None:
    assert not is_api_key(text)
