"""The simulated Rowan keeps to Rowan's document, and simulates each reading of open questions."""

import hashlib
import hmac
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests
from airflow_provider_rowan import simulator as rowan
from airflow_provider_rowan.simulator.signature import digest, sign, signature_error

from airflow_betproviders.simulator import Settings, Simulator

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BODY_A = b"operator_token=demo-operator-01&secret_key=demo-secret-01&count=1500&bet_type=1&row_version=1768435200000&hands_status=0"
BODY_B = b"operator_token=demo-operator-01&secret_key=demo-secret-01&count=5000&bet_type=1&from_time=1768435200000&to_time=1768438800000"
DATE = f"{datetime.now(timezone.utc):%Y%m%d}"


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def serve():
    """Start a simulator of Rowan."""
    contexts = []

    def start(options=None, **settings):
        made = {"now": NOW, "rate": 3000, "history_days": 70, "options": {"rowan": options or {}}, **settings}
        contexts.append(Simulator(Settings(**made), {"rowan": rowan}).running())
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def ask(simulator, path, headers=None, **form):
    account = simulator.credentials["rowan"]
    body = {"operator_token": account["login"], "secret_key": account["password"], "count": 5000, "bet_type": 1, **form}
    url = f"{account['host']}/Bet/v4/{path}"
    answer = requests.post(url, data=body, params={"trace_id": "x"}, headers=headers, timeout=60)
    assert answer.status_code == 200
    return answer.json(parse_float=Decimal)


@pytest.mark.parametrize(
    ("body", "content", "signature"),
    [
        (
            BODY_A,
            "cd7b9311a16d822942f783a8031dee7f038b5f7aec975616ffb1cc3177eb3fbe",
            "9e4ba28e2e175a66fdb91001b6a6acd101215dc4b703245d7164d8dc0f685e4c",
        ),
        (
            BODY_B,
            "664c2162d6a34ca417956d3099674806d6fdfb0c4eef3d904fcc390a35398605",
            "122b421e113c131a98beddbf47616e0fb4ebd5b1642ec8a2587eaec4d1d67215",
        ),
    ],
)
def test_the_documents_vectors(body, content, signature):
    host, date, salt = "api.rowan.example", "20260115", "demo-salt-01"
    assert digest(body) == content
    assert (
        sign(host, content, date, salt)
        == signature
        != "934e36afda5b230688b8e6b0a7c55c76d23a3d99ba70063468ae38711823beed"
    )
    authorization = "RWN-HMAC-SHA256 Credential=20260115/demo-operator-01/rwn/v1,{0}SignedHeaders=host;x-content-sha256;x-date,Signature={1}"
    for blank, hexadecimal in (("", signature), (" ", signature), ("", signature.upper())):
        headers = {
            "authorization": authorization.format(blank, hexadecimal),
            "x-content-sha256": content,
            "x-date": date,
        }
        assert signature_error(headers, body, host, date, "demo-operator-01", salt) is None
        assert signature_error(headers, body, host, date, "demo-operator-01", "other") == "the signature is wrong"
        assert signature_error(headers, body + b"&x=1", host, date, "demo-operator-01", salt)
        assert signature_error(headers, body, host, "20260116", "demo-operator-01", salt)


@pytest.mark.parametrize("signed_host", ["name", "name_and_port"])
def test_signed_headers_are_checked_on_the_wire(serve, signed_host):
    simulator = serve({"signature": "required", "signed_host": signed_host})
    account = simulator.credentials["rowan"]
    port = simulator.url.rpartition(":")[2]
    body = f"operator_token={account['login']}&secret_key={account['password']}&count=1500&bet_type=1&row_version={ms(NOW - HOUR)}"
    content = hashlib.sha256(body.encode()).hexdigest()
    codes = []
    for host in ("127.0.0.1", f"127.0.0.1:{port}"):
        signature = hmac.new(
            account["extra"]["salt_secret"].encode(), f"{host}{content}{DATE}".encode(), hashlib.sha256
        ).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "x-date": DATE,
            "x-content-sha256": content,
            "Authorization": f"RWN-HMAC-SHA256 Credential={DATE}/{account['login']}/rwn/v1,"
            f"SignedHeaders=host;x-content-sha256;x-date,Signature={signature}",
        }
        answer = requests.post(f"{account['host']}/Bet/v4/GetHistory", data=body, headers=headers, timeout=60).json()
        codes.append(answer["error"] and answer["error"]["code"])
    assert codes == ([None, "1034"] if signed_host == "name" else ["1034", None])
    assert ask(simulator, "GetHistory", row_version=1)["error"]["code"] == "1034"


