"""Each documented rule: the refusal as the vendor words it, and the breach in the log."""

import time
from datetime import timedelta

import pytest

from tests.simulator.clients import NOW, Clients, gmag_time, jdb_time


def second(moment):
    return int(moment.timestamp())


def milli(moment):
    return int(moment.timestamp() * 1000)


HOURS = {number: NOW - timedelta(hours=number) for number in range(25)}
MIDNIGHT = NOW.replace(hour=0)
SPAN = {"time_start": second(HOURS[3]), "time_end": second(HOURS[2])}


@pytest.mark.parametrize(
    ("path", "data", "rule"),
    [
        ("all/history", {**SPAN, "time_end": SPAN["time_end"] + 1}, "span"),
        (
            "all/history",
            {"time_start": second(MIDNIGHT) - 60, "time_end": second(MIDNIGHT) + 60},
            "same_day",
        ),
        ("all/history", {**SPAN, "page_size": 2001}, "page_size"),
        ("all/history", {**SPAN, "page": 0}, "parameter"),
        ("all/history", {"time_start": SPAN["time_end"], "time_end": SPAN["time_start"]}, "parameter"),
        ("all/history", {"time_start": SPAN["time_end"], "time_end": SPAN["time_end"]}, "parameter"),
        ("all/history", {"time_start": str(SPAN["time_start"]), "time_end": SPAN["time_end"]}, "parameter"),
        ("all/history", {**SPAN, "game_ids": 2000}, "parameter"),
        ("all/history", {}, "parameter"),
        ("all/stage/summary", {**SPAN, "time_start": SPAN["time_end"] - 60 * 86400 - 1}, "span"),
        ("games/user/history", SPAN, "parameter"),
        ("games/user/history", {**SPAN, "op_id": "1234", "limit": 501}, "page_size"),
        ("games/game/history", SPAN, "parameter"),
        ("all/bonus/summary", SPAN, "parameter"),
        ("no/such", SPAN, "parameter"),
    ],
)
def test_pv_refuses(clients, path, data, rule):
    answer = clients.pv(path, data)
    assert answer["code"] == 400
    assert answer["msg"]
    assert [breach["rule"] for breach in clients.simulator.breaches] == [rule]


def test_pv_refuses_a_wrong_key_merchant_and_timestamp(clients):
    assert clients.pv("all/list", {}, key="wrong")["code"] == 400
    assert clients.pv("all/list", {}, mch_id=999)["code"] == 400
    assert clients.pv("all/list", {}, ts=int(time.time() * 1000))["code"] == 400
    assert [breach["rule"] for breach in clients.simulator.breaches] == ["signature", "account", "parameter"]


@pytest.mark.parametrize(("midnight", "code"), [("accept", 200), ("refuse", 400)])
def test_pv_window_that_ends_at_midnight(serve, midnight, code):
    data = {"time_start": second(MIDNIGHT) - 3600, "time_end": second(MIDNIGHT)}
    assert serve(options={"pv": {"midnight": midnight}}).pv("all/history", data)["code"] == code


WINDOW = {"start_time": milli(HOURS[3]), "end_time": milli(HOURS[2]), "start_index": 0, "page_size": 100}


@pytest.mark.parametrize(
    ("path", "params", "rule", "code"),
    [
        ("query", {**WINDOW, "start_time": WINDOW["end_time"] - 86_400_000}, "span", 700401),
        ("query", {**WINDOW, "start_time": WINDOW["end_time"]}, "parameter", 700401),
        (
            "query",
            {**WINDOW, "start_time": milli(NOW - timedelta(days=91)), "end_time": milli(NOW - timedelta(days=90.9))},
            "retention",
            700401,
        ),
        ("query", {**WINDOW, "page_size": 5001}, "page_size", 600101),
        ("query", {**WINDOW, "page_size": ""}, "parameter", 408000),
        ("query", {**WINDOW, "start_index": -1}, "parameter", 408000),
        ("query", {**WINDOW, "key": "wrong"}, "signature", 600100),
        ("query", {**WINDOW, "agent_id": "nobody"}, "account", 700101),
        ("query", {**WINDOW, "timestamp": int(time.time() * 1000) - 700_000}, "stale_timestamp", 600100),
        ("detail", {"txn_id": "0" * 24}, "parameter", 600101),
        ("latest", {}, "parameter", 408000),
    ],
)
def test_aig_refuses(clients, path, params, rule, code):
    assert clients.aig(path, **params)["code"] == code
    assert [breach["rule"] for breach in clients.simulator.breaches] == [rule]


