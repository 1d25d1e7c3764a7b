"""Merge bets into a table of many more: time and peak memory, beside delta-rs MERGE, a DuckDB rewrite and an older version.

AIG's raw slots are made by hand, an hour each. Three profiles:

* insert: days of new bets into the empty table;
* week: a day of new bets, where every fifth row is a newer version of a bet of the week before;
* hours: single hours, where every fifth row is a newer version of a bet of the three hours before, into the compacted table.

Each run is a process of its own. The peers get the rows mapped already, and DuckDB does not commit.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.raw_slots import find
from airflow_betproviders.bets_table.schema import SCHEMA
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.providers.aig import streams as aig

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
AGAIN = 5  # one row of so many is a newer version
COLUMNS = columns.schema(aig.TRANSACTIONS.fields)
MEMORY = "400MB"  # DuckDB's limit


def slot(first: int, count: int, hour: Interval, a_day: int, reach: int) -> pa.Table:
    """Return the rows of an hour: bets from number ``first`` on, and newer versions of some of the ``reach`` before."""
    dice = np.random.default_rng(first)
    number = np.arange(first, first + count)
    if reach:
        old = slice(None, None, AGAIN)
        number[old] -= dice.integers(count, max(reach, count + 1), len(number[old]))
        number = np.unique(number)
    day = 86_400_000
    placed = number * day // a_day + int(BEGIN.timestamp() * 1000)
    updated = np.sort(dice.integers(0, 3_600_000, len(number))) + int(hour.start.timestamp() * 1000)
    cents = dice.integers(1, 100_000, len(number))
    amount = pc.multiply(pa.array(cents).cast(pa.decimal128(19, 0)), pa.scalar(Decimal("0.01")))
    given: dict[str, Any] = {
        "id": pc.utf8_lpad(pa.array(number).cast(pa.string()), 24, "0"),
        "game_id": pa.array(number % 40 + 100).cast(pa.string()),
        "user_id": pc.binary_join_element_wise("u", pa.array(number % 200_003).cast(pa.string()), ""),
        "inst_id": pa.array(number % 300).cast(pa.string()),
        "round_id": pa.array(number // 20),
        "bet_time": pa.array(placed),
        "settle_time": pa.array(updated),
        "update_time": pa.array(updated),
        "create_time": pa.array(placed),
        "currency": pa.repeat("USD", len(number)),
        "status": pa.repeat(1, len(number)),
        **dict.fromkeys(("bet_amount", "real_bet_amount", "valid_bet_turnover", "win_amount"), amount),
        EXTRACTED_AT: pa.repeat(pa.scalar(hour.end, pa.timestamp("ms", "UTC")), len(number)),
    }
    arrays = [given[f.name].cast(f.type) if f.name in given else pa.nulls(len(number), f.type) for f in COLUMNS]
    return pa.Table.from_arrays(arrays, schema=COLUMNS)


def make_lake(root: Path, first_hour: int, hours: int, a_day: int, reach: int) -> None:
    """Write the slots of some hours."""
    lake = Lake(fsspec.filesystem("file"), str(root), "aig", "transactions", "agent001")
    for number in range(first_hour, first_hour + hours):
        hour = Interval(BEGIN + number * HOUR, BEGIN + (number + 1) * HOUR)
        table = slot(number * (a_day // 24), a_day // 24, hour, a_day, reach)
        told = {"rows": table.num_rows, "extracted_at": hour.end.isoformat(timespec="milliseconds")}
        receipt = Receipt(
            provider="aig", stream="transactions", account="agent001", start=hour.start.isoformat(),
            end=hour.end.isoformat(), **told,
        )  # fmt: skip
        path = Path(lake.data(hour))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(receipt.to_footer()), path, compression="zstd")


def merge(folder: Path, table: str, first: int, hours: int) -> dict[str, Any]:
    """Merge hours of the raw lake by the package of this process."""
    raw = folder / ("raw_older" if "older" in table else "raw")
    (stream,) = find(fsspec.filesystem("file"), str(raw), provider="aig")
    interval = Interval(BEGIN + first * HOUR, BEGIN + (first + hours) * HOUR)
    before = {file.path for file in BetsTable(str(folder / table)).snapshot().all_files()}
    tally = Merge(BetsTable(str(folder / table))).run(stream, [interval])
    after = {file.path: file.size for file in BetsTable(str(folder / table)).snapshot().all_files()}
    written = sum(size for path, size in after.items() if path not in before)
    return {"rows": tally.rows, "replaced": tally.replaced, "commits": tally.commits, "written": written}


def mapped(folder: Path, table: str, first: int, hours: int) -> dict[str, Any]:
    """Write the rows of these hours as bets, each once, for the peers."""
    from airflow_betproviders.bets_table.batch import MergeBatch, StagedRows

    (stream,) = find(fsspec.filesystem("file"), str(folder / "raw"), provider="aig")
    slots, _ = stream.slots([Interval(BEGIN + first * HOUR, BEGIN + (first + hours) * HOUR)])
    with (
        tempfile.TemporaryDirectory() as name,
        pq.ParquetWriter(folder / f"{table}.parquet", SCHEMA, compression="zstd") as writer,
    ):
        staged = StagedRows(stream, Path(name))
        for slot_, bets in (piece for each in slots for piece in stream.bets(each)):
            if bets is not None:
                staged.append(slot_, bets)
        batch = MergeBatch(staged, [])
        for rows in batch.rows(np.zeros(len(batch), bool)):
            writer.write_table(rows.select(SCHEMA.names))
    return {}


_NEWER = (
    "({0}.updated_at, {0}.extracted_at, {0}.slot_start, {0}.slot_end, {0}.stream) > "
    "({1}.updated_at, {1}.extracted_at, {1}.slot_start, {1}.slot_end, {1}.stream)"
)


def delta_rs(folder: Path, table: str, first: int, hours: int) -> dict[str, Any]:  # noqa: ARG001
    """Merge the mapped rows by delta-rs."""
    from deltalake import DeltaTable

    source = pq.ParquetFile(folder / "mapped.parquet")
    reader = pa.RecordBatchReader.from_batches(source.schema_arrow, source.iter_batches(25_000))
    newer = (
        "source.updated_at > target.updated_at or "
        "(source.updated_at = target.updated_at and source.extracted_at > target.extracted_at)"
    )
    done = (
        DeltaTable(str(folder / table))
        .merge(
            source=reader,
            predicate="source.provider = target.provider and source.account = target.account and source.bet_id = target.bet_id",
            source_alias="source",
            target_alias="target",
        )
        .when_matched_update_all(predicate=newer)
        .when_not_matched_insert_all()
        .execute()
    )
    rows = done["num_target_rows_inserted"] + done["num_target_rows_updated"]
    return {"rows": rows, "replaced": done["num_target_rows_updated"], "commits": 1}


def duckdb(folder: Path, table: str, first: int, hours: int) -> dict[str, Any]:  # noqa: ARG001
    """Rewrite the table's files with the mapped rows by DuckDB, without a commit."""
    import duckdb as db

    con = db.connect()
    con.execute(f"set memory_limit = '{MEMORY}'; set threads = 2; set preserve_insertion_order = false")
    con.execute(f"set temp_directory = '{folder / 'spill'}'")
    files = str(folder / table / "*/*/*.parquet")
    con.execute(f"create view old as from read_parquet('{files}', hive_partitioning = true)")
    con.execute(f"create view new as from '{folder / 'mapped.parquet'}'")
    n, o = ", ".join(f"n.{name}" for name in SCHEMA.names), ", ".join(f"o.{name}" for name in SCHEMA.names)
    newer = _NEWER.format("n", "o")
    con.execute(f"""
        copy (
            select {o} from old o left join new n on o.account = n.account and o.bet_id = n.bet_id
            where n.bet_id is null or not {newer}
            union all
            select {n} from new n left join old o on o.account = n.account and o.bet_id = n.bet_id
            where o.bet_id is null or {newer}
        ) to '{folder / "duckdb"}' (format parquet, compression zstd, partition_by (provider, bet_date))
    """)  # noqa: S608 - no value of a user's
    return {"rows": pq.ParquetFile(folder / "mapped.parquet").metadata.num_rows, "replaced": 0, "commits": 0}


