"""The simulated Finch keeps to Finch's document, and simulates each reading of open questions."""

import csv
import hashlib
import io
import json
from datetime import datetime, timedelta, timezone

import pytest
import requests
from airflow_provider_finch import simulator as finch
from airflow_provider_finch.simulator.api import hash_of

from airflow_betproviders.simulator import Settings, Simulator

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
BASE = [
    "playerID", "extPlayerID", "gameID", "playSessionID", "parentSessionID", "startDate", "endDate", "status", "type",
    "bet", "win", "currency", "jackpot",
]  # fmt: skip


def ms(moment):
    return round(moment.timestamp() * 1000)


def text(moment):
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def serve():
    """Start a simulator of Finch."""
    contexts = []

    def start(options=None, **settings):
        made = {"now": NOW, "rate": 6000, "options": {"finch": options or {}}, **settings}
        contexts.append(Simulator(Settings(**made), {"finch": finch}).running())
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def get(simulator, path="feeds/v3/rounds/finished/", **query):
    account = simulator.credentials["finch"]
    given = {"login": account["login"], "password": account["password"], **query}
    return requests.get(f"{account['host']}/{path}", params=given, timeout=60)


def feed(simulator, moment, path="feeds/v3/rounds/finished/", **query):
    """The timepoint of the first line, and the rows by column."""
    answer = get(simulator, path, timepoint=ms(moment), **query)
    assert answer.status_code == 200
    first, _, rest = answer.content.decode().partition("\n")
    return int(first.strip().removeprefix("timepoint=")), list(csv.DictReader(io.StringIO(rest, newline="")))


def test_the_documents_vector():
    login = {"secureLogin": "demo_operator"}
    assert hash_of(login, "demoSecret01") == "0e8c96f33078111da036873705c6245a"


def test_environments_list_a_domain_twice(serve):
    simulator = serve()
    signed = hashlib.md5(b"secureLogin=demo_operatordemoSecret01").hexdigest()
    asked = {"secureLogin": "demo_operator", "hash": signed}
    answer = requests.get(f"{simulator.url}/finch/system/environments", params=asked, timeout=60).json()
    assert (answer["error"], answer["description"]) == ("0", "OK")
    domains = [each["apiDomain"] for each in answer["environments"]]
    assert len(domains) == 3 > len(set(domains))
    window = ("finch", "rounds", NOW - HOUR, NOW - HOUR + 10 * MINUTE)
    for domain in set(domains):
        query = {"login": "demo_operator", "password": "demoSecret01", "timepoint": ms(NOW - HOUR)}
        lines = requests.get(f"http://{domain}/feeds/v3/rounds/finished/", params=query, timeout=60).text.splitlines()
        truth = simulator.truth(*window, {"domain": domain.rpartition("/")[2]})
        assert len(lines) == len(truth) + 2
    ids = [{row["playSessionID"] for row in simulator.truth(*window, {"domain": name})} for name in ("eu", "asia")]
    assert not ids[0] & ids[1]
    other = serve({"ids": "per_domain"})
    ids = [{row["playSessionID"] for row in other.truth(*window, {"domain": name})} for name in ("eu", "asia")]
    assert ids[0] & ids[1]
    wrong = requests.get(f"{simulator.url}/finch/system/environments", params={**asked, "hash": "0" * 32}, timeout=60)
    assert wrong.json()["error"] == "5"


@pytest.mark.parametrize("missing", ["null", "empty"])
@pytest.mark.parametrize("newline", ["lf", "crlf"])
def test_steps_of_ten_minutes_are_the_truth(serve, missing, newline):
    simulator = serve({"missing": missing, "newline": newline})
    start = NOW - 2 * HOUR
    for data_type in ("RNG", "LC", "R1"):
        rows = []
        for step in range(6):
            reach, given = feed(simulator, start + step * 10 * MINUTE, dataType=data_type, options="addRoundDetails")
            assert reach == ms(start + (step + 1) * 10 * MINUTE)
            rows += given
        truth = simulator.truth("finch", "rounds", start, start + HOUR, {"dataType": data_type})
        word = "null" if missing == "null" else ""
        assert rows == [{name: word if cell is None else cell for name, cell in row.items()} for row in truth]
        assert len({row["playSessionID"] for row in rows}) == len(rows) > 100
        if data_type != "R1":
            assert rows[0]["endDate"] == text(start), "a round ends exactly where a window begins"
        if data_type == "LC":
            assert {json.loads(row["roundDetails"])["note"] for row in rows} == {'first, "second" 百家乐'}
    assert simulator.breaches == []


def test_a_free_spin_is_a_round_of_its_own(serve):
    simulator = serve()
    rounds = simulator.truth("finch", "rounds", NOW - 3 * HOUR, NOW - HOUR)
    spins = [row for row in rounds if row["type"] == "F"]
    parents = {row["playSessionID"] for row in rounds}
    assert spins
    assert all(row["bet"] == "0.00" for row in spins)
    assert sum(row["parentSessionID"] in parents for row in spins) > len(spins) * 0.9