def test_aig_answers_once_in_five_seconds(serve):
    assert serve(min_interval=None).simulator.interval_of("aig") == 5.0


def test_aig_refuses_a_call_that_comes_too_early(serve):
    clients = serve(min_interval={"aig": 3600.0})  # longer than any pause of the machine between two calls
    assert clients.aig("query", **WINDOW)["code"] == 200
    assert clients.aig("latest", last_time=WINDOW["start_time"])["code"] == 408004
    assert [breach["rule"] for breach in clients.simulator.breaches] == ["rate"]


def span(start, end):
    return {"starttime": jdb_time(start), "endtime": jdb_time(end)}


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("number", "action", "rule", "status"),
    [
        (64, span(HOURS[3], HOURS[3] + 6 * MINUTE), "span", "8009"),
        (64, span(HOURS[3], HOURS[3] + timedelta(seconds=90)), "alignment", "8005"),
        (64, span(NOW - 61 * MINUTE, NOW - 59 * MINUTE), "too_new", "8006"),
        (64, span(NOW - timedelta(days=61), NOW - timedelta(days=61) + MINUTE), "retention", "8006"),
        (64, span(HOURS[3], HOURS[3]), "parameter", "8006"),
        (64, {"starttime": jdb_time(HOURS[3])}, "parameter", "8008"),
        (64, {"starttime": "2026-11-20 01:00:00", "endtime": jdb_time(HOURS[3])}, "parameter", "8000"),
        (64, {**span(HOURS[3], HOURS[3] + MINUTE), "gTypes": "0,7"}, "parameter", "8000"),
        (64, {**span(HOURS[3], HOURS[3] + MINUTE), "parent": "nobody"}, "account", "7001"),
        (64, {**span(HOURS[3], HOURS[3] + MINUTE), "key": "x" * 16}, "signature", "9006"),
        (64, {**span(HOURS[3], HOURS[3] + MINUTE), "ts": 1447452951820}, "stale_timestamp", "9005"),
        (29, span(HOURS[1], HOURS[1] + 16 * MINUTE), "span", "8009"),
        (29, span(NOW - 5 * MINUTE, NOW - 2 * MINUTE), "too_new", "8006"),
        (29, span(NOW - 121 * MINUTE, NOW - 119 * MINUTE), "retention", "8006"),
        (42, {"gType": 0, "date": "20-11-2026"}, "too_new", "8006"),
        (42, {"date": "01-11-2026"}, "parameter", "8008"),
        (66, {"date": "2026-11-01"}, "parameter", "8000"),
        (43, {}, "parameter", "9007"),
    ],
)
def test_jdb_refuses(clients, number, action, rule, status):
    answer = clients.jdb(number, **action)
    assert answer["status"] == status
    assert answer["err_text"]
    assert [breach["rule"] for breach in clients.simulator.breaches] == [rule]


def test_jdb_envelope_errors(clients):
    url = clients.simulator.credentials["jdb"]["host"] + "/apiRequest.do"
    bodies = [{"x": "a"}, {"dc": "other", "x": "a"}, {"dc": "demo"}, {"dc": "demo", "x": "ab", "parent": "nobody"}]
    found = [clients.session.post(url, json=body).json()["status"] for body in bodies]
    assert found == ["9002", "9003", "9004", "7001"]


