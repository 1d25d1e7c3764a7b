"""Coverage lists each stored slot as stored and each missing slot as missing."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.survey.cells import GAPS, STATES
from airflow_betproviders.lake.survey.coverage import Coverage, coverage, survey
from airflow_betproviders.registry import declared
from tests.examples import examples
from tests.extraction.stored import parquet, put, receipt_of, store
from tests.seaweed import SeaweedFS, requests_of, seaweed  # noqa: F401 - the fixture

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=timezone.utc)
MIDNIGHT = NOW.replace(hour=0, minute=0)
LOCAL = fsspec.filesystem("file")


def lake_of(folder: Path | str, provider: str = "aig", stream: str = "transactions", **filters: Any) -> Lake:
    return Lake(LOCAL, str(folder), provider, stream, "acc", filters)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_of(tmp_path)


def at(hours: float) -> datetime:
    return MIDNIGHT + hours * HOUR


def slot(hour: float, width: float = 1) -> Interval:
    return Interval(at(hour), at(hour + width))


def look(lake: Lake, **options: Any) -> Coverage:
    found = coverage(lake, declared(lake.provider, lake.stream), **{"now": NOW, **options})
    assert all(one.interval.end == other.interval.start for one, other in pairwise(found.cells))
    return found


def ranges(found: Coverage) -> list[tuple[float, float, str]]:
    """Cells as hours past midnight and their state."""
    return [((c.interval.start - MIDNIGHT) / HOUR, (c.interval.end - MIDNIGHT) / HOUR, c.state) for c in found.cells]


# ------------------------------------------------------------------ states


def test_a_stored_slot_is_complete_or_empty_or_says_that_it_shrank_or_has_bad_rows(lake: Lake) -> None:
    store(lake, slot(0), rows=3)
    store(lake, slot(1), rows=0)
    store(lake, slot(2), rows=3, previous_rows=4)
    store(lake, slot(3), rows=3, previous_rows=3)
    store(lake, slot(4), rows=3, previous_rows=4, bad_rows=1)
    store(lake, slot(5), rows=0, previous_rows=1)
    states = ["complete", "empty", "shrunken", "complete", "quarantined", "shrunken"]
    assert ranges(look(lake, end=at(6))) == [(hour, hour + 1, state) for hour, state in enumerate(states)]


def test_a_removed_row_a_deleted_slot_and_a_foreign_file_are_found(lake: Lake) -> None:
    for hour in range(8):
        store(lake, slot(hour))
    path = Path(lake.data(slot(1)))
    kept = pq.read_table(path).slice(0, 2)
    pq.write_table(kept, path)  # the receipt stays
    assert b"betproviders.receipt" in pq.read_metadata(path).metadata
    Path(lake.data(slot(2))).unlink()
    put(lake, slot(3), parquet(3, None))
    put(lake, slot(4), b"not Parquet")
    put(lake, slot(5), Path(lake.data(slot(0))).read_bytes())  # another slot's
    put(lake, slot(6), parquet(3, receipt_of(lake, slot(6), 3, account="other")))
    found = look(lake, end=at(8))
    assert ranges(found) == [
        (0, 1, "complete"), (1, 2, "damaged"), (2, 3, "missing"), (3, 4, "damaged"), (4, 5, "damaged"), (5, 6, "damaged"),
        (6, 7, "damaged"), (7, 8, "complete"),
    ]  # fmt: skip
    assert found.total.states == {**dict.fromkeys(STATES, 0), "complete": 2, "damaged": 5, "missing": 1}


@pytest.mark.parametrize(
    "folder",
    [
        b"provider=\xff",
        b"provider=aig/stream=transactions/account=\xff",
        b"provider=aig/stream=transactions/account=" + b"\xff" * 190,
        b"provider=aig/stream=transactions/account=a\x1b[2J",
        b"provider=aig/stream=transactions/account=acc/slot_date=2026-11-20/\n.parquet",
        b"filtered/provider=aig/stream=transactions/account=acc/filter=\xff",
    ],
)
def test_a_foreign_folder_whose_name_is_no_text_is_named_in_printable_text(tmp_path: Path, folder: bytes) -> None:
    store(lake_of(tmp_path), slot(0))
    (tmp_path / os.fsdecode(folder)).mkdir(parents=True)
    warnings: list[str] = []
    (found,) = survey(LOCAL, str(tmp_path), end=at(1), now=NOW, warn=warnings.append)
    assert (found.lake.account, ranges(found)) == ("acc", [(0, 1, "complete")])
    assert len(warnings) == 1
    assert "left alone" in warnings[0]
    assert warnings[0].isprintable()


def test_overlapping_slots_are_damaged_in_their_place(lake: Lake) -> None:
    store(lake, slot(0))
    store(lake, slot(1, 3))
    store(lake, slot(2))
    store(lake, slot(6, 2))
    store(lake, slot(7, 2))
    found = look(lake, end=at(9))
    assert ranges(found) == [
        (0, 1, "complete"), (1, 4, "damaged"), (4, 5, "missing"), (5, 6, "missing"), (6, 9, "damaged"),
    ]  # fmt: skip
    assert found.cells[1].receipt is not None
    assert found.cells[-1].receipt is None


def test_what_is_not_stored_is_missing_expired_or_pending_by_the_streams_lag_and_retention(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "jdb", "recent_transactions")  # lag 4 minutes, kept 118
    found = look(lake, start=at(10), end=at(13), slot=timedelta(minutes=15), now=at(12.5))
    assert ranges(found) == [
        *((10 + n / 4, 10.25 + n / 4, "expired") for n in range(3)),  # 10:32 is the oldest
        *((10.75 + n / 4, 11 + n / 4, "missing") for n in range(6)),  # till 12:15, which was ready at 12:19
        *((12.25 + n / 4, 12.5 + n / 4, "pending") for n in range(3)),
    ]
    assert found.cells[3].until == at(10.75) + timedelta(minutes=118)
    assert [cell.readable(at(12.5)) for cell in found.cells] == [False] * 3 + [True] * 9
    soon = look(lake, start=at(10), end=at(13), slot=timedelta(minutes=15), now=at(12.5), margin=HOUR)
    assert [state for _, _, state in ranges(soon)] == ["expired"] * 7 + ["missing"] * 2 + ["pending"] * 3


def test_the_very_moment_counts_as_still_there_and_as_due(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "gmag", "game_history")
    stream = declared("gmag", "game_history")
    assert stream.retention is not None
    (cell,) = look(lake, start=at(0), end=at(1), now=at(0) + stream.retention).cells
    assert (cell.state, cell.readable(at(0) + stream.retention)) == ("missing", True)
    later = at(0) + stream.retention + timedelta(seconds=1)
    (cell,) = look(lake, start=at(0), end=at(1), now=later).cells
    assert (cell.state, cell.readable(later)) == ("expired", False)
    for now, state in ((at(1) + stream.lag, "missing"), (at(1) + stream.lag - timedelta(seconds=1), "pending")):
        assert look(lake, start=at(0), end=at(1), now=now).cells[0].state == state


def test_without_a_stated_retention_nothing_expires(tmp_path: Path) -> None:
    found = look(lake_of(tmp_path, "pv", "history"), start=at(-24 * 900), end=at(-24 * 900 + 1))
    assert [(cell.state, cell.until) for cell in found.cells] == [("missing", None)]


def test_a_snapshot_of_a_day_that_is_over_is_gone_and_todays_is_pending(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "pv", "games")
    store(lake, slot(-72, 24))
    store(lake, slot(-24, 24))
    assert ranges(look(lake)) == [(-72, -48, "complete"), (-48, -24, "expired"), (-24, 0, "complete")]
    assert ranges(look(lake, start=at(-24), end=at(24)))[-1] == (0, 24, "pending")


# ------------------------------------------------------------------ its range


def test_by_default_it_reaches_from_the_first_slot_to_the_last_that_is_due(lake: Lake) -> None:
    store(lake, slot(8))
    assert ranges(look(lake)) == [(8, 9, "complete"), (9, 10, "missing"), (10, 11, "missing"), (11, 12, "missing")]
    assert ranges(look(lake, now=at(12) + timedelta(minutes=4)))[-1] == (10, 11, "missing")  # AIG lags five minutes
    store(lake, slot(13))
    assert ranges(look(lake))[-2:] == [(12, 13, "pending"), (13, 14, "complete")]
    assert ranges(look(lake, start=at(9), end=at(10))) == [(9, 10, "missing")]


def test_slots_of_an_empty_lake_are_missing_in_the_interval_of_interest_alone(lake: Lake) -> None:
    assert look(lake).cells == ()
    assert look(lake).to_json()["start"] is None
    assert [state for *_, state in ranges(look(lake, start=at(0), end=at(3)))] == ["missing"] * 3
    assert [state for *_, state in ranges(look(lake, start=at(9)))] == ["missing"] * 3
    assert look(lake, end=at(3)).cells == ()


def test_the_day_of_a_report_begins_where_the_provider_says(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "jdb", "daily_by_game_type")
    store(lake, slot(4 - 72, 24))
    assert ranges(look(lake)) == [(-68, -44, "complete"), (-44, -20, "missing"), (-20, 4, "missing")]


def test_days_beside_hours_are_divided_as_their_neighbours(lake: Lake) -> None:
    store(lake, slot(-72, 24))
    store(lake, slot(-24, 24))
    store(lake, slot(2))
    assert ranges(look(lake, end=at(3))) == [
        (-72, -48, "complete"), (-48, -24, "missing"), (-24, 0, "complete"), (0, 1, "missing"), (1, 2, "missing"),
        (2, 3, "complete"),
    ]  # fmt: skip


def test_arguments_that_cannot_be_are_refused(lake: Lake) -> None:
    for options in (
        {"start": at(2), "end": at(1)},
        {"start": at(1).replace(tzinfo=None), "end": at(2)},
        {"start": at(1).replace(tzinfo=None)},
        {"slot": 7 * HOUR},
    ):
        with pytest.raises(InvalidArgument):
            look(lake, **options)
    store(lake, slot(0))
    with pytest.raises(InvalidArgument, match=r"more than 1000000\. Give a start and an end that are closer"):
        look(lake, end=datetime(9998, 1, 1, tzinfo=timezone.utc))


# ------------------------------------------------------------------ sums


@pytest.mark.parametrize("year", [1, 9999])
def test_years_in_which_no_slot_can_lie_are_refused(lake: Lake, year: int) -> None:
    instant = datetime(year, 6, 1, tzinfo=timezone.utc)
    ends = {"start": instant, "end": NOW} if year == 1 else {"start": NOW, "end": instant}
    with pytest.raises(InvalidArgument, match="Give a start and an end within it"):
        look(lake, **ends)


def test_days_totals_and_gaps_add_up_and_are_json(lake: Lake) -> None:
    big = "99999999999999999999.99999999"
    store(lake, slot(-1), rows=2, calls=3, bytes=10, sums={"bet_amount": big})
    store(lake, slot(0), rows=5, calls=1, bytes=5, bad_rows=2, sums={"bet_amount": "0.00000001", "win_amount": "-1.5"})
    store(lake, slot(3), rows=1, sums={"bet_amount": "1"})
    found = look(lake, end=at(6))
    document = json.loads(json.dumps(found.to_json()))
    assert document["total"]["sums"] == {"bet_amount": str(Decimal(10) ** 20 + 1), "win_amount": "-1.5"} | {
        "bet_amount": "100000000000000000001.00000000"
    }
    assert [(day["day"], day["slots"], day["rows"], day["missing"]) for day in document["days"]] == [
        ("2026-11-19", 1, 2, 0), ("2026-11-20", 6, 6, 4),
    ]  # fmt: skip
    assert {name: document["total"][name] for name in ("slots", "rows", "bad_rows", "calls", "bytes", "extracted_at")} == {
        "slots": 7, "rows": 8, "bad_rows": 2, "calls": 4, "bytes": 15, "extracted_at": "2026-11-20T04:00:00.000+00:00",
    }  # fmt: skip
    assert document["gaps"] == [
        {
            "start": f"2026-11-20T0{first}:00:00+00:00", "end": f"2026-11-20T0{first + 2}:00:00+00:00", "state": "missing",
            "slots": 2, "until": f"2027-02-17T0{first}:00:00+00:00",
            "from_date": f"2026-11-20T0{first}:00:00+00:00", "to_date": f"2026-11-20T0{first + 1}:00:00+00:00",
        }
        for first in (1, 4)
    ]  # fmt: skip
    assert [cell["state"] for cell in document["cells"]] == [cell.state for cell in found.cells]
    assert (document["provider"], document["stream"], document["account"], document["filters"]) == (
        "aig",
        "transactions",
        "acc",
        [],
    )


def test_a_gap_ends_where_the_state_or_the_width_changes(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "gmag", "game_transactions")  # kept for 15 days less 10 minutes
    found = look(lake, start=at(-15 * 24), end=at(-15 * 24 + 15))
    gone, left = found.gaps()
    assert (gone.state, gone.slots, left.state, left.slots) == ("expired", 13, "missing", 2)
    assert gone.interval.end == left.interval.start
    assert left.until == left.interval.start + DAY * 15 - timedelta(minutes=10)


# ------------------------------------------------------------------ many streams


def test_every_stream_account_and_filter_under_a_folder_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lakes = [
        lake_of(tmp_path),
        lake_of(tmp_path, "jdb", "transactions", gTypes=[7, 0]),
        lake_of(tmp_path, "pv", "games_game_history", game_id=2011),
        lake_of(tmp_path, "pv", "history"),
        Lake(LOCAL, str(tmp_path), "pv", "history", "a/b c", {"game_ids": [1]}),
    ]
    for lake in lakes:
        store(lake, slot(9), filters=dict(lake.filters))
    store(lake_of(tmp_path, "toy"), slot(9))
    store(lake_of(tmp_path, "pv", "gone"), slot(9))
    (tmp_path / "provider=aig" / "stream=latest" / "account=never").mkdir(parents=True)
    found = list(survey(LOCAL, str(tmp_path), now=NOW))
    assert sorted(each.lake.base for each in found) == sorted(lake.base for lake in lakes)
    assert all(ranges(each)[0] == (9, 10, "complete") for each in found)
    assert "provides 'toy'" in caplog.text
    assert "pv has no stream 'gone'" in caplog.text
    selected = [
        ({"provider": "pv"}, 3),
        ({"account": "a/b c"}, 1),
        ({"stream": "transactions"}, 2),
        ({"filters": {"gTypes": [0, 7]}, "provider": "jdb"}, 1),
        ({"provider": "pv", "stream": "history", "filters": {}}, 1),
    ]
    for selection, count in selected:
        assert len(list(survey(LOCAL, str(tmp_path), now=NOW, **selection))) == count, selection


# ------------------------------------------------------------------ whatever is stored

WIDTHS = [15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY]
STREAMS = [
    declared("aig", "transactions"),
    declared("jdb", "daily_by_game_type"),
    declared("gmag", "game_transactions"),
]


@st.composite
def lakes(draw: st.DrawFn) -> tuple[Stream, dict[Interval, int]]:
    stream = draw(st.sampled_from(STREAMS))
    held: dict[Interval, int] = {}
    for _ in range(draw(st.integers(0, 8))):
        width = draw(st.sampled_from([DAY] if stream.slot == DAY else WIDTHS))
        start = MIDNIGHT + stream.day_start_offset - 17 * DAY + draw(st.integers(0, 4 * (DAY // width))) * width
        made = Interval(start, start + width)
        if not any(made.overlaps(other) for other in held):
            held[made] = draw(st.integers(0, 3))
    return stream, held


@settings(max_examples=examples(60), deadline=None)
@given(lakes(), st.integers(0, 120), st.integers(1, 120))
def test_every_instant_has_one_cell_and_every_stored_slot_its_own(
    lake: tuple[Stream, dict[Interval, int]], first: int, hours: int
) -> None:
    stream, held = lake
    asked = Interval(MIDNIGHT - 17 * DAY + first * HOUR, MIDNIGHT - 17 * DAY + (first + hours) * HOUR)
    with tempfile.TemporaryDirectory() as folder:
        lake = lake_of(folder, stream.provider, stream.name)
        for each, rows in held.items():
            store(lake, each, rows)
        found = look(lake, start=asked.start, end=asked.end)
    assert found.cells[0].interval.start <= asked.start
    assert found.cells[-1].interval.end >= asked.end
    stored = {cell.interval: cell.receipt.rows for cell in found.cells if cell.receipt}
    assert stored == {each: rows for each, rows in held.items() if each.overlaps(asked)}
    for cell in found.cells:
        if cell.receipt:
            assert cell.state == ("complete" if cell.receipt.rows else "empty")
        else:
            assert stream.retention is not None
            assert cell.state == ("expired" if cell.interval.start < NOW - stream.retention else "missing")
    gaps = found.gaps()
    assert sum(gap.slots for gap in gaps) == sum(cell.state in GAPS for cell in found.cells)
    assert sum((gap.interval.width for gap in gaps), timedelta()) == sum(
        (cell.interval.width for cell in found.cells if not cell.receipt), timedelta()
    )
    for gap in gaps:
        assert gap.backfill == (gap.interval.start, gap.interval.start + (gap.slots - 1) * gap.width)


def test_where_the_connection_states_a_retention_the_newest_receipt_says_what_can_still_be_read(lake: Lake) -> None:
    """AIG's document says three months; this connection says 2 days, an earlier one said 60."""
    store(lake, slot(-72), retention_days=60.0)
    store(lake, slot(-24), retention_days=2.0)
    missing = look(lake).gaps()
    assert [(gap.state, gap.slots, gap.until) for gap in missing] == [
        ("expired", 36, at(-71) + 2 * DAY),
        ("missing", 11, at(-35) + 2 * DAY),
        ("missing", 35, at(-23) + 2 * DAY),
    ]
    stated = replace(declared(lake.provider, lake.stream), retention=DAY, connection_known=True)
    assert coverage(lake, stated, now=NOW).total.states["expired"] == 47 + 12
    store(lake, slot(-23))
    assert look(lake).total.states["expired"] == 0


@pytest.mark.s3
def test_on_s3_an_account_costs_one_listing_and_a_month_of_it_one_listing_and_one_read(
    seaweed: SeaweedFS,  # noqa: F811
    request: pytest.FixtureRequest,
) -> None:
    root = f"{seaweed.bucket}/{request.node.name}"

    def requests_with(accounts: int) -> Counter[str]:
        fs = seaweed.filesystem()
        for number in range(accounts):
            lake = Lake(fs, root, "aig", "transactions", f"account{number}")
            for day in (0, 1, 40):
                store(lake, slot(24 * day - 24 * 60))
        assert len(list(survey(fs, root, now=NOW))) == accounts  # brings the caches up to date
        counts = requests_of(fs)
        assert len(list(survey(fs, root, now=NOW))) == accounts
        return counts

    one, four = requests_with(1), requests_with(4)
    assert one["ListObjectsV2"] <= 8  # the lake's folders, and those below
    assert four - one == {"ListObjectsV2": 3 * (1 + 2), "GetObject": 3 * 2}
    assert one.keys() == {"ListObjectsV2", "GetObject"}
