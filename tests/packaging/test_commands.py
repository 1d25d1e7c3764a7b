"""The commands of ``airflow betproviders``, run as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fsspec
import pytest
from airflow.sdk import BaseHook, Connection
from packaging.version import Version

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.providers.pv.hook import PvHook
from airflow_betproviders.simulator import Settings, Simulator
from tests import airflow_commands
from tests.airflow_commands import Command
from tests.extraction.stored import put, store
from tests.seaweed import SeaweedFS, seaweed  # noqa: F401 - the fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        Version(version("apache-airflow-core")) < Version("3.2"),
        reason="Airflow takes commands of providers from 3.2 on",
    ),
]

HOUR = timedelta(hours=1)
NOON = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


@pytest.fixture(scope="module")
def betproviders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with airflow_commands.running(tmp_path_factory.mktemp("home")) as airflow:
        yield partial(airflow, "betproviders")


def slot(number: int) -> Interval:
    return Interval(NOON + number * HOUR, NOON + (number + 1) * HOUR)


def fill(fs: Any, root: str) -> Lake:
    """Of six hours of AIG's, the second and third are missing and the fifth is damaged."""
    lake = Lake(fs, root, "aig", "transactions", "agent001")
    for number in (0, 3, 5):
        run = {"dag_id": "aig_transactions", "run_id": f"scheduled__{slot(number).end.isoformat()}"}
        store(lake, slot(number), rows=number, sums={"bet_amount": f"{number}.5"}, calls=7, **run)
    put(lake, slot(4), b"no Parquet")
    return lake


@pytest.fixture
def root(tmp_path: Path) -> str:
    fill(fsspec.filesystem("file"), str(tmp_path))
    (tmp_path / "provider=toy/stream=bets/account=a/slot_date=2026-11-20").mkdir(parents=True)
    return f"file://{tmp_path}"


END = ("--end", f"{NOON + 6 * HOUR:%Y-%m-%dT%H:%M}")


def test_gaps_are_listed_with_the_dates_that_load_them_and_are_a_failure(betproviders: Command, root: str) -> None:
    done = betproviders("gaps", root, *END, "--output", "json")
    assert done.returncode == 1, done.stderr
    gone, broken = json.loads(done.stdout)
    kept = timedelta(days=89)
    assert gone == {
        "provider": "aig", "stream": "transactions", "account": "agent001", "filters": [], "state": "missing", "slots": 2,
        "start": slot(1).start.isoformat(), "end": slot(2).end.isoformat(), "until": (slot(1).start + kept).isoformat(),
        "from_date": slot(1).start.isoformat(), "to_date": slot(2).start.isoformat(), "dag_id": "aig_transactions",
        "command": f"airflow backfill create --dag-id aig_transactions --from-date {slot(1).start.isoformat()} "
        f"--to-date {slot(2).start.isoformat()} --reprocess-behavior completed",
    }  # fmt: skip
    assert (broken["state"], broken["slots"], broken["from_date"]) == ("damaged", 1, slot(4).start.isoformat())
    all_gaps = betproviders("gaps", root, "--start", slot(5).start.isoformat(), *END)
    assert (all_gaps.returncode, all_gaps.stdout.strip()) == (0, "No data found")


def test_coverage_is_a_table_of_streams_or_of_days(betproviders: Command, root: str) -> None:
    table = betproviders("coverage", root, *END)
    assert table.returncode == 0, table.stderr
    assert "no installed package provides 'toy'" in table.stderr
    names, _, row, *_ = (line.split() for line in table.stdout.splitlines())
    assert dict(zip(names, row, strict=True))["missing"] == "2", table.stdout
    assert "expired" not in names
    days = betproviders("coverage", root, *END, "--days", "--provider", "aig", "-o", "json")
    (day,) = json.loads(days.stdout)
    result = {name: day[name] for name in ("day", "slots", "complete", "empty", "missing", "damaged", "rows", "sums")}
    assert result == {
        "day": f"{NOON:%Y-%m-%d}", "slots": 6, "complete": 2, "empty": 1, "missing": 2, "damaged": 1, "rows": 8,
        "sums": {"bet_amount": "9.5"},
    }  # fmt: skip


