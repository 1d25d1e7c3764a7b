"""Compare the store with the truth, whichever worker wrote it."""

from __future__ import annotations

import io
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import TableNotFoundError

from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey.coverage import coverage
from airflow_betproviders.testing.compare import differences
from airflow_betproviders.testing.expectations import Expectations
from tests.campaign.odd_values import OddValues, Unreadable
from tests.campaign.vendors import Record, Vendor
from tests.conformance.expected_bets import Worth

DIFFERENCES = {"rows lost": "missing:", "rows doubled": "stored twice:", "rows invented": "never sent:"}
HUGE = re.compile(r"\b\d+e\d{10,}")
"""A number that no decimal can hold. The comparison reads ``_extra`` with decimals, and this as text."""


@dataclass
class Tally:
    """What a campaign counted.

    Attributes:
        counts: of tries, kills, rows and so on.
        faults: calls to the provider that had each kind of fault.
        wrong: everything that must not be, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def find(self, kind: str, about: list[str]) -> None:
        """Count findings of a kind; zero is counted too."""
        self.counts[kind] += len(about)
        self.wrong += [f"{kind}: {each}" for each in about]

    def add(self, other: Tally) -> None:
        """Add another's counts."""
        self.counts.update(other.counts)
        self.faults.update(other.faults)
        self.wrong += other.wrong


def visible(lake: Lake) -> dict[Interval, str]:
    """Return the data objects that a reader finds: readers leave out names that begin with ``.`` or ``_``."""
    return {slot: str(each["name"]) for slot, each in _listed(lake).items()}


def stored_versions(lake: Lake) -> dict[str, Any]:
    """Return the identity of the version of each visible object, by path."""
    return {str(each["name"]): _version(each) for each in _listed(lake).values()}


def _version(each: Mapping[str, Any]) -> tuple[Any, ...]:
    return each.get("ETag"), each.get("mtime"), each.get("ino"), each["size"]


def _listed(lake: Lake) -> dict[Interval, dict[str, Any]]:
    lake.fs.invalidate_cache()
    found = {}
    for path, each in lake.fs.find(lake.base, detail=True).items():
        parts = path[len(lake.base) + 1 :].split("/")
        if not path.endswith(".parquet") or any(part.startswith((".", "_")) for part in parts):
            continue
        slot = Interval.from_name(parts[-1].removesuffix(".parquet"))
        if slot is None:
            raise ValueError(f"{path} has not the name of a slot")
        found[slot] = each
    return found


def read(lake: Lake, path: str) -> tuple[Receipt, pa.Table]:
    """Read a complete object at once.

    Raises:
        ValueError: it is not complete.
    """
    content = lake.fs.cat_file(path)
    try:
        with pq.ParquetFile(io.BytesIO(content)) as file:
            receipt, table = Receipt.from_footer(file.metadata.metadata), file.read()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: {error}") from error
    if receipt is None or receipt.rows != table.num_rows:
        raise ValueError(f"{path}: its receipt does not say what it holds")
    return receipt, table


def quarantine(lake: Lake, slot: Interval) -> list[str]:
    """Return the quarantined rows of a slot."""
    lake.fs.invalidate_cache()
    try:
        return list(lake.fs.cat_file(lake.quarantine(slot)).decode().splitlines())
    except FileNotFoundError:
        return []


def _before(lake: Lake, slot: Interval, found: Iterable[Interval]) -> list[str]:
    """Return the quarantined rows of the slot before.

    A row on the boundary of two slots, whose time can't be read, is in the one that the provider brought it with.
    """
    return [line for each in found if each.end == slot.start for line in quarantine(lake, each)]


def _on_start(vendor: Vendor, slot: Interval, record: Record) -> bool:
    return any(record.get(name) and vendor.times(record[name]) == slot.start for name in vendor.time_columns)


@contextmanager
def watched(lake: Lake, tally: Tally) -> Iterator[None]:
    """Read every visible object again and again meanwhile: one that is not complete is a finding."""
    stop = threading.Event()
    half: list[str] = []

    def watch() -> None:
        seen: dict[str, Any] = {}
        while not stop.wait(0.1):
            try:
                listed = _listed(lake)
            except FileNotFoundError:
                continue
            for each in listed.values():
                path, version = each["name"], _version(each)
                try:
                    if seen.get(path) != version:
                        read(lake, path)
                        tally.counts["objects watched"] += 1
                    seen[path] = version
                except FileNotFoundError:
                    continue  # a larger slot has replaced it
                except ValueError as error:
                    half.append(str(error))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        tally.find("half objects", half)


