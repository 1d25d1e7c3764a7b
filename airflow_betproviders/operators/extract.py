"""The operator that extracts windows of a stream to Parquet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseHook, BaseOperator

from airflow_betproviders import __version__
from airflow_betproviders.declare.interval import Interval, check_slot, parse_duration, slots
from airflow_betproviders.exceptions import BadRows, InvalidArgument
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import add_up
from airflow_betproviders.registry import hook_class, providers
from airflow_betproviders.task.deferral import defer_until
from airflow_betproviders.task.interval import resolve_interval
from airflow_betproviders.task.lineage import TellsLineage, dataset
from airflow_betproviders.task.links import About, CoverageLink, DataLink
from airflow_betproviders.task.pii import pii_policy_of
from airflow_betproviders.task.pool import warn_without_pool
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.privacy import PiiPolicy
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.hooks.base import BetProviderHook

# An event is a message, not a catalogue: of very many slots it names the first.
_MOST_PATHS = 100
_FOREVER = timedelta.max


def stream_asset(conn_id: str, stream: str | None = None) -> Asset:
    """The asset that an extraction updates; schedule a DAG on it to run when new slots have landed."""
    name = f"{conn_id}/{stream or 'main'}"
    return Asset(name=f"betproviders/{name}", uri=f"betproviders://{name}")


def hook_of(conn_id: str) -> BetProviderHook:
    """The hook that a connection's type stands for.

    Raises:
        InvalidArgument: the connection is of another type.
    """
    conn_type = str(BaseHook.get_connection(conn_id).conn_type)
    if conn_type not in providers():
        raise InvalidArgument(
            f"connection {conn_id} is of type {conn_type!r}, which no installed provider serves. "
            f"Use a connection of type {', '.join(providers())}."
        )
    return hook_class(conn_type)(conn_id)


class ExtractToParquetOperator(TellsLineage, BaseOperator):
    """Extract an interval of a stream to Parquet: every slot of it whole, or the task is red.

    The task defers, without holding a worker slot, until the provider has every row of the interval. Each slot is
    published in one step at a key that follows from account, stream, filters and slot alone, so that a retry, a cleared
    task and a backfill overwrite each other.

    Args:
        conn_id: connection to the provider; its type picks the hook.
        stream: stream name; default the hook's main bet stream.
        path: folder in any store that Airflow knows, e.g. ``s3://aws_default@lake/raw``.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, likewise.
        lookback: how far before its start the interval is read again too, e.g. ``"24h"``, for rows that come or change late.
        lag: least time between the end of the interval and its reading, where the stream's own is too short for you.
        slot: unit of storage, a divisor of a day; default the stream's own, ``1h`` for bets and ``1d`` for daily ones.
        filters: the provider's own, e.g. ``{"game_id": 2011}``; they become folders.
        max_bad_rows: rows that may go to quarantine without failing the task.
        partition: width of a partition under a partitioned timetable; default ``slot``.
        archive: whether to keep the raw replies too, under ``_archive/``, from which ``ReplayOperator`` rebuilds slots:
            True, or for how long, e.g. ``"90d"``: those of days before that are deleted at the end of each run.
        pii: columns that say who a player is, each with ``"drop"`` (the column stays, without values) or ``"hash"``, e.g.
            ``{"playerIp": "drop", "playerId": "hash"}``. Not together with ``archive``, which keeps what the provider sent.
        pii_conn_id: connection whose password, 16 characters or more, is the key of the hashes. A slot that was stored with
            ``pii`` is not read again without it.

    A mapped operator (``.partial().expand()``) needs ``outlets=[stream_asset(conn_id, stream)]`` in its ``partial``:
    Airflow reads the outlets of mapped tasks there.

    Returns:
        (XCom) stream, account, start, end, rows, bytes, slots, calls, bad_rows, changed, path. ``changed`` are the starts of
        the slots whose rows are new, or other than those that this run found stored; a retry finds what the run found.
        ``path`` is the objects' common folder.
    """

    template_fields: Sequence[str] = (
        *("conn_id", "stream", "path", "start", "end", "slot", "filters", "max_bad_rows"),
        *("lookback", "lag", "archive", "pii", "pii_conn_id"),
    )
    ui_color = "#e8f3ec"
    operator_extra_links = (CoverageLink(), DataLink())
    about: About | None = None

    def __init__(
        self,
        *,
        conn_id: str,
        path: str,
        stream: str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        lookback: str | timedelta | None = None,
        lag: str | timedelta | None = None,
        slot: str | timedelta | None = None,
        filters: Mapping[str, Any] | None = None,
        max_bad_rows: int = 0,
        partition: str | timedelta | None = None,
        archive: bool | str | timedelta = False,
        pii: Mapping[str, str] | None = None,
        pii_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("outlets", [stream_asset(conn_id, stream)])
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.stream = stream
        self.path = path
        self.start = start
        self.end = end
        self.lookback = lookback
        self.lag = lag
        self.slot = slot
        self.filters = filters
        self.max_bad_rows = max_bad_rows
        self.partition = partition
        self.archive = archive
        self.pii = pii
        self.pii_conn_id = pii_conn_id

    def execute(self, context: Context, event: Any = None) -> dict[str, Any]:  # noqa: ARG002 - the trigger's event
        """Extract the interval, or defer until it is ready."""
        hook, stream, width = self._what()
        if stream.windows is None:
            interval, width = hook.today(), timedelta(days=1)
        else:
            interval = self._interval(context, width)
        cut = slots(interval, width, stream.day_start_offset)
        lake = self._lake(hook, stream)
        self.about = About(lake, interval)
        hook.check_time(stream, interval)
        self._defer_until_ready(hook, stream, interval)
        stored = self._store(context, hook, stream, lake, cut)
        summary = summarise(hook, stream, lake, interval, stored)
        self._tell_assets(context, summary, stored)
        self._tell_lineage(stream, lake, stored)
        self._judge(hook, stream, interval, stored)
        return summary

    def _what(self) -> tuple[BetProviderHook, Stream, timedelta]:
        """The account, the stream and the width of its slots, once the arguments are known to be good."""
        hook = hook_of(self.conn_id)
        stream = hook.stream(self.stream or None)
        self._filters(stream)
        self._most_bad_rows()
        self._archive_or_conceal(stream)
        width = parse_duration(self.slot) if self.slot else stream.slot
        check_slot(width)
        _check_slot(stream, width)
        return hook, stream, width

    def _interval(self, context: Context, width: timedelta) -> Interval:
        partition = parse_duration(self.partition) if self.partition else width
        interval = resolve_interval(context, self.start, self.end, partition)
        return Interval(interval.start - parse_duration(self.lookback), interval.end) if self.lookback else interval

    def _lake(self, hook: BetProviderHook, stream: Stream) -> Lake:
        """Where the stream is stored, once the store and the connection are known to be there."""
        target = open_path(self.path)
        hook.check_connection()
        return Lake(target.fs, target.path, stream.provider, stream.name, hook.account, self._filters(stream))

    def _filters(self, stream: Stream) -> dict[str, Any]:
        if not isinstance(self.filters or {}, Mapping):
            raise InvalidArgument(
                f"filters={self.filters!r} is not a dict. Set render_template_as_native_obj=True on the DAG where a "
                "template makes it."
            )
        return stream.check_filters(self.filters or {})

    def _archive_or_conceal(self, stream: Stream) -> tuple[timedelta | None, PiiPolicy | None]:
        """How long replies are kept, None for not at all; and what is concealed."""
        archived_for = _archived_for(self.archive)
        pii_policy = pii_policy_of(self.pii, self.pii_conn_id, stream, self._filters(stream))
        if archived_for and pii_policy:
            raise InvalidArgument(
                "archive= keeps every reply as the provider sent it, and with it what pii= conceals. Give only one of them."
            )
        return archived_for, pii_policy

    def _most_bad_rows(self) -> int:
        try:
            return int(self.max_bad_rows)
        except (TypeError, ValueError):
            raise InvalidArgument(f"max_bad_rows={self.max_bad_rows!r} is not a whole number.") from None

    def _defer_until_ready(self, hook: BetProviderHook, stream: Stream, interval: Interval) -> None:
        ready, ready_at = hook.ready(stream, interval), hook.ready_at(stream, interval)
        if self.lag and stream.windows and (later := interval.end + parse_duration(self.lag)) > ready_at:
            ready, ready_at = hook.now() >= later, later
        if not ready:
            defer_until(self, ready_at, interval)

    def _store(
        self,
        context: Context,
        hook: BetProviderHook,
        stream: Stream,
        lake: Lake,
        cut: Sequence[Interval],
    ) -> Stored:
        from airflow_betproviders.extraction.archive import expire
        from airflow_betproviders.extraction.slots import Extraction
        from airflow_betproviders.lake.footer_cache import stored_objects

        warn_without_pool(self, hook)
        archived_for, pii_policy = self._archive_or_conceal(stream)
        extraction = Extraction(
            hook,
            stream,
            lake.filters,
            check_time=lambda window: hook.check_time(stream, window),
            stamp=stamp_of(context),
            archive=archived_for is not None,
            pii_policy=pii_policy,
        )
        stored = extraction.store(cut, lake)
        if archived_for and archived_for < _FOREVER:
            expire(lake, hook.now() - archived_for)
        try:
            stored_objects(lake, Interval(cut[0].start, cut[-1].end))
        except Exception:  # the slots are there; the index only makes looking at them quick
            self.log.warning("the index of %s could not be brought up to date", lake.base, exc_info=True)
        return stored

    def _tell_assets(self, context: Context, summary: dict[str, Any], stored: Stored) -> None:
        extra = {
            **summary,
            "sums": {name: format(value, "f") for name, value in add_up(stored.receipts).items()},
            "paths": list(stored.paths.values())[:_MOST_PATHS],
            "shrunken": sum(receipt.shrunken for receipt in stored.receipts),
        }
        for asset in self.outlets:
            if isinstance(asset, Asset):
                context["outlet_events"][asset].extra = extra

    def _tell_lineage(self, stream: Stream, lake: Lake, stored: Stored) -> None:
        from airflow_betproviders.extraction.decode import columns

        counts = {"rows": stored.total("rows"), "size": stored.size, "files": len(stored.paths)}
        self.writes = [dataset(lake.fs, lake.base, columns.schema(stream.fields), **counts)]

    def _judge(self, hook: BetProviderHook, stream: Stream, interval: Interval, stored: Stored) -> None:
        bad = stored.total("bad_rows")
        if bad > self._most_bad_rows():
            raise BadRows(
                f"{hook.label}, stream {stream.name}, {interval}: {bad} rows do not fit the schema and are in quarantine "
                f"under {_common(stored)}; the {stored.total('rows')} good ones have landed. Read the reasons there, and "
                f"set max_bad_rows={bad} if they may be left out."
            )


def stamp_of(context: Context) -> dict[str, Any]:
    """What a receipt says of the task that wrote it."""
    names = ("dag_id", "task_id", "run_id", "try_number")
    return {**{name: getattr(context["ti"], name) for name in names}, "version": __version__}


def _archived_for(archive: Any) -> timedelta | None:
    """How long archives are kept; None for none at all. A template makes text of it."""
    if archive in (False, None, "", "False", "None"):
        return None
    if archive in (True, "True"):
        return _FOREVER
    kept = parse_duration(archive)
    if kept < timedelta(days=1):
        raise InvalidArgument(f"archive={archive!r} is less than a day. Write True, or how long to keep it: 90d.")
    return kept


def _check_slot(stream: Stream, width: timedelta) -> None:
    rule = stream.windows
    if rule is None:
        return
    if width % rule.step:
        raise InvalidArgument(f"slot {width} of stream {stream.name} must be a whole number of {rule.step} steps.")
    if not rule.divisible and width > rule.span:
        raise InvalidArgument(f"slot {width} of stream {stream.name} must be at most {rule.span}, one answer.")


def summarise(hook: BetProviderHook, stream: Stream, lake: Lake, interval: Interval, stored: Stored) -> dict[str, Any]:
    """What a task says of the slots that it has stored."""
    return {
        "stream": stream.name,
        "account": hook.account,
        "start": interval.start.isoformat(),
        "end": interval.end.isoformat(),
        "rows": stored.total("rows"),
        "bytes": stored.total("bytes"),
        "slots": len(stored.receipts),
        "calls": stored.total("calls"),
        "bad_rows": stored.total("bad_rows"),
        "changed": [receipt.start for receipt in stored.receipts if receipt.changed],
        "path": _common(stored) if stored.paths else lake.base,
    }


def _common(stored: Stored) -> str:
    return os.path.commonpath([path.rpartition("/")[0] for path in stored.paths.values()])
