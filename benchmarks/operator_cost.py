"""Measure what the operator adds to the extraction, and what many slots add to one, with PV."""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from airflow.sdk import BaseHook
from ours import connection
from records import START

from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.operators.extract import ExtractToParquetOperator

ROUNDS = 9


class Events(dict[Any, Any]):
    """Outlet events without a task runner."""

    def __missing__(self, asset: Any) -> SimpleNamespace:
        self[asset] = event = SimpleNamespace(extra={})
        return event


def main() -> None:
    """Run the operator over an hour, over a day of hours, and over a day as one slot."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    given = arguments.parse_args()
    logging.disable(logging.INFO)
    account = connection("pv", given.url)
    BaseHook.get_connection = staticmethod(lambda _conn_id: account)  # type: ignore[method-assign,assignment]
    inside: list[float] = []
    store = Extraction.store

    def timed(self: Extraction, *rest: Any) -> Any:
        began = time.perf_counter()
        stored = store(self, *rest)
        inside.append(time.perf_counter() - began)
        return stored

    Extraction.store = timed  # type: ignore[method-assign,assignment]

    def execute(hours: int, slot: str) -> float:
        with tempfile.TemporaryDirectory() as out:
            end = START + timedelta(hours=hours)
            operator = ExtractToParquetOperator(
                task_id="extract", conn_id="bench", path=f"file://{out}", start=START, end=end, slot=slot
            )
            context: Any = {
                "ti": SimpleNamespace(dag_id="bench", task_id="extract", run_id="bench", try_number=1),
                "outlet_events": Events(),
            }
            began = time.perf_counter()
            operator.execute(context)
            return time.perf_counter() - began

    execute(1, "1h")
    inside.clear()
    overheads = [execute(1, "1h") - inside[-1] for _ in range(ROUNDS)]
    many, single = zip(*((execute(24, "1h"), execute(24, "1d")) for _ in range(ROUNDS)), strict=True)
    median: Callable[[Iterable[float]], float] = statistics.median
    print(json.dumps({"overhead": median(overheads), "hours": median(many), "day": median(single)}))


if __name__ == "__main__":
    main()
