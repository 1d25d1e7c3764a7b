"""Assemble a window from its answers, and check that they prove it complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    REACHES,
    SECOND_READ,
    SHORT_ANSWER,
    Pagination,
    Unprovable,
    WindowChanged,
)
from airflow_betproviders.declare.stream import Reaches, Stream, SumOf
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import IncompleteWindow, WindowNotReady
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.rejected_times import ABSURD, RejectedTimes
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.arrays import exact_sum
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.decode.envelope import declared_part, path_to
from airflow_betproviders.extraction.fetch.completeness.other_days import ReportDays
from airflow_betproviders.extraction.fetch.completeness.outside_rows import OutsideRows

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

# The shortest wait for rows that the provider does not have yet.
_SHORTEST_WAIT = timedelta(minutes=1)


class WindowAssembler:
    """Assemble windows of one stream from their answers."""

    def __init__(self, source: Source, stream: Stream) -> None:
        """Bind the account and the stream."""
        self._source = source
        self._stream = stream
        self._outside = OutsideRows(source, stream)
        self._days = ReportDays(source, stream)
        self._time_of = RejectedTimes(stream, source.utc_offset)
        self._says_how_far = path_to(stream.envelope, Reaches) is not None
        self._summed = declared_part(stream.envelope, path_to(stream.envelope, SumOf))

    def __call__(self, window: Interval | None, answers: Sequence[PageAnswer], paging: Pagination) -> WindowRows:
        """Return the rows of a window, each key once, with what proves that they are complete.

        Args:
            window: the requested window; None for a snapshot.
            answers: its answers, in order, and the answer for `earlier_window` if that was requested.
            paging: the pagination that requested them.

        Raises:
            WindowChanged, Unprovable: they contradict each other, or nothing shows that they are complete.
            WindowNotReady: they say that the provider does not have all rows of the window yet.
            ProviderRequestError: too many rows lie outside the window, or figures are of another day.
        """
        answers, earlier = self._with_earlier(answers, paging)
        rows = self._combined(window, answers)
        rows.proof = paging.proof(answers, rows.distinct)
        if any(answer.page.doubtful for answer in answers):
            rows.proof = SECOND_READ
        self._check_sum(rows, answers[0].page.sum)
        if window is not None and self._says_how_far:
            self._check_reach(window, answers)
            rows.proof = REACHES if rows.proof == SHORT_ANSWER else rows.proof
        rule = self._stream.windows
        if window is not None and rule and self._stream.has_outside_rows:
            # Rows outside are left out here: those that no other window brings would be lost.
            self._outside.remove(rows, _answered(window, rule, paging), always=True)
            rows.keep_window(str(self._stream.time_column), self._time_of)
        if window is not None:
            self._days.check(rows, self._combined(window, earlier) if earlier else None)
            rows.calls += tuple(answer.page.call for answer in earlier)
        return rows

    def earlier_window(
        self, window: Interval | None, answers: Sequence[PageAnswer], paging: Pagination
    ) -> Interval | None:
        """Return the window a second earlier that has to be requested as well; None where none has to be. See `ReportDays`."""
        if self._stream.day_column is None or not paging.may_be_cut_off or len(answers) > 1:
            return None
        return self._days.earlier_window(self._combined(window, answers))

    def assemble_archived(self, window: Interval | None, pages: Sequence[Page]) -> WindowRows:
        """Assemble a window from its archived answers, under the same checks.

        Raises:
            IncompleteWindow: as decoded by this release, the answers no longer prove the window complete.
        """
        answers: list[PageAnswer] = []
        for page in pages:
            answers.append(PageAnswer(page, self._stream, answers))
        try:
            return self(window, answers, self._stream.paging)
        except (WindowChanged, Unprovable) as problem:
            raise self.incomplete(window, str(problem)) from None

    def incomplete(self, window: Interval | None, reason: str) -> IncompleteWindow:
        """Return the error of a window that could not be proven complete."""
        where = f", window {window or 'now'}"
        return IncompleteWindow(
            f"{self._source.label}, stream {self._stream.name}{where}: {reason}. Nothing was stored for it. "
            "Try again later; if this stays, send this message to the provider."
        )

    def _combined(self, window: Interval | None, answers: Sequence[PageAnswer]) -> WindowRows:
        return WindowRows.from_pages(self._stream, window, [answer.page for answer in answers])

    def _with_earlier(
        self, answers: Sequence[PageAnswer], paging: Pagination
    ) -> tuple[Sequence[PageAnswer], Sequence[PageAnswer]]:
        """Return the answers of a window, and the one for the window a second earlier, where windows have one answer."""
        own_count = 1 if self._stream.day_column and paging.may_be_cut_off else len(answers)
        return answers[:own_count], answers[own_count:]

    def _check_sum(self, rows: WindowRows, total: int | None) -> None:
        """Refuse rows that add up to less than the answer's own sum. Where a row has no figure, nothing can be added up."""
        if total is None or rows.rejected:
            return
        column = rows.table[self._summed.column]
        added = total if column.null_count else exact_sum(column) or 0
        if added < total:
            raise WindowChanged(
                f"the provider's own sum of {self._summed.column} is {total}, and its rows add up to {added}, so rows are missing"
            )

    def _check_reach(self, window: Interval, answers: Sequence[PageAnswer]) -> None:
        """Refuse answers that say they do not reach the end of the window."""
        for answer in answers:
            reaches = answer.page.reaches
            if reaches is None:
                raise Unprovable("the answer does not say how far it reaches")
            if reaches < window.end:
                error = WindowNotReady(
                    f"{self._source.label}, stream {self._stream.name}, window {window}: the provider has rows until "
                    f"{reaches:%Y-%m-%dT%H:%M:%SZ} so far. Raise the lag, or try again later."
                )
                error.retry_at = datetime.now(timezone.utc) + max(window.end - reaches, _SHORTEST_WAIT)
                raise error


def _answered(window: Interval, rule: WindowRule, paging: Pagination) -> Interval:
    """Return the interval in which the rows of an answer may lie.

    | answers | from | to |
    |---|---|---|
    | of a fixed length | the window's start | its own end |
    | of the newest rows, for a length that includes the window | this length before the window's end | this length after its start |
    | of a cursor | the window's start | ten years after the window |
    """
    if rule.sliding:
        return Interval(window.end - rule.span, window.start + rule.span)
    end = window.start + rule.span if paging.keeps_to_window else window.end + ABSURD
    return Interval(window.start - max(rule.step, timedelta(seconds=1)), end)
