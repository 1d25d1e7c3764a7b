"""GM-Ag (Golden Matrix): amounts are numeric(16,4) JSON numbers in currency units, times are text in GMT+0.

If a round is returned again, the newer row replaces the earlier one. Windows start and end on whole minutes; the document does
not say whether a window includes its ends.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow_betproviders.declare.fields import Decimal, Field, Integer, IsoTime, ListOf, Record, Text
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.request_parameters import Filter, WallParam
from airflow_betproviders.declare.stream import PageSize, Rows, Stream, Total
from airflow_betproviders.declare.windows import WindowRule

# The document says numeric(16,4). Two more digits cost nothing in the file, and a balance may be larger than any amount.
_NUMERIC = Decimal(18, 4)
_SUM = Decimal(38, 4)
_TIME = IsoTime()
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LAG = 10 * _MINUTE
_UTC = WallParam("%Y-%m-%d %H:%M:%S")
_BOUNDS = ("startTime", "endTime")
_STATUS = {"requestId": Text(), "error": Text(), "message": Text()}
_PAGED = {
    **_STATUS,
    "total": Total,
    "current": Integer(),
    "size": PageSize,
    "pages": Integer(),
    "records": Rows,
}


def _pages(page_size: int, total_cap: int | None = 10_000) -> PageNumber:
    return PageNumber(param="page", size_param="size", page_size=page_size, total_cap=total_cap)


def _amount(name: str, *, required: bool = False) -> Field:
    return Field(name, _NUMERIC, required=required, money=True)


def _sum(name: str) -> Field:
    return Field(name, _SUM, money=True)


def _text_filters(*names: str) -> dict[str, Filter]:
    """Return filters that each select by the column of their own name."""
    return {name: Filter(type=str, column=name) for name in names}


# The document's sample has five decimals here, although the amounts of a record have four.
_JACKPOT = ListOf(Record((Field("id", Text()), Field("contribution", Decimal(28, 8)), Field("win", Decimal(28, 8)))))

GAME_HISTORY = Stream(
    provider="gmag",
    name="game_history",
    endpoint="/history/game",
    doc="Settled rounds by their end time, thirty days back (document: history/game). Windows are shorter than 30 "
    "minutes by the vendor's English page.",
    fields=(
        Field("brandId", Integer(), required=True),
        Field("playerId", Text(), required=True),
        Field("providerCode", Text(), required=True),
        Field("sessionId", Text()),
        Field("roundId", Text(), required=True),
        Field("gameCode", Text()),
        Field("currency", Text()),
        Field("platform", Text()),
        _amount("bets", required=True),
        _amount("wins", required=True),
        _amount("cancels"),
        _amount("transIn"),
        _amount("transOut"),
        Field("balanceEnd", _NUMERIC),
        Field("bonusBalanceEnd", _NUMERIC),
        _amount("rake"),
        Field("startTime", _TIME),
        Field("endTime", _TIME, required=True),
        _amount("jpc"),
        _amount("jpw"),
        Field("jpDetails", _JACKPOT),
        Field("roundType", Text()),
        Field("roundStatus", Text()),
        Field("additionalData", Text()),
        Field("detailUrl", Text()),
        Field("gameType", Text()),
        Field("createdAt", _TIME),
    ),
    envelope=_PAGED,
    key=("brandId", "providerCode", "playerId", "roundId"),
    version_columns=("createdAt", "endTime"),
    time_column="endTime",
    reject_outside_window=True,
    windows=WindowRule(span=29 * _MINUTE, step=_MINUTE),
    paging=_pages(10_000),
    lag=_LAG,
    retention=timedelta(days=30) - 10 * _MINUTE,
    retention_stated="30 days",
    bounds=_BOUNDS,
    time=_UTC,
    filters=_text_filters("roundId", "playerId", "providerCode", "currency", "gameCode"),
)

GAME_TRANSACTIONS = Stream(
    provider="gmag",
    name="game_transactions",
    endpoint="/history/gameTrans",
    doc="Single money movements, fifteen days back (public page gameTrans). amount is positive for a bet too: transType "
    "gives its direction.",
    fields=(
        Field("transId", Text(), required=True),
        Field("playerId", Text()),
        Field("brandId", Integer()),
        Field("providerCode", Text(), required=True),
        Field("sessionId", Text()),
        Field("roundId", Text()),
        Field("gameCode", Text()),
        Field("currency", Text()),
        Field("platform", Text()),
        _amount("amount"),
        Field("balanceBefore", _NUMERIC),
        Field("balanceAfter", _NUMERIC),
        Field("transTime", _TIME, required=True),
        Field("transType", Text()),
        Field("referenceId", Text()),
        Field("bonusBalanceEnd", _NUMERIC),
        _amount("validBet"),
        _amount("validWin"),
        _amount("jpc"),
        _amount("jpw"),
        Field("jpDetails", _JACKPOT),
        _amount("rake"),
        Field("roundType", Text()),
        Field("roundStatus", Text()),
        Field("additionalData", Text()),
        Field("description", Text()),
        Field("detailUrl", Text()),
        Field("gameType", Text()),
        Field("requestId", Text()),
        Field("createdAt", _TIME),
    ),
    envelope=_PAGED,
    key=("providerCode", "transId"),
    version_columns=("createdAt",),
    time_column="transTime",
    reject_outside_window=True,
    windows=WindowRule(span=14 * _MINUTE, step=_MINUTE),
    paging=_pages(5_000),
    lag=_LAG,
    retention=timedelta(days=15) - 10 * _MINUTE,
    retention_stated="15 days",
    bounds=_BOUNDS,
    time=_UTC,
    filters=_text_filters("playerId", "providerCode", "currency"),
)

EXTRA_TRANSACTIONS = replace(
    GAME_TRANSACTIONS,
    name="extra_transactions",
    endpoint="/history/extraTrans",
    doc="Payouts of promotions and tournaments (public page ExtraTrans; its limits are not stated, those of gameTrans "
    "are kept).",
    fields=(
        Field("transId", Text(), required=True),
        Field("playerId", Text()),
        Field("brandId", Integer()),
        Field("providerCode", Text(), required=True),
        Field("currency", Text()),
        _amount("amount"),
        Field("balanceBefore", _NUMERIC),
        Field("balanceAfter", _NUMERIC),
        Field("transTime", _TIME, required=True),
        Field("referenceId", Text()),
        Field("referenceName", Text()),
        Field("description", Text()),
    ),
    version_columns=(),
)

GAME_REPORT = Stream(
    provider="gmag",
    name="game_report",
    endpoint="/history/gameReport",
    doc="Totals by currency and, with reportBy, by game, provider or player; six months back (public page GameReport, "
    "whose text allows 31 days and whose parameters one day: a slot is at most a day).",
    fields=(
        _sum("totalBets"),
        _sum("totalWins"),
        _sum("totalCancels"),
        _sum("totalJpc"),
        _sum("totalJpw"),
        _sum("ggr"),
        Field("games", Integer()),
        Field("players", Integer()),
        _sum("totalRakes"),
        Field("currency", Text(), required=True),
        # Absent unless reportBy names them.
        Field("gameCode", Text(), required=False),
        Field("providerCode", Text(), required=False),
        Field("playerId", Text(), required=False),
    ),
    envelope={**_STATUS, "data": Rows},
    key=("currency", "gameCode", "providerCode", "playerId"),
    windows=WindowRule(span=_DAY, step=_MINUTE, divisible=False),
    lag=_LAG,
    retention=timedelta(days=180),
    retention_stated="six months",
    slot=_DAY,
    bounds=_BOUNDS,
    time=_UTC,
    filters={
        **_text_filters("playerId", "currency", "gameCode"),
        "reportBy": Filter(type=str, choices=("gameCode", "provider", "player")),
    },
)

_FLAGS = ("mobile", "desktop", "freeGame", "freespin", "goldenChip", "progressive", "released", "status")

GAMES = Stream(
    provider="gmag",
    name="games",
    endpoint="/game/list",
    doc="The game list (public page game/list), as of the day it is taken.",
    fields=(
        Field("gameCode", Text(), required=True),
        Field("gameType", Text()),
        Field("cnName", Text()),
        Field("enName", Text()),
        Field("providerCode", Text(), required=True),
        *(Field(name, Integer()) for name in _FLAGS),
        Field("jackpotName", Text()),
        Field("jackpotTicker", Text()),
        Field("description", Text()),
        Field("rtp", Text(numbers=True)),
        Field("reels", Text(numbers=True)),
        Field("lines", Text(numbers=True)),
        Field("releaseDate", _TIME),
        Field("resourceLink", Text()),
        Field("imgDefault", Text()),
        Field("imgCn", Text()),
        Field("tableAlias", Text()),
    ),
    envelope=_PAGED,
    key=("providerCode", "gameCode"),
    paging=_pages(100, total_cap=None),
    slot=_DAY,
    filters=_text_filters("providerCode", "gameType", "gameCode"),
)

STREAMS = (GAME_HISTORY, GAME_TRANSACTIONS, EXTRA_TRANSACTIONS, GAME_REPORT, GAMES)
