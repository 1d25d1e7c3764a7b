"""A task warns before its first call when no pool limits the calls of its account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeHook
from tests.operator_runs import HOURLY, bets, context, execute, operator
from tests.recorder import Recorder, Reply, Request


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("pool", "extra", "warned"),
    [
        ("default_pool", {"min_interval": 0.01}, True),
        ("aig_default", {"min_interval": 0.01}, False),
        ("default_pool", {"min_interval": 0}, False),
        ("default_pool", {"min_interval": 0.01, "rate_limit_storage": "memory://"}, False),
    ],
)
def test_a_task_without_a_pool_warns_once_before_the_first_call(
    make: MakeHook,
    server: Recorder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    pool: str,
    extra: dict[str, Any],
    warned: bool,
) -> None:
    make("aig", extra=extra)
    warned_before_calls: list[bool] = []

    def reply(request: Request) -> Reply:
        warned_before_calls.append("pool of one slot" in caplog.text)
        return bets(request)

    server.replies = reply
    execute(operator(tmp_path, "aig", **HOURLY, pool=pool), context())

    assert warned_before_calls == [warned]
    assert caplog.text.count("set pool='aig_default'") == warned
