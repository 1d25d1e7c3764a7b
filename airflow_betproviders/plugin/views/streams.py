"""Build the page's view of each stream: its slots, as compact JSON (sixty days of hours are common)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from itertools import islice
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BetProviderError, BrokenProvider, InvalidArgument
from airflow_betproviders.lake.coverage import STATES, Coverage, coverage
from airflow_betproviders.lake.discovery import lakes
from airflow_betproviders.lake.footer_cache import stored_objects
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import declared, mapping_of, providers, title_of
from airflow_betproviders.task.storage import open_path

log = logging.getLogger(__name__)

MAX_STREAMS = 200  # on a page; players and games as filters make very many
MAX_SLOTS = 150_000  # on a page: sixty days of hours of a hundred streams
_MOST_FOLDERS = 1000  # of streams, listed for each provider
_THREADS = 4  # streams read at once
_ORDER = list(STATES)
_NOT_STORED = {"missing", "expired", "pending"}
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-page-streams")

MayRead = Callable[[str | None], bool]


@dataclass(frozen=True)
class Selection:
    """The streams that a request selects; None is any.

    Attributes:
        lake: number of the configured lake.
        provider: connection type.
        stream: stream name.
        account: the account's login at the provider.
        filters: the folders that the filters make, ``game_id=2011/user_id=7``; empty: none.
        narrowed: streams with filters too.
    """

    lake: int | None = None
    provider: str | None = None
    stream: str | None = None
    account: str | None = None
    filters: str | None = None
    narrowed: bool = False

    @property
    def names_one(self) -> bool:
        """Return whether it names a single stream of a single account."""
        return None not in (self.lake, self.provider, self.stream, self.account)


@dataclass(frozen=True)
class StreamView:
    """A stream as the page shows it, and the DAGs whose readers may see it.

    Attributes:
        lake: number of the configured lake.
        main: whether it has all bets of the provider, from which the bets table is made.
        label: provider, stream, account and filters.
        dag_ids: the DAGs that wrote its slots; None stands for slots that name no DAG.
        writers: the tasks that wrote slots, each with its newest run; the page offers their DAGs for a backfill.
        members: further members, as JSON text of an object.
    """

    lake: int
    main: bool
    label: dict[str, str]
    dag_ids: frozenset[str | None]
    writers: tuple[dict[str, str], ...]
    members: str

    def is_visible(self, may_read: MayRead, dag: str | None) -> bool:
        """Return whether the user may read a DAG that wrote the stream; with ``dag``, whether they may read this one and it did."""
        dag_ids = self.dag_ids if dag is None else self.dag_ids & {dag}
        return any(map(may_read, sorted(dag_ids, key=str)))

    def to_json(self, may_read: MayRead) -> str:
        """Return JSON text; ``slots`` are start and width in seconds, place of the state in `STATES`, and rows or null."""
        writers = [writer for writer in self.writers if may_read(writer["dag_id"])]
        own = {"lake": self.lake, **self.label, "main": self.main, "writers": writers}
        return f"{_json(own)[:-1]},{self.members[1:]}"


@dataclass(frozen=True)
class LakeView:
    """The streams of a lake, before permissions apply.

    Attributes:
        views: the streams.
        problems: why other streams cannot be read. They name folders, so only those who may read every DAG see them.
        truncated: whether streams are left out because they, or their slots, are too many.
    """

    views: tuple[StreamView, ...] = ()
    problems: tuple[str, ...] = ()
    truncated: bool = False


def read_lake(number: int, path: str, selection: Selection, span: Interval, now: datetime | None = None) -> LakeView:
    """Read the selected streams of a lake on some days.

    Args:
        number: the lake's place in the configuration.
        path: the lake.
        selection: which streams.
        span: the days.
        now: the present; default the machine's clock.
    """
    now = now or datetime.now(timezone.utc)
    views: list[StreamView] = []
    slots = 0
    try:
        streams = _find_streams(path, selection)
        truncated = len(streams) > MAX_STREAMS
        # A few streams at a time, so that few are read in vain once MAX_SLOTS is reached.
        for first in range(0, min(len(streams), MAX_STREAMS), _THREADS):
            some = streams[first : min(first + _THREADS, MAX_STREAMS)]
            for view, count in _pool.map(
                lambda lake_and_stream: _view_and_slot_count(number, lake_and_stream[0], lake_and_stream[1], span, now),
                some,
            ):
                slots += count
                if slots > MAX_SLOTS:
                    return LakeView(tuple(views), truncated=True)
                if view:
                    views.append(view)
        return LakeView(tuple(views), truncated=truncated)
    except InvalidArgument as problem:
        return LakeView(tuple(views), (str(problem),))
    except Exception as problem:
        # A store's own message may hold an address with a key in it.
        log.exception("the lake %s cannot be read", path)
        message = f"{path} cannot be read: {type(problem).__name__}. The API server's log has the reason."
        return LakeView(tuple(views), (message,))


def find_receipt(path: str, selection: Selection, interval: Interval) -> tuple[Receipt, str] | None:
    """Return the receipt of a slot and the path of its object, in the form of the lake's path; None where there is none."""
    for lake, stream in _find_streams(path, selection):
        for cell in coverage(lake, stream, start=interval.start, end=interval.end).cells:
            if cell.interval == interval and cell.receipt:
                return cell.receipt, path.rstrip("/") + lake.data(interval).removeprefix(lake.root.rstrip("/"))
    return None


