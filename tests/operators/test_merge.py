from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow.compute as pc
import pytest
from airflow.sdk import Asset, BaseHook, Connection

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument, NothingStored
from airflow_betproviders.operators.extract import stream_asset
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator, bets_asset
from airflow_betproviders.task.interval import resolve_intervals
from airflow_betproviders.task.tables import open_table, refuse_shared_folder
from tests.bets_table.lakes import HOUR, SampleLake, aig, at, hour_of
from tests.bets_table.records import sample_records
from tests.operator_runs import context

GGR = """
select provider, bet_date, currency, count(*) as bets, sum(stake) as turnover, -sum(net) as ggr
from bets
where missing_since is null and status <> 'open'
group by provider, bet_date, currency
order by provider, bet_date, currency
"""


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    made = SampleLake(tmp_path)
    made.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(5.5), win="25")], at(7))
    made.store(hour_of(6), [aig("c", placed=at(6), status=0)], at(7))
    return made


def connect(monkeypatch: pytest.MonkeyPatch, conn_type: str, login: str, **extra: Any) -> None:
    connection = Connection(
        conn_id="vendor", conn_type=conn_type, host="http://x", login=login, password="k", extra=json.dumps(extra)
    )
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))


def merge(sample: SampleLake, ctx: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    given = {
        "path": f"file://{sample.folder}/raw",
        "table": f"file://{sample.folder}/bets",
        "start": at(5),
        "end": at(6),
    }
    operator = MergeBetsOperator(task_id="merge", **{**given, **arguments})
    return type(operator).execute.__wrapped__(operator, ctx or context())


def test_it_merges_its_interval_and_reports_counts(sample: SampleLake) -> None:
    ctx = context()
    summary = merge(sample, ctx)
    assert {name: summary[name] for name in ("slots", "unchanged", "rows", "added", "missing", "commits")} == {
        "slots": 1, "unchanged": 0, "rows": 2, "added": 2, "missing": 0, "commits": 1,
    }  # fmt: skip
    (event,) = ctx["outlet_events"].values()
    assert event.extra == {**summary, "start": at(5).isoformat(), "end": at(6).isoformat()}
    json.dumps(event.extra)
    assert sorted(sample.rows()) == ["a", "b"]
    again = merge(sample, start=at(5).isoformat(), end=at(7).isoformat())
    assert (again["slots"], again["unchanged"], again["added"]) == (1, 1, 1)


def test_without_a_selection_it_merges_every_provider_in_the_lake(sample: SampleLake) -> None:
    other = SampleLake(sample.folder, "pv", "101")
    start = at(5).timestamp()
    other.store(
        hour_of(5), [{**sample_records("pv-all-history.json")[0], "start_at": int(start), "end_at": int(start)}], at(7)
    )
    assert merge(sample)["slots"] == 2
    assert {row["provider"] for row in sample.rows().values()} == {"pv", "aig"}
    assert merge(sample, provider="pv")["unchanged"] == 1
    assert merge(sample, stream="history")["unchanged"] == 1  # of PV; AIG has no stream of that name


@pytest.mark.parametrize(
    "table", ["raw", "raw/", "", "raw//provider=aig", "raw/provider=aig/stream=transactions/bets", "bets/../raw"]
)
def test_a_table_that_shares_its_folder_with_the_lake_is_refused(sample: SampleLake, table: str) -> None:
    """A vacuum of the table would delete the slots."""
    with pytest.raises(InvalidArgument, match=r"share a folder.*Give the table a folder of its own"):
        merge(sample, table=f"file://{sample.folder}/{table}")
    assert not list(sample.folder.rglob("_delta_log"))


STORES = {
    "one": {"conn_type": "aws", "login": "a", "password": "b"},
    "two": {"conn_type": "aws", "login": "c", "password": "d"},
    "own": {"conn_type": "aws", "login": "a", "password": "b", "extra": {"endpoint_url": "http://store:8333"}},
    "also_own": {"conn_type": "aws", "login": "c", "password": "d", "extra": {"endpoint_url": "http://store:8333"}},
}


@pytest.mark.parametrize(
    ("path", "table", "one_store"),
    [
        ("s3://one@lake/raw", "s3://two@lake/raw", True),
        ("s3://one@lake/raw", "s3a://two@lake", True),
        ("s3://one@lake/raw", "s3://lake/raw/provider=aig/bets", True),
        ("s3://own@lake/raw", "s3://also_own@lake/raw", True),
        ("file:///lake", "/lake", True),
        ("local:///lake", "file:///lake", True),
        ("s3://one@lake/raw", "s3://own@lake/raw", False),
        ("s3://one@lake/raw", "s3://two@other/raw", False),
        ("s3://one@lake/raw", "s3://two@lake/bets", False),
    ],
)
def test_a_bucket_that_two_connections_reach_is_one_store(
    monkeypatch: pytest.MonkeyPatch, path: str, table: str, one_store: bool
) -> None:
    for conn_id, connection in STORES.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    if one_store:
        with pytest.raises(InvalidArgument, match="share a folder"):
            refuse_shared_folder(path, table)
    else:
        refuse_shared_folder(path, table)


def test_a_table_beside_the_providers_of_the_lake_is_no_data_of_the_lake(sample: SampleLake) -> None:
    assert merge(sample, table=f"{sample.folder}/raw/bets")["added"] == 2


def test_a_connection_narrows_it_to_the_account_and_fills_what_only_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = int(at(5).timestamp())
    for account in ("101", "102"):
        record = {**sample_records("pv-all-history.json")[0], "start_at": start, "end_at": start}
        SampleLake(tmp_path, "pv", account).store(hour_of(5), [record], at(7))
    connect(monkeypatch, "pv", "102", currency="CNY")
    assert merge(SampleLake(tmp_path), conn_id="vendor")["slots"] == 1
    (row,) = SampleLake(tmp_path).rows().values()
    assert (row["account"], row["currency"]) == ("102", "CNY")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"provider": "toy"}, "no installed package provides"),
        ({"provider": ["aig"]}, "is not text"),
        ({"provider": "aig", "stream": "history"}, "It has: transactions, latest"),
        ({"table": "bets"}, "Give an absolute path"),
        ({"table": "s3:///bets"}, "names no bucket"),
        ({"table": "ftp://host/bets"}, "has no store for ftp"),
        ({"path": "lake"}, "Give an absolute path"),
        ({"start": at(6), "end": at(5)}, "is not before end"),
        ({"start": at(6), "end": None}, "give both, or neither"),
        ({"batch_rows": 0}, "batch_rows=0 is not a whole number of at least 1"),
        ({"filters": "user=1"}, "is not a dict"),
        ({"filters": {"user": "1"}}, "has no filter 'user'"),
        ({"table": None}, "table=None is not text"),
        ({"moved_within": "often"}, "Write a number and a unit"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    sample: SampleLake, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        merge(sample, **arguments)
    assert not (sample.folder / "bets").exists()


def test_a_connection_of_another_provider_is_refused(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "pv", "101")
    with pytest.raises(InvalidArgument, match="Give conn_id or provider"):
        merge(sample, conn_id="vendor", provider="aig")


@pytest.mark.parametrize("arguments", [{"start": at(9), "end": at(10)}, {"provider": "pv"}])
def test_a_lake_without_the_interval_is_an_error_that_a_retry_may_mend(
    sample: SampleLake, arguments: dict[str, Any]
) -> None:
    with pytest.raises(NothingStored, match="holds no slot"):
        merge(sample, **arguments)


def test_a_run_that_extractions_triggered_is_about_their_intervals() -> None:
    def event(start: float, end: float) -> SimpleNamespace:
        return SimpleNamespace(extra={"start": at(start).isoformat(), "end": at(end).isoformat()})

    events = {
        stream_asset("a").uri: [event(5, 6), event(6, 7)],
        stream_asset("b").uri: [event(9, 10), SimpleNamespace(extra={})],
    }
    found = resolve_intervals({"triggering_asset_events": events}, None, None, HOUR)
    assert found == [Interval(at(5), at(7)), Interval(at(9), at(10))]
    assert resolve_intervals({"triggering_asset_events": events}, at(1), at(2), HOUR) == [hour_of(1)]
    rollup = {"triggering_asset_events": events, "partition_date": at(0)}  # what came late need not be all that is due
    assert resolve_intervals(rollup, None, None, 24 * HOUR) == [Interval(at(0), at(0) + 24 * HOUR)]
    assert resolve_intervals({"data_interval_start": at(1), "data_interval_end": at(2)}, None, None, HOUR) == [
        hour_of(1)
    ]
    with pytest.raises(InvalidArgument, match="no data interval"):
        resolve_intervals({}, None, None, HOUR)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("s3://aws_default@lake/bets", "bets/lake/bets"),
        ("file:///data/bets", "bets/data/bets"),
        ("{{ var.value.table }}", "bets"),
        ("s3://aws_default@{{ params['bucket'] }}/bets", "bets"),
    ],
)
def test_the_tables_asset(table: str, name: str) -> None:
    assert bets_asset(table) == Asset(name=f"betproviders/{name}", uri=f"betproviders://{name}")


