"""The simulated Quill keeps to Quill's document, its quota above all, and simulates each reading of open questions."""

import hashlib
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests
from airflow_provider_quill import simulator as quill
from airflow_provider_quill.simulator.api import sign
from airflow_provider_quill.simulator.quota import Quota

from airflow_betproviders.simulator import Settings, Simulator

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EAST_8 = timezone(timedelta(hours=8))
MEMBERS = {
    "gameOrderId", "platType", "currency", "playerId", "gameType", "gameName", "round", "table", "seat", "betContent",
    "betAmount", "validAmount", "settledAmount", "status", "betTime", "lastUpdateTime",
}  # fmt: skip


def wall(moment):
    return moment.astimezone(EAST_8).strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture
def serve():
    """Start a simulator of Quill; its rate limits are off unless asked for."""
    contexts = []

    def start(options=None, limits=False, **settings):
        made = {"now": NOW, "rate": 2400, "options": {"quill": options or {}}, **settings}
        contexts.append(Simulator(Settings(**made, min_interval=None if limits else {}), {"quill": quill}).running())
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def ask(simulator, path="history", *, random=None, key=None, sn=None, status=200, **body):
    account = simulator.credentials["quill"]
    nonce = random or uuid.uuid4().hex
    sn = sn or account["login"]
    headers = {
        "random": nonce,
        "sn": sn,
        "sign": hashlib.md5((nonce + sn + (key or account["password"])).encode()).hexdigest(),
    }
    answer = requests.post(f"{account['host']}/records/{path}", json=body, headers=headers, timeout=60)
    assert answer.status_code == status
    return answer.json(parse_float=Decimal)


def window(start, end, **more):
    return {"currency": "PHP", "startTime": wall(start), "endTime": wall(end), **more}


@pytest.mark.parametrize(
    ("nonce", "signed"),
    [
        ("a1b2c3d4e5f60718", "e11085e6a78278b52d2085538c43ce3c"),
        ("0123456789abcdefghijklmnopqrstuv", "61314a72b93489d792045bb941698424"),
    ],
)
def test_the_documents_vectors(nonce, signed):
    assert sign(nonce, "zz1", "demoSecretKey0001") == signed
    assert sign("zz1", "a1b2c3d4e5f60718", "demoSecretKey0001") == "026dd075aba73f6d0ce2d326ce2942bd" != signed


@pytest.mark.parametrize(("held", "starts", "ends"), [("[]", 1, 1), ("[)", 1, 0), ("(]", 0, 1)])
def test_which_ends_a_window_holds_is_an_option(serve, held, starts, ends):
    simulator = serve({"window": held})
    at = NOW - 3 * HOUR
    after = ask(simulator, **window(at, at + MINUTE))["data"]["list"]
    before = ask(simulator, **window(at - MINUTE, at))["data"]["list"]
    assert sum(row["lastUpdateTime"] == wall(at) for row in after) >= starts
    assert any(row["lastUpdateTime"] == wall(at) for row in after) is bool(starts)
    assert any(row["lastUpdateTime"] == wall(at) for row in before) is bool(ends)


@pytest.mark.parametrize(("held", "more"), [("[]", 1), ("[)", 0)])
def test_pages_of_a_window_are_the_truth(serve, held, more):
    simulator = serve({"window": held})
    start, end = NOW - 8 * HOUR, NOW - 7 * HOUR
    pages = [ask(simulator, **window(start, end, pageNo=str(page)))["data"] for page in range(1, 7)]
    rows = [row for page in pages for row in page["list"]]
    truth = simulator.truth("quill", "history", start, end, {"currency": "PHP"})
    on_the_end = [row for row in rows if row["lastUpdateTime"] == wall(end)]
    assert [row for row in rows if row not in on_the_end] == truth
    assert len(on_the_end) >= more
    assert {page["total"] for page in pages} == {len(rows)}
    assert {(page["pageSize"], type(page["pageNo"])) for page in pages} == {(200, int)}
    assert rows[0]["lastUpdateTime"] == wall(start), "an order lies exactly on every hour"
    assert [row["lastUpdateTime"] for row in rows] == sorted(row["lastUpdateTime"] for row in rows)
    assert len({(row["platType"], row["gameOrderId"]) for row in rows}) == len(rows) > 500
    assert max(Counter(row["gameOrderId"] for row in rows).values()) >= 1
    assert {name for row in rows for name in row} == MEMBERS
    assert {row["status"] for row in rows} >= {1, 2}
    assert simulator.breaches == []


