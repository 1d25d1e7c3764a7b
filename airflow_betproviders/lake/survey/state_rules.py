"""Decide the state of each slot: from its receipt if it is stored, else from the stream's lag and retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.survey.cells import Cell
from airflow_betproviders.lake.survey.stored_objects import StoredObject


class StateRules:
    """Decide the states of a stream's slots at one instant.

    Args:
        stream: its declaration.
        stored: its stored slots, whose newest receipt may have the connection's retention.
        now: the instant.
        margin: slots that the provider drops within this time count as expired.
    """

    def __init__(self, stream: Stream, stored: Sequence[StoredObject], now: datetime, margin: timedelta) -> None:
        # A snapshot can be taken on its day and at no other time.
        self._lag, self._retention = (stream.lag, _retention(stream, stored)) if stream.windows else (timedelta(0), DAY)
        self._now = now
        self._margin = margin

    @property
    def due(self) -> datetime:
        """Return the end of the last slot that should be stored."""
        return self._now - self._lag

    def until(self, interval: Interval) -> datetime | None:
        """Return until when the provider has the complete interval; None where it states no limit."""
        return interval.start + self._retention if self._retention is not None else None

    def unstored_cell(self, interval: Interval) -> Cell:
        """Return the cell of a slot that is not stored."""
        until = self.until(interval)
        if interval.end > self.due:
            return Cell(interval, "pending", until)
        gone = until is not None and until < self._now + self._margin
        return Cell(interval, "expired" if gone else "missing", until)

    def stored_cell(self, lake: Lake, stored: Sequence[StoredObject]) -> Cell:
        """Return the cell of a stored slot, or of several that overlap."""
        if len(stored) == 1:
            (only,) = stored
            return Cell(only.interval, _state(lake, only), self.until(only.interval), only.receipt)
        hull = Interval(stored[0].interval.start, max(entry.interval.end for entry in stored))
        entry = next((entry for entry in stored if entry.interval == hull), None)
        return Cell(hull, "damaged", self.until(hull), entry.receipt if entry else None)


def _retention(stream: Stream, stored: Sequence[StoredObject]) -> timedelta | None:
    """Return how far back the provider answers.

    | the stream's connection is | its newest receipt has | counts |
    |---|---|---|
    | known | anything | the stream's |
    | not known | ``retention_days`` | the receipt's |
    | not known | none | the stream's, which is the document's |
    """
    receipts = (entry.receipt for entry in stored if entry.receipt)
    newest = max(receipts, key=attrgetter("extracted_at"), default=None)
    if stream.connection_known or newest is None or newest.retention_days is None:
        return stream.retention
    return timedelta(days=newest.retention_days)


def _state(lake: Lake, entry: StoredObject) -> str:
    receipt = entry.receipt
    if receipt is None or entry.damage(lake):
        return "damaged"
    if receipt.bad_rows:
        return "quarantined"
    if receipt.shrunken:
        return "shrunken"
    return "complete" if receipt.rows else "empty"


def group_overlapping(stored: Sequence[StoredObject]) -> Iterator[Sequence[StoredObject]]:
    """Group slots that overlap, in order of time."""
    if not stored:
        return
    first, end = 0, stored[0].interval.end
    for number, entry in enumerate(stored):
        if entry.interval.start >= end:
            yield stored[first:number]
            first = number
        end = max(end, entry.interval.end)
    yield stored[first:]
