"""Identifiers: new ones, and those that a repeated request makes again."""

import itertools
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import id_from_key, new_id
from tests.properties import examples

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


def test_new_ids_are_of_version_7_and_never_the_same() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert len(set(ids)) == len(ids)


def test_later_ids_sort_after_earlier_ones() -> None:
    assert all(first < second for first, second in itertools.pairwise(new_id() for _ in range(10_000)))


def test_an_id_is_of_the_kind_that_every_library_knows() -> None:
    assert type(new_id()) is UUID


@examples(100)
@given(st.lists(texts, min_size=1, max_size=3))
def test_the_same_key_makes_the_same_id_of_version_8(parts: list[str]) -> None:
    made = id_from_key(*parts)
    assert made == id_from_key(*parts)
    assert (made.version, made.variant) == (8, RFC_4122)


@examples(100)
@given(st.lists(texts, min_size=1, max_size=3), st.lists(texts, min_size=1, max_size=3))
def test_another_key_makes_another_id(first: list[str], second: list[str]) -> None:
    assert (id_from_key(*first) == id_from_key(*second)) == (first == second)


def test_parts_do_not_run_into_each_other() -> None:
    assert len({id_from_key("ab", "c"), id_from_key("a", "bc"), id_from_key("abc"), id_from_key("a", "b", "c")}) == 4


def test_ids_of_keys_are_the_same_in_every_release() -> None:
    """They are stored: another way of making them would make a repeated request a second update."""
    assert id_from_key("client", "key", "0") == UUID("0f32b235-6aba-8d09-baa6-a4356144f4d5")
