from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset

from airflow_betproviders.exceptions import ReconciliationFailed, WindowExpired
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.operators.extract import stream_asset
from airflow_betproviders.operators.reconcile import reconciliation_asset, reconciliation_of
from airflow_betproviders.reconciliation.results import SCHEMA
from tests.aig_day import TODAY, aig_counts, reconcile_operator, stored_day
from tests.airflow_versions import AirflowFailException, TaskDeferred
from tests.bets_table.lakes import at, hour_of
from tests.conftest import MakeHook
from tests.operator_runs import context, execute, refused
from tests.recorder import Recorder

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("aig", {"start": at(1), "end": at(25)}, "those of AIG run from 00:00 UTC"),
    ("aig", {"start": at(0), "end": at(23)}, "end 2026-11-20T23:00:00+00:00 does not begin a report day"),
    ("jdb", TODAY, "those of JDB run from 04:00 UTC"),
    ("aig", {**TODAY, "tolerance": "a little"}, "tolerance='a little' is not an amount"),
    ("aig", {**TODAY, "tolerance": "-1"}, "is not an amount"),
    ("aig", {**TODAY, "tolerance": "NaN"}, "is not an amount"),
    ("aig", {**TODAY, "repair": "perhaps"}, "neither True nor False"),
    (
        "aig",
        {**TODAY, "reports": ["game_report"]},
        "AIG has no report game_report. It has: none. Correct reports=, or leave it out",
    ),
    ("pv", {**TODAY, "reports": "game_report"}, "It has: slots_game_stage_summary, stage_summary"),
    ("aig", {**TODAY, "slot": "hourly"}, "Write a number and a unit"),
    ("aig", {**TODAY, "path": "lake"}, "Give an absolute path"),
    ("aig", {"start": at(0)}, "give both, or neither"),
    ("aig", {}, "trigger it with a logical date"),
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("provider", "arguments", "cure"), BAD)
def test_bad_input_is_refused_before_the_first_call_with_the_cure(
    make: MakeHook, server: Recorder, tmp_path: Path, provider: str, arguments: dict[str, Any], cure: str
) -> None:
    make(provider)
    with refused(server, cure):
        execute(reconcile_operator(tmp_path, provider, **arguments), context())
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("provider", "begin", "lag"),
    [("pv", 0, 10 * MINUTE), ("aig", 0, 5 * MINUTE), ("jdb", 4, 65 * MINUTE), ("gmag", 0, 10 * MINUTE)],
)
def test_it_waits_deferred_until_the_report_is_final(
    make: MakeHook,
    server: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    begin: int,
    lag: timedelta,
) -> None:
    make(provider)
    monkeypatch.setattr(BetProviderHook, "now", lambda self: at(begin + 24) + lag - MINUTE)
    with pytest.raises(TaskDeferred) as deferred:
        execute(
            reconcile_operator(tmp_path, provider),
            context(data_interval_start=at(begin), data_interval_end=at(begin + 24)),
        )
    assert deferred.value.trigger.moment == at(begin + 24) + lag
    assert deferred.value.method_name == "execute"
    assert server.requests == []


