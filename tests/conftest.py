from __future__ import annotations

import gc

gc.disable()  # until all tests are collected: what is imported stays, and each look for garbage costs half a second

import json
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import tenacity.nap

import tests.examples  # noqa: F401 - hypothesis reads its profiles when pytest starts
from airflow_betproviders.extraction.fetch.rate_limiter import RateLimiter
from tests.recorder import Recorder
from tests.seaweed import seaweed_server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    # The process that only hands tests to the workers loads this file too: Airflow would take it two seconds.
    from airflow_betproviders.hooks.base import BetProviderHook

MakeHook = Callable[..., "BetProviderHook"]
NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clock", help="start the tests' clock at this moment, ISO 8601 in UTC")


def pytest_configure(config: pytest.Config) -> None:
    if moment := config.getoption("--clock"):
        import time_machine

        # The process's own clock only: a test that starts others (scheduler, servers) has no use for it.
        traveller = time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=timezone.utc), tick=True)
        traveller.start()
        config.add_cleanup(traveller.stop)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Look for garbage from here on, though not among what was imported and collected."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(200_000, 20, 20)  # young objects of a hundred tests, instead of one: a tenth of the time
        gc.enable()


@pytest.fixture
def systems_clock(request: pytest.FixtureRequest) -> None:
    """Skip a test that needs the clock of the system, as compiled code reads it: ``--clock`` moves only Python's."""
    if request.config.getoption("--clock"):
        pytest.skip("compiled code reads the system's clock")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker take a class or module, and all tests with a real Airflow, which share one."""
    from tests.workers import OneAirflow

    return OneAirflow(config, log)


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads(Path(__file__).with_name("signing_vectors.json").read_text())
    return vectors


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the seconds waited between attempts, without waiting."""
    slept: list[float] = []
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(RateLimiter, "pause", lambda _self, _seconds: None)
    return slept


@pytest.fixture(autouse=True)
def fresh_rate_limits() -> None:
    """Give each test rate limits without earlier calls."""
    RateLimiter._held.clear()


@pytest.fixture
def make(server: Recorder, monkeypatch: pytest.MonkeyPatch, waited: list[float]) -> Iterator[MakeHook]:
    """Return a function that makes a hook whose host is the recorder; its arguments change the connection."""
    from airflow.sdk import BaseHook, Connection

    from tests.accounts import ACCOUNTS, HOOKS

    made: list[BetProviderHook] = []

    def hook(provider: str, /, *, extra: dict[str, Any] | None = None, **changes: Any) -> BetProviderHook:
        account = ACCOUNTS[provider]
        given = {"host": server.url, "login": account["login"], "password": account["password"], **changes}
        members = {"min_interval": 0, **account["extra"], **(extra or {})}
        connection = Connection(
            conn_id=f"{provider}_default",
            conn_type=provider,
            extra=json.dumps({name: value for name, value in members.items() if value is not None}),
            **given,
        )
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
        made.append(HOOKS[provider]())
        return made[-1]

    yield hook
    for one in made:
        if "session" in vars(one):
            one.transport.session.close()


@pytest.fixture
def at_noon(make: MakeHook, monkeypatch: pytest.MonkeyPatch) -> MakeHook:
    """Return a function that makes a hook for which it is `NOON`."""

    def hook(provider: str, **changes: Any) -> BetProviderHook:
        made = make(provider, **changes)
        monkeypatch.setattr(made, "now", lambda: NOON)
        return made

    return hook


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be three days after `NOON` for every hook, whatever the date is: each provider still has what is loaded."""
    from airflow_betproviders.hooks.base import BetProviderHook

    monkeypatch.setattr(BetProviderHook, "now", lambda self: NOON + timedelta(days=3))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every interval count as ready and not expired."""
    from airflow_betproviders.hooks.base import BetProviderHook

    monkeypatch.setattr(BetProviderHook, "ready", lambda self, stream, interval: True)
    monkeypatch.setattr(BetProviderHook, "check_time", lambda self, stream, interval: None)
