"""Measure the coverage of sixty days of hourly slots of four providers: on local files and on S3, cold and warm.

Cold is without a cache of receipts, warm with an up-to-date one, as each extraction leaves it. S3 is SeaweedFS on loopback;
its requests are counted, because a distant store takes time for each. Then it measures the coverage page's JSON of the same days.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
from surveyed_lake import hourly_slots, main_streams, receipt_of, time_page, time_survey

from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.lake.layout import Lake


def fill(fs: Any, root: str) -> int:
    """Store an object without rows for every hour; return how many there are."""
    count = 0
    for stream in main_streams():
        lake = Lake(fs, root, stream.provider, stream.name, "account")
        rows = columns.schema(stream.fields).empty_table()
        for slot in hourly_slots():
            sums = dict.fromkeys(stream.money, "12345.6789")
            receipt = receipt_of(stream, lake.account, slot, windows=12, calls=12, bytes=123_456, sums=sums)
            buffer = BytesIO()
            pq.write_table(rows.replace_schema_metadata(receipt.to_footer()), buffer, compression="zstd")
            fs.pipe_file(lake.data(slot), buffer.getvalue())
            count += 1
    return count


def main() -> None:
    """Measure and print the tables."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    seaweed = import_module("tests.seaweed")

    print("| store | slots | cold, s | warm, s | requests cold | requests warm |")
    print("|---|---:|---:|---:|---|---|")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        local = fsspec.filesystem("file", auto_mkdir=True)
        slots = fill(local, folder)
        cold, warm = (time_survey(local, folder, "empty", slots) for _ in range(2))
        print(f"| local files | {slots:,} | {cold.wall:.2f} | {warm.wall:.2f} | | |", flush=True)
        page = min(time_page(folder) for _ in range(5))
        with seaweed.running(Path(data)) as server:
            fs = server.filesystem()
            fs.put(f"{folder}/", f"{server.bucket}/raw", recursive=True)
            fs.rm(f"{server.bucket}/raw/_betproviders/receipts-cache", recursive=True)
            cells = []
            for _ in ("cold", "warm"):
                counts = seaweed.requests_of(fs := server.filesystem())
                times = time_survey(fs, f"{server.bucket}/raw", "empty", slots)
                requests = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
                cells.append((f"{times.wall:.2f}", requests))
            in_order = (cell for both in zip(*cells, strict=True) for cell in both)
            print(f"| SeaweedFS | {slots:,} | {' | '.join(in_order)} |")
    print("\n| coverage page | s | of these processor, s | kB of JSON, not compressed |\n|---|---:|---:|---:|")
    print(f"| local files, warm | {page.wall:.2f} | {page.cpu:.2f} | {page.bytes / 1000:.0f} |")


if __name__ == "__main__":
    main()
