"""Map HTTP statuses to errors.

| status | becomes | why |
|---|---|---|
| 206 | `ProviderUnavailable` | a part of the answer, as a defective cache gives it; no call requests one |
| other 2xx | success | |
| 3xx, 403, 404, 409, 421, 423, 425 | `ProviderUnavailable` | a gateway that is being deployed answers so; a few tries, then Airflow's retries |
| 401 | `ProviderAuthError` | the account, or the caller's address |
| 407 | `ProviderAuthError` | the proxy's own login |
| 408, other 5xx | `ProviderUnavailable` | |
| 429 | `ProviderRateLimited` | waits as ``Retry-After`` says |
| 503 | `ProviderUnavailable` | waits as ``Retry-After`` says |
| 504, 524 | `ProviderOverloaded` | fewer rows may help; 524 is Cloudflare's |
| any other | `ProviderRequestError` | 400, 405, 410, 414, 422, ... |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from airflow_betproviders.exceptions import (
    BetProviderError,
    ProviderAuthError,
    ProviderOverloaded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)

Headers: TypeAlias = Mapping[str, str]

_LONGEST = 10 * 366 * 86_400.0  # a wait in seconds; beyond it a date has no end
_PATH = "check the connection's host, path prefix included"
_ADDRESS = "check the account, its key, and that this address is on the provider's whitelist"
_ASK = "if this goes on, ask the provider"
_ERRORS: Mapping[int, tuple[type[BetProviderError], str]] = {
    206: (ProviderUnavailable, "a cache or gateway gives only a part of the answer; ask who runs it"),
    401: (ProviderAuthError, _ADDRESS),
    403: (ProviderUnavailable, f"if this goes on, {_ADDRESS}"),
    404: (ProviderUnavailable, f"if this goes on, {_PATH}"),
    408: (ProviderUnavailable, _ASK),
    407: (ProviderAuthError, "a proxy before the provider wants a login; ask who runs it"),
    409: (ProviderUnavailable, _ASK),
    421: (ProviderUnavailable, _ASK),
    423: (ProviderUnavailable, _ASK),
    425: (ProviderUnavailable, _ASK),
    429: (ProviderRateLimited, "called too often"),
    504: (ProviderOverloaded, _ASK),
    524: (ProviderOverloaded, _ASK),
}
_SERVER_ERROR: tuple[type[BetProviderError], str] = (ProviderUnavailable, _ASK)
_REDIRECT: tuple[type[BetProviderError], str] = (ProviderUnavailable, f"if this goes on, {_PATH}")
_OTHER: tuple[type[BetProviderError], str] = (ProviderRequestError, _PATH)


def error_of(status: int, host: str, headers: Headers) -> BetProviderError | None:
    """Return the error that an answer's HTTP status stands for; None for success.

    Args:
        status: the HTTP status.
        host: host and port, for the message.
        headers: the answer's headers, a mapping that ignores case.
    """
    if 200 <= status < 300 and status not in _ERRORS:
        return None
    kind, cure = _ERRORS.get(status) or (_SERVER_ERROR if status >= 500 else _REDIRECT if status < 400 else _OTHER)
    error = kind(f"{host} answered HTTP {status}{_target(headers)}: {cure}")
    if status in {429, 503}:
        error.retry_after = retry_after(headers)
    return error


def retry_after(headers: Headers) -> float | None:
    """Return how many seconds ``Retry-After`` asks to wait, in seconds or until a date; None where it says nothing.

    A date counts from the answer's own ``Date``, so that a difference of the clocks doesn't matter. Of several numbers, such as a
    gateway's and the provider's, the greatest counts.
    """
    text = headers.get("Retry-After", "").strip()
    numbers = [number.strip() for number in text.split(",")]
    if all(re.fullmatch(r"\d{1,100}(\.\d{1,9})?", number, re.ASCII) for number in numbers):
        return min(max(map(float, numbers)), _LONGEST)
    until, now = _date(text), _date(headers.get("Date", "")) or datetime.now(timezone.utc)
    seconds = (until - now).total_seconds() if until else 0.0
    return min(seconds, _LONGEST) if seconds > 0 else None


def answered_at(headers: Headers) -> datetime | None:
    """Return the answer's ``Date``, by the provider's clock; None where it has none, or not in the form that HTTP prescribes."""
    text = headers.get("Date", "").strip()
    return _date(text) if text.endswith(" GMT") else None


def _date(text: str) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError, IndexError):
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return None


def _target(headers: Headers) -> str:
    """Return the host that a redirect leads to, without its path, which may repeat a signature."""
    with suppress(ValueError):
        host = urlsplit(headers.get("Location", "")).hostname
        return f", a redirect to {host[:100]}" if host else ""
    return ""
