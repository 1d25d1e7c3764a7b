"""Sums of raw rows by each declared report. The expected values come from the vendors' documents."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.reports import Report, WindowTotals
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.reconciliation import slot_scanner
from airflow_betproviders.reconciliation.day_totals import DayTotals
from airflow_betproviders.registry import mapping_of, reports_of
from tests.bets_table.lakes import HOUR, MINUTE, SampleLake, aig, at, hour_of
from tests.examples import examples

TODAY = Interval(at(0), at(24))


def streams(provider: str) -> dict[str, Stream]:
    return {each.name: each for each in import_module(f"airflow_betproviders.providers.{provider}.streams").STREAMS}


def figures(
    folder: Path, provider: str, account: str, records: Sequence[Mapping[str, Any]], day: Interval = TODAY
) -> dict[str, dict[tuple[str, ...], dict[str, Decimal]]]:
    """Return what the records add up to, by report."""
    sample = SampleLake(folder, provider, account)
    sample.store(hour_of(5), records, at(7))
    reports = [report for report in reports_of(provider) if isinstance(report, Report)]
    wanted = {name for report in reports for name in report.columns}
    with DayTotals(sample.lake, streams(provider)[sample.lake.stream], day, wanted) as day_totals:
        day_totals.load()
        return {report.name: day_totals.group_figures(report, account) for report in reports}


def exact(**amounts: str | int) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in amounts.items()}


def pv(number: int, game: int, bet: int, gain: int) -> dict[str, Any]:
    return {
        "event_id": f"8234c460-481e-11f0-a82e-{number:012x}", "draw_id": f"{game}-0-311-{number}", "game_id": game,
        "user_id": 102115212044, "op_id": "", "bet_amount": bet, "gain_amount": gain, "credit_before_bet": bet,
        "credit": bet + gain, "start_at": int(at(5).timestamp()) + number, "end_at": int(at(5).timestamp()) + number,
    }  # fmt: skip


def test_pv_counts_and_adds_up_in_li_and_the_company_gets_what_players_lose(tmp_path: Path) -> None:
    """The samples of 1.2 and 3.3 have company_gain_amount = -gain_amount; gain_amount is net."""
    found = figures(
        tmp_path,
        "pv",
        "101",
        [pv(1, 1062, 100_000, -100_000), pv(2, 1062, 100_000, 250_000), pv(3, 2011, 5_000, -5_000)],
    )
    assert found == {
        "stage_summary": {
            (): exact(bet_count=3, bet_amount=205_000, gain_amount=145_000, company_gain_amount=-145_000)
        },
        "slots_game_stage_summary": {
            ("1062",): exact(bet_count=2, bet_amount=200_000, gain_amount=150_000, company_gain_amount=-150_000),
            ("2011",): exact(bet_count=1, bet_amount=5_000, gain_amount=-5_000, company_gain_amount=5_000),
        },
    }


def test_a_sum_of_pv_is_exact_beyond_what_64_bits_and_28_digits_hold(tmp_path: Path) -> None:
    most = 2**63 - 1
    found = figures(tmp_path, "pv", "101", [pv(number, 2000, most, -most) for number in range(10)])
    assert found["stage_summary"][()]["company_gain_amount"] == 92_233_720_368_547_758_070


def jdb(history: str, player: str, gtype: int, **amounts: str) -> dict[str, Any]:
    return {
        "historyId": history, "playerId": player, "gType": gtype, "mtype": 1, "gameDate": "20-11-2026 01:10:00",
        "lastModifyTime": "20-11-2026 01:10:07", "currency": "RB", **amounts,
    }  # fmt: skip


def test_jdb_adds_up_gamble_rounds_and_cards_by_game_type_and_by_player(tmp_path: Path) -> None:
    """Action 64's example of a gamble round, its slot and card samples; 01:10 in GMT-4 is 05:10 UTC."""
    records = [
        jdb("1", "p1", 9, bet="-10", gambleBet="0", win="100", total="90"),
        jdb("2", "p1", 9, bet="0", gambleBet="-100", win="200", total="100"),
        jdb("3", "p2", 9, bet="-0.1", gambleBet="0", win="0", total="-0.1"),
        jdb("4", "p1", 18, bet="-2", win="6", tax="-0.3", total="5.7", validBet="-2"),
        jdb("5", "p1", 0, bet="-1.5", win="50", total="48.5", jackpot="50", jackpotContribute="-0.0075"),
    ]
    found = figures(tmp_path, "jdb", "testag", records, Interval(at(4), at(28)))
    none = exact(jackpot=0, jackpotContribute=0, tax=0)
    bar = {**exact(count=3, bet="110.1", win=300, netWin="189.9"), **none}
    card = {**exact(count=1, bet=2, win=6, netWin="5.7"), **none, **exact(tax="0.3")}
    slot = {**exact(count=1, bet="1.5", win=50, netWin="48.5"), **none, **exact(jackpot=50, jackpotContribute="0.0075")}
    assert found == {
        "daily_by_game_type": {("9",): bar, ("18",): card, ("0",): slot},
        "daily_by_player": {
            ("9", "p1"): {**exact(count=2, bet=110, win=300, netWin=190), **none},
            ("9", "p2"): {**exact(count=1, bet="0.1", win=0, netWin="-0.1"), **none},
            ("18", "p1"): card,
            ("0", "p1"): slot,
        },
    }


