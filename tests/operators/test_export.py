"""A day of bets is exported to one file."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table.schema import SCHEMA
from airflow_betproviders.exceptions import DamagedTable, InvalidArgument, NothingStored
from airflow_betproviders.operators.export import ExportBetsOperator
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.operator_runs import context

EXACT = "999999999999.99999999"  # no double has it


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    made = SampleLake(tmp_path)
    bets = [aig("b", placed=at(5), stake=EXACT), aig("a", placed=at(5)), aig('c,"\n', placed=at(5) - MINUTE, status=0)]
    made.store(hour_of(5), bets, at(7))
    made.store(hour_of(5, 21), [aig("next", placed=at(5, 21))], at(7, 21))
    made.merge()
    return made


def export(sample: SampleLake, name: str, **arguments: Any) -> dict[str, Any]:
    given = {"table": f"file://{sample.folder}/bets", "start": at(0), "end": at(0, 21)}
    operator = ExportBetsOperator(task_id="export", path=f"file://{sample.folder}/out/{name}", **{**given, **arguments})
    return type(operator).execute.__wrapped__(operator, context())


@pytest.mark.parametrize(("name", "opened"), [("day.csv", open), ("day.csv.gz", gzip.open)])
def test_a_day_as_csv_keeps_every_digit(sample: SampleLake, name: str, opened: Any) -> None:
    summary = export(sample, name)
    with opened(sample.folder / "out" / name, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert summary == {"path": f"file://{sample.folder}/out/{name}", "rows": 3, "bytes": (sample.folder / "out" / name).stat().st_size, "version": 1}  # fmt: skip
    assert [row["bet_id"] for row in rows] == ['c,"\n', "a", "b"]
    assert list(rows[0]) == [column for column in SCHEMA.names if column != "rest"]
    assert (Decimal(rows[2]["stake"]), rows[2]["placed_at"]) == (Decimal(EXACT), "2026-11-20 05:00:00.000000Z")
    assert (rows[0]["status"], rows[0]["net"]) == ("open", "")


def test_a_day_as_parquet_has_the_tables_types(sample: SampleLake) -> None:
    assert export(sample, "day.parquet", columns=["bet_id", "stake", "rest", "stake"])["rows"] == 3
    table = pq.read_table(sample.folder / "out/day.parquet")
    assert table.schema.equals(SCHEMA.empty_table().select(["bet_id", "stake", "rest"]).schema)
    assert table["stake"].to_pylist()[2] == Decimal(EXACT)


@pytest.mark.parametrize("name", [".parquet", "day.csv.parquet"])
def test_the_end_of_the_name_decides_the_format(sample: SampleLake, name: str) -> None:
    export(sample, name)
    assert pq.read_table(sample.folder / "out" / name, partitioning=None).num_rows == 3


def test_a_day_without_bets_is_a_file_without_rows(sample: SampleLake, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(sample, "none.csv", start=at(0, 1), end=at(0, 2))["rows"] == 0
    assert (sample.folder / "out/none.csv").read_text().startswith('"provider","bet_date"')
    assert export(sample, "none.parquet", provider="pv")["rows"] == 0
    assert pq.read_table(sample.folder / "out/none.parquet").num_rows == 0
    assert (
        "has no bet of [2026-11-20T00:00:00Z, 2026-11-21T00:00:00Z) of provider pv; the file has no rows"
        in capsys.readouterr().out
    )


def test_what_cannot_be_written_is_refused(sample: SampleLake) -> None:
    with pytest.raises(InvalidArgument, match="must end in one of"):
        export(sample, "day.xlsx")
    with pytest.raises(InvalidArgument, match=r"no installed package provides 'nope'\. Installed providers: aig, "):
        export(sample, "day.csv", provider="nope")
    with pytest.raises(InvalidArgument, match=r"provider=\['aig'\] is not text"):
        export(sample, "day.csv", provider=["aig"])
    assert not (sample.folder / "out").exists()
    with pytest.raises(InvalidArgument, match="the table has no column 'stakes'"):
        export(sample, "day.csv", columns=["stakes"])
    with pytest.raises(NothingStored, match=r"does not exist\. Merge bets into it first"):
        export(sample, "day.csv", table=str(sample.folder / "elsewhere"))
    assert not list(sample.folder.glob("out/*"))


@pytest.mark.parametrize("content", [None, b"no Parquet"])
def test_a_table_that_lacks_a_file_is_named(sample: SampleLake, content: bytes | None) -> None:
    (file,) = (each.path for each in sample.table.snapshot().all_files() if each.day == at(0).date())
    path = Path(sample.table.uri) / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DamagedTable, match=f"cannot be read: .*{file}.* merge all slots again"):
        export(sample, "day.csv")
    assert not list(sample.folder.glob("out/*"))


def test_a_file_is_replaced_only_when_the_new_one_is_complete(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(sample, "day.csv")
    before = (sample.folder / "out/day.csv").read_bytes()
    monkeypatch.setattr("airflow_betproviders.bets_table.arrow.sorted_rows.SortedRows.read", lambda *_: iter([None]))
    with pytest.raises(AttributeError):
        export(sample, "day.csv")
    assert (sample.folder / "out/day.csv").read_bytes() == before
    assert [path.name for path in sample.folder.glob("out/*")] == ["day.csv"]
