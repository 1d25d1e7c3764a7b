"""Measure the coverage of a hundred accounts of four providers: hourly slots of sixty days, receipts cached.

The objects are placeholders: with an up-to-date cache only their names, sizes and times are read. S3 is SeaweedFS on
loopback, with fewer accounts; its requests are counted, because a distant store takes time for each.

    python benchmarks/many_accounts.py [accounts a provider, 25] [of them on S3, 2]
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import fsspec
from surveyed_lake import HOURS, PROVIDERS, hourly_slots, main_streams, receipt_of, time_page, time_survey

from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import Footer
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey import stored_objects


def fill(fs: Any, root: str, accounts: int) -> int:
    """Store a placeholder and a cached receipt for every hour; return how many there are."""
    for stream in main_streams():
        for number in range(accounts):
            lake = Lake(fs, root, stream.provider, stream.name, f"account{number:03}")
            months: dict[str, dict[str, Receipt]] = defaultdict(dict)
            days: dict[str, set[date]] = defaultdict(set)
            for hour, slot in enumerate(hourly_slots()):
                fs.pipe_file(lake.data(slot), b"x")
                days[f"{slot.start:%Y-%m}"].add(slot.start.date())
                months[f"{slot.start:%Y-%m}"][slot.name] = receipt_of(
                    stream, lake.account, slot, rows=1_000 + hour, windows=12, calls=12 + hour % 3, bytes=123_456 + hour,
                    digest=f"{hour:032x}", sums=dict.fromkeys(stream.money, f"{hour}.6789"), proof={"total": 12},
                    dag_id=f"{stream.provider}_bets", task_id="extract",
                )  # fmt: skip
            for month, receipts in months.items():
                month_of = stored_objects._Month(lake, month, days[month])  # noqa: SLF001 - no object has its footer
                footers = {name: Footer(each.rows, each) for name, each in receipts.items()}
                month_of._save({}, {}, month_of._list(), footers)  # noqa: SLF001
    return accounts * len(PROVIDERS) * HOURS


def main() -> None:
    """Measure and print the table."""
    given = [int(text) for text in sys.argv[1:]]
    accounts, remote = (*given, *(25, 2)[len(given) :])[:2]
    sys.path.insert(0, str(Path(__file__).parents[1]))
    seaweed = import_module("tests.seaweed")
    print("| what | accounts | slots | s | of these processor, s | requests |\n|---|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        local = fsspec.filesystem("file", auto_mkdir=True)
        slots = fill(local, folder, accounts)
        for name, took in (
            ("survey, local files", time_survey(local, folder, "complete", slots)),
            ("page, local files", time_page(folder)),
        ):
            print(f"| {name} | {4 * accounts} | {slots:,} | {took.wall:.2f} | {took.cpu:.2f} | |", flush=True)
        with seaweed.running(Path(data)) as server:
            root = f"{server.bucket}/raw"
            slots = fill(server.filesystem(), root, remote)
            fs = server.filesystem()
            counts = seaweed.requests_of(fs)
            took = time_survey(fs, root, "complete", slots)
            text = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
            print(f"| survey, SeaweedFS | {4 * remote} | {slots:,} | {took.wall:.2f} | {took.cpu:.2f} | {text} |")


if __name__ == "__main__":
    main()
