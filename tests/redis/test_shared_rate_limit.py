"""A rate limit in a real Redis, shared by workers in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_betproviders.simulator import Settings, Simulator
from tests.redis_server import redis  # noqa: F401

pytestmark = [pytest.mark.redis, pytest.mark.slow]

WORKER = """
import sys
from datetime import datetime, timedelta
from airflow_betproviders.providers.aig.hook import AigHook
start = datetime.fromisoformat(sys.argv[1])
for hour in range(2):
    rows = AigHook().get_df("transactions", start + timedelta(hours=hour), start + timedelta(hours=hour + 1))
    assert len(rows)
"""


@pytest.mark.parametrize("shared", [True, False])
def test_two_workers_keep_one_rate_only_if_they_share_a_rate_limit(shared: bool, redis: str) -> None:  # noqa: F811
    # More than once: a machine that pauses can hold up a call on its way, or the start of one of the two.
    assert any((breaches(redis if shared else None) == []) is shared for _ in range(3))


def breaches(storage: str | None) -> list[dict[str, Any]]:
    """Let two workers read two hours each, and return the provider's record of calls that came too early."""
    now = datetime.now(timezone.utc)
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    with Simulator(Settings(now=now, rate=60, min_interval={"aig": 1.0})).running() as simulator:
        given = simulator.credentials["aig"]
        extra = {**given["extra"], "min_interval": 1, **({"rate_limit_storage": storage} if storage else {})}
        env = {**os.environ, "AIRFLOW_CONN_AIG_DEFAULT": json.dumps({**given, "extra": extra})}
        command = [sys.executable, "-c", WORKER]
        workers = [
            subprocess.Popen([*command, (start + timedelta(hours=3 * i)).isoformat()], env=env) for i in range(2)
        ]
        assert [worker.wait(300) for worker in workers] == [0, 0]
        return simulator.breaches
