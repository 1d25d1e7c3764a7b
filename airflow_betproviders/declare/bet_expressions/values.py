"""Expressions of text, times and constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.bet_expressions.base import ColumnType, Expression, column_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class null(Expression):
    """Null in every row, for a column that the provider does not report."""

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
    """The value of a field, as text."""

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
class by_value(Expression):
    """A field's value translated by ``values``; null for a value that is not listed there."""

    name: str
    values: Mapping[Any, str]

    def evaluate(self, table: pa.Table) -> Any:
        """Translate the field."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[self.name].combine_chunks()
        position = pc.index_in(column, pa.array(list(self.values), column.type))
        return pa.array(list(self.values.values()), column_type("text")).take(position)


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
