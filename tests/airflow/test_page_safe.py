"""A hostile user and a hostile page cannot harm a real Airflow with the coverage page.

Fifty clients at once, ordinary, greedy or without rights: the API server stays quick for everybody else.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests

from tests.airflow.shared_airflow import SharedAirflow, Visitors
from tests.plugin.showcase import Showcase

pytestmark = [pytest.mark.scheduler]

log = logging.getLogger(__name__)

CLIENTS = 50
SECONDS, LEAST = 1, 20  # how long the other user works at least, and how many answers they get
ALLOWANCE = 0.1  # seconds that the machine's own noise may take
MEASURED = 3  # times at most, since the machine may pause during one
OTHER_ROUTE = "api/v2/dags?limit=5"
NOW = datetime.now(timezone.utc)
EXTREME = {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T00:00:00Z", "days": 10**9, "last": "9999-12-31"}
PLACE = {"lake": 0, "provider": "pv", "stream": "history", "account": "1001", "filters": ""}

Query = Callable[[int], dict[str, Any]]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedAirflow]:
    show = Showcase(tmp_path_factory.mktemp("lake"), NOW)
    show.fill(30)
    env = {"AIRFLOW_VAR_BETPROVIDERS_PATH": show.path, "AIRFLOW_VAR_BETPROVIDERS_TABLE": show.table}
    with SharedAirflow(tmp_path_factory.mktemp("airflow"), env) as made:
        made.wait_dag("aig_transactions")
        assert made.page("api/coverage", "vic").ok
        yield made


@dataclass
class Watch:
    """How long each answer of another route took, in seconds, while another user asked again and again."""

    took: list[float]

    @property
    def usual(self) -> float:
        return median(self.took)

    @property
    def slow(self) -> float:
        """The time that nine of ten answers keep."""
        return sorted(self.took)[len(self.took) * 9 // 10]


def watch(airflow: SharedAirflow) -> Watch:
    took: list[float] = []
    with airflow.session("ada") as session:
        until = time.perf_counter() + SECONDS
        while len(took) < LEAST or time.perf_counter() < until:
            began = time.perf_counter()
            session.get(f"{airflow.url}/{OTHER_ROUTE}", timeout=60).raise_for_status()
            took.append(time.perf_counter() - began)
    return Watch(took)


def under_load(
    airflow: SharedAirflow, user: str, path: str, query: Query, *, polite: bool = False
) -> tuple[Counter[int], Watch]:
    """Let all clients ask without end while another user works: what they were answered, and how the other one fared."""
    queries = [query(number) for number in range(400)]
    asked = {"url": f"{airflow.url}/{path}", "token": airflow.token(user), "clients": CLIENTS, "queries": queries}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.airflow.page_clients"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as clients:  # fmt: skip
        assert clients.stdin
        assert clients.stdout
        clients.stdin.write(json.dumps({**asked, "polite": polite}) + "\n")
        clients.stdin.flush()
        assert clients.stdout.readline(), "the clients did not begin"
        seen = watch(airflow)
        clients.stdin.close()
        statuses = json.loads(clients.stdout.read())
    return Counter({int(status): count for status, count in statuses.items()}), seen


def other_days(number: int) -> dict[str, Any]:
    return {"days": 1 + number % 60, "last": f"{NOW - timedelta(days=number % 20):%Y-%m-%d}"}


LOADS = [
    pytest.param("nobody_team", "slot", lambda _: PLACE | EXTREME, {403, 429}, False, id="slot without rights"),
    pytest.param("nobody_team", "coverage", lambda n: {"days": 1 + n}, {403, 429}, False, id="days without rights"),
    pytest.param("vic", "slot", lambda _: PLACE | EXTREME, {422, 429}, False, id="extreme slot"),
    pytest.param("vic", "coverage", lambda _: {}, {200, 429}, False, id="all the same"),
    pytest.param("vic", "coverage", other_days, {200, 429, 503}, False, id="each another range"),
    pytest.param("vic", "money", lambda n: {"days": 1 + n % 400}, {200, 429, 503}, False, id="money"),
    pytest.param("vic", "coverage", other_days, {200, 429, 503}, True, id="people who look at the page"),
]


@pytest.mark.parametrize(("user", "path", "query", "allowed", "polite"), LOADS)
def test_others_do_not_notice(
    airflow: SharedAirflow, user: str, path: str, query: Query, allowed: set[int], *, polite: bool
) -> None:
    """Hostile clients ask again at once, whatever they were answered; polite ones wait as long as they are asked to."""
    for _ in range(MEASURED):
        idle = watch(airflow)  # anew: what else this machine does may change at any time
        statuses, seen = under_load(airflow, user, f"betproviders/api/{path}", query, polite=polite)

        text = ", ".join(
            f"{name} {watch.usual:.3f} s, nine of ten {watch.slow:.3f} s, at most {max(watch.took):.3f} s"
            for name, watch in {"idle": idle, "under load": seen}.items()
        )
        log.info("another route: %s; answers by status: %s", text, dict(statuses))
        assert set(statuses) <= allowed
        assert statuses.total() >= CLIENTS
        if seen.usual < 2 * idle.usual + 2 * ALLOWANCE and seen.slow < 3 * idle.slow + 20 * ALLOWANCE:
            return
    pytest.fail(f"another route became slow each of {MEASURED} times, the last time: {text}")


def test_the_page_works_again_at_once(airflow: SharedAirflow) -> None:
    assert airflow.page("api/coverage", "vic").ok


def test_a_stranger_costs_nothing(airflow: SharedAirflow) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        url = f"{airflow.url}/betproviders/api/slot"
        answers = list(pool.map(lambda _: requests.get(url, params=PLACE | EXTREME, timeout=60), range(CLIENTS)))

    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.browser
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another site", "another origin of this site"])
def test_another_site_starts_no_backfill_and_reads_nothing(
    airflow: SharedAirflow, visitors: Visitors, host: str, tmp_path: Path
) -> None:
    """With the user's cookies at hand, since the user is logged in: by fetch, by a form, and by a link to the data."""
    page = visitors.page("ada")
    [cookie] = [each for each in page.context.cookies() if each["name"] == "_token"]
    assert cookie["sameSite"] in {"Lax", "Strict"}
    with page.context.new_page() as evil, _site(host, tmp_path) as origin:
        evil.goto(origin)
        answers = evil.evaluate(_ATTACKS, [airflow.url, _BACKFILL])
        # A form needs no permission of the other origin to be sent, and its answer is a page.
        with evil.expect_navigation() as sent:
            evil.evaluate(_FORM, [f"{airflow.url}/api/v2/backfills", json.dumps(_BACKFILL)[:-1] + ',"x":"', '"}'])

    assert set(answers) == {"refused"}, answers
    assert sent.value is not None
    assert sent.value.status in {401, 403, 415, 422}
    assert airflow.api("GET", "backfills", dag_id=_BACKFILL["dag_id"])["backfills"] == []
    own = f"{airflow.url}/betproviders/api/coverage?days=1"
    assert page.evaluate("url => fetch(url).then(answer => answer.status)", own) == 200


