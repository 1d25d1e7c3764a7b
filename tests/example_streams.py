"""The streams of the example packages whose answers are JSON, which need not be installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.stream import Stream

_EXAMPLES = Path(__file__).parents[1] / "examples"


def _streams(name: str) -> tuple[Stream, ...]:
    sys.path.append(str(_EXAMPLES / f"airflow-provider-{name}"))
    streams: tuple[Stream, ...] = import_module(f"airflow_provider_{name}.streams").STREAMS
    return streams


def kinds_of_their_own(streams: Sequence[Stream]) -> list[Any]:
    """Return the streams; `make test-quick` leaves out those that have no kind of field which earlier ones lack."""
    params, known = [], set[object]()
    for stream in streams:
        kinds = {(type(field.kind), field.required) for field in stream.fields}
        params.append(pytest.param(stream, marks=pytest.mark.slow if kinds <= known else ()))
        known |= kinds
    return params


EXAMPLE_STREAMS = (*_streams("nova"), *_streams("rowan"), *_streams("quill"))
