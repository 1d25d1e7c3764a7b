"""Airflow's pages as a person uses them: what is clicked, filled in and read, in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from demo.airflow_client import FINISHED, wait_for
from demo.airflow_client import TIMEOUT as AIRFLOW_TIMEOUT
from demo.headless import HeadlessAirflow
from tests.browser import STILL

# The tests take the documentation's pictures anew, those that are there: DOCS_IMAGES=docs/images pytest -m browser
IMAGES = os.environ.get("DOCS_IMAGES")

TIMEOUT = 60_000  # ms that a page may take on a busy machine
expect.set_options(timeout=TIMEOUT)

# Airflow shows a toast for seconds, which a busy browser may let pass before the test looks.
KEEP_TOASTS = """
window.toasts = [];
new MutationObserver(() => {
  for (const toast of document.querySelectorAll('[role=status]'))
    if (!window.toasts.includes(toast)) window.toasts.push(toast);
}).observe(document, {childList: true, subtree: true});
"""


@contextmanager
def opened(chromium: Browser, airflow: HeadlessAirflow) -> Iterator[Page]:
    """A page of that Airflow in a browser that knows nothing yet."""
    with chromium.new_context(
        base_url=airflow.base_url, viewport={"width": 1280, "height": 900}, timezone_id="UTC", locale="en"
    ) as context:
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(KEEP_TOASTS)
        context.add_init_script(STILL)
        yield context.new_page()
        context.unroute_all(behavior="ignoreErrors")


def picture(shown: Page, name: str) -> None:
    """Take a picture that the documentation has, if pictures are being taken."""
    if IMAGES and (path := Path(IMAGES) / f"{name}.png").exists():
        shown.screenshot(path=path, animations="disabled")


def show_bucket(shown: Page, addresses: str, lake: Path) -> None:
    """Show a lake in a bucket, rather than in a temporary folder of this machine, in what comes from some addresses."""

    def answer(route: Route) -> None:
        found = route.fetch()
        text = found.text()
        for name in (lake.as_uri(), str(lake)):
            text = text.replace(name, "s3://aws_default@lake/raw")
        route.fulfill(response=found, body=text)

    shown.route(addresses, answer)


class Recording:
    """The calls that a page makes to the UI's and the public API from now on, until it loads anew."""

    def __init__(self, page: Page) -> None:
        self._ended: list[Request] = []
        page.on("requestfinished", self._keep)

    def _keep(self, request: Request) -> None:
        self._ended.append(request)

    def texts(self) -> list[str]:
        """Every answer as text, below its call and its status."""
        answers = [each.response() for each in self._ended if re.search(r"/(api/v2|ui)/", each.url)]
        return [f"{each.request.method} {each.url} {each.status}\n{each.text()}" for each in answers if each]


class Toasts:
    """The toasts that a page shows from now on, whether they are still visible or not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.earlier = page.evaluate("toasts.length")

    def wait(self, text: str) -> str:
        """Wait for a toast with that text, and return all it says."""
        toast = self.page.wait_for_function(
            "([earlier, text]) => toasts.slice(earlier).map(toast => toast.textContent).find(said => said.includes(text))",
            arg=[self.earlier, text],
        )
        return str(toast.json_value())


class ConnectionsPage:
    """Admin > Connections."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.goto("/connections")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def add(self, conn_type: str, hook_name: str) -> Locator:
        """Open the form of a new connection of that type."""
        self.page.get_by_role("button", name="Add Connection").click()
        self.dialog.get_by_role("combobox", name="Connection Type").click()
        self.page.keyboard.type(conn_type)
        self.page.get_by_role("option", name=hook_name, exact=True).click()
        return self.dialog

    def edit(self, conn_id: str) -> Locator:
        """Open the form of a stored connection."""
        self._row(conn_id).get_by_role("button", name="Edit Connection").click()
        expect(self.dialog.get_by_label("Connection ID")).to_have_value(conn_id)
        return self.dialog

    def unfold(self, section: str) -> None:
        self.dialog.get_by_role("button", name=section, exact=True).click()

    def extra(self, name: str) -> Locator:
        """The input of a field of the extra."""
        return self.dialog.locator(f'[name="element_{name}"]')

    def save(self) -> None:
        self.dialog.get_by_role("button", name="Save").click()
        expect(self.dialog).to_be_hidden()

    def test(self, conn_id: str) -> str:
        """Press Test, and read what comes up."""
        toasts = Toasts(self.page)
        self._row(conn_id).get_by_role("button", name="Test Connection").click()
        return toasts.wait("Test Connection")

    def _row(self, conn_id: str) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name=conn_id, exact=True))


class DagPage:
    """A DAG, its grid, its runs, and the form that starts a backfill.

    The page is left while runs are under way: it would draw itself anew every other second.
    """

    def __init__(self, page: Page, airflow: HeadlessAirflow, dag_id: str) -> None:
        self.page = page
        self.airflow = airflow
        self.dag_id = dag_id
        page.goto(f"/dags/{dag_id}")

    def backfill_form(self) -> Locator:
        self.page.get_by_role("button", name="Trigger Dag").click()
        self.page.get_by_role("dialog").get_by_text("Backfill", exact=True).click()
        return self.page.get_by_role("dialog").filter(has=self.page.get_by_role("heading", name="Run Backfill"))

    def choose(self, form: Locator, bound: str, at: datetime) -> None:
        """Set From or To; both are starts of intervals."""
        field = form.get_by_role("group").filter(has_text=re.compile(f"^{bound}"))
        field.get_by_role("paragraph").click()
        calendar = self.page.get_by_role("dialog").filter(has=self.page.get_by_placeholder("HH:mm"))
        calendar.get_by_placeholder("YYYY/MM/DD").fill(f"{at:%Y/%m/%d}")
        calendar.get_by_placeholder("HH:mm").fill(f"{at:%H:%M}")
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Escape")
        expect(calendar).to_be_hidden()
        expect(field).to_contain_text(f"{at:%b %d, %Y %H:%M}")

    def start(self, form: Locator) -> None:
        toasts = Toasts(self.page)
        form.get_by_role("button", name="Run Backfill").click()
        toasts.wait("Backfill generated")
        expect(form).to_be_hidden()
        self.page.goto("about:blank")

    def watch(self, states: Mapping[str, str]) -> None:
        """Wait until these runs have ended, and see that the list of runs shows them in these states: Success, Failed."""

        def ended() -> bool | None:
            found = {run["dag_run_id"]: run["state"] for run in self.airflow.runs(self.dag_id)}
            return all(found.get(run_id) in FINISHED for run_id in states) or None

        wait_for(ended, AIRFLOW_TIMEOUT, f"runs of {self.dag_id}", lambda: str(self.airflow.runs(self.dag_id)))
        self.page.goto(f"/dags/{self.dag_id}/runs")
        for run_id, state in states.items():
            row = self.page.get_by_role("row").filter(has=self.page.locator(f'a[href$="/runs/{run_id}"]'))
            expect(row.get_by_text(state, exact=True)).to_be_visible()

    def clear(self, run_id: str, task_id: str = "extract") -> None:
        """Clear one task of one run, and nothing else."""
        self.page.get_by_test_id(f"grid-{run_id}-{task_id}").click()
        self.page.get_by_role("button", name="Press shift+c to clear").click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_text("Affected Tasks: 1")).to_be_visible()
        dialog.get_by_role("button", name="Confirm").click()
        expect(dialog).to_be_hidden()
        self.page.goto("about:blank")
