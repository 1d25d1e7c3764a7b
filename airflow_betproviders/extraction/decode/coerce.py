"""Coerce rows one by one, where the fast way refuses them. No value is lost.

==================================================  ==============================  ======================================
value                                               column                          becomes
==================================================  ==============================  ======================================
null, absent, or ``""`` where text is not due       required                        quarantine
``""``                                              text of the key                 quarantine
``""``                                              not text                        null
another type, unparsable, out of range              key, time, version, money       quarantine
the same                                            any other                       null, the value in ``_extra``, counted
more digits than the column has, a double's noise   decimal, time                   rounded, the value in ``_extra``, counted
a member that the schema does not name                                              in ``_extra``
nested deeper than 200 levels; no JSON              any                             quarantine
==================================================  ==============================  ======================================
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.fields import OddValue, Rounded, Text
from airflow_betproviders.declare.fields.json_text import NotJson, Pairs, dumps, read_value
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.quarantine import RejectedRow

_EMPTY = '""'


@dataclass
class OddCounts:
    """Count the values of each column that were not as declared.

    Attributes:
        odd_values: null in the column, the value in ``_extra``.
        rounded: rounded in the column, the value in ``_extra``.
    """

    odd_values: Counter[str] = field(default_factory=Counter)
    rounded: Counter[str] = field(default_factory=Counter)

    def add(self, other: OddCounts) -> None:
        """Add what others counted."""
        self.odd_values.update(other.odd_values)
        self.rounded.update(other.rounded)


@dataclass
class CoercedRow:
    """A record that fits its schema.

    Attributes:
        raw: the JSON text of the record as sent.
        cells: JSON text by column, as `pyarrow.json` reads it in the column's type.
        extra: JSON text of what goes to ``_extra``, or None.
        counts: its values that were not as declared.
        rejected_for: why it cannot be stored, or None.
    """

    raw: str
    cells: dict[str, str] = field(default_factory=dict)
    extra: str | None = None
    counts: OddCounts = field(default_factory=OddCounts)
    rejected_for: str | None = None

    @property
    def text(self) -> str:
        """Return the record as JSON."""
        return "{" + ",".join([f"{json.dumps(name)}:{cell}" for name, cell in self.cells.items()]) + "}"


class RowCoercer:
    """Coerce the records of one stream of one account."""

    def __init__(self, stream: Stream, utc_offset: timedelta) -> None:
        """Note what each column can do without."""
        self._kinds = {f.name: f.kind for f in stream.fields}
        self._utc_offset = utc_offset
        self._required = required(stream)
        self._identifying = identifying(stream)
        self._strict = {*stream.key, *stream.version_columns, *stream.money, *self._required}

    def __call__(self, text: str) -> CoercedRow | RejectedRow:
        """Bring one record, given as JSON, to its schema, or say why it cannot be."""
        try:
            record = read_value(text)
        except NotJson as reason:
            return RejectedRow(json.dumps(text), str(reason))
        if not isinstance(record, Pairs):
            return RejectedRow(dumps(record), "the row is not a JSON object")
        row = CoercedRow(text)
        extra = Pairs(list(record.doubled.items()))
        for name, value in record.items():
            if name not in self._kinds or not self._fits(row, name, value):
                extra[name] = [*extra[name], value] if name in extra else value
        if row.rejected_for:
            return RejectedRow(dumps(record), row.rejected_for)
        missing = [name for name in self._required if name not in row.cells]
        missing += [name for name in self._identifying if row.cells.get(name) == _EMPTY]
        if missing:
            return RejectedRow(dumps(record), f"{', '.join(missing)} missing")
        if extra:
            row.extra = dumps(extra)
        return row

    def _fits(self, row: CoercedRow, name: str, value: Any) -> bool:
        """Put a value into its column. Return False where `_extra` must hold it too."""
        try:
            cell = self._kinds[name].cell(value, self._utc_offset)
        except OddValue as odd:
            if name in self._strict:
                row.rejected_for = row.rejected_for or f"{name}: {odd}"
            row.counts.odd_values[name] += 1
            return False
        if cell is not None:
            row.cells[name] = cell
        if isinstance(cell, Rounded):
            row.counts.rounded[name] += 1
            return False
        return True


def required(stream: Stream) -> tuple[str, ...]:
    """Return the columns without which a record goes to quarantine."""
    return tuple(
        f.name
        for f in stream.fields
        if f.required or f.name == stream.time_column or (f.required is None and f.name in stream.key)
    )


def identifying(stream: Stream) -> tuple[str, ...]:
    """Return the text columns of the key: a record in which one is ``""`` goes to quarantine, since several may have it so."""
    return tuple(
        f.name
        for f in stream.fields
        if f.name in stream.key and isinstance(f.kind, Text) and f.required is not False and not f.may_be_empty
    )
