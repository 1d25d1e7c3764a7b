"""The documentation builds without a warning, and its pages load nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_betproviders import exceptions
from airflow_betproviders.simulator.faults.kinds import LIST, STATUSES, WIRE
from airflow_betproviders.testing.suite import ProviderTests

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]+src=["']?(https?:[^"'\s>]+)|<link[^>]+href=["']?(https?:[^"'\s>]+)"""
)


@pytest.mark.slow
def test_the_site_builds_strictly_and_needs_no_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    assert {page.name: found for page in pages if (found := LOADED.findall(page.read_text()))} == {}
    assert "lookback" in (tmp_path / "reference" / "operators.html").read_text()


@pytest.mark.parametrize("page", ["reference/errors.md", "troubleshooting.md"])
def test_a_page_about_errors_has_every_error(page: str) -> None:
    documented = set(re.findall(r"`(\w+)[`\s]", (ROOT / "docs" / page).read_text()))
    errors = {
        error.__name__
        for error in vars(exceptions).values()
        if isinstance(error, type) and issubclass(error, exceptions.BetProviderError)
    }
    assert errors - {"BetProviderError", "FinalError"} == documented & errors


def test_the_page_about_the_suite_has_each_of_its_tests() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/testing.md").read_text(), re.MULTILINE)
    assert sorted(f"test_{name}" for name in documented) == sorted(
        name for name in dir(ProviderTests) if name.startswith("test_")
    )


def test_the_page_about_the_simulator_has_each_kind_of_fault() -> None:
    page = (ROOT / "docs/reference/simulator.md").read_text()
    assert [
        kind for kind, text in {**WIRE, **LIST}.items() if kind not in STATUSES and f"| `{kind}` | {text} |" not in page
    ] == []


def test_no_page_is_in_the_navigation_twice_or_left_out() -> None:
    pages = re.findall(r"^ .*: ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(pages) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
