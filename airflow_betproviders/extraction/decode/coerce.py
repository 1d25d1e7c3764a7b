"""The row-by-row way for pages that the quick one refuses.

Reads JSON keeping each number's own digits and each member, doubled ones too; then mends every record towards its
schema without losing anything: a number where text is due, text where a number is due, ``1.0`` for an integer, ``1e-5``
for a decimal. What the schema does not name goes to ``_extra``; what cannot be mended is a `RejectedRow`.
"""

from __future__ import annotations

import decimal
import json
import re
from dataclasses import dataclass
from typing import Any

from airflow_betproviders.declare.fields import (
    Boolean,
    Decimal,
    DecimalMap,
    Epoch,
    Field,
    Integer,
    Kind,
    ListOf,
    LocalTime,
    Record,
    Text,
    UtcTime,
)
from airflow_betproviders.lake.quarantine import RejectedRow

_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXPONENT_LIMIT = 60


class NotJson(ValueError):
    """The body is not one JSON document."""


class Number(str):
    """A JSON number, as the digits that were sent."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object; of a doubled member the last value counts, the ones before are in ``doubled``."""

    __slots__ = ("doubled",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        """Keep the last of each name, and what it replaces."""
        super().__init__(pairs)
        self.doubled: dict[str, list[Any]] = {}
        if len(self) < len(pairs):
            last = {name: i for i, (name, _) in enumerate(pairs)}
            for i, (name, value) in enumerate(pairs):
                if last[name] != i:
                    self.doubled.setdefault(name, []).append(value)


@dataclass
class CoercedRow:
    """A record whose members all have the JSON type that its schema reads.

    Attributes:
        raw: JSON text of the whole record as sent.
        cells: JSON text by column.
        extra: JSON text of what the schema does not name, or None.
    """

    raw: str
    cells: dict[str, str]
    extra: str | None = None

    @property
    def text(self) -> str:
        """The mended record as JSON."""
        return "{" + ",".join(f"{json.dumps(name)}:{cell}" for name, cell in self.cells.items()) + "}"


class _Misfit(ValueError):
    """A nested value of another shape than declared; it is kept whole in ``_extra``."""


def read_document(text: str) -> Pairs:
    """Read one JSON object, numbers as digits; bytes that are not UTF-8 come as lone surrogates."""
    document = read_value(text)
    if not isinstance(document, Pairs):
        raise NotJson("not a JSON object")
    return document


def read_value(text: str) -> Any:
    """Read any JSON, likewise."""
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=Number)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON ({error})") from None


def dumps(value: Any) -> str:
    """JSON text with every number as it was sent and every doubled member."""
    match value:
        case Number():
            return str(value)
        case Pairs():
            pairs = [(name, v) for name, earlier in value.doubled.items() for v in earlier] + list(value.items())
            return "{" + ",".join(f"{json.dumps(name)}:{dumps(v)}" for name, v in pairs) + "}"
        case list():
            return "[" + ",".join(dumps(v) for v in value) + "]"
        case _:
            return json.dumps(value)


def mend(record: Any, fields: tuple[Field, ...]) -> CoercedRow | RejectedRow:
    """Bring one record to its schema without loss, or say why it cannot be."""
    if not isinstance(record, Pairs):
        return RejectedRow(dumps(record), "the row is not a JSON object")
    row = CoercedRow(dumps(record), {})
    extra: dict[str, str] = {name: dumps(earlier) for name, earlier in record.doubled.items()}
    known = {f.name: f.kind for f in fields}
    for name, value in record.items():
        if name not in known:
            extra[name] = dumps(value)
            continue
        if value is None:
            continue
        try:
            row.cells[name] = _cell(value, known[name])
        except _Misfit:
            extra[name] = dumps(value)
        except ValueError as reason:
            return RejectedRow(row.raw, f"{name}: {reason}")
    missing = [f.name for f in fields if f.required and f.name not in row.cells]
    if missing:
        return RejectedRow(row.raw, f"{', '.join(missing)} missing")
    if extra:
        row.extra = "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in extra.items()) + "}"
    return row


def _cell(value: Any, kind: Kind) -> str:  # noqa: PLR0911 - one for each kind
    match kind:
        case Text() | UtcTime() | LocalTime():
            return _text(value)
        case Integer() | Epoch():
            return _integer(value)
        case Decimal(_, scale):
            return _decimal(value, scale)
        case Boolean():
            return _boolean(value)
        case ListOf(item):
            return _list(value, item)
        case Record(members):
            return _record(value, members)
        case DecimalMap(inner):
            return _map(value, inner)


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = str(value)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        raise ValueError(f"expected text, got {_shown(value)}")  # noqa: TRY004 - a bad value, not a wrong call
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text is not UTF-8") from None
    return json.dumps(text)


def _integer(value: Any) -> str:
    if isinstance(value, str):
        text = str(value).strip()
        if _INTEGER.fullmatch(text):
            return str(int(text))
        if _NUMBER.fullmatch(text):
            exact = _exact(text)
            if exact == exact.to_integral_value():
                return format(exact.to_integral_value(), "f")
    raise ValueError(f"expected an integer, got {_shown(value)}")


def _decimal(value: Any, scale: int) -> str:
    if isinstance(value, str):
        text = str(value).strip()
        if _NUMBER.fullmatch(text):
            plain = format(_exact(text), "f")
            whole, _, fraction = plain.partition(".")
            if len(fraction.rstrip("0")) <= scale:
                return json.dumps(f"{whole}.{fraction[:scale]}" if fraction else whole)
            raise ValueError(f"{text} has more than {scale} decimals")
    raise ValueError(f"expected an amount, got {_shown(value)}")


def _exact(text: str) -> decimal.Decimal:
    exact = decimal.Decimal(text)
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _EXPONENT_LIMIT:
        raise ValueError(f"{text} is out of range")
    return exact


def _boolean(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and str(value).lower() in {"true", "1"}:
        return "true"
    if isinstance(value, str) and str(value).lower() in {"false", "0"}:
        return "false"
    raise ValueError(f"expected true or false, got {_shown(value)}")


def _list(value: Any, item: Kind) -> str:
    if not isinstance(value, list):
        raise _Misfit
    return "[" + ",".join("null" if v is None else _nested(v, item) for v in value) + "]"


def _record(value: Any, members: tuple[Field, ...]) -> str:
    known = {member.name: member.kind for member in members}
    if not isinstance(value, Pairs) or value.doubled or not value.keys() <= known.keys():
        raise _Misfit
    cells = (f"{json.dumps(name)}:{_nested(v, known[name])}" for name, v in value.items() if v is not None)
    return "{" + ",".join(cells) + "}"


def _map(value: Any, inner: Decimal) -> str:
    """As the pairs that `columns` reads; a name without an amount says nothing and is left out."""
    if not isinstance(value, Pairs) or value.doubled:
        raise _Misfit
    cells = (f'{{"k":{_nested(name, Text())},"v":{_nested(v, inner)}}}' for name, v in value.items() if v is not None)
    return "[" + ",".join(cells) + "]"


def _nested(value: Any, kind: Kind) -> str:
    """A value inside a nested one; where it does not fit, the whole nested value goes to ``_extra``."""
    try:
        return _cell(value, kind)
    except ValueError as error:
        raise _Misfit from error


def _shown(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
