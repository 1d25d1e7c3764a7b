from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from demo.headless import HeadlessAirflow
from tests.airflow.shared_airflow import SharedAirflow, Visitors, new_context
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


@pytest.fixture(scope="module")
def visitors(airflow: SharedAirflow, chromium: Browser) -> Iterator[Visitors]:
    """The users of the module's Airflow, each with a browser."""
    with ExitStack() as stack:
        yield Visitors(airflow, chromium, stack)


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    with new_context(chromium) as context:
        yield context
