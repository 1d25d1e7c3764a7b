"""Frames: amounts that add, multiply and describe, exact ids, days that are never cut, summaries within their limit."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BadRows, InvalidArgument, ProviderRequestError
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from tests.conftest import NOON, MakeHook
from tests.recorder import Recorder, Reply, Request

MIDNIGHT = datetime(2026, 11, 20, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def bets(*rows: dict[str, Any]) -> dict[str, Any]:
    at = round((NOON - 2 * HOUR).timestamp() * 1000)
    full = [{"id": str(n), "update_time": at + n, "status": 1, **row} for n, row in enumerate(rows)]
    data = {"start_index": 0, "page_size": 5000, "total": len(rows), "transactions": full}
    return {"code": 200, "message": "success", "data": data}


ROWS = (
    {"bet_amount": "912345678901.0003", "win_amount": "0.1", "valid_bet_turnover": None, "no_comm": True},
    {"bet_amount": "0.2", "win_amount": "0.0001", "valid_bet_turnover": "3"},
    {"bet_amount": "0.1", "win_amount": "1", "valid_bet_turnover": None},
)


def frame(at_noon: MakeHook, server: Recorder, **arguments: Any) -> pd.DataFrame:
    server.answer(bets(*ROWS))
    return at_noon("aig").get_df("transactions", NOON - 2 * HOUR, NOON - HOUR, **arguments)


def test_amounts_are_python_decimals_that_add_multiply_and_describe(at_noon: MakeHook, server: Recorder) -> None:
    found = frame(at_noon, server)
    stake, payout, turnover = found["bet_amount"], found["win_amount"], found["valid_bet_turnover"]
    assert stake.dtype == object
    assert stake.tolist() == [Decimal("912345678901.0003"), Decimal("0.2"), Decimal("0.1")]
    assert stake.sum() == Decimal("912345678901.3003")
    assert (payout - stake).tolist()[1:] == [Decimal("-0.1999"), Decimal("0.9")]
    assert (stake * 2).tolist()[0] == Decimal("1824691357802.0006")
    assert (stake * Decimal("0.5")).tolist()[1] == Decimal("0.1")
    assert (stake + turnover).isna().tolist() == [True, False, True]
    assert turnover.sum() == 3
    assert turnover.isna().tolist() == [True, False, True]
    assert stake.describe()["count"] == 3
    assert turnover.describe()["count"] == 1
    assert len(found.describe(include="all").columns) > 3
    assert found.groupby("status")["bet_amount"].sum().tolist() == [Decimal("912345678901.3003")]
    assert stake.max() == Decimal("912345678901.0003")


def test_amounts_as_floats_and_as_arrow(at_noon: MakeHook, server: Recorder) -> None:
    floats = frame(at_noon, server, amounts="float")
    assert floats["bet_amount"].dtype == "float64"
    assert floats["bet_amount"].describe()["mean"] == pytest.approx(304115226300.43343)
    assert floats["valid_bet_turnover"].isna().tolist() == [True, False, True]
    arrow = frame(at_noon, server, amounts="arrow")
    assert str(arrow["bet_amount"].dtype) == "decimal128(28, 8)[pyarrow]"
    assert arrow["bet_amount"].sum() == Decimal("912345678901.30030000")
    with pytest.raises(InvalidArgument, match="amounts='exact' must be one of decimal, float, arrow"):
        at_noon("aig").get_df("transactions", NOON - 2 * HOUR, NOON - HOUR, amounts="exact")


def test_an_amount_as_a_float_is_the_float_that_python_reads_from_its_digits(
    at_noon: MakeHook, server: Recorder
) -> None:
    """Such as 864.4141, which Arrow's cast of decimals makes 864.4141000000001."""
    texts = ["864.4141", "-3.57", "0.15", "1.72", "50.73", "87530827.96", "-48.36511149", "0.00000001", "0", "-0.1"]
    server.answer(bets(*({"bet_amount": text, "win_amount": None} for text in texts)))
    found = at_noon("aig").get_df("transactions", NOON - 2 * HOUR, NOON - HOUR, amounts="float")
    assert found["bet_amount"].tolist() == [*map(float, texts)]
    assert found["win_amount"].isna().all()


