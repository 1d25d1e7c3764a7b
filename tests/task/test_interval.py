from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.task.interval import resolve_interval

HOUR = timedelta(hours=1)
FIVE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
RUN = {"data_interval_start": FIVE, "data_interval_end": FIVE + HOUR}
PARTITION = {"partition_date": FIVE + 3 * HOUR}


@pytest.mark.parametrize(
    ("context", "start", "end", "expected"),
    [
        ({}, FIVE + 5 * HOUR, FIVE + 7 * HOUR, (5, 7)),
        ({**RUN, **PARTITION}, FIVE + 5 * HOUR, FIVE + 7 * HOUR, (5, 7)),
        ({**RUN, **PARTITION}, None, None, (3, 4)),
        (RUN, None, None, (0, 1)),
        (RUN, "", "None", (0, 1)),  # a template of something that is not there
        ({**RUN, "partition_date": None}, None, None, (0, 1)),
        ({}, "2026-11-20T05:00:00Z", "2026-11-20T06:00:00+00:00", (0, 1)),
        ({}, " 2026-11-20T13:00:00+08:00 ", "2026-11-20 14:00:00+08:00", (0, 1)),
    ],
)
def test_explicit_times_come_first_then_the_partition_then_the_runs_interval(
    context: dict[str, Any], start: Any, end: Any, expected: tuple[int, int]
) -> None:
    first, last = expected
    assert resolve_interval(context, start, end, HOUR) == Interval(FIVE + first * HOUR, FIVE + last * HOUR)


def test_a_partition_is_as_wide_as_it_is_said_to_be() -> None:
    assert resolve_interval(PARTITION, None, None, 24 * HOUR).width == 24 * HOUR


@pytest.mark.parametrize("zone", ["America/New_York", pendulum.timezone("America/New_York")])
@pytest.mark.parametrize(("day", "hours"), [((2026, 11, 1), 25), ((2026, 11, 2), 24), ((2027, 3, 14), 23)])
def test_a_day_of_a_timetable_in_local_time_is_as_long_as_there(
    zone: Any, day: tuple[int, int, int], hours: int
) -> None:
    """CronPartitionTimetable keeps its zone as it was given; its partitions follow one another at local midnights."""
    start = pendulum.datetime(*day, tz="America/New_York")
    dag = SimpleNamespace(timetable=SimpleNamespace(timezone=zone))
    context = {"partition_date": start.in_timezone("UTC"), "dag": dag}
    assert resolve_interval(context, None, None, 24 * HOUR) == Interval(start, start + hours * HOUR)
    assert resolve_interval(context, None, None, HOUR) == Interval(start, start + HOUR)
    assert resolve_interval({**context, "dag": SimpleNamespace(timetable=object())}, None, None, 24 * HOUR).width == DAY


def test_airflows_own_instants_become_plain_ones() -> None:
    run = {
        "data_interval_start": pendulum.datetime(2026, 11, 20, 13, tz="Asia/Manila"),
        "data_interval_end": pendulum.datetime(2026, 11, 20, 14, tz="Asia/Manila"),
    }
    interval = resolve_interval(run, None, None, HOUR)
    assert interval == Interval(FIVE, FIVE + HOUR)
    assert type(interval.start) is datetime


@pytest.mark.parametrize(
    ("context", "start", "end", "cure"),
    [
        (RUN, FIVE, None, "give both, or neither to use the run's interval"),
        (RUN, None, FIVE, "give both, or neither to use the run's interval"),
        ({}, None, None, "If the DAG has a schedule, trigger it with a logical date, or use Backfill"),
        ({"data_interval_start": None, "data_interval_end": None}, None, None, "trigger it with a logical date"),
        ({}, None, None, "start=\"{{ dag_run.conf['start'] }}\""),  # without a schedule
        ({"data_interval_start": FIVE, "data_interval_end": FIVE}, None, None, "end=\"{{ dag_run.conf['end'] }}\""),
        ({"data_interval_start": FIVE, "data_interval_end": FIVE}, None, None, "CronDataIntervalTimetable"),
        ({}, FIVE, FIVE, "CronDataIntervalTimetable"),
        ({}, FIVE + HOUR, FIVE, "is not before end"),
        ({}, FIVE.replace(tzinfo=None), FIVE, "has no time zone. Give an aware datetime"),
        ({}, "2026-11-20T05:00:00", "2026-11-20T06:00:00", "has no time zone. Give an aware datetime"),
        ({}, "yesterday", "2026-11-20T06:00:00Z", "start='yesterday' is not a time. Write ISO 8601 with a zone"),
        ({}, "2026-11-20T05:00:00Z", "{{ nothing }}", "is not a time. Write ISO 8601 with a zone"),
    ],
)
def test_what_is_no_interval_is_refused_with_the_cure(context: dict[str, Any], start: Any, end: Any, cure: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        resolve_interval(context, start, end, HOUR)
    assert cure in str(caught.value)
