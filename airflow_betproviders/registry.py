"""Find providers: those of this package and those of others, by entry point.

A provider is a package that an entry point of the group ``airflow_betproviders.providers`` names; the entry point's
name is the connection type. The package has the modules ``streams`` with STREAMS, ``hook`` with HOOK, and ``bets`` with
MAPPING and REPORTS where its bets go to the bets table. Each module is imported on first use.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import InvalidArgument

if TYPE_CHECKING:
    from airflow_betproviders.declare.bet_mapping import BetMapping
    from airflow_betproviders.declare.reports import ReportSpec
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.hooks.base import BetProviderHook

GROUP = "airflow_betproviders.providers"


@cache
def providers() -> dict[str, str]:
    """Map each connection type to the package that serves it."""
    return {point.name: point.value for point in sorted(entry_points(group=GROUP))}


def hook_class(provider: str) -> type[BetProviderHook]:
    """Return the hook of a provider.

    Raises:
        InvalidArgument: no installed package provides it.
    """
    hook: type[BetProviderHook] = _member(provider, "hook", "HOOK")
    return hook


def streams_of(provider: str) -> tuple[Stream, ...]:
    """Return the streams of a provider, the main one first.

    Raises:
        InvalidArgument: no installed package provides it.
    """
    streams: tuple[Stream, ...] = _member(provider, "streams", "STREAMS")
    return streams


def declared(provider: str, name: str) -> Stream:
    """Return the declaration of a provider's stream.

    Raises:
        InvalidArgument: there is no such provider, or it has no such stream.
    """
    streams = streams_of(provider)
    for stream in streams:
        if stream.name == name:
            return stream
    raise InvalidArgument(f"{provider} has no stream {name!r}. It has: {', '.join(stream.name for stream in streams)}.")


def mapping_of(provider: str) -> BetMapping:
    """Return the mapping of a provider's records to the bets table.

    Raises:
        InvalidArgument: there is none.
    """
    mapping: BetMapping = _member(provider, "bets", "MAPPING")
    return mapping


def reports_of(provider: str) -> tuple[ReportSpec, ...]:
    """Return the reports that a provider's bets are reconciled with.

    Raises:
        InvalidArgument: there are none.
    """
    reports: tuple[ReportSpec, ...] = _member(provider, "bets", "REPORTS")
    return reports


def _member(provider: str, module: str, member: str) -> Any:
    package = providers().get(provider)
    if package is None:
        raise InvalidArgument(
            f"no installed package provides {provider!r}. Installed providers: {', '.join(providers()) or 'none'}."
        )
    name = f"{package}.{module}"
    try:
        return getattr(import_module(name), member)
    except (ModuleNotFoundError, AttributeError):
        raise InvalidArgument(f"provider {provider!r} has no {name}.{member}.") from None
