"""Define the base class of expressions, and the types of the bets table's columns."""

from __future__ import annotations

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
