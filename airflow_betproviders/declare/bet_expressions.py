"""The vocabulary in which a provider's mapping is declared: what a column is made of, for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.bets_table.schema import INSTANT, MONEY

Expression: TypeAlias = Callable[[pa.Table], Any]

_EPOCH = pa.scalar(0, pa.timestamp("us", "UTC"))


def null(kind: pa.DataType) -> Expression:
    """Null in every row: the provider does not report it."""
    return lambda table: pa.nulls(table.num_rows, kind)


def constant(value: str | Decimal) -> Expression:
    """One value in every row."""
    kind = MONEY if isinstance(value, Decimal) else pa.string()
    return lambda table: pa.repeat(pa.scalar(value, kind), table.num_rows)


def text(name: str) -> Expression:
    """A field as text."""
    return lambda table: table[name].cast(pa.string())


def concat(*names: str) -> Expression:
    """Several fields as one text, null where one is: ``a/b``, a ``/`` or ``%`` inside all but the last written %2F, %25."""

    def evaluate(table: pa.Table) -> Any:
        *parts, last = (table[name].cast(pa.string()) for name in names)
        escaped = [pc.replace_substring(pc.replace_substring(part, "%", "%25"), "/", "%2F") for part in parts]
        return pc.binary_join_element_wise(*escaped, last, "/")

    return evaluate


def money(name: str) -> Expression:
    """An amount in currency units; digits beyond the eighth decimal are rounded, half to even."""
    return lambda table: as_money(table[name])


def li(name: str) -> Expression:
    """An integer amount in li: 1000 li are one currency unit."""
    return lambda table: pc.multiply(table[name].cast(pa.decimal128(20, 0)), pa.scalar(Decimal("0.001"))).cast(MONEY)


def instant(name: str) -> Expression:
    """An instant; the epoch itself, which stands for "not yet", is null."""

    def evaluate(table: pa.Table) -> Any:
        moments = table[name].cast(INSTANT)
        return pc.if_else(pc.equal(moments, _EPOCH), pa.scalar(None, INSTANT), moments)

    return evaluate


def negate(expression: Expression) -> Expression:
    """An amount with the other sign."""
    return lambda table: pc.negate(expression(table))


def magnitude(expression: Expression) -> Expression:
    """An amount without its sign."""
    return lambda table: pc.abs(expression(table))


def add(*expressions: Expression) -> Expression:
    """A sum of amounts in which a missing one counts nothing; null where all are missing."""

    def evaluate(table: pa.Table) -> Any:
        amounts = [expression(table) for expression in expressions]
        total = pc.fill_null(amounts[0], Decimal(0))
        for amount in amounts[1:]:
            total = pc.add(total, pc.fill_null(amount, Decimal(0))).cast(MONEY)
        return pc.if_else(_all_null(amounts), pa.scalar(None, MONEY), total)

    return evaluate


def coalesce(*expressions: Expression) -> Expression:
    """The first that is not null."""
    return lambda table: pc.coalesce(*(expression(table) for expression in expressions))


def if_else(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    """One or the other, row by row; the other too where the condition is null."""
    return lambda table: pc.if_else(pc.fill_null(condition(table), False), then(table), otherwise(table))


def is_in(name: str, *values: Any) -> Expression:
    """Whether a field has one of the values."""
    return lambda table: pc.is_in(table[name], pa.array(values, table.schema.field(name).type))


def is_valid(name: str) -> Expression:
    """Whether a field is there."""
    return lambda table: pc.is_valid(table[name])


def given_back(cancels: str, bets: str, wins: str) -> Expression:
    """Whether all that was staked was taken back, and nothing was won."""

    def evaluate(table: pa.Table) -> Any:
        staked, back, won = (pc.fill_null(as_money(table[name]), Decimal(0)) for name in (bets, cancels, wins))
        zero = pa.scalar(Decimal(0), MONEY)
        whole = pc.and_(pc.greater(staked, zero), pc.greater_equal(back, staked))
        return pc.and_(whole, pc.equal(won, zero))

    return evaluate


def by_value(name: str, values: Mapping[Any, str]) -> Expression:
    """A field's values by other names; null for one that is not listed."""

    def evaluate(table: pa.Table) -> Any:
        column = table[name]
        position = pc.index_in(column, pa.array(list(values), column.type))
        return pa.array(list(values.values()), pa.string()).take(_array(position))

    return evaluate


def as_money(column: Any) -> Any:
    """Amounts with eight decimals."""
    if pa.types.is_decimal(column.type) and column.type.scale > MONEY.scale:
        column = pc.round(column, MONEY.scale, "half_to_even")
    return column.cast(MONEY)


def _all_null(columns: list[Any]) -> Any:
    known = pc.is_null(columns[0])
    for column in columns[1:]:
        known = pc.and_(known, pc.is_null(column))
    return known


def _array(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
