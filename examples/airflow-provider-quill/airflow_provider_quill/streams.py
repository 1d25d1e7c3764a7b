"""Quill's streams: amounts are JSON numbers in currency units, times are wall time at +08:00 to the second."""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.fields import Decimal, Field, Integer, IsoTime, Text
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.request_parameters import Filter, Limits, WallParam
from airflow_betproviders.declare.stream import PageSize, Rows, Stream, Total
from airflow_betproviders.declare.windows import WindowRule

# Fixed, without daylight saving.
_EAST_8 = timedelta(hours=8)
_AMOUNT = Decimal(28, 8)
_TIME = IsoTime(offset=_EAST_8)
_PAGES = PageNumber(param="pageNo", size_param="pageSize", page_size=2000, text=True)
_CURRENCY = {"currency": Filter(type=str, required=True, column="currency")}
_ENVELOPE = {
    "code": Integer(),
    "msg": Text(),
    "data": {"total": Total, "pageNo": Integer(), "pageSize": PageSize, "list": Rows},
}
_FIELDS = (
    Field("gameOrderId", Text(), required=True),
    Field("platType", Text(), required=True),
    Field("currency", Text()),
    Field("playerId", Text()),
    Field("gameType", Text()),
    Field("gameName", Text()),
    Field("round", Text()),
    Field("table", Text()),
    Field("seat", Text()),
    Field("betContent", Text()),
    Field("betAmount", _AMOUNT, required=True, money=True),
    Field("validAmount", _AMOUNT, money=True),
    Field("settledAmount", _AMOUNT, required=True, money=True),
    Field("status", Integer()),
    Field("betTime", _TIME),
    Field("lastUpdateTime", _TIME, required=True),
)

HISTORY = Stream(
    provider="quill",
    name="history",
    endpoint="/records/history",
    doc="Orders of one currency by their last update (document 2.2). An order that changes comes again in a later window. "
    "Whether a window holds its end is not said.",
    fields=_FIELDS,
    envelope=_ENVELOPE,
    key=("platType", "gameOrderId"),
    version_columns=("lastUpdateTime",),
    time_column="lastUpdateTime",
    reject_outside_window=True,
    windows=WindowRule(span=timedelta(hours=6)),
    paging=_PAGES,
    filters=_CURRENCY,
    lag=timedelta(minutes=10),
    retention=timedelta(days=15),
    slot=timedelta(hours=6),  # one call a slot
    bounds=("startTime", "endTime"),
    time=WallParam("%Y-%m-%d %H:%M:%S", offset=_EAST_8),
)

LATEST = Stream(
    provider="quill",
    name="latest",
    endpoint="/records/latest",
    doc="The newest ten minutes of orders of one currency, the current minute excluded (document 2.2, siblings). Freshness "
    "only: history is the truth.",
    fields=_FIELDS,
    envelope=_ENVELOPE,
    key=("platType", "gameOrderId"),
    version_columns=("lastUpdateTime",),
    time_column="lastUpdateTime",
    windows=WindowRule(span=timedelta(minutes=10), step=timedelta(minutes=1), sliding=True),
    paging=_PAGES,
    filters=_CURRENCY,
    limits=Limits(spacing=timedelta(minutes=1), page_spacing=timedelta(0)),
    lag=timedelta(minutes=1),
    retention=timedelta(minutes=10),
    slot=timedelta(minutes=2),
)

STREAMS = (HISTORY, LATEST)
