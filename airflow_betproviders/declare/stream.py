"""Declare a stream: one kind of record of one provider, how to request it and how to read it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_betproviders.declare.answer_formats import AnswerFormat, Json
from airflow_betproviders.declare.fields import Field, TimeKind
from airflow_betproviders.declare.pagination import Pagination, SingleAnswer
from airflow_betproviders.declare.request_parameters import EpochParam, Filter, Limits, TimeParam
from airflow_betproviders.exceptions import InvalidArgument

if TYPE_CHECKING:
    from airflow_betproviders.declare.windows import WindowRule


@dataclass(frozen=True)
class Rows:
    """Mark where the answer's envelope holds the list of records: ``"data": Rows``.

    If the records are in lists inside the items of that list, give an instance. With
    ``Rows(path=("games", "bets"), outer={"gameId": ("games", "id")})`` each bet of each game of each item is a record,
    with the ``id`` of its game in the column ``gameId``. Other members around a record go to its ``_extra``, under dotted names.

    Attributes:
        path: the members that lead from an item of the list to its records; each is a list.
        outer: columns that members around the records fill, each with the path of its member.
    """

    path: tuple[str, ...] = ()
    outer: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


class OneRow:
    """Mark where the envelope holds a single record as an object."""


class Total:
    """Mark where the envelope holds the provider's count of rows in the window."""


class PageSize:
    """Mark where the envelope holds the page size that the answer used, which may be smaller than what was requested."""


class NextPage:
    """Mark where the envelope holds the token or the link of the next page (`PageToken`, `NextLink`)."""


@dataclass(frozen=True)
class SumOf:
    """Mark where the envelope holds the sum of an integer column over all rows of the answer. Rows that add up to less lack some.

    Attributes:
        column: the column, such as a count of bets. It has no negative values.
    """

    column: str


@dataclass(frozen=True)
class Reaches:
    """Mark where the envelope says until when the answer is complete.

    Attributes:
        kind: how that time is written.
    """

    kind: TimeKind


Envelope: TypeAlias = Mapping[str, Any]  # its values are nested envelopes, kinds, or the markers above