def lake(folder: Path, table: str, first: int, hours: int, a_day: int, reach: int) -> dict[str, Any]:
    """Write the slots of some hours, laid out as the package of this process does it."""
    make_lake(folder / table, first, hours, a_day, reach)
    return {}


def compact(folder: Path, table: str, first: int, hours: int) -> dict[str, Any]:  # noqa: ARG001
    """Compact the table."""
    from airflow_betproviders.bets_table.optimize import optimize

    optimize(BetsTable(str(folder / table)), interval=None, file_size=32 << 20, retention=None)
    return {}


RUNS: dict[str, Callable[..., dict[str, Any]]] = {
    "lake": lake,
    "compact": compact,
    "merge": merge,
    "mapped": mapped,
    "delta_rs": delta_rs,
    "duckdb": duckdb,
}


def run(
    what: str, folder: Path, table: str, first: int, hours: int, code: Path | None = None, *more: int
) -> dict[str, Any]:
    """Run one step in a process of its own, with this package or an older checkout of it."""
    command = [sys.executable, __file__, "--run", what, "--folder", str(folder), "--table", table]
    command += ["--more", *map(str, more)] if more else []
    root = str(code or Path(__file__).parent.parent)
    done = subprocess.run(
        [*command, "--first", str(first), "--hours", str(hours)],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured(given: argparse.Namespace) -> None:
    """What the process does."""
    logging.disable(logging.INFO)
    pa.array([1]).to_pandas()  # PyArrow imports pandas sooner or later: it belongs to the imports
    memory, began, processor = _peak(), time.perf_counter(), time.process_time()
    result = RUNS[given.run](given.folder, given.table, given.first, given.hours, *given.more)
    seconds, cpu = time.perf_counter() - began, time.process_time() - processor
    print(json.dumps({**result, "seconds": seconds, "cpu": cpu, "peak": _peak(), "over": _peak() - memory}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(profile: str, who: str, found: dict[str, Any]) -> None:
    """Print a line of the table."""
    written = f"{found['written'] / 2**20:.0f}" if "written" in found else ""
    print(
        f"| {profile} | {who} | {found['rows']:,} | {found['replaced']:,} | {found['commits']} | {found['seconds']:.1f} | "
        f"{found['cpu']:.1f} | {found['rows'] / found['seconds']:,.0f} | {written} | {found['peak']:.0f} | {found['over']:.0f} |",
        flush=True,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows-a-day", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=7, help="days in the table before")
    parser.add_argument("--older", type=Path, help="a git worktree of an older version, to be measured beside")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--run", choices=RUNS, help="run this step, and no more")
    parser.add_argument("--table", default="bets")
    parser.add_argument("--first", type=int)
    parser.add_argument("--hours", type=int)
    parser.add_argument("--more", type=int, nargs="*", default=[])
    given = parser.parse_args()
    if given.run:
        measured(given)
        return
    print(
        "| profile | by | rows | replaced | commits | seconds | CPU s | rows/s | MB written | peak MiB | over the imports |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        profiles(Path(name), given.rows_a_day, given.days, given.older)


def profiles(folder: Path, a_day: int, days: int, older: Path | None) -> None:
    """Run the three profiles."""
    hours = 24 * days

    def extract(first: int, count: int, reach: int) -> None:
        run("lake", folder, "raw", first, count, None, a_day, reach)
        if older:
            run("lake", folder, "raw_older", first, count, older, a_day, reach)

    extract(0, hours, 0)
    if older:
        report("insert", "older version", run("merge", folder, "older", 0, hours, older))
    report("insert", "this version", run("merge", folder, "bets", 0, hours))
    extract(hours, 24, min(days, 7) * a_day)
    run("mapped", folder, "mapped", hours, 24)
    for table in ("delta_rs", "hours"):
        shutil.copytree(folder / "bets", folder / table)
    if older:
        report("week", "older version", run("merge", folder, "older", hours, 24, older))
    report("week", f"DuckDB, {MEMORY}", run("duckdb", folder, "bets", hours, 24))
    report("week", "delta-rs MERGE", run("delta_rs", folder, "delta_rs", hours, 24))
    report("week", "this version", run("merge", folder, "bets", hours, 24))
    for name in ("raw", "raw_older"):
        shutil.rmtree(folder / name, ignore_errors=True)
    run("compact", folder, "hours", 0, 0)
    shutil.copytree(folder / "hours", folder / "hours_older")
    extract(hours, 4, a_day // 8)
    for hour in range(hours, hours + 4):
        if older:
            report("hours", "older version", run("merge", folder, "hours_older", hour, 1, older))
        report("hours", "this version", run("merge", folder, "hours", hour, 1))


if __name__ == "__main__":
    main()