def _view_and_slot_count(
    number: int, lake: Lake, stream: Stream, span: Interval, now: datetime
) -> tuple[StreamView | None, int]:
    """Return the view of a stream, and its number of slots. The receipts are released: they need a hundred times the memory."""
    stream_coverage = _coverage_of_days(lake, stream, span, now)
    if not stream_coverage or not stream_coverage.cells:
        return None, 0
    return _view(number, stream_coverage), len(stream_coverage.cells)


def _view(number: int, stream_coverage: Coverage) -> StreamView:
    receipts = [cell.receipt for cell in stream_coverage.cells if cell.receipt]
    newest = receipts[-1] if receipts else None
    writers = {(receipt.dag_id, receipt.task_id): receipt for receipt in receipts if receipt.dag_id}
    members = {
        "title": title_of(stream_coverage.lake.provider),
        "retention": _retention_seconds(stream_coverage),
        "total": stream_coverage.total.to_json(),
        "newest": {name: getattr(newest, name) for name in ("start", "end", "extracted_at")} if newest else None,
        "gaps": [gap.to_json() for gap in stream_coverage.gaps()],
        "slots": [
            (
                int(cell.interval.start.timestamp()),
                int(cell.interval.width.total_seconds()),
                _ORDER.index(cell.state),
                cell.receipt.rows if cell.receipt else None,
            )
            for cell in stream_coverage.cells
        ],
    }
    return StreamView(
        lake=number,
        main=_is_main(stream_coverage.lake),
        label={**stream_coverage.label, "filters": "/".join(stream_coverage.label["filters"])},
        dag_ids=_dag_ids(stream_coverage.lake, receipts),
        writers=tuple(
            {name: getattr(receipt, name) for name in ("dag_id", "task_id", "run_id", "start", "end")}
            for receipt in writers.values()
        ),
        members=_json(members),
    )


def _dag_ids(lake: Lake, receipts: Iterable[Receipt]) -> frozenset[str | None]:
    """Return the DAGs that wrote the slots. If these days have none stored, return those of the last day that has."""
    dag_ids = {receipt.dag_id for receipt in receipts}
    if not dag_ids:
        days = lake.days()
        dag_ids = {entry.receipt.dag_id for entry in _objects_of(lake, days[-1:]) if entry.receipt}
    return frozenset(dag_ids or {None})


def _find_streams(path: str, selection: Selection) -> list[tuple[Lake, Stream]]:
    if selection.provider is not None and selection.provider not in providers():
        return []  # else it would become part of a path
    place = open_path(path)
    plain: dict[str, Any] | None = None if selection.narrowed or selection.filters else {}
    streams = []
    for provider in [selection.provider] if selection.provider else providers():
        folders = lakes(place.fs, place.path, provider=provider, account=selection.account, filters=plain)
        for lake in islice(folders, _MOST_FOLDERS):
            if selection.stream not in {None, lake.stream}:
                continue
            if selection.filters is not None and "/".join(_filters(lake)) != selection.filters:
                continue
            try:
                streams.append((lake, declared(lake.provider, lake.stream)))
            except BrokenProvider as problem:
                log.warning("%s is left out: %s", lake.base, problem)
            except InvalidArgument:
                log.debug("%s is no stream of an installed provider", lake.base)
    return sorted(streams, key=lambda stream: (not _is_main(stream[0]), stream[0].provider))


def _coverage_of_days(lake: Lake, stream: Stream, span: Interval, now: datetime) -> Coverage | None:
    """Return the coverage of the selected days, from the first slot on; None where there is none."""
    days = lake.days()
    if not days:
        return None
    first = datetime.combine(days[0], time(), timezone.utc)
    if first >= span.end:
        return None
    stream_coverage = coverage(lake, stream, start=max(span.start, first), end=span.end, now=now)
    if first < span.start:
        return stream_coverage
    stored = (place for place, cell in enumerate(stream_coverage.cells) if cell.state not in _NOT_STORED)
    return replace(stream_coverage, cells=stream_coverage.cells[next(stored, 0) :])


def _objects_of(lake: Lake, days: Iterable[date]) -> Iterator[Any]:
    for day in days:
        start = datetime.combine(day, time(), timezone.utc)
        yield from stored_objects(lake, Interval(start, start + timedelta(days=1)))


def _retention_seconds(stream_coverage: Coverage) -> float | None:
    """Return the provider's retention in seconds; None where it states no limit."""
    cell = stream_coverage.cells[0]
    return (cell.until - cell.interval.start).total_seconds() if cell.until else None


def _is_main(lake: Lake) -> bool:
    try:
        return not lake.filters and lake.stream == mapping_of(lake.provider).streams[0]
    except BetProviderError:
        return False


def _filters(lake: Lake) -> list[str]:
    folders: list[str] = Coverage(lake, ()).label["filters"]
    return folders


def _json(members: Any) -> str:
    return json.dumps(members, separators=(",", ":"))
