"""What a hostile user and a hostile page can do to a real Airflow with the coverage page: nothing.

Fifty clients at once, ordinary, greedy or without rights: the API server stays quick for everybody else.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.airflow.shared_airflow import SharedAirflow, enter
from tests.plugin.showcase import Showcase

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.scheduler]

log = logging.getLogger(__name__)

CLIENTS = 50
EACH = 4  # requests of a client
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


class Watch:
    """Asks another route of Airflow again and again, and notes how long each answer takes, in seconds."""

    def __init__(self, airflow: SharedAirflow) -> None:
        self.took: list[float] = []
        self._url = f"{airflow.url}/api/v2/dags?limit=5"
        self._session = airflow.session("ada")

    def until(self, done: Callable[[], bool], least: int = 5) -> None:
        while not done() or len(self.took) < least:
            began = time.perf_counter()
            self._session.get(self._url, timeout=60).raise_for_status()
            self.took.append(time.perf_counter() - began)

    @property
    def usual(self) -> float:
        return median(self.took)


def flood(airflow: SharedAirflow, user: str, path: str, query: Query) -> tuple[Counter[int], Watch, float]:
    """Let all clients ask at once while another user works: what they were answered, and how the other one fared."""
    gate, watch = threading.Barrier(CLIENTS + 1), Watch(airflow)
    sessions = [airflow.session(None) for _ in range(CLIENTS)]
    token = airflow.token(user)

    def client(number: int) -> tuple[list[int], float]:
        gate.wait()
        session, statuses, longest = sessions[number], [], 0.0
        session.headers["Authorization"] = f"Bearer {token}"
        for turn in range(EACH):
            began = time.perf_counter()
            params = query(number * EACH + turn)
            statuses.append(session.get(f"{airflow.url}/betproviders/{path}", params=params, timeout=120).status_code)
            longest = max(longest, time.perf_counter() - began)
        return statuses, longest

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        gate.wait()
        watch.until(lambda: all(each.done() for each in clients))
        results = [each.result() for each in clients]
    for session in sessions:
        session.close()
    return (
        Counter(status for statuses, _ in results for status in statuses),
        watch,
        max(longest for _, longest in results),
    )


def idle(airflow: SharedAirflow) -> float:
    watch = Watch(airflow)
    watch.until(lambda: True, least=20)
    return watch.usual


@pytest.mark.parametrize(
    ("user", "path", "query", "allowed"),
    [
        ("nobody_team", "api/slot", lambda _: PLACE | EXTREME, {403}),
        ("nobody_team", "api/coverage", lambda n: {"days": 1 + n}, {403}),
        ("vic", "api/slot", lambda _: PLACE | EXTREME, {422}),
        ("vic", "api/coverage", lambda _: {}, {200, 429}),
        (
            "vic",
            "api/coverage",
            lambda n: {"days": 1 + n, "last": f"{NOW - timedelta(days=n % 20):%Y-%m-%d}"},
            {200, 429, 503},
        ),
        ("vic", "api/money", lambda n: {"days": 1 + n}, {200, 429, 503}),
    ],
    ids=["slot without rights", "days without rights", "extreme slot", "all the same", "each another range", "money"],
)
def test_others_do_not_notice(airflow: SharedAirflow, user: str, path: str, query: Query, allowed: set[int]) -> None:
    before = idle(airflow)
    statuses, watch, longest = flood(airflow, user, path, query)

    log.info(
        "another route: %.3f s idle, %.3f s meanwhile, at most %.3f s in %d answers; the page's own at most %.1f s: %s",
        *(before, watch.usual, max(watch.took), len(watch.took), longest, dict(statuses)),
    )
    assert set(statuses) <= allowed
    assert sum(statuses.values()) == CLIENTS * EACH
    # The clients and the server share this machine's processors, so some delay is the machine's.
    assert watch.usual < max(3.0, 20 * before)
    assert max(watch.took) < 45


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
    airflow: SharedAirflow, browsing: BrowserContext, host: str, tmp_path: Path
) -> None:
    """With the user's cookies at hand, since the user is logged in: by fetch, by a form, and by a link to the data."""
    page = enter(airflow, browsing, "ada")
    [cookie] = [each for each in browsing.cookies() if each["name"] == "_token"]
    assert cookie["sameSite"] in {"Lax", "Strict"}
    evil = browsing.new_page()
    with _site(host, tmp_path) as origin:
        evil.goto(origin)
        answers = evil.evaluate(_ATTACKS, [airflow.url, _BACKFILL])
        # A form needs no permission of the other origin to be sent, and its answer is a page.
        with evil.expect_navigation() as sent:
            evil.evaluate(_FORM, [f"{airflow.url}/api/v2/backfills", json.dumps(_BACKFILL)[:-1] + ',"x":"', '"}'])

    assert set(answers) == {"refused"}, answers
    assert sent.value is not None
    assert sent.value.status in {401, 403, 415, 422}
    assert airflow.api("GET", "backfills", dag_id=_BACKFILL["dag_id"])["backfills"] == []
    assert page.evaluate("fetch('betproviders/api/coverage?days=1').then(answer => answer.status)") == 200


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
