"""What the engine knows of a stream, and what it needs of a provider's account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from airflow_betproviders.extraction.fields import Field
from airflow_betproviders.extraction.paging import Paging, Whole

if TYPE_CHECKING:
    from airflow_betproviders.extraction.interval import Interval
    from airflow_betproviders.extraction.windows import WindowRule


class Rows:
    """Marks where the answer's envelope holds the list of records."""


class OneRow:
    """Marks where the envelope holds a single record as an object."""


class Total:
    """Marks where the envelope holds the provider's count of rows in the window."""


Envelope: TypeAlias = Mapping[str, Any]  # of nested envelopes, kinds, and the three markers above


_WHOLE = Whole()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One kind of record of one provider, as the engine reads it.

    Attributes:
        provider: the connection type, e.g. ``aig``.
        name: e.g. ``transactions``.
        fields: the record, under the provider's own names.
        envelope: the answer around the records, with the markers `Rows` or `OneRow`, and `Total`.
        key: the columns that identify a record; empty where a window has one.
        version: of two records with one key the greater value of these columns wins, then the one read later.
        clock: the column that rows are sorted by and windows filter on; None where a record has no time.
        guarded: rows whose clock lies outside the asked window mean a wrong time zone, and are refused.
        windows: the provider's window limits; None for a snapshot without a time filter.
        paging: how it hands out a window's rows.
        lag: how long after its end a window may still gain rows.
        retention: how far back the provider answers; None where it states no limit.
        slot: the unit of storage unless the user says otherwise.
        origin: time past midnight UTC at which the stream's day begins.
    """

    provider: str
    name: str
    fields: tuple[Field, ...]
    envelope: Envelope
    key: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    clock: str | None = None
    guarded: bool = False
    windows: WindowRule | None = None
    paging: Paging = _WHOLE
    lag: timedelta = timedelta(0)
    retention: timedelta | None = None
    slot: timedelta = timedelta(hours=1)
    origin: timedelta = timedelta(0)

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def money(self) -> tuple[str, ...]:
        """The columns that a receipt sums."""
        return tuple(field.name for field in self.fields if field.money)


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
    patient: bool

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
        """An instant (ms since 1970) as the provider writes it in a `Cursor` parameter."""

    def budget(self) -> None:
        """Wait for a place in the budget that the account shares with other workers, if it has one."""
