"""Find the streams of a lake that a request selects, and read the view of each."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, time, timezone
from itertools import islice
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BrokenProvider, InvalidArgument
from airflow_betproviders.lake.discovery import find_lakes
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey.coverage import Coverage, coverage
from airflow_betproviders.plugin.views.stream_view import StreamView, is_main, view_of
from airflow_betproviders.registry import declared, providers
from airflow_betproviders.task.storage import open_path

log = logging.getLogger(__name__)

MAX_STREAMS = 200  # on a page; players and games as filters make very many
MAX_SLOTS = 150_000  # on a page: sixty days of hours of a hundred streams
_MOST_FOLDERS = 1000  # of streams, listed for each provider
_THREADS = 4  # streams read at once
_NOT_STORED = {"missing", "expired", "pending"}
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-page-streams")


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
            batch = streams[first : min(first + _THREADS, MAX_STREAMS)]
            for view, count in _pool.map(
                lambda lake_and_stream: _view_and_slot_count(number, lake_and_stream[0], lake_and_stream[1], span, now),
                batch,
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
    return view_of(number, stream_coverage), len(stream_coverage.cells)


def _find_streams(path: str, selection: Selection) -> list[tuple[Lake, Stream]]:
    if selection.provider is not None and selection.provider not in providers():
        return []  # else it would become part of a path
    place = open_path(path)
    plain: dict[str, Any] | None = None if selection.narrowed or selection.filters else {}
    streams = []
    for provider in [selection.provider] if selection.provider else providers():
        folders = find_lakes(place.fs, place.path, provider=provider, account=selection.account, filters=plain)
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
    return sorted(streams, key=lambda stream: (not is_main(stream[0]), stream[0].provider))


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


def _filters(lake: Lake) -> list[str]:
    folders: list[str] = Coverage(lake, ()).label["filters"]
    return folders
