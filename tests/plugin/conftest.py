from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import running_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a real browser."""
    with running_chromium() as browser:
        yield browser
