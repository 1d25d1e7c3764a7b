"""Every total equals the sum of the bets that the detail streams show."""

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.simulator.clients import NOW, gmag_time

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 11, 18, 4, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def pv_bets(still):
    return still.truth("pv", "history", START, START + DAY)


@pytest.fixture(scope="module")
def kinds(still):
    return {game["game_id"]: game["game_type"] for game in still.truth("pv", "games", START, START)}


def seconds(start, end, **more):
    return {"time_start": int(start.timestamp()), "time_end": int(end.timestamp()), **more}


def sums(bets):
    bets = list(bets)
    return {
        "bet_count": len(bets),
        "bet_amount": sum(bet["bet_amount"] for bet in bets),
        "gain_amount": sum(bet["gain_amount"] for bet in bets),
    }


def test_pv_days(clients, pv_bets):
    made = clients.pv("all/stage/summary", seconds(START, START + DAY))["data"]
    midnight = (START + DAY).replace(hour=0).timestamp()
    days = {
        "2026-11-19": sums(bet for bet in pv_bets if bet["start_at"] >= midnight),
        "2026-11-18": sums(bet for bet in pv_bets if bet["start_at"] < midnight),
    }
    assert [day["date"] for day in made["day_list"]] == list(days)
    for day in made["day_list"]:
        expected = days[day["date"]]
        assert day == {"date": day["date"], **expected, "company_gain_amount": -expected["gain_amount"]}
    total = sums(pv_bets)
    assert made["summary"] == {**total, "company_gain_amount": -total["gain_amount"]}
    assert clients.simulator.truth("pv", "stage_summary", START, START + DAY) == made["day_list"]


def test_pv_slots_by_game_and_by_user(clients, pv_bets, kinds):
    slots = [bet for bet in pv_bets if kinds[bet["game_id"]] == "Slots"]
    for game in clients.pv("slots/game/stage/summary", seconds(START, START + DAY))["data"]:
        expected = sums(bet for bet in slots if bet["game_id"] == game["game_id"])
        assert game == {"game_id": game["game_id"], **expected, "company_gain_amount": -expected["gain_amount"]}
    user = slots[0]["user_id"]
    made = clients.pv("slots/user/stage/summary", seconds(START, START + DAY, user_id=user))["data"]
    assert sum(row["bet_count"] for row in made) == sum(bet["user_id"] == user for bet in slots)
    assert {row["currency"] for row in made} == {"$"}


def test_pv_games_by_game_and_by_user(clients, pv_bets, kinds):
    games = [bet for bet in pv_bets if kinds[bet["game_id"]] != "Slots"]
    made = clients.pv("games/game/stage/summary", seconds(START, START + DAY, game_id=2011))["data"]
    of_game = [bet for bet in games if bet["game_id"] == 2011]
    results = defaultdict(int)
    for bet in of_game:
        results[bet["user_id"]] += bet["gain_amount"]
    assert made == {
        **sums(of_game),
        "user_count": len(results),
        "win_user_count": sum(gain > 0 for gain in results.values()),
        "lose_user_count": sum(gain < 0 for gain in results.values()),
    }
    mine = [bet for bet in games if bet["op_id"] == "0012"]
    made = clients.pv("games/user/stage/summary", seconds(START, START + DAY, op_id="0012"))["data"]
    assert made["bet_amount"] == sum(bet["bet_amount"] for bet in mine) > 0
    assert made["gain_amount"] == sum(bet["gain_amount"] for bet in mine)


@pytest.mark.parametrize(
    ("path", "who", "wanted"),
    [
        (
            "games/user/history",
            {"op_id": "玩家-é-😀"},
            lambda bet, kind: bet["op_id"] == "玩家-é-😀" and kind != "Slots",
        ),
        ("games/game/history", {"game_id": 3011}, lambda bet, _kind: bet["game_id"] == 3011),
        ("slots/user/history", {"op_id": "0012"}, lambda bet, kind: bet["op_id"] == "0012" and kind == "Slots"),
    ],
)
def test_pv_lists_are_cut_off_at_their_limit_silently(clients, pv_bets, kinds, path, who, wanted):
    expected = {bet["event_id"] for bet in pv_bets if wanted(bet, kinds[bet["game_id"]])}
    assert len(expected) > 500
    whole = seconds(START, START + DAY, **who)
    for limit, most in (({}, 50), ({"limit": 500}, 500)):
        rows = clients.pv(path, {**whole, **limit})["data"]
        assert len(rows) == most
        assert {row["event_id"] for row in rows} <= expected
    rows = clients.pv(path, {**seconds(START, START + HOUR / 2, **who), "limit": 500})["data"]
    until = (START + HOUR / 2).timestamp()
    early = {bet["event_id"] for bet in pv_bets if bet["start_at"] < until} & expected
    assert {row["event_id"] for row in rows} == early