@pytest.mark.parametrize("amounts", ["decimal", "float"])
def test_other_columns_have_pandas_own_types_with_nulls(at_noon: MakeHook, server: Recorder, amounts: str) -> None:
    found = frame(at_noon, server, amounts=amounts)
    kinds = {name: str(found[name].dtype) for name in ("id", "status", "no_comm", "update_time", "bet_detail")}
    assert kinds == {
        "id": "string",
        "status": "Int64",
        "no_comm": "boolean",
        "update_time": "datetime64[ms, UTC]",
        "bet_detail": "object",
    }
    assert found["no_comm"].tolist() == [True, pd.NA, pd.NA]


def test_integers_beyond_a_doubles_are_exact_beside_nulls(at_noon: MakeHook, server: Recorder) -> None:
    start = round((NOON - 2 * HOUR).timestamp())
    row = {"event_id": "a", "user_id": 2**53 + 1, "bet_amount": 1, "gain_amount": 0, "start_at": start, "end_at": start}
    items = [row, {**row, "event_id": "b", "user_id": None}]
    server.answer({"code": 200, "msg": "", "data": {"items": items, "total": 2, "page": 1, "page_size": 2000}})
    found = at_noon("pv").get_df("history", NOON - 2 * HOUR, NOON - HOUR)
    assert found.set_index("event_id")["user_id"]["a"] == 2**53 + 1
    assert found["user_id"].isna().sum() == 1


@pytest.mark.parametrize("amounts", ["decimal", "float", "arrow"])
def test_an_empty_frame_has_the_columns_with_their_types(at_noon: MakeHook, server: Recorder, amounts: str) -> None:
    server.answer(bets())
    found = at_noon("aig").get_df("transactions", NOON - 2 * HOUR, NOON - HOUR, amounts=amounts)
    full = frame(at_noon, server, amounts=amounts)
    assert len(found) == 0
    assert found.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T11:00:00+00:00"),
        ("2026-11-20 18:00+08:00", NOON - HOUR),
    ],
)
def test_times_may_be_text(at_noon: MakeHook, server: Recorder, start: Any, end: Any) -> None:
    server.answer(bets(*ROWS))
    assert len(at_noon("aig").get_df("transactions", start, end)) == 3
    assert server.requests[0].query["start_time"] == str(round((NOON - 2 * HOUR).timestamp() * 1000))


@pytest.mark.parametrize(
    ("start", "cure"),
    [
        ("yesterday", "start='yesterday' is not a time. Write ISO 8601"),
        ("2026-11-20T05:00", "has no time zone"),
        ("0001-01-01T00:00:00+08:00", "must be in the years 1970 to 9998"),
        ("9999-12-31T23:59:59-08:00", "must be in the years 1970 to 9998"),
        (pd.NaT, "start=NaT must be in the years 1970 to 9998"),
        (pd.Timestamp("2026-11-20T10:00:00.000000001Z"), "has nanoseconds. Give whole microseconds"),
        (pd.Series(["2026-11-20", "2026-11-21"]), "is not a time. Write ISO 8601"),
    ],
)
def test_what_is_no_instant_is_refused(at_noon: MakeHook, server: Recorder, start: Any, cure: str) -> None:
    with pytest.raises(InvalidArgument, match=cure):
        at_noon("aig").get_df("transactions", start, NOON)
    assert server.requests == []


# ------------------------------------------------------------------ A16, A17


