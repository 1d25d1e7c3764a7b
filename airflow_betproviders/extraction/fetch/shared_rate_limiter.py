"""A budget of calls that workers on several machines share, kept in Redis by the `limits` library."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

# A call needs time from here to the provider, and not always the same: so much later may the earlier of two arrive.
_JITTER = 0.25


class SharedRateLimiter:
    """One call an interval, for all workers that name the same storage."""

    def __init__(self, storage: str, account: str, interval: float) -> None:
        """Name the storage (``redis://host:6379/0``), whose budget it is, and the least seconds between two calls."""
        self._account = account
        self._item = _item(interval)
        self._limiter = _limiter(storage)

    def wait(self) -> None:
        """Wait for a place."""
        while not self._limiter.hit(self._item, "betproviders", self._account):
            reset, _ = self._limiter.get_window_stats(self._item, "betproviders", self._account)
            time.sleep(min(max(reset - time.time(), 0.05), 1.0))


def _item(interval: float) -> RateLimitItem:
    """`limits` counts in whole seconds: one call in so many, or so many calls in one."""
    from limits import RateLimitItemPerSecond

    if interval >= 1:
        return RateLimitItemPerSecond(1, math.ceil(interval + _JITTER))
    return RateLimitItemPerSecond(max(1, math.floor(1 / max(interval, 0.001))))


@cache
def _limiter(storage: str) -> MovingWindowRateLimiter:
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter

    return MovingWindowRateLimiter(storage_from_string(storage))
