from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.exceptions import (
    BetProviderError,
    IncompleteWindow,
    ProviderAuthError,
    ProviderOverloaded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.extraction.fetch.calls import ATTEMPTS, Caller
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS, LONGEST_WAIT, RateLimiter
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from tests.clock import Clock
from tests.extraction.vendor import BETS, SLOT, Vendor


class Line(Vendor):
    """A source whose every request is an outcome of a script; the last one goes on."""

    def __init__(self, *outcomes: bytes | Exception, min_interval: float = 0) -> None:
        super().__init__([], min_interval=min_interval)
        self.outcomes = list(outcomes)
        self.at: list[float] = []

    def request(self, stream: Any, window: Any, params: Mapping[str, Any], *rest: Any) -> bytes:
        self.at.append(time.monotonic())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def text(body: bytes, check: Callable[[Mapping[str, Any]], None]) -> str:
    return body.decode()


def limited(retry_after: float | None = None) -> ProviderRateLimited:
    error = ProviderRateLimited("called too often")
    if retry_after is not None:
        error.retry_after = retry_after
    return error


# ------------------------------------------------------------------ spacing


def test_the_first_call_waits_an_interval_and_each_next_one_from_the_answer_before(clock: Clock) -> None:
    source = Line(b"ok", min_interval=5)
    began = clock.now
    caller = Caller(source, BETS, text)
    for _ in range(3):
        caller(SLOT, {})
        clock.now += 2  # what the caller does with the answer
    assert [at - began for at in source.at] == [5, 10, 15]
    assert caller.calls == 3


def test_a_second_extraction_of_the_account_keeps_the_rate_limit_of_the_first(clock: Clock) -> None:
    source = Line(b"ok", min_interval=5)
    Caller(source, BETS, text)(SLOT, {})
    Caller(source, BETS, text)(SLOT, {})
    assert source.at[1] - source.at[0] >= 5


def test_accounts_do_not_wait_for_each_other(clock: Clock) -> None:
    a, b = Line(b"ok"), Line(b"ok")
    b.account = "other"
    assert RateLimiter.of(a, BETS) is RateLimiter.of(a, BETS)
    assert RateLimiter.of(a, BETS) is not RateLimiter.of(b, BETS)
    assert RateLimiter.of(a, BETS) is not RateLimiter.of(a, replace(BETS, provider="other"))
    own = replace(BETS, name="own", limits=Limits(spacing=timedelta(seconds=1)))
    assert RateLimiter.of(a, BETS) is not RateLimiter.of(a, own)


def test_repeated_calls_are_spaced_too(clock: Clock) -> None:
    source = Line(limited(0.0), limited(0.0), b"ok", min_interval=5)
    Caller(source, BETS, text)(SLOT, {})
    assert [b - a for a, b in zip(source.at, source.at[1:], strict=False)] == [5, 5]


def test_calls_of_several_threads_are_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Line(b"ok", min_interval=0.05)
    threads = [threading.Thread(target=lambda: Caller(source, BETS, text)(SLOT, {})) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(source.at)
    assert len(times) == 6
    assert all(b - a >= 0.049 for a, b in itertools.pairwise(times))


def test_without_an_interval_a_few_calls_overlap_and_no_more() -> None:
    """Threads of several extractions of one account share its connections."""
    at_once, most, guard = 0, 0, threading.Lock()
    together = threading.Barrier(CONNECTIONS, timeout=120)

    class Slow(Line):
        def request(self, stream: Any, window: Any, params: Any, *rest: Any) -> bytes:
            nonlocal at_once, most
            with guard:
                at_once += 1
                most = max(most, at_once)
            together.wait()
            time.sleep(0.01)  # a call too many would begin meanwhile
            with guard:
                at_once -= 1
            return b"ok"

    source = Slow(b"ok")
    threads = [threading.Thread(target=lambda: Caller(source, BETS, text)(SLOT, {})) for _ in range(3 * CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    assert most == CONNECTIONS


def test_a_call_whose_answer_waits_for_its_permit_keeps_no_other_from_being_made() -> None:
    source, params = Vendor([]), {"page": 1, "size": 1}
    with ThreadPoolExecutor(1) as receiver, ThreadPoolExecutor(2 * CONNECTIONS) as pool:
        permits = [AnswerPermit(receiver) for _ in range(2 * CONNECTIONS)]
        waiting = [pool.submit(Caller(source, BETS, text), SLOT, params, permit) for permit in permits]
        while len(source.asked) < 2 * CONNECTIONS:
            time.sleep(0.001)
        assert '"total"' in Caller(source, BETS, text)(SLOT, params)
        for permit in permits:
            permit.grant()
        assert all('"total"' in answer.result(60) for answer in waiting)


def test_where_calls_are_spaced_the_interval_runs_from_when_an_answer_was_received(clock: Clock) -> None:
    class Slow(Line):
        def request(self, stream: Any, window: Any, params: Any, permit: AnswerPermit) -> bytes:
            answer = super().request(stream, window, params)
            permit.run(lambda: None)
            return answer

    class Late(AnswerPermit):
        def run(self, step: Callable[[], Any]) -> Any:
            clock.now += 2
            return super().run(step)

    source = Slow(b"ok", min_interval=5)
    caller = Caller(source, BETS, text)
    began = clock.now
    caller(SLOT, {}, Late())
    assert clock.now - began == 5 + 2 + 2  # to receive, and to decode
    caller(SLOT, {})
    assert source.at[1] - source.at[0] == 7


# ------------------------------------------------------------------ repeating


def test_an_unavailable_provider_is_called_a_bounded_number_of_times_ever_more_slowly(clock: Clock) -> None:
    source = Line(ProviderUnavailable("reset"))
    with pytest.raises(ProviderUnavailable):
        Caller(source, BETS, text)(SLOT, {})
    assert len(source.at) == ATTEMPTS
    assert clock.slept == sorted(clock.slept)
    assert sum(clock.slept) < 120


@pytest.mark.parametrize("failures", range(1, ATTEMPTS))
def test_it_goes_on_once_the_provider_is_back(clock: Clock, failures: int) -> None:
    source = Line(*[ProviderUnavailable("502")] * failures, b"ok")
    assert Caller(source, BETS, text)(SLOT, {}) == "ok"
    assert len(source.at) == failures + 1


@pytest.mark.parametrize("error", [ProviderAuthError, ProviderRequestError, IncompleteWindow])
def test_an_error_that_repeating_cannot_help_is_not_repeated(clock: Clock, error: type[BetProviderError]) -> None:
    source = Line(error("no"))
    with pytest.raises(error):
        Caller(source, BETS, text)(SLOT, {})
    assert len(source.at) == 1


def test_an_answer_that_cannot_be_decoded_is_requested_again(clock: Clock) -> None:
    source = Line(b"cut", b"cut", b"whole")

    def decode(body: bytes, check: Any) -> str:
        if body == b"cut":
            raise ProviderUnavailable("cut JSON")
        return body.decode()

    assert Caller(source, BETS, decode)(SLOT, {}) == "whole"


def test_a_rate_answer_is_waited_out_far_beyond_the_attempts_of_other_errors(clock: Clock) -> None:
    source = Line(*[limited()] * (ATTEMPTS + 2), b"ok")
    assert Caller(source, BETS, text)(SLOT, {}) == "ok"
    assert clock.slept[0] >= 5
    assert len(source.at) == ATTEMPTS + 3


def test_rate_answers_do_not_use_up_the_attempts_of_an_outage(clock: Clock) -> None:
    outage = ProviderUnavailable("502")
    source = Line(limited(), outage, limited(), outage, limited(), outage, limited(), outage, b"ok")
    assert Caller(source, BETS, text)(SLOT, {}) == "ok"


def test_a_rate_that_never_ends_is_an_error_after_bounded_patience(clock: Clock) -> None:
    with pytest.raises(ProviderRateLimited):
        Caller(Line(limited()), BETS, text)(SLOT, {})
    assert sum(clock.slept) < 2 * LONGEST_WAIT


@pytest.mark.parametrize("seconds", [0.0, 7.0, 42.5])
def test_retry_after_is_honoured(clock: Clock, seconds: float) -> None:
    Caller(Line(limited(seconds), b"ok"), BETS, text)(SLOT, {})
    assert sum(clock.slept) == seconds


@pytest.mark.parametrize("seconds", [-5.0, float("nan")])
def test_a_retry_after_that_is_no_time_counts_as_none(clock: Clock, seconds: float) -> None:
    Caller(Line(limited(seconds), b"ok"), BETS, text)(SLOT, {})
    assert clock.slept == [5.0]


@pytest.mark.parametrize("seconds", [LONGEST_WAIT + 1, 1e9, float("inf")])
def test_a_retry_after_beyond_patience_is_left_to_airflows_retries(clock: Clock, seconds: float) -> None:
    with pytest.raises(ProviderRateLimited):
        Caller(Line(limited(seconds), b"ok"), BETS, text)(SLOT, {})
    assert clock.slept == []


# ------------------------------------------------------------------ messages


def test_every_message_names_connection_stream_and_window(clock: Clock) -> None:
    with pytest.raises(ProviderAuthError) as caught:
        Caller(Line(ProviderAuthError("the provider answered 600100")), BETS, text)(SLOT, {"key": "not for eyes"})
    assert str(caught.value) == (
        "connection toy_default, stream bets, window [2026-11-20T05:00:00Z, 2026-11-20T06:00:00Z): "
        "the provider answered 600100"
    )
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_each_repeat_is_logged_with_its_reason(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Caller(Line(ProviderUnavailable("HTTP 502"), b"ok"), BETS, text)(SLOT, {"key": "not for eyes"})
    (message,) = [record.getMessage() for record in caplog.records]
    assert "HTTP 502; attempt 2 follows in" in message
    assert "not for eyes" not in message


def test_an_abandoned_extraction_makes_no_further_call() -> None:
    line = Line(b"ok")
    caller = Caller(line, BETS, text)
    caller.abandon()
    with pytest.raises(RuntimeError, match="has ended"):
        caller(SLOT, {})
    assert caller.calls == 0


def test_a_call_that_times_out_is_repeated_once_before_fewer_rows_are_requested(clock: Clock) -> None:
    class Slow(Line):
        def request(self, *args: Any, **kwargs: Any) -> bytes:
            clock.now += 60
            return super().request(*args, **kwargs)

    source = Slow(ProviderOverloaded("no answer within 60 s"))
    with pytest.raises(ProviderOverloaded):
        Caller(source, BETS, text)(SLOT, {})
    assert len(source.at) == 2
