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
from airflow_betproviders.exceptions import BetProviderError, IncompleteWindow, WindowNotReady
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.testing.compare import differences
from airflow_betproviders.testing.expectations import Expectations
from airflow_betproviders.testing.vendor_account import DAY, HOUR, VendorAccount, simulated

if TYPE_CHECKING:
    import pytest

FAULT_RATE = 0.015  # of each kind; together about every fifth call

_TRIES = 400


class StreamTests:
    """Each stream is stored completely and exactly."""

    expectations: ClassVar[Expectations]

    def test_stored_rows_are_what_was_sent(self, stream_name: str, vendor_account: VendorAccount) -> None:
        """Every record is stored once, equal to the last digit, and no rule of the vendor is broken."""
        stream = vendor_account.hook.stream(stream_name)
        interval = vendor_account.interval(stream)
        stream.check_filters(vendor_account.filters(stream, interval))
        vendor_account.hook.check_time(stream, interval)
        stored = vendor_account.store(stream, interval)
        assert vendor_account.differences(stream, interval) == []
        assert vendor_account.breaches == []
        assert stored.total("rows") == len(vendor_account.expected_records(stream, interval))
        for path in stored.paths.values():
            footer = pq.read_metadata(path)
            receipt = Receipt.from_footer(footer.metadata)
            assert receipt is not None
            assert receipt.rows == footer.num_rows
            assert pq.read_schema(path).remove_metadata() == columns.schema(stream.fields)

    def test_data_frame_is_the_same(self, stream_name: str, vendor_account: VendorAccount) -> None:
        """`get_df` gives the same rows without a lake."""
        stream = vendor_account.hook.stream(stream_name)
        interval = vendor_account.interval(stream)
        filters = vendor_account.filters(stream, interval)
        frame = vendor_account.hook.get_df(stream.name, interval.start, interval.end, amounts="arrow", **filters)
        rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
        expected = vendor_account.expected_records(stream, interval)
        if stream.windows and not stream.windows.divisible:  # one row for the interval, not one for each slot
            assert len(rows) == len(expected)
        else:
            assert differences(self.expectations, stream.key, expected, rows) == []

    def test_faults_and_drift_change_nothing(self, stream_name: str, vendor_account: VendorAccount) -> None:
        """Errors, cut answers, drifting pages, lies about totals and changed types don't change what is stored."""
        stream = vendor_account.hook.stream(stream_name)
        interval = vendor_account.interval(stream, self.expectations.hours)
        with vendor_account.faults(FAULT_RATE):
            stored = vendor_account.store(stream, interval)
        assert vendor_account.differences(stream, interval) == []
        assert vendor_account.breaches == []
        assert stored.total("bad_rows") == 0

    def test_a_filter_selects_by_its_column(self, stream_name: str, vendor_account: VendorAccount) -> None:
        """Each filter that declares a column brings rows with its value in that column, and all of them."""
        stream = vendor_account.hook.stream(stream_name)
        slot = vendor_account.slots(stream, vendor_account.interval(stream))[-1]
        needed = vendor_account.filters(stream, slot)
        records = vendor_account.expected_records(stream, slot)
        for name, declared in stream.filters.items():
            column = declared.column or ""
            found = next((record[column] for record in records if record.get(column)), None)
            if found is None:
                continue
            value = [int(found)] if declared.type is list else declared.type(found)
            vendor_account.choose_filters(stream, {**needed, name: value})
            vendor_account.store(stream, slot)
            assert vendor_account.differences(stream, slot) == []
            others = [
                row[column] for row in vendor_account.rows(stream, slot) if not declared.selects(value, row[column])
            ]
            assert others == [], f"filter {name}={value!r} does not select by {column}"

    def test_answers_from_before_the_end_of_a_window_are_refused(self, vendor_account: VendorAccount) -> None:
        """A worker's clock that is ahead of the vendor's is noticed: nothing is stored by an answer that came too early."""
        stream = vendor_account.bets
        slot = vendor_account.newest_slot(stream)
        if slot.width == DAY:
            return  # the clocks would differ by more than is believed
        too_early = vendor_account.simulator.now - slot.end + timedelta(minutes=1)
        vendor_account.simulator.faults.set("date_behind", seconds=too_early.total_seconds())
        try:
            vendor_account.store(stream, slot)
        except (IncompleteWindow, WindowNotReady) as error:
            assert "Date header" in str(error)  # noqa: PT017 - this package does not need pytest
        else:
            raise AssertionError("an answer from before the window's end was stored")
        finally:
            vendor_account.simulator.faults.clear()
        assert vendor_account.lake(stream).stored(slot) == {}
        vendor_account.store(stream, slot)
        assert vendor_account.differences(stream, slot) == []

    def test_bad_rows_are_kept_beside_the_good_ones(self, vendor_account: VendorAccount) -> None:
        """A row without its key, or with an amount that is no number, goes to quarantine unchanged, and only that row."""
        stream = vendor_account.bets
        slot = vendor_account.newest_slot(stream)  # an answer that reaches to the present has few rows of other slots
        # The row may lie outside of the slot, in an answer that reaches further; or come again in order, in one that proves it.
        for tried in range(_TRIES):
            vendor_account.simulator.faults.set("bad_row", 1.0, times=1, after=tried % 4)
            try:
                stored = vendor_account.store(stream, slot)
            finally:
                vendor_account.simulator.faults.clear()
            if stored.total("bad_rows"):
                break
        assert stored.total("bad_rows") == 1
        missing = len(vendor_account.expected_records(stream, slot)) - stored.total("rows")
        assert missing in {0, 1}  # 0: it lay outside, and nothing said so, as its time could not be read
        quarantine = Path(vendor_account.lake(stream).quarantine(slot))
        assert [set(json.loads(line)) for line in quarantine.read_text().splitlines()] == [{"reason", "row"}]
        vendor_account.store(stream, slot)
        assert vendor_account.differences(stream, slot) == []
        assert not quarantine.exists()

    def test_a_second_read_brings_late_rows_and_corrections(self, vendor_account: VendorAccount) -> None:
        """A re-extracted interval equals what the vendor has now."""
        stream = vendor_account.bets
        interval = vendor_account.interval(stream, hours=6)
        vendor_account.simulator.set_now(interval.end + max(stream.lag, timedelta(minutes=5)))
        vendor_account.store(stream, interval)
        assert vendor_account.differences(stream, interval) == []
        vendor_account.simulator.set_now(interval.end + DAY / 2)
        vendor_account.store(stream, interval)
        assert vendor_account.differences(stream, interval) == []
        assert vendor_account.breaches == []

    def test_one_task_or_many_store_the_same(self, vendor_account: VendorAccount) -> None:
        """An interval that is extracted at once and one that is extracted slot by slot have the same objects and rows."""
        stream = vendor_account.bets
        interval = vendor_account.interval(stream, hours=8)
        vendor_account.store(stream, interval)
        paths, rows = (
            set(vendor_account.lake(stream).stored(interval).values()),
            _without_read_time(vendor_account.rows(stream, interval)),
        )
        for slot in vendor_account.slots(stream, interval):
            vendor_account.store(stream, slot, hook=vendor_account.make_hook())
        assert set(vendor_account.lake(stream).stored(interval).values()) == paths
        assert _without_read_time(vendor_account.rows(stream, interval)) == rows

    def test_each_reading_of_an_open_question(
        self, reading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever the document leaves open, the bets are stored exactly, or the task fails where you say that it may."""
        option, _, _ = reading.partition("=")
        with simulated(
            self.expectations, options={self.expectations.provider: {option: _option_value(self.expectations, reading)}}
        ) as simulator:
            vendor_account = VendorAccount(self.expectations, simulator, tmp_path, monkeypatch)
            stream = vendor_account.bets
            midnight = vendor_account.simulator.now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY
            half = max(vendor_account.width(stream), 2 * HOUR)
            interval = Interval(midnight - half, midnight + half)
            may_fail = reading in self.expectations.may_fail
            with suppress(BetProviderError) if may_fail else nullcontext():
                vendor_account.store(stream, interval)
                assert vendor_account.differences(stream, interval) == []
            assert may_fail or vendor_account.breaches == []


def _option_value(expectations: Expectations, reading: str) -> Any:
    from airflow_betproviders.simulator.contract.discovery import find_modules

    name, _, text = reading.partition("=")
    return next(value for value in find_modules()[expectations.provider].OPTIONS[name] if str(value) == text)


def _without_read_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != columns.EXTRACTED_AT} for row in rows]
