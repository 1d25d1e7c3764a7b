"""Sum turnover and gross gaming revenue by day, from the bets table, which has the newest version of each bet."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.plugin.limits.cache import ShortCache
from airflow_betproviders.task.tables import open_table

if TYPE_CHECKING:
    from deltalake import DeltaTable

log = logging.getLogger(__name__)

UNSET = "No GGR: set the Variable betproviders_table to the folder of the bets table."

_GROUP = ("provider", "account", "currency", "bet_date")
_SUMS = (("stake", "sum"), ("net", "sum"), ("net", "count"))


@dataclass(frozen=True)
class DayMoney:
    """Sums of an account's bets in one currency, by the day on which they were placed.

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
        """Return the members for JSON; amounts are decimal text."""
        amounts = {name: format(getattr(self, name), "f") for name in ("turnover", "ggr")}
        return {**vars(self), **amounts, "day": self.day.isoformat()}


_sums_by_version = ShortCache["tuple[DayMoney, ...]"](seconds=600, max_results=16)


@dataclass(frozen=True)
class Money:
    """The money of some days from the bets table, or the reason why there is none.

    Attributes:
        days: by account, currency and day.
        problem: a sentence, or None.
        private: whether the problem names a folder or a connection, so is for those who may read every DAG.
    """

    days: tuple[DayMoney, ...] = ()
    problem: str | None = None
    private: bool = False


def money_of_days(path: str, span: Interval) -> Money:
    """Sum the bets table's bets by day. Never raises: a problem is a member of the result.

    Args:
        path: the table's folder; empty where none is configured.
        span: UTC days.
    """
    if not path:
        return Money(problem=UNSET)
    try:
        return Money(by_day(path, span.start.date(), (span.end - DAY).date()))
    except (InvalidArgument, ModuleNotFoundError) as problem:
        log.warning("the bets table cannot be read: %s", problem)
        return Money(problem=str(problem), private=True)
    except Exception as problem:
        log.exception("the bets table cannot be read")
        message = f"The bets table cannot be read: {type(problem).__name__}. The API server's log has the reason."
        return Money(problem=message)


def by_day(path: str, first: date, last: date) -> tuple[DayMoney, ...]:
    """Return the days from the first to the last, both included; an empty table has none.

    Raises:
        InvalidArgument: the path names no table that can be there, or a package is missing.
    """
    table = open_table(path)
    from deltalake.exceptions import TableNotFoundError

    try:
        delta = table.open()
    except TableNotFoundError:
        return ()
    # A table version never changes, so its sums may be cached for long, whoever reads them.
    return _sums_by_version.get((table.uri, delta.version(), first, last), lambda: _sums(delta, first, last))


def _sums(delta: DeltaTable, first: date, last: date) -> tuple[DayMoney, ...]:
    """Add up batch by batch on one processor: memory does not grow with the table, and Airflow keeps the others."""
    import pyarrow as pa
    from pyarrow import dataset as ds

    day = ds.field("bet_date")
    wanted = (day >= first) & (day <= last) & ds.field("missing_since").is_null() & (ds.field("status") != "open")
    sums: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    columns = [*_GROUP, "stake", "net"]
    for batch in delta.to_pyarrow_dataset().scanner(columns=columns, filter=wanted, use_threads=False).to_batches():
        grouped = pa.Table.from_batches([batch]).group_by(list(_GROUP)).aggregate(list(_SUMS))
        for row in grouped.to_pylist():
            total = sums[tuple(row[name] for name in _GROUP)]
            for place, (column, how) in enumerate(_SUMS):
                total[place] += row[f"{column}_{how}"] or 0
    return tuple(
        DayMoney(provider, account, currency or "", when, bets, stake, -net)
        for (provider, account, currency, when), (stake, net, bets) in sorted(
            sums.items(), key=lambda key_and_sum: str(key_and_sum[0])
        )
    )