def test_a_plan_has_the_calls_and_the_time_of_a_backfill_and_calls_no_provider(
    betproviders: Command, root: str
) -> None:
    """AIG takes windows of a day and one call in five seconds; the stored slots took seven calls each."""
    account = {"conn_type": "aig", "host": "http://nowhere.invalid", "login": "agent001", "password": "k" * 16}
    given = ["plan", root, "--conn-id", "aig_default", "--start", slot(0).start.isoformat()]
    done = betproviders(*given, *END, "-o", "json", AIRFLOW_CONN_AIG_DEFAULT=json.dumps(account))
    assert done.returncode == 0, done.stderr
    (plan,) = json.loads(done.stdout)
    assert {name: plan[name] for name in ("slots", "stored", "missing", "expired", "pending", "windows")} == {
        "slots": 6, "stored": 4, "missing": 3, "expired": 0, "pending": 0, "windows": 6,
    }  # fmt: skip
    assert (plan["seconds_per_call"], plan["all_least_calls"], plan["missing_least_calls"]) == (5.0, 6, 3)
    assert (plan["all_likely_calls"], plan["all_likely_time"]) == (42, "4 min")
    assert (plan["missing_likely_calls"], plan["missing_least_time"]) == (21, "15 s")
    table = betproviders(*given, *END, AIRFLOW_CONN_AIG_DEFAULT=json.dumps(account))
    assert "missing likely time" in table.stdout, table.stderr
    wrong = betproviders(*given, *END)
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("lake",), "Give an absolute path"),
        (("s3://nobody@lake/raw",), "the connection 'nobody', which does not exist"),
        (("file:///nowhere/at/all",), "has no stream that matches"),
        (("file:///nowhere", "--start", "yesterday"), "--start='yesterday' is not a time"),
        (("file:///nowhere", "--start", "2026-11-20", "--end", "2026-11-19"), "is not before end"),
        (("file:///nowhere", "--start", ""), "argument --start: is empty. Give a value"),
        (("file:///nowhere", "--provider", " "), "argument --provider: is empty. Give a value"),
    ],
)
def test_a_lake_that_cannot_be_read_is_an_error_and_no_gap(
    betproviders: Command, arguments: tuple[str, ...], result: str
) -> None:
    done = betproviders("gaps", *arguments)
    assert done.returncode == 2
    assert result in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_refuses_a_read_is_an_error_and_no_gap(betproviders: Command, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    done = betproviders("gaps", f"file://{loop}")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert f"{loop} cannot be read: " in done.stderr
    assert "Check that the store can be reached" in done.stderr


@pytest.mark.s3
def test_a_lake_on_s3_is_found_through_its_connection(
    betproviders: Command,
    seaweed: SeaweedFS,  # noqa: F811
) -> None:
    fill(seaweed.filesystem(), f"{seaweed.bucket}/commands")
    connection = {
        "conn_type": "aws", "login": seaweed.key, "password": seaweed.secret,
        "extra": {"endpoint_url": seaweed.endpoint, "region_name": "us-east-1"},
    }  # fmt: skip
    done = betproviders(
        "gaps",
        f"s3://aws_lake@{seaweed.bucket}/commands",
        *END,
        "-o",
        "json",
        AIRFLOW_CONN_AWS_LAKE=json.dumps(connection),
    )
    assert done.returncode == 1, done.stderr
    assert [gap["slots"] for gap in json.loads(done.stdout)] == [2, 1]


def test_a_day_is_reconciled_and_repaired(
    betproviders: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = NOON.replace(hour=0)
    with Simulator(Settings(rate=60, min_interval={}, history_days=4)).running() as simulator:
        vendor = simulator.credentials["pv"]
        connection = Connection(conn_id="pv_default", **{**vendor, "extra": json.dumps(vendor["extra"])})
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
        hook = PvHook()
        lake = Lake(fsspec.filesystem("file"), str(tmp_path), "pv", "history", hook.account)
        Extraction(hook, hook.stream()).store(slots(Interval(day, day + 24 * HOUR), HOUR), lake)
        given = ["reconcile", f"file://{tmp_path}", "--conn-id", "pv_default", "--start", f"{day:%Y-%m-%d}"]

        def reconcile(*arguments: str) -> tuple[int, dict[str, Any]]:
            done = betproviders(*given, "--output", "json", *arguments, AIRFLOW_CONN_PV_DEFAULT=json.dumps(vendor))
            assert done.stdout, done.stderr
            return done.returncode, json.loads(done.stdout)[0]

        code, result = reconcile()
        assert (code, result["agrees"]) == (0, True)
        lost = Interval(day + 5 * HOUR, day + 6 * HOUR)
        Path(lake.data(lost)).unlink()
        code, result = reconcile()
        assert (code, result["agrees"]) == (1, False)
        code, result = reconcile("--repair")
        assert (code, result["agrees"], result["repaired"]) == (0, True, [lost.name])
    odd = betproviders(*given[:-1], f"{day:%Y-%m-%d}T05:00", AIRFLOW_CONN_PV_DEFAULT=json.dumps(vendor))
    assert odd.returncode == 2
    assert "connection pv_default: start 2026" in odd.stderr
    assert "does not begin a report day" in odd.stderr
    today = betproviders(
        *given[:-1], f"{datetime.now(timezone.utc):%Y-%m-%d}", AIRFLOW_CONN_PV_DEFAULT=json.dumps(vendor)
    )
    assert today.returncode == 2
    assert "connection pv_default: the provider's totals of" in today.stderr
