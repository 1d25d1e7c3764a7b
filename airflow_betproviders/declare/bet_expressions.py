"""The vocabulary of a bet mapping: what each column of the bets table is computed from.

An expression is a small frozen object. Its ``evaluate(table)`` returns one value for each row of an Arrow table. The
words are those of ``pyarrow.compute``, so they are written in lower case and read like its functions. A package adds its
own by a subclass of `Expression` that imports ``pyarrow`` inside ``evaluate``.

```python
"payout": if_else(is_in("status", 1), money("win_amount"), null("money"))
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

ColumnType: TypeAlias = Literal["text", "money", "instant"]

MONEY_DIGITS = 28
MONEY_DECIMALS = 8


def column_type(name: ColumnType) -> pa.DataType:
    """Return the Arrow type of a column: text, money (``decimal128(28, 8)``) or instant (UTC, microseconds)."""
    import pyarrow as pa

    if name == "money":
        return pa.decimal128(MONEY_DIGITS, MONEY_DECIMALS)
    return pa.timestamp("us", "UTC") if name == "instant" else pa.string()


class Expression:
    """Compute one column from the columns of a table."""

    def evaluate(self, table: pa.Table) -> Any:
        """Return an Arrow array with a value or null for each row of the table."""
        raise NotImplementedError


@dataclass(frozen=True)
class null(Expression):
    """Null in every row: the provider does not report it."""

    type: ColumnType

    def evaluate(self, table: pa.Table) -> Any:
        """Return nulls of the type."""
        import pyarrow as pa

        return pa.nulls(table.num_rows, column_type(self.type))


@dataclass(frozen=True)
class constant(Expression):
    """One value in every row: a text, or a Decimal as money."""

    value: str | Decimal

    def evaluate(self, table: pa.Table) -> Any:
        """Repeat the value."""
        import pyarrow as pa

        kind = column_type("money" if isinstance(self.value, Decimal) else "text")
        return pa.repeat(pa.scalar(self.value, kind), table.num_rows)


@dataclass(frozen=True)
class text(Expression):
    """A field as text."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        """Cast the field."""
        return table[self.name].cast(column_type("text"))


@dataclass(frozen=True, init=False)
class concat(Expression):
    """Several fields as one text ``a/b``; null where one of them is null.

    In all fields but the last, ``/`` is written %2F and ``%`` is written %25. So two different records never give one text.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    def evaluate(self, table: pa.Table) -> Any:
        """Escape and join the fields."""
        import pyarrow.compute as pc

        *parts, last = (text(name).evaluate(table) for name in self.names)
        escaped = [pc.replace_substring(pc.replace_substring(part, "%", "%25"), "/", "%2F") for part in parts]
        return pc.binary_join_element_wise(*escaped, last, "/")


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
class instant(Expression):
    """A point in time. The epoch itself means "not yet" and becomes null."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        """Cast the field; replace the epoch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = column_type("instant")
        moments = table[self.name].cast(kind)
        return pc.if_else(pc.equal(moments, pa.scalar(0, kind)), pa.scalar(None, kind), moments)


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
class is_in(Expression):
    """Whether a field has one of the values."""

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
    """Whether a value is not null."""

    expression: Expression

    def evaluate(self, table: pa.Table) -> Any:
        """Return false where the value is null."""
        import pyarrow.compute as pc

        return pc.is_valid(self.expression.evaluate(table))


@dataclass(frozen=True, init=False)
class all_zero(Expression):
    """Whether every one of some amounts is 0; null where one of them is null."""

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
class given_back(Expression):
    """Whether all that was staked was taken back and nothing was won."""

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


@dataclass(frozen=True)
class by_value(Expression):
    """A field's values by other names; null for one that is not listed."""

    name: str
    values: Mapping[Any, str]

    def evaluate(self, table: pa.Table) -> Any:
        """Translate the field."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[self.name].combine_chunks()
        position = pc.index_in(column, pa.array(list(self.values), column.type))
        return pa.array(list(self.values.values()), column_type("text")).take(position)
