from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.airflow.shared_airflow import SharedAirflow, Visitors
from tests.browser import running_chromium


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
