"""Cache results for seconds, so that many equal requests cost no more than one."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class ShortCache(Generic[V]):
    """Keep results for some seconds. Compute each only once, however many threads request it.

    Args:
        seconds: how long a result is kept after it was made.
        max_results: how many results are kept.
    """

    def __init__(self, seconds: float, max_results: int) -> None:
        self._seconds, self._max_results = seconds, max_results
        self._lock = Lock()
        self._kept: dict[Hashable, tuple[float, Future[V]]] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the result of a key, or compute it. Every waiting thread gets an error of ``make``; it is not cached."""
        with self._lock:
            self._evict()
            known = self._kept.get(key)
            result = known[1] if known else Future[V]()
            if not known:
                self._kept[key] = (float("inf"), result)
        if not known:
            self._make(key, result, make)
        return result.result()

    def clear(self) -> None:
        """Drop every result."""
        with self._lock:
            self._kept.clear()

    def _make(self, key: Hashable, result: Future[V], make: Callable[[], V]) -> None:
        until = 0.0
        try:
            result.set_result(make())
            until = time.monotonic() + self._seconds
        except BaseException as problem:  # noqa: BLE001 - raised again by result() in every thread that waits
            result.set_exception(problem)
        with self._lock:
            self._kept[key] = (until, result)

    def _evict(self) -> None:
        now = time.monotonic()
        for key in [key for key, (until, _) in self._kept.items() if until < now]:
            del self._kept[key]
        done = [key for key, (_, result) in self._kept.items() if result.done()]
        for key in done[: max(0, len(self._kept) - self._max_results + 1)]:
            del self._kept[key]
