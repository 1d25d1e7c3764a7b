"""The coverage page under Airflow's FAB auth manager: roles with permission to read single DAGs.

FAB is a provider with many requirements, so `.ci/test-fab` runs these tests in an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from demo.headless import HeadlessAirflow
from demo.setup import DAGS
from tests.plugin.showcase import HOUR, Showcase

pytest.importorskip("airflow.providers.fab", reason="run .ci/test-fab")
pytestmark = [pytest.mark.scheduler]

MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
ROUTES = ["api/coverage", "api/money", "api/reconciliations", "api/slot"]


USERS = {"admin": None, "aig": ["DAG:aig_transactions"], "nobody": []}
"""The users, each with the resources that their role may read; None for the role Admin."""

# One process for all of them, since each command of Airflow's takes seconds.
CREATE = """
import json, sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

with get_application_builder() as builder:
    manager = builder.sm
    for name, resources in json.loads(sys.argv[1]).items():
        role = manager.find_role("Admin") if resources is None else manager.add_role(f"{name}_role")
        for resource in resources or []:
            manager.add_permission_to_role(role, manager.create_permission("can_read", resource))
        assert manager.add_user(name, name, name, f"{name}@example.org", role, name)
"""


class FabAirflow(HeadlessAirflow):
    """An Airflow whose users have roles. Each user's password is their name."""

    def log_in(self) -> None:
        subprocess.run([sys.executable, "-c", CREATE, json.dumps(USERS)], env=self.env, check=True, capture_output=True)
        self._http.headers["Authorization"] = f"Bearer {self.token('admin')}"

    def token(self, user: str) -> str:
        answer = requests.post(f"{self.base_url}/auth/token", json={"username": user, "password": user}, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def page(self, path: str, user: str, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return requests.get(f"{self.base_url}/betproviders/{path}", headers=headers, params=query, timeout=60)


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    made = Showcase(tmp_path_factory.mktemp("lake"), datetime.now(timezone.utc))
    made.fill(3)
    return made


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, show: Showcase) -> Iterator[FabAirflow]:
    env = {
        "AIRFLOW_VAR_BETPROVIDERS_PATH": show.path,
        "AIRFLOW_VAR_BETPROVIDERS_TABLE": show.table,
        "AIRFLOW__CORE__AUTH_MANAGER": MANAGER,
    }
    with FabAirflow(tmp_path_factory.mktemp("airflow"), DAGS, env) as made:
        made.wait_dag("aig_transactions")
        yield made


def test_who_may_read_all_dags_sees_all(airflow: FabAirflow) -> None:
    seen = airflow.page("api/coverage", "admin", days=3).json()

    assert {stream["provider"] for stream in seen["streams"]} == {"aig", "gmag", "jdb", "pv"}


def test_who_may_read_one_dag_sees_what_it_wrote(airflow: FabAirflow, show: Showcase) -> None:
    seen = airflow.page("api/coverage", "aig", days=3).json()
    assert [stream["provider"] for stream in seen["streams"]] == ["aig"]
    assert {day["provider"] for day in airflow.page("api/money", "aig", days=3).json()["days"]} == {"aig"}
    assert [each["provider"] for each in airflow.page("api/reconciliations", "aig", days=3).json()] == ["aig"]

    start = show.midnight - timedelta(days=1)
    place = {"lake": 0, "start": start.isoformat(), "end": (start + HOUR).isoformat()}
    own = {"provider": "aig", "stream": "transactions", "account": "agent001"}
    other = {"provider": "pv", "stream": "history", "account": "1001"}
    assert airflow.page("api/slot", "aig", **place, **own).json()["dag_id"] == "aig_transactions"
    assert airflow.page("api/slot", "aig", **place, **other).status_code == 404
    assert airflow.page("api/coverage", "aig", dag="pv_history").status_code == 403


@pytest.mark.parametrize("path", ROUTES)
def test_who_may_read_none_is_refused(airflow: FabAirflow, path: str) -> None:
    answer = airflow.page(path, "nobody", start="0001-01-01T00:00:00Z", end="9999-12-31T00:00:00Z")

    assert answer.status_code == 403
    assert "may read no DAG" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "assets/main.js", *ROUTES])
def test_without_a_login_there_is_nothing(airflow: FabAirflow, path: str) -> None:
    assert requests.get(f"{airflow.base_url}/betproviders/{path}", timeout=60).status_code == 401
