"""Airflow discovers the installed package. A fault here breaks every `airflow` command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import airflow_commands
from tests.airflow_versions import READS_FORMS

pytestmark = pytest.mark.slow
Airflow = Callable[..., str]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    with airflow_commands.running(tmp_path_factory.mktemp("home")) as command:

        def run(*arguments: str) -> str:
            done = command(*arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run


def rows(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(output)
    return [row for row in found if "betproviders" in json.dumps(row)]


def test_airflow_still_starts(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    command = [sys.executable, "-m", "airflow", "version"]
    done = subprocess.run(
        command, env={**env, "AIRFLOW_HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_provider_is_listed(airflow: Airflow) -> None:
    [row] = rows(airflow("providers", "list", "--output", "json"))

    assert row["package_name"] == "airflow-provider-betproviders"


def test_the_hooks_import(airflow: Airflow) -> None:
    hooks = {row["connection_type"]: row for row in rows(airflow("providers", "hooks", "--output", "json"))}

    assert set(hooks) == {"pv", "aig", "jdb", "gmag"}
    assert "Error" not in json.dumps(list(hooks.values()))


def test_the_form_fields_are_registered(airflow: Airflow) -> None:
    fields = {row["connection_parameter_name"] for row in rows(airflow("providers", "widgets", "--output", "json"))}

    declared = {"extra__pv__currency", "extra__aig__sign_style", "extra__jdb__iv_secret", "extra__gmag__show_all"}
    assert declared & fields == (declared if READS_FORMS else set())


def test_importing_the_operator_loads_nothing_heavy(tmp_path: Path) -> None:
    """A DAG file is parsed every few seconds."""
    heavy = {"boto3", "cryptography", "deltalake", "fsspec", "limits", "numpy", "pandas", "pyarrow", "s3fs"}
    code = (
        "import sys, airflow.sdk; from airflow.sdk import BaseOperator, BaseHook; before = set(sys.modules)\n"
        "import airflow_betproviders.operators.extract, airflow_betproviders.operators.replay\n"
        f"print(*sorted({heavy!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []
