"""Resolve the interval that a task extracts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.interval import Interval, instant
from airflow_betproviders.exceptions import InvalidArgument

_CURE = (
    "Schedule the DAG with CronDataIntervalTimetable (a plain cron string gives intervals of zero width in Airflow 3), "
    "or pass start= and end=. A DAG with schedule=None always needs start= and end=, unless its stream is a snapshot."
)


def resolve_interval(context: Mapping[str, Any], start: Any, end: Any, width: timedelta) -> Interval:
    """Resolve the interval of a task: the explicit one, else the run's partition, else the run's data interval.

    Args:
        context: Airflow's.
        start: explicit start, a datetime or ISO 8601 text with a zone; empty means not given.
        end: explicit end, likewise.
        width: width of a partition, for runs of a partitioned timetable.

    Raises:
        InvalidArgument: there is none, it is empty, or a time has no zone.
    """
    given_start, given_end = instant("start", start), instant("end", end)
    if given_start or given_end:
        if given_start is None or given_end is None:
            raise InvalidArgument("start= and end= belong together: give both, or neither to use the run's interval.")
        return Interval(given_start, given_end)
    if partition := instant("partition_date", context.get("partition_date")):
        return Interval(partition, partition + width)
    first, last = context.get("data_interval_start"), context.get("data_interval_end")
    if first is None or last is None:
        raise InvalidArgument(
            "the run has no data interval, as a manual run without a logical date. Trigger it with a logical date, or "
            f"use Backfill. {_CURE}"
        )
    if first == last:
        raise InvalidArgument(f"the run's data interval is empty ({first.isoformat()} to itself). {_CURE}")
    return Interval(first, last)
