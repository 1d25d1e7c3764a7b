"""Load one provider with this package: hook, engine and Parquet on local disk, with every check on.

Seconds count from after the import of Airflow, which a worker has done before a task begins; all other imports count. Like
Airflow's executors before a task, it freezes the objects of that import for the garbage collector.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import time
from datetime import timedelta

from airflow.sdk import BaseHook, Connection

gc.freeze()
BEGAN = time.perf_counter(), time.process_time()
LOGIN = {"gmag": "1001", "pv": "1001", "aig": "agent001", "jdb": "agent001"}


def connection(provider: str, url: str, **extra: object) -> Connection:
    """Return a connection that suits the page server."""
    from records import KEY

    extra_of_jdb = {"dc": "ABCD", "iv_secret": KEY} if provider == "jdb" else {}
    settings = {"min_interval": 0, "timeout": 900, **extra_of_jdb, **extra}
    return Connection(
        conn_id="bench", conn_type=provider, host=url, login=LOGIN[provider], password=KEY, extra=json.dumps(settings)
    )


def main() -> None:
    """Extract the hours from `START` on into one slot, or several, and print figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("provider", choices=LOGIN)
    arguments.add_argument("url")
    arguments.add_argument("out")
    arguments.add_argument("--hours", type=int, default=1)
    arguments.add_argument("--slot", type=int, help="hours of a slot; default all in one")
    arguments.add_argument("--min-interval", type=float, default=0)
    given = arguments.parse_args()
    logging.disable(logging.INFO)
    account = connection(given.provider, given.url, min_interval=given.min_interval)
    BaseHook.get_connection = staticmethod(lambda _conn_id: account)  # type: ignore[method-assign,assignment]
    import fsspec
    from records import START

    from airflow_betproviders.declare.interval import Interval, slots
    from airflow_betproviders.extraction.slots import Extraction
    from airflow_betproviders.lake.layout import Lake
    from airflow_betproviders.operators.extract import hook_of

    hook = hook_of("bench")
    stream = hook.stream()
    interval = Interval(START, START + timedelta(hours=given.hours))
    parts = slots(interval, timedelta(hours=given.slot)) if given.slot else (interval,)
    lake = Lake(fsspec.filesystem("file"), given.out, stream.provider, stream.name, hook.account)
    stored = Extraction(hook, stream).store(parts, lake)
    print(
        json.dumps(
            {
                "rows": stored.total("rows"),
                "calls": stored.total("calls"),
                "slow_pages": stored.total("slow_pages"),
                "seconds": time.perf_counter() - BEGAN[0],
                "cpu": time.process_time() - BEGAN[1],
            }
        )
    )


if __name__ == "__main__":
    main()
