"""Keep an account's calls to its provider's limits, across threads, extractions and tasks."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument, ProviderUnavailable, QuotaExhausted
from airflow_betproviders.extraction.fetch.source import AnswerPermit, SharedLimiter, Source

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

log = logging.getLogger(__name__)

# Connections in use at once, where the provider sets no pace.
CONNECTIONS = 4
# Seconds that a worker is held for a call's turn; a longer wait defers the task.
LONGEST_WAIT = 900.0
# Longest single sleep, so that the end of an extraction is noticed soon.
_LONGEST_SLEEP = 1.0
# A wait of so many seconds or more is logged.
_LOGGED_FROM = 60.0
# A call needs time from here to the provider, and not always the same: so much later may the earlier of two arrive.
_JITTER = 0.25
# A place is free just after the moment that the storage names.
_MARGIN = 0.05


class RateLimiter:
    """Keeps calls of one account apart, as its provider's `Limits` say.

    Without a storage that tasks share, the first call waits a full interval too, since another task may have called just
    before, and a quota of five calls an hour becomes one call in twelve minutes: this keeps the quota whatever the tasks
    before have used of it, as long as they run one after the other. Intervals run from the answer of the call before, so
    that jitter on the way cannot bring two calls closer together at the provider.

    Attributes:
        waited: seconds that calls have waited for their turn in this process.
        calls: calls that this process has made, refused and repeated ones included.
    """

    _held: ClassVar[dict[tuple[str, str, str], RateLimiter]] = {}
    _guard = threading.Lock()

    def __init__(self, limits: Limits, shared: SharedLimiter | None = None) -> None:
        """Begin every interval now, unless a shared storage knows of the calls before."""
        self.limits = limits
        self.shared = shared
        self._lock = threading.Lock()
        self._connections = threading.Semaphore(CONNECTIONS)
        began = time.monotonic() if shared is None else float("-inf")
        self._call = self._answer = self._counted = began
        self._paused_until = float("-inf")
        self.waited = 0.0
        self.calls = 0

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
    def turn(
        self, permit: AnswerPermit, *, page: bool = False, calls_before: int = 0, ended: threading.Event | None = None
    ) -> Iterator[None]:
        """Hold the account for one call, once its turn has come; without limits a few calls may overlap.

        An answer that waits for its permit doesn't count as one of these, so that other calls can be made meanwhile.

        Args:
            permit: lets the call's answer into memory.
            page: whether the call turns a page.
            calls_before: earlier calls of its slot. A slot that needs more than a quota waits in the worker: deferred, it
                would start over, and never end.
            ended: set when the call is no longer wanted; its turn comes at once then.

        Raises:
            QuotaExhausted: the turn comes later than a worker should be held.
        """
        if not self.limits.sequential:
            with self._connections:
                self._wait(page, calls_before, ended)
                permit.connection = self._connections
                try:
                    yield
                finally:
                    permit.connection = None
            return
        with self._lock:
            self._wait(page, calls_before, ended)
            try:
                yield
            finally:
                self._note(page)

    def pause(self, seconds: float) -> None:
        """Let no call of the account begin for so long: the provider asked for it."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _wait(self, page: bool, calls_before: int, ended: threading.Event | None) -> None:
        while not (ended and ended.is_set()):
            seconds = self._seconds_left(page)
            if seconds <= 0 and self.shared:
                seconds = self.shared.acquire(page=page)
                quota = self.limits.quota
                if seconds > LONGEST_WAIT and not (quota and calls_before >= quota[0]):
                    raise _exhausted(self.limits, seconds)
            if seconds <= 0:
                return
            if seconds > _LOGGED_FROM:
                log.info("the next call may be made in %.0f s", seconds)
            self.waited += seconds
            _sleep(seconds, ended)

    def _seconds_left(self, page: bool) -> float:
        limits, turns = self.limits, [self._paused_until]
        turns.append(self._answer + limits.shortest_spacing.total_seconds())
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
        time.sleep(min(left, _LONGEST_SLEEP))


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
        """Take the place of one call now, or return how many seconds to wait; see `SharedLimiter.acquire`."""
        places = [self._place("answers", _spaced(self._limits.shortest_spacing.total_seconds()))]
        if not page and self._limits.spacing != self._limits.shortest_spacing:
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
    """Return the rate in the terms of `limits`, which counts in seconds: one call in so many, or so many calls in one."""
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
