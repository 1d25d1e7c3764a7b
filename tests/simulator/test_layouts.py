"""Records have the fields and JSON types of the vendors' documents, and agree with themselves."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from airflow_betproviders.simulator import Settings, Simulator
from tests.simulator.clients import NOW, gmag_time

HOUR = timedelta(hours=1)
BIG = Decimal("999999999999.9999")


@pytest.fixture(scope="module")
def rows(still):
    def read(provider, stream, hours=6):
        return still.truth(provider, stream, NOW - 30 * HOUR, NOW - (30 - hours) * HOUR)

    return read


def test_pv_history(rows):
    found = rows("pv", "history")
    texts = {"event_id", "draw_id", "op_id"}
    for row in found:
        assert len(row) == 11
        assert all(type(value) is (str if name in texts else int) for name, value in row.items())
        assert row["credit"] == row["credit_before_bet"] + row["gain_amount"]
        assert row["start_at"] <= row["end_at"]
        assert row["gain_amount"] >= -row["bet_amount"]
    assert max(row["bet_amount"] for row in found) == 2**53 + 1
    assert {"", "0012", "玩家-é-😀"} <= {row["op_id"] for row in found}
    assert len({row["draw_id"] for row in found}) < len(found)


def test_aig_order(rows):
    found = rows("aig", "transactions")
    for row in found:
        bet, win = Decimal(row["bet_amount"]), Decimal(row["win_amount"])
        assert Decimal(row["real_win_amount"]) == win - bet
        assert sum(row["bet_detail"].values()) == bet
        assert sum(map(Decimal, row["win_detail"].values())) == win
        assert int(row["id"][:8], 16) == row["create_time"] // 1000
        assert row["update_time"] >= row["create_time"] == row["bet_time"]
    assert {row["status"] for row in found} == {1, 2, 3, 4}, "after a day nothing is open"
    assert {row["game_id"] for row in found} == {"101", "103"}
    assert str(BIG) in {row["bet_amount"] for row in found}
    assert "0012" in {row["user_id"] for row in found}


def test_aig_open_orders_are_unsettled():
    for setting, shown in (("zero", 0), ("absent", None)):
        simulator = Simulator(Settings(now=NOW, options={"aig": {"open_settle_time": setting}}))
        found = [row for row in simulator.truth("aig", "transactions", NOW - HOUR, NOW) if row["status"] == 0]
        assert found
        assert {row.get("settle_time") for row in found} == {shown}


GENERIC = "historyId playerId gType mtype gameDate bet win total currency lastModifyTime beforeBalance afterBalance"
FIELDS = {
    (0, 66, 90): f"{GENERIC} transferId jackpot jackpotContribute denom playerIp clientType hasFreegame systemTakeWin",
    (7, 67, 91): f"{GENERIC} transferId roomType denom playerIp clientType",
    (9, 92): f"{GENERIC} transferId gambleBet denom playerIp clientType hasBonusGame hasGamble",
    (12,): f"{GENERIC} transferId denom playerIp clientType hasBonusGame",
    (18, 93): f"{GENERIC} transferId roundSeqNo tax playerIp clientType validBet",
    (22,): f"{GENERIC} transferId roundSeqNo playerIp clientType",
    (41,): f"{GENERIC} gameRoundSeqNo validBet commission",
}


def test_jdb_families(rows):
    found = rows("jdb", "transactions")
    families = {gtype: set(names.split()) for gtypes, names in FIELDS.items() for gtype in gtypes}
    for row in found:
        expected = families.get(row["gType"], {*GENERIC.split(), "transferId"})
        assert set(row) - {"gameName"} == expected
        if row["gType"] in (18, 93):
            assert row["total"] == row["win"] + row["tax"]
        else:
            assert row["total"] == row["bet"] + row.get("gambleBet", 0) + row["win"]
        assert isinstance(row["beforeBalance"], str) == (row["gType"] not in (7, 67, 91))
        assert Decimal(row["afterBalance"]) == Decimal(row["beforeBalance"]) + row["total"]
        assert row["bet"] <= 0
    assert len({row["gType"] for row in found}) == 32
    assert len({(row["gType"], row["historyId"]) for row in found}) == len(found)
    assert len({row["historyId"] for row in found}) < len(found), "ids are not unique across gTypes"
    assert min(row["bet"] for row in found) == -BIG


def test_jdb_doubled_balance_keys_are_a_setting():
    for doubled in (False, True):
        simulator = Simulator(Settings(now=NOW, options={"jdb": {"doubled_keys": doubled}}))
        texts = simulator.truth_texts("jdb", "transactions", NOW - 5 * HOUR, NOW - 2 * HOUR, {"gTypes": [67]})
        assert {text.count('"beforeBalance"') for text in texts} == {2 if doubled else 1}


def test_jdb_times_follow_the_offset():
    texts = {}
    for offset in ("-04:00", "+08:00"):
        simulator = Simulator(Settings(now=NOW, options={"jdb": {"utc_offset": offset}}))
        texts[offset] = simulator.truth("jdb", "transactions", NOW - 2 * HOUR, NOW - HOUR)[0]["gameDate"]
    assert texts["-04:00"].startswith("20-11-2026 06:")
    assert texts["+08:00"].startswith("20-11-2026 18:")


def test_gmag_history(rows):
    found = rows("gmag", "game_history")
    optional = {"platform", "transIn", "transOut", "rake", "jpc", "jpw", "jpDetails", "additionalData", "detailUrl"}
    required = set.intersection(*(set(row) for row in found))
    assert required == {
        *("brandId", "playerId", "providerCode", "sessionId", "roundId", "gameCode", "currency", "bets", "wins"),
        *("cancels", "balanceEnd", "bonusBalanceEnd", "startTime", "endTime", "roundType", "roundStatus", "gameType"),
        "createdAt",
    }
    assert set.union(*(set(row) for row in found)) - required == optional
    for row in found:
        assert type(row["brandId"]) is int
        assert row["bets"].as_tuple().exponent == -4
        assert len(row["endTime"]) == 23
    share = sum("jpDetails" in row for row in found) / len(found)
    assert 0.001 < share < 0.1
    assert all(type(row["jpDetails"]) is list for row in found if "jpDetails" in row)
    assert any(row["bets"] == 0 and row["transIn"] for row in found if "transIn" in row)
    assert max(row["bets"] for row in found) == BIG
    assert {row["brandId"] for row in found} == {1001}
    assert len({row["roundId"] for row in found}) < len(found), "providers share roundIds"


def test_gmag_filters(clients, still):
    period = {"startTime": gmag_time(NOW - 5 * HOUR), "endTime": gmag_time(NOW - 5 * HOUR + timedelta(minutes=29))}
    everything = clients.gmag("history/game", **period, showAll=1)["records"]
    assert {row["brandId"] for row in everything} == {1001, 1002}
    for name in ("playerId", "providerCode", "currency", "gameCode", "roundId"):
        value = everything[0][name]
        found = clients.gmag("history/game", **period, showAll=1, **{name: value})["records"]
        assert found == [row for row in everything if row[name] == value]


@pytest.mark.slow
@pytest.mark.parametrize(("cap", "beyond"), [("paged", 1), ("capped", 0)])
def test_gmag_rows_beyond_ten_thousand_are_a_setting(serve, cap, beyond):
    clients = serve(rate=24_000, options={"gmag": {"cap": cap}})
    period = {"startTime": gmag_time(NOW - 5 * HOUR), "endTime": gmag_time(NOW - 5 * HOUR + timedelta(minutes=29))}
    answers = [clients.gmag("history/game", **period, size=10_000, page=page) for page in (1, 2)]
    assert answers[0]["total"] > 10_000
    assert len(answers[0]["records"]) == 10_000
    assert len(answers[1]["records"]) == beyond * (answers[0]["total"] - 10_000)


def test_links_and_games(clients):
    detail = clients.pv("slots/detail/url", {"game_id": 1044, "draw_id": "1044-2-685-1742794635-0"})
    assert detail["data"]["url"].startswith("https://")
    assert {game["game_type"] for game in clients.pv("all/list", {})["data"]} == {
        *("Slots", "Multiplayer", "Crypto", "Table", "Fish")
    }
    assert clients.jdb(54, uid="test01", mType=8001, historyId="1")["data"][0]["path"].startswith("https://")
    games = clients.gmag("game/list", gameType="slots", size=2, page=2)
    assert (games["total"], games["pages"], len(games["records"])) == (4, 2, 2)
    row = clients.simulator.truth("gmag", "game_history", NOW - 5 * HOUR, NOW - 4 * HOUR)[7]
    asked = {"roundId": row["roundId"], "providerCode": row["providerCode"], "endTime": row["endTime"][:19]}
    assert row["roundId"] in clients.gmag("history/roundDetail", **asked)["data"]


def test_aig_latest_and_detail(clients):
    start = int((NOW - 3 * HOUR).timestamp() * 1000)
    latest = clients.aig("latest", last_time=start)["data"]["transactions"]
    assert len(latest) == 1000
    assert [row["update_time"] for row in latest] == sorted(row["update_time"] for row in latest)
    assert latest[0]["update_time"] == start
    assert "win_detail" not in latest[0]
    assert "valid_bet_turnover" not in latest[0]
    one = clients.aig("detail", txn_id=latest[5]["id"])["data"]
    assert {**one, **latest[5]} == one


def test_text_is_sent_as_utf_8_and_packed(clients, still):
    connection = still.credentials["gmag"]
    clients.gmag("game/list")
    packed = clients.session.post(f"{connection['host']}/game/list", json={})
    assert packed.headers.get("content-encoding") is None, "too short to pack"
    assert json.loads(packed.content.decode())["error"] == "P_02"
