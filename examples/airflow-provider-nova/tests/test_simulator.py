"""The simulated Nova follows Nova's document, and its bets depend only on seed and time."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone

import pytest
import requests
from airflow_provider_nova import simulator as nova
from airflow_provider_nova.simulator.api import sign

from airflow_betproviders.simulator import Settings, Simulator

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


@pytest.fixture
def serve():
    """Start a simulator of Nova."""
    contexts = []

    def start(**settings):
        context = Simulator(
            Settings(**{"now": NOW, "min_interval": {}, "rate": 900, **settings}), {"nova": nova}
        ).running()
        contexts.append(context)
        return context.__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def ask(simulator, start, end, page=1, size=200, key=None, **changed):
    account = simulator.credentials["nova"]
    query = {
        "account": account["login"],
        "from": int(start.timestamp()),
        "to": int(end.timestamp()),
        "page": page,
        "size": size,
        "time": int(NOW.timestamp()),
        **changed,
    }
    text = "&".join(f"{name}={query[name]}" for name in sorted(query))
    signed = hmac.new((key or account["password"]).encode(), text.encode(), hashlib.sha256).hexdigest()
    answer = requests.get(f"{account['host']}/v1/bets", params={**query, "sign": signed}, timeout=60)
    assert answer.status_code == 200
    return answer.json()


def test_the_signature_is_an_hmac_of_the_sorted_parameters():
    # printf 'account=house7&from=1&to=2' | openssl dgst -sha256 -hmac demo-nova-key-01
    expected = "cd876fd1f433d50334af283b178de286f1ad2d610ea081e9d071c63aced1bd84"
    assert sign({"to": "2", "account": "house7", "from": "1"}, "demo-nova-key-01") == expected


def test_the_pages_of_a_window_have_exactly_the_bets_of_the_truth(serve):
    simulator = serve()
    start = NOW - 5 * HOUR
    pages = [ask(simulator, start, start + HOUR, page) for page in range(1, 7)]
    bets = [bet for page in pages for bet in page["bets"]]
    assert {page["total"] for page in pages} == {len(bets)}
    assert bets == simulator.truth("nova", "bets", start, start + HOUR)
    assert len({bet["betId"] for bet in bets}) == len(bets) > 800
    assert bets[0]["placedAt"] == "2026-11-20 07:00:00.000", "a bet lies exactly on every hour"
    assert max(bet["placedAt"] for bet in bets) < "2026-11-20 08:00:00.000"
    assert simulator.breaches == []


@pytest.mark.parametrize(("window", "more"), [("[)", 0), ("[]", 1)])
def test_the_end_of_a_window_is_an_option(serve, window, more):
    simulator = serve(options={"nova": {"window": window}})
    end = NOW - 2 * HOUR
    given = ask(simulator, end - HOUR / 60, end)
    assert given["total"] == len(simulator.truth("nova", "bets", end - HOUR / 60, end)) + more


def test_some_bets_are_settled_again_hours_later(serve):
    simulator = serve(late_share=0.2)
    window = ("nova", "bets", NOW - HOUR, NOW)
    early = simulator.truth(*window, as_of=NOW + HOUR / 20)
    later = simulator.truth(*window, as_of=NOW + 5 * HOUR)
    changed = [(old, new) for old, new in zip(early, later, strict=True) if old != new]
    assert 0.1 < len(changed) / len(later) < 0.3
    assert all(new["updatedAt"] > old["updatedAt"] and new["placedAt"] == old["placedAt"] for old, new in changed)
    assert len(simulator.truth(*window, as_of=NOW)) < len(early)


@pytest.mark.parametrize(
    ("start", "hours", "changed", "code", "rule"),
    [
        (2 * HOUR, 2, {}, "BAD_WINDOW", "span"),
        (46 * 24 * HOUR, 1, {}, "BAD_WINDOW", "retention"),
        (2 * HOUR, 1, {"size": 201}, "BAD_WINDOW", "page_size"),
        (2 * HOUR, 1, {"account": "other"}, "NO_ACCOUNT", "account"),
        (2 * HOUR, 1, {"key": "wrong"}, "BAD_SIGN", "signature"),
        (2 * HOUR, 1, {"time": "now"}, "BAD_WINDOW", "parameter"),
    ],
)
def test_a_broken_rule_is_refused_and_recorded(serve, start, hours, changed, code, rule):
    simulator = serve()
    answer = ask(simulator, NOW - start, NOW - start + hours * HOUR, **changed)
    assert (answer["ok"], answer["error"]) == (False, code)
    assert [breach["rule"] for breach in simulator.breaches] == [rule]


def test_equal_seeds_give_equal_bets(serve):
    def bets(seed, *, first):
        simulator = Simulator(Settings(now=NOW, seed=seed), {"nova": nova})
        simulator.truth("nova", "bets", first, first + HOUR)
        return simulator.truth_texts("nova", "bets", NOW - 3 * HOUR, NOW - 2 * HOUR)

    assert bets(7, first=NOW - HOUR) == bets(7, first=NOW - 9 * HOUR) != bets(8, first=NOW - HOUR)
    assert json.loads(bets(7, first=NOW)[0])["betId"]
