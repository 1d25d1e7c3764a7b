"""The examples for users of the bets table run: the views for DuckDB, the dbt project and the MERGE for Spark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import write_deltalake

from tests.bets_table.lakes import SampleLake, aig, at, hour_of

EXAMPLES = Path(__file__).parents[2] / "examples"
VIEWS = ("live_bets", "ggr", "ggr_by_day", "open_bets", "late_corrections", "missing_bets")


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    """Two settled bets, one without a payout, one open, one void a day later, one missing."""
    made = SampleLake(tmp_path)
    bets = [
        aig("won", placed=at(5), stake="10", win="25"),
        aig("lost", placed=at(5), stake="10.5"),
        {**aig("unpaid", placed=at(5)), "win_amount": None},
        aig("open", placed=at(5), status=0),
    ]
    made.store(hour_of(5), [*bets, aig("gone", placed=at(5))], at(7))
    made.store(hour_of(6, 21), [aig("void", placed=at(5), updated=at(6.5, 21), status=4)], at(8, 21))
    made.merge()
    made.store(hour_of(5), bets, at(9, 21))
    made.merge()
    return made


def views(sample: SampleLake) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("bets", sample.table.open().to_pyarrow_dataset())
    con.execute((EXAMPLES / "sql/bets_views.sql").read_text())
    return con


def answers(con: duckdb.DuckDBPyConnection, names: Sequence[str] = VIEWS) -> dict[str, list[Any]]:
    return {name: sorted(con.execute(f"select * from {name}").fetchall(), key=repr) for name in names}


def test_the_views_answer_the_common_questions(sample: SampleLake) -> None:
    found = answers(views(sample))
    day = at(0).date()
    # won pays 25 for 10, lost nothing for 10.5, void goes back: GGR is 10.5 - 15.
    assert found["ggr"] == [("aig", day, "101", "USD", 4, Decimal("30.5"), Decimal(35), Decimal("-4.5"), 1)]
    assert found["ggr_by_day"] == [("aig", day, "USD", 4, Decimal("30.5"), Decimal(35), Decimal("-4.5"), 1)]
    assert [row[2] for row in found["open_bets"]] == ["open"]
    assert [(row[2], row[-1]) for row in found["late_corrections"]] == [("void", timedelta(hours=25.5))]
    assert [(row[2], row[-1]) for row in found["missing_bets"]] == [("gone", at(9, 21))]
    assert len(found["live_bets"]) == 5


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the dbt on the path, else one in a virtual environment of its own: its dependencies are not those of Airflow."""
    if found := shutil.which("dbt"):
        return Path(found)
    folder = tmp_path_factory.mktemp("dbt")
    packages = ["dbt-core<1.11", "dbt-duckdb<1.11", "deltalake", "pyarrow", f"duckdb=={duckdb.__version__}"]
    python, uv = folder / "bin/python", Path(sys.executable).with_name("uv")
    create, pip = [sys.executable, "-m", "venv"], [python, "-m", "pip", "install", "--disable-pip-version-check"]
    if uv.exists():  # in seconds; pip takes a minute
        create, pip = [uv, "venv", "--python", sys.executable, "--clear"], [uv, "pip", "install", "--python", python]
    subprocess.run([*create, folder], check=True, capture_output=True)
    done = subprocess.run([*pip, "--quiet", *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"dbt cannot be installed here: {done.stderr[-300:]}")
    return folder / "bin/dbt"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_dbt_project_gives_the_same_answers(sample: SampleLake, dbt: Path, tmp_path: Path) -> None:
    project = tmp_path / "dbt"
    shutil.copytree(EXAMPLES / "dbt", project)
    database = tmp_path / "out.duckdb"
    environment = {**os.environ, "BETS_TABLE": sample.table.uri, "DBT_DUCKDB": str(database), "DO_NOT_TRACK": "1"}

    def build() -> str:
        command = [dbt, "--no-use-colors", "build", "--profiles-dir", "."]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    assert "PASS=14 WARN=0 ERROR=0" in (output := build()), output[-3000:]
    expected = answers(views(sample))
    with duckdb.connect(str(database), read_only=True) as con:
        found = answers(con, [name for name in VIEWS if name != "live_bets"])
    assert found == {name: expected[name] for name in found}
    write_deltalake(sample.table.uri, sample.table.open().to_pyarrow_table().slice(0, 1), mode="append")
    assert "FAIL 1 each_bet_is_there_once" in build()