def test_a_sum_of_jdb_is_exact_beyond_what_128_bits_hold(tmp_path: Path) -> None:
    """Two amounts of 20 digits before the point and 18 after it; Arrow's sum of them is negative."""
    most = "99999999999999999999.999999999999999999"
    records = [jdb(history, "p1", 0, bet=f"-{most}", win=most, total="0") for history in ("1", "2", "3")]
    found = figures(tmp_path, "jdb", "testag", records, Interval(at(4), at(28)))
    assert found["daily_by_game_type"]["0",]["win"] == Decimal("299999999999999999999.999999999999999997")


def gmag(round_: str, player: str, brand: int = 1001, **members: Any) -> dict[str, Any]:
    return {
        "brandId": brand, "playerId": player, "providerCode": "pt", "roundId": round_, "gameCode": "bfb",
        "currency": "CNY", "startTime": "2026-11-20 05:10:00", "endTime": "2026-11-20 05:10:01", **members,
    }  # fmt: skip


def test_gmag_adds_up_its_own_brand_and_leaves_transfers_out(tmp_path: Path) -> None:
    """The sample of GameReport: ggr = 335 - 260 - 225 = -150; transIn and transOut are no bets and wins."""
    records = [
        gmag("1", "a", bets=300, wins=260, cancels=0, jpc="0.3", jpw=5, rake=0),
        gmag("2", "b", bets=35, wins=0, cancels=225),
        gmag("3", "b", bets=0, wins=0, cancels=0, transIn=10, transOut=7, gameCode="fish"),
        gmag("4", "b", bets="0.0001", wins=0, cancels=0, rake="0.5", currency="USD"),
        gmag("5", "c", 1002, bets=99, wins=99, cancels=0),
    ]
    found = figures(tmp_path, "gmag", "1001", records)
    none = exact(totalJpc=0, totalJpw=0, totalRakes=0)
    game = {**exact(games=2, totalBets=335, totalWins=260, totalCancels=225, ggr=-150), **none}
    game |= exact(totalJpc="0.3", totalJpw=5)
    fish = {**exact(games=1, totalBets=0, totalWins=0, totalCancels=0, ggr=0), **none}
    dollars = {**exact(games=1, totalBets="0.0001", totalWins=0, totalCancels=0, ggr="0.0001"), **none}
    dollars |= exact(totalRakes="0.5")
    assert found == {
        "game_report": {
            ("CNY",): {**game, "games": Decimal(3), "players": Decimal(2)},
            ("USD",): {**dollars, "players": Decimal(1)},
        },
        "game_report reportBy=gameCode": {("CNY", "bfb"): game, ("CNY", "fish"): fish, ("USD", "bfb"): dollars},
    }


@pytest.mark.parametrize("provider", ["pv", "aig", "jdb", "gmag"])
def test_every_declared_report_names_columns_that_there_are(provider: str) -> None:
    declared = streams(provider)
    for word in reports_of(provider):
        bets = declared[word.of]
        assert word.of == mapping_of(provider).streams[0]
        assert word.columns <= {field.name for field in bets.fields}
        if isinstance(word, WindowTotals):
            assert isinstance(bets.paging, PageNumber)
            continue
        report = declared[word.stream]
        assert {*word.measures, *word.groups} <= {field.name for field in report.fields}
        assert {*word.filters, *word.each} <= set(report.filters)
        assert report.windows is not None
        amounts = {field.name for field in report.fields if field.money} - {"validBet"}
        assert amounts <= set(word.measures), "an amount of the report is held against nothing"


