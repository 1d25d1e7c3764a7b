"""Write raw slots of AIG's transactions, an hour each, without a provider."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import checkout
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
AGAIN = 5  # one of this many rows is a newer version of an earlier bet


def hours(first: int, count: int) -> Any:
    """Return the interval of some hours, counted from `BEGIN`."""
    return checkout.Interval(BEGIN + first * HOUR, BEGIN + (first + count) * HOUR)


def slot(first: int, count: int, hour: Any, a_day: int, reach: int) -> pa.Table:
    """Return the rows of an hour: bets from number ``first`` on, and newer versions of some of the ``reach`` bets before them."""
    rng = np.random.default_rng(first)
    number = np.arange(first, first + count)
    if reach:
        old = slice(None, None, AGAIN)
        number[old] -= rng.integers(count, max(reach, count + 1), len(number[old]))
        number = np.unique(number)
    day = 86_400_000
    placed = number * day // a_day + int(BEGIN.timestamp() * 1000)
    updated = np.sort(rng.integers(0, 3_600_000, len(number))) + int(hour.start.timestamp() * 1000)
    cents = rng.integers(1, 100_000, len(number))
    amount = pc.multiply(pa.array(cents).cast(pa.decimal128(19, 0)), pa.scalar(Decimal("0.01")))
    given: dict[str, Any] = {
        "id": pc.utf8_lpad(pa.array(number).cast(pa.string()), 24, "0"),
        "game_id": pa.array(number % 40 + 100).cast(pa.string()),
        "user_id": pc.binary_join_element_wise("u", pa.array(number % 200_003).cast(pa.string()), ""),
        "inst_id": pa.array(number % 300).cast(pa.string()),
        "round_id": pa.array(number // 20),
        "bet_time": pa.array(placed),
        "settle_time": pa.array(updated),
        "update_time": pa.array(updated),
        "create_time": pa.array(placed),
        "currency": pa.repeat("USD", len(number)),
        "status": pa.repeat(1, len(number)),
        **dict.fromkeys(("bet_amount", "real_bet_amount", "valid_bet_turnover", "win_amount"), amount),
        "_extracted_at": pa.repeat(pa.scalar(hour.end, pa.timestamp("ms", "UTC")), len(number)),
    }
    columns = checkout.schema(checkout.TRANSACTIONS.fields)
    arrays = [given[f.name].cast(f.type) if f.name in given else pa.nulls(len(number), f.type) for f in columns]
    return pa.Table.from_arrays(arrays, schema=columns)


def make_lake(root: Path, first_hour: int, count: int, a_day: int, reach: int, account: str = "agent001") -> None:
    """Write the slots of some hours, in the layout of the package that this process imports."""
    lake = checkout.Lake(fsspec.filesystem("file"), str(root), "aig", "transactions", account)
    for number in range(first_hour, first_hour + count):
        hour = hours(number, 1)
        table = slot(number * (a_day // 24), a_day // 24, hour, a_day, reach)
        receipt = checkout.Receipt(
            provider="aig", stream="transactions", account=account, start=hour.start.isoformat(),
            end=hour.end.isoformat(), rows=table.num_rows, extracted_at=hour.end.isoformat(timespec="milliseconds"),
        )  # fmt: skip
        path = Path(lake.data(hour))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(receipt.to_footer()), path, compression="zstd")