_BACKFILL = {
    "dag_id": "aig_transactions",
    "from_date": "2026-11-20T00:00:00Z",
    "to_date": "2026-11-20T01:00:00Z",
    "reprocess_behavior": "completed",
    "max_active_runs": 1,
    "run_backwards": False,
}
_ATTACKS = """async ([airflow, backfill]) => {
  const body = JSON.stringify(backfill);
  const post = (type, mode) => ({ method: "POST", mode, credentials: "include", headers: { "Content-Type": type }, body });
  const tries = [
    [`${airflow}/api/v2/backfills`, post("application/json", "cors")],
    [`${airflow}/api/v2/backfills`, post("text/plain", "cors")],
    [`${airflow}/api/v2/backfills`, post("text/plain", "no-cors")],
    [`${airflow}/betproviders/api/coverage`, { credentials: "include" }],
    [`${airflow}/betproviders/api/coverage`, { credentials: "include", mode: "no-cors" }],
    [`${airflow}/betproviders/`, { credentials: "include" }],
  ];
  const read = async ([url, options]) => {
    try {
      const answer = await fetch(url, options);
      const text = await answer.text();
      return text ? `read ${text.slice(0, 80)}` : "refused"; // an opaque answer has no text
    } catch {
      return "refused";
    }
  };
  const show = (url) =>
    new Promise((done) => {
      const image = new Image();
      image.onload = () => done("shown");
      image.onerror = () => done("refused");
      image.src = url;
    });
  return Promise.all([...tries.map(read), show(`${airflow}/betproviders/assets/icon.svg`)]);
}"""
_FORM = """([action, name, value]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", enctype: "text/plain", action });
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value });
  form.append(input);
  document.body.append(form);
  form.submit();
}"""


@contextmanager
def _site(host: str, folder: Path) -> Iterator[str]:
    """Somebody else's web site, with one empty page."""
    (folder / "index.html").write_text("<!doctype html><title>Win a prize</title><body></body>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{host}:{server.server_port}/"
        server.shutdown()
        thread.join()
