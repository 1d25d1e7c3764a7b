"""The coverage page as users see it: a real Airflow under a path, with users and logins, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from playwright.sync_api import FrameLocator, expect

from demo.airflow_client import TIMEOUT, wait_for
from demo.setup import MIN_INTERVAL
from demo.vendors import Vendors
from tests.airflow.shared_airflow import PATH, USERS, WAIT, SharedAirflow, Visitors
from tests.plugin.showcase import HOUR, Showcase

pytestmark = [pytest.mark.scheduler, pytest.mark.browser]

DAG_ID = "aig_transactions"
HOURS = 6


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    made = Showcase(tmp_path_factory.mktemp("lake"), datetime.now(timezone.utc))
    made.fill(4)
    for provider in ("aig", "jdb", "gmag"):
        shutil.rmtree(made.folder / "raw" / f"provider={provider}")  # PV's alone are from elsewhere
    return made


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, show: Showcase) -> Iterator[SharedAirflow]:
    """With six hours of AIG that a backfill loaded, of which two were lost since."""
    home = tmp_path_factory.mktemp("airflow")
    env = {"AIRFLOW_VAR_BETPROVIDERS_PATH": show.path, "AIRFLOW_VAR_BETPROVIDERS_TABLE": show.table}
    with (
        Vendors(home / "simulator.log", rate=60, history_days=4, min_interval=MIN_INTERVAL) as vendors,
        SharedAirflow(home / "airflow", env) as made,
    ):
        made.add_connection("aig_default", vendors.connections["aig"])
        made.set_pool("aig_default", 1)
        made.wait_dag(DAG_ID)
        made.api("PATCH", f"dags/{DAG_ID}", {"is_paused": False})
        made.post_backfill(DAG_ID, first(show), first(show) + (HOURS - 1) * HOUR)
        wait_for(lambda: len(loaded(made)) == HOURS or None, TIMEOUT, "the hours to be loaded", made.log_tails)
        for slot in sorted((show.folder / "raw" / "provider=aig").rglob("*.parquet"))[2:4]:
            slot.unlink()
        yield made


def loaded(airflow: SharedAirflow) -> list[str]:
    """The runs of the backfills; the scheduler has one of its own, which may have to wait for its hour."""
    runs = airflow.runs(DAG_ID)
    return [run["dag_run_id"] for run in runs if (run["run_type"], run["state"]) == ("backfill", "success")]


def first(show: Showcase) -> datetime:
    """The first of AIG's hours, on the day before yesterday; the third and the fourth are the gap."""
    return show.midnight - timedelta(days=2) + 5 * HOUR


def square(frame: FrameLocator, start: datetime) -> Any:
    """AIG's square of an hour."""
    return card(frame, "AIG").locator(f'.square[data-start="{start:%Y-%m-%dT%H:%M:%SZ}"]')


def card(frame: FrameLocator, name: str) -> Any:
    found = frame.locator(".card", has=frame.locator("h2", has_text=name))
    expect(found).to_have_count(1, timeout=WAIT)
    return found


@pytest.mark.parametrize(
    "path",
    ["", "assets/main.js", "api/coverage", "api/money", "api/reconciliations", "api/slot", "docs", "openapi.json"],
)
def test_without_a_login_there_is_nothing_to_read(airflow: SharedAirflow, path: str) -> None:
    answer = airflow.page(path)

    assert answer.status_code == (404 if path in {"docs", "openapi.json"} else 401)
    assert "slot" not in answer.text


def test_a_forged_login_is_refused(airflow: SharedAirflow) -> None:
    answer = requests.get(f"{airflow.url}/betproviders/api/coverage", cookies={"_token": "a.b.c"}, timeout=30)

    assert answer.status_code in {401, 403}


def test_a_stream_is_shown_to_those_who_may_read_a_dag_that_wrote_it(airflow: SharedAirflow) -> None:
    seen = {user: airflow.page("api/coverage", user).json() for user in USERS}

    providers = {user: {stream["provider"] for stream in found.get("streams", [])} for user, found in seen.items()}
    assert providers == {"ada": {"pv", "aig"}, "vic": {"pv", "aig"}, "pv_team": {"pv"}, "nobody_team": set()}
    assert list(seen["nobody_team"]) == ["detail"]
    assert "aig" not in json.dumps(seen["pv_team"]["streams"])


def test_nor_is_a_receipt_or_an_amount(airflow: SharedAirflow, show: Showcase) -> None:
    start = first(show)
    slot = {"lake": 0, "provider": "aig", "stream": "transactions", "account": "agent001", "filters": ""}
    slot |= {"start": start.isoformat(), "end": (start + HOUR).isoformat()}

    assert airflow.page("api/slot", "vic", **slot).json()["dag_id"] == DAG_ID
    assert airflow.page("api/slot", "pv_team", **slot).status_code == 404
    # A DAG that they may read, in the query, opens no other one.
    assert airflow.page("api/slot", "pv_team", **slot, dag_id="pv_history").status_code == 404
    assert airflow.page("api/slot", "vic", **{**slot, "provider": "../.."}).status_code == 404
    assert airflow.page("api/coverage", "pv_team", dag=DAG_ID).status_code == 403
    money = {user: airflow.page("api/money", user).json()["days"] for user in ("vic", "pv_team")}
    assert {day["provider"] for day in money["vic"]} == {"aig", "pv"}, "of what is shown"
    assert {day["provider"] for day in money["pv_team"]} == {"pv"}
    assert [each["provider"] for each in airflow.page("api/reconciliations", "pv_team").json()] == ["pv"]


