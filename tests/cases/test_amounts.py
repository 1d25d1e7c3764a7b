"""Stake, payout and status of a bet, from the vendor's answer to the bets table: extracted, stored and merged (V17, V18)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_betproviders.bets_table.merge import Merge, MergeStats
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import UnmergeableSlot
from airflow_betproviders.registry import mapping_of
from tests.cases.vendors import FIVE, HOUR, SLOT, Vendor, ms
from tests.conftest import MakeHook

END = ms(FIVE) // 1000 + 600
ABSENT = "absent"
OPEN = ("open", None, None)


def _leave_out(document: Any) -> Any:
    """Remove members that are `ABSENT` from an answer."""
    if isinstance(document, dict):
        return {name: _leave_out(part) for name, part in document.items() if part != ABSENT}
    return [_leave_out(part) for part in document] if isinstance(document, list) else document


class Account:
    """A vendor's main stream, a lake, and the bets table that is merged from it."""

    def __init__(self, make: MakeHook, folder: Path, provider: str) -> None:
        self.hook, self.folder, self.provider = make(provider), folder, provider
        self.table = BetsTable(str(folder / "bets"))

    def extract(
        self,
        *patches: Mapping[str, Any],
        slots: tuple[Interval, ...] = (SLOT,),
        replaced: tuple[str, str] = ("", ""),
    ) -> int:
        """Store a bet for each patch, ten minutes after each slot's start; return how many rows are in quarantine.

        The text of each answer has the second text of ``replaced`` in place of the first.
        """

        def spoil(_number: int, _window: Any, _params: Any, document: Any) -> bytes:
            text = json.dumps(_leave_out(document))
            return (text.replace(*replaced) if replaced[0] else text).encode()

        bets = [slots[i % len(slots)].start + HOUR / 6 for i in range(len(patches))]
        stream = mapping_of(self.provider).streams[0]
        vendor = Vendor(self.hook, stream, bets, patch=lambda i: dict(patches[i]), spoil=spoil)
        return vendor.store(self.folder / "raw", *slots).total("bad_rows")

    def merge(self) -> MergeStats:
        """Merge what is stored."""
        merge = Merge(self.table)
        raw = find_raw_streams(fsspec.filesystem("file"), str(self.folder / "raw"), provider=self.provider)
        try:
            (stats,) = [merge.run(stream, [Interval(FIVE - 99 * HOUR, FIVE + 99 * HOUR)]) for stream in raw]
        finally:
            self.rows = self.table.open().to_pyarrow_table().sort_by("bet_id").to_pylist()
        for row in self.rows:
            worth = row["stake"], row["payout"], row["net"]
            assert row["net"] == (None if None in worth[:2] else worth[1] - worth[0])
        return stats


