"""How a replay is to be played."""

import re
from dataclasses import dataclass

from app.replay.errors import ReplayError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """Where to and how; raises ReplayError on a value that makes no sense.

    The same `run` and orders a second time meet the same clients, postings and updates. Without a `run` or a `seed`
    the replay draws one and prints it.
    """

    url: str = "http://127.0.0.1:8000"
    shuffle: bool = False
    duplicate: float = 0.0
    seed: int | None = None
    concurrency: int = 32
    run: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", self.url):
            raise ReplayError(f"--url must be an address such as http://127.0.0.1:8000, not {self.url!r}.")
        if not 0 <= self.duplicate <= 1:
            raise ReplayError(f"--duplicate is a share between 0 and 1, not {self.duplicate}.")
        if self.concurrency < 1:
            raise ReplayError(f"--concurrency must be at least 1, not {self.concurrency}.")
        if self.run is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", self.run):
            raise ReplayError(f"--run is up to 32 small letters, digits and hyphens, not {self.run!r}.")
