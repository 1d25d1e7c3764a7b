"""The bets table on a real S3 server, through the operator's connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.optimize import optimize
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.task.tables import open_table
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.processes import processes
from tests.seaweed import SeaweedFS, seaweed  # noqa: F401 - the fixture

pytestmark = pytest.mark.s3


def merge(uri: str, options: dict[str, str], server: SeaweedFS, day: int) -> None:
    fs = server.filesystem()
    for stream in find_raw_streams(fs, f"{server.bucket}/raw", provider="aig"):
        Merge(BetsTable(uri, options), batch_rows=40).run(stream, [Interval(at(0, day), at(0, day + 1))])


def test_days_are_merged_side_by_side_and_compacted(
    seaweed: SeaweedFS,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra = {"endpoint_url": seaweed.endpoint, "region_name": "us-east-1"}
    connection = Connection(
        conn_id="store", conn_type="aws", login=seaweed.key, password=seaweed.secret, extra=json.dumps(extra)
    )
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    monkeypatch.setenv("AIRFLOW_CONN_STORE", connection.as_json())
    table = open_table(f"s3://store@{seaweed.bucket}/bets/")
    assert table.uri == f"s3://{seaweed.bucket}/bets"
    assert {name for name in table.options if "SECRET" not in name} == {
        "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP",
    }  # fmt: skip

    sample = SampleLake(tmp_path)
    fs = seaweed.filesystem()
    remote = Lake(fs, f"{seaweed.bucket}/raw", "aig", "transactions", "agent001")
    for day in (20, 21):
        for hour in range(2):
            slot = hour_of(hour, day)
            bets = [aig(f"{day}-{hour}-{i}", placed=slot.start + (i - 10) * MINUTE, updated=slot.start + i * MINUTE) for i in range(40)]  # fmt: skip
            bets.append(aig("moving", placed=slot.start, updated=slot.start + 59 * MINUTE))
            sample.store(slot, bets, at(3, 22))
            fs.put_file(sample.lake.data(slot), remote.data(slot))
    workers = [processes.Process(target=merge, args=(table.uri, table.options, seaweed, day)) for day in (20, 21)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0, 0]

    def ids() -> list[str]:
        return sorted(table.open().to_pyarrow_table()["bet_id"].to_pylist())

    before = ids()
    assert before == sorted(
        [f"{day}-{hour}-{i}" for day in (20, 21) for hour in range(2) for i in range(40)] + ["moving"]
    )
    late = hour_of(5, 21)
    sample.store(late, [aig("late", placed=late.start)], at(7, 22))
    fs.put_file(sample.lake.data(late), remote.data(late))
    merge(table.uri, table.options, seaweed, 21)
    before.append("late")
    done = optimize(table, interval=None, file_size=1 << 24, retention=None)
    assert (done.partitions >= 1, done.files_after < done.files_before) == (True, True)
    assert ids() == sorted(before)
    assert len(table.snapshot().all_files()) == 3
    (path,) = [path for path in fs.find(f"{seaweed.bucket}/bets/_merged") if "2026-11-20" in path]
    assert len(json.loads(fs.cat_file(path))) == 2
