"""Describe a stream as the page shows it: its slots, its gaps and who wrote them, as compact JSON (sixty days of hours are common)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey.cells import STATES
from airflow_betproviders.lake.survey.coverage import Coverage
from airflow_betproviders.lake.survey.stored_objects import list_stored_objects
from airflow_betproviders.registry import mapping_of, title_of

_ORDER = list(STATES)
MayRead = Callable[[str | None], bool]


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


def view_of(number: int, stream_coverage: Coverage) -> StreamView:
    """Return the view of a stream in the lake of that number; its coverage has at least one slot."""
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
        main=is_main(stream_coverage.lake),
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


def _objects_of(lake: Lake, days: Iterable[date]) -> Iterator[Any]:
    for day in days:
        start = datetime.combine(day, time(), timezone.utc)
        yield from list_stored_objects(lake, Interval(start, start + timedelta(days=1)))


def _retention_seconds(stream_coverage: Coverage) -> float | None:
    """Return the provider's retention in seconds; None where it states no limit."""
    cell = stream_coverage.cells[0]
    return (cell.until - cell.interval.start).total_seconds() if cell.until else None


def is_main(lake: Lake) -> bool:
    """Return whether a stream has all bets of its provider; False where the provider cannot be used."""
    try:
        return not lake.filters and lake.stream == mapping_of(lake.provider).streams[0]
    except BetProviderError:
        return False


def _json(members: Any) -> str:
    return json.dumps(members, separators=(",", ":"))
