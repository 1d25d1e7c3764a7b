"""A scenario: a stream, rows, slots and faults, drawn from a seed; and the verdict on what was stored."""

from __future__ import annotations

import json
import logging
import random
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.fields import Epoch, StrptimeTime
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import LimitedAnswer, NextLink, PageNumber, PageToken, TimestampCursor
from airflow_betproviders.declare.stream import NextPage, Stream
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.cases.vendors import FIVE
from tests.example_streams import EXAMPLE_STREAMS, _streams
from tests.misbehaviour.faults import WHEN, Capped, fitting
from tests.misbehaviour.habits import changed, habit
from tests.misbehaviour.vendor import NEVER, Bet, Fault, OddVendor
from tests.misbehaviour.verdict import Verdict

MINUTE = timedelta(minutes=1)
_NOVA = next(stream for stream in EXAMPLE_STREAMS if stream.provider == "nova")
_LINKED = {"total": _NOVA.envelope["total"], "next": NextPage, "bets": _NOVA.envelope["bets"]}
_UNCOUNTED = {"next": NextPage, "bets": _NOVA.envelope["bets"]}
_TOKEN = PageToken(param="token", size_param="size", page_size=10)
_LINK = NextLink(size_param="size", page_size=10)
STREAMS: tuple[Stream, ...] = (
    pv.HISTORY, pv.GAMES_GAME_HISTORY, aig.TRANSACTIONS, aig.LATEST, jdb.TRANSACTIONS, jdb.RECENT_TRANSACTIONS,
    gmag.GAME_HISTORY, gmag.GAME_TRANSACTIONS, _NOVA,
    *(stream for stream in EXAMPLE_STREAMS if stream.provider == "rowan" and "summary" not in stream.name),
    *(stream for stream in EXAMPLE_STREAMS if stream.provider == "quill" and stream.name == "history"),
    _streams("finch")[0],
    replace(_NOVA, name="tokens", paging=_TOKEN, envelope=_LINKED),
    replace(_NOVA, name="tokens_only", paging=_TOKEN, envelope=_UNCOUNTED),
    replace(_NOVA, name="links", paging=_LINK, envelope=_LINKED),
    replace(_NOVA, name="links_only", paging=_LINK, envelope=_UNCOUNTED),
)  # fmt: skip
MOST_CALLS = 1500
HABITS_FROM = 1_000_000  # seeds


@dataclass
class Scenario:
    """What happens.

    Attributes:
        seed: what it is drawn from.
        runs: the slots of each run, in order.
    """

    seed: int
    stream: Stream
    vendor: OddVendor
    runs: list[list[Interval]]
    archive: bool
    threads: bool
    moving: bool
    faults: list[Fault] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        v = self.vendor
        slots = [f"{slot}" for run in self.runs for slot in run]
        return (
            f"seed {self.seed}: {self.stream.provider} {self.stream.name}, {len(v.bets)} rows, ends {v.ends}, disorder {v.disorder}, {len(self.runs)} runs over "
            f"{slots}, faults {[vars(f) | {'rng': 0, 'kind': repr(f)} for f in self.faults]}, moving {self.moving}, threads {self.threads}, archive {self.archive}"
        )


def draw(seed: int, streams: tuple[Stream, ...] = STREAMS) -> Scenario:
    """Return the scenario of a seed."""
    rng = random.Random(f"misbehaviour/{seed}")
    stream = _sized(rng, rng.choice(streams))
    rule = stream.windows
    assert rule is not None
    width = rng.choice([5, 10, 15, 29, 30, 60, 120]) * MINUTE
    if stream.name == "recent_transactions":
        width = rng.choice([5, 15, 30]) * MINUTE
    slots = [Interval(FIVE + i * width, FIVE + (i + 1) * width) for i in range(rng.choice([1, 1, 1, 2, 3]))]
    bets, moving = _bets(rng, stream, slots)
    vendor = OddVendor(rows=[], stream=stream, bets=bets, starts=tuple(slot.start for slot in slots))
    vendor.utc_offset = timedelta(hours=-4) if stream.provider == "jdb" else timedelta(0)
    vendor.ends = rng.choice(["[)", "[)", "[]", "(]"])
    vendor.newest_first = rng.random() < 0.3
    vendor.disorder = rng.choice([0, 0, 0, 1000, 30_000])
    kinds = fitting(stream)
    vendor.faults = [rng.choice(kinds)(rng, rng.choice(WHEN)) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]))]
    vendor.faults.sort(key=lambda fault: not isinstance(fault, Capped))  # before what changes the rows of a page
    together = rng.random() < 0.6
    runs = [slots] if together else [[slot] for slot in slots]
    scenario = Scenario(seed, stream, vendor, runs, rng.random() < 0.3, seed % 5 == 0, moving, vendor.faults)
    if seed >= HABITS_FROM:
        _add_habits(random.Random(f"habits/{seed}"), scenario, slots)
    return scenario


