from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from demo.headless import HeadlessAirflow
from tests.browser import running_chromium

DAGS = Path(__file__).with_name("dags")


@pytest.fixture(scope="session")
def headless_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadlessAirflow]:
    """One real Airflow, on the DAGs beside this file, for all tests that need no more than their own DAG."""
    with HeadlessAirflow(tmp_path_factory.mktemp("airflow"), DAGS) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, which any page may be opened in."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    context.set_default_timeout(120_000)
    yield context
    context.close()
