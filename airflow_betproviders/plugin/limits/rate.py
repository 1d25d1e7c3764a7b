"""Limit how often a user may ask, so that a client that asks without a pause does not keep the API server busy."""

from __future__ import annotations

import asyncio
import time

from airflow_betproviders.plugin.limits.refusals import later

_MOST_USERS = 1000


class UserRateLimiter:
    """Allow each user some requests a second. Further requests wait, without a thread.

    Even a refusal waits: otherwise a client that ignores it would only ask faster.

    Args:
        per_second: requests of one user a second.
        burst: how many of them may come at once after a pause.
        longest_wait: seconds that a request waits at most for its turn. One with a longer wait is refused after this time.
    """

    def __init__(self, per_second: float = 10, burst: int = 20, longest_wait: float = 2) -> None:
        self._interval, self._burst, self._longest_wait = 1 / per_second, burst / per_second, longest_wait
        self._next: dict[str, float] = {}  # when the next request of a user may begin; used by the event loop alone

    async def wait(self, user: str) -> None:
        """Wait for the user's turn.

        Raises:
            HTTPException: 429, too many requests of the user wait already.
        """
        now = time.monotonic()
        turn = max(self._next.get(user, 0.0), now - self._burst)
        if turn - now > self._longest_wait:
            await asyncio.sleep(self._longest_wait)
            raise later(429, "You ask this page too often.")
        if len(self._next) >= _MOST_USERS:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._next[user] = turn + self._interval
        await asyncio.sleep(max(0.0, turn - now))