def summaries(request: Request) -> Reply:
    """Return a row a day; a window that begins or ends inside a day has a part of that day's bets."""
    data = request.json["data"]
    start, end = data["time_start"], data["time_end"]
    assert end - start <= 60 * 86400
    days = []
    for day in range(start // 86400, -(-end // 86400)):
        bets = min(end, (day + 1) * 86400) - max(start, day * 86400)  # one a second
        date = datetime.fromtimestamp(day * 86400, timezone.utc)
        days.append({"date": f"{date:%Y-%m-%d}", "bet_count": bets, "bet_amount": 0, "gain_amount": 0})
    total = {"bet_count": end - start, "bet_amount": 0, "gain_amount": 0, "company_gain_amount": 0}
    return Reply({"code": 200, "msg": "", "data": {"day_list": days[::-1], "summary": total}})


@pytest.mark.parametrize("days", [1, 60, 61, 130])
def test_a16_each_days_figures_are_complete(at_noon: MakeHook, server: Recorder, days: int) -> None:
    server.replies = summaries
    found = at_noon("pv").get_df("stage_summary", MIDNIGHT - days * DAY, MIDNIGHT)
    assert len(found) == days
    assert found["date"].is_unique
    assert set(found["bet_count"]) == {86400}
    assert len(server.requests) == -(-days // 60)


@pytest.mark.parametrize(
    ("other", "figures", "refused"),
    [
        (1, {"bet_count": 1}, True),  # a day that begins at 16:00Z, as in UTC+8
        (1, {"gain_amount": -5}, True),
        (1, {"bet_count": 0, "bet_amount": 0}, False),  # a window that holds its end
        (-1, {"bet_count": 0}, True),
        (-1, {"bet_count": 7}, True),
        (365, {"bet_count": 0}, True),
        (0, {"bet_count": 3}, False),
    ],
)
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%Y-%m-%d 00:00:00"])
def test_a16_figures_of_another_day_than_the_requested_one_fail(
    at_noon: MakeHook, server: Recorder, other: int, figures: dict[str, int], refused: bool, form: str
) -> None:
    asked = {"date": f"{MIDNIGHT - DAY:{form}}", "bet_count": 3, "bet_amount": 10, "gain_amount": 1}
    row = {
        "bet_count": 0,
        "bet_amount": 0,
        "gain_amount": 0,
        **figures,
        "date": f"{MIDNIGHT + (other - 1) * DAY:{form}}",
    }
    rows = [row, asked] if other else [asked]
    server.answer({"code": 200, "msg": "", "data": {"day_list": rows, "summary": {}}})
    if refused:
        with pytest.raises(
            ProviderRequestError, match=f"has figures of {MIDNIGHT + (other - 1) * DAY:%Y-%m-%d}, which is not a day"
        ):
            at_noon("pv").get_df("stage_summary", MIDNIGHT - DAY, MIDNIGHT)
    else:
        found = at_noon("pv").get_df("stage_summary", MIDNIGHT - DAY, MIDNIGHT)
        assert found["bet_count"].tolist() == [3]


@pytest.mark.parametrize(
    "day", ["20-11-2026", "2026-11-31", "2026-1-1", "Friday", " ", "1795132800", "2026-11-20\u0000"]
)
def test_a16_a_row_that_names_no_day_that_can_be_read_goes_to_quarantine(
    at_noon: MakeHook, server: Recorder, tmp_path: Path, day: str
) -> None:
    """Nobody can tell whether its figures are of the day that was asked for; the rows beside it are stored."""
    yesterday = Interval(MIDNIGHT - DAY, MIDNIGHT)
    figures = {"bet_count": 3, "bet_amount": 10, "gain_amount": 1}
    rows = [{"date": day, **figures}, {"date": f"{yesterday.start:%Y-%m-%d}", **figures}]
    server.answer({"code": 200, "msg": "", "data": {"day_list": rows, "summary": {}}})
    hook = at_noon("pv")
    stream = hook.stream("stage_summary")
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "pv", stream.name, hook.account)
    stored = Extraction(hook, stream).store([yesterday], lake)
    assert stored.total("bad_rows") == 1
    assert pq.read_table(lake.data(yesterday), partitioning=None)["date"].to_pylist() == ["2026-11-19"]
    with pytest.raises(BadRows, match="date: expected a day such as 2026-11-20, got "):
        hook.get_df("stage_summary", yesterday.start, yesterday.end)


def test_a16_a_range_that_cuts_a_day_is_refused_before_the_first_call(at_noon: MakeHook, server: Recorder) -> None:
    with pytest.raises(InvalidArgument, match="must be a whole number of 1d steps"):
        at_noon("pv").get_df("stage_summary", MIDNIGHT - 61 * DAY - HOUR, MIDNIGHT)
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "stream", "days", "filters"),
    [
        ("pv", "bonus_summary", 61, {}),
        ("pv", "games_user_stage_summary", 61, {"user_id": 1}),
        ("pv", "games_game_stage_summary", 61, {"game_id": 1}),
        ("pv", "slots_game_stage_summary", 61, {}),
        ("gmag", "game_report", 2, {}),
        ("jdb", "daily_by_player", 2, {"gType": 0}),
        ("jdb", "daily_by_game_type", 2, {}),
    ],
)
def test_a17_a_summary_over_its_limit_is_refused_before_the_first_call(
    at_noon: MakeHook, server: Recorder, provider: str, stream: str, days: int, filters: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument, match=r"takes at most .* is longer\. Read shorter ranges"):
        at_noon(provider).get_df(stream, MIDNIGHT - (days + 1) * DAY, MIDNIGHT - DAY, **filters)
    assert server.requests == []