def check_raw(
    lake: Lake,
    truth: Callable[[Interval, datetime], list[Record]],
    unread: Collection[Interval],
    odd: OddValues,
    tally: Tally,
    about: str,
) -> None:
    """Check that every stored slot equals what the provider had when it was read, and that no two overlap.

    What a wider object replaces is removed once that is there; a failed task of ``unread`` may have died between the two.
    """
    found = visible(lake)
    tally.find(
        "overlapping objects",
        [
            f"{about}: {a} and {b}"
            for a, b in combinations(sorted(found), 2)
            if a.overlaps(b) and not any(each.contains(a) and each.contains(b) for each in unread)
        ],
    )
    for slot, path in found.items():
        receipt, table = read(lake, path)
        rows = [{**row, "_extra": HUGE.sub(r'"\g<0>"', row["_extra"] or "{}")} for row in table.to_pylist()]
        expected = truth(slot, datetime.fromisoformat(receipt.extracted_at))
        tally.counts["raw rows checked"] += len(expected)
        tally.counts["rows in quarantine"] += receipt.bad_rows
        tally.counts["odd values stored as null"] += sum(receipt.odd_values.values())
        tally.counts["values rounded"] += sum(receipt.rounded.values())
        own, before = quarantine(lake, slot), _before(lake, slot, found)
        inner, unkept = odd.split([each for each in expected if not _on_start(odd.vendor, slot, each)], rows, own)
        first, lost = odd.split([each for each in expected if _on_start(odd.vendor, slot, each)], rows, own + before)
        expectations = Expectations(provider=lake.provider, times=odd.vendor.times)
        wrong = [*differences(expectations, odd.vendor.key, [*inner, *first], rows), *unkept, *lost]
        for kind, begin in DIFFERENCES.items():
            tally.find(kind, [f"{about}: {slot}: {each}" for each in wrong if each.startswith(begin)])
        rest = [each for each in wrong if not each.startswith(tuple(DIFFERENCES.values()))]
        tally.find("rows with wrong values", [f"{about}: {slot}: {each}" for each in rest])


def check_coverage(lake: Lake, stream: Stream, whole: Interval, tally: Tally, about: str) -> None:
    """Check that coverage says what is stored: each object as what it is, everything else as missing."""
    found = visible(lake)
    states = {cell.interval: cell.state for cell in coverage(lake, stream, start=whole.start, end=whole.end).cells}
    expected = {slot: _state(read(lake, path)[0]) for slot, path in found.items()}
    for wide in found:
        if inside := [slot for slot in found if slot != wide and wide.contains(slot)]:
            expected[wide] = "damaged"
            for slot in inside:
                expected.pop(slot, None)
    wrong = [
        f"{slot} is {expected[slot]}, not {states.get(slot)}" for slot in expected if states.get(slot) != expected[slot]
    ]
    at = whole.start
    for slot in sorted(states):
        if slot.start > at:  # the first slot may begin before the hours that are loaded
            wrong.append(f"nothing is said of {at} to {slot.start}")
        if slot not in found and states[slot] != "missing":
            wrong.append(f"{slot} is not there, but {states[slot]}")
        at = slot.end
    tally.counts["slots covered"] += len(states)
    tally.find("coverage wrong", [f"{about}: {each}" for each in wrong])


def _state(receipt: Receipt) -> str:
    if receipt.bad_rows:
        return "quarantined"
    if receipt.shrunken:
        return "shrunken"
    return "complete" if receipt.rows else "empty"


def check_bets(
    table: BetsTable,
    lake: Lake,
    truth: Callable[[Interval], list[Record]],
    odd: OddValues,
    tally: Tally,
    about: str,
) -> None:
    """Check that the bets table holds each bet that the provider has, once, as it is now.

    A bet of a row in quarantine is not in the table. Odd amounts are read as a reader of the document reads them.
    """
    held: dict[str, Worth] = {}
    doubled = []
    for row in _rows(table):
        if row["bet_id"] in held:
            doubled.append(f"{about}: {row['bet_id']}")
        if row["missing_since"] is None:
            held[row["bet_id"]] = (row["status"], row["stake"], row["payout"], row["net"])
    expected: dict[str, tuple[Worth, ...]] = {}
    rejected = []
    found = visible(lake)
    for slot in found:
        own, before = quarantine(lake, slot), _before(lake, slot, found)
        for record in truth(slot):
            bet, worths = _worths(odd, record)
            lines = own + before if _on_start(odd.vendor, slot, record) else own
            if not worths or (odd.of(record) and odd.in_quarantine(record, lines)):
                rejected.append(bet)
            else:
                expected[bet] = worths
    tally.counts["bets checked"] += len(expected)
    tally.counts["bets of rows in quarantine"] += len(rejected)
    tally.find("bets doubled", doubled)
    tally.find("bets lost", [f"{about}: {bet}" for bet in expected.keys() - held.keys()])
    tally.find("bets invented", [f"{about}: {bet}" for bet in held.keys() - expected.keys()])
    stale = [bet for bet in expected.keys() & held.keys() if held[bet] not in expected[bet]]
    tally.find("bets stale", [f"{about}: {bet} is {held[bet]}, should be {expected[bet]}" for bet in stale])


def _rows(table: BetsTable) -> list[Record]:
    try:
        return list(table.open().to_pyarrow_table().to_pylist())
    except TableNotFoundError:  # no slot was stored
        return []


def _worths(odd: OddValues, record: Record) -> tuple[str, tuple[Worth, ...]]:
    """Return a record's bet, and what it may be worth; nothing where its row belongs in quarantine."""
    vendor: Vendor = odd.vendor
    assert vendor.bet
    bet, clean = vendor.bet(record)
    try:
        read = odd.as_read(record)
    except Unreadable:
        return bet, ()
    if read.get("win_amount", "") is None:  # without a payout there is none, and no net
        return bet, ((clean[0], clean[1], *((clean[2:]) if clean[0] in {"cancelled", "void"} else (None, None))),)
    worth = vendor.bet(read)[1]
    # Without PV's end_at, a bet is settled at an unknown time or still open.
    return bet, (worth, ("open", worth[1], None, None)) if "end_at" in odd.of(record) else (worth,)
