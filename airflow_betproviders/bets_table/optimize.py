"""Compacting the table's small files, and removing what no version needs any longer."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow.fs as pafs
from deltalake.exceptions import CommitFailedError

from airflow_betproviders.bets_table.merge_state import FOLDER
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval

log = logging.getLogger(__name__)

_TRIES = 5


@dataclass
class Upkeep:
    """What was done.

    Attributes:
        partitions: days of a provider whose files were put together.
        files_before: files that they had.
        files_after: files that they have.
        deleted: files that no version needs any longer.
    """

    partitions: int = 0
    files_before: int = 0
    files_after: int = 0
    deleted: int = 0


def optimize(
    table: BetsTable,
    *,
    interval: Interval | None,
    file_size: int,
    retention: timedelta | None,
    memory: int,
    providers: Sequence[str] = (),
) -> Upkeep:
    """Put the small files of each partition together, one partition a commit; then vacuum.

    Args:
        table: the bets table.
        interval: bet dates that overlap it; None for all.
        file_size: bytes that a file should have.
        retention: how long files that no version needs any longer stay for readers; None for no vacuum.
        memory: bytes that delta-rs may hold before it spills to disk.
        providers: only these; default all.
    """
    done = Upkeep()
    partitions: dict[tuple[str, date], int] = {}
    for file in table.snapshot().all_files():
        if (not providers or file.provider in providers) and _inside(file.day, interval):
            key = (file.provider, file.day)
            partitions[key] = partitions.get(key, 0) + 1
    for (provider, day), files in sorted(partitions.items()):
        if files > 1:
            _compact(table, provider, day, file_size, memory, done)
    if retention is not None:
        done.deleted += len(
            table.open().vacuum(
                retention_hours=int(retention.total_seconds() // 3600),
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
        )
        done.deleted += _sweep(table, retention)
    return done


def _compact(table: BetsTable, provider: str, day: date, file_size: int, memory: int, done: Upkeep) -> None:
    for attempt in range(_TRIES):
        try:
            told = table.open().optimize.compact(
                partition_filters=[("provider", "=", provider), ("bet_date", "=", day.isoformat())],
                target_size=file_size,
                max_concurrent_tasks=1,
                max_spill_size=memory,
            )
        except CommitFailedError as error:
            # A merge came first; what is not compacted now is next time.
            log.info("%s %s: a merge came first (%s)", provider, day, error)
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
        else:
            if told["numFilesRemoved"]:
                done.partitions += 1
                done.files_before += told["numFilesRemoved"]
                done.files_after += told["numFilesAdded"]
            return


def _sweep(table: BetsTable, retention: timedelta) -> int:
    """Remove objects of `state` that a killed merge left; the one with the greatest number of a day is in use or newer."""
    selector = pafs.FileSelector(FOLDER, recursive=True, allow_not_found=True)
    paths: dict[str, list[int]] = {}
    for found in table.fs.get_file_info(selector):
        folder, _, name = found.path.rpartition("/")
        if name.endswith(".json") and name.removesuffix(".json").isdigit():
            paths.setdefault(folder, []).append(int(name.removesuffix(".json")))
    snapshot = table.snapshot()
    oldest = (time.time_ns() // 1000 - int(retention.total_seconds() * 1e6)) << 10
    removed = 0
    for folder, numbers in paths.items():
        current = snapshot.pointer(folder.split(f"{FOLDER}/", 1)[-1])
        for number in numbers:
            if number != current and number < oldest:
                table.remove(f"{folder}/{number}.json")
                removed += 1
    return removed


def _inside(day: date, interval: Interval | None) -> bool:
    return interval is None or (
        day <= (interval.end - timedelta(microseconds=1)).date() and day >= interval.start.date()
    )
