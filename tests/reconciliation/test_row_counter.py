"""Counting a window without reading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Offset
from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.reconciliation.row_counter import RowCounter
from tests.extraction.vendor import BETS, FIVE, MINUTE, SLOT, bet


@dataclass
class Counted:
    """An account with a row a second, whose totals stop at a cap, or are not given."""

    cap: int | None = None
    silent: bool = False
    label: str = "connection toy"
    retries: bool = True
    account: str = "acc"
    utc_offset: timedelta = timedelta(0)
    min_interval: float = 0.0
    quotes: bool = True
    asked: list[tuple[Interval, dict[str, Any]]] = field(default_factory=list)

    def now(self) -> datetime:
        return FIVE

    def params(self, stream: Any, window: Interval | None, filters: Any) -> dict[str, Any]:
        return {}

    def request(self, stream: Any, window: Interval | None, params: Mapping[str, Any], permit: AnswerPermit) -> bytes:
        assert window
        self.asked.append((window, dict(params)))
        rows = int(window.width.total_seconds())
        total = {} if self.silent else {"total": rows if self.cap is None else min(rows, self.cap)}
        return json.dumps({"code": 0, **total, "rows": [bet("a")]}).encode()

    def check(self, envelope: Any) -> None:
        assert envelope["code"] == 0

    def cursor(self, stream: Any, instant_ms: int) -> Any:
        raise NotImplementedError

    def hide_secrets(self, text: Any) -> Any:
        return text

    def limits(self, stream: Any) -> Limits:
        return Limits()

    def shared_limiter(self, stream: Any) -> None:
        return None


def test_the_fewest_windows_are_requested_with_one_row_each() -> None:
    source, checked = Counted(), list[Interval]()
    counter = RowCounter(source, BETS, check_time=checked.append)
    assert counter(SLOT) == 3600
    assert [window.width for window, _ in source.asked] == [15 * MINUTE] * 4
    assert [params for _, params in source.asked] == [{"page": 1, "size": 1}] * 4
    assert checked == [window for window, _ in source.asked]
    assert counter.calls == 4


def test_an_offset_in_text_begins_at_the_first_row() -> None:
    source = Counted()
    offsets = Offset(param="start", size_param="size", page_size=5000, text=True)
    RowCounter(source, replace(BETS, paging=offsets))(Interval(FIVE, FIVE + MINUTE))
    assert source.asked[0][1] == {"start": "0", "size": "1"}


def test_a_total_that_may_be_a_cap_is_counted_in_parts() -> None:
    capped = replace(BETS, paging=replace(BETS.paging, total_cap=500))  # type: ignore[type-var]
    source = Counted(cap=500)
    assert RowCounter(source, capped)(SLOT) == 3600
    assert [window.width for window, _ in source.asked[:3]] == [15 * MINUTE, 7 * MINUTE, 8 * MINUTE]
    with pytest.raises(IncompleteWindow, match="counts 50 rows, the most it answers"):
        RowCounter(Counted(cap=50), replace(BETS, paging=replace(BETS.paging, total_cap=50)))(SLOT)  # type: ignore[type-var]


def test_an_answer_without_a_total_counts_nothing() -> None:
    with pytest.raises(IncompleteWindow, match=r"connection toy, stream bets, .* has no total"):
        RowCounter(Counted(silent=True), BETS)(SLOT)
