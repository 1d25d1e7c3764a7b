"""Describe a lake of hourly slots of sixty days, and time a survey and the coverage page of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey.coverage import survey
from airflow_betproviders.plugin.query import span_of
from airflow_betproviders.plugin.views import streams
from airflow_betproviders.plugin.views.streams import Selection
from airflow_betproviders.registry import declared, mapping_of

PROVIDERS = ("pv", "aig", "jdb", "gmag")
DAYS = 60
HOURS = DAYS * 24
START = datetime(2026, 9, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


class Times(NamedTuple):
    """Wall and CPU seconds, and the bytes of the answer where there is one."""

    wall: float
    cpu: float
    bytes: int = 0


def main_streams() -> Iterator[Stream]:
    """Yield the main bet stream of each provider."""
    for provider in PROVIDERS:
        yield declared(provider, mapping_of(provider).streams[0])


def hourly_slots() -> list[Interval]:
    """Return the slots of all days."""
    return [Interval(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(HOURS)]


def receipt_of(stream: Stream, account: str, slot: Interval, **members: Any) -> Receipt:
    """Return a receipt such as an hourly run writes."""
    return Receipt(
        provider=stream.provider, stream=stream.name, account=account, start=slot.start.isoformat(), end=slot.end.isoformat(),
        run_id=f"scheduled__{slot.end.isoformat()}", try_number=1, version="0.1.0",
        extracted_at=slot.end.isoformat(timespec="milliseconds"), **members,
    )  # fmt: skip


def time_survey(fs: Any, root: str, state: str, slots: int) -> Times:
    """Return the times of a survey, as the command line makes it.

    Raises:
        RuntimeError: it does not find so many slots in this state.
    """
    began, used = time.perf_counter(), time.process_time()
    totals = [entry.total.to_json() for entry in survey(fs, root, now=START + timedelta(days=DAYS, hours=1))]
    times = Times(time.perf_counter() - began, time.process_time() - used)
    if sum(entry[state] for entry in totals) != slots:
        raise RuntimeError(f"not every slot was found: {totals}")
    return times


def time_page(folder: str) -> Times:
    """Return the times of the coverage page's answer for a local lake, and its bytes.

    Raises:
        RuntimeError: the page leaves streams out.
    """
    span = span_of(DAYS, (START + timedelta(days=DAYS - 1)).date(), START)
    began, used = time.perf_counter(), time.process_time()
    lake_view = streams.read_lake(0, f"file://{folder}", Selection(), span)
    size = sum(len(view.to_json(lambda _: True)) + 1 for view in lake_view.views)
    times = Times(time.perf_counter() - began, time.process_time() - used, size)
    if lake_view.truncated:
        raise RuntimeError("the page left streams out")
    return times
