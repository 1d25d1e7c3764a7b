"""One account at one provider: what the engine needs of a hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

from airflow_betproviders.declare.interval import Interval

Receive: TypeAlias = Callable[[Callable[[], Any]], Any]
"""Runs what it is given, and gives what that returns."""


class Source(Protocol):
    """One account at one provider: what the engine needs of a hook.

    Attributes:
        label: the connection, for messages.
        patient: whether a call that failed is repeated where that can help; not where somebody waits for the answer.
        account: the account's login at the provider.
        utc_offset: the fixed offset of the account's local times.
        min_interval: least seconds between two calls.
    """

    label: str
    retries: bool

    @property
    def account(self) -> str: ...  # noqa: D102 - told above

    @property
    def utc_offset(self) -> timedelta: ...  # noqa: D102 - told above

    @property
    def min_interval(self) -> float: ...  # noqa: D102 - told above

    def params(self, stream: Any, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """The request parameters of a window, pages apart."""

    def request(self, stream: Any, window: Interval | None, params: Mapping[str, Any], receive: Receive) -> bytes:
        """Make one signed call and return the body of its answer; raises `ProviderUnavailable` and its like.

        Once the answer has begun, its body is read by what ``receive`` is given, when and where that sees fit.
        """

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Raise the error that the envelope's status stands for; return when it says success."""

    def cursor(self, stream: Any, instant_ms: int) -> Any:
        """An instant (ms since 1970) as the provider writes it in a `TimestampCursor` parameter."""

    def budget(self) -> None:
        """Wait for a place in the budget that the account shares with other workers, if it has one."""
