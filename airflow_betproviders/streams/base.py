"""What a hook needs to ask for a stream, on top of what the engine needs to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any, TypeAlias

from airflow_betproviders.extraction.stream import Stream


@dataclass(frozen=True)
class EpochParam:
    """Instants travel as a count of units since 1970, as a number or as text."""

    per_second: int
    text: bool = False

    def __call__(self, instant: datetime, _utc_offset: timedelta) -> int | str:
        """The instant as the parameter's value."""
        count = round(instant.timestamp() * self.per_second)
        return str(count) if self.text else count


@dataclass(frozen=True)
class WallParam:
    """Instants travel as wall-clock text, in UTC, in a fixed offset, or (``offset=None``) in the account's offset."""

    format: str
    offset: timedelta | None = timedelta(0)

    def __call__(self, instant: datetime, utc_offset: timedelta) -> str:
        """The instant as the parameter's value."""
        zone = timezone(utc_offset if self.offset is None else self.offset)
        return instant.astimezone(zone).strftime(self.format)


TimeParam: TypeAlias = EpochParam | WallParam


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A parameter of the provider's own that narrows a stream.

    Attributes:
        type: `int`, `str`, or `list` of integers.
        required: the provider refuses the call without it.
        choices: the values it takes, where they are few.
    """

    type: type
    required: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProviderStream(Stream):
    """A stream and how it is asked for.

    Attributes:
        endpoint: path or action at the provider.
        doc: what it holds and which document it comes from.
        bounds: names of the parameters for a window's start and, where there is one, its end.
        time: how an instant travels in them.
        filters: the provider's own filters by name.
        one_of: of these filters at least one must be given.
    """

    endpoint: str | int
    doc: str
    bounds: tuple[str, ...] = ()
    time: TimeParam = EpochParam(1)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()

    def check_filters(self, filters: Mapping[str, Any]) -> None:
        """Refuse filters that the stream lacks, that are missing, or that have the wrong type.

        Raises:
            InvalidArgument: names the filter and the cure.
        """
        from airflow_betproviders.exceptions import InvalidArgument

        offered = ", ".join(sorted(self.filters)) or "none"
        for name, value in filters.items():
            declared = self.filters.get(name)
            if declared is None:
                raise InvalidArgument(f"stream {self.name} has no filter {name!r}. It takes: {offered}.")
            fits = isinstance(value, declared.type) and not isinstance(value, bool)
            if declared.type is list:
                fits = fits and bool(value) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
            if not fits:
                wanted = (
                    "a list of integers, not empty" if declared.type is list else f"of type {declared.type.__name__}"
                )
                raise InvalidArgument(f"filter {name}={value!r} of stream {self.name} must be {wanted}.")
            if declared.choices and value not in declared.choices:
                raise InvalidArgument(
                    f"filter {name}={value!r} of stream {self.name} must be one of {declared.choices}."
                )
        missing = [name for name, declared in self.filters.items() if declared.required and name not in filters]
        if missing:
            raise InvalidArgument(
                f"stream {self.name} needs {', '.join(missing)}: give filters={{{missing[0]!r}: ...}}."
            )
        if self.one_of and not any(name in filters for name in self.one_of):
            raise InvalidArgument(f"stream {self.name} needs {' or '.join(self.one_of)}: give one of them in filters=.")


def declared(provider: str, name: str) -> ProviderStream:
    """The declaration of a provider's stream, from its module ``airflow_betproviders.streams.<provider>``.

    Raises:
        InvalidArgument: there is no such provider, or it has no such stream.
    """
    from airflow_betproviders.exceptions import InvalidArgument

    try:
        streams: tuple[ProviderStream, ...] = import_module(f"airflow_betproviders.streams.{provider}").STREAMS
    except (ModuleNotFoundError, AttributeError):
        raise InvalidArgument(f"there is no provider {provider!r} with streams in this package.") from None
    for stream in streams:
        if stream.name == name:
            return stream
    raise InvalidArgument(f"{provider} has no stream {name!r}. It has: {', '.join(stream.name for stream in streams)}.")
