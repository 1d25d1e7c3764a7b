"""Keep an account's calls to its provider's limits, across threads, extractions and tasks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import ClassVar

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import QuotaExhausted
from airflow_betproviders.extraction.fetch.shared_rate_limiter import SharedRateLimiter
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source

log = logging.getLogger(__name__)

# Connections in use at once, where the provider sets no pace.
CONNECTIONS = 4
# Seconds that a worker is held for a call's turn; a longer wait defers the task.
LONGEST_WAIT = 900.0
# Longest sleep in one go, so that an extraction that has ended is soon noticed.
_NAP = 1.0
_WORTH_TELLING = 60.0


class RateLimiter:
    """Keeps calls of one account apart, as its provider's `Limits` say.

    Without a storage that tasks share, the first call waits a whole interval too, since another task may have called just
    before, and a quota of five calls an hour becomes one call in twelve minutes: this keeps the quota whatever the tasks
    before have used of it, as long as they run one after the other. Intervals run from the answer of the call before, so
    that jitter on the way cannot bring two calls closer together at the provider.
    """

    _held: ClassVar[dict[tuple[str, str, str], RateLimiter]] = {}
    _guard = threading.Lock()

    def __init__(self, limits: Limits, shared: SharedRateLimiter | None = None) -> None:
        """Begin every interval now, unless a shared storage knows of the calls before."""
        self.limits = limits
        self.shared = shared
        self._lock = threading.Lock()
        self._connections = threading.Semaphore(CONNECTIONS)
        began = time.monotonic() if shared is None else float("-inf")
        self._call = self._answer = self._counted = began
        self._paused_until = float("-inf")

    @classmethod
    def of(cls, source: Source, stream: Stream) -> RateLimiter:
        """Return the limiter of an account, or of one of its streams that has limits of its own; one in this process."""
        limits, shared = source.limits(stream), source.shared_limiter(stream)
        scope = (stream.provider, source.account, stream.name if stream.limits else "")
        with cls._guard:
            limiter = cls._held.setdefault(scope, cls(limits, shared))
        limiter.limits, limiter.shared = limits, shared
        return limiter

    @contextmanager
    def turn(self, permit: AnswerPermit, *, page: bool = False, ended: threading.Event | None = None) -> Iterator[None]:
        """Hold the account for one call, once its turn has come; without limits a few calls may overlap.

        An answer that waits for its permit doesn't count as one of these, so that other calls can be made meanwhile.

        Args:
            permit: lets the call's answer into memory.
            page: whether the call turns a page.
            ended: set when the call is no longer wanted; its turn comes at once then.

        Raises:
            QuotaExhausted: the turn comes later than a worker should be held.
        """
        if not self.limits.apart:
            with self._connections:
                self._wait(page, ended)
                permit.connection = self._connections
                try:
                    yield
                finally:
                    permit.connection = None
            return
        with self._lock:
            self._wait(page, ended)
            try:
                yield
            finally:
                self._note(page)

    def pause(self, seconds: float) -> None:
        """Let no call of the account begin for so long: the provider asked for it."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _wait(self, page: bool, ended: threading.Event | None) -> None:
        while not (ended and ended.is_set()):
            seconds = self._seconds_left(page)
            if seconds <= 0 and self.shared:
                seconds = self.shared.acquire(page=page)
                if seconds > LONGEST_WAIT:
                    raise _exhausted(self.limits, seconds)
            if seconds <= 0:
                return
            if seconds > _WORTH_TELLING:
                log.info("the next call may be made in %.0f s", seconds)
            _sleep(seconds, ended)

    def _seconds_left(self, page: bool) -> float:
        limits, turns = self.limits, [self._paused_until]
        turns.append(self._answer + limits.between_pages.total_seconds())
        if not page:
            turns.append(self._call + limits.spacing.total_seconds())
        if limits.quota and not self.shared and limits.counts(page=page):
            calls, period = limits.quota
            turns.append(self._counted + period.total_seconds() / calls)
        return max(turns) - time.monotonic()

    def _note(self, page: bool) -> None:
        self._answer = time.monotonic()
        if not page:
            self._call = self._answer
        if self.limits.counts(page=page):
            self._counted = self._answer


def _exhausted(limits: Limits, seconds: float) -> QuotaExhausted:
    error = QuotaExhausted(
        f"the provider's quota ({limits}) is used up; the next call may be made in {seconds / 60:.0f} minutes"
    )
    error.retry_at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return error


def _sleep(seconds: float, ended: threading.Event | None) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not (ended and ended.is_set()):
        time.sleep(min(left, _NAP))
