"""Declare cursors: each call requests the rows from an instant, or from a row version, on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_betproviders.declare.pagination.base import (
    END_REACHED,
    FEW_BYTES,
    FEW_ROWS,
    NOTHING_NEW,
    Answer,
    DisorderedRows,
    Pagination,
    Params,
    Position,
    Unprovable,
    WindowChanged,
    is_largest_answer,
    is_likely_cap,
)

if TYPE_CHECKING:
    from airflow_betproviders.declare.interval import Interval


@dataclass(frozen=True, kw_only=True)
class TimestampCursor(Pagination):
    """Rows from an instant on, in the order of time. The window is read when a call reaches its end or brings nothing new.

    Where the next call begins:

    | the answer | the next call begins |
    |---|---|
    | is small and not full | a millisecond before its last row, as the provider may leave out the instant that is requested |
    | may be cut off | earlier: by its last few rows, or by twice the time by which rows of the window are out of order |
    | is large or full, and its rows come in no order | at their median; it must bring no new row older than the last so far |

    If rows are out of order by more than these calls went back, the window is read again, and its calls go back further
    (`DisorderedRows`).

    Attributes:
        param: name of the parameter that carries the instant.
        limit: rows in a full answer, as documented.
        size_param: name of the parameter that carries the limit; None where there is none.
        min_limit: the smallest limit that the provider takes.
        disorder_ms: milliseconds by which rows may be out of order, as earlier answers have shown.
    """

    param: str
    limit: int
    size_param: str | None = None
    min_limit: int = 1
    disorder_ms: int = 0

    @property
    def rows_asked(self) -> int | None:
        """See `Pagination`."""
        return self.limit if self.size_param else None

    @property
    def keeps_to_window(self) -> bool:
        """See `Pagination`."""
        return False

    def first(self, window: Interval | None) -> Params:
        """See `Pagination`."""
        assert window is not None  # noqa: S101 - a cursor starts at a window's start
        return self._from(_ms(window) - 1)

    def following(self, window: Interval | None, answers: Sequence[Answer]) -> Sequence[Params]:
        """See `Pagination`."""
        assert window is not None  # noqa: S101 - a cursor starts at a window's start
        latest = answers[-1]
        end = round(window.end.timestamp() * 1000)
        full = self._is_full(latest, answers)
        if self._is_unordered(latest, answers) and (latest.newest_first or (full and not latest.shuffled)):
            raise Unprovable(
                f"the {latest.rows} rows of an answer do not come in the order of time, so others may lie before them. Ask the "
                "provider to return them in order, or read another stream"
            )
        # A cut-off answer without order lacks rows anywhere, and an answer from its middle on brings some of them.
        if latest.late_rows and any(self._is_unordered(answer, answers) for answer in answers[:-1]):
            raise WindowChanged("an answer without order lacked rows that a later one brought")
        if latest.median_ms is not None and self._is_unproven(answers):
            return (self._from(latest.median_ms - 1),)
        if latest.latest_ms is None:
            return ()
        overlap_ms = self._overlap_ms(answers, full=full, end=end)
        if latest.latest_ms - overlap_ms >= end:
            return ()
        before = max((answer.latest_ms for answer in answers[:-1] if answer.latest_ms is not None), default=_ms(window))
        if latest.latest_ms <= before:
            if latest.rows >= self.limit:
                raise Unprovable(f"more than {latest.rows} rows share {self._shared}")
            if latest.latest_ms >= _ms(window) and is_largest_answer(latest, answers[:-1]):
                raise Unprovable(
                    f"{latest.rows} rows share {self._shared}, and nothing shows that an answer holds more: further rows may "
                    "share it. Try again when the provider has later rows, or read another stream"
                )
            return ()
        return (self._from(max(latest.latest_ms - overlap_ms, _ms(window)) - 1),) if latest.new else ()

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:  # noqa: ARG002 - followed to the end
        """See `Pagination`."""
        disorder_ms = max(answer.disorder_ms for answer in answers)
        for count, after in enumerate(answers[1:], 1):
            cut_off = answers[count - 1]
            # Of rows in no order at all, the call from their middle has shown that none is missing.
            if cut_off.rows < FEW_ROWS or cut_off.shuffled or not after.new:
                continue
            if disorder_ms > max(self._step_back_ms(answers[:count]), cut_off.tail_ms):
                raise DisorderedRows(disorder_ms)
        return END_REACHED if answers[-1].new else NOTHING_NEW

    def expecting_disorder(self, disorder_ms: int) -> TimestampCursor:
        """See `Pagination`."""
        return replace(self, disorder_ms=max(disorder_ms, self.disorder_ms))

    def limited_to(self, rows: int) -> TimestampCursor:
        """See `Pagination`."""
        return replace(self, limit=min(max(rows, self.min_limit), self.limit)) if self.size_param else self

    def rows_of_window(self, first: Answer) -> int | None:  # noqa: ARG002 - an answer says nothing of the window
        """See `Pagination`."""
        return None

    def _is_full(self, answer: Answer, answers: Sequence[Answer]) -> bool:
        """Return whether an answer may be cut off by its number of rows: it reaches the limit, or is the largest and round."""
        greatest = all(other.rows <= answer.rows for other in answers)
        return answer.rows >= max(FEW_ROWS, self.limit) or (greatest and is_likely_cap(answer.rows))

    def _is_unordered(self, answer: Answer, answers: Sequence[Answer]) -> bool:
        """Return whether an answer may be cut off and its rows come in no order, so that rows of any time may be missing."""
        return not answer.in_order and (answer.bytes >= FEW_BYTES or self._is_full(answer, answers))

    def _overlap_ms(self, answers: Sequence[Answer], *, full: bool, end: int) -> int:
        """Return how many milliseconds before the latest answer's last row a missing row may lie."""
        answer = answers[-1]
        assert answer.latest_ms is not None  # noqa: S101 - the caller has checked it
        may_be_cut_off = full or (answer.latest_ms < end and answer.rows >= FEW_ROWS)
        if not may_be_cut_off and answer.bytes < FEW_BYTES:
            return 0
        step_back_ms = self._step_back_ms(answers)
        return max(step_back_ms, answer.tail_ms) if may_be_cut_off else step_back_ms

    def _step_back_ms(self, answers: Sequence[Answer]) -> int:
        """Return how many milliseconds before the last row the next call has to begin, because rows are out of order."""
        answer = answers[-1]
        last = answer.latest_ms or 0
        # Twice, as a missing row may come later than all seen. A call from before the middle would bring too few new rows.
        half = last - (last if answer.median_ms is None else answer.median_ms)
        step_back_ms = min(max(self.disorder_ms, 2 * max(answer.disorder_ms for answer in answers)), half)
        return max(step_back_ms, answer.disorder_ms) if answer.in_order else step_back_ms

    def _is_unproven(self, answers: Sequence[Answer]) -> bool:
        """Return whether the latest answer is unordered, unless it answers a call from the middle of one before it."""
        unproven = False
        for answer in answers:
            unproven = not unproven and self._is_unordered(answer, answers) and answer.new > 0
        return unproven

    @property
    def _shared(self) -> str:
        return "one millisecond"

    def _from(self, ms: int) -> Params:
        size = {self.size_param: self.limit} if self.size_param else {}
        return {self.param: Position(ms), **size}


@dataclass(frozen=True, kw_only=True)
class RowVersionCursor(TimestampCursor):
    """Rows from a version on: each row's time of its last change, in milliseconds, which several rows may share."""

    size_param: str | None = "count"

    @property
    def _shared(self) -> str:
        return "one row version"


def _ms(window: Interval) -> int:
    return round(window.start.timestamp() * 1000)
