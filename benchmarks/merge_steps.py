"""One step of the merge's benchmark in a process of its own: its result, seconds, processor seconds and memory as JSON."""

from __future__ import annotations

import json
import logging
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import checkout
import fsspec
import made_bets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MEMORY = "400MB"  # DuckDB's limit

Result = dict[str, Any]


def lake(raw: Path, first: int, hours: int, a_day: int, reach: int, account: str) -> Result:
    """Write the slots of some hours."""
    made_bets.make_lake(raw, first, hours, a_day, reach, account)
    return {}


def merge(raw: Path, table: Path, first: int, hours: int) -> Result:
    """Merge hours of the raw lake by the package of this process."""
    (stream,) = checkout.find(fsspec.filesystem("file"), str(raw), provider="aig", account="agent001")
    before = _files(table)
    done = checkout.Merge(checkout.BetsTable(str(table))).run(stream, [made_bets.hours(first, hours)])
    after = _files(table)
    written = sum(size for path, size in after.items() if path not in before)
    return {
        "rows": done.rows,
        "replaced": done.replaced,
        "commits": done.commits,
        "written": written,
        "files": len(after),
    }


def hourly(raw: Path, table: Path, account: str, hours: int) -> Result:
    """Merge an account hour by hour, as its DAG does."""
    (stream,) = checkout.find(fsspec.filesystem("file"), str(raw), provider="aig", account=account)
    began, commits, conflicts, slowest = time.time(), 0, 0, 0.0
    for hour in range(hours):
        start = time.time()
        done = checkout.Merge(checkout.BetsTable(str(table))).run(stream, [made_bets.hours(hour, 1)])
        slowest = max(slowest, time.time() - start)
        commits, conflicts = commits + done.commits, conflicts + done.conflicts
    return {"commits": commits, "conflicts": conflicts, "slowest": slowest, "began": began, "ended": time.time()}


def mapped(raw: Path, target: Path, first: int, hours: int) -> Result:
    """Write the rows of these hours as bets, each once, for the peers."""
    from airflow_betproviders.bets_table.batch import MergeBatch, StagedRows
    from airflow_betproviders.bets_table.schema import SCHEMA

    (stream,) = checkout.find(fsspec.filesystem("file"), str(raw), provider="aig", account="agent001")
    slots, _ = stream.slots([made_bets.hours(first, hours)])
    with tempfile.TemporaryDirectory() as name, pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        staged = StagedRows(stream, Path(name))
        for version, bets in (piece for slot in slots for piece in stream.bets(slot)):
            if bets is not None:
                staged.append(version, bets)
        batch = MergeBatch(staged, [])
        for rows in batch.rows(np.zeros(len(batch), bool)):
            writer.write_table(rows)
    return {}


def delta_rs(source: Path, table: Path) -> Result:
    """Merge the mapped rows by delta-rs."""
    from deltalake import DeltaTable

    file = pq.ParquetFile(source)
    newer = (
        "source.updated_at > target.updated_at or "
        "(source.updated_at = target.updated_at and source.extracted_at > target.extracted_at)"
    )
    same = "source.provider = target.provider and source.account = target.account and source.bet_id = target.bet_id"
    done = (
        DeltaTable(str(table))
        .merge(
            source=pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(25_000)),
            predicate=same, source_alias="source", target_alias="target",
        )
        .when_matched_update_all(predicate=newer)
        .when_not_matched_insert_all()
        .execute()
    )  # fmt: skip
    rows = done["num_target_rows_inserted"] + done["num_target_rows_updated"]
    return {"rows": rows, "replaced": done["num_target_rows_updated"], "commits": 1}


