"""The vendors' own sample answers, decoded. The expected values are those of the documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv

SAMPLES = Path(__file__).with_name("samples")
UTC = timezone.utc


def accept(envelope: Mapping[str, Any]) -> None:
    pass


def decode(stream: Stream, sample: str, hours: int = 0) -> Page:
    return Decoder(stream, timedelta(hours=hours))((SAMPLES / f"{sample}.json").read_bytes(), accept)


def rows(page: Page) -> list[dict[str, Any]]:
    """Return the rows without the columns that are null."""
    assert not page.rejected
    return [{name: value for name, value in row.items() if value is not None} for row in page.table.to_pylist()]


def amount(text: str) -> Decimal:
    return Decimal(text)


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


def test_aig_baccarat() -> None:
    page = decode(aig.TRANSACTIONS, "aig-baccarat")
    assert page.fast
    assert page.total == 169
    assert rows(page) == [
        {
            "id": "67453d0923c36d2571d40815",
            "user_id": "7797",
            "game_id": "101",
            "inst_id": "iN95KcYR",
            "shoe_id": 10907,
            "round_id": 9,
            "bet_time": datetime(2024, 11, 26, 3, 14, 17, 359000, UTC),
            "settle_time": datetime(2024, 11, 26, 3, 14, 41, 164000, UTC),
            "bet_amount": amount("100"),
            "real_bet_amount": amount("100"),
            "valid_bet_turnover": amount("100"),
            "win_amount": amount("200"),
            "real_win_amount": amount("100"),
            "currency": "USD",
            "bet_detail": [("Banker", amount("100"))],
            "win_detail": [("Banker", amount("200"))],
            "no_comm": True,
            "game_result": ["Banker", "Big"],
            "open_cards": {"banker": "Spades9,Hearts5", "player": "Clubs7,Clubs7,DiamondsA", "result": None},
            "create_time": datetime(2024, 11, 26, 3, 14, 17, 359000, UTC),
            "update_time": datetime(2024, 11, 26, 3, 14, 17, 359000, UTC),
            "status": 1,
        }
    ]


def test_aig_roulette_has_no_total() -> None:
    page = decode(aig.TRANSACTIONS, "aig-roulette")
    assert page.total is None
    (row,) = rows(page)
    assert row["id"] == "680a233460cb3650c0aae542"
    assert row["bet_detail"] == [(item, amount("50")) for item in ("Direct-11", "Dozen-2", "Odd", "Red", "Small")]
    assert dict(row["win_detail"]) == {
        "Direct-11": amount("0"),
        "Dozen-2": amount("0"),
        "Odd": amount("100"),
        "Red": amount("100"),
        "Small": amount("100"),
    }
    assert row["game_result"] == ["Red", "Odd", "Small", "Column-1", "Dozen-1"]
    assert row["open_cards"] == {"banker": None, "player": None, "result": "7"}
    assert (row["currency"], row["no_comm"], row["real_win_amount"]) == ("VND2", False, amount("50"))
    assert row["update_time"] == instant(1745494881014)


def test_gmag_game_history() -> None:
    page = decode(gmag.GAME_HISTORY, "gmag-game-history")
    assert page.fast
    assert page.total == 2
    first, second = rows(page)
    assert first == {
        "playerId": "palyerid1",
        "brandId": 1001,
        "providerCode": "pt",
        "sessionId": "03d35793716348cabf5a202ef823a86f",
        "roundId": "583067326075",
        "roundType": "normal",
        "roundStatus": "end",
        "gameCode": "bfb",
        "currency": "CNY",
        "platform": "web",
        "bets": amount("5"),
        "wins": amount("10"),
        "cancels": amount("0"),
        "transIn": amount("0"),
        "transOut": amount("0"),
        "balanceEnd": amount("2652.05"),
        "bonusBalanceEnd": amount("0"),
        "rake": amount("0"),
        "startTime": datetime(2021, 8, 11, 15, 48, 23, 745000, UTC),
        "endTime": datetime(2021, 8, 11, 15, 48, 24, 38000, UTC),
        "createdAt": datetime(2021, 8, 11, 15, 48, 24, 38000, UTC),
        "jpc": amount("0.1235"),
        "jpw": amount("5"),
        "jpDetails": [{"id": "123124", "contribution": amount("0.12345"), "win": amount("0.12345")}],
        "gameType": "slots",
        "detailUrl": "https://extstg3-cashier01.ptstaging.eu/getgamehistory.php?ThisIsJustAutomatedTestDataOK",
    }
    assert second["roundId"] == "398521759399"
    assert second["endTime"] == datetime(2021, 8, 11, 15, 48, 24, 870000, UTC)
    assert "jpDetails" not in second


# historyId, gType, then bet, win, total as the document prints them
JDB_BETS = [
    ("5250145823902", 0, "-0.4", "0.4", "0"),
    ("5250228066060", 0, "-1", "2.3", "1.3"),
    ("43579741", 7, "-62.5", "19.75", "-42.75"),
    ("5250152072553", 9, "-90", "20", "-70"),
    ("5250152072557", 9, "0", "40", "20"),
    ("5250147282661", 12, "-0.08", "0.05", "-0.03"),
    ("5250147282662", 12, "-0.08", "0.05", "-0.03"),
    ("525056886488", 66, "-0.05", "0", "-0.05"),
    ("5250568864780", 67, "-0.22", "0", "-0.22"),
    ("5250155819867", 18, "-2", "6", "5.7"),
    ("5250189245682", 22, "-50", "60", "10"),
    ("asf135456b4gt", 30, "-0.4", "0", "-0.4"),
    ("iu4541gf6v", 31, "-4", "100", "96"),
    ("y74u6854v1a", 32, "-0.5", "0", "-0.5"),
    ("1846626470", 58, "-6", "4.8", "-1.2"),
    ("1846626471", 59, "-6", "4.8", "-1.2"),
    ("1846626472", 60, "-6", "4.8", "-1.2"),
    ("AAA-212256709", 41, "-500", "0", "-500"),
    ("57762", 120, "-0.4", "0", "-0.4"),
    ("d9ffdc62-557a-4961-8d08-57d4e01c36cb", 130, "-5.4", "0", "-5.4"),
]


@pytest.fixture(scope="module")
def jdb_rows() -> dict[str, dict[str, Any]]:
    return {row["historyId"]: row for row in rows(decode(jdb.TRANSACTIONS, "jdb-transactions", hours=-4))}


def test_jdb_all_layouts_in_one_answer(jdb_rows: dict[str, dict[str, Any]]) -> None:
    expected = [(name, g, amount(bet), amount(win), amount(total)) for name, g, bet, win, total in JDB_BETS]
    assert [(n, r["gType"], r["bet"], r["win"], r["total"]) for n, r in jdb_rows.items()] == expected


def test_jdb_times_are_the_accounts_wall_clock(jdb_rows: dict[str, dict[str, Any]]) -> None:
    slot, hrg = jdb_rows["5250145823902"], jdb_rows["AAA-212256709"]
    assert slot["gameDate"] == datetime(2017, 6, 6, 13, 56, 9, tzinfo=UTC)
    assert hrg["gameDate"] == datetime(2023, 11, 14, 20, 13, 16, tzinfo=UTC)
    assert hrg["lastModifyTime"] == datetime(2023, 11, 14, 20, 14, 4, tzinfo=UTC)


def test_jdb_each_layout_has_its_own_members(jdb_rows: dict[str, dict[str, Any]]) -> None:
    slot, fish, arcade, card, hrg = (
        jdb_rows[name] for name in ("5250145823902", "43579741", "5250152072557", "5250155819867", "AAA-212256709")
    )
    assert (slot["jackpotContribute"], slot["denom"], slot["hasFreegame"]) == (amount("-0.002"), amount("0.02"), 0)
    assert (fish["roomType"], fish["beforeBalance"], fish["afterBalance"]) == (
        1,
        amount("200095.6"),
        amount("200052.85"),
    )
    assert (arcade["gambleBet"], arcade["hasGamble"], arcade["transferId"]) == (amount("-20"), 1, 100005)
    assert (card["tax"], card["validBet"], card["roundSeqNo"]) == (amount("-0.3"), amount("-2"), "5558")
    assert (hrg["commission"], hrg["gameRoundSeqNo"]) == (amount("0"), "RND-0020107870010")
    assert "transferId" not in hrg
    assert jdb_rows["5250189245682"]["roundSeqNo"] == "1159054520"
    assert jdb_rows["525056886488"]["gameName"] == ""


def test_jdb_of_balances_that_are_there_twice_the_last_counts_and_the_first_are_kept(
    jdb_rows: dict[str, dict[str, Any]],
) -> None:
    row = jdb_rows["5250568864780"]
    assert (row["beforeBalance"], row["afterBalance"]) == (amount("8477.425"), amount("8477.205"))
    assert row["_extra"] == '{"beforeBalance":[111656.22],"afterBalance":[111656]}'
    assert [name for name, other in jdb_rows.items() if "_extra" in other] == ["5250568864780"]


def test_jdb_without_the_doubled_balances_goes_the_fast_way() -> None:
    document = json.loads((SAMPLES / "jdb-transactions.json").read_text())
    page = Decoder(jdb.TRANSACTIONS, timedelta(hours=-4))(json.dumps(document).encode(), accept)
    assert page.fast
    assert page.table.num_rows == 20


def test_jdb_no_data() -> None:
    page = Decoder(jdb.TRANSACTIONS)(b'{"status":"0000","data":[]}', accept)
    assert (page.table.num_rows, page.total) == (0, None)


PV = [
    (
        "all-history",
        pv.HISTORY,
        {
            "event_id": "8234c460-481e-11f0-a82e-12cf39a4209e",
            "draw_id": "1062-0-311-1744790148-0",
            "game_id": 1062,
            "user_id": 102115212044,
            "op_id": "",
            "bet_amount": 100000,
            "gain_amount": -100000,
            "credit_before_bet": 120589196,
            "credit": 120489196,
            "start_at": instant(1744790148000),
            "end_at": instant(1744790148000),
        },
    ),
    (
        "all-list",
        pv.GAMES,
        {
            "game_id": 1006,
            "game_name": "Elves",
            "game_type": "Slots",
            "resource_url": "https://www.google.com",
            "resource_with_name_url": "https://www.google.com",
        },
    ),
    (
        "all-stage-summary",
        pv.STAGE_SUMMARY,
        {
            "date": "2025-03-20",
            "bet_count": 102,
            "bet_amount": 38388400,
            "gain_amount": -19038400,
            "company_gain_amount": 19038400,
        },
    ),
    (
        "all-bonus-summary",
        pv.BONUS_SUMMARY,
        {
            "release_count": 71,
            "used_count": 45,
            "release_bonus": amount("24109360"),
            "converted_cash": amount("1205500"),
            "bet_amount": 21055500,
            "win_amount": -8534000,
        },
    ),
    (
        "games-user-history",
        pv.GAMES_USER_HISTORY,
        {
            "event_id": "3fe51802-481b-11f0-a315-72635f25a731",
            "draw_id": "34063215",
            "game_id": 2011,
            "bet_amount": 600000,
            "gain_amount": 2550000,
            "credit_before_bet": 7764606460,
            "credit": 7767156460,
            "start_at": instant(1742284371000),
            "end_at": instant(1742284389000),
            "bet_areas": [78, 144],
            "win_areas": [107, 125],
            "game_result": 25,
        },
    ),
    (
        "games-game-history",
        pv.GAMES_GAME_HISTORY,
        {
            "event_id": "167ff845-481b-11f0-a315-72635f25a731",
            "draw_id": "34063215",
            "game_id": 2011,
            "user_id": 101115163288,
            "op_id": "",
            "bet_amount": 600000,
            "gain_amount": 2550000,
            "start_at": instant(1742284371000),
            "end_at": instant(1742284389000),
            "bet_areas": [78, 144],
            "win_areas": [107, 125],
            "game_result": 25,
        },
    ),
    (
        "games-user-stage-summary",
        pv.GAMES_USER_STAGE_SUMMARY,
        {
            "bet_amount": 266200000,
            "gain_amount": -259940000,
            "credit_before_game": 7764606460,
            "credit": 7503186460,
        },
    ),
    (
        "games-game-stage-summary",
        pv.GAMES_GAME_STAGE_SUMMARY,
        {
            "bet_amount": 330400880,
            "gain_amount": -31202080,
            "user_count": 16,
            "bet_count": 451,
            "win_user_count": 8,
            "lose_user_count": 8,
        },
    ),
    (
        "slots-user-history",
        pv.SLOTS_USER_HISTORY,
        {
            "event_id": "9529eb15-481c-11f0-a82e-12cf39a4209e",
            "draw_id": "1056-0-989-1742205595-0",
            "user_id": 101106411105,
            "op_id": "",
            "currency": "$",
            "game_id": 1056,
            "feature": 0,
            "extra_business": {
                "award_type": 0,
                "base_amount": 12000,
                "free_amount": 0,
                "bonus_amount": 0,
                "jackpot_amount": 0,
                "extra_spins": 0,
            },
            "bet_amount": 100000,
            "gain_amount": -100000,
            "credit_before_bet": 7767687460,
            "credit": 7767587460,
            "start_at": instant(1742205595000),
            "end_at": instant(1742205596000),
            "is_buy": False,
        },
    ),
    (
        "slots-user-stage-summary",
        pv.SLOTS_USER_STAGE_SUMMARY,
        {
            "user_id": 101106411105,
            "op_id": "",
            "game_id": 1056,
            "bet_count": 2,
            "bet_amount": 200000,
            "gain_amount": -200000,
            "currency": "$",
        },
    ),
    (
        "slots-game-stage-summary",
        pv.SLOTS_GAME_STAGE_SUMMARY,
        {
            "game_id": 1041,
            "bet_count": 3,
            "bet_amount": 300000,
            "gain_amount": 825000,
            "company_gain_amount": -825000,
        },
    ),
]


@pytest.mark.parametrize(
    ("sample", "stream", "first"),
    PV,
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_pv(sample: str, stream: Stream, first: dict[str, Any]) -> None:
    assert stream.endpoint == "/api/" + sample.replace("-", "/")
    page = decode(stream, f"pv-{sample}")
    assert page.fast
    assert rows(page)[0] == first


def test_pv_history_counts_more_rows_than_the_sample_shows() -> None:
    page = decode(pv.HISTORY, "pv-all-history")
    assert (page.total, page.table.num_rows) == (115, 2)
