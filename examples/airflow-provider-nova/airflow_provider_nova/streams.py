"""Nova's streams: amounts are decimal text in currency units, times are UTC text with milliseconds."""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.fields import Boolean, Decimal, Field, IsoTime, Text
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.request_parameters import EpochParam
from airflow_betproviders.declare.stream import Rows, Stream, Total
from airflow_betproviders.declare.windows import WindowRule

_AMOUNT = Decimal(28, 8)

BETS = Stream(
    provider="nova",
    name="bets",
    endpoint="/v1/bets",
    doc="Bets by the time they were placed (document: GET /v1/bets).",
    fields=(
        Field("betId", Text(), required=True),
        Field("player", Text()),
        Field("game", Text()),
        Field("currency", Text()),
        Field("stake", _AMOUNT, money=True, required=True),
        Field("win", _AMOUNT, money=True, required=True),
        Field("placedAt", IsoTime(), required=True),
        Field("updatedAt", IsoTime()),
    ),
    envelope={"ok": Boolean(), "error": Text(), "text": Text(), "total": Total, "bets": Rows},
    key=("betId",),
    version_columns=("updatedAt",),
    time_column="placedAt",
    reject_outside_window=True,
    windows=WindowRule(span=timedelta(hours=1)),
    paging=PageNumber(param="page", size_param="size", page_size=200),
    lag=timedelta(minutes=3),
    retention=timedelta(days=45),
    bounds=("from", "to"),
    time=EpochParam(1),
)

STREAMS = (BETS,)
