"""Tracking codes: the shape and check digit of UPU standard S10-12.

The database makes them; here they are only read.
"""

import re
from operator import mul
from typing import Final

from app.models.fields import TRACKING_CODE

WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
_CHECK_DIGITS: Final = (5, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1)
"""By S mod 11."""
_SHAPE: Final = re.compile(TRACKING_CODE)


def check_digit(serial: str) -> int:
    """The check digit of eight digits: C = 11 - (S mod 11), where 10 becomes 0 and 11 becomes 5."""
    # By the digits' bytes: each is 48 more than its digit, and 48 times the sum of the weights is a multiple of 11.
    return _CHECK_DIGITS[sum(map(mul, WEIGHTS, serial.encode())) % 11]


def normalize_tracking_code(text: str) -> str:
    """The code as it is stored: without spaces and hyphens, in capitals."""
    if _SHAPE.fullmatch(text):
        return text
    bare = re.sub(r"[\s-]", "", text)
    # Beyond ASCII, capitals are guesses: those of ß are SS.
    return bare.upper() if bare.isascii() else bare


def is_tracking_code(code: str) -> bool:
    """Whether shape and check digit are right. Never looks at a list of prefixes."""
    return _SHAPE.fullmatch(code) is not None and check_digit(code[2:10]) == int(code[10])
