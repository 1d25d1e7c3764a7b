"""Answers of a stream, made from its declared fields, in the many ways in which JSON can write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal as Exact
from typing import Any

from hypothesis import strategies as st

from airflow_betproviders.declare import fields
from airflow_betproviders.declare.fields import Field, Kind
from airflow_betproviders.declare.stream import Envelope, OneRow, PageSize, Rows, Stream, SumOf, Total

_SPACE = st.sampled_from(["", "", "", " ", "\n", "\r\n\t"])
_CHARACTERS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from('"\\/\u2028😀é\x00\x7f{}[]:,0123456789')), max_size=12
)
# From the second day on: nothing lies before 1970 in any offset.
_INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1))  # noqa: DTZ001 - wall clocks


@st.composite
def _string(draw: st.DrawFn, text: st.SearchStrategy[str] = _CHARACTERS) -> str:
    """Return a JSON string, in ASCII or not, with or without the escapes that JSON leaves open."""
    value = draw(text)
    written = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return written.replace("/", r"\/") if draw(st.booleans()) else written


@st.composite
def _decimal(draw: st.DrawFn, precision: int, scale: int) -> str:
    """Return an exact number of up to the declared digits, as a number or as text, plain or with an exponent.

    The fast way takes so many digits only that no number outgrows 128 bits at the column's scale.
    """
    digits = draw(st.integers(0, 10 ** draw(st.integers(1, min(precision, 38 - scale))) - 1))
    places = draw(st.integers(0, scale))
    if places < scale:
        digits %= 10 ** (precision - scale + places)
    sign = draw(st.integers(0, 1))
    number = Exact((sign, tuple(map(int, str(digits))), -places))
    written = format(number, draw(st.sampled_from(["f", "f", "f", "E"])))
    return f'"{written}"' if draw(st.booleans()) else written


@st.composite
def _members(draw: st.DrawFn, members: tuple[Field, ...]) -> str:
    chosen = draw(st.lists(st.sampled_from(members), unique_by=lambda m: m.name))
    return _object({m.name: draw(value(m.kind)) for m in chosen})


# AIG's bet items, and names that no document has.
_ITEMS = st.one_of(
    st.sampled_from(["Banker", "PlayerPair", "Super6", "Direct-11", "Dozen-2"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=8),
)


@st.composite
def _free(draw: st.DrawFn, kind: fields.DecimalMap) -> str:
    names = draw(st.lists(_ITEMS, unique=True, max_size=5))
    return _object({name: draw(value(kind.value)) for name in names})


def value(kind: Kind | SumOf) -> st.SearchStrategy[str]:  # noqa: C901, PLR0911 - one for each kind
    """JSON text of a value as the vendor's document describes it."""
    match kind:
        case fields.Text(numbers=True):
            return st.one_of(_string(), st.integers(-(2**63), 2**63 - 1).map(str), st.sampled_from(["1.50", "96.2e0"]))
        case fields.Text():
            return _string()
        case fields.Integer() | SumOf():
            return st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9)).map(str)
        case fields.Decimal(precision, scale):
            return _decimal(precision, scale)
        case fields.Double():
            return st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers(-9, 9).map(str))
        case fields.Boolean():
            return st.sampled_from(["true", "false"])
        case fields.Epoch(unit):
            return st.integers(0, 4 * 10**9 * (1000 if unit == "ms" else 1)).map(str)
        case fields.IsoTime():
            return _INSTANTS.flatmap(
                lambda at: st.sampled_from(
                    [f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"]
                ).map(json.dumps)
            )
        case fields.StrptimeTime("%d-%m-%Y %H:%M:%S"):
            return _INSTANTS.map(lambda at: f'"{at:%d-%m-%Y %H:%M:%S}"')
        case fields.ListOf(item):
            return st.lists(st.one_of(value(item), st.just("null")), max_size=3).map(lambda v: f"[{','.join(v)}]")
        case fields.Record(members):
            return _members(members)
        case fields.DecimalMap():
            return _free(kind)
    raise TypeError(kind)


_ODD = st.one_of(
    st.sampled_from(
        ["1", "1.0", "null", '"2026-11-20T05:00:00+08:00"', '"0001-01-01 00:00:00"', '"9999-12-31 23:59:59"', '"31-12-9999 23:59:59"',
         "-1", "1000000000000000000", "253402300799999", "253402300800000", "-62167219200000", "Infinity", "1e-500",
         "-0.00035000000000000005", "0.30000000000000004", "1.1500000000000001", '"0.7999999999999999"', "12.340000000000032",
         "1" * 120, "0." + "0" * 120 + "1", "1." + "0" * 120, f'"{"0" * 120}7"', "[" * 150 + "]" * 150, "1e99999999999999999999", "1e-5", "1e22",
         "123456789012345678901234567890.123", "-0", '"7"', '" 7 "', '""', "true", '"true"', "[]", "{}", "[null]", '{"a":1}', '"x"', "NaN",
         "9223372036854775808", "1e400", "99999999999999999999999999999999999999999", "0.000000000000000000001",
         '"2026-11-20"', '"31-02-2026 00:00:00"', '"2026-11-20 05:00:00.1234"', r'"\ud83d"', '"1,000"', '"0012"']
    ),
    _string(),
)  # fmt: skip


def _is_filled(text: str) -> bool:
    return text != '""'


@st.composite
def record(draw: st.DrawFn, stream: Stream, *, odd: bool = False) -> str:
    """Return one record: members in any order, optional ones missing or null; with ``odd``, some are not as declared."""
    cells: list[tuple[str, str]] = []
    for field in draw(st.permutations(stream.fields)):
        if odd and draw(st.integers(0, 19)) == 0:
            cells.append((field.name, draw(st.one_of(_ODD, st.just("null")))))
            if draw(st.integers(0, 3)) == 0:
                cells.append((field.name, draw(_ODD)))
        elif field.required or draw(st.booleans()):
            described = value(field.kind)
            cells.append((field.name, draw(described.filter(_is_filled) if field.name in stream.key else described)))
        elif draw(st.booleans()):
            cells.append((field.name, "null"))
    if odd and draw(st.booleans()):
        cells.append((draw(st.sampled_from(["newField", "data", "id2", ""])), draw(_ODD)))
    space = draw(_SPACE)
    return "{" + f"{space},{space}".join(f"{json.dumps(name)}{space}:{space}{cell}" for name, cell in cells) + "}"


@st.composite
def answer(draw: st.DrawFn, stream: Stream, *, odd: bool = False) -> bytes:
    """Return a whole answer of up to four records."""
    one = any(part is OneRow for part in _parts(stream.envelope))
    records = draw(st.lists(record(stream, odd=odd), min_size=int(one), max_size=1 if one else 4))
    space = draw(_SPACE)
    return (space + draw(_envelope(stream.envelope, records, space)) + space).encode("utf-8", "surrogatepass")


@st.composite
def _envelope(draw: st.DrawFn, parts: Envelope, records: list[str], space: str) -> str:
    cells = {}
    for name, part in draw(st.permutations(list(parts.items()))):
        if part is Rows:
            cells[name] = f"[{space}{f'{space},'.join(records)}{space}]"
        elif part is OneRow:
            cells[name] = records[0]
        elif part in (Total, PageSize):
            cells[name] = str(draw(st.integers(0, 10**6)))
        elif isinstance(part, Mapping):
            cells[name] = draw(_envelope(part, records, space))
        else:
            cells[name] = draw(_string() if isinstance(part, fields.Text) else value(part))
    return _object(cells, space)


def _parts(envelope: Envelope) -> list[Any]:
    return [p for part in envelope.values() for p in (_parts(part) if isinstance(part, Mapping) else [part])]


def _object(cells: Mapping[str, str], space: str = "") -> str:
    return "{" + f",{space}".join(f"{json.dumps(name)}:{space}{cell}" for name, cell in cells.items()) + "}"


OFFSETS = st.sampled_from([timedelta(0), timedelta(hours=-4), timedelta(hours=8), timedelta(hours=5, minutes=30)])
