"""The operator that extracts missing and damaged slots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError, IncompleteWindow, InvalidArgument, WindowExpired
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.stream_operator import summarise
from airflow_betproviders.task.deferral import wait_until
from airflow_betproviders.task.links import TaskTarget

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.lake.coverage import Coverage, Gap
    from airflow_betproviders.lake.layout import Lake

_UNREADABLE = frozenset({"expired", "pending"})


class FillGapsOperator(ExtractToParquetOperator):
    """Extract the slots of an interval that are missing or damaged, and no others.

    Does not call the provider when nothing is missing. Fails and lists the ranges that the provider no longer has, after
    every other slot is stored. The task succeeds only if the interval is complete.

    Args:
        conn_id: connection to the provider; its type picks the hook.
        stream: stream name; default the hook's main bet stream.
        path: the lake, as given to ``ExtractToParquetOperator``.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval. It, and the end, are moved
            outwards to the border of a slot.
        end: explicit end, likewise.
        slot: width of the slots that are filled in, where that fits between those that are stored; default as wide as
            these.
        filters: the filters that the stream was extracted with.
        states: what is read again: ``missing``, ``damaged``, ``shrunken``, ``quarantined``, ``empty`` or ``complete``, see
            `airflow_betproviders.lake.coverage.STATES`.
        max_bad_rows: rows that may go to quarantine without failing the task.
        partition: width of a partition under a partitioned timetable; default ``slot``.

    Further arguments are those of ``ExtractToParquetOperator``; give ``pii`` and ``archive`` as the extraction has them.

    Returns:
        (XCom) as of an extraction, of what was read now, and missing, expired: slots that are still not there.
    """

    template_fields: Sequence[str] = (*ExtractToParquetOperator.template_fields, "states")

    def __init__(self, *, states: Sequence[str] = ("missing", "damaged"), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.states = states

    def execute(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - the trigger's event
        stored_until: str | None = None,  # noqa: ARG002 - coverage knows what is stored
        fruitless: int = 0,  # noqa: ARG002 - likewise
    ) -> dict[str, Any]:
        """Fill the interval's gaps, or defer until all of it is due."""
        from airflow_betproviders.lake.coverage import coverage, runs

        hook, stream, width = self._resolve()
        states = self._states()
        interval = self._interval(context, width)
        lake = self._lake(hook, stream)
        self.target = TaskTarget(lake, interval)
        slot = width if self.slot else None

        def look() -> Coverage:
            return coverage(lake, stream, start=interval.start, end=interval.end, slot=slot, now=hook.now())

        before = look()
        if pending := before.gaps({"pending"}):
            self._wait_until_ready(hook, stream, pending[-1].interval)
        wanted = _readable(before, states, hook.now())
        while wanted:
            self.log.info("%d of %d slots are to be read", len(wanted), len(before.cells))
            try:
                self._store(context, hook, stream, lake, wanted)
            except WindowExpired as gone:  # while older ones were read; the others are still there
                self.log.warning("%s", gone)
                wanted = _readable(look(), states, hook.now())
            except BetProviderError as error:
                if error.retry_at is None:
                    raise
                self.log.warning("%s", error)
                wait_until(self, error.retry_at, "the next call")
                wanted = _readable(look(), states, hook.now())
            else:
                break
        after = look()
        stored = _read_between(lake, before, after)
        lost = runs(
            cell for cell in after.cells if cell.state in {"expired", *states} and not cell.readable(hook.now())
        )
        summary = {
            **summarise(hook, stream, lake, interval, stored),
            "missing": after.total.states["missing"],
            "expired": sum(gap.slots for gap in lost),
        }
        self.log.info("%s", summary)
        self._update_assets(context, summary, stored)
        self._set_lineage(stream, lake, stored)
        where = f"{hook.label}, stream {stream.name}"
        if lost:
            raise WindowExpired(
                f"{where}: {_told(lost)} can no longer be read, the provider does not keep it. What it still keeps of "
                f"{interval} is stored."
            )
        if left := _readable(after, states & {"missing", "damaged"}, hook.now()):
            raise IncompleteWindow(
                f"{where}: {len(left)} slots are still missing or damaged after they were read, the first is {left[0]}. "
                "Look for another task that removes or overwrites them."
            )
        self._raise_for_bad_rows(hook, stream, lake, interval, stored)
        return summary

    def _states(self) -> set[str]:
        from airflow_betproviders.lake.coverage import STATES

        known = STATES.keys() - _UNREADABLE
        states = {self.states} if isinstance(self.states, str) else set(self.states)
        if not states or states - known:
            raise InvalidArgument(
                f"states={self.states!r} must be some of {', '.join(s for s in STATES if s in known)}."
            )
        return states


def _readable(found: Coverage, states: set[str], now: datetime) -> list[Interval]:
    """The slots in these states that the provider still has, oldest first: it drops them in this order."""
    return [cell.interval for cell in found.cells if cell.state in states and cell.readable(now)]


def _read_between(lake: Lake, before: Coverage, after: Coverage) -> Stored:
    """The slots that were stored between two looks."""
    from airflow_betproviders.extraction.slots import Stored

    known = {cell.interval: cell.receipt for cell in before.cells}
    stored = Stored(size=None)
    for cell in after.cells:
        if cell.receipt and cell.receipt != known.get(cell.interval):
            stored.paths[cell.interval] = lake.data(cell.interval)
            stored.receipts.append(cell.receipt)
    return stored


def _told(gaps: Sequence[Gap]) -> str:
    return ", ".join(f"{gap.interval} ({gap.slots} {gap.state})" for gap in gaps)
