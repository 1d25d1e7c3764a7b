"""A provider whose report is odd: nulls, sums that are no number, more days than asked for. No day passes uncompared."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.exceptions import BadRows, BetProviderError, ProviderRequestError, ReconciliationFailed
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.operators.reconcile import ReconcileOperator
from tests.bets_table.lakes import SampleLake, at, hour_of
from tests.conftest import MakeHook
from tests.operator_runs import context, execute
from tests.reconciliation.test_day_totals import pv
from tests.recorder import Recorder, Reply

SUMS = {"bet_count": 1, "bet_amount": 100, "gain_amount": -100, "company_gain_amount": 100}
ROW = {"date": "2026-11-20", **SUMS}
HUGE = 10**30


@pytest.fixture
def report(make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reconcile a day of one bet of 100 li with a report of these rows and this grand total."""
    monkeypatch.setattr(BetProviderHook, "now", lambda self: at(0) + timedelta(days=3))
    make("pv", login="101")
    sample = SampleLake(tmp_path, "pv", "101")
    for hour in range(24):
        sample.store(hour_of(hour), [pv(1, 2011, 100, -100)] if hour == 5 else [], at(hour + 2))
    operator = ReconcileOperator(
        task_id="reconcile", conn_id="pv_default", path=f"file://{tmp_path}/raw", start=at(0), end=at(24), reports=["stage_summary"]
    )  # fmt: skip

    def reconcile(rows: Any, total: Any) -> int:
        server.replies = [Reply({"code": 200, "msg": "", "data": {"day_list": rows, "summary": total}})]
        return int(execute(operator, context())["disagreeing"])

    return reconcile


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ([ROW], SUMS),
        ([ROW, ROW], SUMS),
        ([{**ROW, "bet_amount": "100"}], {**SUMS, "bet_amount": 100.0}),
        ([ROW], {**SUMS, "bet_amount": None}),
        ([ROW, {"date": "2026-11-21"}], SUMS),
    ],
)
def test_the_same_sums_in_another_spelling_agree(report: Any, rows: Any, total: Any) -> None:
    assert report(rows, total) == 0


@pytest.mark.parametrize(
    ("rows", "total", "error", "message"),
    [
        ([{**ROW, "gain_amount": None}], SUMS, ReconciliationFailed, "gain_amount: -100 here, 0 there"),
        ([{"date": "2026-11-20"}], {}, ReconciliationFailed, "bet_amount: 100 here, 0 there"),
        ([], [], ReconciliationFailed, "bet_amount: 100 here, 0 there"),
        (None, None, ReconciliationFailed, "bet_amount: 100 here, 0 there"),
        ([ROW, {**ROW, "date": "2026-11-21"}], SUMS, ProviderRequestError, "has figures of 2026-11-21"),
        ([ROW], {**SUMS, "bet_amount": HUGE}, ReconciliationFailed, f"bet_amount: 100 here, {HUGE} there"),
        ([{**ROW, "bet_amount": "x"}], SUMS, BadRows, 'bet_amount: expected an integer, got "x"'),
        ([{**ROW, "bet_amount": HUGE}], SUMS, BadRows, "is out of range"),
        ([ROW], {**SUMS, "bet_amount": "x"}, BadRows, "the grand total of bet_amount is 'x', which is no amount"),
        ([ROW], {**SUMS, "bet_amount": True}, BadRows, "is True, which is no amount"),
        ([ROW], {**SUMS, "bet_amount": "NaN"}, BadRows, "which is no amount"),
        ([ROW], {**SUMS, "bet_amount": 1e300}, BadRows, "which is no amount"),
        ([ROW], {**SUMS, "bet_amount": [100]}, BadRows, "which is no amount"),
    ],
)
def test_a_report_that_says_otherwise_or_nothing_fails_and_is_named(
    report: Any, rows: Any, total: Any, error: type[BetProviderError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        report(rows, total)
    assert "connection pv_default" in str(caught.value)


def test_an_amount_that_fits_no_column_is_null_in_the_parquet_object(report: Any, tmp_path: Path) -> None:
    with pytest.raises(ReconciliationFailed):
        report([ROW], {**SUMS, "bet_amount": HUGE})
    (path,) = tmp_path.rglob("_betproviders/reconciliation/**/*.parquet")
    rows = [row for row in pq.ParquetFile(path).read().to_pylist() if not row["agrees"]]
    assert [(row["measure"], row["ours"], row["theirs"]) for row in rows] == [("bet_amount", Decimal(100), None)]
    assert str(HUGE) in path.with_suffix(".md").read_text()
