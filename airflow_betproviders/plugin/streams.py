"""What the page shows of each stream: its slots, in as few bytes as sixty days of hours need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BetProviderError, BrokenProvider, InvalidArgument
from airflow_betproviders.lake.coverage import STATES, Coverage, coverage
from airflow_betproviders.lake.footer_cache import stored_objects
from airflow_betproviders.lake.layout import Lake, lakes
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import declared, mapping_of, providers, title_of
from airflow_betproviders.task.storage import open_path

log = logging.getLogger(__name__)

MOST = 200  # streams on a page; players and games as filters make very many
_THREADS = 8
_KEPT = 5  # seconds
_ORDER = list(STATES)
_NOTHING_THERE = {"missing", "expired", "pending"}
Readable = Callable[[str | None], bool]


@dataclass(frozen=True)
class Selection:
    """Which streams to look at; None is any.

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


@dataclass(frozen=True)
class Shown:
    """A stream that a user may see.

    Attributes:
        lake: number of the configured lake.
        path: that lake, as it was configured.
        coverage: of the days in question.
        readable: whether they may read a DAG.
    """

    lake: int
    path: str
    coverage: Coverage
    readable: Readable

    @property
    def main(self) -> bool:
        """Whether it is the provider's whole bets, which the bets table is made of."""
        return _is_main(self.coverage.lake)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; ``slots`` are start and width in seconds, place of the state in `STATES`, and rows or null."""
        found = self.coverage
        receipts = [cell.receipt for cell in found.cells if cell.receipt]
        newest = receipts[-1] if receipts else None
        return {
            "lake": self.lake,
            **found.label,
            "title": title_of(found.lake.provider),
            "filters": "/".join(found.label["filters"]),
            "main": self.main,
            "retention": _retention(found),
            "total": found.total.to_json(),
            "newest": {name: getattr(newest, name) for name in ("start", "end", "extracted_at")} if newest else None,
            "gaps": [gap.to_json() for gap in found.gaps()],
            "slots": [
                (
                    int(cell.interval.start.timestamp()),
                    int(cell.interval.width.total_seconds()),
                    _ORDER.index(cell.state),
                    cell.receipt.rows if cell.receipt else None,
                )
                for cell in found.cells
            ],
            "writers": list(_writers(receipts, self.readable)),
        }


def span_of(days: int, last: date | None, now: datetime) -> Interval:
    """The days that a page shows, up to the end of the last one; default today."""
    midnight = datetime.combine(last or now.date(), time(), timezone.utc)
    return Interval(midnight - (days - 1) * DAY, midnight + DAY)


def look(
    paths: Sequence[str],
    selection: Selection,
    span: Interval,
    readable: Readable,
    *,
    now: datetime,
    dag: str | None = None,
) -> tuple[list[Shown], list[str]]:
    """The streams that a user may see, and what kept others from being looked at.

    Args:
        paths: the configured lakes.
        selection: which streams.
        span: the days.
        readable: whether the user may read a DAG.
        now: what is due by then is missing or there.
        dag: only what this DAG has written.

    Returns:
        The streams, and messages that name folders: they are for those who may read every DAG.
    """
    tick = now - timedelta(seconds=now.timestamp() % _KEPT)
    looks = [
        examine(number, path, selection, span, tick)
        for number, path in enumerate(paths)
        if selection.lake in {None, number}
    ]
    found = [Shown(number, path, each, readable) for number, path, covered, _ in looks for each in covered]
    return (
        [each for each in found if _guarded(each.coverage, dag, readable)],
        [problem for *_, problems in looks for problem in problems],
    )


@lru_cache(maxsize=8)
def examine(
    number: int, path: str, selection: Selection, span: Interval, now: datetime
) -> tuple[int, str, list[Coverage], list[str]]:
    """What any user might see of a lake. A page asks several things of it one after the other, so it is kept for a tick."""
    problems = []
    covered: list[Coverage] = []
    try:
        found = _streams(path, selection)
        if len(found) > MOST:
            problems.append(f"{path} holds {len(found)} streams of that description; the first {MOST} are shown.")
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-page") as pool:
            looks = pool.map(lambda each: _coverage(each[0], each[1], span, now), found[:MOST])
            covered = [each for each in looks if each and each.cells]
    except InvalidArgument as problem:
        problems.append(str(problem))
    except Exception as problem:
        # A store's own message may hold an address with a key in it.
        log.exception("the lake %s cannot be looked at", path)
        problems.append(f"{path} cannot be looked at: {type(problem).__name__}. The API server's log tells why.")
    return number, path, covered, problems


def stored(path: str, selection: Selection, interval: Interval) -> tuple[Receipt, str] | None:
    """The receipt of a slot and the place of its object, as the lake's path is written; None where there is none."""
    for lake, stream in _streams(path, selection):
        for cell in coverage(lake, stream, start=interval.start, end=interval.end).cells:
            if cell.interval == interval and cell.receipt:
                return cell.receipt, path.rstrip("/") + lake.data(interval).removeprefix(lake.root.rstrip("/"))
    return None


