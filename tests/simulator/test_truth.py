"""Truth equals a complete read over HTTP, in every windowed stream, and is a function of seed and time."""

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests

from airflow_betproviders.simulator import Settings, Simulator
from tests.simulator.clients import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STREAMS = {
    ("pv", "history"): (HOUR, 3 * HOUR, "event_id"),
    ("aig", "transactions"): (23 * HOUR, 24 * HOUR, "id"),
    ("jdb", "transactions"): (5 * MINUTE, 3 * HOUR, "historyId"),
    ("jdb", "recent_transactions"): (15 * MINUTE, HOUR, "historyId"),
    ("gmag", "game_history"): (29 * MINUTE, 3 * HOUR, "roundId"),
    ("gmag", "game_transactions"): (14 * MINUTE, 3 * HOUR, "transId"),
    ("gmag", "extra_transactions"): (6 * HOUR, 9 * HOUR, "transId"),
}
CLOCKS = {
    ("pv", "history"): lambda row: row["start_at"] * 1000,
    ("aig", "transactions"): lambda row: row["update_time"],
    ("jdb", "transactions"): lambda row: jdb_ms(row["gameDate"]),
    ("jdb", "recent_transactions"): lambda row: jdb_ms(row["lastModifyTime"]),
    ("gmag", "game_history"): lambda row: gmag_ms(row["endTime"]),
    ("gmag", "game_transactions"): lambda row: gmag_ms(row["transTime"]),
    ("gmag", "extra_transactions"): lambda row: gmag_ms(row["transTime"]),
}


def milli(moment):
    return int(moment.timestamp() * 1000)


def jdb_ms(text):
    local = datetime.strptime(text, "%d-%m-%Y %H:%M:%S").replace(tzinfo=timezone(timedelta(hours=-4)))
    return milli(local)


def gmag_ms(text):
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    return round(datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp() * 1000)


@pytest.fixture(params=STREAMS, ids="-".join)
def stream(request):
    return request.param


@pytest.mark.slow
def test_a_complete_paged_read_is_the_truth(windows, stream):
    span, ago, key = STREAMS[stream]
    start = NOW - ago
    rows = windows.read(*stream, start, start + span)
    assert rows == windows.clients.simulator.truth(*stream, start, start + span)
    assert len(rows) > 10
    assert not windows.clients.simulator.breaches
    if stream[0] != "jdb":
        assert len({(row[key], row.get("providerCode")) for row in rows}) == len(rows)


def test_windows_hold_their_start_and_not_their_end(still, stream):
    span, ago, _ = STREAMS[stream]
    start = NOW - ago
    clocks = [CLOCKS[stream](row) for row in still.truth(*stream, start, start + span)]
    assert min(clocks) == milli(start), "a row lies exactly on every full hour"
    assert max(clocks) < milli(start + span)


@pytest.mark.slow
def test_neighbouring_windows_add_up(still, stream):
    span, ago, _ = STREAMS[stream]
    start = NOW - ago
    middle = start + span / 3
    middle = middle.replace(second=0, microsecond=0)
    whole = still.truth(*stream, start, start + span)
    parts = still.truth(*stream, start, middle) + still.truth(*stream, middle, start + span)
    assert Counter(map(str, whole)) == Counter(map(str, parts))


@pytest.mark.parametrize(("ends", "extra"), [("[)", 0), ("[]", 1)])
def test_undocumented_boundaries_are_an_option(serve, ends, extra):
    clients = serve(options={"jdb": {"window": ends}, "gmag": {"window": ends}})
    end = NOW - 3 * HOUR
    for number, span in ((64, 5 * MINUTE),):
        start = (end - span).astimezone(timezone(timedelta(hours=-4))).strftime("%d-%m-%Y %H:%M:%S")
        until = end.astimezone(timezone(timedelta(hours=-4))).strftime("%d-%m-%Y %H:%M:%S")
        rows = clients.jdb(number, starttime=start, endtime=until)["data"]
        assert sum(row["gameDate"] == until for row in rows) >= extra
        assert len(rows) >= len(clients.simulator.truth("jdb", "transactions", end - span, end)) + extra
    form = "%Y-%m-%d %H:%M:%S"
    answer = clients.gmag("history/game", startTime=(end - MINUTE).strftime(form), endTime=end.strftime(form))
    assert answer["total"] == len(clients.simulator.truth("gmag", "game_history", end - MINUTE, end)) + extra


def test_the_bets_are_a_function_of_seed_and_time(still, stream):
    start = NOW - 2 * timedelta(days=1)
    texts = still.truth_texts(*stream, start, start + HOUR)
    again = Simulator(Settings(now=NOW, min_interval={}, history_days=100, rate=800))
    for hours in (2, 1, 3):
        again.truth_texts(*stream, start - hours * HOUR, start)
    assert again.truth_texts(*stream, start, start + HOUR) == texts
    other = Simulator(Settings(now=NOW, seed=8, history_days=100, rate=800))
    assert other.truth_texts(*stream, start, start + HOUR) != texts


def test_a_small_cache_changes_nothing(still, stream):
    start = NOW - timedelta(days=2)
    small = Simulator(Settings(now=NOW, min_interval={}, history_days=100, rate=800, cache_rows=50))
    assert small.truth_texts(*stream, start, start + HOUR) == still.truth_texts(*stream, start, start + HOUR)


