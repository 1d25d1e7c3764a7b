"""Limits that workers on several machines share, kept in Redis by the `limits` library."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import TYPE_CHECKING

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.exceptions import InvalidArgument, ProviderUnavailable

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

# A call needs time from here to the provider, and not always the same: so much later may the earlier of two arrive.
_JITTER = 0.25
# A place is free just after the moment that the storage tells.
_MARGIN = 0.05


class SharedRateLimiter:
    """One account's limits, for all workers that name the same storage."""

    def __init__(self, storage: str, account: str, limits: Limits) -> None:
        """Name the storage (``redis://host:6379/0``) and the account whose limits it keeps.

        Raises:
            InvalidArgument: a package is missing; names it and the extra.
        """
        self._account = account
        self._limits = limits
        self._limiter = _limiter(storage)

    def acquire(self, *, page: bool = False) -> float:
        """Take the place of one call now, or return how many seconds to wait before the next try.

        Raises:
            ProviderUnavailable: the storage cannot be reached.
        """
        places = [self._place("answers", _spaced(self._limits.between_pages.total_seconds()))]
        if not page and self._limits.spacing != self._limits.between_pages:
            places.append(self._place("calls", _spaced(self._limits.spacing.total_seconds())))
        if self._limits.quota and self._limits.counts(page=page):
            calls, period = self._limits.quota
            # Last, so that a call that has to wait for another reason takes no place of the quota.
            places.append(self._place("quota", _at_most(calls, period.total_seconds() + 1)))
        try:
            for item, key in reversed(places if len(places) > 1 else ()):
                if not self._limiter.test(item, *key):
                    return self._seconds_left(item, key)
            for item, key in places:
                if not self._limiter.hit(item, *key):
                    return self._seconds_left(item, key)
        except Exception as error:  # noqa: BLE001 - each storage has errors of its own, which may name its password
            kind = type(error).__name__
        else:
            return 0.0
        raise ProviderUnavailable(
            f"the storage of the shared rate limit cannot be reached ({kind}); check extra rate_limit_storage"
        )

    def _place(self, kind: str, item: RateLimitItem) -> tuple[RateLimitItem, tuple[str, ...]]:
        return item, ("betproviders", *(() if kind == "answers" else (kind,)), self._account)

    def _seconds_left(self, item: RateLimitItem, key: tuple[str, ...]) -> float:
        reset, _ = self._limiter.get_window_stats(item, *key)
        return max(reset - time.time(), 0.0) + _MARGIN


def _spaced(seconds: float) -> RateLimitItem:
    """`limits` counts in whole seconds: one call in so many, or so many calls in one."""
    if seconds >= 1:
        return _at_most(1, seconds + _JITTER)
    return _at_most(max(1, math.floor(1 / max(seconds, 0.001))), 1)


def _at_most(calls: int, seconds: float) -> RateLimitItem:
    from limits import RateLimitItemPerSecond

    return RateLimitItemPerSecond(calls, math.ceil(seconds))


@cache
def _limiter(storage: str) -> MovingWindowRateLimiter:
    try:
        from limits.errors import ConfigurationError
        from limits.storage import storage_from_string
        from limits.strategies import MovingWindowRateLimiter
    except ImportError:
        raise _missing() from None
    try:
        return MovingWindowRateLimiter(storage_from_string(storage))
    except ConfigurationError:
        raise _missing() from None


def _missing() -> InvalidArgument:
    return InvalidArgument(
        "extra rate_limit_storage needs packages that are not installed: "
        "pip install 'airflow-provider-betproviders[redis]'"
    )
