"""Operators of the bets table in Delta Lake: one row a bet, in its newest version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from airflow_betproviders import metrics, registry
from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import InvalidArgument, NothingStored, UnmergeableSlot
from airflow_betproviders.operators.stream_operator import hook_of
from airflow_betproviders.task.arguments import (
    ChecksTemplates,
    mapping,
    optional_duration,
    optional_text,
    require_text,
    whole_number,
)
from airflow_betproviders.task.deferral import EndsWhenKilled
from airflow_betproviders.task.interval import resolve_interval, resolve_intervals
from airflow_betproviders.task.lineage import LineageMixin, dataset
from airflow_betproviders.task.links import CoverageLink
from airflow_betproviders.task.storage import open_path, require_delta, split_path
from airflow_betproviders.task.tables import open_table, refuse_shared_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.bets_table.merge import Merge, MergeStats
    from airflow_betproviders.bets_table.optimize import SortBy
    from airflow_betproviders.bets_table.raw_slots import RawStream
    from airflow_betproviders.declare.interval import Interval


def bets_asset(table: str) -> Asset:
    """Return the asset that a merge into the table updates: schedule a DAG on it to run when new bets are merged."""
    name = "bets"
    if "{" not in table:  # a template is no URL yet
        parts = split_path(table, "table")
        place = f"{parts.netloc.rpartition('@')[2]}{parts.path}".strip("/")
        name = f"bets/{place}" if place else name
    return Asset(name=f"betproviders/{name}", uri=f"betproviders://{name}")


class MergeBetsOperator(ChecksTemplates, EndsWhenKilled, LineageMixin, BaseOperator):
    """Merge raw slots into the bets table: every bet once, in its newest version.

    The table records which version of each slot it has, in the same commit as the rows. A slot is merged if its stored
    version is newer, so tasks may run in any order, any number of times, and side by side. A bet that its slot no
    longer has stays in the table and gets ``missing_since``.

    Args:
        path: the raw lake, as given to ``ExtractToParquetOperator``.
        table: folder of the Delta table, e.g. ``s3://aws_default@lake/bets``; created if it does not exist. ``path`` must not
            lie in it.
        conn_id: merge this account only; fills columns that only the connection knows (the currency of PV).
        provider: merge every account of this provider; default, without ``conn_id``, everything in the lake.
        stream: only this stream; default every stream in the lake whose records are bets.
        filters: the filters that the stream was extracted with.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's partition, else the intervals of the
            extractions that triggered the run, else the run's own.
        end: explicit end, in the same forms.
        batch_rows: the most rows of one commit. They wait in local files; memory holds some 100 bytes for each.
        moved_within: how far a bet's date may move between versions. The old version is looked for within this time of the
            new date; None searches the complete table.
        commit_timeout: how long to try again while other merges commit first.
        partition: width of a partition under a partitioned timetable.

    Returns:
        (XCom) table, slots, unchanged, rows, added, replaced, older, missing, without_payout, commits, conflicts.

    Raises:
        UnmergeableSlot: some slots cannot become bets; all others were merged.
    """

    template_fields: Sequence[str] = ("path", "table", "conn_id", "provider", "stream", "filters", "start", "end")
    ui_color = "#e6eef9"
    operator_extra_links = (CoverageLink(),)

    def __init__(
        self,
        *,
        path: str,
        table: str,
        conn_id: str | None = None,
        provider: str | None = None,
        stream: str | None = None,
        filters: Mapping[str, Any] | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        batch_rows: int = 1_000_000,
        moved_within: str | timedelta | None = "3d",
        commit_timeout: str | timedelta = "10m",
        partition: str | timedelta = "1h",
        **kwargs: Any,
    ) -> None:
        require_text("table", table, "s3://aws_default@lake/bets")
        kwargs.setdefault("outlets", [bets_asset(table)])
        super().__init__(**kwargs)
        self.path = path
        self.table = table
        self.conn_id = conn_id
        self.provider = provider
        self.stream = stream
        self.filters = filters
        self.start = start
        self.end = end
        self.batch_rows = batch_rows
        self.moved_within = moved_within
        self.commit_timeout = commit_timeout
        self.partition = partition

    def execute(self, context: Context) -> dict[str, Any]:
        """Merge the slots of the intervals that are stored."""
        require_delta(self.table)
        from airflow_betproviders.bets_table.merge import Merge

        intervals = resolve_intervals(context, self.start, self.end, parse_duration("partition", self.partition))
        merge = Merge(
            open_table(self.table),
            batch_rows=whole_number("batch_rows", self.batch_rows, minimum=1),
            moved_within=optional_duration("moved_within", self.moved_within),
            commit_timeout=parse_duration("commit_timeout", self.commit_timeout),
        )
        refuse_shared_folder(self.path, self.table)
        streams = self._streams()
        all_stats = _merge_all(merge, streams, intervals)
        ranges = ", ".join(map(str, intervals))
        if not any(stats.slots + stats.unchanged for stats in all_stats):
            raise NothingStored(
                f"{self.path} holds no slot of {ranges}{self._selection()}. Extract it first, or correct path, conn_id, "
                "provider, stream or filters."
            )
        counts = _sum_stats(all_stats)
        summary = {"table": self.table, **counts}
        self.log.info("merged %s into %s: %s", ranges, self.table, summary)
        metrics.emit({"merge_conflicts": counts["conflicts"]}, {"table": self.table})
        self._set_lineage(streams, counts["added"] + counts["replaced"])
        extra: dict[str, Any] = {
            **summary,
            "start": intervals[0].start.isoformat(),
            "end": intervals[-1].end.isoformat(),
        }
        for asset in self.outlets:
            if isinstance(asset, Asset):
                context["outlet_events"][asset].extra = extra
        return summary

    def _set_lineage(self, streams: Sequence[RawStream], rows: int) -> None:
        from airflow_betproviders.bets_table.schema import SCHEMA

        place = open_path(self.table)
        self.reads = [dataset(stream.lake.fs, stream.lake.base) for stream in streams]
        self.writes = [dataset(place.fs, place.path, SCHEMA, rows=rows)]

    def _streams(self) -> list[RawStream]:
        from airflow_betproviders.bets_table.raw_slots import find_raw_streams

        place = open_path(self.path)
        provider, account = optional_text("provider", self.provider, registry.providers()[0]), None
        settings: dict[str, Any] = {}
        if self.conn_id:
            hook = hook_of(self.conn_id)
            if provider not in {None, hook.conn_type}:
                raise InvalidArgument(
                    f"connection {self.conn_id} is of type {hook.conn_type!r}, not {provider!r}. Give conn_id or provider."
                )
            provider, account = hook.conn_type, hook.account
            settings.update({name: value for name, value in hook.extra.items() if value is not None})
        return find_raw_streams(
            place.fs,
            place.path,
            provider=provider,
            account=account,
            stream=self.stream or None,
            filters=None if self.filters is None else mapping("filters", self.filters),
            settings=settings,
        )

    def _selection(self) -> str:
        chosen = {name: getattr(self, name) for name in ("conn_id", "provider", "stream", "filters")}
        return "".join(f", {name} {value}" for name, value in chosen.items() if value)


class OptimizeBetsOperator(ChecksTemplates, EndsWhenKilled, BaseOperator):
    """Compact small files of the bets table, and delete files that no kept version needs.

    Args:
        table: folder of the Delta table.
        start: first bet date to compact (aware, or ISO 8601 with a zone); default, without ``end``, all dates.
        end: end of the bet dates to compact.
        file_size: bytes that a file should have. A correction rewrites each file that it touches, so larger files make
            merges slower.
        sort_by: ``placed_at`` makes queries by time and merges fast. ``player_id`` makes queries by player fast; use it for
            days that get few corrections any more, since a correction then rewrites most files of its day.
        retention: how long deleted files stay, for running readers and for time travel; at least an hour. None: no vacuum.

    Returns:
        (XCom) table, partitions, files_before, files_after, deleted.
    """

    template_fields: Sequence[str] = ("table", "start", "end")
    ui_color = "#e6eef9"

    def __init__(
        self,
        *,
        table: str,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        file_size: int = 32 * 1024 * 1024,
        sort_by: SortBy = "placed_at",
        retention: str | timedelta | None = "7d",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.start = start
        self.end = end
        self.file_size = file_size
        self.sort_by = sort_by
        self.retention = retention

    def execute(self, context: Context) -> dict[str, Any]:
        """Compact and vacuum."""
        require_delta(self.table)
        from airflow_betproviders.bets_table.optimize import optimize

        retention = optional_duration("retention", self.retention)
        if retention is not None and retention < timedelta(hours=1):
            raise InvalidArgument(
                f"retention={self.retention!r} is less than an hour: a running merge would lose the files it has written. Give more, "
                "or None for no vacuum."
            )
        given = self.start or self.end
        stats = optimize(
            open_table(self.table),
            interval=resolve_interval(context, self.start, self.end, timedelta(days=1)) if given else None,
            file_size=whole_number("file_size", self.file_size, minimum=1),
            retention=retention,
            sort_by=self.sort_by,
        )
        return {"table": self.table, **asdict(stats)}


def _merge_all(merge: Merge, streams: Sequence[RawStream], intervals: Sequence[Interval]) -> list[MergeStats]:
    """Merge the streams. If some slots of one cannot become bets, merge the other streams all the same, then fail."""
    all_stats, problems = [], []
    for stream in streams:
        try:
            all_stats.append(merge.run(stream, intervals))
        except UnmergeableSlot as error:
            problems.append(str(error))
    if problems:
        raise UnmergeableSlot("\n".join(problems))
    return all_stats


def _sum_stats(all_stats: Sequence[MergeStats]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for stats in all_stats:
        for name, count in asdict(stats).items():
            summed[name] = summed.get(name, 0) + count
    return summed