def test_an_id_may_be_that_of_another_platforms_order(serve):
    simulator = serve()
    orders = [
        (row["gameOrderId"], row["platType"])
        for given in simulator.filters("quill", "history", NOW - HOUR, NOW)
        for row in simulator.truth("quill", "history", NOW - 9 * HOUR, NOW - 3 * HOUR, given)
    ]
    assert len(set(orders)) == len(orders)
    assert len({order_id for order_id, _ in orders}) < len(orders)


def test_currencies_share_nothing(serve):
    simulator = serve()
    span = (NOW - 2 * HOUR, NOW - HOUR)
    for given in simulator.filters("quill", "history", *span):
        rows = ask(simulator, **{**window(*span, pageSize="2000"), **given})["data"]["list"]
        assert {row["currency"] for row in rows} == {given["currency"]}
        assert rows[: len(rows) - 20] == simulator.truth("quill", "history", *span, given)[: len(rows) - 20]


def test_a_change_moves_an_order_to_a_later_window(serve):
    simulator = serve(late_share=0.3)
    span = ("quill", "history", NOW - HOUR, NOW + 6 * HOUR, {"currency": "PHP"})
    early = {(row["platType"], row["gameOrderId"]): row for row in simulator.truth(*span, as_of=NOW + HOUR)}
    later = {(row["platType"], row["gameOrderId"]): row for row in simulator.truth(*span, as_of=NOW + 9 * HOUR)}
    assert set(early) <= set(later)
    changed = [key for key in early if early[key] != later[key]]
    assert len(changed) > 50
    assert all(later[key]["lastUpdateTime"] > early[key]["lastUpdateTime"] for key in changed)
    assert {later[key]["status"] for key in changed} >= {1, 3}


@pytest.mark.parametrize(("amounts", "zero"), [("kept", False), ("zero", True)])
def test_amounts_of_void_orders_are_an_option(serve, amounts, zero):
    simulator = serve({"void_amounts": amounts})
    rows = simulator.truth("quill", "history", NOW - 5 * HOUR, NOW - HOUR, {"currency": "PHP"})
    void = [row for row in rows if row["status"] in {2, 3}]
    assert void
    assert all((row["betAmount"] == 0) is zero for row in void)


def test_five_requests_an_hour_a_minute_apart(serve):
    simulator = serve(limits=True)
    codes = []
    for step in (0, 59, 1, 60, 60, 60, 60, 3299, 1, 1):
        simulator.advance(step * SECOND)
        codes.append(ask(simulator, **window(NOW - 2 * HOUR, NOW - HOUR))["code"])
    # Accepted at 0, 60, 120, 180 and 240 s; a sixth at 300 and at 3599 s is too many; at 3600 s the first is an hour ago.
    assert codes == [10000, 10009, 10000, 10000, 10000, 10000, 10009, 10009, 10000, 10009]
    assert {breach["rule"] for breach in simulator.breaches} == {"rate"}
    assert "min_interval" not in simulator.credentials["quill"]["extra"]


@pytest.mark.parametrize(("count", "codes"), [(True, [10000] * 5 + [10009]), (False, [10000] * 6)])
def test_whether_pages_count_is_an_option(serve, count, codes):
    simulator = serve({"pages_count": count}, limits=True)
    span = (NOW - 2 * HOUR, NOW - HOUR)
    assert [ask(simulator, **window(*span, pageSize="50", pageNo=str(page)))["code"] for page in range(1, 7)] == codes


