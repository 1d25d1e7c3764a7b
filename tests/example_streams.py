"""The streams of the example packages whose answers are JSON, which need not be installed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from airflow_betproviders.declare.stream import Stream

_EXAMPLES = Path(__file__).parents[1] / "examples"


def _streams(name: str) -> tuple[Stream, ...]:
    sys.path.append(str(_EXAMPLES / f"airflow-provider-{name}"))
    streams: tuple[Stream, ...] = import_module(f"airflow_provider_{name}.streams").STREAMS
    return streams


EXAMPLE_STREAMS = (*_streams("nova"), *_streams("rowan"), *_streams("quill"))
