"""Take the pictures of the coverage page that the documentation has: `make screenshots`.

A real Airflow with the sample DAGs, a made-up lake of sixty days, and Chromium.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from demo.headless import HeadlessAirflow
from demo.setup import DAGS, ROOT
from tests.airflow.pages import show_bucket
from tests.browser import running_chromium
from tests.plugin.showcase import Showcase

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Page

IMAGES = ROOT / "docs" / "images"
DAYS = 60
SIZE = {"width": 1400, "height": 900}
WAIT = 120_000  # milliseconds


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder:
        now = datetime.now(timezone.utc)
        full, young = (Showcase(Path(folder) / name, now) for name in ("full", "young"))
        full.fill(DAYS)
        young.fill(1)
        _take(
            full,
            Path(folder) / "full-airflow",
            {"coverage-page": "light", "coverage-slot": "light", "coverage-backfill": "dark"},
        )
        _take(young, Path(folder) / "young-airflow", {"coverage-young": "light"})


def _take(show: Showcase, home: Path, pictures: dict[str, str]) -> None:
    env = {"AIRFLOW_VAR_BETPROVIDERS_PATH": show.path, "AIRFLOW_VAR_BETPROVIDERS_TABLE": show.table}
    with HeadlessAirflow(home, DAGS, env) as airflow, running_chromium() as browser:
        airflow.wait_dag("aig_transactions")
        for name, scheme in pictures.items():
            page = _opened(browser, airflow.base_url, scheme, show)
            frame = page.frame_locator("iframe")
            frame.locator("#streams[aria-busy=false] canvas").first.wait_for()
            _prepare(name, frame)
            page.mouse.move(0, 0)
            page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
            page.context.close()


def _opened(browser: Browser, url: str, scheme: str, show: Showcase) -> Page:
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, locale="en", timezone_id="UTC")
    context.set_default_timeout(WAIT)
    page = context.new_page()
    show_bucket(page, "**/betproviders/api/*", show.folder / "raw")
    page.goto(url)
    page.get_by_text("Coverage", exact=True).first.click()
    return page


def _prepare(name: str, frame: FrameLocator) -> None:
    if name == "coverage-slot":
        frame.locator(".card", has_text="PV (2J)").locator(".square.quarantined").first.click()
        frame.locator("#panel dl").wait_for()
    elif name == "coverage-backfill":
        frame.locator(".card", has_text="AIG").locator(".square.missing").first.click()
        frame.get_by_role("button", name="Backfill this gap").click()
        frame.locator("dialog select").wait_for()


if __name__ == "__main__":
    main()
