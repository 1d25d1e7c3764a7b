"""The lake is read in one child process of low priority, which cannot hold up or outlive the API server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import psutil
import pytest
from fastapi import HTTPException

from airflow_betproviders.plugin.limits.lake_process import LakeProcess
from airflow_betproviders.plugin.query import span_of
from airflow_betproviders.plugin.views.streams import Selection, read_lake
from demo.airflow_client import wait_for
from tests.plugin.showcase import Showcase

NOW = datetime.now(timezone.utc)
TIMEOUT = 120


@pytest.fixture(scope="module")
def child() -> Iterator[LakeProcess]:
    made = LakeProcess(seconds=TIMEOUT)
    yield made
    made.close()


def refusal(child: LakeProcess, function: object, *args: object) -> HTTPException:
    with pytest.raises(HTTPException) as refused:
        child.call(function, *args)  # type: ignore[arg-type]
    return refused.value


def test_another_process_of_lower_priority_answers(child: LakeProcess) -> None:
    pid = child.call(os.getpid)

    assert pid == child.pid != os.getpid()
    assert child.call(os.getpriority, os.PRIO_PROCESS, 0) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)


def test_it_gives_what_a_look_here_gives(child: LakeProcess, tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    show.fill(2)
    asked = (0, show.path, Selection(), span_of(2, None, NOW), NOW)

    assert child.call(read_lake, *asked) == read_lake(*asked)


def test_one_call_runs_at_a_time(child: LakeProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: child.call(os.getpid), range(8)))) == 1


def test_an_error_is_shown_by_its_name_alone(child: LakeProcess, caplog: pytest.LogCaptureFixture) -> None:
    refused = refusal(child, os.stat, "/no/such/file?key=secret")

    assert refused.status_code == 503
    assert "FileNotFoundError" in refused.detail
    assert "secret" not in refused.detail
    assert "/no/such/file" in caplog.text
    assert child.call(abs, -1) == 1


@pytest.mark.slow
def test_a_call_without_end_is_ended() -> None:
    child = LakeProcess(seconds=TIMEOUT)
    before = child.call(os.getpid)
    child._seconds = 0.2
    refused = refusal(child, time.sleep, TIMEOUT)
    child._seconds = TIMEOUT

    assert (refused.status_code, refused.headers) == (503, {"Retry-After": "2"})
    assert not psutil.pid_exists(before)
    assert child.call(abs, -1) == 1
    child.close()


@pytest.mark.slow
def test_a_slow_start_goes_on() -> None:
    child = LakeProcess(seconds=0)
    refused = refusal(child, os.getpid)
    starting = child.pid
    child._seconds = TIMEOUT

    assert (refused.status_code, refused.headers) == (503, {"Retry-After": "2"})
    assert child.call(os.getpid) == starting
    child.close()


@pytest.mark.slow
def test_a_killed_child_is_replaced(child: LakeProcess) -> None:
    psutil.Process(child.call(os.getpid)).kill()

    assert child.call(abs, -1) == 1
    assert "EOFError" in refusal(child, os.abort).detail
    assert child.call(abs, -2) == 2


@pytest.mark.slow
def test_an_idle_child_ends() -> None:
    child = LakeProcess(seconds=TIMEOUT, idle_seconds=3)  # longer than a call takes to arrive
    pid = child.call(os.getpid)
    with suppress(psutil.NoSuchProcess):  # it may have ended by now
        psutil.Process(pid).wait(TIMEOUT)

    assert child.call(abs, -1) == 1
    child.close()


@pytest.mark.slow
def test_it_ends_with_a_parent_that_is_killed() -> None:
    code = (
        "import os\nfrom airflow_betproviders.plugin.limits.lake_process import LakeProcess\n"
        "if __name__ == '__main__':\n    child = LakeProcess()\n    print(child.call(os.getpid), flush=True)\n    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(next(line for line in parent.stdout if line.strip().isdigit()))
        parent.kill()
    wait_for(lambda: not psutil.pid_exists(pid) or None, TIMEOUT, "the child to end")
