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
from airflow_betproviders.testing.desk import DAY, HOUR, Desk
from airflow_betproviders.testing.expectations import Bet, Expectations

LONG_AFTER = 6 * HOUR


class BetsTests:
    """The bets table and reconciliation."""

    expectations: ClassVar[Expectations]

    def test_bets_table_follows_the_truth(self, desk: Desk) -> None:
        """Bets merged hour by hour, and again after late changes, have the expected stake, payout and status."""
        from airflow_betproviders.bets_table.table import BetsTable

        _skip_without_bets(self.expectations)
        assert self.expectations.bet, "provider_tests(bet=...) must return the expected bet of a record"
        table = BetsTable(str(desk.folder / "bets"))
        slots = desk.slots(desk.bets, desk.interval(desk.bets, math.ceil(6 * desk.width(desk.bets) / HOUR)))
        early, complete = Interval(slots[0].start, slots[2].end), Interval(slots[0].start, slots[-1].end)
        settled = max(desk.bets.lag, timedelta(minutes=70))
        for slot in slots[:3]:
            desk.simulator.set_now(slot.end + settled)
            _load(desk, table, slot)
        desk.simulator.set_now(complete.end + LONG_AFTER)
        _load(desk, table, complete)
        assert _stored(table) == self._truth(desk, complete)
        again = _load(desk, table, early)
        assert again.added == 0
        assert _stored(table) == self._truth(desk, complete)

    def test_a_day_agrees_with_the_vendor(self, desk: Desk) -> None:
        """A day that is loaded once agrees with the vendor's reports. A lost row is found, and its slot extracted again."""
        reconciliation, day = self._reconciliation(desk), self._day(desk)
        stream = reconciliation.stream
        desk.store(stream, day)
        result = reconciliation.run(day)
        assert result.agrees, result.wrong
        assert result.bets == len(desk.truth(stream, day))
        slot = next(slot for slot in desk.slots(stream, day) if len(desk.truth(stream, slot)) > 1)
        path = desk.lake(stream).data(slot)
        table = pq.ParquetFile(path).read()
        pq.write_table(table.slice(1), path)
        assert not reconciliation.run(day).agrees
        mended = Reconciliation(hook=desk.hook, fs=desk.fs, root=desk.lake(stream).root, repair=True).run(day)
        assert mended.agrees, mended.wrong
        assert mended.repaired == [slot]
        assert desk.differences(stream, day) == []
        assert desk.breaches == []

    def test_a_day_loaded_as_it_happened_agrees_after_repair(self, desk: Desk) -> None:
        """A day that is loaded hour by hour, just after each hour, agrees after late rows are extracted again."""
        reconciliation, day = self._reconciliation(desk), self._day(desk)
        stream = reconciliation.stream
        for slot in desk.slots(stream, day):
            desk.simulator.set_now(slot.end + max(stream.lag, timedelta(minutes=70)))
            desk.store(stream, slot)
        desk.simulator.set_now(day.end + LONG_AFTER)
        reconciliation = Reconciliation(hook=desk.hook, fs=desk.fs, root=desk.lake(stream).root, repair=True)
        result = reconciliation.run(day)
        assert result.agrees, result.wrong
        assert result.bets == len(desk.truth(stream, day))
        assert desk.breaches == []

    def _truth(self, desk: Desk, interval: Interval) -> dict[str, Bet]:
        assert self.expectations.bet
        bets = [Bet(*self.expectations.bet(record)) for record in desk.truth(desk.bets, interval)]
        assert bets, "the simulated vendor has no bets, so there is nothing to compare"
        return {bet.bet_id: bet for bet in bets}

    def _reconciliation(self, desk: Desk) -> Reconciliation:
        try:
            reports_of(self.expectations.provider)
        except InvalidArgument as reason:
            pytest.skip(str(reason))
        return Reconciliation(hook=desk.hook, fs=desk.fs, root=desk.lake(desk.bets).root)

    def _day(self, desk: Desk) -> Interval:
        """Return a report day, three days ago."""
        first = reports_of(self.expectations.provider)[0]
        stream: Stream = declared(self.expectations.provider, first.stream) if isinstance(first, Report) else desk.bets
        midnight = desk.simulator.now.replace(hour=0, minute=0, second=0, microsecond=0)
        begin = midnight - 3 * DAY + stream.day_start_offset
        return Interval(begin, begin + DAY)


def _skip_without_bets(expectations: Expectations) -> None:
    try:
        mapping_of(expectations.provider)
    except InvalidArgument as reason:
        pytest.skip(str(reason))


def _load(desk: Desk, table: Any, interval: Interval) -> Any:
    from airflow_betproviders.bets_table.merge import Merge
    from airflow_betproviders.bets_table.raw_slots import find

    desk.store(desk.bets, interval)
    lake = desk.lake(desk.bets)
    (found,) = find(lake.fs, lake.root, provider=desk.provider, stream=desk.bets.name, filters=lake.filters)
    return Merge(table).run(found, [interval])


def _stored(table: Any) -> dict[str, Bet]:
    rows = table.open().to_pyarrow_table().to_pylist()
    assert len({row["bet_id"] for row in rows}) == len(rows)
    return {row["bet_id"]: Bet(*(row[name] for name in Bet._fields)) for row in rows if not row["missing_since"]}
