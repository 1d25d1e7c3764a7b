"""The planner asks for less in the ways that a provider takes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import LimitedAnswer
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.extraction.fetch.planner import Planner

START = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)


def test_less_than_the_smallest_limit_is_not_asked_for_but_a_shorter_window_is() -> None:
    hour = Interval(START, START + timedelta(hours=1))
    planner = Planner(WindowRule(span=timedelta(days=1)), LimitedAnswer(param="count", limit=5000, min_limit=1500))
    assert planner.ask_for_less(hour, planner.paging)
    assert planner.paging.rows_asked == 1500
    assert planner.ask_for_less(hour, planner.paging)
    assert planner.paging.rows_asked == 1500
    assert planner.longest == timedelta(minutes=30)
