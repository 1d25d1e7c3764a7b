"""Check arguments of operators. A template makes text of every value, so a number or a boolean may come as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import InvalidArgument

NOT_GIVEN = (None, "", "None")
"""Values that stand for no argument; a template makes the last two of None."""


def is_template(value: object) -> bool:
    """Return whether Airflow renders the value when the task runs: Jinja text, or the output of another task."""
    return "{{" in str(value) or "{%" in str(value)


def require_text(name: str, value: object, example: str) -> None:
    """Check that a value is text or a template.

    Raises:
        InvalidArgument: the value is empty or of another type.
    """
    if (not isinstance(value, str) or not value.strip()) and not is_template(value):
        raise InvalidArgument(f"{name}={value!r} is not text, or is empty. Give {name}={example!r} or the like.")


def optional_text(name: str, value: object, example: str) -> str | None:
    """Return text; None where it is not given.

    Raises:
        InvalidArgument: the value is of another type.
    """
    if value in NOT_GIVEN:
        return None
    require_text(name, value, example)
    return str(value)


def optional_duration(name: str, value: str | timedelta | None) -> timedelta | None:
    """Return a duration; None where it is not given.

    Raises:
        InvalidArgument: the value is no duration.
    """
    return None if value in NOT_GIVEN else parse_duration(name, value)


def whole_number(name: str, value: object, minimum: int) -> int:
    """Return a whole number.

    Raises:
        InvalidArgument: the value is no whole number, or smaller than ``minimum``.
    """
    number = int(value) if isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal()) else None
    if number is None or isinstance(value, bool) or number < minimum:
        raise InvalidArgument(f"{name}={value!r} is not a whole number of at least {minimum}. Give one.")
    return number


def flag(name: str, value: object) -> bool:
    """Return a boolean.

    Raises:
        InvalidArgument: the value is neither a boolean nor the text of one.
    """
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise InvalidArgument(f"{name}={value!r} is neither True nor False. Give one of them.")
    return text == "true"


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Return a dict; an empty one where it is not given.

    Raises:
        InvalidArgument: the value is no dict.
    """
    if value in NOT_GIVEN:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidArgument(
            f"{name}={value!r} is not a dict. Give one, such as {{'name': 'value'}}. If a template makes it, set "
            "render_template_as_native_obj=True on the DAG."
        )
    return value


def names(name: str, value: Any) -> tuple[str, ...]:
    """Return a sequence of names; a single name may be given without a list, and none at all as None.

    Raises:
        InvalidArgument: the value is neither a name nor a sequence of names.
    """
    if value in NOT_GIVEN:
        return ()
    sequence = (value,) if isinstance(value, str) else value
    if not isinstance(sequence, Sequence | set | frozenset) or not all(isinstance(item, str) for item in sequence):
        raise InvalidArgument(f"{name}={value!r} is not a list of names. Give one, such as ['name'].")
    return tuple(sequence)


class ChecksTemplates:
    """Mixin of operators whose templates fail with a cure if the run lacks what they name."""

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """Render a template, as Airflow's operators do.

        Raises:
            InvalidArgument: the template names what the run does not have. Airflow's own error would be retried.
        """
        try:
            return super().render_template(content, *args, **kwargs)  # type: ignore[misc]
        except Exception as error:
            from jinja2 import UndefinedError  # loaded by now; it would slow down the parsing of DAGs

            if not isinstance(error, UndefinedError):
                raise
            raise InvalidArgument(
                f"an argument's template cannot be rendered: {error}. A run that was triggered without a logical date has no data "
                "interval: trigger it with a logical date, or use Backfill. If the template reads dag_run.conf, trigger the DAG with "
                "this conf."
            ) from error