def follow(simulator, start, end, count=1500):
    """What the cursor gives: go on from the greatest rowVersion while answers are full."""
    found, version, calls = {}, ms(start), 0
    while True:
        rows = ask(simulator, "GetHistory", row_version=version, count=count)["data"]
        calls += 1
        found |= {(row["betId"], row["rowVersion"]): row for row in rows if row["rowVersion"] < ms(end)}
        greatest = max((row["rowVersion"] for row in rows), default=version)
        if len(rows) < count or greatest >= ms(end):
            return list(found.values()), calls
        version = greatest


@pytest.mark.parametrize("order", ["row_version", "shuffled"])
def test_the_cursor_gives_the_truth(serve, order):
    simulator = serve({"order": order})
    start, end = NOW - 3 * HOUR, NOW - HOUR
    rows, calls = follow(simulator, start, end)
    truth = simulator.truth("rowan", "history", start, end)
    assert sorted(rows, key=lambda row: row["betId"]) == sorted(truth, key=lambda row: row["betId"])
    assert calls > 3
    assert simulator.breaches == []
    versions = Counter(row["rowVersion"] for row in rows)
    assert max(versions.values()) > 1, "rowVersion is not unique"
    assert min(versions) == ms(start), "a hand lies exactly on every hour"
    assert all(row["betId"] > 1 << 53 for row in rows)
    given = ask(simulator, "GetHistory", row_version=ms(start))["data"]
    assert (given == sorted(given, key=lambda row: row["rowVersion"])) is (order == "row_version")


@pytest.mark.parametrize(("start", "again"), [("inclusive", True), ("exclusive", False)])
def test_whether_the_start_comes_again_is_an_option(serve, start, again):
    simulator = serve({"start": start})
    rows = ask(simulator, "GetHistory", row_version=ms(NOW - 2 * HOUR))["data"]
    assert any(row["rowVersion"] == ms(NOW - 2 * HOUR) for row in rows) is again


@pytest.mark.parametrize(("held", "more"), [("[]", 1), ("[)", 0), ("(]", 1)])
def test_a_time_range_is_by_end_and_cut_without_a_word(serve, held, more):
    simulator = serve({"range": held})
    start = NOW - 3 * HOUR
    window = {"from_time": ms(start), "to_time": ms(start + HOUR / 3)}
    rows = ask(simulator, "GetHistoryForSpecificTimeRange", **window)["data"]
    inside = [row for row in rows if row["betEndTime"] < ms(start + HOUR / 3)]
    truth = simulator.truth("rowan", "history_by_time", start, start + HOUR / 3)
    assert inside == truth[1 if held == "(]" else 0 :]
    assert len(rows) < 1500
    window = {"from_time": ms(start - MINUTE), "to_time": ms(start)}
    rows = ask(simulator, "GetHistoryForSpecificTimeRange", **window)["data"]
    assert sum(row["betEndTime"] == ms(start) for row in rows) == more
    cut = ask(simulator, "GetHistoryForSpecificTimeRange", from_time=ms(start), to_time=ms(start + HOUR), count=1500)
    assert len(cut["data"]) == 1500 < len(simulator.truth("rowan", "history_by_time", start, start + HOUR))