_SINGLE_ANSWER = SingleAnswer()
_SECONDS = EpochParam(1)
_JSON = Json()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Declare one kind of record of one provider.

    Attributes:
        provider: the connection type, e.g. ``aig``.
        name: the stream's name, e.g. ``transactions``.
        endpoint: path or action at the provider.
        doc: what the stream holds and which document it comes from.
        fields: the record, under the provider's own names.
        envelope: the answer around the records, with the markers `Rows` or `OneRow`, `Total`, `PageSize`, `NextPage`,
            `Reaches` and `SumOf`.
        format: the format of an answer, such as JSON or CSV.
        key: the columns that identify a record; empty where a window has one record.
        version_columns: of two records with one key, the one with the greater values wins. If they are equal, the one read
            later wins.
        time_column: the column that rows are sorted by and windows filter on; None where a record has no time.
        reject_outside_window: whether the document says which column windows filter. Then rows outside the window mean a wrong
            time zone, unit or column: fewer than one in a hundred go to quarantine; more make the task fail.
        filter_columns: the time columns that windows filter: at least one of them lies in the window. Default: ``time_column``.
        day_column: the text column that names the UTC day of a row's figures, as ``2026-11-20``; None where rows name no day. The
            task fails if a row is of another day than was requested.
        windows: the provider's window limits; None for a snapshot without a time filter.
        bounds: names of the parameters for a window's start and, if there is one, its end.
        time: how these parameters write an instant.
        paging: how the provider returns a window's rows.
        limits: how often this stream may be called, if it has a limit of its own; default the account's.
        filters: the provider's own filters, by name.
        one_of: names of filters of which at least one must be given.
        lag: how long after its end a window may still gain rows.
        retention: how far back the provider answers; None if it states no limit.
        retention_stated: ``retention`` in the document's words, such as ``six months``.
        retention_from_connection: whether ``retention`` comes from ``retention_days`` of the connection, not from the document.
        connection_known: whether ``paging`` and ``retention`` are those of a connection, which may leave them as the document has them.
        slot: the unit of storage unless the user says otherwise.
        day_start_offset: time past midnight UTC at which the stream's day begins.
    """

    provider: str
    name: str
    endpoint: str | int = ""
    doc: str = ""
    fields: tuple[Field, ...]
    envelope: Envelope
    format: AnswerFormat = _JSON
    key: tuple[str, ...] = ()
    version_columns: tuple[str, ...] = ()
    time_column: str | None = None
    reject_outside_window: bool = False
    filter_columns: tuple[str, ...] = ()
    day_column: str | None = None
    windows: WindowRule | None = None
    bounds: tuple[str, ...] = ()
    time: TimeParam = _SECONDS
    paging: Pagination = _SINGLE_ANSWER
    limits: Limits | None = None
    filters: Mapping[str, Filter] = dataclasses.field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    lag: timedelta = timedelta(0)
    retention: timedelta | None = None
    retention_stated: str = ""
    retention_from_connection: bool = False
    connection_known: bool = False
    slot: timedelta = timedelta(hours=1)
    day_start_offset: timedelta = timedelta(0)

    def field(self, name: str) -> Field:
        """Return the field of that name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def window_columns(self) -> tuple[str, ...]:
        """Return the time columns of which at least one lies in the requested window."""
        return self.filter_columns or ((self.time_column,) if self.time_column else ())

    @property
    def filters_time_column(self) -> bool:
        """Return whether windows are known to filter the time column."""
        return self.window_columns == (self.time_column,)

    @property
    def rows_move(self) -> bool:
        """Return whether a row that changes may lie in another window than before, or be gone from a snapshot."""
        return not self.time_column or not set(self.window_columns).isdisjoint(self.version_columns)

    @property
    def has_outside_rows(self) -> bool:
        """Return whether answers have rows outside the window, each of which belongs to the window of its time."""
        return bool(self.windows and (self.windows.has_outside_rows or not self.paging.keeps_to_window))

    @property
    def money(self) -> tuple[str, ...]:
        """Return the money columns, which a receipt sums."""
        return tuple(field.name for field in self.fields if field.money)

    def check_declaration(self) -> None:
        """Refuse a declaration that contradicts itself.

        Raises:
            InvalidArgument: a field is declared twice, a column is no field, or the key is missing. The message has no
                full stop, so that a caller can add the place.
        """
        names = [field.name for field in self.fields]
        doubled = sorted(name for name, count in Counter(names).items() if count > 1)
        if doubled:
            raise InvalidArgument(f"stream {self.name} declares the field {doubled[0]!r} twice. Remove one")
        time_columns = (self.time_column,) if self.time_column else ()
        for role, columns in (
            ("key", self.key),
            ("version_columns", self.version_columns),
            ("time_column", time_columns),
            ("day_column", (self.day_column,) if self.day_column else ()),
            *((f"filter {name}", (chosen.column,)) for name, chosen in self.filters.items() if chosen.column),
        ):
            missing = [name for name in columns if name not in names]
            if missing:
                raise InvalidArgument(
                    f"{role} of stream {self.name} names {missing[0]!r}, which is not one of its fields. Declare the field"
                )
        if not self.key and not _has_one_row(self.envelope):
            raise InvalidArgument(
                f"stream {self.name} has no key, so rows that come twice can't be recognised. "
                "Name the columns that identify a record in key=(...)"
            )

    def check_filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check filters and return them normalised, without those that select everything.

        Raises:
            InvalidArgument: a filter is unknown, missing, or has an unfit value; the message names it and the cure.
        """
        given: dict[str, Any] = {}
        for name, value in filters.items():
            declared = self.filters.get(name)
            if declared is None:
                offered = ", ".join(sorted(self.filters)) or "none"
                raise InvalidArgument(f"stream {self.name} has no filter {name!r}. It takes: {offered}.")
            try:
                given[name] = declared.normalise(value)
            except ValueError as error:
                rendered = isinstance(value, str) and declared.type is not str
                cure = " If a template makes it, set render_template_as_native_obj=True on the DAG." if rendered else ""
                raise InvalidArgument(f"filter {name}={value!r} of stream {self.name} must be {error}.{cure}") from None
        filters = {name: value for name, value in given.items() if value is not None}
        missing = [name for name, declared in self.filters.items() if declared.required and name not in filters]
        if missing:
            raise InvalidArgument(
                f"stream {self.name} needs {', '.join(missing)}: give filters={{{missing[0]!r}: ...}}."
            )
        if self.one_of and not any(name in filters for name in self.one_of):
            raise InvalidArgument(f"stream {self.name} needs {' or '.join(self.one_of)}: give one of them in filters=.")
        return filters


def _has_one_row(envelope: Any) -> bool:
    """Return whether the envelope, or one nested in it, is marked with `OneRow`."""
    if isinstance(envelope, Mapping):
        return any(_has_one_row(part) for part in envelope.values())
    return envelope is OneRow