@pytest.mark.parametrize("provider", ["aig", "jdb", "gmag"])
def test_a_day_of_which_the_provider_no_longer_speaks_fails_at_once(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    make(provider)
    monkeypatch.setattr(BetProviderHook, "now", lambda self: at(0) + 200 * DAY)
    begin = at(4 if provider == "jdb" else 0)
    with pytest.raises(WindowExpired, match="is gone"):
        execute(reconcile_operator(tmp_path, provider, start=begin, end=begin + DAY), context())
    assert server.requests == []


@pytest.mark.usefixtures("quick")
def test_counts_that_agree_make_it_green_and_tell_the_asset(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("aig")
    stored_day(tmp_path)
    server.replies = aig_counts(h5=1, h7=1)
    made, ctx = reconcile_operator(tmp_path, "aig", **TODAY), context()
    summary = execute(made, ctx)
    (day,) = summary["days"]
    assert {name: summary[name] for name in ("provider", "account", "stream", "bets", "disagreeing", "repaired")} == {
        "provider": "aig", "account": "agent001", "stream": "transactions", "bets": 2, "disagreeing": 0, "repaired": 0,
    }  # fmt: skip
    assert (day["date"], day["agrees"], day["calls"]) == ("2026-11-20", True, 24)
    assert len(server.requests) == 24
    (event,) = ctx["outlet_events"].values()
    assert event.extra == summary
    base = f"{tmp_path}/raw/_betproviders/reconciliation/provider=aig/stream=transactions/account=agent001/2026-11-20"
    assert day["path"] == f"{base}.md"
    table = pq.ParquetFile(f"{base}.parquet").read()
    assert table.schema.remove_metadata() == SCHEMA
    rows = {row["group"]: row for row in table.to_pylist() if row["report"] == "window totals"}
    assert (rows["all"]["ours"], rows["all"]["theirs"], rows["all"]["agrees"]) == (Decimal(2), Decimal(2), True)
    assert rows["window=[2026-11-20T05:00:00Z, 2026-11-20T06:00:00Z)"]["ours"] == 1
    secrets = ["aig-test-key", *(request.query["sign"] for request in server.requests)]
    texts = [json.dumps(summary), Path(f"{base}.md").read_text(), str(table.to_pylist())]
    texts += [repr(getattr(made, name)) for name in made.template_fields]
    assert not any(secret in text for secret in secrets for text in texts)


@pytest.mark.usefixtures("quick")
def test_counts_that_differ_fail_the_task_after_the_report_is_stored(
    make: MakeHook, server: Recorder, tmp_path: Path
) -> None:
    make("aig")
    stored_day(tmp_path)
    server.replies = aig_counts(h5=1, h7=1, h8=1, h9=3)
    ctx = context()
    with pytest.raises(ReconciliationFailed) as caught:
        execute(reconcile_operator(tmp_path, "aig", **TODAY), ctx)
    assert not isinstance(caught.value, AirflowFailException)  # a report may lag: Airflow tries again
    text = str(caught.value)
    assert "connection aig_default, aig transactions: [2026-11-20T00:00:00Z, 2026-11-21T00:00:00Z): 3 of 26" in text
    assert "window=[2026-11-20T09:00:00Z, 2026-11-20T10:00:00Z), rows: 0 here, 3 there (-3)" in text
    assert text.index("(-4)") < text.index("(-3)") < text.index("(-1)")
    assert "/2026-11-20.md" in text
    assert "repair=True" in text
    assert not ctx["outlet_events"]
    report = (
        tmp_path / "raw/_betproviders/reconciliation/provider=aig/stream=transactions/account=agent001/2026-11-20.md"
    ).read_text()
    assert "| window totals | window=[2026-11-20T09:00:00Z, 2026-11-20T10:00:00Z) | rows | 0 | 3 | -3 |" in report
    assert "- window totals: 22 of 25 figures agree" in report
    assert "1 rows" not in report


def test_a_slot_that_the_provider_no_longer_keeps_is_named_and_fails_the_task(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GM-Ag's reports go back six months, its rounds thirty days."""
    make("gmag")
    monkeypatch.setattr(BetProviderHook, "now", lambda self: at(0) + 40 * DAY)
    server.answer({"requestId": "r", "error": "0", "message": "SUCCESS", "data": []})
    with pytest.raises(
        ReconciliationFailed, match=r"cannot be extracted again\. .* is gone.*No slot could be extracted again"
    ):
        execute(reconcile_operator(tmp_path, "gmag", **TODAY, repair=True), context())
    assert {request.path for request in server.requests} == {"/history/gameReport"}


def test_the_command_line_and_the_operator_share_one_way_in(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    stored_day(tmp_path)
    server.replies = aig_counts(h5=1, h7=1)
    reconciliation = reconciliation_of("aig_default", f"file://{tmp_path}/raw", tolerance="0.5", slot="15m")
    monkeypatch.setattr(BetProviderHook, "now", lambda self: at(30))
    (day,) = reconciliation.days(hour_of(0, width=24))
    assert reconciliation.ready_at(day) == at(24) + 5 * MINUTE
    assert (reconciliation.tolerance, reconciliation.width) == (Decimal("0.5"), 15 * MINUTE)
    assert reconciliation.run(day).agrees


def test_template_fields_and_assets(tmp_path: Path) -> None:
    made = reconcile_operator(tmp_path, "aig", start="{{ ds }}", tolerance="{{ params.t }}", repair="{{ params.r }}")
    assert all(hasattr(made, name) for name in made.template_fields)
    assert {"conn_id", "path", "start", "end", "tolerance", "repair"} <= set(made.template_fields)
    assert made.outlets == [reconciliation_asset("aig_default"), stream_asset("aig_default")]
    assert reconcile_operator(tmp_path, "aig").outlets == [reconciliation_asset("aig_default")]
    assert reconciliation_asset("aig_default").uri == "betproviders://aig_default/reconciliation"
    assert reconcile_operator(tmp_path, "aig", outlets=[Asset("mine")]).outlets == [Asset("mine")]


@pytest.mark.slow
def test_a_dag_file_that_imports_the_operator_imports_nothing_heavy() -> None:
    code = """
import sys
import airflow.sdk
before = set(sys.modules)
import airflow_betproviders.operators.reconcile
print([name for name in ("pyarrow", "numpy", "pandas", "requests", "fsspec") if name in set(sys.modules) - before])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
