"""Tell whether odd values were kept: in their column, in ``_extra``, or with the complete row in quarantine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_betproviders.testing.compare import same
from airflow_betproviders.testing.expectations import Expectations
from tests.conformance.wire import TIMES

Record = Mapping[str, Any]
KEYS = {
    "pv": ("event_id",),
    "aig": ("id",),
    "jdb": ("gType", "historyId"),
    "gmag": ("brandId", "providerCode", "playerId", "roundId"),
}
"""The members that make the simulator's key of a row."""


@dataclass(frozen=True)
class OddValues:
    """The odd values that a provider sent.

    Attributes:
        provider: who sent them.
        sent: by key and field, the raw values; ``""`` where the member was left out.
    """

    provider: str
    sent: Mapping[str, Mapping[str, set[str]]] = field(default_factory=dict)

    @classmethod
    def from_calls(cls, provider: str, calls: Iterable[Mapping[str, Any]]) -> OddValues:
        """Collect them from the simulator's call log."""
        sent: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for call in calls:
            for odd in call["odd_values"]:
                sent[odd["key"]][odd["field"]].add(odd["value"])
        return cls(provider, sent)

    def of(self, record: Record) -> Mapping[str, set[str]]:
        """Return the odd values of a record, by field."""
        return self.sent.get(self._key(record), {})

    def _key(self, record: Record) -> str:
        return "/".join(str(record[name]) for name in KEYS[self.provider])

    def split(
        self, expected: Iterable[Record], rows: Iterable[Record], quarantine: str
    ) -> tuple[list[Record], list[str]]:
        """Check the records with odd values.

        Returns:
            The records to compare with the stored rows, without their odd members and without those that are in
            quarantine; and every odd value that was not kept.
        """
        stored = {self._key(row): row for row in rows}
        left, wrong = [], []
        for record in expected:
            odd = self.of(record)
            row = stored.get(self._key(record))
            if odd and row is None and in_quarantine(self.provider, record, odd, quarantine):
                continue
            left.append({member: value for member, value in record.items() if member not in odd})
            if row is not None:
                wrong += [
                    f"{self._key(record)}: {member} was sent as {sorted(values)} and is stored as {row.get(member)!r}"
                    for member, values in odd.items()
                    if not self._kept(member, values, record.get(member), row)
                ]
        return left, wrong

    def _kept(self, member: str, values: set[str], truth: Any, row: Record) -> bool:
        stored = row.get(member)
        expectations = Expectations(provider=self.provider, times=TIMES[self.provider])
        if truth is None and stored is None:
            return True  # an earlier version of the row, without the member
        if truth is not None and stored is not None and same(expectations, member, truth, stored):
            return True
        if stored is None:
            return bool(values & {"", "null", '""'}) or member in json.loads(row.get("_extra") or "{}")
        return any(_alike(value, stored) for value in values)


def in_quarantine(provider: str, record: Record, odd: Mapping[str, set[str]], quarantine: str) -> bool:
    """Return whether a record is among quarantined rows, by its key, or by its other texts where the key is odd."""
    key = [str(record[name]) for name in KEYS[provider] if name not in odd]
    if len(key) < len(KEYS[provider]):
        texts = (value for name, value in record.items() if name not in odd and isinstance(value, str))
        key += [text for text in texts if text.isascii() and '"' not in text]
    # Not parsed: a line may hold what no parser takes. Letters may be written as they are or escaped.
    both = [(text, json.dumps(text).strip('"')) for text in key]
    return any(all(text in line or escaped in line for text, escaped in both) for line in quarantine.splitlines())


def _alike(value: str, stored: Any) -> bool:
    """Whether a stored value is the odd one: the call log has its first 200 characters."""
    if isinstance(stored, list | dict):
        return True  # a nested value in a nested column
    if isinstance(stored, bool):
        return value == json.dumps(stored)
    if isinstance(stored, int | Decimal | float):
        return _same_number(value.strip('"'), stored)
    text = str(stored)
    return value.strip('"') in {text, ""} or text.startswith(value.strip('"')[:190]) or _same_json(value, text)


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
