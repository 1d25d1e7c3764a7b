"""Run the example packages that are installed beside this one on a real Airflow, against their simulated vendors.

    python demo/examples.py

For each: form, connection test, an incremental DAG with catch-up, a backfill, files equal to the vendor's truth under
faults, the bets table, coverage (command line and page), gap filling, replay, and reconciliation where the vendor allows it.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import requests
from deltalake import DeltaTable

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `demo`; the packages come from the environment

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import GROUP, hook_class, mapping_of, reports_of, streams_of
from airflow_betproviders.simulator.state import SimulatorState
from airflow_betproviders.task.page import PREFIX
from demo.airflow_client import iso, wait_for
from demo.headless import HeadlessAirflow
from demo.vendors import Vendors

HOUR = timedelta(hours=1)
HERE = Path(__file__).parent
PACKAGE = "airflow-provider-betproviders"
FAULTS = ("http_500", "http_502_html", "reset", "http_429", "drift", "duplicate", "total_lie")
SCHEDULED, BACKFILLED = 2, 2  # intervals
Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """An installed provider package other than this one.

    Attributes:
        stream: its main stream of bets.
        filters: filters that find rows, where the stream requires some, from the simulated vendor.
        first: start of the first scheduled interval.
        last: start of the last one, which ended an hour ago.
    """

    stream: Stream
    filters: Json
    first: datetime
    last: datetime

    @property
    def width(self) -> timedelta:
        """Return the width of a slot."""
        return self.stream.slot


def installed(now: datetime) -> dict[str, Example]:
    """Return the examples that are installed, by their connection type."""
    points = entry_points(group=GROUP)
    names = sorted({point.name for point in points if point.dist is not None and point.dist.name != PACKAGE})
    vendors = SimulatorState()
    return {name: _example(vendors, name, now) for name in names}


def _example(vendors: SimulatorState, name: str, now: datetime) -> Example:
    main = mapping_of(name).streams[0]
    stream = next(stream for stream in streams_of(name) if stream.name == main)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + (now - HOUR - midnight) // stream.slot * stream.slot - stream.slot
    first = last - (SCHEDULED - 1) * stream.slot
    return Example(stream, vendors.filters(name, main, first, last)[0], first, last)


class Examples:
    """The examples on one Airflow."""

    def __init__(
        self, examples: dict[str, Example], airflow: HeadlessAirflow, vendors: Vendors, lake: Path, table: Path
    ) -> None:
        self.examples = examples
        self.airflow = airflow
        self.vendors = vendors
        self.lake = lake
        self.table = table

    def check_forms(self) -> None:
        """Check that Airflow shows each connection type, its hook and its fields."""
        hooks = self.airflow.cli("providers", "hooks", "--output", "plain")
        fields = self.airflow.cli("providers", "widgets", "--output", "plain")
        for name in self.examples:
            assert hook_class(name).__name__ in hooks, hooks
            assert f"extra__{name}__min_interval" in fields, fields

    def check_connections(self) -> None:
        """Press the Test button of each demo account."""
        for name in self.examples:
            given = self.vendors.connections[name]
            body = {"connection_id": f"{name}_default", **given, "extra": json.dumps(given["extra"])}
            answer = self.airflow.api("POST", "connections/test", body)
            assert answer["status"], answer

    def load(self) -> None:
        """Let each incremental DAG catch up, then backfill the time before, under faults."""
        faults = dict.fromkeys(FAULTS, 0.05 / len(FAULTS))
        self.vendors.set_faults(faults)
        for name in self.examples:
            self.airflow.unpause(f"{name}_bets")
        for name in self.examples:
            self._green(f"{name}_bets", SCHEDULED)
        for name, example in self.examples.items():
            oldest, newest = example.first - BACKFILLED * example.width, example.first - example.width
            self.airflow.create_backfill(f"{name}_bets", oldest, newest)
        for name in self.examples:
            self._green(f"{name}_bets", SCHEDULED + BACKFILLED)
        self.vendors.set_faults({})

    def check_files(self) -> None:
        """Check that each object holds what the vendor had when it was extracted, and the bets table has a row a bet."""
        for name in self.examples:
            stream = self.examples[name].stream
            bets: set[tuple[str, ...]] = set()
            for path in self._objects(name):
                receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
                assert receipt is not None, path
                rows = _amounts(stream, pq.ParquetFile(path).read().to_pylist())
                published = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat()
                then, now = (self._truth(stream, receipt, at) for at in (receipt.extracted_at, published))
                assert then.keys() & now.keys() <= rows.keys() <= then.keys() | now.keys(), path
                assert all(rows[key] in (then.get(key), now.get(key)) for key in rows), path
                bets |= rows.keys()
            stored = (
                DeltaTable(str(self.table / name)).to_pyarrow_table(columns=["bet_id", "missing_since"]).to_pylist()
            )
            assert len({row["bet_id"] for row in stored}) == len(stored)
            assert sum(row["missing_since"] is None for row in stored) == len(bets), name
            print(
                f"{name}: {len(bets)} bets in {len(list(self._objects(name)))} slots, as the vendor had them",
                flush=True,
            )

    def check_coverage(self, missing: int = 0) -> None:
        """Check that the command line and the page count the same slots."""
        rows = json.loads(self.airflow.cli("betproviders", "coverage", self.lake.as_uri(), "--output", "json"))
        by_provider = {row["provider"]: row for row in rows}
        stored = SCHEDULED + BACKFILLED - missing
        for name in self.examples:
            counts = by_provider[name]
            assert counts["complete"] + counts["empty"] == stored, counts
            assert counts["missing"] >= missing, counts  # and the hours that are due since
        # The page caches its answers for some seconds.
        wait_for(lambda: self._page_counts() == dict.fromkeys(self.examples, stored) or None, 60, "the page to follow")

    def _page_counts(self) -> dict[str, int]:
        """Return how many slots of each example the page shows as stored."""
        page = self.airflow.api("GET", f"{PREFIX}/api/coverage", narrowed="true")
        totals = {stream["provider"]: stream["total"] for stream in page["streams"] if stream["title"]}
        return {name: totals[name]["complete"] + totals[name]["empty"] for name in self.examples}

    def fill_gaps(self) -> None:
        """Delete a file, and check that the gap is found and filled."""
        lost = {name: sorted(self._objects(name))[1] for name in self.examples}
        for path in lost.values():
            path.unlink()
        self.check_coverage(missing=1)
        self._trigger("gaps")
        assert all(path.exists() for path in lost.values())
        self.check_coverage()

    def replay(self) -> None:
        """Rebuild slots from their archives without a call."""
        before = {name: {path: _rows(path) for path in self._objects(name)} for name in self.examples}
        calls = len(self._log())
        self._trigger("replay")
        assert len(self._log()) == calls
        assert {name: {path: _rows(path) for path in self._objects(name)} for name in self.examples} == before

    def reconcile(self) -> None:
        """Reconcile a day that was never loaded: it is extracted, and agrees with the vendor."""
        day = (datetime.now(timezone.utc) - timedelta(days=2)).date().isoformat()
        for name in self.examples:
            try:
                reports_of(name)
            except InvalidArgument:
                print(f"{name}: not reconciled, its vendor has no report", flush=True)
                continue
            arguments = ("--conn-id", f"{name}_default", "--start", day, "--repair", "--output", "json")
            (result,) = json.loads(self.airflow.cli("betproviders", "reconcile", self.lake.as_uri(), *arguments))
            assert result["agrees"], result
            print(f"{name}: {day} agrees, {result['bets']} bets", flush=True)

    def check_rules(self) -> None:
        """Check that no rule of a vendor was broken."""
        breaches = [breach for breach in self.vendors.breaches() if breach["provider"] in self.examples]
        assert breaches == [], breaches[:3]

    def _green(self, dag_id: str, count: int) -> None:
        runs = self.airflow.wait_runs(dag_id, 600, count=count)
        failed = [run["dag_run_id"] for run in runs if run["state"] != "success"]
        assert not failed, f"{dag_id}: {failed}\n{self.airflow.log_tails()}"

    def _trigger(self, kind: str) -> None:
        for name, example in self.examples.items():
            self.airflow.unpause(f"{name}_{kind}")
            start, end = example.first - BACKFILLED * example.width, example.last + example.width
            conf = {"start": iso(start), "end": iso(end)}
            self.airflow.trigger(f"{name}_{kind}", conf=conf)
        for name in self.examples:
            self._green(f"{name}_{kind}", 1)

    def _objects(self, name: str) -> Iterator[Path]:
        return self.lake.rglob(f"provider={name}/stream={self.examples[name].stream.name}/**/*.parquet")

    def _truth(self, stream: Stream, receipt: Receipt, as_of: str) -> dict[tuple[str, ...], tuple[Any, ...]]:
        filters = self.examples[stream.provider].filters
        records = self.vendors.truth(stream.provider, stream.name, receipt.start, receipt.end, as_of, filters)
        return _amounts(stream, records)

    def _log(self) -> list[Json]:
        calls: list[Json] = requests.get(f"{self.vendors.url}/_control/log", timeout=60).json()
        return [call for call in calls if call["provider"] in self.examples]


def _amounts(stream: Stream, records: list[Json]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return the amounts of each record, by its key."""
    return {
        tuple(str(record[name]) for name in stream.key): tuple(Decimal(str(record[name])) for name in stream.money)
        for record in records
    }


