#!/usr/bin/env python3
"""Run the commands of the how-to pages as a user would: a fresh HOME, an environment made of the wheel, a simulated provider.

What needs no cloud account runs as written, in the order of the pages, with three replacements: the bucket is a folder, the addresses
and secrets are the simulator's, and the days are recent ones, since providers keep bets for weeks only. A page's Python blocks are
one DAG file, which Airflow must load without an error, except those that the page puts into plugins/.

    .ci/how_to.py dist/            # the folder of the wheel
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from doc_pages import BLOCK, ROOT, user_environment

PAGES = ("connections", "coverage-page", "write-a-dag", "backfills", "recover-from-an-outage", "alerts")
"""The others: `add-a-provider` is run by tests/packaging/test_add_a_provider.py, `partitions` shows a part of a sample DAG."""

GAPS_ARE_LEFT = "airflow betproviders gaps"  # exits with 1 where there are gaps


class Installation:
    """An Airflow without a scheduler, with the wheel and a local lake.

    Args:
        home: an empty folder.
        dist: the folder of the wheel.
    """

    def __init__(self, home: Path, dist: Path) -> None:
        self.home = home
        self.lake, self.dags = home / "lake", home / "airflow" / "dags"
        self.dags.mkdir(parents=True)
        (home / "airflow" / "plugins").mkdir()
        self.environment = user_environment(home) | {
            "PATH": f"{home / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow/airflow.db?timeout=60",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "JDB_AES_KEY": "made-up",
        }
        self._install(dist)

    def run(self, command: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Run a command, print its output, and end the script if its exit code is not allowed."""
        print(f"$ {command}", flush=True)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.home, env=self.environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode not in allowed:
            raise SystemExit(f"exit code {done.returncode}: {command}\n{done.stdout[-5000:]}")
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()[-6:]), end="", flush=True)
        return done.stdout

    def local(self, text: str) -> str:
        """Return a block of a page for this machine: a folder for the bucket, the simulator's addresses, recent days."""
        text = re.sub(r"s3://aws_default@lake/(\w+)", rf"file://{self.lake}/\1", text)
        last = datetime.now(timezone.utc).date() - timedelta(days=1)  # what the pages call 2026-11-20

        def recent(found: re.Match[str]) -> str:
            return f"{last - timedelta(days=20 - int(found[1])):%Y-%m-%d}"

        return re.sub(r"2026-11-(\d\d)", recent, text)

    def _install(self, dist: Path) -> None:
        [wheel] = dist.resolve().glob("airflow_provider_betproviders-*.whl")
        self.run(f"PYTHON={sys.executable} {ROOT / '.ci' / 'install-wheels'} {self.home / 'venv'} '{wheel}[delta]'")


def main(dist: Path) -> None:
    """Run the pages against the wheel in a folder."""
    with tempfile.TemporaryDirectory(prefix="how-to-") as folder:
        installation = Installation(Path(folder), dist)
        python = str(installation.home / "venv" / "bin" / "python")
        with subprocess.Popen(
            [python, "-m", "airflow_betproviders.simulator", "--port", "0", "--history-days", "25", "--rate", "60"],
            cwd=folder, env=installation.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as simulator:  # fmt: skip
            try:
                assert simulator.stdout  # noqa: S101 - a pipe
                prepare(installation, json.loads(simulator.stdout.readline())["connections"])
                for page in PAGES:
                    run_page(installation, page)
            finally:
                simulator.terminate()
    print("how-to pages: every command did what its page says")


def prepare(installation: Installation, accounts: dict[str, dict[str, Any]]) -> None:
    """Make what the pages take as given: a database, the sample DAGs, two accounts without a wait between calls."""
    installation.run("airflow db migrate")
    installation.run(
        f"cp $(python -c 'import airflow_betproviders as b; print(b.__path__[0])')/example_dags/aig.py {installation.dags}"
    )
    for vendor in ("aig", "gmag"):
        account = json.dumps({**accounts[vendor], "extra": {"min_interval": 0}})
        installation.run(f"airflow connections add {vendor}_default --conn-json '{account}'")


def run_page(installation: Installation, page: str) -> None:
    """Load the DAGs of a page, and run its commands."""
    print(f"\n-- {page}", flush=True)
    blocks = BLOCK.findall(installation.local((ROOT / "docs" / "how-to" / f"{page}.md").read_text()))
    for title, text in [(title, text) for _, title, text in blocks if title.startswith("plugins/")]:
        (installation.home / "airflow" / title).write_text(text)
    if source := [
        text for language, title, text in blocks if language == "python" and not title.startswith("plugins/")
    ]:
        file = installation.dags / f"{page.replace('-', '_')}.py"
        file.write_text("\n".join(source))
        installation.run("airflow dags reserialize")
        if file.name in installation.run("airflow dags list-import-errors --output plain", allowed=(0, 1)):
            raise SystemExit(f"the DAGs of {page}.md cannot be loaded")
    for language, _, text in blocks:
        for command in re.findall(r"^\$ ((?:.*\\\n)*.*)", text if language == "console" else "", re.MULTILINE):
            installation.run(command, allowed=(0, 1) if GAPS_ARE_LEFT in command else (0,))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
