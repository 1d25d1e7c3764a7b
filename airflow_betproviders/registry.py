"""Find providers: those of this package and those of others, by entry point.

An entry point of the group ``airflow_betproviders.providers`` registers a provider: its name is the connection type, its
value a package. The package states the ``API_VERSION`` that it was written for and has the modules

* ``streams`` with STREAMS, the main stream first,
* ``hook`` with HOOK,
* ``bets`` with MAPPING and REPORTS, both optional.

Each module is imported and checked on first use. A package that cannot be used raises `BrokenProvider`, which names the
package and the cure; code that goes through all providers logs it and continues with the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare import API_VERSION
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BrokenProvider, InvalidArgument

if TYPE_CHECKING:
    from airflow_betproviders.declare.bet_mapping import BetMapping
    from airflow_betproviders.declare.reports import ReportSpec
    from airflow_betproviders.hooks.base import BetProviderHook

GROUP = "airflow_betproviders.providers"


def providers() -> tuple[str, ...]:
    """Return the connection types of all installed providers, sorted. No provider is imported."""
    return tuple(_packages())


def hook_class(provider: str) -> type[BetProviderHook]:
    """Return the hook of a provider.

    Raises:
        InvalidArgument: no installed package provides it, or the package cannot be used.
    """
    return _hook_class(_package(provider))


def title_of(provider: str) -> str:
    """Return the provider's name for users, or the connection type if its package cannot be used."""
    try:
        return hook_class(provider).hook_name
    except InvalidArgument:
        return provider


def streams_of(provider: str) -> tuple[Stream, ...]:
    """Return the streams of a provider, the main one first.

    Raises:
        InvalidArgument: no installed package provides it, or the package cannot be used.
    """
    return _streams(_package(provider))


@cache
def is_main_stream(name: str) -> bool:
    """Return whether a name is the main stream's at every installed provider that has a stream of this name.

    The type of a connection is not known while a DAG is parsed, so only the name can be compared.
    """
    main = []
    for provider in providers():
        try:
            streams = streams_of(provider)
        except InvalidArgument:
            continue
        main += [place == 0 for place, stream in enumerate(streams) if stream.name == name]
    return bool(main) and all(main)


def declared(provider: str, name: str) -> Stream:
    """Return the declaration of a provider's stream.

    Raises:
        InvalidArgument: there is no such provider, it has no such stream, or its package cannot be used.
    """
    streams = streams_of(provider)
    for stream in streams:
        if stream.name == name:
            return stream
    raise InvalidArgument(f"{provider} has no stream {name!r}. It has: {', '.join(stream.name for stream in streams)}.")


def check_installed(provider: str) -> None:
    """Check that an installed package has a provider of this name.

    Raises:
        InvalidArgument: None has. The message names the installed providers.
    """
    _package(provider)


def mapping_of(provider: str) -> BetMapping:
    """Return the mapping of a provider's records to the bets table.

    Raises:
        InvalidArgument: the provider has none, or its package cannot be used.
    """
    from airflow_betproviders.declare.bet_mapping import BetMapping

    package, mapping = _bets(provider, "MAPPING")
    if mapping is None:
        raise InvalidArgument(
            f"provider {provider!r} has no bets.MAPPING, so its records can't be merged. Add it to the provider's package."
        )
    if not isinstance(mapping, BetMapping):
        raise package.broken(f"MAPPING in {package.name}.bets is not a BetMapping. Correct it")
    return mapping


def reports_of(provider: str) -> tuple[ReportSpec, ...]:
    """Return the reports that a provider's bets are reconciled with.

    Raises:
        InvalidArgument: the provider has none, or its package cannot be used.
    """
    from airflow_betproviders.declare.reports import Report, WindowTotals

    package, reports = _bets(provider, "REPORTS")
    if not reports:
        raise InvalidArgument(
            f"provider {provider!r} has no bets.REPORTS, so its bets can't be reconciled. Add it to the provider's package."
        )
    if not _is_sequence_of((Report, WindowTotals), reports):
        raise package.broken(f"REPORTS in {package.name}.bets is not a tuple of reports. Write REPORTS = (...,)")
    return tuple(reports)


