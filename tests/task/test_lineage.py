"""The lineage that tasks report to OpenLineage; tests/airflow shows that it arrives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import s3fs
from fsspec.implementations.local import LocalFileSystem

from airflow_betproviders.exceptions import BadRows
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.merge import MergeBetsOperator
from airflow_betproviders.task.lineage import dataset
from tests.aig_day import TODAY, aig_counts, reconcile_operator, stored_day
from tests.bets_table.lakes import SampleLake, aig, at, hour_of
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, HOURLY, bets, context, execute, operator
from tests.recorder import Recorder, Reply, Request

STREAM = "provider=aig/stream=transactions/account=agent001"


@pytest.mark.parametrize(
    ("fs", "path", "namespace", "name"),
    [
        (s3fs.S3FileSystem(anon=True), "lake/raw/provider=aig", "s3://lake", "raw/provider=aig"),
        (LocalFileSystem(), "/data/raw/", "file", "/data/raw"),
        (SimpleNamespace(protocol=("gs", "gcs")), "lake/raw", "gs://lake", "raw"),
        (
            SimpleNamespace(protocol=("abfs", "az"), account_name="acme"),
            "lake/raw",
            "abfss://lake@acme.dfs.core.windows.net",
            "raw",
        ),
    ],
)
def test_a_dataset_is_named_as_openlineage_names_its_store(fs: Any, path: str, namespace: str, name: str) -> None:
    named = dataset(fs, path)
    assert (named.namespace, named.name) == (namespace, name)


@pytest.mark.usefixtures("quick")
def test_an_extraction_reports_its_stream_with_counts_and_columns(
    make: MakeHook, server: Recorder, tmp_path: Path
) -> None:
    make("aig")
    server.replies = bets
    made = operator(tmp_path, "aig", start=FIVE, end=FIVE + 3 * HOUR)
    execute(made, context())

    lineage = made.get_openlineage_facets_on_complete(None)

    (output,) = lineage.outputs
    assert (output.namespace, output.name) == ("file", f"{tmp_path}/lake/{STREAM}")
    objects = [path.stat().st_size for path in Path(output.name).rglob("*.parquet")]
    counts = output.outputFacets["outputStatistics"]
    assert (counts.rowCount, counts.size, counts.fileCount) == (9, sum(objects), 3)
    types = {column.name: column.type for column in output.facets["schema"].fields}
    assert types["id"] == "string"
    assert types["update_time"] == "timestamp[ms, tz=UTC]"
    assert types["bet_amount"].startswith("decimal128")


@pytest.mark.usefixtures("quick")
def test_a_task_that_fails_after_rows_are_stored_reports_them(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("aig")

    def one_bad(request: Request) -> Reply:
        reply = bets(request)
        reply.body["data"]["transactions"][0]["bet_amount"] = "much"
        return reply

    server.replies = one_bad
    made = operator(tmp_path, "aig", **HOURLY)
    with pytest.raises(BadRows):
        execute(made, context())

    (output,) = made.get_openlineage_facets_on_complete(None).outputs
    assert output.outputFacets["outputStatistics"].rowCount == 2


@pytest.mark.usefixtures("quick", "days_later")
def test_filled_gaps_are_reported_without_their_bytes(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("aig")
    server.replies = bets
    given = {"task_id": "fill", "conn_id": "aig_default", "path": f"file://{tmp_path}/lake"}
    made = FillGapsOperator(**given, start=FIVE, end=FIVE + 2 * HOUR)
    execute(made, context())

    (written,) = made.writes
    assert (written.rows, written.size, written.files) == (6, None, 2)


def test_a_merge_reports_the_streams_it_read_and_the_table(tmp_path: Path) -> None:
    sample = SampleLake(tmp_path)
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(5.5))], at(7))
    paths = {"path": f"file://{sample.folder}/raw", "table": f"file://{sample.folder}/bets"}
    made = MergeBetsOperator(task_id="merge", **paths, start=at(5), end=at(6))
    execute(made, context())

    lineage = made.get_openlineage_facets_on_complete(None)

    assert [each.name for each in lineage.inputs] == [f"{sample.folder}/raw/{STREAM}"]
    (output,) = lineage.outputs
    assert output.name == f"{sample.folder}/bets"
    assert output.outputFacets["outputStatistics"].rowCount == 2
    assert {"bet_id", "net", "status"} <= {column.name for column in output.facets["schema"].fields}


def test_a_reconciliation_reports_the_bets_it_read_and_its_own_table(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    stored_day(tmp_path)
    monkeypatch.setattr("airflow_betproviders.hooks.base.BetProviderHook.now", lambda self: at(24) + timedelta(days=1))
    server.replies = aig_counts(h5=1, h7=1)
    made = reconcile_operator(tmp_path, "aig", **TODAY)
    reported = execute(made, context())

    lineage = made.get_openlineage_facets_on_complete(None)

    assert [each.name for each in lineage.inputs] == [f"{tmp_path}/raw/{STREAM}"]
    (output,) = lineage.outputs
    assert (
        output.name == f"{tmp_path}/raw/_betproviders/reconciliation/provider=aig/stream=transactions/account=agent001"
    )
    assert output.outputFacets["outputStatistics"].rowCount == reported["days"][0]["lines"]
