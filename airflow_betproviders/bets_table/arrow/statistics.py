"""Compute the statistics of a data file in the Delta log: how many rows and nulls it has, and the minimum and maximum of each column.

Readers skip a file whose minimum and maximum exclude what they look for. Many of them compare these as floats, milliseconds or short
texts. So each is moved outward until it is safe in every representation:

| column | minimum | maximum |
|---|---|---|
| decimal | the greatest text that is at most the value, as a decimal and as a double | the least text that is at least the value, likewise |
| timestamp | rounded down to a millisecond | rounded up to a millisecond |
| text | its first 32 characters | its first 32 characters, the last of them raised, if it is longer |

The log has them for every column that is not all null, or for none: delta-rs's dataset takes a column without them for null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LONGEST = 32  # characters, as Delta's own writers keep
_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_EXACT = Context(prec=60)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MILLISECOND = datetime.max.replace(microsecond=999_000, tzinfo=timezone.utc)


@dataclass
class FileStatistics:
    """Collect the statistics of a file while its rows are written.

    Attributes:
        rows: rows so far.
        nulls: nulls so far, by column.
        min_max: least and greatest value so far, by column; a column that is all null is not there.
    """

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    min_max: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def add(self, rows: pa.Table) -> None:
        """Take some rows into account."""
        self.rows += rows.num_rows
        for name in rows.column_names:
            column = rows[name]
            self.nulls[name] = self.nulls.get(name, 0) + column.null_count
            if column.null_count == rows.num_rows:
                continue
            low, high = pc.min_max(column).as_py().values()
            if name in self.min_max:
                low, high = min(low, self.min_max[name][0]), max(high, self.min_max[name][1])
            self.min_max[name] = low, high

    def to_json(self) -> str:
        """Return them as the log's text."""
        texts = {name: (_below(low), _above(high)) for name, (low, high) in self.min_max.items()}
        closed = all(high is not None for _, high in texts.values())
        lows = _object({name: low for name, (low, _) in texts.items() if closed})
        highs = _object({name: high for name, (_, high) in texts.items() if closed and high is not None})
        nulls = json.dumps(self.nulls)
        return f'{{"numRecords":{self.rows},"minValues":{lows},"maxValues":{highs},"nullCount":{nulls}}}'


def _object(members: dict[str, str]) -> str:
    """Return a JSON object of members that are JSON texts."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"


def _below(value: Any) -> str:
    """Return the JSON text of a minimum: the value, or a little less; see the table above."""
    if isinstance(value, Decimal):
        return _number(value, -math.inf, ROUND_FLOOR, lambda bound: bound <= value)
    if isinstance(value, datetime):
        return _instant(value - timedelta(microseconds=value.microsecond % 1000))
    return json.dumps(value[:_LONGEST])


def _above(value: Any) -> str | None:
    """Return the JSON text of a maximum: the value, or a little more; None where there is nothing greater."""
    if isinstance(value, Decimal):
        return _number(value, math.inf, ROUND_CEILING, lambda bound: bound >= value)
    if isinstance(value, datetime):
        floor = value - timedelta(microseconds=value.microsecond % 1000)
        if floor == value:
            return _instant(floor)
        return _instant(floor + _MILLISECOND) if floor < _LAST_MILLISECOND else None
    short = value if len(value) <= _LONGEST else _raised(value[:_LONGEST])
    return None if short is None else json.dumps(short)


def _number(value: Decimal, outward: float, rounding: str, safe: Callable[[Decimal], bool]) -> str:
    """Write the value, or the next text outward whose double is on the safe side too.

    The text has no more decimals than the column: a reader that keeps the column's scale loses nothing of it.
    """
    double = float(value)
    if not safe(Decimal(double)):
        exact = Decimal(math.nextafter(double, outward))
        value = exact.quantize(Decimal(1).scaleb(value.as_tuple().exponent), rounding, _EXACT)  # type: ignore[arg-type]
    return format(value, "f")


def _instant(value: datetime) -> str:
    return json.dumps(f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z")


def _raised(text: str) -> str | None:
    """Return the least text of its length or less that is after every text with this beginning; None if there is none."""
    while text:
        head, last = text[:-1], ord(text[-1])
        if last < _LAST:
            raised = last + 1
            return head + chr(_SURROGATES.stop if raised in _SURROGATES else raised)
        text = head
    return None
