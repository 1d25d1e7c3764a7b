"""Expressions that choose between values, and the conditions that they choose by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.bet_expressions.amounts import money
from airflow_betproviders.declare.bet_expressions.base import Expression, column_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class if_else(Expression):
    """One of two values, row by row. Where the condition is null, the second."""

    condition: Expression
    then: Expression
    otherwise: Expression

    def evaluate(self, table: pa.Table) -> Any:
        """Choose by the condition."""
        import pyarrow.compute as pc

        condition = pc.fill_null(self.condition.evaluate(table), False)
        return pc.if_else(condition, self.then.evaluate(table), self.otherwise.evaluate(table))


@dataclass(frozen=True, init=False)
class coalesce(Expression):
    """The first value that is not null."""

    expressions: tuple[Expression, ...]

    def __init__(self, *expressions: Expression) -> None:
        object.__setattr__(self, "expressions", expressions)

    def evaluate(self, table: pa.Table) -> Any:
        """Return the first value that is not null, row by row."""
        import pyarrow.compute as pc

        return pc.coalesce(*(expression.evaluate(table) for expression in self.expressions))


@dataclass(frozen=True, init=False)
class is_in(Expression):
    """True where a field has one of the values."""

    name: str
    values: tuple[Any, ...]

    def __init__(self, name: str, *values: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)

    def evaluate(self, table: pa.Table) -> Any:
        """Look the field up among the values."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[self.name]
        return pc.is_in(column, pa.array(self.values, column.type))


@dataclass(frozen=True)
class is_valid(Expression):
    """True where a value is not null."""

    expression: Expression

    def evaluate(self, table: pa.Table) -> Any:
        """Return false where the value is null."""
        import pyarrow.compute as pc

        return pc.is_valid(self.expression.evaluate(table))


@dataclass(frozen=True, init=False)
class all_zero(Expression):
    """True where every one of some amounts is 0; null where one of them is null."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    def evaluate(self, table: pa.Table) -> Any:
        """Compare each amount with 0."""
        import pyarrow as pa
        import pyarrow.compute as pc

        zero = pa.scalar(Decimal(0), column_type("money"))
        first, *others = (pc.equal(money(name).evaluate(table), zero) for name in self.names)
        for other in others:
            first = pc.and_(first, other)
        return first


@dataclass(frozen=True)
class is_refunded(Expression):
    """True where a bet was refunded: its cancelled amount covers its positive stake, and nothing was won."""

    cancels: str
    bets: str
    wins: str

    def evaluate(self, table: pa.Table) -> Any:
        """Compare the three amounts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        staked, back, won = (money(name).evaluate(table) for name in (self.bets, self.cancels, self.wins))
        zero = pa.scalar(Decimal(0), column_type("money"))
        all_back = pc.and_(pc.greater(staked, zero), pc.greater_equal(back, staked))
        return pc.and_(all_back, pc.equal(won, zero))
