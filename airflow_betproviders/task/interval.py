"""Resolve the interval that a task works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from airflow_betproviders.declare.interval import DAY, Interval, parse_instant
from airflow_betproviders.exceptions import InvalidArgument

_CURE = (
    "Schedule the DAG with CronDataIntervalTimetable (a plain cron string gives intervals of zero width in Airflow 3), "
    "or give the operator start= and end=. With schedule=None it needs both, unless its stream is a snapshot. For "
    'example, trigger the DAG with conf {"start": ..., "end": ...} and write start="{{ dag_run.conf[\'start\'] }}", '
    'end="{{ dag_run.conf[\'end\'] }}"; with incremental_dag, give extract={"start": ..., "end": ...}.'
)


def resolve_interval(context: Mapping[str, Any], start: Any, end: Any, width: timedelta) -> Interval:
    """Resolve the interval of a task: the explicit one, else the run's partition, else the run's data interval.

    Args:
        context: Airflow's context of the task.
        start: explicit start, a datetime or ISO 8601 text with a zone; empty means not given.
        end: explicit end, in the same forms.
        width: width of a partition, for runs of a partitioned timetable.

    Raises:
        InvalidArgument: there is none, it is empty, or a time has no zone.
    """
    given_start, given_end = parse_instant("start", start), parse_instant("end", end)
    if given_start or given_end:
        if given_start is None or given_end is None:
            raise InvalidArgument("start= and end= belong together: give both, or neither to use the run's interval.")
        if given_start == given_end:
            raise InvalidArgument(f"start= and end= are both {given_start.isoformat()}. {_CURE}")
        return Interval(given_start, given_end)
    if partition := parse_instant("partition_date", context.get("partition_date")):
        return Interval(partition, _end_of_partition(context, partition, width))
    first, last = context.get("data_interval_start"), context.get("data_interval_end")
    if first is None or last is None:
        raise InvalidArgument(
            "the run has no data interval: it was triggered without a logical date. If the DAG has a schedule, trigger it "
            f"with a logical date, or use Backfill. {_CURE}"
        )
    if first == last:
        raise InvalidArgument(f"the run's data interval is empty ({first.isoformat()} to itself). {_CURE}")
    return Interval(first, last)


def _end_of_partition(context: Mapping[str, Any], start: datetime, width: timedelta) -> datetime:
    """Return the end of a partition. Days of a timetable in local time have 23 or 25 hours where its clocks change."""
    zone = getattr(getattr(context.get("dag"), "timetable", None), "timezone", None)
    if isinstance(zone, str):
        zone = ZoneInfo(zone)
    if width % DAY or not isinstance(zone, tzinfo):
        return start + width
    return (start.astimezone(zone).replace(tzinfo=None) + width).replace(tzinfo=zone)


def resolve_intervals(context: Mapping[str, Any], start: Any, end: Any, width: timedelta) -> list[Interval]:
    """Resolve the intervals of a task that asset events may have triggered.

    The first of these that exists: the explicit interval, the run's partition, the intervals of the events, the run's data
    interval.

    Raises:
        InvalidArgument: there is none.
    """
    if not (start or end or context.get("partition_date")):
        events = context.get("triggering_asset_events") or {}
        extras = [event.extra or {} for event_list in events.values() for event in event_list]
        bounds = {(extra["start"], extra["end"]) for extra in extras if extra.get("start") and extra.get("end")}
        if bounds:
            return _join_touching(sorted(resolve_interval({}, *ends, width) for ends in bounds))
    return [resolve_interval(context, start, end, width)]


def _join_touching(intervals: Sequence[Interval]) -> list[Interval]:
    """Join intervals that touch, so that a backfill's many intervals become few."""
    joined: list[Interval] = []
    for interval in intervals:
        if joined and interval.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, interval.end))
        else:
            joined.append(interval)
    return joined
