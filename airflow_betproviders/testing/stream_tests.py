"""Tests that each stream is stored completely and exactly, whatever the vendor and the network do."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.testing.compare import differences
from airflow_betproviders.testing.desk import DAY, HOUR, Desk, simulated
from airflow_betproviders.testing.expectations import Expectations

if TYPE_CHECKING:
    import pytest

FAULT_RATE = 0.015  # of each kind; together about every fifth call

_TRIES = 400


class StreamTests:
    """Each stream is stored completely and exactly."""

    expectations: ClassVar[Expectations]

    def test_stored_rows_are_what_was_sent(self, stream_name: str, desk: Desk) -> None:
        """Every record is stored once, equal to the last digit, and no rule of the vendor is broken."""
        stream = desk.hook.stream(stream_name)
        interval = desk.interval(stream)
        stream.check_filters(desk.filters(stream, interval))
        desk.hook.check_time(stream, interval)
        stored = desk.store(stream, interval)
        assert desk.differences(stream, interval) == []
        assert desk.breaches == []
        assert stored.total("rows") == len(desk.truth(stream, interval))
        for path in stored.paths.values():
            footer = pq.read_metadata(path)
            receipt = Receipt.from_footer(footer.metadata)
            assert receipt is not None
            assert receipt.rows == footer.num_rows
            assert pq.read_schema(path).remove_metadata() == columns.schema(stream.fields)

    def test_data_frame_is_the_same(self, stream_name: str, desk: Desk) -> None:
        """`get_df` gives the same rows without a lake."""
        stream = desk.hook.stream(stream_name)
        interval = desk.interval(stream)
        filters = desk.filters(stream, interval)
        frame = desk.hook.get_df(stream.name, interval.start, interval.end, amounts="arrow", **filters)
        rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
        truth = desk.truth(stream, interval)
        if stream.windows and not stream.windows.divisible:  # one row for the interval, not one for each slot
            assert len(rows) == len(truth)
        else:
            assert differences(self.expectations, stream.key, truth, rows) == []

    def test_faults_and_drift_change_nothing(self, stream_name: str, desk: Desk) -> None:
        """Errors, cut answers, drifting pages, lies about totals and changed types don't change what is stored."""
        stream = desk.hook.stream(stream_name)
        interval = desk.interval(stream, self.expectations.hours)
        with desk.faults(FAULT_RATE):
            stored = desk.store(stream, interval)
        assert desk.differences(stream, interval) == []
        assert desk.breaches == []
        assert stored.total("bad_rows") == 0

    def test_bad_rows_are_kept_beside_the_good_ones(self, desk: Desk) -> None:
        """A row without its key, or with an amount that is no number, goes to quarantine unchanged, and only that row."""
        stream = desk.bets
        interval = desk.interval(stream, hours=1)
        (slot, *_) = desk.slots(stream, interval)
        # The row may lie outside of the slot, in an answer that reaches further; or come again in order, in one that proves it.
        for tried in range(_TRIES):
            desk.simulator.faults.set("bad_row", 1.0, times=1, after=tried % 4)
            try:
                stored = desk.store(stream, slot)
            finally:
                desk.simulator.faults.clear()
            if stored.total("bad_rows"):
                break
        assert stored.total("bad_rows") == 1
        missing = len(desk.truth(stream, slot)) - stored.total("rows")
        assert missing in {0, 1}  # 0: it lay outside, and nothing said so, as its time could not be read
        quarantine = Path(desk.lake(stream).quarantine(slot))
        assert [set(json.loads(line)) for line in quarantine.read_text().splitlines()] == [{"reason", "row"}]
        desk.store(stream, slot)
        assert desk.differences(stream, slot) == []
        assert not quarantine.exists()

    def test_a_second_read_brings_late_rows_and_corrections(self, desk: Desk) -> None:
        """A re-extracted interval is the vendor's present truth again."""
        stream = desk.bets
        interval = desk.interval(stream, hours=6)
        desk.simulator.set_now(interval.end + max(stream.lag, timedelta(minutes=5)))
        desk.store(stream, interval)
        assert desk.differences(stream, interval) == []
        desk.simulator.set_now(interval.end + DAY / 2)
        desk.store(stream, interval)
        assert desk.differences(stream, interval) == []
        assert desk.breaches == []

    def test_one_task_or_many_store_the_same(self, desk: Desk) -> None:
        """An interval that is extracted at once and one that is extracted slot by slot have the same objects and rows."""
        stream = desk.bets
        interval = desk.interval(stream, hours=8)
        desk.store(stream, interval)
        paths, rows = set(desk.lake(stream).stored(interval).values()), _without_read_time(desk.rows(stream, interval))
        for slot in desk.slots(stream, interval):
            desk.store(stream, slot, hook=desk.make_hook())
        assert set(desk.lake(stream).stored(interval).values()) == paths
        assert _without_read_time(desk.rows(stream, interval)) == rows

    def test_each_reading_of_an_open_question(
        self, reading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever the document leaves open, the bets are stored exactly, or the task fails where you say that it may."""
        option, _, _ = reading.partition("=")
        with simulated(
            self.expectations, options={self.expectations.provider: {option: _value(self.expectations, reading)}}
        ) as simulator:
            desk = Desk(self.expectations, simulator, tmp_path, monkeypatch)
            stream = desk.bets
            midnight = desk.simulator.now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY
            half = max(desk.width(stream), 2 * HOUR)
            interval = Interval(midnight - half, midnight + half)
            may_fail = reading in self.expectations.may_fail
            with suppress(BetProviderError) if may_fail else nullcontext():
                desk.store(stream, interval)
                assert desk.differences(stream, interval) == []
            assert may_fail or desk.breaches == []


def _value(expectations: Expectations, reading: str) -> Any:
    from airflow_betproviders.simulator.contract.discovery import find_modules

    name, _, text = reading.partition("=")
    return next(value for value in find_modules()[expectations.provider].OPTIONS[name] if str(value) == text)


def _without_read_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != columns.EXTRACTED_AT} for row in rows]
