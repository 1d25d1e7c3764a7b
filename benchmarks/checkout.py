"""Find the names that the merge's benchmark needs, in this version of the package or in an older checkout on the path."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

OLDER = find_spec("airflow_betproviders.bets_table") is None  # up to 9a3317b, the modules had other names

_MODULES = {  # name: the module now, the module then
    "BetsTable": ("bets_table.table", "bets.table"),
    "Interval": ("declare.interval", "extraction.interval"),
    "Lake": ("lake.layout", "extraction.lake"),
    "Merge": ("bets_table.merge", "bets.merge"),
    "Receipt": ("lake.receipt", "extraction.receipt"),
    "find": ("bets_table.raw_slots", "bets.source"),
    "schema": ("extraction.decode.columns", "extraction.columns"),
    "TRANSACTIONS": ("providers.aig.streams", "streams.aig"),
}

_RENAMED = {"find": "find_raw_streams"}  # the name here, and in the package since it was renamed


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    module = import_module(f"airflow_betproviders.{_MODULES[name][OLDER]}")
    renamed = _RENAMED.get(name, name)
    return getattr(module, renamed if hasattr(module, renamed) else name)
