"""Provide pytest fixtures: a running simulated vendor, and an account there, for the suite and for tests of your own.

pytest loads it by its entry point wherever this package is installed, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_betproviders.simulator import Simulator
    from airflow_betproviders.testing.vendor_account import VendorAccount

for _module in ("account_tests", "bets_tests", "expectations", "vendor_account", "lake_tests", "stream_tests"):
    pytest.register_assert_rewrite(f"airflow_betproviders.testing.{_module}")


@pytest.fixture(scope="class")
def vendor_simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """Yield a running simulator for a class that `provider_tests` made."""
    from airflow_betproviders.testing.vendor_account import simulated

    with simulated(request.cls.expectations) as simulator:
        yield simulator


@pytest.fixture
def vendor_account(
    request: pytest.FixtureRequest, vendor_simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VendorAccount]:
    """Yield an account at the simulated vendor, with an empty lake. Repeated calls don't wait. The clock is reset afterwards."""
    import tenacity.nap

    from airflow_betproviders.testing.vendor_account import VendorAccount

    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda _seconds: None))
    now = vendor_simulator.now
    yield VendorAccount(request.cls.expectations, vendor_simulator, tmp_path, monkeypatch)
    vendor_simulator.set_now(now)
