"""The cost of the page for every process, and how Airflow sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_betproviders.plugin import places

HEAVY = {"deltalake", "fsspec", "numpy", "pandas", "pyarrow", "requests", "airflow_betproviders.plugin.app"}


def run(code: str, home: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AIRFLOW_HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
def test_airflow_finds_it_and_loads_none_of_the_page(tmp_path: Path) -> None:
    code = (
        "import sys, json, airflow.sdk\n"
        "from airflow import plugins_manager\n"
        "before = set(sys.modules)\n"
        "import airflow_betproviders.plugin.definition as definition\n"
        f"loaded = sorted({HEAVY!r} & (set(sys.modules) - before))\n"
        "info = [p for p in plugins_manager.get_plugin_info() if p['name'] == 'betproviders']\n"
        "print(json.dumps([info, loaded], default=str))"
    )
    [[info], loaded] = json.loads(run(code, tmp_path, AIRFLOW__API__BASE_URL="https://x.example/af/").splitlines()[-1])

    assert loaded == []
    assert [app["url_prefix"] for app in info["fastapi_apps"]] == ["/betproviders"]
    views = {view["destination"]: view["href"] for view in info["external_views"]}
    assert views == {"nav": "/af/betproviders/", "dag": "/af/betproviders/?dag={DAG_ID}"}


@pytest.mark.slow
def test_airflow_imports_none_of_it_at_all(tmp_path: Path) -> None:
    code = (
        "import sys, airflow; print([name for name in sys.modules if name.startswith('airflow_betproviders.plugin')])"
    )

    assert run(code, tmp_path).strip() == "[]"


@pytest.mark.parametrize(
    ("env", "lakes", "table"),
    [
        ({}, [], ""),
        ({"AIRFLOW_VAR_BETPROVIDERS_PATH": "s3://b/raw"}, ["s3://b/raw"], ""),
        (
            {"AIRFLOW_VAR_BETPROVIDERS_PATH": "s3://b/raw", "AIRFLOW__BETPROVIDERS__LAKES": "s3://c/raw, file:///d"},
            ["s3://c/raw", "file:///d"],
            "",
        ),
        ({"AIRFLOW_VAR_BETPROVIDERS_TABLE": "s3://a/bets"}, [], "s3://a/bets"),
        (
            {"AIRFLOW_VAR_BETPROVIDERS_TABLE": "s3://a/bets", "AIRFLOW__BETPROVIDERS__TABLE": "s3://c/bets"},
            [],
            "s3://c/bets",
        ),
    ],
)
def test_where_the_lakes_are(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], lakes: list[str], table: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert (places.configured_lakes(), places.configured_table()) == (lakes, table)
