"""Find the simulated vendors of all installed packages, by entry point."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from airflow_betproviders.simulator.contract.vendor import Setup, Vendor, VendorModule

GROUP = "airflow_betproviders.simulators"
PARTS = (*Vendor.__annotations__, "handle", "truth", "filters", "connection")


class UnusableVendor(UserWarning):
    """A package's simulated vendor was left out."""


def find_modules() -> dict[str, VendorModule]:
    """Return the modules of the entry point group, by vendor.

    Left out, with an ``UnusableVendor`` warning that names the package: two modules of one name, and a module that can't be
    imported or lacks ``OPTIONS`` or ``make_vendor``.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    names = Counter(point.name for point in points)
    modules: dict[str, VendorModule] = {}
    for point in points:
        if names[point.name] > 1:
            _warn(point, f"there are {names[point.name]} of this name; uninstall all but one")
            continue
        try:
            module = point.load()
        except Exception as error:  # noqa: BLE001 - a module of another package may raise anything; the other vendors stay usable
            _warn(point, f"it can't be imported: {type(error).__name__}: {error}")
            continue
        if lacking := [name for name in ("OPTIONS", "make_vendor") if not hasattr(module, name)]:
            _warn(point, f"the module has no {' and no '.join(lacking)}")
            continue
        modules[point.name] = cast("VendorModule", module)
    return modules


def make_vendor(module: VendorModule, setup: Setup) -> Vendor | None:
    """Return the module's vendor. Warn and return ``None`` if it can't be made or lacks a part of the contract."""
    try:
        vendor = module.make_vendor(setup)
    except Exception as error:  # noqa: BLE001 - as above
        warnings.warn(
            f"left out the simulated vendor {setup.name!r}: it can't be made: {type(error).__name__}: {error}",
            UnusableVendor,
            stacklevel=2,
        )
        return None
    lacking = sorted(name for name in PARTS if not hasattr(vendor, name))
    if not lacking and vendor.name == setup.name:
        return vendor
    why = f"it has no {', '.join(lacking)}" if lacking else f"it calls itself {vendor.name!r}"
    warnings.warn(f"left out the simulated vendor {setup.name!r}: {why}", UnusableVendor, stacklevel=2)
    return None


def options_of(name: str, module: VendorModule, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a vendor, given or by default.

    Raises:
        ValueError: An option is unknown, or has a value or a type that it can't have.
    """
    declared = module.OPTIONS
    if unknown := sorted(set(given) - set(declared)):
        raise ValueError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(declared) or 'none'}")
    return {option: _value(f"{name}.{option}", default, given.get(option)) for option, default in declared.items()}


def _value(option: str, declared: Any, given: Any) -> Any:
    if given is None:
        return declared[0] if isinstance(declared, tuple) else declared
    value = _parsed(declared, given)
    if isinstance(declared, tuple):
        if value not in declared:
            raise ValueError(f"{option} is {given!r}; it must be one of {', '.join(map(repr, declared))}")
        return value
    if type(value) is not type(declared):
        raise ValueError(f"{option} is {given!r}; it must be of type {type(declared).__name__}")
    return value


def _parsed(declared: Any, given: Any) -> Any:
    """Parse a value given as text, as on the command line, to the type of the option."""
    if (
        isinstance(given, str)
        and not isinstance(declared, str)
        and not (isinstance(declared, tuple) and given in declared)
    ):
        try:
            given = json.loads(given)
        except ValueError:
            return given
    return float(given) if isinstance(declared, float) and type(given) is int else given


def _warn(point: EntryPoint, why: str) -> None:
    package = point.dist.name if point.dist else "an unnamed package"
    text = f"left out the simulated vendor {point.name!r} ({point.value}) of {package}: {why}"
    warnings.warn(text, UnusableVendor, stacklevel=3)
