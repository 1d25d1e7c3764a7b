"""Read windows against a scripted call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from tests.extraction.vendor import HOUR, MINUTE, SLOT, Vendor, page, serving

Answer = Callable[[int, Interval | None, Mapping[str, Any]], Page]


class Script:
    """A call that answers by a function of its number, and notes what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[Interval | None, dict[str, Any]]] = []
        self.lock = threading.Lock()

    def __call__(self, window: Interval | None, params: Mapping[str, Any], permit: AnswerPermit | None) -> Page:
        with self.lock:
            self.asked.append((window, dict(params)))
            answer = partial(self.answer, len(self.asked), window, params)
        return permit.run(answer) if permit else answer()

    def pages(self) -> list[int]:
        return [params["page"] for _, params in self.asked]


def read(stream: Stream, answer: Answer, window: Interval | None = SLOT) -> tuple[list[WindowRows], Script, SlotReader]:
    script = Script(answer)
    made = SlotReader(Vendor([]), stream, {}, script)
    return everything(made, [window]), script, made


def everything(reader: SlotReader, windows: Sequence[Interval | None]) -> list[WindowRows]:
    """Return the rows of one slot of these windows."""
    return [rows for slot in reader.read([windows]) for rows in slot.rows()]


def ids(parts: list[WindowRows]) -> list[str]:
    return [name for part in parts for name in part.table["id"].to_pylist()]


def cut(rows: list[dict[str, Any]], params: Mapping[str, Any], total: int | None = None) -> Page:
    first = (params["page"] - 1) * params["size"]
    return page(*rows[first : first + params["size"]], total=len(rows) if total is None else total)


def within(rows: list[dict[str, Any]], window: Interval) -> list[dict[str, Any]]:
    start, end = (int(at.timestamp() * 1000) for at in (window.start, window.end))
    return [row for row in rows if start <= row["at"] < end]


STREAM = serving(windows=WindowRule(span=HOUR, step=MINUTE))
