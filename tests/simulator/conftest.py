"""Running simulators, and clients of them."""

from __future__ import annotations

import pytest

from airflow_betproviders.simulator import Settings, Simulator
from tests.simulator.clients import NOW, Clients, Windows


@pytest.fixture(scope="session")
def still():
    """A simulator whose time stands still, without rate limits; read only."""
    with Simulator(Settings(now=NOW, min_interval={}, history_days=100, rate=800)).running() as simulator:
        yield simulator


@pytest.fixture
def clients(still):
    still.journal.reset()
    return Clients(still)


@pytest.fixture
def windows(clients):
    return Windows(clients)


@pytest.fixture
def serve():
    """Start a simulator with settings of one's own, and get its clients."""
    running = []

    def start(**settings):
        context = Simulator(Settings(**{"now": NOW, "min_interval": {}, **settings})).running()
        running.append(context)
        return Clients(context.__enter__())

    yield start
    for context in running:
        context.__exit__(None, None, None)
