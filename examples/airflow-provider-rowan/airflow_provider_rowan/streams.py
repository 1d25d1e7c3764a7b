"""Rowan's streams: amounts are JSON decimals in currency units, times and versions are epoch milliseconds."""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.fields import Boolean, Decimal, Epoch, Field, Integer, Text
from airflow_betproviders.declare.pagination import LimitedAnswer, RowVersionCursor
from airflow_betproviders.declare.request_parameters import EpochParam, Filter
from airflow_betproviders.declare.stream import Rows, Stream
from airflow_betproviders.declare.windows import WindowRule

_AMOUNT = Decimal(28, 8)
_MS = Epoch("ms")
_MILLISECOND = timedelta(milliseconds=1)
_ENVELOPE = {"data": Rows, "error": {"code": Text(numbers=True), "message": Text(), "traceId": Text()}}
_FEWEST_ROWS, _MOST_ROWS = 1500, 5000
_LAG = timedelta(minutes=10)

_FIELDS = (
    Field("betId", Integer(), required=True),
    Field("parentBetId", Integer()),
    Field("playerName", Text()),
    Field("gameId", Integer()),
    Field("betType", Integer()),
    Field("transactionType", Integer()),
    Field("platform", Integer()),
    Field("currency", Text()),
    Field("betAmount", _AMOUNT, required=True, money=True),
    Field("winAmount", _AMOUNT, required=True, money=True),
    Field("jackpotRtpContributionAmount", _AMOUNT),
    Field("jackpotContributionAmount", _AMOUNT),
    Field("jackpotWinAmount", _AMOUNT),
    Field("balanceBefore", _AMOUNT),
    Field("balanceAfter", _AMOUNT),
    Field("handsStatus", Integer()),
    Field("rowVersion", _MS, required=True),
    Field("betTime", _MS),
    Field("betEndTime", _MS, required=True),
    Field("isFeatureBuy", Boolean()),
)

HISTORY = Stream(
    provider="rowan",
    name="history",
    endpoint="/Bet/v4/GetHistory",
    doc="Hands by the time of their last change (document 1.3). An adjusted hand comes again with a greater rowVersion, "
    "so a later slot has it. It does not say whether the requested version itself is included, so each call begins earlier.",
    fields=_FIELDS,
    envelope=_ENVELOPE,
    key=("betId",),
    version_columns=("rowVersion",),
    time_column="rowVersion",
    windows=WindowRule(span=timedelta(days=1), step=_MILLISECOND),
    paging=RowVersionCursor(param="row_version", size_param="count", limit=_MOST_ROWS, min_limit=_FEWEST_ROWS),
    filters={"hands_status": Filter(type=int, choices=(0, 1, 2, 3), all_value=0, column="handsStatus")},
    lag=_LAG,
    retention=timedelta(days=60),
    time=EpochParam(1000),
)

HISTORY_BY_TIME = Stream(
    provider="rowan",
    name="history_by_time",
    endpoint="/Bet/v4/GetHistoryForSpecificTimeRange",
    doc="Hands by the time they ended (document 1.3). A full answer is cut off, so it is halved; adjusted hands need a "
    "trailing re-read. One note limits the range to 40 days.",
    fields=_FIELDS,
    envelope=_ENVELOPE,
    key=("betId",),
    version_columns=("rowVersion",),
    time_column="betEndTime",
    filter_columns=("betEndTime", "betTime"),  # which of them, the document does not say
    reject_outside_window=True,
    windows=WindowRule(span=timedelta(days=1), step=_MILLISECOND),
    paging=LimitedAnswer(param="count", limit=_MOST_ROWS, min_limit=_FEWEST_ROWS),
    lag=_LAG,
    retention=timedelta(days=39),
    bounds=("from_time", "to_time"),
    time=EpochParam(1000),
)

HOURLY_SUMMARY = Stream(
    provider="rowan",
    name="hourly_summary",
    endpoint="/Bet/v4/GetHandsSummaryHourly",
    doc="Sums by the hour in which hands ended, currency and transaction type (document 1.5, reports).",
    fields=(
        Field("dateTime", _MS, required=True),
        Field("currency", Text(), required=True),
        Field("transactionType", Integer(), required=True),
        Field("totalBetAmount", _AMOUNT, money=True),
        Field("totalWinAmount", _AMOUNT, money=True),
    ),
    envelope=_ENVELOPE,
    key=("dateTime", "currency", "transactionType"),
    time_column="dateTime",
    windows=WindowRule(span=timedelta(days=1), step=timedelta(hours=1)),
    lag=_LAG,
    retention=timedelta(days=60),
    slot=timedelta(days=1),
    bounds=("from_time", "to_time"),
    time=EpochParam(1000),
)

STREAMS = (HISTORY, HISTORY_BY_TIME, HOURLY_SUMMARY)