def test_rows_are_complete_after_the_lag_and_then_only_get_corrected():
    simulator = Simulator(Settings(now=NOW, rate=600))
    lags = {
        ("pv", "history"): 10 * MINUTE,
        ("aig", "transactions"): 5 * MINUTE,
        ("jdb", "recent_transactions"): 3 * MINUTE,
        ("gmag", "game_history"): 10 * MINUTE,
        ("gmag", "game_transactions"): 10 * MINUTE,
    }
    keys = {"pv": "event_id", "aig": "id", "jdb": "historyId", "gmag": "roundId"}
    for (provider, stream), lag in lags.items():
        start = NOW - HOUR
        early = simulator.truth(provider, stream, start, NOW, as_of=NOW + lag)
        later = simulator.truth(provider, stream, start, NOW, as_of=NOW + timedelta(days=2))
        assert simulator.truth(provider, stream, start, NOW, as_of=start) == []
        assert len(early) < len(simulator.truth(provider, stream, start, NOW + HOUR, as_of=NOW + HOUR + lag))
        assert {row[keys[provider]] for row in later} <= {row[keys[provider]] for row in early}


def test_some_jdb_rounds_are_settled_after_action_64_may_be_read():
    simulator = Simulator(Settings(now=NOW, rate=2000))
    start = NOW - HOUR
    early = simulator.truth("jdb", "transactions", start, NOW, as_of=NOW + HOUR)
    later = simulator.truth("jdb", "transactions", start, NOW, as_of=NOW + 6 * HOUR)
    assert 0.97 < len(early) / len(later) < 1


@pytest.mark.slow
def test_aig_orders_change_their_window_as_they_settle():
    simulator = Simulator(Settings(now=NOW, rate=2000, late_share=0.2))
    placed = {row["id"]: row for row in simulator.truth("aig", "transactions", NOW - HOUR, NOW, as_of=NOW + MINUTE)}
    assert {row["status"] for row in placed.values()} == {0, 1, 2, 3, 4}
    now_open = {key for key, row in placed.items() if row["status"] == 0}
    end = {
        row["id"]: row
        for row in simulator.truth("aig", "transactions", NOW - HOUR, NOW + 6 * HOUR, as_of=NOW + 8 * HOUR)
        if row["id"] in placed
    }
    assert now_open <= set(end)
    assert {row["status"] for row in end.values()} == {1, 2, 3, 4}
    assert all(end[key]["update_time"] > placed[key]["update_time"] for key in now_open)


def test_gmag_corrections_keep_round_and_end_time():
    simulator = Simulator(Settings(now=NOW, rate=2000, late_share=0.2))
    window = ("gmag", "game_history", NOW - HOUR, NOW)
    first = {(row["providerCode"], row["roundId"]): row for row in simulator.truth(*window, as_of=NOW + 5 * MINUTE)}
    last = {(row["providerCode"], row["roundId"]): row for row in simulator.truth(*window, as_of=NOW + 6 * HOUR)}
    changed = [key for key in last if first[key] != last[key]]
    assert set(first) == set(last)
    assert 0.05 < len(changed) / len(last) < 0.3
    for key in changed:
        assert last[key]["endTime"] == first[key]["endTime"]
        assert last[key]["createdAt"] > first[key]["createdAt"]
        assert last[key]["wins"] > first[key]["wins"]


def test_a_frozen_clock_can_be_moved_and_set_free(serve):
    simulator = serve().simulator
    before = simulator.truth("pv", "history", NOW, NOW + HOUR)
    simulator.advance(2 * HOUR)
    assert before == []
    assert simulator.truth("pv", "history", NOW, NOW + HOUR)
    simulator.set_now(NOW)
    assert simulator.truth("pv", "history", NOW, NOW + HOUR) == []
    simulator.set_now(None)
    assert abs(datetime.now(timezone.utc) - simulator.now) < MINUTE


def test_control_endpoints_say_the_same(serve):
    clients = serve()
    simulator = clients.simulator
    window = {"start": (NOW - HOUR).isoformat(), "end": NOW.isoformat().replace("+00:00", "Z")}
    asked = {"provider": "jdb", "stream": "transactions", "filters": json.dumps({"gTypes": [0]}), **window}
    text = requests.get(f"{simulator.url}/_control/truth", params=asked, timeout=60).text
    expected = simulator.truth("jdb", "transactions", NOW - HOUR, NOW, {"gTypes": [0]})
    assert json.loads(text, parse_float=Decimal) == expected
    assert {row["gType"] for row in expected} == {0}
    clients.pv("all/list", {})
    assert len(requests.get(f"{simulator.url}/_control/log", timeout=60).json()) == 1
    requests.post(f"{simulator.url}/_control/reset_log", timeout=60)
    assert requests.get(f"{simulator.url}/_control/log", timeout=60).json() == []
    requests.post(f"{simulator.url}/_control/now", json={"now": "2026-11-21T00:00:00Z"}, timeout=60)
    assert simulator.now.isoformat() == "2026-11-21T00:00:00+00:00"
    requests.post(f"{simulator.url}/_control/faults", json={"http_500": {"probability": 1, "times": 1}}, timeout=60)
    with pytest.raises(AssertionError):
        clients.pv("all/list", {})
    assert clients.pv("all/list", {})["code"] == 200
    assert requests.post(f"{simulator.url}/_control/faults", json={"nonsense": 1}, timeout=60).status_code == 400
    assert requests.get(f"{simulator.url}/_control/connections", timeout=60).json() == simulator.credentials
