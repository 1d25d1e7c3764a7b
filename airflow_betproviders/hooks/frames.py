"""Convert an Arrow table to a pandas frame whose amounts and ids stay exact."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

AMOUNTS = ("decimal", "float", "arrow")
"""The types into which `to_frame` converts decimal columns: to Python decimals or to floats. ``arrow`` keeps Arrow's types in all columns."""


def check_amounts(amounts: str) -> None:
    """Check that ``amounts`` is one of `AMOUNTS`.

    Raises:
        InvalidArgument: it is another value. The message names the choices.
    """
    if amounts not in AMOUNTS:
        raise InvalidArgument(f"amounts={amounts!r} must be one of {', '.join(AMOUNTS)}.")


def to_frame(table: pa.Table, amounts: str = "decimal") -> pd.DataFrame:
    """Convert an Arrow table to a pandas frame.

    Args:
        table: the rows.
        amounts: one of `AMOUNTS`, a column of this table:

    | Arrow | ``decimal`` | ``float`` | ``arrow`` |
    |---|---|---|---|
    | decimal | `object` of `decimal.Decimal`, null as ``Decimal("NaN")`` | `float64`, null as NaN | Arrow's |
    | integer | `Int64` | `Int64` | Arrow's |
    | text | `string` | `string` | Arrow's |
    | boolean | `boolean` | `boolean` | Arrow's |
    | double | `float64` | `float64` | Arrow's |
    | timestamp | `datetime64[…, UTC]` | `datetime64[…, UTC]` | Arrow's |
    | list, record, map | `object` | `object` | Arrow's |

    Null amounts are ``Decimal("NaN")``: pandas counts it as null, and arithmetic with it raises no error, as ``None`` would.
    With ``arrow``, do not compute with decimals: Arrow refuses ``describe``, and sums and products of more than 38 digits.
    """
    import pandas as pd
    import pyarrow as pa

    if amounts == "arrow":
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame
    decimals = [field.name for field in table.schema if pa.types.is_decimal(field.type)]
    if amounts == "float":
        for name in decimals:
            # Arrow's own cast of 864.4141 gives 864.4141000000001. It reads text to the nearest double.
            floats = table[name].cast(pa.string()).cast(pa.float64())
            table = table.set_column(table.column_names.index(name), name, floats)
    frame = table.to_pandas(types_mapper=_dtype)
    if amounts == "decimal":
        for name in decimals:
            frame[name] = frame[name].where(frame[name].notna(), Decimal("NaN"))
    return frame


def _dtype(kind: pa.DataType) -> Any:
    """Return a nullable pandas type for integers, booleans and text, whose NumPy types have no null; None for pandas' own choice."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return pd.Int64Dtype()
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pd.StringDtype("pyarrow")
    return None