def test_the_hour_slides_or_is_that_of_the_clock():
    at = NOW + 55 * MINUTE
    sliding, clock = Quota(calls=2, spacing=0), Quota(calls=2, spacing=0, by_clock=True)
    for quota in (sliding, clock):
        assert quota.broken_by(at, turns_page=False) is None
        assert quota.broken_by(at, turns_page=False) is None
        assert "3 requests in an hour" in quota.broken_by(at, turns_page=False)
    assert clock.broken_by(at + 5 * MINUTE, turns_page=False) is None
    assert sliding.broken_by(at + 5 * MINUTE, turns_page=False)
    assert sliding.broken_by(at + HOUR - SECOND, turns_page=False)
    assert sliding.broken_by(at + HOUR, turns_page=False) is None


def test_pages_may_have_to_be_apart(serve):
    simulator = serve({"page_spacing": 10.0}, limits=True)
    span = (NOW - 2 * HOUR, NOW - HOUR)
    assert ask(simulator, **window(*span))["code"] == 10000
    assert ask(simulator, **window(*span, pageNo="2"))["code"] == 10009
    simulator.advance(10 * SECOND)
    assert ask(simulator, **window(*span, pageNo="2"))["code"] == 10000


def test_latest_is_the_newest_ten_minutes_without_the_current_one(serve):
    simulator = serve(limits=True, now=NOW + 30 * SECOND)
    data = ask(simulator, "latest", currency="PHP", pageSize="2000")["data"]
    assert data["list"] == simulator.truth("quill", "latest", NOW - 10 * MINUTE, NOW, {"currency": "PHP"})
    assert ask(simulator, "latest", currency="PHP")["code"] == 10009
    assert ask(simulator, **window(NOW - 2 * HOUR, NOW - HOUR))["code"] == 10000, "a limit of its own"


def test_orders_by_id(serve):
    simulator = serve()
    [given] = simulator.filters("quill", "orders", NOW - 3 * HOUR, NOW - 2 * HOUR)
    found = ask(simulator, "orders", **given)["data"]["list"]
    assert {row["gameOrderId"] for row in found} == set(given["orderIds"].split(","))


@pytest.mark.parametrize(
    ("changed", "code", "rule"),
    [
        ({"currency": None}, 10405, "parameter"),
        ({"currency": "XXX"}, 10405, "parameter"),
        ({"startTime": wall(NOW - 8 * HOUR)}, 10001, "span"),
        ({"startTime": wall(NOW)}, 10001, "parameter"),
        ({"startTime": wall(NOW - 16 * DAY), "endTime": wall(NOW - 16 * DAY)}, 10001, "retention"),
        ({"startTime": "2026-11-20T10:00:00Z"}, 10405, "parameter"),
        ({"pageSize": "2001"}, 10405, "page_size"),
        ({"pageNo": 1}, 10405, "parameter"),
        ({"key": "wrong"}, 10404, "signature"),
        ({"sn": "other"}, 10404, "account"),
        ({"random": "SHORT"}, 10404, "account"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_broken_rule_is_refused_and_recorded(serve, changed, code, rule, status):
    simulator = serve({"error_status": status})
    answer = ask(simulator, status=status, **{**window(NOW - 2 * HOUR, NOW - HOUR), **changed})
    assert (answer["code"], answer["data"]) == (code, None)
    assert [breach["rule"] for breach in simulator.breaches] == [rule]


def test_start_may_be_the_end_and_a_nonce_must_be_new(serve):
    simulator = serve()
    hour = NOW - 3 * HOUR
    for _ in range(2):
        assert ask(simulator, random="0123456789abcdef", **window(hour, hour))["data"]["total"] >= 1
    assert [breach["rule"] for breach in simulator.breaches] == ["random"]
