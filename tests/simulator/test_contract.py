"""A vendor of another package: a module that imports nothing of the simulator, found by its entry point."""

import json
import sys
import textwrap
import warnings
from datetime import timedelta
from importlib.metadata import EntryPoint

import pytest
import requests

from airflow_betproviders.simulator import Settings, Simulator
from airflow_betproviders.simulator.contract import discovery
from airflow_betproviders.simulator.contract.discovery import UnusableVendor, find_modules, options_of
from tests.simulator.clients import NOW

HOUR = timedelta(hours=1)
ORBIT = """
import json

OPTIONS = {"ends": ("[)", "[]"), "page": 200, "spacing": 1.5}


class Row:
    def __init__(self, number):
        self.key, self.at = str(number), number * 60
        self.text = json.dumps({"id": str(number), "stake": "1.50"})


class Orbit:
    name, amount_field, key_field, min_interval = "orbit", "stake", "id", 0.0
    rate_reply = (200, {"content-type": "text/plain"}, "SLOW DOWN")
    busy_replies = [(503, {}, "later")]
    empty_replies = {}

    def __init__(self, setup):
        self.setup = setup

    def handle(self, call):
        if call.headers.get("x-key") != "demo":
            call.breach("signature", "wrong key")
            return 401, {}, "no"
        call.read("bets", {"page": call.query["page"]})
        rows = [Row(number) for number in range(25)]
        page = call.page(rows, size=10, number=int(call.query["page"]))
        body = f'{{"url":"{call.url}",{page.member("total")}"pages":{page.pages},"bets":[{page.joined}]}}'
        return 200, {"content-type": "application/json", "x-seen": self.setup.now().isoformat()}, body

    def truth(self, stream, start, end, filters, as_of):
        return [Row(number).text for number in range(25)]

    def filters(self, stream, start, end):
        return [{"currency": "EUR"}]

    def connection(self, base_url):
        return {"host": base_url, "login": "me", "password": "demo", "extra": {"region": "x"}}


def make_vendor(setup):
    return Orbit(setup)
"""


@pytest.fixture
def orbit(tmp_path, monkeypatch):
    """A module of another package on the path, and nothing else of it."""
    (tmp_path / "orbit_simulator.py").write_text(textwrap.dedent(ORBIT))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "orbit_simulator"
    sys.modules.pop("orbit_simulator", None)


@pytest.fixture
def installed(monkeypatch):
    """Let entry points be found as though their packages were installed."""

    def install(*points):
        monkeypatch.setattr(
            discovery, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in points]
        )

    return install


def ask(simulator, page=1, key="demo"):
    return requests.get(f"{simulator.url}/orbit/bets", params={"page": page}, headers={"X-Key": key}, timeout=60)


def test_our_own_vendors_are_found_as_a_strangers_are():
    assert set(find_modules()) >= {"pv", "aig", "jdb", "gmag"}


def test_a_vendor_of_another_package_is_served_logged_and_given_faults(orbit, installed):
    installed(("orbit", orbit), ("pv", "airflow_betproviders.simulator.pv"))
    with Simulator(Settings(now=NOW)).running() as simulator:
        assert set(simulator.providers) == {"orbit", "pv"}
        assert simulator.credentials["orbit"] == {
            "conn_type": "orbit",
            "host": f"{simulator.url}/orbit",
            "login": "me",
            "password": "demo",
            "extra": {"region": "x", "min_interval": 0.0},
        }
        answer = ask(simulator, 3)
        assert answer.headers["x-seen"] == NOW.isoformat()
        assert answer.json() == {
            "url": f"{simulator.url}/orbit",
            "total": 25,
            "pages": 3,
            "bets": [{"id": str(number), "stake": "1.50"} for number in range(20, 25)],
        }
        assert ask(simulator, key="wrong").status_code == 401
        assert [(breach["provider"], breach["rule"]) for breach in simulator.breaches] == [("orbit", "signature")]
        assert [(call["stream"], call["refused"], call["rows"]) for call in simulator.calls] == [
            ("bets", None, 5),
            (None, "signature", None),
        ]
        simulator.faults.replace({"type_drift": 1, "duplicate": 1, "total_lie": 1})
        changed_rows = ask(simulator).json()
        assert {type(bet["stake"]) for bet in changed_rows["bets"]} == {str, float}
        assert len(changed_rows["bets"]) == 11
        assert changed_rows["total"] > 25
        simulator.faults.replace({"bad_row": 1})
        assert [bet for bet in ask(simulator).json()["bets"] if "id" not in bet or bet["stake"] == "not a number"]
        for kind, status, text in (("http_500", 500, "Internal"), ("busy", 503, "later"), ("rate", 200, "SLOW DOWN")):
            simulator.faults.replace({kind: 1})
            answer = ask(simulator)
            assert (answer.status_code, answer.text.startswith(text)) == (status, True)
        simulator.faults.replace({"reset": 1})
        with pytest.raises(requests.RequestException):
            ask(simulator)
        assert simulator.filters("orbit", "bets", NOW, NOW) == [{"currency": "EUR"}]
        asked = {"provider": "orbit", "stream": "bets", "start": NOW.isoformat(), "end": NOW.isoformat()}
        assert requests.get(f"{simulator.url}/_control/filters", params=asked, timeout=60).json() == [
            {"currency": "EUR"}
        ]
        assert (
            json.loads(requests.get(f"{simulator.url}/_control/truth", params=asked, timeout=60).text)[0]["id"] == "0"
        )


