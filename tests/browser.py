"""The Chromium that tests and screenshots open pages in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # CI is root
    "--js-flags=--no-opt,--no-maglev",  # no page lives until optimized code has repaid its compilation
]
# Spinners and fades let the renderer draw sixty times a second. A page's content policy does not forbid this kind of style.
STILL = """{
  const still = new CSSStyleSheet();
  still.replaceSync("*, *::before, *::after { animation: none !important; transition: none !important; }");
  document.adoptedStyleSheets.push(still);
}"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a headless Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "no Chromium: run .ci/debian-packages"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