def test_jdb_answers_every_documented_way_of_calling(clients):
    url = clients.simulator.credentials["jdb"]["host"] + "/apiRequest.do"
    action = {"action": 64, "ts": int(time.time() * 1000), "parent": "demoagent", **span(HOURS[3], HOURS[3] + MINUTE)}
    for padding in (b" ", b"\0"):
        for x in (clients.seal(action, padding=padding), clients.seal(action, padding=padding).rstrip("=")):
            envelope = {"dc": "demo", "x": x}
            answers = [
                clients.session.post(url, json=envelope),
                clients.session.post(url, json={**envelope, "parent": "demoagent"}),
                clients.session.post(url, data=envelope),
                clients.session.post(url, params=envelope),
                clients.session.get(url, params=envelope),
            ]
            assert {answer.json()["status"] for answer in answers} == {"0000"}
            assert len({answer.text for answer in answers}) == 1


def period(start, end):
    return {"startTime": gmag_time(start), "endTime": gmag_time(end)}


@pytest.mark.parametrize(
    ("path", "body", "rule", "code"),
    [
        ("history/game", period(HOURS[3], HOURS[3] + 30 * MINUTE), "span", "P_03"),
        ("history/game", period(HOURS[3], HOURS[3] + timedelta(seconds=90)), "alignment", "P_03"),
        ("history/game", period(NOW - timedelta(days=31), NOW - timedelta(days=31) + MINUTE), "retention", "P_03"),
        ("history/game", {**period(HOURS[3], HOURS[3] + MINUTE), "size": 10_001}, "page_size", "P_03"),
        ("history/game", {**period(HOURS[3], HOURS[3] + MINUTE), "page": "1"}, "parameter", "P_03"),
        ("history/game", period(HOURS[3], HOURS[3]), "parameter", "P_03"),
        ("history/game", {**period(HOURS[3], HOURS[3] + MINUTE), "key": "wrong"}, "signature", "P_02"),
        ("history/game", {**period(HOURS[3], HOURS[3] + MINUTE), "brandId": "7"}, "account", "P_03"),
        ("history/gameTrans", period(HOURS[3], HOURS[3] + 15 * MINUTE), "span", "P_03"),
        ("history/gameTrans", period(NOW - timedelta(days=16), NOW - timedelta(days=16) + MINUTE), "retention", "P_03"),
        ("history/gameReport", period(NOW - timedelta(days=33), NOW - timedelta(days=1)), "span", "P_03"),
        (
            "history/roundDetail",
            {"roundId": "1", "providerCode": "pt", "endTime": gmag_time(NOW)},
            "parameter",
            "50001",
        ),
    ],
)
def test_gmag_refuses(clients, path, body, rule, code):
    answer = clients.gmag(path, **body)
    assert answer["error"] == code
    assert [breach["rule"] for breach in clients.simulator.breaches] == [rule]


def test_gmag_requests_for_transactions_are_truncated_to_minutes(clients):
    answer = clients.gmag("history/gameTrans", **period(HOURS[3] + timedelta(seconds=30), HOURS[3] + 2 * MINUTE))
    whole = clients.gmag("history/gameTrans", **period(HOURS[3], HOURS[3] + 2 * MINUTE))
    assert answer["records"] == whole["records"]
    assert [breach["rule"] for breach in clients.simulator.breaches] == ["alignment"]


@pytest.mark.parametrize("provider", ["pv", "jdb", "gmag"])
def test_a_rate_limit_can_be_set_where_none_is_documented(serve, provider):
    clients: Clients = serve(min_interval={provider: 60})
    calls = {
        "pv": lambda: clients.pv("all/list", {})["code"],
        "jdb": lambda: clients.jdb(54, uid="test01")["status"],
        "gmag": lambda: clients.gmag("game/list")["error"],
    }
    assert calls[provider]() in (200, "0000", "0")
    if provider == "jdb":
        assert calls[provider]() == "9019"
    else:
        with pytest.raises(AssertionError, match="429"):
            calls[provider]()
    assert [breach["rule"] for breach in clients.simulator.breaches] == ["rate"]
