"""One account at a simulated vendor, with a lake in a folder: the fixture of each test of the suite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.slots import Extraction, Stored
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.registry import declared, hook_class, mapping_of
from airflow_betproviders.simulator import Settings, Simulator
from airflow_betproviders.testing.compare import differences
from airflow_betproviders.testing.expectations import Expectations

if TYPE_CHECKING:
    import pytest

    from airflow_betproviders.hooks.base import BetProviderHook

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FAULTS = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "rate", "http_429", "busy",
    "drift", "duplicate", "repeated_page", "type_drift", "unknown_field", "duplicate_key",
)  # fmt: skip


@contextmanager
def simulated(expectations: Expectations, **settings: Any) -> Iterator[Simulator]:
    """Run a simulator that stands still at the present and has no rate limits, unless ``settings`` say otherwise."""
    given = {"seed": 7, "rate": 120.0, "now": datetime.now(timezone.utc), "min_interval": {}}
    with Simulator(Settings(**{**given, **expectations.settings, **settings})).running() as simulator:
        assert expectations.provider in simulator.providers, (
            f"no package has a simulated vendor {expectations.provider!r}; register one in the entry point group "
            "airflow_betproviders.simulators"
        )
        yield simulator


class VendorAccount:
    """One account at a simulated vendor, with a lake in a folder.

    Args:
        expectations: the arguments of `provider_tests`.
        simulator: a running simulator.
        folder: a folder for the lake.
        monkeypatch: pytest's fixture, which makes the connection known to Airflow.
        extra: members of the connection's extra, in addition to those of the vendor's demo connection.
    """

    def __init__(
        self,
        expectations: Expectations,
        simulator: Simulator,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        **extra: Any,
    ) -> None:
        self.expectations = expectations
        self.provider = expectations.provider
        self.simulator = simulator
        self.folder = folder
        self.fs = fsspec.filesystem("file")
        self._monkeypatch = monkeypatch
        self._seen = len(simulator.breaches)
        self._filters: dict[str, dict[str, Any]] = {}
        self.hook = self.make_hook(**extra)

    def make_hook(self, *, password: str | None = None, **extra: Any) -> BetProviderHook:
        """Make a hook with a connection to the simulator, as a new task does."""
        from airflow.sdk import BaseHook, Connection

        given = self.simulator.credentials[self.provider]
        connection = Connection(
            conn_id=f"{self.provider}_default",
            **{
                **given,
                "password": password or given["password"],
                "extra": json.dumps({**given["extra"], **extra}),
            },
        )
        self._monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda _cls, _conn_id: connection))
        hook = hook_class(self.provider)()
        assert hook.connection is connection
        return hook

    @property
    def bets(self) -> Stream:
        """Return the main stream of bets."""
        return declared(self.provider, mapping_of(self.provider).streams[0])

    @property
    def breaches(self) -> list[dict[str, Any]]:
        """Return the vendor's rules that this test's calls broke."""
        return self.simulator.breaches[self._seen :]

    def width(self, stream: Stream) -> timedelta:
        """Return the width of a stream's slots: its own, or less where it is kept for a few hours only."""
        kept = stream.retention or DAY
        return HOUR / 4 if HOUR < kept < 3 * HOUR else stream.slot

    def interval(self, stream: Stream, hours: int = 3) -> Interval:
        """Return an interval of whole slots that the vendor still has: at least ``hours``, or a day if slots are days."""
        now = self.simulator.now
        width = self.width(stream)
        if stream.windows is None:
            return Interval(_floor(now, DAY), _floor(now, DAY) + DAY)
        if width == DAY:
            end = _floor(now, DAY) - DAY + stream.day_start_offset
            return Interval(end - DAY, end)
        if stream.retention and stream.retention < HOUR:
            end = _floor(now - stream.lag, width)
            return Interval(end - width, end)
        if width < HOUR:
            end = _floor(now, width) - width
            return Interval(end - HOUR, end)
        end = _floor(now - DAY, max(width, HOUR))
        return Interval(end - math.ceil(hours * HOUR / width) * width, end)

    def newest_slot(self, stream: Stream) -> Interval:
        """Return the newest slot that is ready."""
        width = self.width(stream)
        end = _floor(self.simulator.now - stream.lag - stream.day_start_offset, width) + stream.day_start_offset
        return Interval(end - width, end)

    def filters(self, stream: Stream, interval: Interval) -> dict[str, Any]:
        """Return filters that find rows if the stream needs filters. The simulated vendor names them."""
        if stream.name not in self._filters:
            chosen = self.simulator.filters(self.provider, stream.name, interval.start, interval.end)
            self._filters[stream.name] = chosen[0]
        return self._filters[stream.name]

    def choose_filters(self, stream: Stream, filters: Mapping[str, Any]) -> None:
        """Read the stream with these filters from now on."""
        self._filters[stream.name] = dict(filters)

    def lake(self, stream: Stream) -> Lake:
        """Return where the stream is stored."""
        filters = self._filters.get(stream.name, {})
        return Lake(self.fs, str(self.folder / "raw"), self.provider, stream.name, self.hook.account, filters)

    def slots(self, stream: Stream, interval: Interval) -> list[Interval]:
        """Return the slots of an interval."""
        return list(slots(interval, self.width(stream), stream.day_start_offset))

    def store(
        self, stream: Stream, interval: Interval, *, hook: BetProviderHook | None = None, **arguments: Any
    ) -> Stored:
        """Extract an interval into the lake, as a task does; ``arguments`` go to `Extraction`."""
        extraction = Extraction(hook or self.hook, stream, self.filters(stream, interval), **arguments)
        return extraction.store(self.slots(stream, interval), self.lake(stream))

    def expected_records(self, stream: Stream, interval: Interval) -> list[dict[str, Any]]:
        """Return the records that must be stored for an interval, from the simulated vendor."""
        filters = self.filters(stream, interval)
        return self.simulator.truth(self.provider, stream.name, interval.start, interval.end, filters)

    def rows(self, stream: Stream, interval: Interval) -> list[dict[str, Any]]:
        """Return the stored rows of an interval."""
        paths = sorted(self.lake(stream).stored(interval).values())
        tables = [pq.read_table(path, partitioning=None) for path in paths]
        rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
        return rows

    def differences(self, stream: Stream, interval: Interval) -> list[str]:
        """Return how the stored rows of an interval differ from the expected records."""
        expected = self.expected_records(stream, interval)
        assert expected, f"the simulated vendor has no {stream.name} in {interval}, so there is nothing to compare"
        return differences(self.expectations, stream.key, expected, self.rows(stream, interval))

    @contextmanager
    def faults(self, rate: float, *more: str) -> Iterator[None]:
        """Switch on the faults of `FAULTS` and ``more`` kinds, each with this probability a call."""
        for kind in (*FAULTS, *more):
            self.simulator.faults.set(kind, rate)
        try:
            yield
        finally:
            self.simulator.faults.clear()


def _floor(moment: datetime, width: timedelta) -> datetime:
    """Round a time down to a multiple of a width since midnight UTC."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // width * width
