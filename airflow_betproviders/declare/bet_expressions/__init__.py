"""The vocabulary of a bet mapping: what each column of the bets table is computed from.

An expression is a small frozen object. Its ``evaluate(table)`` returns one value for each row of an Arrow table. The
words are those of ``pyarrow.compute``, so they are written in lower case and read like its functions. A package adds its
own by a subclass of `Expression` that imports ``pyarrow`` inside ``evaluate``.

```python
"payout": if_else(is_in("status", 1), money("win_amount"), null("money"))
```
"""

from airflow_betproviders.declare.bet_expressions.amounts import add, in_li, li, magnitude, money, negate
from airflow_betproviders.declare.bet_expressions.base import ColumnType, Expression, column_type
from airflow_betproviders.declare.bet_expressions.conditions import (
    all_zero,
    coalesce,
    if_else,
    is_in,
    is_refunded,
    is_valid,
)
from airflow_betproviders.declare.bet_expressions.values import by_value, concat, constant, instant, null, text

__all__ = [
    "ColumnType",
    "Expression",
    "add",
    "all_zero",
    "by_value",
    "coalesce",
    "column_type",
    "concat",
    "constant",
    "if_else",
    "in_li",
    "instant",
    "is_in",
    "is_refunded",
    "is_valid",
    "li",
    "magnitude",
    "money",
    "negate",
    "null",
    "text",
]
