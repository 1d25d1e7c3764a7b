"""JDB: amounts are JSON doubles in currency units (stakes negative), times are wall-clock text in the account's offset.

One answer mixes the layouts of all game types (document, action 64); the schema is their union, and ``gType`` says which
columns a row has. No pages, no total: a window's answer is all there is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow_betproviders.declare.fields import Decimal, Field, Integer, StrptimeTime, Text
from airflow_betproviders.declare.request_parameters import Filter, WallParam
from airflow_betproviders.declare.stream import Rows, Stream, SumOf
from airflow_betproviders.declare.windows import WindowRule

# A double prints up to 17 digits, some of them far after the point: nothing of it is cut.
_AMOUNT = Decimal(38, 18)
_LOCAL = StrptimeTime("%d-%m-%Y %H:%M:%S")
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_ANSWER = {"status": Text(), "err_text": Text(), "data": Rows}
_LOCAL_PARAM = WallParam("%d-%m-%Y %H:%M:%S", offset=None)
# The report day runs from noon to noon UTC+8, which is midnight to midnight in GMT-4, whatever the account's offset is.
_REPORT_DAY = WallParam("%d-%m-%Y", offset=timedelta(hours=-4))
_REPORT_DAY_START = timedelta(hours=4)
_THREE_MONTHS = timedelta(days=89)


def _amount(name: str, *, required: bool = False) -> Field:
    return Field(name, _AMOUNT, required=required, money=True)


_FIELDS = (
    Field("historyId", Text(numbers=True), required=True),
    Field("playerId", Text()),
    Field("gType", Integer(), required=True),
    Field("mtype", Integer()),
    Field("gameDate", _LOCAL, required=True),
    _amount("bet", required=True),
    _amount("gambleBet"),
    _amount("win"),
    _amount("tax"),
    _amount("total", required=True),
    _amount("validBet"),
    _amount("commission"),
    Field("currency", Text()),
    _amount("jackpot"),
    _amount("jackpotContribute"),
    Field("denom", _AMOUNT),
    Field("lastModifyTime", _LOCAL, required=True),
    Field("playerIp", Text()),
    Field("clientType", Text()),
    Field("gameName", Text()),
    Field("roomType", Integer()),
    Field("hasFreegame", Integer()),
    Field("hasBonusGame", Integer()),
    Field("hasGamble", Integer()),
    Field("systemTakeWin", Integer()),
    Field("roundSeqNo", Text(numbers=True)),
    Field("gameRoundSeqNo", Text(numbers=True)),
    Field("beforeBalance", _AMOUNT),
    Field("afterBalance", _AMOUNT),
    Field("transferId", Integer()),
)
_KEY = ("gType", "historyId")
_G_TYPES = {"gTypes": Filter(type=list, column="gType")}

TRANSACTIONS = Stream(
    provider="jdb",
    name="transactions",
    endpoint=64,
    doc="Settled bets by gameDate, from one hour to sixty days back (document: Action 64). A bet that settles later is "
    "missing from a window read earlier: sweep the last days again.",
    fields=_FIELDS,
    envelope=_ANSWER,
    key=_KEY,
    version_columns=("lastModifyTime",),
    time_column="gameDate",
    reject_outside_window=True,
    windows=WindowRule(span=5 * _MINUTE, step=_MINUTE),
    lag=timedelta(minutes=65),
    retention=timedelta(days=60) - 10 * _MINUTE,
    retention_stated="60 days",
    bounds=("starttime", "endtime"),
    time=_LOCAL_PARAM,
    filters=_G_TYPES,
)

RECENT_TRANSACTIONS = Stream(
    provider="jdb",
    name="recent_transactions",
    endpoint=29,
    doc="Settled bets by lastModifyTime, from three minutes to two hours back (public page of Action 29).",
    fields=_FIELDS,
    envelope=_ANSWER,
    key=_KEY,
    version_columns=("lastModifyTime",),
    time_column="lastModifyTime",
    reject_outside_window=True,
    windows=WindowRule(span=15 * _MINUTE, step=_MINUTE),
    lag=timedelta(minutes=4),
    retention=timedelta(minutes=118),
    retention_stated="two hours",
    bounds=("starttime", "endtime"),
    time=_LOCAL_PARAM,
    filters=_G_TYPES,
)

_DAILY = (
    _amount("bet"),
    _amount("win"),
    _amount("netWin"),
    _amount("jackpot"),
    _amount("jackpotContribute"),
    Field("count", Integer()),
    _amount("validBet"),
    _amount("tax"),
)

DAILY_BY_PLAYER = Stream(
    provider="jdb",
    name="daily_by_player",
    endpoint=42,
    doc="A closed day's totals by player of one game type (public page of Action 42).",
    fields=(Field("uid", Text(), required=True), *_DAILY),
    envelope=_ANSWER,
    key=("uid",),
    windows=WindowRule(span=_DAY, step=_DAY, divisible=False),  # the rows do not say which day they are of
    lag=65 * _MINUTE,
    retention=_THREE_MONTHS,
    retention_stated="three months",
    slot=_DAY,
    day_start_offset=_REPORT_DAY_START,
    bounds=("date",),
    time=_REPORT_DAY,
    filters={"gType": Filter(type=int, required=True)},
)

DAILY_BY_GAME_TYPE = replace(
    DAILY_BY_PLAYER,
    name="daily_by_game_type",
    endpoint=66,
    doc="A closed day's totals by game type (public page of Action 66).",
    fields=(Field("gType", Text(numbers=True), required=True), *_DAILY),
    envelope={
        "status": Text(),
        "err_text": Text(),
        "data": {"gTypeSummary": Rows, "totalSummary": {**{f.name: f.kind for f in _DAILY}, "count": SumOf("count")}},
    },
    key=("gType",),
    filters={},
)

STREAMS = (TRANSACTIONS, RECENT_TRANSACTIONS, DAILY_BY_PLAYER, DAILY_BY_GAME_TYPE)
