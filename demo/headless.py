"""A real Airflow on one machine, without a terminal or a browser: scheduler, DAG processor, triggerer and API server.

    with HeadlessAirflow(home=tmp / "airflow", dags_folder=Path("dags")) as airflow:
        airflow.add_connection("aig_default", {"conn_type": "aig", "host": "http://127.0.0.1:8800", ...})
        airflow.unpause("aig_hourly")
        airflow.create_backfill("aig_hourly", "2026-11-20T00:00Z", "2026-11-20T05:00Z")
        airflow.wait_runs("aig_hourly", count=6)

It uses SQLite and the local executor, or another database and Celery workers. It listens on a free port on loopback, and everybody
is an admin. All its processes are in one POSIX session, which ends with the block or with the process that entered it.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from demo.airflow_client import AirflowClient, iso
from demo.ports import free_ports
from demo.sessions import end_session

LAUNCHER = Path(__file__).with_name("airflow_processes.py")
LOCAL_SETTINGS = Path(__file__).with_name("sqlite_savepoints.py")
GRACE = 5.0  # seconds
COMPONENTS = {"metadatabase", "scheduler", "dag_processor", "triggerer"}

Settings = dict[str, dict[str, object]]
"""Airflow's options and their values, by section."""


class AirflowStartError(RuntimeError):
    """Airflow did not become healthy; the message ends with the tail of its logs."""


class AirflowEndedError(RuntimeError):
    """A component of Airflow ended, and the others with it; the message ends with the tail of their logs."""


@dataclass(frozen=True)
class CeleryWorkers:
    """Celery workers that run the tasks instead of the scheduler's processes.

    Attributes:
        broker: URL of the Redis that queues the tasks.
        concurrency: how many tasks each worker runs at once.
        names: names of the workers, all on this machine.
    """

    broker: str
    concurrency: int = 4
    names: tuple[str, ...] = ("worker-1", "worker-2")