def test_a_crowd_of_one_version_never_ends(serve):
    simulator = serve({"crowd": 2000})
    at = NOW - 2 * HOUR + 31 * MINUTE
    answers = [ask(simulator, "GetHistory", row_version=ms(at), count=1500)["data"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert {row["rowVersion"] for row in answers[0]} == {ms(at)}
    assert len(ask(simulator, "GetHistory", row_version=ms(at), count=5000)["data"]) > 2000
    assert len(simulator.truth("rowan", "history", at, at + MINUTE)) >= 2000


def test_an_adjusted_hand_comes_again_under_the_same_id(serve):
    simulator = serve(late_share=0.3)
    window = ("rowan", "history", NOW - 5 * HOUR, NOW + 5 * HOUR)
    early = {row["betId"]: row for row in simulator.truth(*window, as_of=NOW - 3 * HOUR)}
    later = {row["betId"]: row for row in simulator.truth(*window, as_of=NOW + 2 * HOUR)}
    assert set(early) <= set(later)
    changed = [key for key in early if early[key] != later[key]]
    assert 0.05 < len(changed) / len(early) < 0.4
    for key in changed:
        assert later[key]["handsStatus"] == 3
        assert later[key]["rowVersion"] > early[key]["rowVersion"]
        assert later[key]["betEndTime"] == early[key]["betEndTime"]
    rows = ask(simulator, "GetHistory", row_version=ms(NOW - HOUR), hands_status=3)["data"]
    assert rows == simulator.truth("rowan", "history", NOW - HOUR, NOW, {"hands_status": 3})
    assert {row["handsStatus"] for row in rows} == {3}


def test_a_hand_shows_after_three_to_five_minutes(serve):
    simulator = serve(late_share=0)
    window = ("rowan", "history", NOW - MINUTE, NOW)
    counts = [len(simulator.truth(*window, as_of=NOW + minutes * MINUTE)) for minutes in (1, 4, 6, 600)]
    assert counts[0] == 0 < counts[1] < counts[2] == counts[3]


@pytest.mark.parametrize(("too_old", "code"), [("clipped", None), ("refused", "1034")])
def test_an_old_version_is_an_option_but_1_always_works(serve, too_old, code):
    simulator = serve({"too_old": too_old}, rate=6)
    answer = ask(simulator, "GetHistory", row_version=ms(NOW - 61 * DAY))
    assert (answer["error"] and answer["error"]["code"]) == code
    first = ask(simulator, "GetHistory", row_version=1)["data"]
    assert min(row["rowVersion"] for row in first) >= ms(NOW - 60 * DAY)


@pytest.mark.parametrize(
    ("path", "form", "code", "rule"),
    [
        ("GetHistory", {"row_version": 1, "count": 1499}, "1034", "page_size"),
        ("GetHistory", {"row_version": 1, "count": 5001}, "1034", "page_size"),
        ("GetHistory", {"row_version": 1, "bet_type": 2}, "1034", "parameter"),
        ("GetHistory", {"row_version": 0}, "1034", "parameter"),
        ("GetHistory", {"row_version": 1, "hands_status": 4}, "1034", "parameter"),
        ("GetHistory", {"row_version": ""}, "3001", "parameter"),
        ("GetHistory", {"row_version": 1, "secret_key": "x"}, "1204", "account"),
        ("GetHistory", {"row_version": 1, "operator_token": "x"}, "1204", "account"),
        ("GetHistoryForSpecificTimeRange", {"from_time": 2, "to_time": 1}, "1034", "parameter"),
        ("GetHistoryForSpecificTimeRange", {"from_time": 1, "to_time": 2}, "1034", "retention"),
        ("GetNothing", {}, "1034", "parameter"),
    ],
)
def test_a_broken_rule_is_refused_and_recorded(serve, path, form, code, rule):
    simulator = serve()
    answer = ask(simulator, path, **form)
    assert answer["data"] is None
    assert answer["error"]["code"] == code
    assert answer["error"]["traceId"]
    assert [breach["rule"] for breach in simulator.breaches] == [rule]


def test_the_hourly_summary_adds_up(serve):
    simulator = serve()
    start = NOW - 4 * HOUR
    rows = simulator.truth("rowan", "history_by_time", start, start + 2 * HOUR)
    window = {"from_time": ms(start), "to_time": ms(start + 2 * HOUR)}
    sums = ask(simulator, "GetHandsSummaryHourly", **window)["data"]
    assert sum(each["totalBetAmount"] for each in sums) == sum(row["betAmount"] for row in rows)
    assert {each["dateTime"] for each in sums} == {ms(start), ms(start + HOUR)}
    cash = ask(simulator, "GetHandsSummaryHourly", **window, currency="PHP", **{"transaction_types[0]": 1})["data"]
    wanted = [row for row in rows if (row["currency"], row["transactionType"]) == ("PHP", 1)]
    assert sum(each["totalWinAmount"] for each in cash) == sum(row["winAmount"] for row in wanted)
    same = serve({"summary": "[]"})
    one = ask(same, "GetHandsSummaryHourly", from_time=ms(start), to_time=ms(start))["data"]
    assert {each["dateTime"] for each in one} == {ms(start)}


def test_secrets_stay_out_of_the_call_log(serve):
    simulator = serve()
    ask(simulator, "GetHistory", row_version=ms(NOW))
    assert "demo-secret-01" not in str(simulator.calls)