# The record's members that differ from the good one, and status, payout and net by the vendor's document.
WORTH: dict[str, tuple[str, dict[str, Any], Any, tuple[str | None, Any, Any]]] = {
    "V17": ("gmag", {"bets": 60, "wins": 40, "transIn": 100, "transOut": 80}, 60, ("settled", 40, -20)),
    "transfers alone": ("gmag", {"bets": 0, "wins": 0, "transIn": 100.5, "transOut": 80.25}, "100.5", ("settled", "80.25", "-20.25")),
    "a transfer in alone": ("gmag", {"bets": 0, "wins": 0, "transIn": 100}, 100, ("settled", 0, -100)),
    "a transfer out alone": ("gmag", {"bets": 0, "wins": 0, "transIn": None, "transOut": 80}, 0, ("settled", 80, 80)),
    "a free spin with transfers": ("gmag", {"bets": 0, "wins": 10, "transIn": 5, "transOut": 15}, 0, ("settled", 10, 10)),
    "a round without any amount": ("gmag", {"bets": 0, "wins": 0}, 0, ("settled", 0, 0)),
    "cancelled as a whole": ("gmag", {"bets": 5, "wins": 0, "cancels": 5}, 5, ("cancelled", 5, 0)),
    "cancelled in part": ("gmag", {"bets": 5, "wins": 0, "cancels": 2}, 5, ("settled", 2, -3)),
    "no cancels, which are mandatory": ("gmag", {"cancels": None}, 5, ("settled", None, None)),
    "no cancels, with transfers": ("gmag", {"bets": 0, "wins": 0, "cancels": None, "transIn": 9}, 0, ("settled", None, None)),
    "a jackpot in the win": ("gmag", {"bets": 1, "wins": 500, "jpw": 499}, 1, ("settled", 500, 499)),
    "V18": ("pv", {"end_at": 0}, 100, OPEN),
    "no end": ("pv", {"end_at": None}, 100, OPEN),
    "an end as empty text": ("pv", {"end_at": ""}, 100, OPEN),
    "one li": ("pv", {"bet_amount": 1, "gain_amount": -1, "end_at": END}, "0.001", ("settled", 0, "-0.001")),
    "64 bits of li": ("pv", {"bet_amount": 2**63 - 1, "gain_amount": 2**63 - 1, "end_at": END}, "9223372036854775.807", ("settled", "18446744073709551.614", "9223372036854775.807")),
    "a free game of PV": ("pv", {"bet_amount": 0, "gain_amount": 5000, "end_at": END}, 0, ("settled", 5, 5)),
    "a gamble round": ("jdb", {"bet": 0, "gambleBet": -20, "win": 40, "total": 20}, 20, ("settled", 40, 20)),
    "cards, whose win lacks the stake": ("jdb", {"gType": 18, "bet": -2, "win": 6, "tax": -0.3, "total": 5.7}, 2, ("settled", "7.7", "5.7")),
    "a win that is absent": ("jdb", {"bet": -1, "win": None, "total": -1}, 1, ("settled", 0, -1)),
    "a jackpot beside the win": ("jdb", {"bet": -1, "win": 0, "jackpot": 500, "total": 499}, 1, ("settled", 500, 499)),
    "a bet of nothing": ("jdb", {"bet": 0, "win": 3, "total": 3}, 0, ("settled", 3, 3)),
    "a refund, whose sign is turned": ("jdb", {"bet": 4, "win": 0, "total": 4}, -4, ("settled", 0, 4)),
    "eighteen decimals": ("jdb", {"bet": -0.1, "total": 0.000000000000000001}, "0.1", ("settled", "0.1", 0)),
    "not yet settled": ("aig", {"status": 0, "win_amount": "5.00"}, 10, OPEN),
    "cancelled": ("aig", {"status": 2, "win_amount": "0"}, 10, ("cancelled", 10, 0)),
    "void": ("aig", {"status": 3, "win_amount": ""}, 10, ("void", 10, 0)),
    "made void after it was settled": ("aig", {"status": 4, "win_amount": "19.50"}, 10, ("void", 10, 0)),
    "settled without a payout": ("aig", {"win_amount": None}, 10, ("settled", None, None)),
    "a payout as empty text": ("aig", {"win_amount": ""}, 10, ("settled", None, None)),
    "a status of no document": ("aig", {"status": 9}, 10, (None, None, None)),
    "a status that is text": ("aig", {"status": "settled"}, 10, (None, None, None)),
    "no status": ("aig", {"status": None}, 10, (None, None, None)),
    "a stake below zero": ("aig", {"bet_amount": "-10", "win_amount": "0"}, -10, ("settled", 0, 10)),
    "no currency": ("aig", {"currency": None}, 10, ("settled", "19.5", "9.5")),
    "28 digits": ("aig", {"bet_amount": "10000000000000000000.00000001", "win_amount": "0.00000001"}, "10000000000000000000.00000001", ("settled", "0.00000001", "-10000000000000000000")),
}  # fmt: skip


@pytest.mark.parametrize("provider", ["gmag", "pv", "jdb", "aig"])
def test_bets_have_the_amounts_and_status_of_the_document(make: MakeHook, tmp_path: Path, provider: str) -> None:
    """Each bet is in a slot and an answer of its own."""
    cases = {name: case for name, case in WORTH.items() if case[0] == provider}
    slots = tuple(Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(len(cases)))
    account = Account(make, tmp_path, provider)
    assert account.extract(*(patch for _, patch, _, _ in cases.values()), slots=slots) == 0
    stats = account.merge()
    found = {row["slot_start"]: (row["status"], row["stake"], row["payout"], row["net"]) for row in account.rows}
    expected = {
        name: (status, *(None if worth is None else Decimal(worth) for worth in (stake, payout, net)))
        for name, (_, _, stake, (status, payout, net)) in cases.items()
    }
    assert {name: found[slot.start] for name, slot in zip(cases, slots, strict=True)} == expected
    assert len(account.rows) == len(cases)
    assert all((row["settled_at"] is None) == (row["status"] == "open") for row in account.rows)
    settled_without = [status == "settled" and payout is None for status, _, payout, _ in expected.values()]
    assert stats.without_payout == sum(settled_without)


