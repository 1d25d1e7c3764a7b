"""The how-to that adds a provider, done as it says: its files and changes in a copy of the repository, and its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-provider.md"
BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<path>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
TOOLS = {".venv/bin/python": sys.executable}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def change(file: Path, diff: str) -> None:
    """Do what a diff without line numbers says."""
    content = file.read_text()
    for hunk in diff.split("@@\n"):
        old, new = (
            "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in kept) for kept in (" -", " +")
        )
        assert content.count(old) == 1, f"{file} has not exactly once:\n{old}"
        content = content.replace(old, new)
    file.write_text(content)


def run(folder: Path, *command: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(folder), "AIRFLOW_HOME": str(folder / "airflow")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_provider_is_added_by_doing_what_the_page_says(tmp_path: Path) -> None:
    for name in ("airflow_betproviders", "tests", "demo", "dags"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    blocks = list(BLOCK.finditer(PAGE.read_text()))

    for block in blocks:
        path, text = block["path"], block["text"]
        if path and block["kind"] == "python":
            assert not (tmp_path / path).exists()
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)
        elif path:
            change(tmp_path / path, text)

    commands = [
        line.removeprefix("$ ")
        for block in blocks
        if block["kind"] == "console"
        for line in block["text"].splitlines()
        if line.startswith("$ ") and not line.startswith("$ make")
    ]
    said = []
    for command in commands:
        program, *arguments = shlex.split(command)
        said.append(run(tmp_path, TOOLS[program], *arguments, "-p", "no:cacheprovider"))
    assert len(said) == 2
    assert re.search(r"\b4 passed", said[0]), said[0]
    assert "passed" in said[1]
    run(tmp_path, sys.executable, "-m", "ruff", "check", ".")
    run(
        tmp_path, sys.executable, "-m", "mypy", "-p", "airflow_betproviders.streams", "-p", "airflow_betproviders.hooks"
    )