def _guarded(found: Coverage, dag: str | None, readable: Readable) -> bool:
    """Whether it is shown: whether a DAG that wrote a slot of it may be read, and is the one that was asked for."""
    wrote = {cell.receipt.dag_id for cell in found.cells if cell.receipt}
    if not wrote:  # nothing is stored on these days: who wrote it before?
        days = found.lake.days()
        wrote = {each.receipt.dag_id for each in _on(found.lake, days[-1:]) if each.receipt} or {None}
    if dag is not None:
        wrote &= {dag}
    return any(map(readable, sorted(wrote, key=str)))


def _streams(path: str, selection: Selection) -> list[tuple[Lake, Stream]]:
    if selection.provider is not None and selection.provider not in providers():
        return []  # else it would become part of a path
    place = open_path(path)
    found = []
    for provider in [selection.provider] if selection.provider else providers():
        plain: dict[str, Any] | None = None if selection.narrowed or selection.filters else {}
        for lake in lakes(place.fs, place.path, provider=provider, account=selection.account, filters=plain):
            if selection.stream not in {None, lake.stream}:
                continue
            if selection.filters is not None and "/".join(_filters(lake)) != selection.filters:
                continue
            try:
                found.append((lake, declared(lake.provider, lake.stream)))
            except BrokenProvider as problem:
                log.warning("%s is left out: %s", lake.base, problem)
            except InvalidArgument:
                log.debug("%s is no stream of an installed provider", lake.base)
    return sorted(found, key=lambda each: (not _is_main(each[0]), providers().index(each[0].provider)))


def _coverage(lake: Lake, stream: Stream, span: Interval, now: datetime) -> Coverage | None:
    """What there is on the days in question, since the first slot of all; None where there never was one."""
    days = lake.days()
    if not days:
        return None
    first = datetime.combine(days[0], time(), timezone.utc)
    if first >= span.end:
        return None
    found = coverage(lake, stream, start=max(span.start, first), end=span.end, now=now)
    if first < span.start:
        return found
    stored = (place for place, cell in enumerate(found.cells) if cell.state not in _NOTHING_THERE)
    return replace(found, cells=found.cells[next(stored, 0) :])


def _on(lake: Lake, days: Iterable[date]) -> Iterator[Any]:
    for day in days:
        start = datetime.combine(day, time(), timezone.utc)
        yield from stored_objects(lake, Interval(start, start + timedelta(days=1)))


def _writers(receipts: Iterable[Receipt], readable: Readable) -> Iterator[dict[str, Any]]:
    """The tasks that wrote slots and may be known to the user, each with its newest run: a gap is filled by one of them."""
    newest = {(each.dag_id, each.task_id): each for each in receipts if each.dag_id}
    for receipt in newest.values():
        if readable(receipt.dag_id):
            yield {name: getattr(receipt, name) for name in ("dag_id", "task_id", "run_id", "start", "end")}


def _retention(found: Coverage) -> float | None:
    """For how many seconds the provider keeps rows; None where it states no limit."""
    cell = found.cells[0]
    return (cell.until - cell.interval.start).total_seconds() if cell.until else None


def _is_main(lake: Lake) -> bool:
    try:
        return not lake.filters and lake.stream == mapping_of(lake.provider).streams[0]
    except BetProviderError:
        return False


def _filters(lake: Lake) -> list[str]:
    folders: list[str] = Coverage(lake, ()).label["filters"]
    return folders
