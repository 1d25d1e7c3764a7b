"""Merges in several processes, and merges that are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.bets_table.table import Snapshot
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.processes import processes

pytestmark = pytest.mark.slow


def merge_day(folder: str, day: int, rounds: int) -> None:
    """Merge a day's slots a few times; each time some have a new version."""
    for _ in range(rounds):
        SampleLake(Path(folder)).merge(*[hour_of(hour, day) for hour in range(24)], batch_rows=30)


def fill(sample: SampleLake, day: int, read: float, *, win: int = 0) -> None:
    """Store a day of four slots; every fifth bet was placed the day before, and ``c`` comes in every slot of every day."""
    for hour in range(4):
        slot = hour_of(hour, day)
        records = [
            aig(
                f"{day}-{hour}-{i}",
                placed=slot.start - (24 * 60 if i % 5 == 0 else 0) * MINUTE + i * MINUTE,
                updated=slot.start + i * MINUTE,
                win=str(win),
            )
            for i in range(20)
        ]
        records.append(aig("c", placed=at(hour, day), updated=slot.start + 59 * MINUTE, win=str(day * 100 + hour)))
        sample.store(slot, records, at(read, 28))


def test_days_are_merged_side_by_side(tmp_path: Path) -> None:
    """Two processes a day on three days, whose bets share partitions, and one bet whose date moves through all of them."""
    sample = SampleLake(tmp_path)
    for day in (20, 21, 22):
        fill(sample, day, 1)
    workers = [processes.Process(target=merge_day, args=(str(tmp_path), day, 1)) for day in (20, 21, 22, 20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0] * 4
    rows = sample.rows()
    assert len(rows) == 3 * 4 * 20 + 1
    assert rows["c"]["payout"] == 2203
    assert not [row for row in rows.values() if row["missing_since"]]


def merge_and_die(folder: str, moment: str) -> None:
    """Merge, and be killed at the first commit."""
    commit = Snapshot.commit

    def commit_and_die(*given: Any) -> None:
        if moment == "after":
            commit(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    Snapshot.commit = commit_and_die
    merge_day(folder, 20, 1)


def test_a_killed_merge_leaves_a_table_that_the_next_one_completes(tmp_path: Path) -> None:
    """Each is killed at its first commit: when its files are written, or when they are in the table."""
    sample = SampleLake(tmp_path)
    fill(sample, 20, 1)
    versions = []
    for moment in ("before", "after", "after", "before", "after"):
        killed = processes.Process(target=merge_and_die, args=(str(tmp_path), moment))
        killed.start()
        killed.join(300)
        assert killed.exitcode == -signal.SIGKILL
        versions.append(_version(sample))
        sample.rows()  # readable, and no bet twice
        if len(versions) == 3:
            fill(sample, 20, 2, win=7)  # and every slot is read again meanwhile
    begin = versions[0]
    assert versions == [begin, begin + 1, begin + 2, begin + 2, begin + 3]
    sample.merge()
    rows = sample.rows()
    assert len(rows) == 81
    assert {row["payout"] for name, row in rows.items() if name != "c"} == {7}
    assert not [row for row in rows.values() if row["missing_since"]]


def _version(sample: SampleLake) -> int:
    log = Path(sample.table.uri) / "_delta_log"
    return max((int(path.stem) for path in log.glob("*.json") if path.stem.isdigit()), default=-1)


def test_compaction_beside_merges(tmp_path: Path) -> None:
    from datetime import timedelta

    from airflow_betproviders.bets_table.optimize import optimize

    sample = SampleLake(tmp_path)
    fill(sample, 20, 1)
    merge_day(str(tmp_path), 20, 1)
    fill(sample, 20, 2, win=7)
    worker = processes.Process(target=merge_day, args=(str(tmp_path), 20, 1))
    worker.start()
    while worker.is_alive():
        optimize(sample.table, interval=None, file_size=1 << 20, retention=timedelta(hours=1))
    worker.join()
    assert worker.exitcode == 0
    assert {row["payout"] for name, row in sample.rows().items() if name != "c"} == {7}
