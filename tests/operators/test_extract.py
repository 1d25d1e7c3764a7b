from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset

from airflow_betproviders.exceptions import BadRows, InvalidArgument, OverlappingSlot, WindowExpired
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.operators.extract import ExtractToParquetOperator, hook_of, stream_asset
from tests.airflow_versions import AirflowFailException, TaskDeferred
from tests.conftest import MakeHook
from tests.operator_runs import DAILY, FIVE, HOUR, HOURLY, bets, context, execute, operator, refused
from tests.recorder import Recorder, Reply, Request

DAY = timedelta(days=1)


# ------------------------------------------------------------------ bad input

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("aig", {**HOURLY, "stream": "bets"}, "has no stream 'bets'. It has: transactions, latest"),
    ("aig", {**HOURLY, "stream": "game_history"}, "has no stream 'game_history'. It has: transactions, latest"),
    ("aig", {"start": FIVE + HOUR, "end": FIVE}, "is not before end"),
    ("aig", {"start": FIVE, "end": FIVE}, "CronDataIntervalTimetable"),
    ("aig", {"start": FIVE.replace(tzinfo=None), "end": FIVE + HOUR}, "has no time zone. Give an aware datetime"),
    ("aig", {"start": FIVE}, "give both, or neither"),
    ("aig", {"start": FIVE + HOUR / 4, "end": FIVE + HOUR}, "is not on a boundary of 1h slots"),
    ("aig", {**HOURLY, "slot": "2h"}, "is not on a boundary of 2h slots"),
    ("aig", {**HOURLY, "slot": "7h"}, "slot 7h does not divide a day into equal parts of minutes. Use 15m, 30m, 1h"),
    ("aig", {**HOURLY, "slot": "hourly"}, "Write a number and a unit: 15m, 1h, 1d"),
    ("aig", {**HOURLY, "filters": {"user_id": "1"}}, "has no filter 'user_id'. It takes: none"),
    ("pv", {**HOURLY, "filters": {"game_id": 1}}, "has no filter 'game_id'. It takes: game_ids"),
    ("pv", {**HOURLY, "stream": "games_game_history"}, "needs game_id: give filters={'game_id': ...}"),
    ("pv", {**HOURLY, "stream": "games_user_history"}, "needs user_id or op_id"),
    ("jdb", {**DAILY, "stream": "daily_by_player"}, "needs gType: give filters={'gType': ...}"),
    ("jdb", {**DAILY, "stream": "daily_by_game_type"}, "counted from 4:00:00 UTC"),
    ("jdb", {"start": FIVE - HOUR, "end": FIVE, "stream": "daily_by_game_type", "slot": "1h"}, "whole number of"),
    ("aig", {**HOURLY, "path": "s3:///raw"}, "names no bucket"),
    ("aig", {**HOURLY, "path": "lake"}, "Give an absolute path"),
    ("aig", {**HOURLY, "path": ""}, "path='' is not text, or is empty"),
    ("aig", {**HOURLY, "path": 5}, "path=5 is not text"),
    ("aig", {**HOURLY, "path": "s4://lake/raw"}, "no installed package can store under s4://. Use s3, s3a"),
    ("aig", {**HOURLY, "path": "C:\\lake"}, "no installed package can store under c://"),
    ("aig", {**HOURLY, "lookback": 5}, "lookback=5 is not a duration. Write a number and a unit"),
    ("aig", {**HOURLY, "lag": "soon"}, "lag='soon' is not a duration"),
    ("aig", {**HOURLY, "slot": timedelta(0)}, "slot 0d does not divide a day"),
    ("aig", {**HOURLY, "archive": "yes"}, "archive='yes' is not a duration"),
    ("aig", {**HOURLY, "archive": "1h"}, "Write True, or how long to keep it"),
    ("aig", {**HOURLY, "max_bad_rows": "a few"}, "max_bad_rows='a few' is not a whole number of at least 0"),
    ("aig", {**HOURLY, "max_bad_rows": -1}, "max_bad_rows=-1 is not a whole number"),
    ("aig", {**HOURLY, "max_bad_rows": 1.5}, "max_bad_rows=1.5 is not a whole number"),
    ("aig", {**HOURLY, "filters": "{'game_id': 1}"}, "is not a dict. Give one"),
    ("aig", {**HOURLY, "filters": [1]}, "set render_template_as_native_obj=True on the DAG"),
    ("aig", {**HOURLY, "pii": ["user_id"]}, "pii=['user_id'] is not a dict"),
    ("aig", {}, "trigger it with a logical date"),
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("provider", "arguments", "cure"), BAD)
def test_bad_input_is_refused_before_the_first_call_with_the_cure(
    make: MakeHook, server: Recorder, tmp_path: Path, provider: str, arguments: dict[str, Any], cure: str
) -> None:
    make(provider)
    with refused(server, cure):
        execute(operator(tmp_path, provider, **arguments), context())
    assert not (tmp_path / "lake").exists()


