"""Run a real PostgreSQL on loopback, from the system's packages."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from demo.ports import free_ports

USER = DATABASE = "airflow"


@contextmanager
def running() -> Iterator[str]:
    """Run a server with an empty database, and yield its URL for SQLAlchemy. Its data are deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        # PostgreSQL refuses to run as root, and its own user may not read pytest's folders.
        run_as: dict[str, Any] = {"cwd": folder}
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            run_as |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        data, log = Path(folder, "data"), Path(folder, "log")
        create = [_program("initdb"), "-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, **run_as)
        [port] = free_ports(1)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "off",
        }
        serve = [_program("postgres"), "-D", data, *(f"--{name}={value}" for name, value in options.items())]
        with log.open("wb") as output, subprocess.Popen(serve, stdout=output, stderr=output, **run_as) as process:
            try:
                _create_database(process, port, log)
                yield f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/{DATABASE}"
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown: does not wait for open connections


def tables(url: str) -> dict[str, bytes]:
    """Return what each table of a database holds, as text."""
    held = {}
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute("SET bytea_output = escape; SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in cursor.fetchall():
            rows = io.BytesIO()
            cursor.copy_expert(f'COPY "{name}" TO STDOUT', rows)
            held[name] = rows.getvalue()
    return held


def _program(name: str) -> str:
    installed = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), *filter(None, [shutil.which(name)])]
    if not installed:
        pytest.fail(f"no {name} of PostgreSQL on this machine: run .ci/debian-packages")
    return str(installed[-1])


def _create_database(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            connection = psycopg2.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres")
            break
        except psycopg2.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start\n{log.read_text()}") from error
            time.sleep(0.1)
    connection.autocommit = True  # a database is not created in a transaction
    connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    connection.close()
