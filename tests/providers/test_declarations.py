"""The streams declare the windows, pages and filters of the documents."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_betproviders.declare.fields import Decimal, Epoch, IsoTime, StrptimeTime
from airflow_betproviders.declare.pagination import LimitedAnswer, PageNumber, TimestampCursor
from airflow_betproviders.declare.request_parameters import EpochParam, WallParam
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv

STREAMS = [*pv.STREAMS, *aig.STREAMS, *jdb.STREAMS, *gmag.STREAMS]
each_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: f"{stream.provider}/{stream.name}")
UTC = timezone.utc
NOW = datetime(2025, 1, 15, 4, tzinfo=UTC)


@each_stream
def test_key_version_and_clock_are_declared_fields(stream: Stream) -> None:
    names = [field.name for field in stream.fields]
    assert len(set(names)) == len(names)
    assert {*stream.key, *stream.version_columns} <= set(names)
    for name in stream.version_columns:
        assert isinstance(stream.field(name).kind, Epoch | IsoTime | StrptimeTime)
    if stream.time_column:
        assert isinstance(stream.field(stream.time_column).kind, Epoch | IsoTime | StrptimeTime)
        assert stream.field(stream.time_column).required  # a row that belongs to no slot must not slip in


# PV's document calls them a float, and they are no money.
FLOATS = {"award_odds"}


# A report asked for without one of these has no such column (public page GameReport, reportBy).
OPTIONAL_KEYS = {("gmag", "game_report"): {"gameCode", "providerCode", "playerId"}}
OPERANDS = {
    ("pv", "history"): {"bet_amount", "gain_amount"},
    ("pv", "games_user_history"): {"bet_amount", "gain_amount"},
    ("pv", "games_game_history"): {"bet_amount", "gain_amount"},
    ("pv", "slots_user_history"): {"bet_amount", "gain_amount"},
    ("aig", "transactions"): {"bet_amount"},
    ("aig", "latest"): {"bet_amount"},
    ("jdb", "transactions"): {"bet", "total"},
    ("jdb", "recent_transactions"): {"bet", "total"},
    ("gmag", "game_history"): {"bets", "wins"},
}


@each_stream
def test_no_row_lacks_its_key_nor_what_its_stake_payout_and_net_are_made_of(stream: Stream) -> None:
    required = {field.name for field in stream.fields if field.required}
    place = (stream.provider, stream.name)
    assert set(stream.key) - OPTIONAL_KEYS.get(place, set()) <= required
    assert set(stream.money) & required == OPERANDS.get(place, set())


@each_stream
def test_no_money_is_a_float_and_all_of_it_is_summed(stream: Stream) -> None:
    from airflow_betproviders.extraction.decode.columns import schema

    kept = [field for field in schema(stream.fields) if field.name not in FLOATS]
    assert not any("float" in str(field.type) or "double" in str(field.type) for field in kept)
    assert FLOATS.isdisjoint(stream.money)
    for name in ("bet_amount", "bet", "bets", "win", "wins", "win_amount", "gain_amount", "total", "amount"):
        if name in [field.name for field in stream.fields]:
            assert name in stream.money


@each_stream
def test_a_slot_holds_complete_windows_and_every_stream_names_its_document(stream: Stream) -> None:
    if stream.windows:
        assert stream.slot % stream.windows.step == timedelta(0)
        assert len(stream.bounds) in (1, 2) or isinstance(stream.paging, TimestampCursor)
    else:
        assert not stream.bounds
    assert "document" in stream.doc or "public page" in stream.doc


def test_aig_amounts_are_kept_to_eight_decimals_and_gmag_to_four() -> None:
    assert aig.TRANSACTIONS.field("bet_amount").kind == Decimal(28, 8)
    kind = gmag.GAME_HISTORY.field("bets").kind
    assert isinstance(kind, Decimal)
    assert kind.scale == 4
    assert kind.precision >= 16


def test_pv_history_windows_are_an_hour_within_a_day_in_pages_of_2000() -> None:
    rule, paging = pv.HISTORY.windows, pv.HISTORY.paging
    assert (rule.span, rule.same_day) == (timedelta(hours=1), True)
    assert isinstance(paging, PageNumber)
    assert paging.params(0) == {"page": 1, "page_size": 2000}
    assert paging.params(2) == {"page": 3, "page_size": 2000}


def test_pv_limited_histories_ask_for_500() -> None:
    for stream in (pv.GAMES_USER_HISTORY, pv.GAMES_GAME_HISTORY, pv.SLOTS_USER_HISTORY):
        assert stream.paging == LimitedAnswer(param="limit", limit=500)
        assert stream.windows.span <= timedelta(days=60)


def test_aig_windows_are_shorter_than_a_day_in_offsets_of_5000_as_text() -> None:
    assert aig.TRANSACTIONS.windows.span < timedelta(days=1)
    assert aig.TRANSACTIONS.paging.params(0) == {"start_index": "0", "page_size": "5000"}
    assert aig.TRANSACTIONS.paging.params(2) == {"start_index": "10000", "page_size": "5000"}


def test_jdb_windows_are_whole_minutes_of_five_and_of_fifteen() -> None:
    minute = timedelta(minutes=1)
    assert (jdb.TRANSACTIONS.windows.span, jdb.TRANSACTIONS.windows.step) == (5 * minute, minute)
    assert (jdb.RECENT_TRANSACTIONS.windows.span, jdb.RECENT_TRANSACTIONS.windows.step) == (15 * minute, minute)
    assert jdb.TRANSACTIONS.lag >= timedelta(hours=1)
    assert jdb.TRANSACTIONS.retention <= timedelta(days=60)
    assert jdb.RECENT_TRANSACTIONS.lag >= timedelta(minutes=3)
    assert jdb.RECENT_TRANSACTIONS.retention <= timedelta(hours=2)
    assert (jdb.TRANSACTIONS.time_column, jdb.RECENT_TRANSACTIONS.time_column) == ("gameDate", "lastModifyTime")


def test_jdb_a_bet_is_named_by_its_game_type_too_and_never_by_transfer_id() -> None:
    for stream in (jdb.TRANSACTIONS, jdb.RECENT_TRANSACTIONS):
        assert set(stream.key) == {"gType", "historyId"}


def test_gmag_windows_are_shorter_than_the_limits_and_a_total_of_ten_thousand_is_no_proof() -> None:
    minute = timedelta(minutes=1)
    assert gmag.GAME_HISTORY.windows.span < 30 * minute
    assert gmag.GAME_TRANSACTIONS.windows.span < 15 * minute
    assert gmag.GAME_HISTORY.windows.step == minute
    assert gmag.GAME_HISTORY.retention <= timedelta(days=30)
    assert gmag.GAME_HISTORY.paging.total_cap == 10_000
    assert gmag.GAME_HISTORY.paging.page_size <= 10_000
    assert gmag.GAME_HISTORY.key == ("brandId", "providerCode", "playerId", "roundId")


@pytest.mark.parametrize(
    ("param", "offset", "expected"),
    [
        (EpochParam(1), 0, 1736913600),
        (EpochParam(1000, text=True), 0, "1736913600000"),
        (WallParam("%Y-%m-%d %H:%M:%S"), 8, "2025-01-15 04:00:00"),
        (WallParam("%d-%m-%Y %H:%M:%S", offset=None), -4, "15-01-2025 00:00:00"),
        (WallParam("%d-%m-%Y %H:%M:%S", offset=None), 8, "15-01-2025 12:00:00"),
        (WallParam("%d-%m-%Y", offset=timedelta(hours=-4)), 8, "15-01-2025"),
    ],
)
def test_an_instant_as_a_parameter(param: EpochParam | WallParam, offset: int, expected: object) -> None:
    assert param(NOW, timedelta(hours=offset)) == expected


@pytest.mark.parametrize("instant", ["2025-07-15T04:00:00.359+00:00", "2038-01-19T03:14:08.001+00:00"])
def test_milliseconds_are_not_lost_to_floats(instant: str) -> None:
    at = datetime.fromisoformat(instant)
    assert EpochParam(1000)(at, timedelta(0)) % 1000 == at.microsecond // 1000


@pytest.mark.parametrize(
    ("stream", "filters", "cure"),
    [
        (pv.HISTORY, {"game_id": 2011}, "has no filter 'game_id'. It takes: game_ids"),
        (aig.TRANSACTIONS, {"user_id": "1"}, "has no filter 'user_id'. It takes: none"),
        (jdb.TRANSACTIONS, {"gTypes": []}, "must be a list of integers, not empty"),
        (pv.HISTORY, {"game_ids": [True]}, "must be a list of integers"),
        (pv.HISTORY, {"game_ids": "2011"}, "must be a list of integers"),
        (pv.GAMES_GAME_HISTORY, {"game_id": "2011"}, "must be an integer"),
        (pv.GAMES_GAME_HISTORY, {"game_id": True}, "must be an integer"),
        (pv.GAMES_GAME_HISTORY, {}, "needs game_id: give filters"),
        (pv.GAMES_USER_HISTORY, {}, "needs user_id or op_id"),
        (jdb.DAILY_BY_PLAYER, {}, "needs gType: give filters"),
        (gmag.GAME_HISTORY, {"showAll": 1}, "has no filter 'showAll'"),
    ],
)
def test_filters_that_cannot_work_are_refused_with_the_cure(
    stream: Stream, filters: dict[str, object], cure: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        stream.check_filters(filters)
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("stream", "filters"),
    [
        (pv.HISTORY, {}),
        (pv.HISTORY, {"game_ids": [2000, 3015]}),
        (pv.GAMES_USER_HISTORY, {"op_id": "1234"}),
        (jdb.TRANSACTIONS, {"gTypes": [0, 7]}),
        (gmag.GAME_HISTORY, {"playerId": "p1", "currency": "CNY"}),
    ],
)
def test_filters_of_the_documents_are_taken(stream: Stream, filters: dict[str, object]) -> None:
    stream.check_filters(filters)
