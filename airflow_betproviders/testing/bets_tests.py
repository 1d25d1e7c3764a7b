"""Tests of the bets table and of reconciliation."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.reports import Report
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.reconciliation.reconcile import Reconciliation
from airflow_betproviders.registry import declared, mapping_of, reports_of
from airflow_betproviders.testing.expectations import Bet, Expectations
from airflow_betproviders.testing.vendor_account import DAY, HOUR, VendorAccount

LONG_AFTER = 6 * HOUR


class BetsTests:
    """The bets table and reconciliation."""

    expectations: ClassVar[Expectations]

    def test_bets_table_has_the_expected_bets(self, vendor_account: VendorAccount) -> None:
        """Bets merged hour by hour, and again after late changes, have the expected stake, payout and status."""
        from airflow_betproviders.bets_table.table import BetsTable

        _skip_without_bets(self.expectations)
        assert self.expectations.bet, "provider_tests(bet=...) must return the expected bet of a record"
        table = BetsTable(str(vendor_account.folder / "bets"))
        slots = vendor_account.slots(
            vendor_account.bets,
            vendor_account.interval(
                vendor_account.bets, math.ceil(6 * vendor_account.width(vendor_account.bets) / HOUR)
            ),
        )
        early, complete = Interval(slots[0].start, slots[2].end), Interval(slots[0].start, slots[-1].end)
        settled = max(vendor_account.bets.lag, timedelta(minutes=70))
        for slot in slots[:3]:
            vendor_account.simulator.set_now(slot.end + settled)
            _load(vendor_account, table, slot)
        vendor_account.simulator.set_now(complete.end + LONG_AFTER)
        _load(vendor_account, table, complete)
        expected = self._expected_bets(vendor_account, complete)
        assert _stored_bets(table) == expected
        again = _load(vendor_account, table, early)
        assert again.added == 0
        assert _stored_bets(table) == expected

    def test_a_day_agrees_with_the_vendor(self, vendor_account: VendorAccount) -> None:
        """A day that is loaded once agrees with the vendor's reports. A lost row is found, and its slot extracted again."""
        reconciliation, day = self._reconciliation(vendor_account), self._day(vendor_account)
        stream = reconciliation.stream
        vendor_account.store(stream, day)
        result = reconciliation.run(day)
        assert result.agrees, result.wrong
        assert result.bets == len(vendor_account.expected_records(stream, day))
        slot = next(
            slot for slot in vendor_account.slots(stream, day) if len(vendor_account.expected_records(stream, slot)) > 1
        )
        path = vendor_account.lake(stream).data(slot)
        table = pq.ParquetFile(path).read()
        pq.write_table(table.slice(1), path)
        assert not reconciliation.run(day).agrees
        repaired = Reconciliation(
            hook=vendor_account.hook, fs=vendor_account.fs, root=vendor_account.lake(stream).root, repair=True
        ).run(day)
        assert repaired.agrees, repaired.wrong
        assert repaired.repaired == [slot]
        assert vendor_account.differences(stream, day) == []
        assert vendor_account.breaches == []

    def test_a_day_loaded_as_it_happened_agrees_after_repair(self, vendor_account: VendorAccount) -> None:
        """A day that is loaded hour by hour, just after each hour, agrees after late rows are extracted again."""
        reconciliation, day = self._reconciliation(vendor_account), self._day(vendor_account)
        stream = reconciliation.stream
        for slot in vendor_account.slots(stream, day):
            vendor_account.simulator.set_now(slot.end + max(stream.lag, timedelta(minutes=70)))
            vendor_account.store(stream, slot)
        vendor_account.simulator.set_now(day.end + LONG_AFTER)
        reconciliation = Reconciliation(
            hook=vendor_account.hook, fs=vendor_account.fs, root=vendor_account.lake(stream).root, repair=True
        )
        result = reconciliation.run(day)
        assert result.agrees, result.wrong
        assert result.bets == len(vendor_account.expected_records(stream, day))
        assert vendor_account.breaches == []

    def _expected_bets(self, vendor_account: VendorAccount, interval: Interval) -> dict[str, Bet]:
        assert self.expectations.bet
        bets = [
            Bet(*self.expectations.bet(record))
            for record in vendor_account.expected_records(vendor_account.bets, interval)
        ]
        assert bets, "the simulated vendor has no bets, so there is nothing to compare"
        return {bet.bet_id: bet for bet in bets}

    def _reconciliation(self, vendor_account: VendorAccount) -> Reconciliation:
        try:
            reports_of(self.expectations.provider)
        except InvalidArgument as reason:
            pytest.skip(str(reason))
        return Reconciliation(
            hook=vendor_account.hook, fs=vendor_account.fs, root=vendor_account.lake(vendor_account.bets).root
        )

    def _day(self, vendor_account: VendorAccount) -> Interval:
        """Return a report day, three days ago."""
        first = reports_of(self.expectations.provider)[0]
        stream: Stream = (
            declared(self.expectations.provider, first.stream) if isinstance(first, Report) else vendor_account.bets
        )
        midnight = vendor_account.simulator.now.replace(hour=0, minute=0, second=0, microsecond=0)
        begin = midnight - 3 * DAY + stream.day_start_offset
        return Interval(begin, begin + DAY)


def _skip_without_bets(expectations: Expectations) -> None:
    try:
        mapping_of(expectations.provider)
    except InvalidArgument as reason:
        pytest.skip(str(reason))


def _load(vendor_account: VendorAccount, table: Any, interval: Interval) -> Any:
    from airflow_betproviders.bets_table.merge import Merge
    from airflow_betproviders.bets_table.raw_slots import find_raw_streams

    vendor_account.store(vendor_account.bets, interval)
    lake = vendor_account.lake(vendor_account.bets)
    (raw_stream,) = find_raw_streams(
        lake.fs, lake.root, provider=vendor_account.provider, stream=vendor_account.bets.name, filters=lake.filters
    )
    return Merge(table).run(raw_stream, [interval])


def _stored_bets(table: Any) -> dict[str, Bet]:
    rows = table.open().to_pyarrow_table(columns=[*Bet._fields, "missing_since"]).to_pylist()
    assert len({row["bet_id"] for row in rows}) == len(rows)
    return {row["bet_id"]: Bet(*(row[name] for name in Bet._fields)) for row in rows if not row["missing_since"]}
