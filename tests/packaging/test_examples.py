"""The examples are built as wheels, installed beside this package, and pass their own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("airflow-provider-*/pyproject.toml"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str, path: tuple[Path, ...] = (), folder: Path = ROOT) -> str:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(site: Path, *packages: Path) -> None:
    """Install packages into a folder, without the network."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-build-isolation", "--target", str(site), *map(str, packages))


def test_the_examples_pass_their_own_tests_side_by_side(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, *EXAMPLES)
    config = ("-c", str(EXAMPLES[0] / "pyproject.toml"), "--rootdir", str(ROOT / "examples"), "-p", "no:cacheprovider")
    tests = [str(example / "tests") for example in EXAMPLES]
    output = run(sys.executable, "-m", "pytest", "-v", *config, *tests, path=(site, ROOT))
    assert all(f"{example.name}/tests/test_conformance.py" in output for example in EXAMPLES)
    assert " passed" in output


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_readme_says_that_its_vendor_is_invented(example: Path) -> None:
    assert "is invented" in (example / "README.md").read_text()
    assert "invented" in (example / "pyproject.toml").read_text()
