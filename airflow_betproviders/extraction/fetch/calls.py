"""Make calls to a provider: space them, repeat them where that can help, count them.

Each attempt of a call gets a new signature (by the hook, inside `Source.request`), so an old timestamp is never sent again.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import tenacity

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BetProviderError, ProviderOverloaded, ProviderUnavailable
from airflow_betproviders.extraction.fetch.rate_limiter import LONGEST_WAIT, RateLimiter
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source

log = logging.getLogger(__name__)

Decoded = TypeVar("Decoded", covariant=True)  # noqa: PLC0105 - the plain name reads better

ATTEMPTS = 5
# Of a call that is refused for its rate, even if the provider asks for no wait at all.
_RATE_ATTEMPTS = 20
# Seconds after which a call that timed out twice is repeated no more: fewer rows are requested instead.
_SLOW = 20.0
# Windows whose first call is remembered, to know which calls turn a page.
_WINDOWS = 64
# A provider that asks for a longer wait is called again after this one.
_A_DAY = 86_400.0


@dataclass
class Reply:
    """One call and its result.

    Attributes:
        window: the window that was requested; None for a snapshot.
        params: its parameters, before they are signed.
        call: its number in the extraction, from 1; 0 while it waits for its turn.
        asked_at: when it was made, UTC.
        body: the answer as received, decompressed; None where none came.
        error: why it was refused, or None.
    """

    window: Interval | None
    params: Mapping[str, Any]
    call: int = 0
    asked_at: datetime | None = None
    body: bytes | None = None
    error: str | None = None


class Decode(Protocol[Decoded]):
    """Decode the bytes of an answer."""

    def __call__(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Decoded:
        """Decode; calls ``check`` with the envelope first."""


class Caller(Generic[Decoded]):
    """Make the calls of one extraction of one stream.

    Attributes:
        calls: calls made, refused and repeated ones included.
        on_reply: is given each reply, with what it was decoded to if it was accepted.
    """

    def __init__(self, source: Source, stream: Stream, decode: Decode[Decoded]) -> None:
        """Bind the account and the stream."""
        self._source = source
        self._stream = stream
        self._decode = decode
        self.on_reply: Callable[[Reply, Decoded | None], None] | None = None
        self._limiter = RateLimiter.of(source, stream)
        self._first: OrderedDict[Interval | None, Mapping[str, Any]] = OrderedDict()
        self._counting = threading.Lock()
        self._abandoned = threading.Event()
        self.calls = 0

    def __call__(
        self,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit | None = None,
        calls_before: int = 0,
    ) -> Decoded:
        """Request one page. Repeat the call until it succeeds, an error is final, or the provider asks for too long a wait.

        Args:
            window: the window to request; None for a snapshot.
            params: the request's parameters.
            permit: lets the answer into memory; None where it need not wait.
            calls_before: earlier calls of its slot.

        Raises:
            BetProviderError: with connection, stream and window in its message.
        """
        ended = tenacity.stop_when_event_set(self._abandoned)
        attempts, longest_wait = (ATTEMPTS, LONGEST_WAIT) if self._source.retries else (1, 0.0)
        rate = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_rate_limited),
            wait=_wait_for_rate,
            stop=tenacity.stop_before_delay(longest_wait) | tenacity.stop_after_attempt(_RATE_ATTEMPTS) | ended,
            before_sleep=self._before_repeat,
            reraise=True,
        )
        unavailable = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_transient),
            wait=_wait_for_service,
            stop=tenacity.stop_after_attempt(attempts) | _AskedToWaitLonger(longest_wait) | _TooSlow() | ended,
            before_sleep=self._before_repeat,
            reraise=True,
        )
        try:
            answer: Decoded = unavailable(rate, self._call_once, window, params, permit or AnswerPermit(), calls_before)
        except BetProviderError as error:
            failure = error
        else:
            return answer
        where = f"{self._source.label}, stream {self._stream.name}" + (f", window {window}" if window else "")
        retry_at, text = failure.retry_at, ""
        if longest_wait and (failure.retry_after or 0.0) > longest_wait:
            retry_at = datetime.now(timezone.utc) + timedelta(seconds=min(failure.retry_after or 0.0, _A_DAY))
            text = f"; the provider asks for no call before {retry_at:%Y-%m-%dT%H:%M:%SZ}"
        raised = type(failure)(f"{where}: {self._source.hide_secrets(str(failure))}{text}")
        raised.retry_after, raised.retry_at = failure.retry_after, retry_at
        raise raised

    def abandon(self) -> None:
        """Make no further call, not even for what other threads are still waiting to repeat."""
        self._abandoned.set()

    def _call_once(
        self, window: Interval | None, params: Mapping[str, Any], permit: AnswerPermit, calls_before: int
    ) -> Decoded:
        reply, answer = Reply(window, params), None
        try:
            answer = self._exchange(reply, permit, calls_before)
        except Exception as error:
            # Errors of this package carry no secret but those that a provider repeats, others may.
            hide = self._source.hide_secrets
            reply.error = hide(str(error)) if isinstance(error, BetProviderError) else type(error).__name__
            if reply.body is not None:
                reply.body = hide(reply.body)
            raise
        finally:
            if self.on_reply and reply.call:
                self.on_reply(reply, answer)
        return answer

    def _exchange(self, reply: Reply, permit: AnswerPermit, calls_before: int) -> Decoded:
        page = self._turns_page(reply.window, reply.params)
        with self._limiter.turn(permit, page=page, calls_before=calls_before, ended=self._abandoned):
            if self._abandoned.is_set():
                raise RuntimeError("the extraction has ended")
            with self._counting:
                self.calls += 1
                self._limiter.calls += 1
                reply.call, reply.asked_at = self.calls, datetime.now(timezone.utc)
            reply.body = body = self._source.request(self._stream, reply.window, reply.params, permit)
        return permit.run(partial(self._decoded, body))

    def _decoded(self, body: bytes) -> Decoded:
        try:
            return self._decode(body, self._source.check)
        except BetProviderError:
            raise
        except (ValueError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
            kind = type(error).__name__
        # Raised out here: the context may hold what the provider sent.
        raise ProviderUnavailable(f"the answer cannot be read ({kind})")

    def _turns_page(self, window: Interval | None, params: Mapping[str, Any]) -> bool:
        """Return whether a call is a further one of its window; the repetition of the first is none."""
        with self._counting:
            first = self._first.setdefault(window, params)
            if len(self._first) > _WINDOWS:
                self._first.popitem(last=False)
            return first != params

    def _before_repeat(self, state: tenacity.RetryCallState) -> None:
        asked = _asked(state)
        if asked:  # the account's other calls wait too
            self._limiter.pause(asked)
        outcome = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0
        text = self._source.hide_secrets(str(outcome))
        log.warning("%s; attempt %d follows in %.0f s", text, state.attempt_number + 1, wait)


def _transient(error: BaseException) -> bool:
    return isinstance(error, BetProviderError) and error.transient and not error.rate_limited


def _rate_limited(error: BaseException) -> bool:
    return isinstance(error, BetProviderError) and error.rate_limited


_backoff = tenacity.wait_exponential_jitter(initial=1, max=30)


def _wait_for_service(state: tenacity.RetryCallState) -> float:
    asked = _asked(state)
    return _backoff(state) if asked is None else max(asked, _shortest_wait(state))


class _TooSlow(tenacity.stop.stop_base):
    """Stop repeating a call that has timed out twice: fewer rows may help, and each repetition costs a full time-out.

    A gateway that says 504 at once is asked as often as one that says 502.
    """

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        slow = state.attempt_number > 1 and (state.seconds_since_start or 0.0) > _SLOW
        return isinstance(error, ProviderOverloaded) and slow


class _AskedToWaitLonger(tenacity.stop.stop_base):
    """Stop where the provider asks to wait for longer than a worker should be held, in one wait or in all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        asked = _asked(state)
        return asked is not None and asked + (state.seconds_since_start or 0.0) > self._seconds


def _asked(state: tenacity.RetryCallState) -> float | None:
    """Return the seconds that the provider asked to wait, where it did."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None and asked >= 0 else None


def _wait_for_rate(state: tenacity.RetryCallState) -> float:
    asked = _asked(state)
    return (
        min(5.0 * 2 ** min(state.attempt_number - 1, 8), 120.0) if asked is None else max(asked, _shortest_wait(state))
    )


def _shortest_wait(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait at least, whatever the provider asks for: none, then half a second, doubled each time."""
    return float(min(0.5 * 2 ** min(state.attempt_number - 2, 8), 120)) if state.attempt_number > 1 else 0.0
