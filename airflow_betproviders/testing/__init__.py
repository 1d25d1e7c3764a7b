"""The conformance suite that every provider passes: ours, and those of other packages.

A provider's author writes one line a provider, and gets the tests of `suite`::

    TestNova = provider_tests("nova", times=wall_clock("%Y-%m-%d %H:%M:%S.%f"), bet=bet)

Needs pytest: ``pip install 'airflow-provider-betproviders[testing]'``. pytest loads `plugin` in every session, so this
module imports the suite when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_betproviders.testing.expectations import Bet, epoch, wall_clock
    from airflow_betproviders.testing.suite import provider_tests

__all__ = ["Bet", "epoch", "provider_tests", "wall_clock"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{'suite' if name == 'provider_tests' else 'expectations'}"), name)
