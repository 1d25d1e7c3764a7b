"""Compare what was stored of a slot with what the vendor held, as far as any reader can know it.

| the vendor's faults | stored must be |
|---|---|
| can be noticed, by a total or by the shape of an answer | every row of the slot |
| others, or rows come and go | every row of the slot that an answer of the run has shown and that the vendor still holds |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import Interval
from tests.misbehaviour.faults import noticeable
from tests.misbehaviour.vendor import Bet, amount

if TYPE_CHECKING:
    from tests.misbehaviour.scenario import Scenario


class Verdict:
    """The verdict on one stored slot."""

    def __init__(
        self, scenario: Scenario, slot: Interval, rows: list[dict[str, Any]], quarantined: list[dict[str, Any]]
    ) -> None:
        self.slot = slot
        self.vendor = scenario.vendor
        self.stream = stream = scenario.stream
        self.key = stream.key[-1]
        self.money = next(f for f in stream.fields if f.money)
        self.rows = rows
        self.stored = {int(row[self.key]): row for row in rows}
        self.quarantined = {int(row[self.key]) for row in quarantined}
        self.complete = not scenario.moving and all(noticeable(stream, fault) for fault in scenario.faults)

    def problems(self) -> list[str]:
        """Return what is wrong."""
        doubled = len(self.rows) - len(self.stored)
        found = [f"{doubled} rows are stored twice in {self.slot}"] if doubled else []
        return [*found, *self._invented(), *self._lost()]

    def _invented(self) -> list[str]:
        found = []
        known = {*self.vendor.bets, *self.vendor.shown}
        for number, row in self.stored.items():
            versions = [bet for bet in known if bet.number == number and self._is(row, bet)]
            at = row[str(self.stream.time_column)]
            if not versions:
                found.append(f"row {number} has the amount {row[self.money.name]} of no version")
            elif all(bet.time == "true" for bet in versions):
                if at not in {bet.at for bet in versions}:
                    found.append(f"row {number} has the time {at} of no version")
                if self.stream.reject_outside_window and not self.slot.start <= at < self.slot.end:
                    found.append(f"row {number} at {at} is stored in {self.slot}")
        return found

    def _lost(self) -> list[str]:
        expected = self._expected()
        lost = [
            bet
            for number, bet in expected.items()
            if number not in self.stored and not self._set_aside(bet) and not self._moved(bet)
        ]
        older = [n for n, bet in expected.items() if n in self.stored and not self._is(self.stored[n], bet)]
        found = [f"rows {sorted(older)[:5]} are stored in an older version"] if older else []
        shown = sum(bet in self.vendor.shown for bet in lost)
        text = f"{len(lost)} of {len(expected)} rows of {self.slot} are lost, {shown} of them were shown"
        return [*found, f"{text}: {sorted(bet.number for bet in lost)[:5]}"] if lost else found

    def _expected(self) -> dict[int, Bet]:
        """By key, the newest version that has to be stored."""
        last = len(self.vendor.asked)
        held = [bet for bet in self.vendor.bets if self.slot.start <= bet.at < self.slot.end and bet.held(last)]
        known = [bet for bet in held if self.complete or bet in self.vendor.shown]
        return {bet.number: bet for bet in sorted(known, key=lambda bet: bet.version)}

    def _moved(self, bet: Bet) -> bool:
        """Return whether a newer version of the row lies in another slot, to which the row belongs now."""
        return any(other.number == bet.number and other.version > bet.version for other in self.vendor.bets)

    def _set_aside(self, bet: Bet) -> bool:
        # On a boundary it is in quarantine in the slot of whose window it came.
        return bet.time != "true" and (bet.number in self.quarantined or bet.at == self.slot.start)

    def _is(self, row: dict[str, Any], bet: Bet) -> bool:
        return bool(float(row[self.money.name]) == float(amount(self.money, bet)))
