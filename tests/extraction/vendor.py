"""A made-up vendor with one small stream, so that the engine is tested without a provider of ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare.fields import Decimal, Epoch, Field, Integer, Text
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.declare.stream import Rows, Stream, Total
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.lake.quarantine import RejectedRow

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FIVE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
SLOT = Interval(FIVE, FIVE + HOUR)
START_MS = int(FIVE.timestamp() * 1000)

PAGED = PageNumber(param="page", size_param="size", page_size=3)
BETS = Stream(
    provider="toy",
    name="bets",
    fields=(
        Field("id", Text(), required=True),
        Field("at", Epoch("ms"), required=True),
        Field("changed", Epoch("ms")),
        Field("stake", Decimal(28, 8), money=True),
        Field("units", Integer(), money=True),
    ),
    envelope={"code": Integer(), "total": Total, "rows": Rows},
    key=("id",),
    version_columns=("changed",),
    time_column="at",
    windows=WindowRule(span=15 * MINUTE, step=MINUTE),
    paging=PAGED,
)


def bet(name: str, at: float = 0, *, changed: int = 0, stake: str = "1.5", units: int = 1) -> dict[str, Any]:
    """Return a record of `BETS`; `at` is in seconds after five o'clock."""
    return {
        "id": name,
        "at": START_MS + round(at * 1000),
        "changed": START_MS + changed * 1000,
        "stake": stake,
        "units": units,
    }


def table(*rows: Mapping[str, Any]) -> pa.Table:
    """Return records of `BETS` as the decoder does."""
    instant = pa.timestamp("ms", "UTC")
    return pa.table(
        {
            "id": pa.array([row["id"] for row in rows], pa.string()),
            "at": pa.array([row["at"] for row in rows], pa.int64()).cast(instant),
            "changed": pa.array([row["changed"] for row in rows], pa.int64()).cast(instant),
            "stake": pa.array([Exact(row["stake"]) for row in rows], pa.decimal128(28, 8)),
            "units": pa.array([row["units"] for row in rows], pa.int64()),
            "_extra": pa.nulls(len(rows), pa.string()),
        }
    )


def page(*rows: Mapping[str, Any], total: int | None = None, rejected: int = 0) -> Page:
    """Return a decoded answer of `BETS`."""
    return Page(table(*rows), total, [RejectedRow(f'{{"id":{i}}}', "id: odd") for i in range(rejected)])


@dataclass
class Vendor:
    """A `Source` that answers from a list of records, page by page, and misbehaves as a test tells it to.

    Attributes:
        rows: the vendor's records.
        stream: the stream that it serves.
        spoil: changes an answer. It gets the number of the call (from 1) and the answer, and returns what is sent instead.
        asked: window and parameters of each call so far.
        acquired: how often a call has asked the shared rate limiter.
        shares: whether calls have a shared rate limiter.
        lock: guards `asked`.
    """

    rows: list[dict[str, Any]]
    stream: Stream = BETS
    spoil: Callable[[int, dict[str, Any]], bytes | dict[str, Any]] | None = None
    asked: list[tuple[Interval | None, dict[str, Any]]] = field(default_factory=list)
    label: str = "connection toy_default"
    retries: bool = True
    account: str = "agent001"
    utc_offset: timedelta = timedelta(0)
    min_interval: float = 0.0
    acquired: int = 0
    shares: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def now(self) -> datetime:
        """Return the current time."""
        return datetime.now(timezone.utc)

    def params(self, stream: Stream, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the window and the filters as parameters."""
        return {**({"window": window} if window else {}), **filters}

    def request(
        self,
        stream: Stream,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit | None = None,
    ) -> bytes:
        """Answer with a page of the records whose `at` lies in the window."""
        with self.lock:  # several threads call, and each call has a number of its own
            self.asked.append((window, dict(params)))
            number = len(self.asked)
        if permit:
            permit.run(lambda: None)
        start, end = (int(t.timestamp() * 1000) for t in (window.start, window.end))
        held = [row for row in self.rows if isinstance(row.get("at"), str) or start <= row.get("at", start) < end]
        first, size = (params["page"] - 1) * params["size"], params["size"]
        document = {"code": 200, "total": len(held), "rows": held[first : first + size]}
        answer = self.spoil(number, document) if self.spoil else document
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Raise an error unless the code is 200."""
        if str(envelope["code"]) != "200":
            raise ProviderRequestError(f"the provider answered {envelope['code']}")

    def cursor(self, stream: Stream, instant_ms: int) -> int:
        """Return a cursor: the time in milliseconds."""
        return instant_ms

    def hide_secrets(self, text: Any) -> Any:
        """Return the text unchanged: this vendor has no secrets."""
        return text

    def limits(self, stream: Stream) -> Limits:
        """Limit the calls to one in ``min_interval`` seconds."""
        return Limits(spacing=timedelta(seconds=self.min_interval))

    def shared_limiter(self, stream: Stream) -> Any:
        """Return a shared rate limiter that never waits and counts the calls."""
        return SimpleNamespace(acquire=self._acquire) if self.shares else None

    def _acquire(self, *, page: bool) -> float:
        self.acquired += 1
        return 0.0


def serving(stream: Stream = BETS, **changes: Any) -> Stream:
    """`BETS` with some declarations changed."""
    return replace(stream, **changes)
