"""Map the rows of a raw slot to rows of the bets table, as a provider's declaration says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.bets_table.arrow.extra_json import json_object, named_once
from airflow_betproviders.bets_table.schema import INSTANT, SCHEMA
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode.columns import EXTRA, EXTRACTED_AT

_DAY = pa.date32()
_CLOSED = ("settled", "cancelled", "void")
_DECIMAL128_DIGITS = 38
_FIRST = pa.scalar(datetime.min.replace(tzinfo=timezone.utc), INSTANT)
_LAST = pa.scalar(datetime.max.replace(tzinfo=timezone.utc), INSTANT)


class InvalidRow(ValueError):
    """A raw row that cannot become a bet.

    Attributes:
        row: its position among the rows given.
        reason: why, with the value.
    """

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"row {row}: {reason}")
        self.row = row
        self.reason = reason


@dataclass(frozen=True)
class Origin:
    """The origin of raw rows: account, stream (with filters as in the lake's folders), slot, and when it was extracted."""

    account: str
    stream: str
    slot: Interval
    extracted_at: datetime


def map_to_bets(
    raw: pa.Table, mapping: BetMapping, origin: Origin, settings: Mapping[str, str] | None = None
) -> pa.Table:
    """Map raw rows to rows of the bets table.

    Args:
        raw: rows of one slot, under the stream's columns.
        mapping: the provider's.
        origin: the slot.
        settings: columns that are the same for all rows, from the connection.

    Raises:
        InvalidRow: an amount has more than 20 digits before the point, net is not payout - stake, the id is null, or a time is
            outside the years 1 to 9999.
    """
    try:
        bets = _mapped(raw, mapping, origin, settings or {})
    except pa.ArrowException as error:
        position, reason = _first_invalid(raw, mapping, origin, str(error))
        raise InvalidRow(position, reason) from error
    refuse_null("bet_id", bets["bet_id"])
    _check_times(bets)
    _check_net(bets)
    return bets


def without_payout(bets: pa.Table) -> int:
    """Count the bets that are settled, cancelled or void and have no payout."""
    closed = pc.is_in(bets["status"], pa.array(_CLOSED))
    return int(pc.sum(pc.and_(closed, pc.is_null(bets["payout"]))).as_py() or 0)


def refuse_null(name: str, column: pa.ChunkedArray) -> None:
    """Refuse a column that a bet cannot be without.

    Raises:
        InvalidRow: a value is null.
    """
    if column.null_count:
        raise InvalidRow(pc.index(column.is_null(), True).as_py(), f"{name} is null")


def _check_times(bets: pa.Table) -> None:
    """Refuse times that Python's datetime cannot hold, though Arrow can."""
    for name in ("placed_at", "settled_at", "updated_at"):
        outside = pc.or_(pc.less(bets[name], _FIRST), pc.greater(bets[name], _LAST))
        if (row := pc.index(outside, True).as_py()) >= 0:
            raise InvalidRow(row, f"{name} is outside the years 1 to 9999")


def _check_net(bets: pa.Table) -> None:
    expected = pc.subtract(bets["payout"], bets["stake"])
    wrong = pc.or_(
        pc.xor(pc.is_null(bets["net"]), pc.is_null(expected)),
        pc.fill_null(pc.not_equal(bets["net"], expected), False),
    )
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        bet = bets.select(["bet_id", "stake", "payout", "net"]).slice(row, 1).to_pylist()[0]
        raise InvalidRow(row, "bet {bet_id}: net {net} is not payout {payout} - stake {stake}".format(**bet))


def _first_invalid(raw: pa.Table, mapping: BetMapping, origin: Origin, reason: str) -> tuple[int, str]:
    """Find the first row that cannot be mapped, by halving."""
    begin, end = 0, raw.num_rows
    while end - begin > 1:
        middle = (begin + end) // 2
        try:
            _mapped(raw.slice(begin, middle - begin), mapping, origin, {})
        except pa.ArrowException as error:
            end, reason = middle, str(error)
        else:
            begin = middle
    return begin, reason


def _mapped(raw: pa.Table, mapping: BetMapping, origin: Origin, settings: Mapping[str, str]) -> pa.Table:
    values = {name: expression.evaluate(raw) for name, expression in mapping.columns.items()}
    if "net" not in values and {"stake", "payout"} <= values.keys():
        values["net"] = pc.subtract(values["payout"], values["stake"])
    values |= {
        "provider": mapping.provider,
        "account": origin.account,
        "stream": origin.stream,
        "slot_start": origin.slot.start,
        "slot_end": origin.slot.end,
        "extracted_at": origin.extracted_at,
        **settings,
    }
    when = (values.get(name) for name in ("placed_at", "settled_at", "updated_at"))
    moments = [*(moment for moment in when if moment is not None), pa.scalar(origin.slot.start, INSTANT)]
    values["updated_at"] = pc.coalesce(*reversed(moments[:-1]), moments[-1])
    values["bet_date"] = pc.cast(pc.coalesce(*moments), _DAY)
    table = _table({**values, "rest": None, "missing_since": None}, raw.num_rows)
    return table.set_column(table.column_names.index("rest"), SCHEMA.field("rest"), _rest(raw, table, mapping))


def _rest(raw: pa.Table, bets: pa.Table, mapping: BetMapping) -> Any:
    left_out = {*mapping.exact_columns, EXTRA, EXTRACTED_AT}
    members = []
    for name in raw.column_names:
        if name in left_out:
            continue
        column = raw[name].combine_chunks()
        if derived := mapping.derivable_columns.get(name):
            column = pc.if_else(_equal(column, derived.evaluate(bets)), pa.scalar(None, column.type), column)
        members.append((name, column))
    return json_object(*named_once(members, raw[EXTRA]))


def _equal(field: pa.Array, derived: Any) -> Any:
    """Return in which rows a field equals the derived value, to the last digit. Null equals nothing."""
    kind = field.type
    if field.type != derived.type and pa.types.is_decimal(field.type) and pa.types.is_decimal(derived.type):
        kind = _wider(field.type, derived.type)
    return pc.fill_null(pc.equal(field.cast(kind), derived.cast(kind)), False)


def _wider(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return a decimal type that holds the values of both."""
    decimals = max(left.scale, right.scale)
    digits = max(left.precision - left.scale, right.precision - right.scale) + decimals
    return pa.decimal128(digits, decimals) if digits <= _DECIMAL128_DIGITS else pa.decimal256(digits, decimals)


def _table(values: Mapping[str, Any], rows: int) -> pa.Table:
    arrays = []
    for column in SCHEMA:
        value = values.get(column.name)
        if isinstance(value, pa.Array | pa.ChunkedArray):
            arrays.append(value.cast(column.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, column.type), rows))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
