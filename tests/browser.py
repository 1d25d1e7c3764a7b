"""The Chromium that tests and screenshots open pages in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a headless Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "no Chromium: run .ci/debian-packages"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])  # CI is root
        yield browser
        browser.close()
