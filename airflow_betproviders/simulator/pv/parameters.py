"""Read PV's parameters, and refuse what its document forbids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_betproviders.simulator.vendor.base import Refusal


def parameter_error(text: str) -> Refusal:
    """Return the refusal of a parameter, in the vendor's words."""
    return Refusal("parameter", "400", f"Parameter Error: {text}")


def time_range(data: Mapping[str, Any]) -> tuple[int, int]:
    """Return the requested time range in milliseconds.

    Raises:
        Refusal: the bounds are missing, not 10-digit timestamps, or not in order.
    """
    start, end = data.get("time_start"), data.get("time_end")
    for instant in (start, end):
        if type(instant) is not int or len(str(instant)) != 10:
            raise parameter_error("time_start and time_end must be 10-digit timestamps")
    if not isinstance(start, int) or not isinstance(end, int) or start >= end:
        raise parameter_error("time_start must be before time_end")
    return start * 1000, end * 1000


def number(data: Mapping[str, Any], name: str, default: int) -> int:
    """Return a positive whole number.

    Raises:
        Refusal: the parameter is something else.
    """
    value = data.get(name, default)
    if type(value) is not int or value < 1:
        raise parameter_error(f"{name} must be a positive int")
    return value


def require_any(data: Mapping[str, Any], *any_of: str) -> None:
    """Check that the request has at least one of some parameters.

    Raises:
        Refusal: it has none.
    """
    if not any(name in data for name in any_of):
        raise parameter_error(f"{' or '.join(any_of)} must be provided")
