"""Expressions of amounts of money, in currency units."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.bet_expressions.base import MONEY_DECIMALS, Expression, column_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class money(Expression):
    """An amount in currency units. Digits beyond the eighth decimal are rounded half to even."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        """Round and cast the field."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[self.name]
        if pa.types.is_decimal(column.type) and column.type.scale > MONEY_DECIMALS:
            column = pc.round(column, MONEY_DECIMALS, "half_to_even")
        return column.cast(column_type("money"))


@dataclass(frozen=True)
class li(Expression):
    """An integer amount in li as currency units: 1000 li are one unit."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        """Divide the field by 1000."""
        import pyarrow as pa
        import pyarrow.compute as pc

        amount = table[self.name].cast(pa.decimal128(20, 0))
        return pc.multiply(amount, pa.scalar(Decimal("0.001"))).cast(column_type("money"))


@dataclass(frozen=True)
class in_li(Expression):
    """An amount in currency units as an integer in li."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        """Multiply the field by 1000."""
        import pyarrow as pa
        import pyarrow.compute as pc

        amount = money(self.name).evaluate(table)
        return pc.multiply(amount, pa.scalar(Decimal(1000))).cast(pa.decimal128(38, 8)).cast(pa.int64())


@dataclass(frozen=True)
class negate(Expression):
    """An amount with the other sign."""

    amount: Expression

    def evaluate(self, table: pa.Table) -> Any:
        """Change the sign."""
        import pyarrow.compute as pc

        return pc.negate(self.amount.evaluate(table))


@dataclass(frozen=True)
class magnitude(Expression):
    """An amount without its sign."""

    amount: Expression

    def evaluate(self, table: pa.Table) -> Any:
        """Drop the sign."""
        import pyarrow.compute as pc

        return pc.abs(self.amount.evaluate(table))


@dataclass(frozen=True, init=False)
class add(Expression):
    """A sum of amounts; null where one of them is null.

    An amount that the document calls optional is given as ``coalesce(money("gambleBet"), constant(Decimal(0)))``.
    """

    amounts: tuple[Expression, ...]

    def __init__(self, *amounts: Expression) -> None:
        object.__setattr__(self, "amounts", amounts)

    def evaluate(self, table: pa.Table) -> Any:
        """Add the amounts."""
        import pyarrow.compute as pc

        first, *others = (amount.evaluate(table) for amount in self.amounts)
        for other in others:
            first = pc.add(first, other).cast(column_type("money"))
        return first