@pytest.mark.parametrize(
    ("connection", "path", "uri", "options"),
    [
        ({"conn_type": "google_cloud_platform", "extra": {"key_path": "/k.json"}}, "gs://store@lake/bets", "gs://lake/bets", {"GOOGLE_SERVICE_ACCOUNT": "/k.json"}),
        ({"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": {"a": 1}}}, "gcs://store@lake/bets", "gs://lake/bets", {"GOOGLE_SERVICE_ACCOUNT_KEY": '{"a": 1}'}),
        ({"conn_type": "wasb", "login": "acc", "password": "k"}, "abfs://store@lake/bets", "abfs://lake/bets", {"AZURE_STORAGE_ACCOUNT_NAME": "acc", "AZURE_STORAGE_ACCOUNT_KEY": "k"}),
        ({"conn_type": "wasb", "extra": {"connection_string": "DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=k==;BlobEndpoint=http://127.0.0.1:1/acc;"}}, "abfs://store@lake/bets", "abfs://lake/bets", {"AZURE_STORAGE_ACCOUNT_NAME": "acc", "AZURE_STORAGE_ACCOUNT_KEY": "k==", "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1/acc", "AZURE_ALLOW_HTTP": "true"}),
        ({"conn_type": "wasb", "extra": {"connection_string": "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=k==;EndpointSuffix=core.usgovcloudapi.net"}}, "abfs://store@lake/bets", "abfs://lake/bets", {"AZURE_STORAGE_ACCOUNT_NAME": "acc", "AZURE_STORAGE_ACCOUNT_KEY": "k==", "AZURE_STORAGE_ENDPOINT": "https://acc.blob.core.usgovcloudapi.net"}),
        ({"conn_type": "wasb", "host": "https://acc.blob.core.windows.net", "login": "id", "password": "p", "extra": {"tenant_id": "t"}}, "abfss://store@lake/bets", "abfss://lake/bets", {"AZURE_STORAGE_ACCOUNT_NAME": "acc", "AZURE_STORAGE_CLIENT_ID": "id", "AZURE_STORAGE_CLIENT_SECRET": "p", "AZURE_STORAGE_TENANT_ID": "t"}),
    ],
)  # fmt: skip
def test_connections_to_other_stores(
    connection: dict[str, Any], path: str, uri: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Connection(conn_id="store", **{**connection, "extra": json.dumps(connection.get("extra", {}))})
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: made))
    monkeypatch.setattr("airflow_betproviders.task.tables.open_path", lambda path, name: None)
    table = open_table(path)
    assert (table.uri, table.options) == (uri, options)


