"""Each fault does what its name says, leaves truth alone, and is in the call log."""

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from airflow_betproviders.simulator.__main__ import settings_from
from airflow_betproviders.simulator.faults.switches import COMMON, KINDS
from tests.simulator.clients import NOW, gmag_time, jdb_time

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
START = NOW - 3 * HOUR


@pytest.fixture
def faulty(serve):
    return serve(slow_seconds=0.2)


def ask_pv(clients, page=1, size=100):
    seconds = int(START.timestamp())
    window = {"time_start": seconds, "time_end": seconds + 3600, "page": page, "page_size": size}
    return clients.pv("all/history", window)["data"]


def ask_jdb(clients):
    return clients.jdb(64, starttime=jdb_time(START), endtime=jdb_time(START + 5 * MINUTE))


def ask_gmag(clients):
    return clients.gmag("history/game", startTime=gmag_time(START), endTime=gmag_time(START + 29 * MINUTE))


ENDLESS = ("silence", "drip_body", "drip_headers", "endless_continue", "endless_500", "gzip_bomb")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ENDLESS])
def test_no_fault_changes_truth(faulty, kind):
    simulator = faulty.simulator
    before = simulator.truth_texts("pv", "history", START, START + HOUR)
    simulator.faults.set(kind)
    for page in (1, 2):
        with suppress(AssertionError, ValueError, LookupError, ArithmeticError, requests.RequestException):
            ask_pv(faulty, page)
    assert simulator.truth_texts("pv", "history", START, START + HOUR) == before
    assert len(simulator.calls) == 2


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("http_500", 500, "Internal"),
        ("http_502_html", 502, "<!DOCTYPE"),
        ("html_200", 200, "<!DOCTYPE"),
        ("http_429", 429, "Too Many"),
        ("rate", 429, "Too Many"),
        ("busy", 200, '{"code":500'),
        ("cut_json", 200, '{"code":200'),
    ],
)
def test_transport(faulty, kind, status, content):
    faulty.simulator.faults.set(kind, times=1)
    answers = []
    faulty.parsed = answers.append
    with pytest.raises(TypeError):
        ask_pv(faulty)
    assert answers[0].status_code == status
    assert answers[0].text.startswith(content)
    assert ("retry-after" in answers[0].headers) == (status == 429)
    if kind == "cut_json":
        with pytest.raises(ValueError, match=r".*"):
            json.loads(answers[0].text)
    assert faulty.simulator.calls[0]["faults"] == [kind]


def test_reset_and_slow(faulty):
    faulty.simulator.faults.replace({"slow": 1, "reset": {"probability": 1, "times": 1}})
    with pytest.raises(requests.RequestException):
        ask_pv(faulty)
    assert ask_pv(faulty)["total"]
    assert min(call["seconds"] for call in faulty.simulator.calls) > 0.2


def test_jdb_has_words_of_its_own_for_rate_and_busy(faulty):
    faulty.simulator.faults.set("rate", provider="jdb", times=1)
    assert ask_jdb(faulty)["status"] == "9019"
    faulty.simulator.faults.set("busy", provider="jdb")
    assert {ask_jdb(faulty)["status"] for _ in range(12)} == {"9012", "9017"}
    assert ask_gmag(faulty)["error"] == "0"


def test_drift_changes_the_total_after_the_first_page(faulty):
    rows = [row["event_id"] for row in faulty.simulator.truth("pv", "history", START, START + HOUR)]
    faulty.simulator.faults.set("drift")
    first, second = ask_pv(faulty), ask_pv(faulty, 2)
    assert first["total"] == len(rows)
    assert second["total"] != len(rows)
    shift = len(rows) - second["total"]
    assert [row["event_id"] for row in second["items"]] == rows[100 + shift : 200 + shift]


def test_other_faults_of_paging(faulty):
    correct = ask_pv(faulty)
    faulty.simulator.faults.replace({"repeated_page": 1})
    assert ask_pv(faulty, 2)["items"] == correct["items"]
    faulty.simulator.faults.replace({"duplicate": 1})
    twice = ask_pv(faulty)
    assert twice["total"] == correct["total"]
    assert sorted(Counter(row["event_id"] for row in twice["items"]).values())[-2:] == [1, 2]
    faulty.simulator.faults.replace({"total_lie": 1})
    assert ask_pv(faulty)["total"] > correct["total"]


@pytest.mark.parametrize(("ask", "list_of"), [(ask_pv, "items"), (ask_jdb, "data"), (ask_gmag, "records")])
def test_faults_of_content(faulty, ask, list_of):
    correct = ask(faulty)[list_of]
    money = {"items": "bet_amount", "data": "bet", "records": "bets"}[list_of]
    key = {"items": "event_id", "data": "historyId", "records": "roundId"}[list_of]
    faulty.simulator.faults.replace({"type_drift": 1})
    drifted = ask(faulty)[list_of]
    assert [Decimal(row[money]) for row in drifted] == [row[money] for row in correct]
    assert len({type(row[money]) for row in drifted}) > 1
    faulty.simulator.faults.replace({"unknown_field": 1})
    assert any(set(row) - set(other) for row, other in zip(ask(faulty)[list_of], correct, strict=True))
    faulty.simulator.faults.replace({"duplicate_key": 1})
    assert ask(faulty)[list_of] == correct
    faulty.simulator.faults.replace({"bad_row": 1})
    changed_rows = ask(faulty)[list_of]
    bad = [row for row in changed_rows if key not in row or row[money] == "not a number"]
    assert len(bad) == 1
    assert len(faulty.simulator.calls[-1]["bad_rows"]) == 1


def test_faults_are_drawn_from_the_seed(serve):
    drawn = []
    for _ in range(2):
        clients = serve(fault_rate=0.3, fault_kinds=("http_500", "duplicate"))
        for _ in range(20):
            with suppress(AssertionError):
                ask_pv(clients)
        drawn.append([call["faults"] for call in clients.simulator.calls])
    assert drawn[0] == drawn[1]
    assert 0 < sum(map(bool, drawn[0])) < 20


def test_unknown_faults_are_refused(faulty):
    with pytest.raises(ValueError, match="is not one of"):
        faulty.simulator.faults.set("earthquake")


def test_command_line():
    words = "--port 0 --seed 9 --rate 60 --now 2026-11-20T12:00:00Z --min-interval aig=0,jdb=1.5 --fault-rate 0.05"
    settings, host, port = settings_from(words.split())
    assert (host, port, settings.seed, settings.rate, settings.now) == ("127.0.0.1", 0, 9, 60, NOW)
    assert settings.min_interval == {"aig": 0, "jdb": 1.5}
    assert settings.fault_kinds == COMMON
    assert settings_from(["--now", "none"])[0].now is None
