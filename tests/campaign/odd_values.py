"""Check that odd values were kept: in their column, in ``_extra``, or with the complete row in quarantine."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from airflow_betproviders.testing.compare import same
from airflow_betproviders.testing.expectations import Expectations
from tests.campaign.vendors import DEFAULT_DECIMALS, Record, Vendor

CUT = 190  # the call log has the first 200 characters of a value
NOTHING = {"", "null", '""'}
"""A member that is left out, null or an empty text: null in its column."""
_DIGITS = Context(prec=15, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_BETS_TABLE_UNIT = Decimal("1e-8")  # the bets table rounds amounts half to even
_WHOLE_DIGITS = 20


class Unreadable(Exception):
    """An amount that no bet can be made of: its row belongs in quarantine."""


@dataclass(frozen=True)
class OddValues:
    """The odd values that a provider sent.

    Attributes:
        vendor: Who sent them.
        sent: By key and field, the raw values, oldest first; ``""`` where the member was left out.
    """

    vendor: Vendor
    sent: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    @classmethod
    def from_calls(cls, vendor: Vendor, calls: Iterable[Mapping[str, Any]]) -> OddValues:
        """Collect them from the simulator's call log."""
        sent: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for call in calls:
            for odd in call["odd_values"]:
                sent[odd["key"]][odd["field"]].append(odd["value"])
        return cls(vendor, sent)

    def of(self, record: Record) -> Mapping[str, list[str]]:
        """Return the odd values of a record, by field."""
        return self.sent.get(self.vendor.key_of(record), {})

    def split(
        self, expected: Iterable[Record], rows: Iterable[Record], rejected: Sequence[str]
    ) -> tuple[list[Record], list[str]]:
        """Check the records with odd values.

        Args:
            expected: The records of a slot.
            rows: The slot's rows.
            rejected: The slot's quarantine, by line.

        Returns:
            The records to compare with the stored rows, without their odd members and without those that are in
            quarantine; and every odd value that was not kept.
        """
        stored = {self.vendor.key_of(row): row for row in rows}
        left: list[Mapping[str, Any]] = []
        wrong: list[str] = []
        for record in expected:
            odd = self.of(record)
            row = stored.get(self.vendor.key_of(record))
            if odd and row is None and self.in_quarantine(record, rejected):
                continue
            left.append({member: value for member, value in record.items() if member not in odd})
            if row is not None:
                wrong += [
                    f"{self.vendor.key_of(record)}: {member} was sent as {sorted(set(values))} and is stored as "
                    f"{row.get(member)!r}"
                    for member, values in odd.items()
                    if not self._kept(member, values, record.get(member), row)
                ]
        return left, wrong

    def in_quarantine(self, record: Record, rejected: Iterable[str]) -> bool:
        """Return whether a record is among quarantined rows, by its key, or by its other texts where the key is odd."""
        odd = self.of(record)
        members = {name: str(record[name]) for name in self.vendor.key if name not in odd}
        if len(members) < len(self.vendor.key):
            texts = {name: value for name, value in record.items() if name not in odd and isinstance(value, str)}
            members |= {name: text for name, text in texts.items() if text.isascii() and '"' not in text}
        # Not parsed: a line may hold what no parser takes. Letters may be written as they are or escaped.
        patterns = [
            re.compile(rf'"{name}\\?"\s*:\s*\\?"?(?:{re.escape(text)}|{re.escape(json.dumps(text)[1:-1])})["\s,}}\\]')
            for name, text in members.items()
        ]
        return any(all(pattern.search(line) for pattern in patterns) for line in rejected)

    def as_read(self, record: Record) -> Record:
        """Return a record with its odd members as the bets table takes them.

        Raises:
            Unreadable: An amount that the bet can't do without is missing, or an amount is no number.
        """
        read = dict(record)
        for member, values in self.of(record).items():
            read[member] = self._amount(member, values[-1]) if self._is_amount(member) else record.get(member)
        return read

    def _is_amount(self, member: str) -> bool:
        return member in self.vendor.needed or member == "win_amount"

    def _amount(self, member: str, raw: str) -> Decimal | None:
        if raw in NOTHING:
            if member in self.vendor.needed:
                raise Unreadable(member)
            return None
        stored = rounded(raw, self.vendor.decimals.get(member, DEFAULT_DECIMALS))
        return stored.quantize(_BETS_TABLE_UNIT, context=_WIDE)

    def _kept(self, member: str, values: list[str], truth: Any, row: Record) -> bool:
        stored = row.get(member)
        extra = json.loads(row.get("_extra") or "{}", parse_float=Decimal)
        expected = Expectations(provider=self.vendor.provider, times=self.vendor.times)
        if truth is None and stored is None:
            return True  # an earlier version of the row, without the member
        if stored is None:
            return bool(NOTHING & set(values)) or (member in extra and _is_among(values, extra[member]))
        if member in extra:  # rounded
            return _is_among(values, extra[member]) and any(_rounds_to(value, stored) for value in values)
        if _any_alike(values, stored) or any(_is_time(expected, member, value, stored) for value in values):
            return True
        return truth is not None and same(expected, member, truth, stored)


def _is_time(expected: Expectations, member: str, raw: str, stored: Any) -> bool:
    """Return whether a raw value is a stored time: the last day of 9999 is in range where its offset leaves it there."""
    try:
        return isinstance(stored, datetime) and expected.time(member, raw.strip('"')) == stored
    except (ValueError, OverflowError):
        return False


def rounded(raw: str, decimals: int) -> Decimal:
    """Read a raw JSON value as an amount.

    Raises:
        Unreadable: It is no number, too great, or has digits that rounding would lose.
    """
    try:
        value = Decimal(raw.strip('"')) if len(raw) < CUT else Decimal("NaN")
    except InvalidOperation:
        raise Unreadable(raw) from None
    if not value.is_finite() or value.adjusted() >= _WHOLE_DIGITS:
        raise Unreadable(raw)
    short = value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE)
    if short != value and short != _DIGITS.plus(value):
        raise Unreadable(raw)
    return short


def _rounds_to(raw: str, stored: Any) -> bool:
    """Return whether a stored number is a raw one, rounded half to even."""
    try:
        value = Decimal(raw.strip('"'))
        return isinstance(stored, Decimal) and value.quantize(stored, context=_WIDE) == stored
    except InvalidOperation:
        return False


def _is_among(values: Iterable[str], extra: Any) -> bool:
    """Return whether a member of ``_extra`` is an odd value; of a member that came twice it is the list of both."""
    return _any_alike(values, extra) or (isinstance(extra, list) and any(_any_alike(values, each) for each in extra))


def _any_alike(values: Iterable[str], stored: Any) -> bool:
    return any(_alike(value, stored) for value in values)


def _alike(value: str, stored: Any) -> bool:
    """Return whether a stored value is the odd one."""
    if isinstance(stored, list | dict):
        return value[:1] in "[{"  # a nested value in a nested column
    if isinstance(stored, bool):
        return value == json.dumps(stored)
    if isinstance(stored, int | Decimal | float):
        return _same_number(value.strip('"'), stored)
    text = str(stored)
    return value.strip('"') in {text, ""} or text.startswith(value.strip('"')[:CUT]) or _same_json(value, text)


def _same_number(value: str, stored: float | Decimal) -> bool:
    try:
        return Decimal(value) == Decimal(str(stored))
    except InvalidOperation:
        return False


def _same_json(value: str, text: str) -> bool:
    try:
        return bool(json.loads(value) == json.loads(text))
    except ValueError:
        return False