def test_a_timepoint_within_a_second_gives_rows_that_print_as_before_it(serve):
    simulator = serve(rate=100_000)
    start = NOW - HOUR + timedelta(milliseconds=500)
    _, rows = feed(simulator, start)
    assert any(row["endDate"] == text(NOW - HOUR) for row in rows)


@pytest.mark.parametrize(("line", "says"), [("reach", NOW - 3 * MINUTE), ("now", NOW)])
def test_near_the_present_an_answer_reaches_less_far(serve, line, says):
    simulator = serve({"line": line})
    reach, rows = feed(simulator, NOW - 8 * MINUTE)
    assert reach == ms(says)
    assert max(row["endDate"] for row in rows) < text(NOW - 3 * MINUTE)
    assert rows == feed(simulator, NOW - 8 * MINUTE)[1]
    reach, rows = feed(simulator, NOW - MINUTE)
    assert rows == []
    assert reach == ms(says)
    simulator.advance(10 * MINUTE)
    whole = simulator.truth("finch", "rounds", NOW - 8 * MINUTE, NOW + 2 * MINUTE, {"options": ""})
    assert len(feed(simulator, NOW - 8 * MINUTE)[1]) == len(whole)


def test_adjustments_come_in_a_feed_of_their_own(serve):
    simulator = serve(late_share=0.3)
    span = (NOW - 3 * HOUR, NOW - 2 * HOUR)
    adjusted = {row["playSessionID"]: row for row in simulator.truth("finch", "adjusted", *span, {"dataType": "LC"})}
    before = (span[0] - 100 * MINUTE, span[1] - 100 * MINUTE)
    finished = {row["playSessionID"]: row for row in simulator.truth("finch", "rounds", *before, {"dataType": "LC"})}
    assert adjusted
    assert set(adjusted) < set(finished)
    assert all(float(row["win"]) == pytest.approx(float(finished[key]["win"]) + 1.25) for key, row in adjusted.items())
    rows = []
    for step in range(6):
        rows += feed(simulator, span[0] + step * 10 * MINUTE, "feeds/v3/rounds/adjusted/", dataType="LC")[1]
    assert [row["playSessionID"] for row in rows] == list(adjusted)


def test_options_add_columns(serve):
    simulator = serve(rate=60)
    header = get(simulator, timepoint=ms(NOW - HOUR)).text.splitlines()[1]
    assert header.split(",") == BASE
    header = get(simulator, timepoint=ms(NOW - HOUR), options="addBonusBetWin,addBalance").text.splitlines()[1]
    assert header.split(",") == [*BASE, "bonusBet", "bonusWin", "balance"]
    empty = get(simulator, timepoint=ms(NOW + HOUR)).text
    assert len(empty.splitlines()) == 2


@pytest.mark.parametrize(
    ("path", "query", "status", "code", "rule"),
    [
        ("feeds/v3/rounds/finished", {}, 404, "7", "parameter"),
        ("feeds/v3/rounds/finished/", {"password": "wrong"}, 401, "4", "account"),
        ("feeds/v3/rounds/finished/", {"timepoint": "soon"}, 200, "7", "parameter"),
        ("feeds/v3/rounds/finished/", {"dataType": "XX"}, 200, "7", "parameter"),
        ("feeds/v3/rounds/finished/", {"options": "addX"}, 200, "7", "parameter"),
    ],
)
def test_a_broken_rule_is_refused_and_recorded(serve, path, query, status, code, rule):
    simulator = serve()
    answer = get(simulator, path, **{"timepoint": ms(NOW - HOUR), **query})
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert [breach["rule"] for breach in simulator.breaches] == [rule]
    assert "demoSecret01" not in str(simulator.calls)


def test_calls_of_all_domains_together_are_kept_apart(serve):
    simulator = serve({"spacing": 60.0})
    assert get(simulator, timepoint=ms(NOW - HOUR)).status_code == 200
    simulator.advance(59 * SECOND)
    assert get(simulator, "asia/feeds/v3/rounds/finished/", timepoint=ms(NOW - HOUR)).status_code == 429
    simulator.advance(SECOND)
    assert get(simulator, "asia/feeds/v3/rounds/finished/", timepoint=ms(NOW - HOUR)).status_code == 200
    assert [breach["rule"] for breach in simulator.breaches] == ["rate"]


def test_faults_strike_lines_of_csv(serve):
    simulator = serve()
    honest = feed(simulator, NOW - HOUR)[1]
    simulator.faults.replace({"duplicate": 1})
    rows = feed(simulator, NOW - HOUR)[1]
    assert len(rows) == len(honest) + 1
    assert {row["playSessionID"] for row in rows} == {row["playSessionID"] for row in honest}
    simulator.faults.replace({"bad_row": 1})
    rows = feed(simulator, NOW - HOUR)[1]
    assert len([row for row in rows if not row["playSessionID"] or row["bet"] == "not a number"]) == 1
    simulator.faults.replace({"busy": 1})
    said = {get(simulator, timepoint=ms(NOW - HOUR)).text[:12] for _ in range(20)}
    assert len(said) == 4
    assert not any(each.startswith("timepoint=") for each in said)