def duckdb(source: Path, table: Path, target: Path) -> Result:
    """Rewrite the table's files with the mapped rows by DuckDB, without a commit."""
    import duckdb as db

    from airflow_betproviders.bets_table.schema import SCHEMA

    con = db.connect()
    con.execute(f"set memory_limit = '{MEMORY}'; set threads = 2; set preserve_insertion_order = false")
    con.execute(f"set temp_directory = '{target}-spill'")
    con.execute(f"create view old as from read_parquet('{table}/*/*/*.parquet', hive_partitioning = true)")
    con.execute(f"create view new as from '{source}'")
    n, o = (", ".join(f"{side}.{name}" for name in SCHEMA.names) for side in "no")
    rank = ("updated_at", "extracted_at", "slot_start", "slot_end", "stream")
    newer = " > ".join("(" + ", ".join(f"{side}.{name}" for name in rank) + ")" for side in "no")
    con.execute(f"""
        copy (
            select {o} from old o left join new n on o.account = n.account and o.bet_id = n.bet_id
            where n.bet_id is null or not {newer}
            union all
            select {n} from new n left join old o on o.account = n.account and o.bet_id = n.bet_id
            where o.bet_id is null or {newer}
        ) to '{target}' (format parquet, compression zstd, partition_by (provider, bet_date))
    """)  # noqa: S608 - no value of a user's
    return {"rows": pq.ParquetFile(source).metadata.num_rows, "replaced": 0, "commits": 0}


def compact(table: Path) -> Result:
    """Compact the table."""
    from airflow_betproviders.bets_table.optimize import optimize

    optimize(checkout.BetsTable(str(table)), interval=None, file_size=32 << 20, retention=None)
    return {}


def replicate(table: Path, days: int) -> Result:
    """Add files of the table to so many days before its first day, by hard links and one commit.

    The rows in them keep their times and ids. A merge looks no further than at the days' names and the log's statistics.
    """
    from deltalake.transaction import AddAction

    added: dict[str, Result] = {}
    for log in sorted(table.glob("_delta_log/*.json")):
        for line in log.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                added[action["add"]["path"]] = action["add"]
    live = _files(table)
    by_day: dict[str, list[Result]] = {}
    for path in sorted(live):
        by_day.setdefault(added[path]["partitionValues"]["bet_date"], []).append(added[path])
    templates = list(by_day.values())
    actions = []
    for number in range(days):
        day = made_bets.BEGIN.date() - timedelta(days=number + 1)
        for file in templates[number % len(templates)]:
            path = f"provider=aig/bet_date={day}/{number}-{file['path'].rpartition('/')[2]}"
            (table / path).parent.mkdir(parents=True, exist_ok=True)
            (table / path).hardlink_to(table / file["path"])
            values = {"provider": "aig", "bet_date": day.isoformat()}
            actions.append(AddAction(path, file["size"], values, file["modificationTime"], True, file["stats"]))
    checkout.BetsTable(str(table)).snapshot().commit(actions, [], {}, {})
    counts = [json.loads(added[path]["stats"])["numRecords"] for path in live]
    more = [json.loads(action.stats)["numRecords"] for action in actions]
    return {"rows": sum(counts) + sum(more), "files": len(counts) + len(more)}


def copy(table: Path, target: Path) -> Result:
    """Copy a table by hard links: no file of a table is ever changed."""
    shutil.copytree(table, target, copy_function=lambda source, to: Path(to).hardlink_to(source))
    return {}


def _files(table: Path) -> dict[str, int]:
    return {file.path: file.size for file in checkout.BetsTable(str(table)).snapshot().all_files()}


STEPS: dict[str, Callable[..., Result]] = {
    step.__name__: step for step in (lake, merge, hourly, mapped, delta_rs, duckdb, compact, replicate, copy)
}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the step that the command line names, with its arguments as JSON."""
    logging.disable(logging.INFO)
    pa.array([1]).to_pandas()  # PyArrow imports pandas sooner or later: it belongs to the imports
    name, given = sys.argv[1], json.loads(sys.argv[2])
    arguments = {
        key: Path(value) if key in {"raw", "table", "source", "target"} else value for key, value in given.items()
    }
    for needed in ("Merge", "find", "BetsTable"):
        getattr(checkout, needed)  # imported before the clock starts
    memory, began, processor = _peak(), time.perf_counter(), time.process_time()
    result = STEPS[name](**arguments)
    seconds, cpu = time.perf_counter() - began, time.process_time() - processor
    print(json.dumps({**result, "seconds": seconds, "cpu": cpu, "peak": _peak(), "over": _peak() - memory}))


if __name__ == "__main__":
    main()
