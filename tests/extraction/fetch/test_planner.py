"""Windows and pages are as large as the provider and memory allow."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    LimitedAnswer,
    PageNumber,
)
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch import planner as planning
from airflow_betproviders.extraction.fetch.planner import Planner
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.script import STREAM, Script, cut, everything, ids, read, within
from tests.extraction.vendor import FIVE, HOUR, MINUTE, SLOT, START_MS, Vendor, bet, page, serving


def test_a_total_that_may_be_a_cap_is_no_proof() -> None:
    stream = serving(STREAM, paging=PageNumber(param="page", size_param="size", page_size=3, total_cap=6))
    rows = [bet(f"{i:02}", at=60 * 5 * i) for i in range(12)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        held = within(rows, window)[:6]  # the vendor counts six at most
        return cut(held, params)

    parts, _, _ = read(stream, answer)
    assert ids(parts) == [f"{i:02}" for i in range(12)]
    assert all(part.total < 6 for part in parts)


def test_a_cap_in_a_window_that_cannot_be_split_is_an_error() -> None:
    paging = PageNumber(param="page", size_param="size", page_size=3, total_cap=6)
    rows = [bet(f"{i}") for i in range(6)]
    minute = Interval(FIVE, FIVE + MINUTE)
    with pytest.raises(IncompleteWindow, match="counts exactly 6 rows, the most it ever answers"):
        read(serving(STREAM, paging=paging), lambda n, window, params: cut(rows, params), minute)


def test_very_many_rows_are_read_in_smaller_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 5)
    rows = [bet(f"{i:02}", at=60 * i) for i in range(40)]
    parts, _, _ = read(STREAM, lambda n, window, params: cut(within(rows, window), params))
    assert ids(parts) == [f"{i:02}" for i in range(40)]
    assert max(part.table.num_rows for part in parts) <= 5


@pytest.mark.parametrize("page_size", [3, 100])
def test_windows_of_wide_rows_have_fewer_rows(monkeypatch: pytest.MonkeyPatch, page_size: int) -> None:
    """An answer shows how wide its rows are, whatever part of its window it holds."""
    monkeypatch.setattr(planning, "_MEASURED", 1)
    monkeypatch.setattr(planning, "_MOST_BYTES", 5 * 1000)
    rows = [bet(f"{i:02}", at=60 * i) for i in range(40)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        made = cut(within(rows, window), params)
        made.bytes = 1000 * made.table.num_rows
        return made

    stream = serving(STREAM, paging=PageNumber(param="page", size_param="size", page_size=page_size))
    parts, _, _ = read(stream, answer)
    assert ids(parts) == [f"{i:02}" for i in range(40)]
    assert max(part.table.num_rows for part in parts) <= 5


MILLISECOND = timedelta(milliseconds=1)


def test_windows_of_a_busy_hour_have_full_pages() -> None:
    """Half a million rows are a hundred pages of 5,000; the first is asked in vain, a few are not full."""
    rows = 500_000
    at = np.sort(np.random.default_rng(7).integers(0, 3_600_000, rows)) + START_MS
    names = pa.array([f"{i:06}" for i in range(rows)])
    table = pa.Table.from_pydict(
        {"id": names, "at": pa.array(at).cast(pa.timestamp("ms", "UTC"))},
        pa.schema([("id", pa.string()), ("at", pa.timestamp("ms", "UTC"))]),
    )

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        assert window
        first, end = np.searchsorted(at, [int(t.timestamp() * 1000) for t in (window.start, window.end)])
        start = first + (params["page"] - 1) * params["size"]
        return Page(table.slice(start, min(end - start, params["size"])), int(end - first))

    paging = PageNumber(param="page", size_param="size", page_size=5000)
    stream = serving(STREAM, paging=paging, windows=WindowRule(span=HOUR, step=MILLISECOND), version_columns=())
    parts, script, _ = read(stream, answer)
    assert sum(part.table.num_rows for part in parts) == rows
    assert max(part.table.num_rows for part in parts) <= planning.MOST_ROWS
    assert len(script.asked) <= 104


@pytest.mark.parametrize(("counts_on", "in_vain"), [(True, 1), (False, 5)])
def test_windows_are_single_steps_where_a_step_has_nearly_as_many_rows_as_a_window_may_have(
    counts_on: bool, in_vain: int
) -> None:
    """GM-Ag counts 10,000 rows at most and asks in whole minutes: two of 6,000 rows each would be asked in vain.

    Whether it counts on beyond is not documented; if not, the density of rows is unknown until a window is halved
    to where it is whole.
    """
    paging = PageNumber(param="page", size_param="size", page_size=100, total_cap=100)
    rows = [bet(f"{i:04}", at=i) for i in range(3600)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        held = within(rows, window or SLOT)
        return cut(held, params) if counts_on else cut(held[:100], params)

    parts, script, _ = read(serving(STREAM, paging=paging), answer)
    assert ids(parts) == [row["id"] for row in rows]
    assert len(script.asked) == in_vain + 60


LIMITED = serving(STREAM, paging=LimitedAnswer(param="limit", limit=3), windows=WindowRule(span=HOUR))


@pytest.mark.parametrize("ahead", [False, True])
def test_a_burst_of_bets_makes_the_windows_after_it_small_only_until_one_shows_otherwise(ahead: bool) -> None:
    stream = serving(STREAM, paging=LimitedAnswer(param="limit", limit=50), windows=WindowRule(span=HOUR))
    rows = [
        bet(f"{i:04}", at=at)
        for i, at in enumerate(sorted([*range(0, 36_000, 300), *(1200 + i / 4 for i in range(30))]))
    ]
    hours = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(10)]
    script = Script(lambda n, window, params: page(*within(rows, window or SLOT)[: params["limit"]]))
    with ThreadPoolExecutor(4) as pool:
        parts = everything(SlotReader(Vendor([]), stream, {}, script, pool if ahead else None), hours)
    assert ids(parts) == [row["id"] for row in rows]
    assert all(a.window.end == b.window.start for a, b in itertools.pairwise(parts) if a.window and b.window)
    assert len(script.asked) < 60


def test_no_call_has_less_than_the_smallest_limit_and_the_window_is_shortened_instead() -> None:
    hour = SLOT
    planner = Planner(WindowRule(span=timedelta(days=1)), LimitedAnswer(param="count", limit=5000, min_limit=1500))
    assert planner.ask_for_less(hour, planner.paging)
    assert planner.paging.rows_asked == 1500
    assert planner.ask_for_less(hour, planner.paging)
    assert planner.paging.rows_asked == 1500
    assert planner.longest == timedelta(minutes=30)