def test_the_ggr_of_a_day(sample: SampleLake) -> None:
    merge(sample, end=at(7))
    bets = sample.table.open().to_pyarrow_dataset()
    assert bets is not None
    assert duckdb.sql(GGR).fetchall() == [("aig", at(0).date(), "USD", 2, Decimal(20), Decimal(-5))]


def test_readers_find_every_row_by_any_column(sample: SampleLake) -> None:
    """Delta's statistics of files must not make a reader skip rows, before compaction and after it."""
    for _ in range(2):
        merge(sample, end=at(7))
        dataset = sample.table.open().to_pyarrow_dataset()
        for row in dataset.to_table().to_pylist():
            for name, value in row.items():
                wanted = pc.field(name).is_null() if value is None else pc.field(name) == value
                assert dataset.count_rows(filter=wanted & (pc.field("bet_id") == row["bet_id"])) == 1
        optimize(sample)


def optimize(sample: SampleLake, **arguments: Any) -> dict[str, Any]:
    operator = OptimizeBetsOperator(task_id="optimize", table=f"file://{sample.folder}/bets", **arguments)
    return type(operator).execute.__wrapped__(operator, context())


@pytest.mark.usefixtures("systems_clock")
def test_small_files_are_put_together_and_old_ones_deleted(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    merge(sample)
    merge(sample, start=at(6), end=at(7))
    before = sample.rows()
    assert optimize(sample, start=at(0, 21), end=at(0, 22))["partitions"] == 0
    done = optimize(sample)
    assert (done["partitions"], done["files_before"], done["files_after"], done["deleted"]) == (1, 2, 1, 0)
    assert sample.rows() == before
    orphan = sample.folder / "bets/_merged/aig/agent001/transactions/date=2026-11-20/1.json"
    orphan.write_text("{}")
    monkeypatch.setattr("airflow_betproviders.operators.merge.timedelta", lambda **kwargs: timedelta(0))
    done = optimize(sample, retention=timedelta(0))
    assert done["deleted"] == 3
    assert not orphan.exists()
    assert sample.rows() == before
    assert merge(sample, end=at(7))["unchanged"] == 2


def test_a_retention_that_would_hurt_a_merge_is_refused(sample: SampleLake) -> None:
    with pytest.raises(InvalidArgument, match="less than an hour"):
        optimize(sample, retention="5m")


def test_an_order_that_is_no_column_is_refused(sample: SampleLake) -> None:
    with pytest.raises(InvalidArgument, match="must be one of placed_at, player_id"):
        optimize(sample, sort_by=["placed_at"])


@pytest.mark.slow
def test_a_dag_file_that_imports_the_operators_imports_nothing_heavy() -> None:
    code = """
import sys
import airflow.sdk
before = set(sys.modules)
import airflow_betproviders.operators.merge
print([name for name in ("pyarrow", "deltalake", "numpy", "pandas") if name in set(sys.modules) - before])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
