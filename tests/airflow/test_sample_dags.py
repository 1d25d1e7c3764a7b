"""The sample DAGs as Airflow parses them: quick, light, and complete."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.airflow_versions import AIRFLOW, HAS_PARTITIONS

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
HEAVY = {"deltalake", "numpy", "pandas", "pyarrow", "requests", "s3fs", "matplotlib"}
FILES = sorted(path.stem for path in DAGS.glob("*.py"))

PARSE = """
import json, sys
from airflow.sdk import DAG, Asset, Variable, task
from airflow.timetables.interval import CronDataIntervalTimetable
Asset(name="any", uri="any://uri"), task.python  # for these Airflow itself loads much of other providers
before = set(sys.modules)
made = []
init = DAG.__attrs_post_init__
def remember(dag):
    init(dag)
    made.append(dag)
DAG.__attrs_post_init__ = remember
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps({
    "loaded": sorted(set(sys.modules) - before),
    "dags": {dag.dag_id: {
        "doc": dag.doc_md,
        "catchup": dag.catchup,
        "timetable": type(dag.timetable).__name__,
        "file": dag.fileloc,
        "run_types": sorted(getattr(dag, "allowed_run_types", None) or []),
        "tasks": [{
            "id": t.task_id, "pool": t.pool, "retries": t.retries, "capped": t.max_retry_delay is not None,
            "backoff": bool(t.retry_exponential_backoff), "priority": t.priority_weight, "absolute": "absolute" in str(t.weight_rule).lower(),
            "assets": [a.name for a in t.outlets or []],
        } for t in dag.tasks],
    } for dag in made},
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs that a fresh interpreter without any connection finds in `dags/`."""
    home = tmp_path_factory.mktemp("airflow")
    env = {**os.environ, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(DAGS)}
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *FILES], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["said"] = done.stdout + done.stderr
    for part, mark in {"bets": "bets_", "partitions": "_partitions_"}.items():
        found[part] = {name: found["dags"].pop(name) for name in sorted(found["dags"]) if mark in name}
    return found


def test_there_is_a_file_for_each_provider_and_for_each_shared_dag() -> None:
    assert FILES == ["aig", "bets", "gaps", "gmag", "jdb", "partitions", "pv", "reconcile"]


def test_a_file_stands_alone_when_it_is_copied() -> None:
    for name in FILES:
        imported = set(re.findall(r"^(?:from|import) (\w+)", (DAGS / f"{name}.py").read_text(), re.MULTILINE))
        assert imported <= {"__future__", "airflow", "airflow_betproviders", "datetime", "logging", "typing"}, name


def test_the_ui_shows_the_users_file_as_the_code(parsed: dict[str, Any]) -> None:
    files = {dag_id: Path(dag["file"]) for dag_id, dag in (parsed["dags"] | parsed["bets"]).items()}
    assert {file.parent for file in files.values()} == {DAGS}
    assert (files["aig_transactions"].stem, files["pv_by_game"].stem) == ("aig", "pv")


def test_the_ids_of_dags_and_tasks_stay_as_they_are(parsed: dict[str, Any]) -> None:
    assert set(parsed["dags"]) == {
        *(
            f"{provider}_{kind}"
            for provider in ("aig", "gmag", "jdb", "pv")
            for kind in ("gaps", "reconcile", "reread_weekly")
        ),
        *("aig_transactions", "aig_transactions_reread"),
        *("gmag_game_history", "gmag_game_history_reread", "gmag_daily"),
        *("jdb_recent_transactions", "jdb_transactions", "jdb_transactions_sweep", "jdb_daily"),
        *("pv_history", "pv_history_reread", "pv_daily", "pv_by_game"),
    }


def test_the_live_feed_goes_first_and_rereads_last(parsed: dict[str, Any]) -> None:
    weights = {
        dag_id: {(task["priority"], task["absolute"]) for task in dag["tasks"]}
        for dag_id, dag in parsed["dags"].items()
    }
    assert weights["jdb_recent_transactions"] == {(100, True)}
    assert weights["jdb_transactions"] == {(10, True)}
    for dag_id in ("aig_transactions_reread", "jdb_transactions_sweep", "jdb_gaps", "jdb_reconcile"):
        assert weights[dag_id] == {(1, True)}


def test_parsing_loads_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert HEAVY & set(parsed["loaded"]) == set()


def test_the_bets_table_has_a_merge_for_each_provider_and_upkeep(parsed: dict[str, Any]) -> None:
    assert list(parsed["bets"]) == ["bets_aig", "bets_gmag", "bets_jdb", "bets_optimize", "bets_pv"]
    for dag_id, dag in parsed["bets"].items():
        (task,) = dag["tasks"]
        assert task["retries"] >= 3, dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["timetable"] == (
            "CronDataIntervalTimetable" if dag_id == "bets_optimize" else "AssetTriggeredTimetable"
        )
        assert task["assets"] == ([] if dag_id == "bets_optimize" else ["betproviders/bets"]), dag_id


def test_partitions_need_airflow_3_3_and_older_versions_get_a_message(parsed: dict[str, Any]) -> None:
    if not HAS_PARTITIONS:
        assert parsed["partitions"] == {}
        assert "need Airflow 3.3 or newer" in parsed["said"]
        return
    assert {dag_id: dag["timetable"] for dag_id, dag in parsed["partitions"].items()} == {
        "gmag_partitions_daily": "PartitionedAssetTimetable",
        "gmag_partitions_hourly": "CronPartitionTimetable",
        "gmag_partitions_late": "CronDataIntervalTimetable",
    }
    assets = {task["id"]: task["assets"] for dag in parsed["partitions"].values() for task in dag["tasks"]}
    assert assets["announce"] == ["betproviders/gmag_default/changed_hours"]
    hourly, late = (parsed["partitions"][f"gmag_partitions_{name}"]["tasks"][0] for name in ("hourly", "late"))
    assert hourly["assets"] == ["betproviders/gmag_default/hours"]
    assert late["assets"] == []


def test_each_provider_has_its_gaps_filled(parsed: dict[str, Any]) -> None:
    for provider in ("aig", "gmag", "jdb", "pv"):
        first, *_ = parsed["dags"][f"{provider}_gaps"]["tasks"]
        assert (first["id"], first["assets"]) == ("main", [f"betproviders/{provider}_default/main"])


def test_each_dags_doc_has_its_backfill_and_its_pool(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]
    for dag_id, dag in parsed["dags"].items():
        vendor = dag_id.split("_")[0]
        assert "Backfill" in dag["doc"], dag_id
        assert f"airflow pools set {vendor}_default 1" in dag["doc"], dag_id


def test_each_dag_has_intervals_with_a_width_and_loads_no_past_by_itself(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        assert (dag["timetable"], dag["catchup"]) == ("CronDataIntervalTimetable", False), dag_id


def test_all_may_be_backfilled_from_the_ui_but_a_feed_of_two_hours(parsed: dict[str, Any]) -> None:
    """The UI's Backfill form is behind Trigger, which is grey on a DAG that does not allow manual runs."""
    restricted = {dag_id: dag["run_types"] for dag_id, dag in parsed["dags"].items() if dag["run_types"]}
    assert restricted == ({"jdb_recent_transactions": ["scheduled"]} if Version("3.2") <= AIRFLOW else {})


def test_each_extraction_has_its_accounts_pool_retries_and_an_asset(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        for task in dag["tasks"]:
            assert task["retries"] >= 3, dag_id
            assert task["capped"], dag_id
            assert task["backoff"], dag_id
            if task["id"] != "filters":
                assert task["pool"] == f"{dag_id.split('_')[0]}_default", dag_id


def test_each_extraction_names_its_asset(parsed: dict[str, Any]) -> None:
    assets = {
        dag_id: [name for task in dag["tasks"] for name in task["assets"]] for dag_id, dag in parsed["dags"].items()
    }
    assert assets["pv_history"] == ["betproviders/pv_default/main"]
    assert assets["pv_by_game"] == ["betproviders/pv_default/games_game_history"]
    for vendor in ("pv", "aig", "jdb", "gmag"):  # the second, so that a merge takes up what was read again
        ours = [f"betproviders/{vendor}_default/{name}" for name in ("reconciliation", "main")]
        assert assets[f"{vendor}_reconcile"] == ours
    assert all(assets.values()), assets
