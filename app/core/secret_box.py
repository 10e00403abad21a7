"""Secrets that have to be read again, encrypted for the time that they lie in the database: pure."""

import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# What is sealed: the format's number, the name of the key, the nonce, and the ciphertext with its tag.
_FORMAT: Final = b"\x01"
_NAME_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_NAMED: Final = len(_FORMAT) + _NAME_BYTES
_HEAD: Final = _NAMED + _NONCE_BYTES


class UnknownSecretKey(Exception):
    """It was sealed with a key that is not among the keys that this process was given."""


class SealBroken(Exception):
    """It is not what was sealed, or it was sealed for another context."""


class SecretBox:
    """AES-256-GCM (NIST SP 800-38D) with keys that are made of long random texts by HKDF (RFC 5869).

    The first key seals, all of them open: a new key is put in front, and the old one is taken away once nothing needs it any more.
    The context says what the secret is for, such as the row that it lies in: what was moved to another place does not open there.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = {_derive(key, b"name", _NAME_BYTES): AESGCM(_derive(key, b"key", _KEY_BYTES)) for key in keys}
        self._first = next(iter(self._keys))

    def seal(self, plain: str, *, context: bytes) -> bytes:
        """The secret, encrypted; twice the same secret is twice something else."""
        head = _FORMAT + self._first + secrets.token_bytes(_NONCE_BYTES)
        return head + self._keys[self._first].encrypt(head[_NAMED:], plain.encode(), head + context)

    def open(self, sealed: bytes, *, context: bytes) -> str:
        """The secret again; raises UnknownSecretKey or SealBroken."""
        key = self._keys.get(_name(sealed))
        if key is None:
            raise UnknownSecretKey("it was sealed with a key that is not in WEBHOOK_SECRET_KEYS")
        head, ciphertext = sealed[:_HEAD], sealed[_HEAD:]
        try:
            return key.decrypt(head[_NAMED:], ciphertext, head + context).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBroken("it does not open") from error

    def needs_reseal(self, sealed: bytes) -> bool:
        """Whether it was sealed with another key than the first."""
        return _name(sealed) != self._first


def _name(sealed: bytes) -> bytes:
    """Which key it was sealed with."""
    if not sealed.startswith(_FORMAT) or len(sealed) < _HEAD:
        raise SealBroken("it was not sealed by us")
    return sealed[len(_FORMAT) : _NAMED]


def _derive(key: str, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"postagens secret box: " + purpose).derive(key.encode())
