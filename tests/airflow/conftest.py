import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from demo.headless import HeadlessAirflow

DAGS = Path(__file__).with_name("dags")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def headless_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadlessAirflow]:
    """One real Airflow, on the DAGs beside this file, for all tests that need no more than their own DAG."""
    with HeadlessAirflow(tmp_path_factory.mktemp("airflow"), DAGS) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, which any page may be opened in."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, "no Chromium: run .ci/debian-packages"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])  # CI is root
        yield browser
        browser.close()


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    context.set_default_timeout(120_000)
    yield context
    context.close()
