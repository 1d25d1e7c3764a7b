"""The worker's clock is ahead of the provider's: an answer from before its window's end is never taken for a complete one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.exceptions import IncompleteWindow, WindowNotReady
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.providers.aig.streams import TRANSACTIONS
from tests.airflow_versions import TaskDeferred
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, bets, context, operator
from tests.recorder import Recorder, Reply, Request

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SIX = FIVE + HOUR
NOW = SIX + TRANSACTIONS.lag

Run = Callable[..., dict[str, Any]]
Say = Callable[[str], None]


@pytest.fixture
def say(server: Recorder) -> Say:
    """Return a function that lets the provider answer with a ``Date``."""

    def say(date: str) -> None:
        def answer(request: Request) -> Reply:
            reply = bets(request)
            reply.headers["Date"] = date
            return reply

        server.replies = answer

    return say


@pytest.fixture
def run(make: MakeHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that extracts the hour from five o'clock, as a worker whose clock says `NOW`."""
    monkeypatch.setattr(BetProviderHook, "now", lambda self: NOW)
    make("aig")

    def run(**kwargs: Any) -> dict[str, Any]:
        made = operator(tmp_path, "aig", start=FIVE, end=SIX)
        summary: dict[str, Any] = type(made).execute.__wrapped__(made, context(), **kwargs)  # type: ignore[attr-defined]
        return summary

    return run


def http(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def test_the_task_defers_until_the_window_is_ready_by_the_providers_clock(run: Run, say: Say, tmp_path: Path) -> None:
    say(http(SIX - 5 * MINUTE))
    with pytest.raises(TaskDeferred) as deferred:
        run()
    assert deferred.value.trigger.moment == NOW + 5 * MINUTE + TRANSACTIONS.lag
    assert not [*tmp_path.rglob("*.parquet")]
    say(http(SIX + TRANSACTIONS.lag))
    assert run(**(deferred.value.kwargs or {}))["rows"] == 3


def test_a_clock_that_stays_behind_fails_the_task_and_the_message_names_both(run: Run, say: Say) -> None:
    say(http(SIX - SECOND))
    kwargs: dict[str, Any] = {}
    for _ in range(5):
        with pytest.raises(TaskDeferred) as deferred:
            run(**kwargs)
        kwargs = deferred.value.kwargs or {}
    with pytest.raises(WindowNotReady) as failed:
        run(**kwargs)
    for said in (
        "connection aig_default, stream transactions, window [2026-11-20T05:",
        "NTP",
        "lag=",
        f"{NOW:%H:%M:%SZ}",
    ):
        assert said in str(failed.value)
    assert "2026-11-20T05:59:59Z" in str(failed.value)


@pytest.mark.parametrize("behind", [2 * HOUR, 23 * HOUR])
def test_a_clock_that_is_far_behind_fails_at_once(run: Run, say: Say, behind: timedelta) -> None:
    say(http(NOW - TRANSACTIONS.lag - behind))
    with pytest.raises(IncompleteWindow, match="NTP"):
        run()


@pytest.mark.parametrize(
    "date",
    [
        http(SIX), http(NOW), http(NOW + HOUR), http(NOW + timedelta(days=4000)), http(NOW - 25 * HOUR), http(NOW - timedelta(days=400)),
        "", "soon", "0", "-1", "Fri, 20 Nov 2026", "Fri, 32 Nov 2026 05:00:00 GMT", "Fri, 20 Nov 2026 05:00:00",
        "Fri, 20 Nov 2026 05:00:00 +0800", "Fri, 20 Nov 2026 05:00:00 CST", "2026-11-20T05:00:00Z", "Fri, 20 Nov 2026 25:61:61 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT",
        "Fri, 20 Nov 99999 05:00:00 GMT", "Fri, 20 Nov -5 05:00:00 GMT", "GMT", " GMT", "\u0666 GMT", "9" * 5000 + " GMT",
    ],
)  # fmt: skip
def test_a_later_date_and_one_that_says_nothing_change_nothing(run: Run, server: Recorder, date: str) -> None:
    def answer(request: Request) -> Reply:
        reply = bets(request)
        reply.headers["Date"] = date.encode().decode("latin-1")
        return reply

    server.replies = answer
    assert run()["rows"] == 3


def test_a_window_that_is_not_over_by_our_clock_either_is_not_checked(
    make: MakeHook, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BetProviderHook, "now", lambda self: NOW - SECOND)
    monkeypatch.setattr(BetProviderHook, "ready", lambda self, stream, interval: True)
    hook = make("aig")
    say(http(FIVE))
    assert sum(batch.num_rows for batch in hook.extract("transactions", FIVE, SIX)) == 3
