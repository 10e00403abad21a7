"""What every answer tells browsers and caches: to take it for nothing else, to show it nowhere else, and not to keep what is private."""

from typing import Final
from urllib.parse import urlsplit

Header = tuple[bytes, bytes]

_POLICY: Final = b"content-security-policy"
_CACHING: Final = b"cache-control"
# Data is no page: whoever makes a browser show it gets nothing that runs, loads or can be framed.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
NO_STORE: Final = "no-store"
_OF_DATA: Final[Header] = (_POLICY, DATA_POLICY.encode())
_OF_ACCOUNTS: Final[Header] = (_CACHING, NO_STORE.encode())
_API: Final = "/api/v1/"
_PUBLIC: Final = "/api/v1/tracking"
_YEAR_SECONDS: Final = 31_536_000


def server_headers(public_url: str) -> list[tuple[str, str]]:
    """What the HTTP server itself writes into every answer, also where no application has seen the request.

    Strict-Transport-Security (RFC 6797) is for this host alone: what other names do below it is not ours to say.
    """
    headers = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer")]
    if urlsplit(public_url).scheme == "https":
        headers.append(("Strict-Transport-Security", f"max-age={_YEAR_SECONDS}"))
    return headers


def missing_headers(path: str, headers: list[Header]) -> list[Header]:
    """What an answer from this path still lacks: a policy where it has none of its own, and no-store for what is of an account."""
    names = {name for name, _ in headers}
    missing: list[Header] = [] if _POLICY in names else [_OF_DATA]
    if _CACHING not in names and path.startswith(_API) and not path.startswith(_PUBLIC):
        missing.append(_OF_ACCOUNTS)
    return missing
