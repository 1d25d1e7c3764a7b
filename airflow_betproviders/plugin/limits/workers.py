"""Threads of the page: few, and with a short queue, so that Airflow's own threads stay free."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from fastapi import HTTPException

from airflow_betproviders.plugin.limits.refusals import failed, later

log = logging.getLogger(__name__)

T = TypeVar("T")


class Workers:
    """Run blocking work in a bounded number of threads.

    Args:
        threads: how many run at once.
        waiting: how many more may wait for one of them.
        per_user: how many of these one user may have at a time.
        seconds: how long a request may take, its waiting included.
    """

    def __init__(self, threads: int = 4, waiting: int = 28, per_user: int = 6, seconds: float = 60) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="betproviders-page")
        self._most, self._per_user, self._seconds = threads + waiting, per_user, seconds
        self._lock = Lock()
        self._running: Counter[str] = Counter()

    async def run(self, user: str, work: Callable[..., T], *args: Any) -> T:
        """Return what ``work(*args)`` returns, once a thread has run it for this user.

        Raises:
            HTTPException: 429 where the user has too many requests already, 503 where everybody together has, where the
                work takes too long, or where it fails with another error; the reason of a failure is in the log alone, since a store's
                message may hold an address with a key in it.
        """
        self._admit(user)
        job = self._pool.submit(work, *args)
        job.add_done_callback(lambda done: self._release(user, done))
        answer = asyncio.wrap_future(job)
        await asyncio.wait({answer}, timeout=self._seconds)
        if not answer.done():
            job.cancel()  # it may still be in the queue
            answer.cancel()
            raise later(503, "The lake is still being read.")
        try:
            return answer.result()
        except HTTPException:
            raise
        except Exception as problem:
            log.exception("a request of the coverage page failed")
            raise failed(type(problem).__name__) from problem

    def close(self) -> None:
        """Wait for what still runs."""
        self._pool.shutdown()

    def _admit(self, user: str) -> None:
        with self._lock:
            if self._running[user] >= self._per_user:
                raise later(429, f"You have {self._per_user} requests to this page under way.")
            if self._running.total() >= self._most:
                raise later(503, "The page is busy: too many people look at it at once.")
            self._running[user] += 1

    def _release(self, user: str, _done: Future[Any]) -> None:
        with self._lock:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]
