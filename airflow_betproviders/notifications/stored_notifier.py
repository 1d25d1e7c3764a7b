"""Convert a notifier to plain values, as a deadline's callback stores it, and back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from airflow.sdk import BaseNotifier

from airflow_betproviders.exceptions import InvalidArgument


def stored_arguments(notifier: BaseNotifier) -> dict[str, Any]:
    """Return the arguments that re-create a notifier.

    Airflow stores the class and the arguments of a deadline's callback, never the object. Notifiers keep their arguments
    under the same names. A notifier among the arguments becomes its class, ``package.module:Class``, and its arguments.
    """
    arguments = {name: getattr(notifier, name) for name in _parameters(type(notifier)) if name in vars(notifier)}
    return {
        name: _stored_notifier(value) if isinstance(value, BaseNotifier) else value for name, value in arguments.items()
    }


def restore(stored: object) -> BaseNotifier:
    """Re-create a notifier from its class and the arguments of `stored_arguments`.

    Raises:
        InvalidArgument: the value is something else.
    """
    if not isinstance(stored, Mapping) or not {"notifier", "arguments"} <= stored.keys():
        raise InvalidArgument(
            f"via is of type {type(stored).__name__}, not a notifier. Give one, such as SmtpNotifier."
        )
    notifier: BaseNotifier = resolve_name(stored["notifier"])(**stored["arguments"])
    return notifier


def _stored_notifier(notifier: BaseNotifier) -> dict[str, Any]:
    kind = type(notifier)
    return {"notifier": f"{kind.__module__}:{kind.__qualname__}", "arguments": stored_arguments(notifier)}


def _parameters(kind: type[BaseNotifier]) -> list[str]:
    """Return the names that a class takes, and those of its base classes if it takes any other name."""
    names: list[str] = []
    for base in kind.__mro__[: kind.__mro__.index(BaseNotifier)]:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            names += [name for name in parameters if name not in {"self", "context", *names}]
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return names