def _add_habits(rng: random.Random, scenario: Scenario, slots: list[Interval]) -> None:
    """Add what a vendor does by window or page, rows that change, midnight, and a second read at the same or another grain."""
    vendor, stream = scenario.vendor, scenario.stream
    # To midnight UTC, or JDB's. Rows of `_moved` stay where they are: a minute ago.
    later = timedelta(hours=rng.choice([0, 0, 18.5, -1.5]))
    vendor.bets = [
        replace(bet, at=bet.at + later, before=bet.before and bet.before + later)
        if bet.since == 0 or bet.version == 0
        else bet
        for bet in vendor.bets
    ]
    scenario.runs = [[Interval(slot.start + later, slot.end + later) for slot in run] for run in scenario.runs]
    slots = sorted({slot for run in scenario.runs for slot in run})
    vendor.starts = tuple(slot.start for slot in slots)
    whole = Interval(slots[0].start, slots[-1].end)
    if rng.random() < 0.5:
        vendor.faults.clear()
    vendor.faults += [habit(rng, stream, whole.start + whole.width / 2) for _ in range(rng.choice([0, 1, 1, 2]))]
    vendor.faults.sort(key=lambda fault: not isinstance(fault, Capped))
    if stream.version_columns and rng.random() < 0.3 and not any(bet.version for bet in vendor.bets):
        vendor.bets = changed(rng, stream, vendor.bets)
        scenario.moving = True
    if rng.random() < 0.3:
        scenario.runs = [*scenario.runs, rng.choice([slots, [whole]])]
    for fault in vendor.faults:
        fault.turn = rng.choice([fault.turn, fault.turn, rng.randint(6, 60)])


def _sized(rng: random.Random, stream: Stream) -> Stream:
    paging = stream.paging
    match paging:
        case PageNumber():
            cap = paging.total_cap and rng.choice([10_000, 60, 100])
            paging = replace(paging, page_size=rng.choice([5, 10, 20, 50]), total_cap=cap)
        case LimitedAnswer():
            paging = replace(paging, limit=rng.choice([20, 50, 100]), min_limit=1)
        case TimestampCursor():
            paging = replace(paging, limit=rng.choice([20, 50, 100]), min_limit=1)
        case PageToken():
            paging = replace(paging, page_size=rng.choice([5, 10, 20]))
    return replace(stream, paging=paging)


