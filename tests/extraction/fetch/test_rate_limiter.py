"""Limits are kept to the letter: spacing, pages apart, quotas, across threads and tasks, on a simulated clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

import pytest

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.exceptions import ProviderRateLimited, ProviderUnavailable, QuotaExhausted
from airflow_betproviders.extraction.fetch import calls as calling
from airflow_betproviders.extraction.fetch import rate_limiter
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.rate_limiter import LONGEST_WAIT, RateLimiter, SharedRateLimiter
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from tests.clock import Clock
from tests.extraction.vendor import BETS, FIVE, HOUR, SLOT, Vendor

MINUTE = timedelta(minutes=1)
# Quill's document: five requests an hour, one minute between requests that do not turn a page.
QUILL = Limits(spacing=MINUTE, page_spacing=timedelta(seconds=10), quota=(5, HOUR))


class WallClock(datetime):
    """The time of day by ``time.time``, which the tests move."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(time.time(), tz)


@pytest.fixture
def clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let the wall clock go with the monotonic one, and give each test a storage of its own."""
    offset = FIVE.timestamp() - clock.now
    monkeypatch.setattr(time, "time", lambda: clock.now + offset)
    for module in (calling, rate_limiter):
        monkeypatch.setattr(module, "datetime", WallClock)
    rate_limiter._limiter.cache_clear()
    yield clock
    rate_limiter._limiter.cache_clear()


def shared(limits: Limits) -> SharedRateLimiter:
    return SharedRateLimiter("memory://", "quill/one", limits)


def at(clock: Clock, limiter: RateLimiter, *pages: bool) -> list[float]:
    """Return when calls are made, in seconds after the first moment."""
    began, times = clock.now, []
    for page in pages:
        with limiter.turn(AnswerPermit(), page=page):
            times.append(clock.now - began)
    return times


def test_pages_are_spaced_apart_from_other_calls(clock: Clock) -> None:
    limits = replace(QUILL, quota=None)
    times = at(clock, RateLimiter(limits), False, True, True, False)
    assert times == pytest.approx([60, 70, 80, 120])


@pytest.mark.parametrize("pages_count", [True, False])
def test_without_a_storage_a_quota_is_an_even_spacing_from_the_start_on(clock: Clock, pages_count: bool) -> None:
    """Five an hour is one in twelve minutes: whatever the task before has used, no hour has a sixth call."""
    limits = replace(QUILL, pages_count=pages_count)
    times = at(clock, RateLimiter(limits), False, False, True, False)
    third = 2160 if pages_count else 1450
    assert times == pytest.approx([720, 1440, third, third + 720 if pages_count else 2160])


def test_a_quota_in_a_storage_is_a_moving_window_and_a_long_wait_is_left_to_the_task(clock: Clock) -> None:
    limiter = RateLimiter(QUILL, shared(QUILL))
    assert at(clock, limiter, False, True, True, True, False) == pytest.approx([0, 11, 22, 33, 61], abs=1)
    began = clock.now
    with pytest.raises(
        QuotaExhausted, match=r"5 calls in 60 minutes.* is used up; the next call may be made in 5[89] minutes"
    ) as it:
        at(clock, limiter, False)
    assert clock.now - began <= 60  # the spacing, no more
    assert it.value.retry_at is not None
    wait = it.value.retry_at.timestamp() - time.time()
    clock.now += wait
    assert at(clock, limiter, False) == pytest.approx([0], abs=1.5)


def test_pages_that_do_not_count_go_on_when_the_quota_is_used_up(clock: Clock) -> None:
    limits = replace(QUILL, pages_count=False)
    limiter = RateLimiter(limits, shared(limits))
    at(clock, limiter, *[False] * 5, *[True] * 7)
    with pytest.raises(QuotaExhausted):
        at(clock, limiter, False)


def test_no_stretch_of_an_hour_has_a_sixth_call_whoever_makes_them(clock: Clock) -> None:
    """Two tasks with a storage in common, one after the other in whatever order, over ten hours."""
    tasks = [RateLimiter(QUILL, shared(QUILL)) for _ in range(2)]
    calls: list[float] = []
    began = clock.now
    while clock.now < began + 36_000:
        limiter = tasks[len(calls) % 2]
        try:
            with limiter.turn(AnswerPermit(), page=len(calls) % 3 == 1):
                calls.append(clock.now)
        except QuotaExhausted:
            clock.now += 60
    assert 48 <= len(calls) <= 55
    assert all(later - earlier > 3600 for earlier, later in zip(calls, calls[5:], strict=False))
    assert all(later - earlier >= 10 for earlier, later in pairwise(calls))


def test_a_short_wait_for_the_quota_keeps_the_worker(clock: Clock) -> None:
    limits = Limits(spacing=timedelta(seconds=1), quota=(2, timedelta(minutes=10)))
    times = at(clock, RateLimiter(limits, shared(limits)), False, False, False)
    assert times == pytest.approx([0, 2, 601], abs=1)


def test_a_storage_that_cannot_be_reached_is_our_error(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = shared(QUILL)

    def fail(*_args: Any) -> bool:
        raise ConnectionError("redis://:password@host")

    monkeypatch.setattr(broken._limiter, "test", fail)
    with pytest.raises(
        ProviderUnavailable, match=r"storage of the shared rate limit cannot be reached \(Connection"
    ) as it:
        RateLimiter(QUILL, broken).turn(AnswerPermit()).__enter__()
    assert "password" not in str(it.value)
    assert it.value.__context__ is None


def test_an_extraction_that_has_ended_waits_no_longer(clock: Clock) -> None:
    ended = threading.Event()
    ended.set()
    began = clock.now
    with RateLimiter(QUILL).turn(AnswerPermit(), ended=ended):
        assert clock.now - began <= 60  # the spacing, no more


# ------------------------------------------------------------------ a caller


class Quill(Vendor):
    """A vendor of bets that notes when it is asked, and may refuse."""

    def __init__(self, rows: list[dict[str, Any]], limits: Limits, *errors: Exception) -> None:
        super().__init__(rows)
        self.kept, self.errors, self.times = limits, list(errors), []  # type: ignore[var-annotated]

    def limits(self, stream: Any) -> Limits:
        return self.kept

    def request(self, *args: Any, **kwargs: Any) -> bytes:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return super().request(*args, **kwargs)


def text(body: bytes, check: Callable[..., None]) -> str:
    return body.decode()


def waiting(seconds: float, kind: type[ProviderUnavailable] = ProviderUnavailable) -> ProviderUnavailable:
    error = kind("HTTP 503")
    error.retry_after = seconds
    return error


def test_a_further_call_of_a_window_turns_a_page_and_a_repeated_one_does_not(clock: Clock) -> None:
    vendor = Quill([], replace(QUILL, quota=None), ProviderUnavailable("502"))
    caller = Caller(vendor, BETS, text)
    caller(SLOT, {"page": 1, "size": 3})
    caller(SLOT, {"page": 2, "size": 3})
    caller(SLOT, {"page": 1, "size": 3})
    gaps = [later - earlier for earlier, later in pairwise(vendor.times)]
    assert gaps == pytest.approx([60, 10, 50], abs=2.5)


@pytest.mark.parametrize("limits", [Limits(), Limits(spacing=timedelta(seconds=1))])
@pytest.mark.parametrize("kind", [ProviderUnavailable, ProviderRateLimited])
def test_while_the_provider_asks_to_wait_no_call_of_the_account_is_made(
    clock: Clock, limits: Limits, kind: type[ProviderUnavailable]
) -> None:
    vendor = Quill([], limits, waiting(8, kind))
    Caller(vendor, BETS, text)(SLOT, {"page": 1, "size": 3})
    assert vendor.times[1] - vendor.times[0] == pytest.approx(8, abs=1)
    RateLimiter.of(vendor, BETS).pause(8)
    Caller(vendor, BETS, text)(SLOT, {"page": 1, "size": 3})
    assert vendor.times[2] - vendor.times[1] >= 8


@pytest.mark.parametrize("seconds", [LONGEST_WAIT + 1, 7200, 1e9])
@pytest.mark.parametrize("kind", [ProviderUnavailable, ProviderRateLimited])
def test_a_longer_wait_says_until_when_and_is_a_day_at_most(
    clock: Clock, seconds: float, kind: type[ProviderUnavailable]
) -> None:
    vendor = Quill([], Limits(), waiting(seconds, kind))
    with pytest.raises(kind) as it:
        Caller(vendor, BETS, text)(SLOT, {"page": 1, "size": 3})
    assert len(vendor.times) == 1
    assert it.value.retry_at is not None
    wait = it.value.retry_at.timestamp() - time.time()
    assert wait == pytest.approx(min(seconds, 86_400), abs=5)
