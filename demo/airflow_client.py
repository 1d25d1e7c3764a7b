"""A client of Airflow's REST API, with the few calls that a demo or a test needs."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import requests
import tenacity

# Seconds; generous for slow machines. A wait ends as soon as its condition is met.
TIMEOUT = 600.0

T = TypeVar("T")
Json = dict[str, Any]

FINISHED = {"success", "failed"}


class AirflowApiError(RuntimeError):
    """Airflow refused a call; the message has its status and its reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status


class AirflowClient:
    """Calls to one Airflow; paths are relative to `/api/v2/`, or absolute when they begin with a slash."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = requests.Session()
        self._http.trust_env = False  # an Airflow on loopback is not behind a proxy

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def log_in(self) -> None:
        """Take a token from the simple auth manager, which hands them out when everybody is an admin."""
        token = self.api("GET", "/auth/token")["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def api(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        """Call the API and return its JSON; an answer of 400 and above raises `AirflowApiError`."""
        response = self._request(method, path, repeatable=method == "PATCH", json=json, params=params)
        return response.json() if response.content else None

    def health(self) -> dict[str, str]:
        """Return each component's state; `{}` while the API server does not answer."""
        try:
            states = self.api("GET", "monitor/health")
        except (requests.ConnectionError, requests.Timeout, AirflowApiError):
            return {}
        return {name: state["status"] for name, state in states.items() if state}

    # Connections and pools

    def add_connection(self, conn_id: str, connection: Json) -> None:
        """Store a connection, given as the API's fields or as `AIRFLOW_CONN_*` JSON would give them."""
        body = {"connection_id": conn_id, **connection}
        if isinstance(body.get("extra"), dict):
            body["extra"] = json.dumps(body["extra"])
        if not self._create("connections", body):
            self.api("PATCH", f"connections/{conn_id}", body)

    def set_pool(self, name: str, slots: int) -> None:
        """Create a pool, or change its number of slots."""
        body = {"name": name, "slots": slots, "include_deferred": False}
        if not self._create("pools", body):
            self.api("PATCH", f"pools/{name}", body)

    # DAGs and their runs

    def wait_dag(self, dag_id: str, timeout: float = TIMEOUT) -> Json:
        """Return the DAG once Airflow has parsed it; a file that does not import raises what it raised."""

        def poll() -> Json | None:
            try:
                dag: Json = self.api("GET", f"dags/{dag_id}")
            except AirflowApiError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                broken = self.api("GET", "importErrors")["import_errors"]
                if broken:
                    raise RuntimeError("\n".join(e["stack_trace"] for e in broken)) from error
                return None
            return dag

        return wait_for(poll, timeout, f"DAG {dag_id} to be parsed")

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG, as soon as Airflow knows it."""
        self.wait_dag(dag_id)
        self.api("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Start a manual run and return its id; `body` takes `logical_date`, `data_interval_start`, `conf`, ..."""
        run_id = f"manual__{uuid.uuid4()}"
        self._create(f"dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None, **body})
        return run_id

    def runs(self, dag_id: str) -> list[Json]:
        """Return the DAG's runs, oldest first."""
        return self._all(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="run_after")

    def wait_runs(
        self, dag_id: str, timeout: float = TIMEOUT, *, count: int = 1, run_type: str | None = None
    ) -> list[Json]:
        """Return the DAG's runs, of one type or all, once there are `count` of them or more, and all have ended."""

        def poll() -> list[Json] | None:
            runs = [run for run in self.runs(dag_id) if run_type in {None, run["run_type"]}]
            return runs if len(runs) >= count and all(run["state"] in FINISHED for run in runs) else None

        return wait_for(
            poll,
            timeout,
            f"{count} runs of {dag_id}",
            lambda: f"states: {[run['state'] for run in self.runs(dag_id)]}",
        )

    def clear(self, dag_id: str, run_id: str, *task_ids: str) -> None:
        """Clear tasks of a run, or all of it, as the UI's Clear does."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "task_ids": list(task_ids) or None}
        self.api("POST", f"dags/{dag_id}/clearTaskInstances", body)

    # Backfills

    def post_backfill(
        self,
        dag_id: str,
        start: datetime | str,
        end: datetime | str,
        *,
        reprocess: str = "none",
        max_active_runs: int = 4,
        conf: Json | None = None,
    ) -> int:
        """Create a backfill by the API, both ends inclusive, and return its id."""
        body = {
            "dag_id": dag_id,
            "from_date": iso(start),
            "to_date": iso(end),
            "reprocess_behavior": reprocess,
            "max_active_runs": max_active_runs,
            "dag_run_conf": conf or {},
        }
        return int(self.api("POST", "backfills", body)["id"])

    def wait_backfill(self, backfill_id: int, timeout: float = TIMEOUT) -> Json:
        """Return the backfill once Airflow has closed it, which it does up to 30 seconds after the last run.

        Until then Airflow refuses another backfill of the DAG. To wait for its runs only, use `wait_runs`.
        """

        def poll() -> Json | None:
            backfill: Json = self.api("GET", f"backfills/{backfill_id}")
            return backfill if backfill["completed_at"] else None

        return wait_for(poll, timeout, f"backfill {backfill_id} to be closed")

    # Results of tasks

    def task_instances(self, dag_id: str, run_id: str = "~") -> list[Json]:
        """Return the task instances of a run, or of all runs."""
        return self._all(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def xcoms(self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1) -> Json:
        """Return a task's XComs: values by key."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        keys = [entry["key"] for entry in self._all(path, "xcom_entries", map_index=map_index)]
        return {key: self.api("GET", f"{path}/{key}", map_index=map_index, deserialize=False)["value"] for key in keys}

    def task_logs(
        self, dag_id: str, run_id: str, task_id: str, *, try_number: int | None = None, map_index: int = -1
    ) -> str:
        """Return a try's log as the UI gets it, one JSON object a line; by default the last try's."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        if try_number is None:
            mapped = path if map_index < 0 else f"{path}/{map_index}"
            try_number = self.api("GET", mapped)["try_number"]
        response = self._request(
            "GET",
            f"{path}/logs/{try_number}",
            params={"map_index": map_index, "full_content": True},
            headers={"Accept": "application/x-ndjson"},
        )
        return response.content.decode()

    def asset_events(self, **filters: Any) -> list[Json]:
        """Return asset events, oldest first, each with its `extra`.

        Airflow 3.3 answers 500 while a run that an event has triggered is queued, because it has no start yet: the call repeats.
        """

        def poll() -> list[Json] | None:
            try:
                return self._all("assets/events", "asset_events", order_by="timestamp", **filters)
            except AirflowApiError as error:
                if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                return None

        return wait_for(poll, TIMEOUT, "the runs triggered by asset events to start")

    def _create(self, path: str, body: Json) -> bool:
        """Create the object that `body` names, and return whether it was new. Its name makes the call repeatable."""
        try:
            self._request("POST", path, repeatable=True, json=body)
        except AirflowApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return False
        return True

    def _request(self, method: str, path: str, *, repeatable: bool = False, **kwargs: Any) -> requests.Response:
        """Make a call; repeat a repeatable one if the database was busy.

        SQLite refuses a transaction that began with a read if another process has written since; Airflow then answers 500.
        """
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: "Database error" in str(error)),
            stop=tenacity.stop_after_attempt(5 if repeatable else 1),
            wait=tenacity.wait_fixed(1),
            reraise=True,
        )
        return again(self._request_once, method, path, **kwargs)

    def _request_once(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        url = f"{self.base_url}{path}" if path.startswith("/") else f"{self.base_url}/api/v2/{path}"
        # With SQLite, a write may wait a minute for its turn.
        response = self._http.request(method, url, timeout=90, **kwargs)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise AirflowApiError(response.status_code, f"{method} {path}: {response.status_code} {response.text}")
        return response

    def _all(self, path: str, key: str, **params: Any) -> list[Json]:
        rows: list[Json] = []
        while True:
            page = self.api("GET", path, limit=100, offset=len(rows), **params)
            rows += page[key]
            if not page[key] or len(rows) >= page["total_entries"]:
                return rows


def wait_for(poll: Callable[[], T | None], timeout: float, what: str, seen: Callable[[], str] | None = None) -> T:
    """Call `poll` until it returns something; after `timeout` seconds raise with what was `seen` last.

    A poll that takes long is repeated less often, so that it has a twentieth of the time: what it costs delays what it waits for.
    """
    deadline = time.monotonic() + timeout
    began = time.monotonic()
    while (result := poll()) is None:
        ended = time.monotonic()
        if ended > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}" + (f"; {seen()}" if seen else ""))
        time.sleep(min(max(0.5, 20 * (ended - began)), 2))
        began = time.monotonic()
    return result


def iso(instant: datetime | str) -> str:
    """Format an instant for Airflow's API and command line."""
    return instant if isinstance(instant, str) else instant.isoformat()
