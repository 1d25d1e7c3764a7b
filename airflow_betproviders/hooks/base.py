"""Base class of all hooks: read a stream completely, and refuse in advance what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import DAY, Interval, aligned, duration_text, parse_instant
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    BadRows,
    BetProviderError,
    InvalidArgument,
    WindowExpired,
    WindowNotReady,
)
from airflow_betproviders.hooks.frames import check_amounts, to_frame
from airflow_betproviders.hooks.protocol import Code, ProtocolHook, parse_json_object
from airflow_betproviders.registry import streams_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from airflow_betproviders.extraction.fetch.source import AnswerPermit


__all__ = ["BetProviderHook", "Code"]


class BetProviderHook(ProtocolHook):
    """One account at one provider.

    Args:
        conn_id: the Airflow connection.
    """

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Return the provider's streams, the main one first."""
        return streams_of(self.conn_type)

    def stream(self, name: str | None = None) -> Stream:
        """Return the stream of that name, or the main one.

        Raises:
            InvalidArgument: the provider has no such stream.
        """
        for stream in self.streams:
            if name is None or name == stream.name:
                return self.with_account_settings(stream)
        raise InvalidArgument(
            f"{self.hook_name} ({self.label}) has no stream {name!r}. "
            f"It has: {', '.join(stream.name for stream in self.streams)}."
        )

    def with_account_settings(self, stream: Stream) -> Stream:
        """Return the declaration as this account's connection has it: page size and retention."""
        rows, days = self.extra["page_size"], self.extra["retention_days"]
        stream = replace(stream, connection_known=True)
        if rows is not None:
            stream = replace(stream, paging=stream.paging.limited_to(rows))
        # retention_days does not apply to a feed of the last minutes or hours.
        if days is not None and stream.windows and (stream.retention is None or stream.retention >= DAY):
            stated = f"{days:g} days, by extra retention_days"
            span = timedelta(days=days)
            stream = replace(stream, retention=span, retention_stated=stated, retention_from_connection=True)
        return stream

    def extract(
        self,
        stream: str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        **filters: Any,
    ) -> Iterator[pa.RecordBatch]:
        """Read a stream from start to end. Yields every row once, or raises an error before the first row.

        Args:
            stream: the stream's name; None for the main stream.
            start: the start, inclusive: an aware datetime, or ISO 8601 text with a zone. Not needed for snapshots such as ``games``.
            end: the end, exclusive, in the same forms.
            **filters: the provider's own filters, e.g. ``game_ids=[2011]``.

        Yields:
            Batches with the stream's schema, sorted by its time column.

        Raises:
            InvalidArgument, WindowExpired: before the first call.
            WindowNotReady: before the first call, or because an answer shows that the window is not over by the provider's clock.
            BadRows: rows that do not fit the schema; the operator can quarantine them instead.
            BetProviderError: see `airflow_betproviders.exceptions`.
        """
        from airflow_betproviders.extraction.slots import Extraction

        chosen = self.stream(stream)
        try:
            filters = chosen.check_filters(filters)
            interval = self._interval(chosen, start, end)
        except InvalidArgument as error:
            raise InvalidArgument(f"{self.label}: {error}") from None
        if not self.ready(chosen, interval):
            raise WindowNotReady(
                f"{self.label}, stream {chosen.name}: {interval} is ready at {self.ready_at(chosen, interval):%Y-%m-%dT%H:%M:%SZ}."
            )
        self.check_time(chosen, interval)
        self.check_connection()
        extraction = Extraction(self, chosen, filters, check_time=lambda window: self.check_time(chosen, window))
        with extraction.read(interval, extracted_at=self.now()) as slot:
            if slot.bad_rows:
                raise BadRows(
                    f"{self.label}, stream {chosen.name}, {interval}: {len(slot.bad_rows)} rows do not fit the schema, "
                    f"the first because of {slot.bad_rows[0].reason}. ExtractToParquetOperator can quarantine them."
                )
            yield from slot.writer.batches()

    def get_df(
        self,
        stream: str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        *,
        amounts: str = "decimal",
        **filters: Any,
    ) -> pd.DataFrame:
        """Read a stream into a pandas frame: every row once, or an error. See `extract`.

        Args:
            stream: the stream's name; None for the main stream.
            start: the start, inclusive: an aware datetime, or ISO 8601 text with a zone.
            end: the end, exclusive, in the same forms.
            amounts: ``decimal`` for exact Python decimals, ``float`` for speed, ``arrow`` for Arrow's types in every column.
                See `airflow_betproviders.hooks.frames.to_frame` for each column's type.
            **filters: the provider's own filters.
        """
        import pyarrow as pa

        from airflow_betproviders.extraction.decode import columns

        check_amounts(amounts)
        chosen = self.stream(stream)
        batches = list(self.extract(chosen.name, start, end, **filters))
        table = pa.Table.from_batches(batches, schema=columns.schema(chosen.fields))
        return to_frame(table, amounts)

    def test_connection(self) -> tuple[bool, str]:
        """Make one cheap real call, without a retry. Return whether it succeeded, and a sentence for the user."""
        self.retries = False  # a user waits for the result in the UI
        try:
            self.check_connection()
            note = self.probe()
        except BetProviderError as error:
            # The message begins with the connection, which the UI tests under a temporary id.
            text = str(error)
            return False, (text.partition(": ")[2] or text) if text.startswith(self.label) else text
        return True, f"{self.hook_name} answered and accepted account {self.account}.{note}"

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(timezone.utc)

    def ready_at(self, stream: Stream, interval: Interval) -> datetime:
        """Return when the provider has every row of the interval: its end plus the stream's lag. A snapshot is always ready."""
        return interval.end + stream.lag if stream.windows else interval.start

    def ready(self, stream: Stream, interval: Interval) -> bool:
        """Return whether the interval is old enough to be read."""
        return self.now() >= self.ready_at(stream, interval)

    def check_time(self, stream: Stream, interval: Interval) -> None:
        """Refuse an interval that the provider no longer keeps.

        Raises:
            WindowExpired: the message names the part that is gone.
        """
        if stream.retention is None:
            return
        oldest = self.now() - stream.retention
        if interval.start < oldest:
            gone = Interval(interval.start, min(interval.end, oldest))
            raise WindowExpired(
                f"{self.label}, stream {stream.name}: {gone} is gone, the provider keeps {stream.retention_stated or _days(stream.retention)}. "
                f"The oldest that can still be read begins at {oldest:%Y-%m-%dT%H:%M:%SZ}."
            )

    def _interval(self, stream: Stream, start: datetime | str | None, end: datetime | str | None) -> Interval:
        if stream.windows is None:
            return self.today()
        first, last = parse_instant("start", start), parse_instant("end", end)
        if first is None or last is None:
            raise InvalidArgument(f"stream {stream.name} needs start= and end=.")
        interval, rule = Interval(first, last), stream.windows
        if not rule.divisible and interval.width > rule.span:
            raise InvalidArgument(
                f"stream {stream.name} sums over the complete range, and the provider takes at most {duration_text(rule.span)}: {interval} is "
                "longer. Read shorter ranges, one after the other, and add them up."
            )
        for name, moment in (("start", interval.start), ("end", interval.end)):
            if not aligned(moment, rule.step, stream.day_start_offset):
                raise InvalidArgument(
                    f"{name} {moment.isoformat()} of stream {stream.name} must be a whole number of "
                    f"{duration_text(rule.step)} steps"
                    + (f" from {stream.day_start_offset} UTC." if stream.day_start_offset else ".")
                )
        return interval

    def today(self) -> Interval:
        """Return the current UTC day, to which a snapshot belongs."""
        midnight = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Interval(midnight, midnight + timedelta(days=1))

    def params(self, stream: Stream, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request parameters of a window, without those of paging."""
        bounds = stream.windows.requested(window) if window and stream.windows else ()
        times = {name: stream.time(at, self.utc_offset) for name, at in zip(stream.bounds, bounds, strict=False)}
        return {**times, **filters}

    def cursor(self, stream: Stream, instant_ms: int) -> Any:
        """Format an instant for the stream's cursor parameter."""
        return stream.time(datetime.fromtimestamp(instant_ms / 1000, timezone.utc), self.utc_offset)

    def request(
        self,
        stream: Stream,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit,
    ) -> bytes:
        """Make one signed call and return the body of its answer; see `Source.request`."""
        from airflow_betproviders.extraction.answers.early_answer import EarlyAnswers

        early = EarlyAnswers(window, stream.lag, self.now()) if window else None
        return self.exchange(stream.endpoint, params, permit, shows_its_end=stream.format.shows_its_end, early=early)

    def call(self, name: str, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make one call outside the streams, spaced and repeated like theirs, and return the answer as JSON.

        Raises:
            BetProviderError: with the connection and ``name`` in its message.
        """
        from airflow_betproviders.extraction.fetch.calls import Caller

        self.check_connection()
        declaration = Stream(provider=self.conn_type, name=name, endpoint=endpoint, doc="", fields=(), envelope={})
        return Caller(self, declaration, parse_json_object)(None, params)


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span.total_seconds() / 60:.0f} minutes"
