"""Extract the slots of an interval that are missing or damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import (
    BetProviderError,
    IncompleteWindow,
    InvalidArgument,
    QuotaExhausted,
    WindowExpired,
)
from airflow_betproviders.operators.extract import MAX_DEFERRALS_WITHOUT_A_SLOT, ExtractToParquetOperator
from airflow_betproviders.operators.gap_filling.gaps_to_fill import GapsToFill, stored_between
from airflow_betproviders.operators.gap_filling.run_limit import RunLimit
from airflow_betproviders.operators.stream_target import StreamTarget
from airflow_betproviders.task.arguments import names
from airflow_betproviders.task.deferral import wait_until
from airflow_betproviders.task.interval import resolve_interval

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.lake.layout import Lake
    from airflow_betproviders.lake.survey.cells import Cell, Gap
    from airflow_betproviders.lake.survey.coverage import Coverage

FIRST = "first"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNREADABLE = frozenset({"expired", "pending"})
_RANGES = 50  # in an XCom


class FillGapsOperator(ExtractToParquetOperator):
    """Extract the slots of an interval that are missing or damaged, and no others.

    Does not call the provider when nothing is missing. Fails and lists the ranges that the provider no longer has, after
    every other slot is stored. A slot that cannot be read or proven complete keeps no other out. The task fails at once if the
    provider refuses three slots in a row, or does not answer for them.

    Without a limit the task succeeds only if the interval is complete. With ``max_calls`` or ``max_minutes`` it succeeds
    with slots left, names them in log and XCom, and the next run continues.

    Args:
        conn_id: connection to the provider; its type selects the hook.
        stream: stream name; default the hook's main bet stream.
        path: the lake, as given to ``ExtractToParquetOperator``.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval. ``"first"`` is the start of
            the first stored slot: a stream of which nothing is stored then has no gaps, and a range that the provider has
            dropped fails only the run in whose interval it was dropped. Start and end are rounded outwards to slots.
        end: explicit end, in the same forms.
        slot: width of the missing slots, if it fits between the stored ones; default the width of the stored ones beside them.
        filters: the filters that the stream was extracted with.
        states: states of the slots to extract: ``missing``, ``damaged``, ``shrunken``, ``quarantined``, ``empty`` or
            ``complete``, see `airflow_betproviders.lake.survey.cells.STATES`.
        max_calls: begin no slot after this many calls in one run.
        max_minutes: begin no slot after this many minutes in one run. With a limit, slots that the provider drops within a
            day are extracted first, then the newest first. Every second slot is chosen at random, so that slots that always
            fail keep no other out.
        max_bad_rows: rows that may go to quarantine without failing the task.
        partition: width of a partition under a partitioned timetable; default ``slot``.

    Further arguments are those of ``ExtractToParquetOperator``; give ``pii`` and ``archive`` as the extraction has them.

    Returns:
        (XCom) the summary of an extraction, for the slots of this run; ``missing``, ``expired``: slots that are still not stored;
        ``left``: slots that the next run will extract, and ``left_ranges``: their first 50 ranges.
    """

    template_fields: Sequence[str] = (*ExtractToParquetOperator.template_fields, "states", "max_calls", "max_minutes")

    def __init__(
        self,
        *,
        states: Sequence[str] = ("missing", "damaged"),
        max_calls: int | None = None,
        max_minutes: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.states = states
        self.max_calls = max_calls
        self.max_minutes = max_minutes

    def execute(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - the trigger's event
        stored_until: str | None = None,  # noqa: ARG002 - coverage knows what is stored
        idle_deferrals: int = 0,
        spent: dict[str, float] | None = None,
        began_at: str | None = None,
    ) -> dict[str, Any]:
        """Fill the interval's gaps, or defer until every slot of it is due.

        Args:
            context: Airflow's context of the task.
            event: the trigger's event.
            stored_until: not used.
            idle_deferrals: number of deferrals in a row without a stored slot between them.
            spent: what the run spent of its limit before it deferred.
            began_at: when the run began, ISO 8601, if it has deferred since.
        """
        from airflow_betproviders.extraction.fetch.rate_limiter import RateLimiter
        from airflow_betproviders.lake.survey.cells import group_cells

        hook, stream, width = self._resolve()
        states = self._states()
        lake = self._lake(hook, stream)
        limiter = RateLimiter.of(hook, stream)
        is_retry = context["ti"].try_number > 1
        limit = RunLimit(self.max_calls, self.max_minutes, lambda: limiter.calls, spent, is_retry=is_retry)
        interval = self._from_first(context, lake, width) if self.start == FIRST else self._interval(context, width)
        if interval is None:
            self.log.info("%s, stream %s: nothing is stored yet, so there is no gap", hook.label, stream.name)
            return {"stream": stream.name, "account": hook.account, "slots": 0, "calls": 0, "missing": 0, "left": 0}
        self.target = target = StreamTarget(lake, interval, hook, stream)
        to_fill = GapsToFill(target, width if self.slot else None, states)
        before = to_fill.survey()
        if pending := before.gaps({"pending"}):
            self._wait_until_ready(replace(target, interval=pending[-1].interval))
        began = datetime.fromisoformat(began_at) if began_at else datetime.now(timezone.utc)
        self._fill(context, to_fill, before, limit, began, idle_deferrals)
        after = to_fill.survey()
        stored = stored_between(lake, before, after, began)
        lost = [cell for cell in after.cells if cell.state in {"expired", *states} and not cell.readable(hook.now())]
        left = [cell for cell in to_fill.readable(after) if cell.state in {"missing", "damaged"}]
        summary = {
            **target.summarise(stored),
            "missing": after.total.states["missing"],
            "expired": len(lost),
            "left": len(left),
            "left_ranges": [list(gap.interval.texts) for gap in group_cells(left)[:_RANGES]],
        }
        self.log.info("%s", summary)
        self._emit_metrics(target, stored, gaps=summary["missing"] + summary["expired"])
        self._update_assets(context, summary, stored)
        self._set_lineage(target, stored)
        self._raise_for_gaps(to_fill, group_cells(self._newly_lost(context, lost)), left, limit)
        self._raise_for_bad_rows(target, stored)
        return summary

    def _from_first(self, context: Context, lake: Lake, width: timedelta) -> Interval | None:
        """Return the interval from the first stored slot on; None if nothing is stored before its end."""
        for day in lake.days():
            midnight = datetime.combine(day, time(), timezone.utc)
            slots = lake.stored(Interval(midnight, midnight + DAY))
            if slots:
                end = self.end or context.get("data_interval_end") or max(slots).end
                interval = resolve_interval(context, _EPOCH, end, width)
                first = min(slots).start
                return Interval(first, interval.end) if first < interval.end else None
        return None

    def _fill(
        self,
        context: Context,
        to_fill: GapsToFill,
        before: Coverage,
        limit: RunLimit,
        began: datetime,
        idle_deferrals: int,
    ) -> None:
        """Extract the gaps in batches. If a slot cannot be read or proven complete, extract the others all the same."""
        waiting = limit.order(to_fill.readable(before), to_fill.target.hook.now())
        while batch := limit.batch(waiting):
            self.log.info("%d slots to extract; this batch has %d", len(waiting), len(batch))
            try:
                self._store(context, to_fill.target, batch)
            except WindowExpired as error:  # dropped while older slots were extracted
                self.log.warning("%s", error)
                wanted = to_fill.wanted()
                if wanted.issuperset(batch):  # the provider keeps less than stated
                    to_fill.failed[batch[0]] = error
                    wanted.remove(batch[0])
                    limit.count(1)
                waiting = [slot for slot in waiting if slot in wanted]
            except BetProviderError as error:
                wanted = to_fill.wanted()
                if failed := to_fill.set_aside(error, batch, wanted):
                    self.log.warning("%s", error)
                    limit.count(batch.index(failed) + 1)
                    waiting = [slot for slot in waiting if slot in wanted and slot != failed]
                    continue
                if not isinstance(error, QuotaExhausted):  # other tasks use up a quota too
                    idle_deferrals = idle_deferrals + 1 if wanted.issuperset(batch) else 0
                if error.retry_at is None or idle_deferrals > MAX_DEFERRALS_WITHOUT_A_SLOT:
                    raise
                self.log.warning("%s", error)
                limit.count(sum(slot not in wanted for slot in batch))
                progress = {
                    "idle_deferrals": idle_deferrals,
                    "spent": limit.spent,
                    "began_at": began.isoformat(timespec="milliseconds"),
                }
                wait_until(self, error.retry_at, "the next call", **progress)
                waiting = [slot for slot in waiting if slot in wanted]
            else:
                idle_deferrals = to_fill.errors_in_a_row = 0
                limit.count(len(batch))
                stored = set(batch)
                waiting = [slot for slot in waiting if slot not in stored]
        if waiting:
            self.log.warning(
                "%s: the limit of this run is reached with %d slots left. The next run continues",
                to_fill.target.label,
                len(waiting),
            )

    def _newly_lost(self, context: Context, lost: Sequence[Cell]) -> list[Cell]:
        """Return the lost slots that make this run fail: all, or with ``start="first"`` those dropped since the run's interval began."""
        since = context.get("data_interval_start") if self.start == FIRST else None
        return [cell for cell in lost if since is None or cell.until is None or cell.until >= since]

    def _raise_for_gaps(self, to_fill: GapsToFill, lost: Sequence[Gap], left: Sequence[Cell], limit: RunLimit) -> None:
        where = to_fill.target.label
        if lost:
            raise WindowExpired(
                f"{where}: {_listed(lost)} can no longer be read: the provider does not keep it. Rebuild it with ReplayOperator "
                f"if it was archived. Everything else of {to_fill.target.interval} is stored{' or left for the next run' if left else ''}."
            )
        if to_fill.failed:
            raise next(iter(to_fill.failed.values()))
        if left and not limit:
            raise IncompleteWindow(
                f"{where}: {len(left)} slots are still missing or damaged after they were extracted, the first is "
                f"{left[0].interval}. Find the task that removes or overwrites them."
            )

    def _states(self) -> set[str]:
        from airflow_betproviders.lake.survey.cells import STATES

        known = STATES.keys() - _UNREADABLE
        states = set(names("states", self.states))
        if not states or states - known:
            raise InvalidArgument(
                f"states={self.states!r} must be some of {', '.join(s for s in STATES if s in known)}."
            )
        return states


def _listed(gaps: Sequence[Gap]) -> str:
    return ", ".join(f"{gap.interval} ({gap.slots} {gap.state})" for gap in gaps)
