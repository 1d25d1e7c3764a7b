"""Measure the coverage of sixty days of hourly slots of four providers: on local files and on S3, cold and warm.

Cold is without a cache of receipts, warm with an up-to-date one, as each extraction leaves it. S3 is SeaweedFS on loopback;
its requests are counted, because a distant store takes time for each. Then it measures the coverage page's JSON of the same days.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.lake.coverage import survey
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.plugin.query import span_of
from airflow_betproviders.plugin.views import streams
from airflow_betproviders.plugin.views.streams import Selection
from airflow_betproviders.registry import declared, mapping_of

PROVIDERS = ("pv", "aig", "jdb", "gmag")
DAYS = 60
START = datetime(2026, 9, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def fill(fs: Any, root: str) -> int:
    """Store a slot for every hour; return how many there are."""
    count = 0
    for provider in PROVIDERS:
        stream = declared(provider, mapping_of(provider).streams[0])
        lake = Lake(fs, root, provider, stream.name, "account")
        rows = columns.schema(stream.fields).empty_table()
        for hour in range(DAYS * 24):
            slot = Interval(START + hour * HOUR, START + (hour + 1) * HOUR)
            receipt = Receipt(
                provider=provider, stream=stream.name, account="account", start=slot.start.isoformat(), end=slot.end.isoformat(),
                windows=12, calls=12, bytes=123_456, sums=dict.fromkeys(stream.money, "12345.6789"), run_id="scheduled__2026-11-20T05:00:00+00:00",
                try_number=1, extracted_at=slot.end.isoformat(timespec="milliseconds"), version="0.1.0",
            )  # fmt: skip
            buffer = BytesIO()
            pq.write_table(rows.replace_schema_metadata(receipt.to_footer()), buffer, compression="zstd")
            fs.pipe_file(lake.data(slot), buffer.getvalue())
            count += 1
    return count


def time_survey(fs: Any, root: str) -> float:
    """Return the seconds that a survey takes.

    Raises:
        RuntimeError: it does not find every slot.
    """
    began = time.perf_counter()
    found = list(survey(fs, root, now=START + timedelta(days=DAYS, hours=1)))
    seconds = time.perf_counter() - began
    if sum(each.total.states["empty"] for each in found) != len(PROVIDERS) * DAYS * 24:
        raise RuntimeError(f"not every slot was found: {found}")
    return seconds


def time_page(folder: str) -> tuple[float, float, int]:
    """Return the wall and CPU seconds of the coverage page for the local lake, the best of five, and its bytes."""
    span = span_of(DAYS, (START + timedelta(days=DAYS - 1)).date(), START)
    text, took = "", []
    for _ in range(5):
        began, used = time.perf_counter(), time.process_time()
        found = streams.read_lake(0, f"file://{folder}", Selection(), span)
        text = ",".join(view.to_json(lambda _: True) for view in found.views)
        took.append((time.perf_counter() - began, time.process_time() - used))
        if sum(view["total"]["empty"] for view in json.loads(f"[{text}]")) != len(PROVIDERS) * DAYS * 24:
            raise RuntimeError("not every slot was found")
    return (*min(took), len(text))


def main() -> None:
    """Measure and print the tables."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    seaweed = import_module("tests.seaweed")

    print("| store | slots | cold, s | warm, s | requests cold | requests warm |")
    print("|---|---:|---:|---:|---|---|")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        local = fsspec.filesystem("file", auto_mkdir=True)
        slots = fill(local, folder)
        print(
            f"| local files | {slots:,} | {time_survey(local, folder):.2f} | {time_survey(local, folder):.2f} | | |",
            flush=True,
        )
        wall, processor, size = time_page(folder)
        with seaweed.running(Path(data)) as server:
            fs = server.filesystem()
            fs.put(f"{folder}/", f"{server.bucket}/raw", recursive=True)
            fs.rm(f"{server.bucket}/raw/_betproviders/receipts-cache", recursive=True)
            columns = []
            for _ in ("cold", "warm"):
                counts = seaweed.requests_of(fs := server.filesystem())
                seconds = time_survey(fs, f"{server.bucket}/raw")
                columns.append(
                    (f"{seconds:.2f}", ", ".join(f"{count:,} {name}" for name, count in counts.most_common()))
                )
            print(
                f"| SeaweedFS | {slots:,} | {' | '.join(column for both in zip(*columns, strict=True) for column in both)} |"
            )
    print("\n| coverage page | s | of these processor, s | kB of JSON, not compressed |\n|---|---:|---:|---:|")
    print(f"| local files, warm | {wall:.2f} | {processor:.2f} | {size / 1000:.0f} |")


if __name__ == "__main__":
    main()
