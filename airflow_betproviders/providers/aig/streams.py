"""AIG live casino: amounts are decimal text in currency units, times are epoch milliseconds.

Windows filter by ``update_time``, which moves when a bet settles, is cancelled or is made invalid. The bet is then returned
again, under the same id, by the window of its new ``update_time``.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.fields import (
    Boolean,
    Decimal,
    DecimalMap,
    Epoch,
    Field,
    Integer,
    ListOf,
    Record,
    Text,
)
from airflow_betproviders.declare.pagination import Offset, TimestampCursor
from airflow_betproviders.declare.request_parameters import EpochParam
from airflow_betproviders.declare.stream import PageSize, Rows, Stream, Total
from airflow_betproviders.declare.windows import WindowRule

_AMOUNT = Decimal(28, 8)
_MS = Epoch("ms")
_MS_TEXT = EpochParam(1000, text=True)
_STATUS = {"code": Integer(), "message": Text()}
_LAG = timedelta(minutes=5)
_MILLISECOND = timedelta(milliseconds=1)
# "The last three months": the document does not say whether these are calendar months or 90 days.
_RETENTION = timedelta(days=89)

# Amounts by bet item, such as Banker or Direct-11. The document lists the items of baccarat and shows some of roulette.
_ITEMS = DecimalMap(_AMOUNT)


def _amount(name: str, *, required: bool = False) -> Field:
    return Field(name, _AMOUNT, required=required, money=True)


_FIELDS = (
    Field("id", Text(), required=True),
    Field("game_id", Text()),
    Field("user_id", Text()),
    Field("inst_id", Text()),
    Field("shoe_id", Integer()),
    Field("round_id", Integer()),
    Field("bet_time", _MS),
    Field("settle_time", _MS),
    _amount("bet_amount", required=True),
    _amount("real_bet_amount"),
    _amount("valid_bet_turnover"),
    _amount("win_amount"),
    Field("currency", Text()),
    _amount("real_win_amount"),
    Field("bet_detail", _ITEMS),
    Field("win_detail", _ITEMS),
    Field("no_comm", Boolean()),
    Field("game_result", ListOf(Text())),
    Field("open_cards", Record(tuple(Field(name, Text()) for name in ("banker", "player", "result")))),
    Field("create_time", _MS),
    Field("update_time", _MS, required=True),
    Field("status", Integer()),
)

TRANSACTIONS = Stream(
    provider="aig",
    name="transactions",
    endpoint="/api/game/transaction/query",
    doc="Bet records by update time (document: Query Bet Records, By Time Period).",
    fields=_FIELDS,
    envelope={
        **_STATUS,
        "data": {"start_index": Integer(), "page_size": PageSize, "total": Total, "transactions": Rows},
    },
    key=("id",),
    version_columns=("update_time",),
    time_column="update_time",
    reject_outside_window=True,
    windows=WindowRule(span=timedelta(days=1) - _MILLISECOND, step=_MILLISECOND, ends="half-open"),
    paging=Offset(param="start_index", size_param="page_size", page_size=5000, text=True),
    lag=_LAG,
    retention=_RETENTION,
    retention_stated="the last three months",
    bounds=("start_time", "end_time"),
    time=_MS_TEXT,
)

LATEST = Stream(
    provider="aig",
    name="latest",
    endpoint="/api/game/transaction/latest",
    doc="Bet records from an update time on, at most 1000 an answer (public page transaction_latest of the vendor's "
    "documentation; it does not say whether last_time itself is included, so each call begins a millisecond earlier).",
    fields=_FIELDS,
    envelope={**_STATUS, "data": {"transactions": Rows}},
    key=("id",),
    version_columns=("update_time",),
    time_column="update_time",
    reject_outside_window=True,
    windows=WindowRule(span=timedelta(days=1), step=_MILLISECOND),
    paging=TimestampCursor(param="last_time", limit=1000),
    lag=_LAG,
    retention=_RETENTION,
    retention_stated="the last three months",
    time=_MS_TEXT,
)

STREAMS = (TRANSACTIONS, LATEST)
