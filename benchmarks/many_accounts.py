"""Measure the coverage of a hundred accounts of four providers: hourly slots of sixty days, receipts cached.

The objects are placeholders: with an up-to-date cache only their names, sizes and times are read. S3 is SeaweedFS on
loopback, with fewer accounts; its requests are counted, because a distant store takes time for each.

    python benchmarks/many_accounts.py [accounts a provider, 25] [of them on S3, 2]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import fsspec

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake import footer_cache
from airflow_betproviders.lake.coverage import survey
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import Footer
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.plugin.query import span_of
from airflow_betproviders.plugin.views import streams
from airflow_betproviders.plugin.views.streams import Selection
from airflow_betproviders.registry import declared, mapping_of

PROVIDERS = ("pv", "aig", "jdb", "gmag")
DAYS = 60
START = datetime(2026, 9, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def fill(fs: Any, root: str, accounts: int) -> int:
    """Store a placeholder and a cached receipt for every hour; return how many there are."""
    for provider in PROVIDERS:
        stream = declared(provider, mapping_of(provider).streams[0])
        for number in range(accounts):
            lake = Lake(fs, root, provider, stream.name, f"account{number:03}")
            months: dict[str, dict[str, Receipt]] = defaultdict(dict)
            days: dict[str, set[date]] = defaultdict(set)
            for hour in range(DAYS * 24):
                slot = Interval(START + hour * HOUR, START + (hour + 1) * HOUR)
                fs.pipe_file(lake.data(slot), b"x")
                days[f"{slot.start:%Y-%m}"].add(slot.start.date())
                months[f"{slot.start:%Y-%m}"][slot.name] = Receipt(
                    provider=provider, stream=stream.name, account=lake.account, start=slot.start.isoformat(),
                    end=slot.end.isoformat(), rows=1_000 + hour, windows=12, calls=12 + hour % 3, bytes=123_456 + hour, digest=f"{hour:032x}",
                    sums=dict.fromkeys(stream.money, f"{hour}.6789"), dag_id=f"{provider}_bets", task_id="extract",
                    run_id=f"scheduled__{slot.end.isoformat()}", try_number=1, proof={"total": 12}, version="0.1.0",
                    extracted_at=slot.end.isoformat(timespec="milliseconds"),
                )  # fmt: skip
            for month, receipts in months.items():
                month_of = footer_cache._Month(lake, month, days[month])  # noqa: SLF001 - no object has its footer
                footers = {name: Footer(each.rows, each) for name, each in receipts.items()}
                month_of._save({}, {}, month_of._list(), footers)  # noqa: SLF001
    return accounts * len(PROVIDERS) * DAYS * 24


def time_survey(fs: Any, root: str, slots: int) -> tuple[float, float]:
    """Return the wall and CPU seconds of a survey, as the command line makes it."""
    began, used = time.perf_counter(), time.process_time()
    found = [each.total.to_json() for each in survey(fs, root, now=START + timedelta(days=DAYS))]
    if sum(each["complete"] for each in found) != slots:
        raise RuntimeError("not every slot was found")
    return time.perf_counter() - began, time.process_time() - used


def time_page(root: str) -> tuple[float, float]:
    """Return the wall and CPU seconds of the coverage page's answer."""
    span = span_of(DAYS, (START + timedelta(days=DAYS - 1)).date(), START)
    began, used = time.perf_counter(), time.process_time()
    found = streams.read_lake(0, f"file://{root}", Selection(), span)
    if found.truncated:
        raise RuntimeError("the page left streams out")
    for view in found.views:
        view.to_json(lambda _: True)
    return time.perf_counter() - began, time.process_time() - used


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
            ("survey, local files", time_survey(local, folder, slots)),
            ("page, local files", time_page(folder)),
        ):
            print(f"| {name} | {4 * accounts} | {slots:,} | {took[0]:.2f} | {took[1]:.2f} | |", flush=True)
        with seaweed.running(Path(data)) as server:
            root = f"{server.bucket}/raw"
            slots = fill(server.filesystem(), root, remote)
            fs = server.filesystem()
            counts = seaweed.requests_of(fs)
            took = time_survey(fs, root, slots)
            text = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
            print(f"| survey, SeaweedFS | {4 * remote} | {slots:,} | {took[0]:.2f} | {took[1]:.2f} | {text} |")


if __name__ == "__main__":
    main()
