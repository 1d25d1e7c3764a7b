"""Merge millions of bets into a table of many more: time, and peak memory against the rows that one commit takes.

AIG's raw slots are made by hand, an hour each. The table gets its bets first; then a day after the other comes with new
bets and, in every fifth row, a newer version of a bet of the week before. Each merge is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
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
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.providers.aig import streams as aig

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ROWS_A_DAY = 1_000_000
AGAIN = 5  # one row of so many is a newer version
REACH = 7 * ROWS_A_DAY
COLUMNS = columns.schema(aig.TRANSACTIONS.fields)


def slot(first: int, count: int, hour: Interval, *, again: bool) -> pa.Table:
    """The rows of an hour: bets from number ``first`` on, and newer versions of some of those before."""
    dice = np.random.default_rng(first)
    number = np.arange(first, first + count)
    if again:
        old = slice(None, None, AGAIN)
        number[old] -= dice.integers(ROWS_A_DAY, REACH, len(number[old]))
        number = np.unique(number)
    day = 86_400_000
    placed = number * day // ROWS_A_DAY + int(BEGIN.timestamp() * 1000)
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


def make_lake(root: Path, first_day: int, days: int, *, again: bool) -> None:
    """Write the slots of some days."""
    lake = Lake(fsspec.filesystem("file"), str(root), "aig", "transactions", "agent001")
    per_hour = ROWS_A_DAY // 24
    for number in range(first_day * 24, (first_day + days) * 24):
        hour = Interval(BEGIN + number * HOUR, BEGIN + (number + 1) * HOUR)
        table = slot(number * per_hour, per_hour, hour, again=again)
        told = {"rows": table.num_rows, "extracted_at": hour.end.isoformat(timespec="milliseconds")}
        receipt = Receipt(
            provider="aig", stream="transactions", account="agent001", start=hour.start.isoformat(),
            end=hour.end.isoformat(), **told,
        )  # fmt: skip
        path = Path(lake.data(hour))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(receipt.to_footer()), path, compression="zstd")


def merge_day(folder: Path, day: int, batch_rows: int) -> dict[str, Any]:
    """Merge a day in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--day", str(day), "--batch-rows", str(batch_rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def one_day(folder: Path, day: int, batch_rows: int) -> None:
    """What the process does."""
    logging.disable(logging.INFO)
    began, memory = time.perf_counter(), _peak()
    (stream,) = find(fsspec.filesystem("file"), str(folder / "raw"), provider="aig")
    interval = Interval(BEGIN + 24 * day * HOUR, BEGIN + 24 * (day + 1) * HOUR)
    tally = Merge(BetsTable(str(folder / "bets")), batch_rows=batch_rows).run(stream, [interval])
    result = {"rows": tally.rows, "added": tally.added, "replaced": tally.replaced, "imported": memory, "peak": _peak()}
    print(json.dumps({**result, "seconds": time.perf_counter() - began}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table-days", type=int, default=50, help="millions of bets in the table before")
    parser.add_argument("--days", type=int, default=10, help="millions of rows to merge")
    parser.add_argument("--batch-rows", type=int, default=250_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--day", type=int, help="merge this day in the folder, and no more")
    given = parser.parse_args()
    if given.day is not None:
        one_day(given.folder, given.day, given.batch_rows)
        return
    print("| what | rows | new | replaced | seconds | rows/s | peak MiB | over the import |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        before = range(given.table_days)
        after = range(given.table_days, given.table_days + given.days)
        for what, days, again in (("into the empty table", before, False), ("into that table", after, True)):
            done = []
            for day in days:
                make_lake(folder / "raw", day, 1, again=again)
                done.append(merge_day(folder, day, given.batch_rows))
            rows, seconds = sum(each["rows"] for each in done), sum(each["seconds"] for each in done)
            peak = max(each["peak"] for each in done)
            print(
                f"| {what} | {rows:,} | {sum(e['added'] for e in done):,} | {sum(e['replaced'] for e in done):,} | "
                f"{seconds:.0f} | {rows / seconds:,.0f} | {peak:.0f} | {peak - done[0]['imported']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
