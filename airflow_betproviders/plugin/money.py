"""Turnover and gross gaming revenue by day, from the bets table, which alone knows the newest version of each bet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_betproviders.task.tables import open_table

if TYPE_CHECKING:
    from airflow_betproviders.bets_table.table import BetsTable

_GROUP = ("provider", "account", "currency", "bet_date")
_SUMS = (("stake", "sum"), ("net", "sum"), ("net", "count"))


@dataclass(frozen=True)
class Day:
    """What an account's bets in one currency come to, by the day they were placed on.

    Attributes:
        provider: connection type.
        account: the account's login.
        currency: the provider's own code; empty where the table has none.
        day: UTC date.
        bets: how many are settled, cancelled or void.
        turnover: their stakes.
        ggr: gross gaming revenue: the players' net results with the other sign.
    """

    provider: str
    account: str
    currency: str
    day: date
    bets: int
    turnover: Decimal
    ggr: Decimal

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; amounts are decimal text."""
        amounts = {name: format(getattr(self, name), "f") for name in ("turnover", "ggr")}
        return {**vars(self), **amounts, "day": self.day.isoformat()}


def by_day(path: str, first: date, last: date) -> Iterable[Day]:
    """The days from the first to the last, both included; an empty table has none.

    What was summed is kept for as long as the table does not change.

    Raises:
        InvalidArgument: the path names no table that can be there.
        ModuleNotFoundError: the extra ``delta`` is not installed.
    """
    from deltalake.exceptions import TableNotFoundError

    table = open_table(path)
    try:
        version = table.open().version()
    except TableNotFoundError:
        return ()
    return _sums(_Version(table.uri, version, table), first, last)


@dataclass(frozen=True)
class _Version:
    """A version of a table; credentials are no part of what it is."""

    uri: str
    version: int
    table: BetsTable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and (self.uri, self.version) == (other.uri, other.version)

    def __hash__(self) -> int:
        return hash((self.uri, self.version))


@lru_cache(maxsize=16)
def _sums(version: _Version, first: date, last: date) -> tuple[Day, ...]:
    """Add up batch by batch, so that memory does not grow with the table."""
    import pyarrow as pa
    from pyarrow import dataset as ds

    delta = version.table.open()
    delta.load_as_version(version.version)
    day = ds.field("bet_date")
    wanted = (day >= first) & (day <= last) & ds.field("missing_since").is_null() & (ds.field("status") != "open")
    sums: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    columns = [*_GROUP, "stake", "net"]
    for batch in delta.to_pyarrow_dataset().scanner(columns=columns, filter=wanted).to_batches():
        grouped = pa.Table.from_batches([batch]).group_by(list(_GROUP)).aggregate(list(_SUMS))
        for row in grouped.to_pylist():
            total = sums[tuple(row[name] for name in _GROUP)]
            for place, (column, how) in enumerate(_SUMS):
                total[place] += row[f"{column}_{how}"] or 0
    return tuple(
        Day(provider, account, currency or "", when, bets, stake, -net)
        for (provider, account, currency, when), (stake, net, bets) in sorted(
            sums.items(), key=lambda each: str(each[0])
        )
    )