@pytest.mark.parametrize(
    ("provider", "required"),
    [
        ("pv", ("event_id", "start_at", "bet_amount", "gain_amount")),
        ("aig", ("id", "update_time", "bet_amount")),
        ("jdb", ("historyId", "gType", "gameDate", "lastModifyTime", "bet", "total")),
        ("gmag", ("brandId", "playerId", "roundId", "endTime", "bets", "wins")),
    ],
)
@pytest.mark.parametrize("value", ["null", pytest.param("left out", marks=pytest.mark.slow)])
def test_a_bet_without_a_required_member_never_reaches_the_table(
    make: MakeHook, tmp_path: Path, provider: str, required: tuple[str, ...], value: str
) -> None:
    """Each bet without one is in a slot and an answer of its own, beside a good one."""
    account = Account(make, tmp_path, provider)
    slots = tuple(Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(len(required)))
    absent = [{name: None if value == "null" else ABSENT} for name in required]
    assert account.extract(*({} for _ in required), *absent, slots=slots) == len(required)
    account.merge()
    assert [row["slot_start"] for row in sorted(account.rows, key=lambda row: row["slot_start"])] == [
        slot.start for slot in slots
    ]


def test_a_bet_that_was_open_takes_the_result_of_a_later_read(make: MakeHook, tmp_path: Path) -> None:
    account = Account(make, tmp_path, "pv")
    for patch, status, net in (({"end_at": 0}, "open", None), ({"end_at": END}, "settled", Decimal(-100))):
        account.extract(patch)
        account.merge()
        assert [(row["status"], row["net"]) for row in account.rows] == [(status, net)]


@pytest.mark.parametrize(
    ("sent", "name", "kept"),
    [
        ('"bonusBalanceEnd": 0.30000000000000004', "bonusBalanceEnd", "0.30000000000000004"),
        ('"bonusBalanceEnd": "a lot"', "bonusBalanceEnd", "a lot"),
        ('"bonusBalanceEnd": 1, "bonusBalanceEnd": 2.5', "bonusBalanceEnd", ["1", "2.5"]),
        ('"bonusBalanceEnd": 1, "bonusBalanceEnd": 0.30000000000000004', "bonusBalanceEnd", ["1", "0.30000000000000004", "0.3"]),
        ('"platform": "web", "platform": "a\\"b"', "platform", ["web", 'a"b']),
        ('"bonusBalanceEnd": 0.25, "new": {"bonusBalanceEnd": 7}', "bonusBalanceEnd", "0.25"),
        ('"jpDetails": 7', "jpDetails", "7"),
        ('"jpDetails": [{"win": 0.30000000000000004}]', "jpDetails", [[("win", "0.30000000000000004")]]),
        ('"jpDetails": [{"id": "a"}], "jpDetails": [{"id": "b"}]', "jpDetails", [[[("id", "a")]], [[("id", "b")]]]),
    ],
)  # fmt: skip
def test_a_field_that_was_odd_or_came_twice_stands_once_in_rest(
    make: MakeHook, tmp_path: Path, sent: str, name: str, kept: Any
) -> None:
    """Readers of JSON disagree about which of two members of one name counts."""
    account = Account(make, tmp_path, "gmag")
    account.extract({"bonusBalanceEnd": ABSENT, "sent": 1}, {}, replaced=('"sent": 1', sent))
    account.merge()
    pairs = json.loads(account.rows[0]["rest"], object_pairs_hook=list, parse_float=str, parse_int=str)
    assert [value for each, value in pairs if each == name] == [kept]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"bets": 5}, {"bets": 7}, id="the same version twice"),
        pytest.param({"bets": 5}, {"bets": 7, "createdAt": "2026-11-20 05:05:00.000"}, id="a version that is lower"),
        pytest.param({"bets": 5}, {"bets": 7, "createdAt": None}, id="a version that is gone"),
        pytest.param({"bets": 5, "wins": 0}, {"bets": 7, "wins": 7.5}, id="corrected twice"),
    ],
)
def test_a_slot_that_is_extracted_again_replaces_its_earlier_rows(
    make: MakeHook, tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    account = Account(make, tmp_path, "gmag")
    for patch in (first, second, second):
        account.extract(patch)
        account.merge()
    (row,) = account.rows
    assert row["stake"] == Decimal(7)


def test_a_slot_whose_amounts_outgrow_the_table_is_named_and_the_others_are_merged(
    make: MakeHook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """20 digits of stake and 20 of payout fit; their difference does not."""
    account = Account(make, tmp_path, "jdb")
    slots = tuple(Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(3))
    huge = {"bet": -99999999999999999999, "total": 99999999999999999999}
    assert account.extract({}, huge, {}, slots=slots) == 0
    with caplog.at_level(logging.WARNING), pytest.raises(UnmergeableSlot) as caught:
        account.merge()
    assert "20261120T060000Z-20261120T070000Z" in str(caught.value)
    assert "row 0" in str(caught.value)
    assert [row["bet_id"] for row in account.rows] == ["0/0", "0/2"]