def test_a_provider_without_a_declaration_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"no installed package provides 'toy'"):
        reports_of("toy")


def test_a_row_that_moved_is_counted_where_it_is_now(tmp_path: Path) -> None:
    """A bet of AIG that is settled the next day leaves the window in which it was placed."""
    sample = SampleLake(tmp_path)
    placed = [aig(name, placed=at(23.5), status=0) for name in ("a", "b")]
    sample.store(hour_of(23), placed, at(24.2))
    sample.store(hour_of(4), [aig("c", placed=at(4.2)), aig("a", placed=at(4.2))], at(7))
    sample.store(hour_of(2, 21), [aig("b", placed=at(23.5), updated=at(26.5))], at(27.2))
    with DayTotals(sample.lake, streams("aig")["transactions"], TODAY, set(), moves_within=DAY) as day_totals:
        day_totals.load()
        assert (day_totals.bets_in(hour_of(4)), day_totals.bets_in(hour_of(23)), day_totals.moved) == (1, 1, 1)
        assert day_totals.missing == tuple(hour_of(hour) for hour in range(24) if hour not in {4, 23})
        assert day_totals.unread(at(27.5)) == [Interval(at(24), at(26)), Interval(at(27), at(27.5))]
        assert day_totals.unread(at(23)) == []
        assert day_totals.unread(at(24 * 30))[-1] == Interval(at(27), at(48))


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 27 * 4 - 1), st.integers(1, 9)),
        unique_by=lambda row: row[:2],
        max_size=40,
    ),
    st.sampled_from([3, 6, 12, 24]),
)
@settings(max_examples=examples(40), deadline=None)
def test_each_bet_counts_once_in_its_newest_version(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, int]], width: int
) -> None:
    """Whatever slots brought which versions: the day's are those whose newest change lies in the day."""
    sample = SampleLake(tmp_path_factory.mktemp("lake"))
    slots = [hour_of(begin, width=width) for begin in range(0, 48, width)]
    for slot in slots:
        inside = [
            aig(f"bet{bet}", placed=at(0), updated=at(0) + quarter * 15 * MINUTE, stake=str(stake))
            for bet, quarter, stake in changes
            if slot.start <= at(0) + quarter * 15 * MINUTE < slot.end
        ]
        once = {row["id"]: row for row in sorted(inside, key=lambda row: row["update_time"])}
        sample.store(slot, list(once.values()), slot.end + HOUR)
    newest = {bet: max(quarter for other, quarter, _ in changes if other == bet) for bet, _, _ in changes}
    day = Interval(at(0), at(24))
    with DayTotals(
        sample.lake, streams("aig")["transactions"], day, set(), moves_within=timedelta(days=1)
    ) as day_totals:
        day_totals.load()
        assert day_totals.missing == day_totals.damaged == ()
        assert sum(map(day_totals.bets_in, day_totals.slots)) == sum(quarter < 24 * 4 for quarter in newest.values())


def test_a_large_slot_takes_memory_for_a_few_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_scanner, "_ROWS", 100)
    sample = SampleLake(tmp_path)
    players = random.Random(1)
    records = [
        {**aig(str(i), placed=at(5) + i * timedelta(milliseconds=100)), "user_id": players.randbytes(1000).hex()}
        for i in range(4000)
    ]
    sample.store(hour_of(5), records, at(7))
    path = sample.lake.data(hour_of(5))
    stored = pq.read_table(path, partitioning=None)
    pq.write_table(stored, path, row_group_size=100)
    most, hashes = 0, keys.hashes

    def watch(*arguments: Any) -> Any:
        nonlocal most
        most = max(most, pa.total_allocated_bytes() - before)
        return hashes(*arguments)

    monkeypatch.setattr(keys, "hashes", watch)
    del stored
    before = pa.total_allocated_bytes()
    with DayTotals(sample.lake, streams("aig")["transactions"], TODAY, {"user_id"}) as day_totals:
        day_totals.load()
        assert (day_totals.bets_in(hour_of(5)), day_totals.damaged) == (4000, ())
        for scanned in day_totals.scanned:
            for _ in scanned.batches():
                most = max(most, pa.total_allocated_bytes() - before)
    assert most < Path(path).stat().st_size / 4
