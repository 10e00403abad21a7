"""The box of secrets: what goes in comes out, with the right key and in the right place only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.secret_box import SealBroken, SecretBox, UnknownSecretKey

OLD, NEW, OTHER = ("an old key 0123456789", "a new key 0123456789", "somebody's key 0123456789")


@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_what_was_sealed_opens_again(plain: str, context: bytes) -> None:
    box = SecretBox([OLD])
    assert box.open(box.seal(plain, context=context), context=context) == plain


def test_nothing_of_the_secret_is_seen_and_twice_the_same_is_twice_another() -> None:
    box = SecretBox([OLD])
    one, other = (box.seal("whsec_abc", context=b"") for _ in range(2))
    assert b"whsec_abc" not in one
    assert one != other


def test_the_first_key_seals_and_all_keys_open() -> None:
    before, during, after = SecretBox([OLD]), SecretBox([NEW, OLD]), SecretBox([NEW])
    sealed = before.seal("whsec_abc", context=b"endpoint 1")
    assert during.open(sealed, context=b"endpoint 1") == "whsec_abc"
    assert during.needs_reseal(sealed)
    resealed = during.seal("whsec_abc", context=b"endpoint 1")
    assert not during.needs_reseal(resealed)
    assert after.open(resealed, context=b"endpoint 1") == "whsec_abc"


def test_a_key_that_is_gone_is_told_apart_from_a_broken_seal() -> None:
    sealed = SecretBox([OTHER]).seal("whsec_abc", context=b"")
    box = SecretBox([NEW, OLD])
    with pytest.raises(UnknownSecretKey, match="WEBHOOK_SECRET_KEYS"):
        box.open(sealed, context=b"")
    assert box.needs_reseal(sealed)


def test_it_does_not_open_in_another_place() -> None:
    box = SecretBox([OLD])
    sealed = box.seal("whsec_abc", context=b"endpoint 1")
    with pytest.raises(SealBroken):
        box.open(sealed, context=b"endpoint 2")


def test_no_byte_of_it_can_be_changed_or_lost() -> None:
    box = SecretBox([OLD])
    sealed = box.seal("whsec_abc", context=b"")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    shortened = [sealed[:length] for length in range(len(sealed))]
    for broken in (*changed, *shortened, sealed + b"\0"):
        with pytest.raises((SealBroken, UnknownSecretKey)):
            box.open(broken, context=b"")


def test_two_keys_that_look_alike_are_two_keys() -> None:
    sealed = SecretBox([OLD]).seal("whsec_abc", context=b"")
    assert SecretBox([f"{OLD} "]).needs_reseal(sealed)