def test_a_mistake_in_a_vendors_module_is_a_breach(orbit, installed):
    installed(("orbit", orbit))
    with Simulator(Settings()).running() as simulator:
        assert ask(simulator, "one").status_code == 500
        [breach] = simulator.breaches
        assert breach["rule"] == "simulator"
        assert "invalid literal for int() with base 10: 'one'" in breach["text"]
        assert "orbit_simulator.py:" in breach["text"]


def test_calls_that_come_too_fast_get_the_vendors_own_answer(orbit, installed):
    installed(("orbit", orbit))
    with Simulator(Settings(min_interval={"orbit": 3600.0})).running() as simulator:
        assert ask(simulator).status_code == 200
        assert ask(simulator, key="wrong").status_code == 401
        assert ask(simulator).text == "SLOW DOWN"
        assert [breach["rule"] for breach in simulator.breaches] == ["signature", "rate"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"orbit": {"colour": 1}}, "orbit has no option colour; it has ends, page, spacing"),
        ({"orbit": {"ends": "()"}}, "orbit.ends is '()'; it must be one of"),
        ({"orbit": {"page": "many"}}, "orbit.page is 'many'; it must be of type int"),
        ({"obrit": {}}, "no simulated vendor obrit is installed; there are orbit"),
    ],
)
def test_a_wrong_option_is_refused_by_name(orbit, installed, options, says):
    installed(("orbit", orbit))
    with pytest.raises(ValueError, match=says.replace("(", r"\(").replace(")", r"\)")):
        Simulator(Settings(options=options))


def test_options_are_given_or_by_default(orbit, installed):
    installed(("orbit", orbit))
    module = find_modules()["orbit"]
    assert options_of("orbit", module, {}) == {"ends": "[)", "page": 200, "spacing": 1.5}
    assert options_of("orbit", module, {"ends": "[]", "spacing": 2}) == {"ends": "[]", "page": 200, "spacing": 2.0}
    assert options_of("orbit", module, {"ends": "[]", "page": "7"}) == {"ends": "[]", "page": 7, "spacing": 1.5}


def test_one_that_can_not_be_imported_is_named_and_the_others_work(orbit, installed):
    installed(("orbit", orbit), ("broken", "no_such_package.simulator"))
    with pytest.warns(
        UnusableVendor, match=r"'broken' \(no_such_package.simulator\).*No module named 'no_such_package'"
    ):
        assert set(find_modules()) == {"orbit"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("OPTIONS = {}", "the module has no make_vendor"),
        (ORBIT.replace("return Orbit(setup)", "raise OSError('no dice')"), "it can't be made: OSError: no dice"),
        (ORBIT.replace("def filters", "def filter"), "it has no filters"),
        (ORBIT.replace('"orbit", "stake"', '"obrit", "stake"'), "it calls itself 'obrit'"),
    ],
)
def test_one_that_does_not_keep_the_contract_is_named_and_the_others_work(tmp_path, monkeypatch, installed, text, says):
    (tmp_path / "half_done_simulator.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    installed(("orbit", "half_done_simulator"), ("pv", "airflow_betproviders.simulator.pv"))
    with pytest.warns(UnusableVendor, match=f"'orbit'.*{says}"):
        assert set(Simulator(Settings(now=NOW)).providers) == {"pv"}
    sys.modules.pop("half_done_simulator", None)


def test_two_of_one_name_are_named_and_the_others_work(orbit, installed):
    installed(("twin", "a"), ("orbit", orbit), ("twin", "b"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert set(find_modules()) == {"orbit"}
    assert [str(warning.message).count("there are 2 of this name") for warning in said] == [1, 1]
