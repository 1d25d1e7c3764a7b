"""Count requests and bytes that readers of the bets table need at a real S3 server, with and without statistics in the log.

The server is SeaweedFS, behind a proxy that counts. The table has AIG's bets as `merge.py` makes them, compacted. A question
is one hour, one bet or one player; it asks for stake and net. Run it from the root: ``PYTHONPATH=. python benchmarks/readers.py``.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import fsspec
import made_bets as made
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, QueryBuilder

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.optimize import SortBy, optimize
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from tests.seaweed import SeaweedFS, running

START, END = made.BEGIN + timedelta(days=3, hours=7), made.BEGIN + timedelta(days=3, hours=8)
COLUMNS = ["stake", "net"]


@dataclass(frozen=True)
class Question:
    """Hold one condition as PyArrow and SQL write it."""

    name: str
    arrow: Any
    sql: str


QUESTIONS = (
    Question(
        "one hour",
        (ds.field("placed_at") >= pa.scalar(START)) & (ds.field("placed_at") < pa.scalar(END)),
        f"placed_at >= timestamp '{START:%Y-%m-%dT%H:%M:%SZ}' and placed_at < timestamp '{END:%Y-%m-%dT%H:%M:%SZ}'",
    ),
    Question("one bet_id", ds.field("bet_id") == f"{777_777:024d}", f"bet_id = '{777_777:024d}'"),
    Question("one player", ds.field("player_id") == "u4711", "player_id = 'u4711'"),
)


def by_arrow(table: DeltaTable, question: Question) -> int:
    """Ask with PyArrow's dataset."""
    return int(table.to_pyarrow_dataset().to_table(columns=COLUMNS, filter=question.arrow).num_rows)


def by_delta_rs(table: DeltaTable, question: Question) -> int:
    """Ask with delta-rs's own query engine."""
    query = "select stake, net from bets where " + question.sql  # noqa: S608 - no value of a user's
    return int(pa.table(QueryBuilder().register("bets", table).execute(query).read_all()).num_rows)


def by_polars(table: DeltaTable, question: Question) -> int:
    """Ask with Polars."""
    import polars as pl

    conditions = {
        "one hour": (pl.col("placed_at") >= START) & (pl.col("placed_at") < END),
        "one bet_id": pl.col("bet_id") == f"{777_777:024d}",
        "one player": pl.col("player_id") == "u4711",
    }
    return int(pl.scan_delta(table).filter(conditions[question.name]).select(COLUMNS).collect().height)


READERS: dict[str, Callable[[DeltaTable, Question], int]] = {
    "PyArrow dataset": by_arrow,
    "delta-rs query": by_delta_rs,
    "Polars": by_polars,
}


class CountingProxy:
    """Forward connections to a server, and count requests and the bytes of its answers.

    It runs in a process of its own, because delta-rs holds the interpreter's lock while it waits.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._requests = multiprocessing.Value("q")
        self._received = multiprocessing.Value("q")
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        multiprocessing.get_context("fork").Process(target=self._accept, daemon=True).start()

    def counts(self) -> tuple[int, int]:
        """Return how many requests and bytes there were so far."""
        return self._requests.value, self._received.value

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._target)
            threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asking: bool) -> None:
        count = self._requests if asking else self._received
        try:
            while data := source.recv(1 << 16):
                with count.get_lock():
                    count.value += data.count(b" HTTP/1.1\r\n") if asking else len(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)


@contextmanager
def served(folder: Path) -> Iterator[tuple[SeaweedFS, CountingProxy]]:
    """Start the server and its proxy."""
    (folder / "weed").mkdir()
    with running(folder / "weed") as server:
        host, port = server.endpoint.removeprefix("http://").split(":")
        yield server, CountingProxy((host, int(port)))


def build(folder: Path, days: int, a_day: int, file_size: int, sort_by: SortBy) -> int:
    """Make the table, compacted. Return its number of files."""
    made.make_lake(folder / "raw", 0, 24 * days, a_day, 0)
    (stream,) = find_raw_streams(fsspec.filesystem("file"), str(folder / "raw"), provider="aig")
    table = BetsTable(str(folder / "bets"))
    for day in range(days):
        Merge(table).run(stream, [Interval(made.BEGIN + timedelta(days=day), made.BEGIN + timedelta(days=day + 1))])
    optimize(table, interval=None, file_size=file_size, retention=None, sort_by=sort_by)
    return len(table.snapshot().all_files())


def without_statistics(source: Path, target: Path) -> None:
    """Copy a table's log without the minima and maxima of its columns."""
    for path in sorted(source.glob("_delta_log/*.json")):
        lines = []
        for line in path.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                rows = json.loads(action["add"]["stats"])["numRecords"]
                action["add"]["stats"] = json.dumps({"numRecords": rows})
            lines.append(json.dumps(action))
        (target / path.name).write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--rows-a-day", type=int, default=1_000_000)
    parser.add_argument("--file-mb", type=float, default=32)
    parser.add_argument("--sort-by", choices=get_args(SortBy), default="placed_at")
    given = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as (server, proxy):
        folder = Path(name)
        files = build(folder, given.days, given.rows_a_day, int(given.file_mb * 2**20), given.sort_by)
        fs = server.filesystem()
        (folder / "log").mkdir()
        without_statistics(folder / "bets", folder / "log")
        for table in ("with", "without"):
            fs.put(f"{folder}/bets/provider=aig", f"{server.bucket}/{table}/provider=aig", recursive=True)
        fs.put(f"{folder}/bets/_delta_log/", f"{server.bucket}/with/_delta_log/", recursive=True)
        fs.put(f"{folder}/log/", f"{server.bucket}/without/_delta_log/", recursive=True)
        print(f"{given.days * given.rows_a_day:,} rows in {files} files.\n")
        print("| question | reader | rows | requests without | with | times fewer | MB without | with | times fewer |")
        print("|---|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        options = {
            "AWS_ACCESS_KEY_ID": server.key,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
            "AWS_ALLOW_HTTP": "true",
        }
        for question in QUESTIONS:
            for reader, ask in READERS.items():
                counts = []
                for table in ("without", "with"):
                    delta = DeltaTable(f"s3://{server.bucket}/{table}", storage_options=options)
                    requests, received = proxy.counts()
                    rows = ask(delta, question)
                    now = proxy.counts()
                    counts.append((now[0] - requests, (now[1] - received) / 2**20))
                (requests_without, mb_without), (requests_with, mb_with) = counts
                print(
                    f"| {question.name} | {reader} | {rows:,} | {requests_without} | {requests_with} | "
                    f"{requests_without / max(requests_with, 1):.1f} | {mb_without:.2f} | {mb_with:.2f} | "
                    f"{mb_without / max(mb_with, 1e-9):.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