@dataclass(frozen=True)
class _Package:
    """The package of a provider.

    Attributes:
        provider: the connection type.
        name: the name of the Python package.
        distribution: the name of the distribution, as pip knows it.
    """

    provider: str
    name: str
    distribution: str

    def load(self, module: str) -> ModuleType | None:
        """Import a module of the package; None if the package has no such module."""
        self.check_version()
        name = f"{self.name}.{module}"
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name == name:
                return None
            raise self.broken(f"{name} can't be imported: {error}. Correct it") from error
        except Exception as error:
            raise self.broken(f"{name} can't be imported: {type(error).__name__}: {error}. Correct it") from error

    def check_version(self) -> None:
        """Refuse a package that was written for other declarations."""
        try:
            stated = getattr(import_module(self.name), "API_VERSION", None)
        except Exception as error:
            raise self.broken(f"{self.name} can't be imported: {type(error).__name__}: {error}. Correct it") from error
        if stated == API_VERSION:
            return
        if not isinstance(stated, int):
            raise self.broken(f"it doesn't state its API version. Write API_VERSION = {API_VERSION} into {self.name}")
        cure = f"Upgrade {self.distribution}" if stated < API_VERSION else "Upgrade airflow-provider-betproviders"
        raise self.broken(f"it was written for API version {stated}, and {API_VERSION} is installed. {cure}")

    def broken(self, what: str) -> BrokenProvider:
        """Return the error that names the package."""
        return BrokenProvider(
            f"provider {self.provider!r} of package {self.distribution} can't be used: {what}, or uninstall the package."
        )


@cache
def _packages() -> dict[str, tuple[_Package, ...]]:
    packages: dict[str, list[_Package]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = _Package(point.name, point.value, _distribution(point))
        others = packages.setdefault(point.name, [])
        if package not in others:
            others.append(package)
    return {provider: tuple(sharing) for provider, sharing in packages.items()}


def _distribution(point: EntryPoint) -> str:
    return str(point.dist.name) if point.dist else "an unnamed package"


def _package(provider: str) -> _Package:
    packages = _packages().get(provider, ())
    if not packages:
        raise InvalidArgument(
            f"no installed package provides {provider!r}. Installed providers: {', '.join(providers()) or 'none'}. Install its "
            "package, or correct the name."
        )
    if len(packages) > 1:
        names = " and ".join(f"{package.distribution} ({package.name})" for package in packages)
        raise BrokenProvider(f"provider {provider!r} comes with {names}. Uninstall all but one.")
    return packages[0]


@cache
def _streams(package: _Package) -> tuple[Stream, ...]:
    module = package.load("streams")
    streams: Any = getattr(module, "STREAMS", None)
    if not streams:
        raise package.broken(
            f"it has no streams. Write STREAMS = (...) into {package.name}.streams, the main one first"
        )
    if not _is_sequence_of(Stream, streams):
        raise package.broken(f"STREAMS in {package.name}.streams is not a tuple of streams. Write STREAMS = (...,)")
    try:
        _check_streams(package.provider, streams)
    except InvalidArgument as error:
        raise package.broken(f"{str(error).rstrip('.')} in {package.name}.streams") from error
    return tuple(streams)


@cache
def _hook_class(package: _Package) -> type[BetProviderHook]:
    _streams(package)
    hook: Any = getattr(package.load("hook"), "HOOK", None)
    if hook is None:
        raise package.broken(f"it has no hook. Write HOOK = ... into {package.name}.hook, the class of the hook")
    if not isinstance(hook, type) or not hasattr(hook, "conn_type"):
        raise package.broken(f"HOOK in {package.name}.hook is not the class of a hook. Write HOOK = NameOfTheClass")
    if hook.conn_type != package.provider:
        raise package.broken(
            f"{hook.__name__}.conn_type is {hook.conn_type!r}, and the entry point's name is {package.provider!r}. "
            "Give both the same name"
        )
    hook_class: type[BetProviderHook] = hook
    return hook_class


def _bets(provider: str, member: str) -> tuple[_Package, Any]:
    package = _package(provider)
    return package, getattr(package.load("bets"), member, None)


def _is_sequence_of(kind: type[Any] | tuple[type[Any], ...], value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(item, kind) for item in value)


def _check_streams(provider: str, streams: Sequence[Stream]) -> None:
    """Refuse streams that contradict themselves or their provider."""
    doubled = sorted(name for name, count in Counter(stream.name for stream in streams).items() if count > 1)
    if doubled:
        raise InvalidArgument(f"there are two streams of the name {doubled[0]!r}. Rename one")
    for stream in streams:
        if stream.provider != provider:
            raise InvalidArgument(
                f"stream {stream.name} says provider={stream.provider!r}, and the entry point's name is {provider!r}. "
                "Give both the same name"
            )
        stream.check_declaration()