@pytest.mark.parametrize("path", ["api/coverage", "api/money", "api/reconciliations", "api/slot"])
def test_a_user_who_may_read_no_dag_is_refused(airflow: SharedAirflow, path: str) -> None:
    answer = airflow.page(path, "nobody_team", start="0001-01-01T00:00:00Z", end="9999-12-31T00:00:00Z")

    assert answer.status_code == 403
    assert "may read no DAG" in answer.json()["detail"]


def test_a_user_without_a_dag_sees_an_empty_page(visitors: Visitors) -> None:
    frame = visitors.coverage("nobody_team")

    expect(frame.locator(".nothing")).to_be_visible(timeout=WAIT)
    assert frame.locator(".card").count() == 0


def test_a_viewer_cannot_start_a_backfill(visitors: Visitors, show: Showcase) -> None:
    frame = visitors.coverage("vic")
    square(frame, first(show) + 2 * HOUR).click()
    frame.get_by_role("button", name="Backfill this gap").click()

    expect(frame.locator("dialog")).to_contain_text("Your permissions in Airflow do not allow that", timeout=WAIT)


def test_a_slot_leads_to_the_run_that_wrote_it(visitors: Visitors, show: Showcase) -> None:
    page, frame = visitors.page("vic"), visitors.coverage("vic")
    square(frame, first(show)).click()

    panel = frame.locator("#panel")
    expect(panel).to_contain_text("Exact sums", timeout=WAIT)
    expect(panel).to_contain_text(".parquet")
    panel.locator("dd a").last.click()
    page.wait_for_url(re.compile(rf"{PATH}/dags/{DAG_ID}/runs/backfill__[^/]+$"))


def test_a_dag_has_its_own_streams_as_a_tab(airflow: SharedAirflow, visitors: Visitors) -> None:
    page = visitors.page("ada")
    page.goto(f"{airflow.url}/dags/{DAG_ID}")
    page.locator("a[href*=bet_coverage_dag]").click()  # the navigation has a link of the same name
    frame = page.frame_locator("iframe")

    card(frame, "AIG")
    expect(frame.locator(".card")).to_have_count(1)
    expect(frame.locator("#scope")).to_contain_text(DAG_ID)


def test_a_task_links_to_its_slot(airflow: SharedAirflow, visitors: Visitors, show: Showcase) -> None:
    run = loaded(airflow)[0]
    links = airflow.api("GET", f"dags/{DAG_ID}/dagRuns/{run}/taskInstances/extract/links")["extra_links"]
    assert set(links) == {"Coverage", "Data"}

    page = visitors.page("vic")
    page.goto(f"{airflow.base_url}{links['Coverage']}")

    panel = page.frame_locator("iframe").locator("#panel")
    expect(panel).to_contain_text("AIG · transactions", timeout=WAIT)
    expect(panel).to_contain_text(f"{first(show):%H}:00")


def test_the_keyboard_reaches_every_slot(visitors: Visitors) -> None:
    page, frame = visitors.page("vic"), visitors.coverage("vic")
    squares = card(frame, "AIG").locator(".square")
    squares.first.wait_for()
    squares.nth(0).focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(frame.locator("#panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(frame.locator("#panel")).to_be_hidden()
    assert frame.locator(":focus").get_attribute("aria-label")


def test_airflows_navigation_leads_to_it_and_it_is_as_dark_as_airflow(
    airflow: SharedAirflow, visitors: Visitors
) -> None:
    page = visitors.page("vic")
    page.goto(f"{airflow.url}/api/v2/version")  # any page of this origin, which has the setting
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.goto(f"{airflow.url}/")
    page.get_by_text("Coverage", exact=True).first.click()  # the navigation
    frame = page.frame_locator("iframe")
    square = card(frame, "PV").locator(".card, .square").first
    square.wait_for()

    assert frame.locator("html").get_attribute("data-theme") == "dark"
    page.evaluate("localStorage.setItem('theme', 'light')")  # as Airflow's switch does, while the page is open
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")


def test_a_gap_is_backfilled_from_the_page(airflow: SharedAirflow, visitors: Visitors, show: Showcase) -> None:
    complaints: list[str] = []
    page = visitors.page("ada")
    page.goto("about:blank")  # what is left there does not matter
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    frame = visitors.coverage("ada")
    gap = [square(frame, first(show) + hours * HOUR) for hours in (2, 3)]
    for each in gap:
        expect(each).to_have_class(re.compile("missing"))
    gap[0].click()
    frame.get_by_role("button", name="Backfill this gap (2 slots)").click()

    dialog = frame.locator("dialog")
    expect(dialog).to_contain_text("2 runs cover exactly this range", timeout=WAIT)
    expect(dialog).to_contain_text(f"{first(show) + 2 * HOUR:%Y-%m-%dT%H:%M:%SZ}")
    expect(dialog).to_contain_text(f"{first(show) + 3 * HOUR:%Y-%m-%dT%H:%M:%SZ}")
    dialog.get_by_role("button", name="Start 2 runs").click()
    expect(dialog).to_contain_text("Airflow has begun 2 runs", timeout=WAIT)
    dialog.get_by_role("button", name="Close").click()

    for each in gap:
        expect(each).to_have_class(re.compile("complete|empty"), timeout=WAIT)
    assert len(loaded(airflow)) == HOURS, "two of them ran again, and no others"
    assert complaints == []