class HeadlessAirflow(AirflowClient):
    """A real Airflow for the length of a `with` block, and a client of its API."""

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        env: Mapping[str, str] | None = None,
        *,
        parallelism: int = 4,
        port: int | None = None,
        database: str | None = None,
        celery: CeleryWorkers | None = None,
    ) -> None:
        """Describe the Airflow to start.

        Args:
            home: AIRFLOW_HOME: database, configuration and logs. A second start continues with them.
            dags_folder: Where the DAG files are.
            env: More environment for all components, such as AIRFLOW__* or AIRFLOW_CONN_* variables.
            parallelism: How many tasks run at once.
            port: The API server's port on loopback; default: a free one.
            database: SQLAlchemy's URL of an empty database; default: SQLite in `home`.
            celery: Workers that run the tasks; they need a `database` that is a server.
        """
        self.home = home.resolve()
        self.port = port or free_ports(1)[0]
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.workers = celery.names if celery else ()
        # On a busy machine a write may wait longer for its turn than SQLite's default of five seconds.
        database = database or f"sqlite:///{self.home / 'airflow.db'}?timeout=60"
        self.env = (
            _environment(self.home, dags_folder.resolve(), self.base_url, self.port, parallelism)
            | _variables({"database": {"sql_alchemy_conn": database}})
            | (_variables(_celery(celery, database)) if celery else {})
            | dict(env or {})
        )
        self.logs = self.home / "logs"
        self._launcher_log = self.logs / "launcher.log"
        self._launcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> HeadlessAirflow:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = 300) -> None:
        """Start all components and return when each has reported itself healthy."""
        self.logs.mkdir(parents=True, exist_ok=True)
        (self.home / "config").mkdir(exist_ok=True)
        shutil.copyfile(LOCAL_SETTINGS, self.home / "config" / "airflow_local_settings.py")
        with self._launcher_log.open("wb") as output:
            self._launcher = subprocess.Popen(
                [sys.executable, str(LAUNCHER), str(os.getpid()), *self.workers],
                cwd=self.home,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_healthy(self._launcher, timeout)
            self.log_in()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of this Airflow."""
        self.close()
        if self._launcher is not None:
            # The components in their order, which takes less than a second if no task runs, and then whatever is left.
            self._launcher.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._launcher.wait(GRACE)
            end_session(self._launcher.pid, grace_seconds=GRACE)
            self._launcher.wait()
            self._launcher = None

    def pid_of(self, name: str) -> int:
        """Return the process id of a component or a Celery worker; the processes of its tasks descend from it."""
        return int((self.home / f"{name}.pid").read_text())

    def cli(self, *arguments: str, timeout: float = 120) -> str:
        """Run `airflow <arguments>` on this Airflow and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"airflow {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def create_backfill(
        self,
        dag_id: str,
        start: datetime | str,
        end: datetime | str,
        *,
        reprocess: str = "none",
        max_active_runs: int = 4,
    ) -> int:
        """Create a backfill as a person would, by `airflow backfill create`, and return its id.

        Both ends are inclusive, and they mean the starts of intervals: 02:00 to 06:00 hourly covers [02:00, 07:00).
        """
        self.wait_dag(dag_id)
        self.cli(
            *("backfill", "create", "--dag-id", dag_id, "--from-date", iso(start), "--to-date", iso(end)),
            *("--reprocess-behavior", reprocess, "--max-active-runs", str(max_active_runs)),
        )
        return max(int(backfill["id"]) for backfill in self._all("backfills", "backfills", dag_id=dag_id))

    def log_tails(self, lines: int = 15) -> str:
        """Return the last lines of every component's log."""
        tails = []
        for log in sorted(self.logs.glob("*.log")):
            text = log.read_text(errors="replace").splitlines()[-lines:]
            tails.append("\n".join([f"--- {log.name}", *text]))
        return "\n".join(tails)

    def _request_once(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        try:
            return super()._request_once(method, path, **kwargs)
        except requests.ConnectionError as error:
            if self._has_lost_a_component():
                raise AirflowEndedError(f"{method} {path}: Airflow has ended\n{self.log_tails()}") from error
            raise

    def _has_lost_a_component(self) -> bool:
        """Return whether the launcher has seen a component end; the other components then end one by one."""
        return self._launcher is not None and "ended with status" in self._launcher_log.read_text()

    def _wait_healthy(self, launcher: subprocess.Popen[bytes], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        states: dict[str, Any] = {}
        while {name for name, state in states.items() if state == "healthy"} < COMPONENTS:
            if launcher.poll() is not None:
                raise AirflowStartError(f"a component of Airflow ended while starting\n{self.log_tails()}")
            if time.monotonic() > deadline:
                raise AirflowStartError(f"not healthy after {timeout:g} s: {states}\n{self.log_tails()}")
            time.sleep(0.1)
            states = self.health()


def _environment(home: Path, dags_folder: Path, url: str, port: int, parallelism: int) -> dict[str, str]:
    """Return the environment of all components: the caller's, with none of its Airflow settings."""
    inherited = {k: v for k, v in os.environ.items() if not re.match("_?AIRFLOW_", k)}
    settings: Settings = {
        "core": {
            "dags_folder": dags_folder,
            "execution_api_server_url": f"{url}/execution/",
            "executor": "LocalExecutor",
            "fernet_key": base64.urlsafe_b64encode(_persistent(home / "fernet.key")).decode(),
            "load_examples": False,
            "min_serialized_dag_update_interval": 1,
            "parallelism": parallelism,
            "simple_auth_manager_all_admins": True,
            "test_connection": "Enabled",
        },
        "api": {"base_url": url, "host": "127.0.0.1", "port": port, "secret_key": secrets.token_urlsafe(32)},
        "api_auth": {"jwt_secret": secrets.token_urlsafe(32)},
        "database": {"check_migrations": False},  # the launcher has brought the database up to date
        "dag_processor": {
            "bundle_refresh_check_interval": 1,
            "min_file_process_interval": 600,  # a new or changed file is read at the next refresh all the same
            "parsing_processes": 1,
            "refresh_interval": 2,
        },
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False},
        "scheduler": {"scheduler_idle_sleep_time": 0.5},
        "usage_data_collection": {"enabled": False},
        "workers": {"execution_api_timeout": 60},  # a busy machine needs more than five
    }
    return (
        inherited
        | {"AIRFLOW_HOME": str(home), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])}
        | _variables(settings)
    )


def _celery(workers: CeleryWorkers, database: str) -> Settings:
    return {
        "core": {"executor": "CeleryExecutor"},
        "celery": {
            "broker_url": workers.broker,
            "result_backend": f"db+{database}",
            "worker_concurrency": workers.concurrency,
        },
    }


def _variables(settings: Settings) -> dict[str, str]:
    return {
        f"AIRFLOW__{section}__{option}".upper(): str(value)
        for section, options in settings.items()
        for option, value in options.items()
    }


def _persistent(path: Path) -> bytes:
    """Return random bytes that stay the same for a home, so that a second start can read its connections."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
