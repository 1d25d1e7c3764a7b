"""The commands find connections that are stored in Airflow's database; what they set for that is internal to Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.airflow_versions import AIRFLOW

CODE = """
from argparse import Namespace

from airflow import settings
from airflow.models import Connection, import_all_models
from airflow.models.base import Base
from airflow.sdk import BaseHook

from airflow_betproviders.cli.plan import print_plan
from airflow_betproviders.cli.terminal import use_stored_connections

import_all_models()
Base.metadata.create_all(settings.engine)
with settings.Session() as session:
    session.add(Connection(conn_id="stored", conn_type="aig", host="aig.example.com", login="agent001", password="k" * 16))
    session.commit()
times = {"start": "2026-11-20T00:00", "end": "2026-11-20T05:00"}
print_plan(Namespace(path="/nowhere", conn_id="stored", stream=None, slot=None, output="json", verbose=False, **times))
use_stored_connections()
print("host:", BaseHook.get_connection("stored").host)
"""


@pytest.mark.slow
def test_commands_find_connections_of_the_database(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    env |= {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=env, capture_output=True, text=True, timeout=200, check=False
    )

    assert '"account": "agent001"' in done.stdout, done.stderr[-3000:]
    assert "host: aig.example.com" in done.stdout, (
        f"Airflow {AIRFLOW} no longer reads its database where _AIRFLOW_PROCESS_CONTEXT is server; "
        f"see airflow_betproviders/cli/terminal.py\n{done.stderr[-3000:]}"
    )