def _rows(path: Path) -> list[Json]:
    rows: list[Json] = pq.ParquetFile(path).read().to_pylist()
    return rows


def _arguments(example: Example) -> Json:
    """Return the example's settings for the DAG file."""
    hours = example.width // HOUR
    return {"filters": example.filters, "hours": hours, "first": iso(example.first), "last": iso(example.last)}


def main() -> int:
    """Run every step; return 2 if no example is installed.

    Raises:
        AssertionError: a step failed.
    """
    began = time.monotonic()
    examples_installed = installed(datetime.now(timezone.utc))
    if not examples_installed:
        print("Install the packages of examples/ first. `.ci/examples` does it all.")
        return 2
    with tempfile.TemporaryDirectory(prefix="betproviders-examples-") as folder:
        home, lake, table = (Path(folder) / name for name in ("airflow", "lake", "bets"))
        lake.mkdir()
        env = {
            "EXAMPLES_LAKE": lake.as_uri(),
            "EXAMPLES_TABLE": table.as_uri(),
            "EXAMPLES": json.dumps({name: _arguments(example) for name, example in examples_installed.items()}),
            "AIRFLOW_VAR_BETPROVIDERS_PATH": lake.as_uri(),
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        }
        with (
            Vendors(home / "logs" / "simulator.log", rate=60, history_days=10, min_interval={"aig": 5}) as vendors,
            HeadlessAirflow(home, HERE / "example_dags", env) as airflow,
        ):
            for name in examples_installed:
                airflow.add_connection(f"{name}_default", vendors.connections[name])
                airflow.set_pool(f"{name}_default", 2)
            examples = Examples(examples_installed, airflow, vendors, lake, table)
            steps = {
                "forms": examples.check_forms,
                "connection tests": examples.check_connections,
                "catch-up and backfill": examples.load,
                "files and bets table": examples.check_files,
                "coverage": examples.check_coverage,
                "gap filling": examples.fill_gaps,
                "replay": examples.replay,
                "reconciliation": examples.reconcile,
                "rules": examples.check_rules,
            }
            for step, run in steps.items():
                print(f"-- {step} ({time.monotonic() - began:.0f}s)", flush=True)
                run()
    print(f"The {len(examples_installed)} examples work ({time.monotonic() - began:.0f}s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
