"""Extract one slot of a stream from a running provider, whole process, and print what it took as JSON.

Run by the other benchmarks in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import time
from datetime import datetime, timedelta

import fsspec
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.extraction.interval import Interval, parse_duration, slots
from airflow_betproviders.extraction.lake import Lake
from airflow_betproviders.operators.extract import hook_of


def main() -> None:
    """Read the arguments, extract, report."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--connection", required=True, help="Airflow connection as JSON")
    arguments.add_argument("--stream", default=None)
    arguments.add_argument("--start", required=True)
    arguments.add_argument("--hours", type=float, required=True)
    arguments.add_argument("--slot", default=None)
    arguments.add_argument("--out", required=True)
    given = arguments.parse_args()
    logging.disable(logging.INFO)
    connection = Connection(conn_id="bench", **json.loads(given.connection))
    BaseHook.get_connection = staticmethod(lambda _conn_id: connection)  # type: ignore[method-assign,assignment]
    imported, memory = time.perf_counter(), _peak()
    from airflow_betproviders.extraction.slots import Extraction

    hook = hook_of("bench")
    stream = hook.stream(given.stream)
    start = datetime.fromisoformat(given.start)
    interval = Interval(start, start + timedelta(hours=given.hours))
    width = parse_duration(given.slot) if given.slot else interval.width
    lake = Lake(fsspec.filesystem("file"), given.out, stream.provider, stream.name, hook.account)
    stored = Extraction(hook, stream).store(slots(interval, width, stream.origin), lake)
    seconds = time.perf_counter() - imported
    print(
        json.dumps(
            {
                "rows": stored.total("rows"),
                "calls": stored.total("calls"),
                "seconds": round(seconds, 3),
                "cpu": round(time.process_time(), 3),
                "peak_mib": round(_peak(), 1),
                "airflow_mib": round(memory, 1),
                "slow_pages": stored.total("slow_pages"),
            }
        )
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