def test_pv_bonuses_are_counted(clients):
    everything = clients.pv("all/bonus/summary", {"mch_id": 101, **seconds(START, START + DAY)})["data"]
    by_state = [
        clients.pv("all/bonus/summary", {"mch_id": 101, "state_list": [state], **seconds(START, START + DAY)})["data"]
        for state in range(1, 6)
    ]
    assert everything["release_count"] == 24
    for name, value in everything.items():
        assert sum(state[name] for state in by_state) == value
    assert isinstance(everything["release_bonus"], Decimal), "documented as a float"


@pytest.fixture(scope="module")
def jdb_rounds(still):
    return still.truth("jdb", "transactions", START, START + DAY)


@pytest.mark.slow
def test_jdb_daily_reports_cover_noon_to_noon_in_utc_plus_8(clients, jdb_rounds):
    made = clients.jdb(66, date="18-11-2026")["data"][0]
    assert made["totalSummary"]["count"] == len(jdb_rounds)
    assert made["totalSummary"]["netWin"] == sum(row["total"] for row in jdb_rounds)
    for game in made["gTypeSummary"]:
        rows = [row for row in jdb_rounds if row["gType"] == int(game["gType"])]
        assert game["count"] == len(rows)
        assert game["bet"] == sum(row["bet"] + row.get("gambleBet", 0) for row in rows)
        assert game["win"] == sum(row["win"] for row in rows)
        assert game["tax"] == sum(row.get("tax", 0) for row in rows)
    for gtype in (0, 9, 18):
        players = clients.jdb(42, gType=gtype, date="18-11-2026")["data"]
        rows = [row for row in jdb_rounds if row["gType"] == gtype]
        assert {row["uid"] for row in players} == {row["playerId"] for row in rows}
        assert sum(row["netWin"] for row in players) == sum(row["total"] for row in rows)


@pytest.mark.slow
def test_gmag_report_equals_the_history(clients, still):
    rounds = still.truth("gmag", "game_history", START, START + DAY)
    period = {"startTime": gmag_time(START), "endTime": gmag_time(START + DAY)}
    for report_by, columns in (("", ()), ("gameCode", ("gameCode", "providerCode")), ("player", ("playerId",))):
        extra = {"reportBy": report_by} if report_by else {}
        made = clients.gmag("history/gameReport", **period, **extra)["data"]
        assert sum(row["games"] for row in made) == len(rounds)
        groups = defaultdict(list)
        for each in rounds:
            groups[tuple(each[name] for name in ("currency", *columns))].append(each)
        for row in made:
            group = groups[tuple(row[name] for name in ("currency", *columns))]
            assert row["totalBets"] == sum(each["bets"] for each in group)
            assert row["totalWins"] == sum(each["wins"] for each in group)
            assert row["ggr"] == row["totalBets"] - row["totalWins"] - row["totalCancels"]
            assert row["players"] == len({each["playerId"] for each in group})


def test_gmag_movements_add_up_to_their_rounds(still):
    start, end = NOW - 8 * HOUR, NOW - 7 * HOUR
    sums_by_round = defaultdict(lambda: defaultdict(Decimal))
    for row in still.truth("gmag", "game_transactions", start - HOUR, NOW):
        sums_by_round[row["providerCode"], row["roundId"]][row["transType"]] += row["amount"]
    for row in still.truth("gmag", "game_history", start, end):
        moved = sums_by_round[row["providerCode"], row["roundId"]]
        assert moved["bet"] == row["bets"]
        assert moved["win"] + moved["amend"] == row["wins"]
        assert moved["cancel"] == row["cancels"]
        assert moved["transIn"] == row.get("transIn", 0)
        assert moved["transOut"] == row.get("transOut", 0)
