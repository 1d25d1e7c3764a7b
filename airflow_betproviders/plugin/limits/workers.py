"""Run the page's blocking work in few threads with a short queue, so that Airflow's own threads stay free."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from fastapi import HTTPException

from airflow_betproviders.plugin.limits.refusals import request_failed, retry_later

log = logging.getLogger(__name__)

T = TypeVar("T")


class Workers:
    """Run blocking work in a bounded number of threads.

    Args:
        threads: requests that run at once.
        waiting: further requests that may wait for a thread.
        per_user: requests that one user may have running or waiting.
        seconds: how long a request may take, waiting included.
    """

    def __init__(self, threads: int = 4, waiting: int = 28, per_user: int = 6, seconds: float = 60) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="betproviders-page")
        self._most, self._per_user, self._seconds = threads + waiting, per_user, seconds
        self._lock = Lock()
        self._running: Counter[str] = Counter()

    async def run(self, user: str, work: Callable[..., T], *args: Any) -> T:
        """Run ``work(*args)`` in a thread for a user and return its result.

        Raises:
            HTTPException: 429, the user has too many requests; 503, all users together have too many, the work takes too
                long, or it failed. Only the log has the reason of a failure: a store's message may hold a secret.
        """
        self._admit(user)
        job = self._pool.submit(work, *args)
        job.add_done_callback(lambda done: self._release(user, done))
        answer = asyncio.wrap_future(job)
        await asyncio.wait({answer}, timeout=self._seconds)
        if not answer.done():
            job.cancel()  # it may still be in the queue
            answer.cancel()
            raise retry_later(503, "The lake is still being read.")
        try:
            return answer.result()
        except HTTPException:
            raise
        except Exception as problem:
            log.exception("a request of the coverage page failed")
            raise request_failed(type(problem).__name__) from problem

    def close(self) -> None:
        """Wait for the running requests, and end the threads."""
        self._pool.shutdown()

    def _admit(self, user: str) -> None:
        with self._lock:
            if self._running[user] >= self._per_user:
                raise retry_later(429, f"You have {self._per_user} requests to this page under way.")
            if self._running.total() >= self._most:
                raise retry_later(503, "The page is busy: too many users have requests to it.")
            self._running[user] += 1

    def _release(self, user: str, _done: Future[Any]) -> None:
        with self._lock:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]