@pytest.mark.usefixtures("quick")
def test_a_zero_width_run_is_refused_with_the_cure(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("aig")
    run = context(data_interval_start=FIVE, data_interval_end=FIVE)
    with pytest.raises(InvalidArgument, match="Schedule the DAG with CronDataIntervalTimetable"):
        execute(operator(tmp_path, "aig"), run)
    assert server.requests == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("provider", "changes", "cure"),
    [
        ("jdb", {"extra": {"dc": None}}, "extra dc is missing"),
        ("jdb", {"extra": {"utc_offset": "America/New_York"}}, "not the name of a zone"),
        ("aig", {"host": "api.aigapi.com"}, "host must be the provider's full URL"),
    ],
)
def test_a_bad_connection_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, tmp_path: Path, provider: str, changes: dict[str, Any], cure: str
) -> None:
    make(provider, **changes)
    with pytest.raises(InvalidArgument, match=cure):
        execute(operator(tmp_path, provider, **HOURLY), context())
    assert server.requests == []


def test_a_connection_of_another_type_is_refused_with_those_there_are(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = make("aig").connection
    connection.conn_type = "http"
    with pytest.raises(
        InvalidArgument, match=r"of type 'http', which no installed provider serves. Use .* aig, gmag, jdb, pv"
    ):
        hook_of("aig_default")


@pytest.mark.parametrize("conn_id", ["", None, 5])
def test_a_connection_is_named_by_text(conn_id: Any) -> None:
    with pytest.raises(InvalidArgument, match="Give conn_id='aig_default' or the like"):
        hook_of(conn_id)


def test_a_missing_connection_is_named_with_the_cure() -> None:
    with pytest.raises(InvalidArgument, match="connection 'nowhere' does not exist"):
        hook_of("nowhere")


@pytest.mark.usefixtures("quick")
def test_a_slot_across_a_stored_object_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, tmp_path: Path
) -> None:
    make("aig")
    server.replies = bets
    execute(operator(tmp_path, "aig", **HOURLY), context())
    server.requests.clear()
    with pytest.raises(OverlappingSlot):
        execute(operator(tmp_path, "aig", **HOURLY, slot="15m"), context())
    assert server.requests == []


# ------------------------------------------------------------------ time


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(BetProviderHook, "now", lambda self: now)