def _bets(rng: random.Random, stream: Stream, slots: list[Interval]) -> tuple[list[Bet], bool]:
    kind = stream.field(str(stream.time_column)).kind
    coarse = (
        isinstance(kind, StrptimeTime) or (isinstance(kind, Epoch) and kind.unit == "s") or stream.provider == "quill"
    )
    step = timedelta(seconds=1) if coarse else timedelta(milliseconds=1)
    whole = Interval(slots[0].start - 20 * MINUTE, slots[-1].end + 20 * MINUTE)
    rule = stream.windows
    assert rule is not None
    edges = [edge for slot in slots for window in windows.split_slot(slot, rule) for edge in (window.start, window.end)]
    edges += [slot.start + slot.width / 2 for slot in slots] + [slot.start for slot in slots] + [slots[-1].end] * 2
    instants: list[datetime] = []
    count = rng.choice([0, 1, 3, 9, 10, 12, 20, 35, 35, 50, 70, 100, 100, 150, 300])
    while len(instants) < count:
        match rng.choice(["any", "any", "any", "burst", "edge", "near", "minute"]):
            case "any":
                instants += [whole.start + step * rng.randrange(whole.width // step) for _ in range(10)]
            case "burst":
                instants += [whole.start + step * rng.randrange(whole.width // step)] * rng.choice([2, 3, 12, 25])
            case "edge":
                instants += [rng.choice(edges)] * rng.choice([1, 1, 2, 5])
            case "near":
                instants += [rng.choice(edges) + step * rng.choice([-1, 1])]
            case _:
                minute = whole.start + MINUTE * rng.randrange(whole.width // MINUTE)
                instants += [minute + step * rng.randrange(MINUTE // step) for _ in range(rng.choice([5, 20]))]
    floor = slots[0].start - 20 * MINUTE
    bets = [Bet(i, floor + (at - floor) // step * step) for i, at in enumerate(instants[:count])]
    bets, moving = _changing(rng, stream, bets)
    return bets + _moved(stream, bets), moving


def _changing(rng: random.Random, stream: Stream, bets: list[Bet]) -> tuple[list[Bet], bool]:
    """Return the rows, of which some come late, go, change or are odd; and whether rows come or go while they are read."""
    moving = False
    match rng.choice(["still"] * 5 + ["late", "gone", "odd", "versions"]):
        case "late":
            moving = True
            bets = [replace(b, since=rng.randint(2, 12)) if rng.random() < 0.1 else b for b in bets]
        case "gone":
            moving = True
            bets = [replace(b, until=rng.randint(2, 12)) if rng.random() < 0.05 else b for b in bets]
        case "odd" if stream.reject_outside_window:
            bets = [replace(b, time=rng.choice(["none", "odd", "absurd"])) if rng.random() < 0.01 else b for b in bets]
        case "versions" if set(stream.version_columns) - {stream.time_column, *stream.window_columns}:
            bets += [replace(b, version=1) for b in bets if rng.random() < 0.1]
        case "versions" if stream.rows_move and stream.version_columns:
            bets = [_changed(rng, b) if rng.random() < 0.3 else b for b in bets]
    return bets, moving


def _changed(rng: random.Random, bet: Bet) -> Bet:
    """Return the row as of a later time, at which it was changed: in the same window or a later one."""
    later = bet.at + timedelta(seconds=rng.choice([1, 2, 5, 30, 300]))
    return replace(bet, version=1, at=later, before=bet.at)


def _moved(stream: Stream, bets: list[Bet]) -> list[Bet]:
    """Return the rows; where those that change move to other windows, half of those that go come again, as of a minute ago."""
    now = datetime.now(timezone.utc).replace(microsecond=0) - MINUTE
    gone = [bet for bet in bets if bet.until != NEVER and bet.number % 2]
    return [replace(bet, at=now, version=1, since=bet.until, until=NEVER) for bet in gone] if stream.rows_move else []


@contextmanager
def no_threads(caller: Any) -> Any:
    yield None
    caller.abandon()


def run_scenario(scenario: Scenario, folder: Path) -> tuple[list[str], str]:
    """Run a scenario; return what is wrong with its outcome, and the outcome."""
    vendor, stream = scenario.vendor, scenario.stream
    lake = Lake(fsspec.filesystem("file"), str(folder), stream.provider, stream.name, vendor.account, {})
    outcome = []
    problems: list[str] = []
    for slots in scenario.runs:
        vendor.shown.clear()
        before = len(vendor.asked)
        try:
            stored = Extraction(vendor, stream, {}, archive=scenario.archive).store(slots, lake)
        except BetProviderError as error:
            outcome.append(f"{type(error).__name__}: {error}")
            if f"stream {stream.name}" not in str(error) or "odd_default" not in str(error):
                problems.append(f"the error does not say where: {error}")
        except Exception as error:
            logging.getLogger(__name__).debug("foreign", exc_info=True)
            outcome.append(f"{type(error).__name__}: {error}")
            problems.append(f"foreign error {type(error).__name__}: {error}")
        else:
            outcome.append("stored")
            for slot, path in stored.paths.items():
                rows = pq.read_table(path)
                problems += Verdict(scenario, slot, rows.to_pylist(), _quarantined(lake, slot)).problems()
                if scenario.archive:
                    problems += _replayed(scenario, lake, slot, rows)
        calls = len(vendor.asked) - before
        if calls > 500 * len(slots):
            problems.append(f"{calls} calls")
    return problems, "; ".join(outcome)


def _replayed(scenario: Scenario, lake: Lake, slot: Interval, rows: pa.Table) -> list[str]:
    """Replay a slot's archive, and say how the rows differ from what was extracted."""
    quarantined, calls = _quarantined(lake, slot), len(scenario.vendor.asked)
    try:
        stored = Replay(scenario.vendor, scenario.stream, lake).store([slot], lake)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
        return [f"the replay of {slot} fails: {type(error).__name__}: {error}"]
    found = pq.read_table(stored.paths[slot])
    same = found.equals(rows) and _quarantined(lake, slot) == quarantined and len(scenario.vendor.asked) == calls
    return [] if same else [f"the replay of {slot} has {found.num_rows} rows, {rows.num_rows} were extracted"]


def _quarantined(lake: Lake, slot: Interval) -> list[dict[str, Any]]:
    path = lake.quarantine(slot)
    lines = lake.fs.cat_file(path).decode().splitlines() if lake.fs.exists(path) else []
    return [json.loads(line)["row"] for line in lines]
