"""PV / 2J summary API: amounts are integers in li (1000 li = 1 currency unit), times are epoch seconds UTC.

Windows are half-open. The document does not name the column that ``/api/all/history`` filters, its ordering, its
retention, nor how soon a round appears; the lag of ten minutes is this package's choice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow_betproviders.declare.fields import (
    Boolean,
    Decimal,
    Double,
    Epoch,
    Field,
    Integer,
    ListOf,
    Record,
    Text,
)
from airflow_betproviders.declare.pagination import LimitedAnswer, PageNumber
from airflow_betproviders.declare.request_parameters import Filter
from airflow_betproviders.declare.stream import OneRow, PageSize, Rows, Stream, SumOf, Total
from airflow_betproviders.declare.windows import WindowRule

_STATUS = {"code": Integer(), "msg": Text()}
_LIST = {**_STATUS, "data": Rows}
_OBJECT = {**_STATUS, "data": OneRow}
_SECONDS = Epoch("s")
_LAG = timedelta(minutes=10)
_DAY = timedelta(days=1)
_BOUNDS = ("time_start", "time_end")
_FILTERED = ("start_at", "end_at")  # the document does not say which of them
_SIXTY_DAYS = WindowRule(span=timedelta(days=60), ends="half-open")
# A window's first and last day would be partial figures if it began or ended in them.
_DAYS = WindowRule(span=timedelta(days=60), step=_DAY, ends="half-open")
_UNDIVIDED = WindowRule(span=timedelta(days=60), divisible=False)
_PLAYER = {"user_id": Filter(type=int), "op_id": Filter(type=str)}
# Where rows name the player, or the game.
_PLAYER_OF_ROW = {name: replace(declared, column=name) for name, declared in _PLAYER.items()}
# "[] or not submit field means all games" (document 1.3); the lists of document 1.4 say the same.
_ALL_IF_EMPTY = Filter(type=list, empty_means_all=True)
_GAME = {"game_id": Filter(type=int, required=True)}
_GAME_OF_ROW = {"game_id": replace(_GAME["game_id"], column="game_id")}


def _li(name: str, *, required: bool = False) -> Field:
    return Field(name, Integer(), required=required, money=True, minor_units=1000, unit="li")


def _balance(name: str) -> Field:
    return Field(name, Integer(), minor_units=1000, unit="li")


_EVENT = (
    Field("event_id", Text(), required=True),
    Field("draw_id", Text()),
    Field("game_id", Integer()),
)
_USER = (Field("user_id", Integer()), Field("op_id", Text()))
# Payout is their sum, so a record without one of them cannot become a bet.
_STAKE = (_li("bet_amount", required=True), _li("gain_amount", required=True))
_SUMS = (_li("bet_amount"), _li("gain_amount"))
_CREDIT = (_balance("credit_before_bet"), _balance("credit"))
# start_at is the clock, without which a row goes to quarantine. A bet without end_at, its version, is still open.
_TIMES = (Field("start_at", _SECONDS, required=True), Field("end_at", _SECONDS))
_GAMES_RESULT = (
    Field("bet_areas", ListOf(Integer())),
    Field("win_areas", ListOf(Integer())),
    Field("game_result", Integer()),
    Field("award_odds", Double()),
)
_SLOTS_BUSINESS = Record(
    tuple(
        Field(name, Integer())
        for name in ("award_type", "base_amount", "free_amount", "bonus_amount", "jackpot_amount", "extra_spins")
    )
)
_COMPANY = (Field("bet_count", Integer()), *_SUMS, _li("company_gain_amount"))

HISTORY = Stream(
    provider="pv",
    name="history",
    endpoint="/api/all/history",
    doc="Every bet of every game (document 1.3). gain_amount is the player's net result, not the payout.",
    fields=(*_EVENT, *_USER, *_STAKE, *_CREDIT, *_TIMES),
    envelope={
        **_STATUS,
        "data": {"items": Rows, "total": Total, "page": Integer(), "page_size": PageSize},
    },
    key=("event_id",),
    version_columns=("end_at",),
    time_column="start_at",
    reject_outside_window=True,
    filter_columns=_FILTERED,
    windows=WindowRule(span=timedelta(hours=1), same_day=True, ends="half-open"),
    paging=PageNumber(param="page", size_param="page_size", page_size=2000),
    lag=_LAG,
    bounds=_BOUNDS,
    filters={"game_ids": replace(_ALL_IF_EMPTY, column="game_id")},
)

GAMES = Stream(
    provider="pv",
    name="games",
    endpoint="/api/all/list",
    doc="The game list (document 1.1), as of the day it is taken.",
    fields=(
        Field("game_id", Integer(), required=True),
        Field("game_name", Text()),
        Field("game_type", Text()),
        Field("resource_url", Text()),
        Field("resource_with_name_url", Text()),
    ),
    envelope=_LIST,
    key=("game_id",),
    slot=_DAY,
)

STAGE_SUMMARY = Stream(
    provider="pv",
    name="stage_summary",
    endpoint="/api/all/stage/summary",
    doc="Counts and sums of all games a day (document 1.2); request UTC days.",
    fields=(Field("date", Text(), required=True), *_COMPANY),
    envelope={
        **_STATUS,
        "data": {
            "day_list": Rows,
            "summary": {
                "bet_count": SumOf("bet_count"),
                **{name: Integer() for name in ("bet_amount", "gain_amount", "company_gain_amount")},
            },
        },
    },
    key=("date",),
    day_column="date",
    windows=_DAYS,
    lag=_LAG,
    slot=_DAY,
    bounds=_BOUNDS,
)

BONUS_SUMMARY = Stream(
    provider="pv",
    name="bonus_summary",
    endpoint="/api/all/bonus/summary",
    doc="Bonuses created in a range (document 1.4); one row a slot. mch_id is this merchant unless a filter names another.",
    fields=(
        Field("release_count", Integer()),
        Field("used_count", Integer()),
        Field("release_bonus", Decimal(38, 10), money=True),
        Field("converted_cash", Decimal(38, 10), money=True),
        _li("bet_amount"),
        _li("win_amount"),
    ),
    envelope=_OBJECT,
    windows=_UNDIVIDED,
    lag=_LAG,
    slot=_DAY,
    bounds=_BOUNDS,
    filters={
        "mch_id": Filter(type=int),
        **_PLAYER,
        "game_ids": _ALL_IF_EMPTY,
        "create_type_list": _ALL_IF_EMPTY,
        "state_list": _ALL_IF_EMPTY,
    },
)

_LIMITED = LimitedAnswer(param="limit", limit=500)

GAMES_USER_HISTORY = Stream(
    provider="pv",
    name="games_user_history",
    endpoint="/api/games/user/history",
    doc="One player's bets in games of the type Games (document 2.1). No pages: a full answer is halved.",
    fields=(*_EVENT, *_STAKE, *_CREDIT, *_TIMES, *_GAMES_RESULT),
    envelope=_LIST,
    key=("event_id",),
    version_columns=("end_at",),
    time_column="start_at",
    reject_outside_window=True,
    filter_columns=_FILTERED,
    windows=_SIXTY_DAYS,
    paging=_LIMITED,
    lag=_LAG,
    bounds=_BOUNDS,
    filters=_PLAYER,
    one_of=("user_id", "op_id"),
)

GAMES_GAME_HISTORY = replace(
    GAMES_USER_HISTORY,
    name="games_game_history",
    endpoint="/api/games/game/history",
    doc="One game's bets, type Games (document 2.2). No pages: a full answer is halved.",
    fields=(*_EVENT, *_USER, *_STAKE, *_TIMES, *_GAMES_RESULT),
    filters=_GAME_OF_ROW,
    one_of=(),
)

GAMES_USER_STAGE_SUMMARY = Stream(
    provider="pv",
    name="games_user_stage_summary",
    endpoint="/api/games/user/stage/summary",
    doc="One player's sums in games of the type Games (document 2.3); one row a slot.",
    fields=(*_SUMS, _balance("credit_before_game"), _balance("credit")),
    envelope=_OBJECT,
    windows=_UNDIVIDED,
    lag=_LAG,
    slot=_DAY,
    bounds=_BOUNDS,
    filters=_PLAYER,
    one_of=("user_id", "op_id"),
)

GAMES_GAME_STAGE_SUMMARY = replace(
    GAMES_USER_STAGE_SUMMARY,
    name="games_game_stage_summary",
    endpoint="/api/games/game/stage/summary",
    doc="One game's counts and sums, type Games (document 2.4); one row a slot.",
    fields=(
        *_SUMS,
        Field("user_count", Integer()),
        Field("bet_count", Integer()),
        Field("win_user_count", Integer()),
        Field("lose_user_count", Integer()),
    ),
    filters=_GAME,
    one_of=(),
)

SLOTS_USER_HISTORY = replace(
    GAMES_USER_HISTORY,
    name="slots_user_history",
    endpoint="/api/slots/user/history",
    doc="One player's slot bets with currency and features (document 3.1). No pages: a full answer is halved.",
    fields=(
        *_EVENT[:2],
        *_USER,
        Field("currency", Text()),
        _EVENT[2],
        Field("feature", Integer()),
        Field("extra_business", _SLOTS_BUSINESS),
        *_STAKE,
        *_CREDIT,
        *_TIMES,
        Field("is_buy", Boolean()),
    ),
    filters=_PLAYER_OF_ROW,
)

SLOTS_USER_STAGE_SUMMARY = replace(
    GAMES_USER_STAGE_SUMMARY,
    name="slots_user_stage_summary",
    endpoint="/api/slots/user/stage/summary",
    doc="One player's slot counts and sums by game (document 3.2).",
    fields=(
        Field("user_id", Integer(), required=True),
        Field("op_id", Text(), required=True, may_be_empty=True),
        Field("game_id", Integer(), required=True),
        Field("bet_count", Integer()),
        *_SUMS,
        Field("currency", Text(), required=True),
    ),
    envelope=_LIST,
    key=("user_id", "op_id", "game_id", "currency"),
    filters=_PLAYER_OF_ROW,
)

SLOTS_GAME_STAGE_SUMMARY = Stream(
    provider="pv",
    name="slots_game_stage_summary",
    endpoint="/api/slots/game/stage/summary",
    doc="Slot counts and sums of the merchant by game (document 3.3).",
    fields=(Field("game_id", Integer(), required=True), *_COMPANY),
    envelope=_LIST,
    key=("game_id",),
    windows=_UNDIVIDED,
    lag=_LAG,
    slot=_DAY,
    bounds=_BOUNDS,
)

STREAMS = (
    HISTORY,
    GAMES,
    STAGE_SUMMARY,
    BONUS_SUMMARY,
    GAMES_USER_HISTORY,
    GAMES_GAME_HISTORY,
    GAMES_USER_STAGE_SUMMARY,
    GAMES_GAME_STAGE_SUMMARY,
    SLOTS_USER_HISTORY,
    SLOTS_USER_STAGE_SUMMARY,
    SLOTS_GAME_STAGE_SUMMARY,
)
