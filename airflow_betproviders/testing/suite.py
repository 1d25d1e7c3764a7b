"""Build the conformance suite of one provider."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.registry import streams_of
from airflow_betproviders.simulator.contract.discovery import find_modules
from airflow_betproviders.testing.account_tests import AccountTests
from airflow_betproviders.testing.bets_tests import BetsTests
from airflow_betproviders.testing.expectations import Bet, Expectations, ReadTime
from airflow_betproviders.testing.lake_tests import LakeTests
from airflow_betproviders.testing.stream_tests import StreamTests

if TYPE_CHECKING:
    import pytest


class ProviderTests(AccountTests, StreamTests, LakeTests, BetsTests):
    """All tests of the suite, for one provider."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test once for each stream, and once for each reading of an open question."""
        if "stream_name" in metafunc.fixturenames:
            metafunc.parametrize("stream_name", _stream_names(self.expectations.provider))
        if "reading" in metafunc.fixturenames:
            metafunc.parametrize("reading", _readings(self.expectations.provider))


def provider_tests(
    provider: str,
    *,
    times: ReadTime | Mapping[str, ReadTime],
    bet: Callable[[Mapping[str, Any]], Bet] | None = None,
    pii: Mapping[str, str] | None = None,
    signatures: Collection[str] = (),
    settings: Mapping[str, Any] | None = None,
    may_fail: Collection[str] = (),
    hours: int = 12,
) -> type[ProviderTests]:
    """Return the conformance suite of a provider, as a class that pytest collects.

    Example:
        ::

            def bet(record):
                stake, win = Decimal(record["stake"]), Decimal(record["win"])
                return Bet(record["betId"], "settled", stake, win, win - stake)


            TestNova = provider_tests("nova", times=wall_clock("%Y-%m-%d %H:%M:%S.%f"), bet=bet, pii={"player": "hash"})

    Everything that you state here comes from the vendor's document, not from your declarations: the suite compares the two.

    Args:
        provider: the connection type. Its package and its simulated vendor must be installed.
        times: how the vendor writes times: one way for all fields, or one by field. See `wall_clock` and `epoch`.
        bet: returns the expected bet of a record of the main stream. Leave it out for a provider without bets.
        pii: columns of the main stream that identify a player, with ``hash`` or ``drop``. At least one must be hashed.
        signatures: names of parameters that must not be archived.
        settings: settings of the simulator, such as ``{"rate": 60}`` bets an hour.
        may_fail: readings of open questions under which a task may fail instead of storing the bets, such as ``midnight=refuse``.
        hours: hours to extract under faults.
    """
    expectations = Expectations(
        provider=provider,
        times=times,
        bet=bet,
        pii=dict(pii or {}),
        signatures=frozenset(signatures),
        settings=dict(settings or {}),
        may_fail=frozenset(may_fail),
        hours=hours,
    )
    return type(f"Test{provider.title()}", (ProviderTests,), {"expectations": expectations})


def _stream_names(provider: str) -> list[str]:
    """Return the names of the provider's streams; none where its package is broken, which another test reports."""
    try:
        return [stream.name for stream in streams_of(provider)]
    except InvalidArgument:
        return []


def _readings(provider: str) -> list[str]:
    """Return each value of each option of the simulated vendor, as ``window=[]``."""
    module = find_modules().get(provider)
    options = module.OPTIONS if module else {}
    return [f"{name}={value}" for name, values in options.items() if isinstance(values, tuple) for value in values]
