"""Define what the engine needs of a hook: one account at one provider, and permission to hold its answers in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from threading import Semaphore
from typing import TYPE_CHECKING, Any, AnyStr, Protocol, TypeVar

from airflow_betproviders.declare.interval import Interval

if TYPE_CHECKING:
    from airflow_betproviders.declare.request_parameters import Limits

Outcome = TypeVar("Outcome")


class AnswerPermit:
    """Permission to hold one answer in memory.

    Large answers are requested ahead, but received and decoded one at a time, all in one thread: every further thread
    would keep memory of its own. A call waits here once its answer has begun. Without a receiver the permit is granted
    from the start, and the calling thread receives the answer.

    Attributes:
        connection: what bounds the account's connections, while a call holds one of them; a waiting answer gives it
            back, so that further calls can be made meanwhile.
    """

    def __init__(self, receiver: Executor | None = None) -> None:
        """Create a permit that is yet to be granted; ``receiver`` runs the one thread that receives answers."""
        self.connection: Semaphore | None = None
        self._receiver = receiver
        self._granted: Future[None] = Future()

    def grant(self) -> None:
        """Let the answer be received; a second time does nothing."""
        if self._receiver is not None and not self._granted.done():
            self._granted.set_result(None)

    def revoke(self) -> None:
        """Refuse the answer: the call that waits for the permit ends with `concurrent.futures.CancelledError`."""
        self._granted.cancel()

    def run(self, step: Callable[[], Outcome]) -> Outcome:
        """Wait until the permit is granted, then read or decode the answer."""
        if self._receiver is None:
            return step()
        connection = self.connection
        if connection:
            connection.release()
        try:
            self._granted.result()
            return self._receiver.submit(step).result()
        finally:
            if connection:
                connection.acquire()


class SharedLimiter(Protocol):
    """Limit the calls of an account across all workers."""

    def acquire(self, *, page: bool = False) -> float:
        """Take the place of one call now, or return how many seconds to wait before the next try.

        Args:
            page: whether the call turns a page.

        Raises:
            ProviderUnavailable: the storage that the workers share cannot be reached.
        """


class Source(Protocol):
    """One account at one provider: what the engine needs of a hook.

    Attributes:
        label: the connection, for messages.
        retries: whether a call that failed is repeated where that can help; not where somebody waits for the answer.
        quotes: whether errors repeat the provider's words; set to False where they may name a player.
        account: the account's login at the provider.
        utc_offset: the fixed offset of the account's local times.
        min_interval: least seconds between two calls.
    """

    label: str
    retries: bool
    quotes: bool

    @property
    def account(self) -> str: ...  # noqa: D102 - documented above

    @property
    def utc_offset(self) -> timedelta: ...  # noqa: D102 - documented above

    @property
    def min_interval(self) -> float: ...  # noqa: D102 - documented above

    def now(self) -> datetime:
        """Return the current time in UTC."""

    def params(self, stream: Any, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request parameters of a window, without those of paging."""

    def request(self, stream: Any, window: Interval | None, params: Mapping[str, Any], permit: AnswerPermit) -> bytes:
        """Make one signed call and return the body of its answer; raises `ProviderUnavailable` and its like.

        Once the answer has begun, its body is read with `AnswerPermit.run`.
        """

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Raise the error that the envelope's status stands for; return when it says success."""

    def cursor(self, stream: Any, instant_ms: int) -> Any:
        """Format an instant (ms since 1970) for a `TimestampCursor` parameter."""

    def hide_secrets(self, text: AnyStr) -> AnyStr:
        """Return a provider's words, or its answer, without this account's secrets, which it may repeat."""

    def limits(self, stream: Any) -> Limits:
        """Return how often the stream may be called."""

    def shared_limiter(self, stream: Any) -> SharedLimiter | None:
        """Return the limiter that the account shares with other workers, if it has one."""