def test_promise_7_an_interval_that_is_not_ready_is_deferred_until_it_is(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    at(monkeypatch, FIVE + HOUR)
    with pytest.raises(TaskDeferred) as deferred:
        execute(operator(tmp_path, "aig", **HOURLY), context())
    assert deferred.value.trigger.moment == FIVE + HOUR + timedelta(minutes=5)
    assert deferred.value.method_name == "execute"
    assert server.requests == []
    at(monkeypatch, FIVE + HOUR + timedelta(minutes=5))
    server.replies = bets
    assert execute(operator(tmp_path, "aig", **HOURLY), context())["rows"] == 3


def test_a_lag_of_ones_own_holds_back_longer_but_never_shorter(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    server.replies = bets
    at(monkeypatch, FIVE + HOUR + timedelta(minutes=6))
    with pytest.raises(TaskDeferred) as deferred:
        execute(operator(tmp_path, "aig", **HOURLY, lag="30m"), context())
    assert deferred.value.trigger.moment == FIVE + HOUR + timedelta(minutes=30)
    assert server.requests == []
    assert execute(operator(tmp_path, "aig", **HOURLY, lag="6m"), context())["rows"] == 3
    at(monkeypatch, FIVE + HOUR + timedelta(minutes=4))
    with pytest.raises(TaskDeferred) as deferred:
        execute(operator(tmp_path, "aig", **HOURLY, lag="1m"), context())
    assert deferred.value.trigger.moment == FIVE + HOUR + timedelta(minutes=5)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "run", [{"data_interval_start": FIVE, "data_interval_end": FIVE + HOUR}, {"partition_date": FIVE}]
)
def test_a_lookback_reads_what_is_before_the_interval_too(
    make: MakeHook, server: Recorder, tmp_path: Path, run: dict[str, Any]
) -> None:
    make("aig")
    server.replies = bets
    summary = execute(operator(tmp_path, "aig", lookback="2h"), context(**run))
    assert (summary["start"], summary["end"]) == ("2026-11-20T03:00:00+00:00", "2026-11-20T06:00:00+00:00")
    assert summary["slots"] == 3


def test_promise_7_an_interval_that_is_gone_fails_at_once(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    at(monkeypatch, FIVE + 100 * DAY)
    with pytest.raises(WindowExpired, match="is gone") as caught:
        execute(operator(tmp_path, "aig", **HOURLY), context())
    assert isinstance(caught.value, AirflowFailException)
    assert server.requests == []


# ------------------------------------------------------------------ what it stores and says


@pytest.mark.usefixtures("quick")
def test_the_interval_of_the_run_is_stored_slot_by_slot_and_reported(
    make: MakeHook, server: Recorder, tmp_path: Path
) -> None:
    make("aig")
    server.replies = bets
    made = operator(tmp_path, "aig")
    ctx = context(data_interval_start=FIVE, data_interval_end=FIVE + 3 * HOUR)
    summary = execute(made, ctx)
    base = f"{tmp_path}/lake/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20"
    assert summary == {
        "stream": "transactions",
        "account": "agent001",
        "start": "2026-11-20T05:00:00+00:00",
        "end": "2026-11-20T08:00:00+00:00",
        "rows": 9,
        "bytes": summary["bytes"],
        "slots": 3,
        "calls": 3,
        "bad_rows": 0,
        "changed": [f"2026-11-20T0{hour}:00:00+00:00" for hour in (5, 6, 7)],
        "path": base,
    }
    json.dumps(summary)
    names = [f"20261120T{hour:02}0000Z-20261120T{hour + 1:02}0000Z.parquet" for hour in (5, 6, 7)]
    assert sorted(path.name for path in Path(base).iterdir()) == names
    (event,) = ctx["outlet_events"].values()
    assert event.extra["sums"]["win_amount"] == "8999999999999.99910000"
    assert event.extra["paths"] == [f"{base}/{name}" for name in names]
    footer = pq.read_metadata(f"{base}/{names[0]}").metadata
    receipt = json.loads(footer[b"betproviders.receipt"])
    assert (receipt["run_id"], receipt["try_number"], receipt["rows"]) == ("manual__1", 1, 3)


@pytest.mark.usefixtures("quick")
def test_what_has_changed_is_reported_also_by_a_retry(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("aig")
    three = {"start": FIVE, "end": FIVE + 3 * HOUR}

    def corrected(request: Request) -> Reply:
        reply = bets(request)
        for row in reply.body["data"]["transactions"]:
            if row["update_time"] == int((FIVE + HOUR).timestamp() * 1000):
                row["bet_amount"] = "0.11"
        return reply

    def changed(run_id: str) -> Any:
        ctx = context()
        ctx["ti"].run_id = run_id
        return execute(operator(tmp_path, "aig", **three), ctx)["changed"]

    hours = [(FIVE + i * HOUR).isoformat() for i in range(3)]
    server.replies = bets
    assert changed("first") == hours
    assert changed("second") == []
    server.replies = corrected
    assert changed("third") == hours[1:2]
    assert changed("third") == hours[1:2]  # its first try failed after it had stored the hour
    assert changed("fourth") == []


@pytest.mark.usefixtures("quick")
def test_bad_rows_fail_the_task_after_all_others_are_stored(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    def spoiled(request: Request) -> Reply:
        reply = bets(request)
        reply.body["data"]["transactions"][1]["bet_amount"] = "much"
        return reply

    make("aig")
    server.replies = spoiled
    with pytest.raises(BadRows, match=r"1 rows do not fit.*the other 2 are stored.*set max_bad_rows=1") as caught:
        execute(operator(tmp_path, "aig", **HOURLY), context())
    assert isinstance(caught.value, AirflowFailException)
    (data,) = (tmp_path / "lake").rglob("*.parquet")
    assert pq.read_metadata(data).num_rows == 2
    (quarantine,) = (tmp_path / "lake").rglob("*.jsonl")
    assert "bet_amount: expected an amount" in quarantine.read_text()
    for most in (1, "1"):
        assert execute(operator(tmp_path, "aig", **HOURLY, max_bad_rows=most), context())["bad_rows"] == 1


@pytest.mark.usefixtures("quick")
def test_promise_9_quiet_no_secret_in_xcom_events_files_or_templates(
    make: MakeHook, server: Recorder, tmp_path: Path
) -> None:
    make("aig")
    server.replies = bets
    made = operator(tmp_path, "aig", **HOURLY)
    ctx = context()
    summary = execute(made, ctx)
    secrets = ["aig-test-key", *(request.query["sign"] for request in server.requests)]
    rendered = [repr(getattr(made, name)) for name in made.template_fields]
    events = [repr(vars(event)) for event in ctx["outlet_events"].values()]
    files = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    for text in (json.dumps(summary), *rendered, *events, *files):
        assert not any(secret in text for secret in secrets)


@pytest.mark.usefixtures("quick")
def test_a_snapshot_is_stored_under_the_day_it_was_taken(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("pv")
    server.answer({"code": 200, "msg": "", "data": [{"game_id": 1006, "game_name": "Elves", "game_type": "Slots"}]})
    began = datetime.now(timezone.utc)
    summary = execute(operator(tmp_path, "pv", stream="games"), context())
    assert summary["rows"] == 1
    days = {began, datetime.now(timezone.utc)}  # midnight may have passed
    assert any(f"slot_date={day:%Y-%m-%d}" in summary["path"] for day in days)


# ------------------------------------------------------------------ what a DAG author sees


def test_template_fields_are_attributes_and_hold_what_a_run_may_decide(tmp_path: Path) -> None:
    made = operator(tmp_path, "aig", start="{{ data_interval_start }}", slot="1h", filters={"a": 1})
    assert set(ExtractToParquetOperator.template_fields) >= {
        "conn_id",
        "stream",
        "path",
        "start",
        "end",
        "slot",
        "filters",
    }
    for name in made.template_fields:
        assert hasattr(made, name)
    assert made.start == "{{ data_interval_start }}"  # nothing is checked before templates are rendered


def test_the_asset_of_a_stream_is_the_tasks_outlet_unless_another_is_named(tmp_path: Path) -> None:
    assert operator(tmp_path, "aig").outlets == [stream_asset("aig_default")]
    assert operator(tmp_path, "aig", stream="latest").outlets == [stream_asset("aig_default", "latest")]
    other = Asset("mine")
    assert operator(tmp_path, "aig", outlets=[other]).outlets == [other]


@pytest.mark.slow
def test_importing_operators_and_hooks_brings_nothing_heavy_along() -> None:
    code = (
        "import sys, airflow.sdk\n"
        "from airflow.sdk import BaseOperator, BaseHook, Asset\n"
        "before = set(sys.modules)\n"
        "import airflow_betproviders.operators.extract\n"
        "import airflow_betproviders.providers.pv.hook, airflow_betproviders.providers.aig.hook\n"
        "import airflow_betproviders.providers.jdb.hook, airflow_betproviders.providers.gmag.hook\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    brought = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)
    heavy = {"pyarrow", "pandas", "numpy", "requests", "urllib3", "cryptography", "fsspec", "s3fs", "limits", "boto3"}
    assert not heavy & set(brought.stdout.split())
    assert "airflow_betproviders" in brought.stdout
