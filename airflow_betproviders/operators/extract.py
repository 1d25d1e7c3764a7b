"""Extract an interval of a stream to Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import Interval, check_slot, duration_text, parse_duration, slots
from airflow_betproviders.exceptions import BetProviderError, InvalidArgument, QuotaExhausted
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.pii import pii_policy_of
from airflow_betproviders.operators.progress import stored_before_deferral
from airflow_betproviders.operators.stream_operator import (
    StreamOperator,
    hook_of,
    run_metadata,
    stream_asset,
)
from airflow_betproviders.operators.stream_target import StreamTarget
from airflow_betproviders.task.arguments import NOT_GIVEN, flag, optional_duration
from airflow_betproviders.task.deferral import is_deferrable, wait_until
from airflow_betproviders.task.pool import warn_without_pool
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.privacy import PiiPolicy
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.hooks.base import BetProviderHook

__all__ = ["ExtractToParquetOperator", "hook_of", "stream_asset"]

_FOREVER = timedelta.max
# Deferrals in a row without a stored slot. After more, the task fails: the provider may never answer.
MAX_DEFERRALS_WITHOUT_A_SLOT = 5


class ExtractToParquetOperator(StreamOperator):
    """Extract an interval of a stream to Parquet. The task succeeds only if every bet of the interval is stored.

    The task defers, without holding a worker slot, until the provider has every row of the interval. Each slot is
    published in one step at a key that follows from account, stream, filters and slot alone, so that a retry, a cleared
    task and a backfill overwrite each other.

    Args:
        conn_id: connection to the provider; its type selects the hook. A template needs ``outlets=``.
        path: folder in any store that Airflow knows, e.g. ``s3://aws_default@lake/raw``.
        stream: stream name; default the provider's main bet stream.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, in the same forms.
        lookback: how far before its start the interval is read again, e.g. ``"24h"``, for late or changed rows.
        lag: minimum time between the end of the interval and its extraction; default the stream's own.
        slot: unit of storage, a divisor of a day; default the stream's own, ``1h`` for bets and ``1d`` for daily sums.
        filters: the provider's own filters, e.g. ``{"game_id": 2011}``. A stream with filters is stored in a folder of its own.
        max_bad_rows: rows that may go to quarantine without failing the task.
        partition: width of a partition under a partitioned timetable; default ``slot``.
        archive: whether to keep the raw answers, from which ``ReplayOperator`` rebuilds slots: True, or for how long, e.g.
            ``"90d"``. Older archives are deleted at the end of each run.
        pii: columns that identify a player, each with ``"drop"`` (the column stays, without values) or ``"hash"``, e.g.
            ``{"playerIp": "drop", "playerId": "hash"}``. Not together with ``archive``, which keeps the plain values.
        pii_conn_id: connection whose password, 16 characters or more, is the key of the hashes. A slot stored with
            ``pii`` is not extracted again without it.
        deferrable: whether to free the worker slot while waiting. Default ``[operators] default_deferrable`` where the
            deployment sets it, otherwise True. With False the task waits in its worker and keeps its pool slot.

    A mapped operator (``.partial().expand()``) needs ``outlets=[stream_asset(conn_id, stream)]`` in its ``partial``:
    Airflow reads the outlets of mapped tasks there.

    Returns:
        (XCom) stream, account, start, end, rows, bytes, slots, calls, bad_rows, changed, path. ``changed`` lists the starts
        of the slots whose rows are new or differ from those stored before. ``path`` is the files' common folder.

    Raises:
        InvalidArgument: an argument cannot work; raised before the first call.
        WindowExpired: the provider no longer has the interval.
        BadRows: more than ``max_bad_rows`` rows are in quarantine; the others are stored.
        IncompleteWindow, ProviderUnavailable: retried by Airflow.
    """

    template_fields: Sequence[str] = (*StreamOperator.template_fields, "slot", "lookback", "lag", "archive")
    ui_color = "#e8f3ec"

    def __init__(
        self,
        *,
        lookback: str | timedelta | None = None,
        lag: str | timedelta | None = None,
        slot: str | timedelta | None = None,
        archive: bool | str | timedelta = False,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lookback = lookback
        self.lag = lag
        self.slot = slot
        self.archive = archive
        self.deferrable = is_deferrable(deferrable)

    def execute(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - the trigger's event
        stored_until: str | None = None,
        idle_deferrals: int = 0,
    ) -> dict[str, Any]:
        """Extract the interval, or defer until it is ready.

        Args:
            context: Airflow's context of the task.
            event: the trigger's event.
            stored_until: end of the slots that the task stored before it deferred; None if it has not deferred for a limit.
            idle_deferrals: number of deferrals in a row without a stored slot between them.
        """
        hook, stream, width = self._resolve()
        if stream.windows is None:
            interval, width = hook.today(), timedelta(days=1)
        else:
            interval = self._interval(context, width)
        intervals = slots(interval, width, stream.day_start_offset)
        self.target = target = StreamTarget(self._lake(hook, stream), interval, hook, stream)
        hook.check_time(stream, interval)
        self._wait_until_ready(target)
        stored = stored_before_deferral(target.lake, intervals, stored_until)
        while unstored := [slot for slot in intervals if slot not in stored.paths]:
            try:
                self._store(context, target, unstored, stored)
            except BetProviderError as error:
                if not isinstance(error, QuotaExhausted):  # other tasks use up a quota too
                    idle_deferrals = idle_deferrals + 1 if unstored[0] not in stored.paths else 0
                if error.retry_at is None or idle_deferrals > MAX_DEFERRALS_WITHOUT_A_SLOT:
                    raise
                until = max((slot.end for slot in stored.paths), default=interval.start).isoformat()
                self.log.warning("%s", error)
                wait_until(self, error.retry_at, "the next call", stored_until=until, idle_deferrals=idle_deferrals)
        summary = target.summarise(stored)
        self._emit_metrics(target, stored)
        self._update_assets(context, summary, stored)
        self._set_lineage(target, stored)
        self._raise_for_bad_rows(target, stored)
        return summary

    def _resolve(self) -> tuple[BetProviderHook, Stream, timedelta]:
        """Return hook, stream and slot width. Refuse arguments that cannot work."""
        hook = hook_of(self.conn_id)
        stream = hook.stream(self.stream or None)
        self._filters(stream)
        self._max_bad_rows()
        self._archive_or_pii(stream)
        slot = optional_duration("slot", self.slot)
        width = stream.slot if slot is None else slot
        check_slot(width)
        _check_slot(stream, width)
        return hook, stream, width

    def _interval(self, context: Context, width: timedelta) -> Interval:
        interval = super()._interval(context, width)
        lookback = optional_duration("lookback", self.lookback)
        return Interval(interval.start - lookback, interval.end) if lookback else interval

    def _lake(self, hook: BetProviderHook, stream: Stream) -> Lake:
        """Return where the stream is stored. Refuse a path or a connection that cannot work."""
        target = open_path(self.path)
        hook.check_connection()
        return Lake(target.fs, target.path, stream.provider, stream.name, hook.account, self._filters(stream))

    def _archive_or_pii(self, stream: Stream) -> tuple[timedelta | None, PiiPolicy | None]:
        """Return how long archives are kept (None: no archive), and the PII policy (None: no policy)."""
        archived_for = _archived_for(self.archive)
        pii_policy = pii_policy_of(self.pii, self.pii_conn_id, stream, self._filters(stream))
        if archived_for and pii_policy:
            raise InvalidArgument(
                "archive= keeps every answer as the provider sent it, including the columns that pii= drops or hashes. Give only one "
                "of them."
            )
        return archived_for, pii_policy

    def _wait_until_ready(self, target: StreamTarget) -> None:
        hook, stream, interval = target.hook, target.stream, target.interval
        ready, ready_at = hook.ready(stream, interval), hook.ready_at(stream, interval)
        lag = optional_duration("lag", self.lag)
        if lag and stream.windows and (later := interval.end + lag) > ready_at:
            ready, ready_at = hook.now() >= later, later
        if not ready:
            wait_until(self, ready_at, interval)

    def _store(
        self, context: Context, target: StreamTarget, intervals: Sequence[Interval], stored: Stored | None = None
    ) -> Stored:
        """Extract slots of the target and add them to those that are stored. Expire archives and update the footer cache."""
        from airflow_betproviders.extraction.archive import expire
        from airflow_betproviders.extraction.slots import Extraction
        from airflow_betproviders.lake.survey.stored_objects import list_stored_objects

        hook, stream, lake = target.hook, target.stream, target.lake
        warn_without_pool(self, hook)
        archived_for, pii_policy = self._archive_or_pii(stream)
        extraction = Extraction(
            hook,
            stream,
            lake.filters,
            check_time=lambda window: hook.check_time(stream, window),
            run_metadata=run_metadata(context),
            archive=archived_for is not None,
            pii_policy=pii_policy,
        )
        stored = extraction.store(intervals, lake, stored)
        if archived_for and archived_for < _FOREVER:
            expire(lake, hook.now() - archived_for)
        try:
            list_stored_objects(lake, Interval(intervals[0].start, intervals[-1].end))
        except Exception:  # the slots are stored; the cache only makes coverage quick
            self.log.warning("the footer cache of %s could not be updated", lake.base, exc_info=True)
        return stored


def _archived_for(archive: Any) -> timedelta | None:
    """Return how long archives are kept, or None for no archive. A template makes text of the value."""
    if archive in NOT_GIVEN:
        return None
    if str(archive).lower() in {"true", "false"}:
        return _FOREVER if flag("archive", archive) else None
    kept = parse_duration("archive", archive)
    if kept < timedelta(days=1):
        raise InvalidArgument(f"archive={archive!r} is less than a day. Write True, or how long to keep it: 90d.")
    return kept


def _check_slot(stream: Stream, width: timedelta) -> None:
    rule = stream.windows
    if rule is None:
        return
    if width % rule.step:
        raise InvalidArgument(
            f"slot {duration_text(width)} of stream {stream.name} must be a whole number of {duration_text(rule.step)} steps."
        )
    if not rule.divisible and width > rule.span:
        raise InvalidArgument(
            f"slot {duration_text(width)} of stream {stream.name} must be at most {duration_text(rule.span)}, since one answer covers no more."
        )
