"""Limit the requests of each user, so that no client can keep the API server busy."""

from __future__ import annotations

import asyncio
import math
import time

from airflow_betproviders.plugin.limits.refusals import retry_later

_MOST_USERS = 1000


class UserRateLimiter:
    """Allow each user some requests a second. Further requests wait, without a thread.

    Even a refusal waits. Otherwise a client that ignores refusals would only send requests faster.

    Args:
        per_second: requests of one user a second.
        burst: requests that may come at once after a pause.
        longest_wait: the most seconds that a request waits. A request that would wait longer is refused after this time.
    """

    def __init__(self, per_second: float = 10, burst: int = 20, longest_wait: float = 2) -> None:
        self._interval, self._burst, self._longest_wait = 1 / per_second, burst / per_second, longest_wait
        self._next: dict[str, float] = {}  # when the next request of a user may begin; used by the event loop alone

    async def wait(self, user: str) -> None:
        """Wait until the user may send another request.

        Raises:
            HTTPException: 429, too many requests of the user wait already.
        """
        now = time.monotonic()
        turn = max(self._next.get(user, -math.inf), now - self._burst)
        if turn - now > self._longest_wait:
            await asyncio.sleep(self._longest_wait)
            raise retry_later(429, "You send too many requests to this page.")
        if len(self._next) >= _MOST_USERS:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._next[user] = turn + self._interval
        await asyncio.sleep(max(0.0, turn - now))
