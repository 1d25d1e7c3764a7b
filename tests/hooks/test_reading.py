"""Reading through a hook: windows that are too early or too late, the request of a window, and its rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BadRows, IncompleteWindow, InvalidArgument, WindowExpired, WindowNotReady
from tests.accounts import PROVIDERS
from tests.conftest import NOON, MakeHook
from tests.recorder import Recorder, Reply, Request

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


# Lag and retention: the documents, or the fact sheet's proposal.
LAG = {"pv": 10 * MINUTE, "aig": 5 * MINUTE, "jdb": 65 * MINUTE, "gmag": 10 * MINUTE}
KEPT = {"aig": 90 * DAY, "jdb": 60 * DAY, "gmag": 30 * DAY}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_promise_7_a_window_younger_than_the_lag_is_not_read(
    at_noon: MakeHook, server: Recorder, provider: str
) -> None:
    hook = at_noon(provider)
    stream = hook.stream()
    end = NOON - LAG[provider]
    assert hook.ready(stream, Interval(end - MINUTE, end))
    assert not hook.ready(stream, Interval(end, end + MINUTE))
    with pytest.raises(WindowNotReady, match=rf"connection {provider}_default, stream {stream.name}: .* is ready at"):
        list(hook.extract(None, end, end + MINUTE))
    assert server.requests == []


@pytest.mark.parametrize("provider", KEPT)
def test_promise_7_a_window_older_than_the_retention_names_what_is_gone(
    at_noon: MakeHook, server: Recorder, provider: str
) -> None:
    hook = at_noon(provider)
    start = NOON - KEPT[provider] - HOUR
    with pytest.raises(WindowExpired) as caught:
        list(hook.extract(None, start, NOON - 2 * HOUR))
    message = str(caught.value)
    assert f"[{start:%Y-%m-%dT%H:%M:%SZ}, " in message
    assert "is gone, the provider keeps" in message
    assert "The oldest that can still be read begins at" in message
    assert server.requests == []
    hook.check_time(hook.stream(), Interval(NOON - KEPT[provider] + 2 * DAY, NOON))


def test_pv_states_no_limit(at_noon: MakeHook) -> None:
    hook = at_noon("pv")
    hook.check_time(hook.stream(), Interval(NOON - 2000 * DAY, NOON))


@pytest.mark.parametrize(
    ("provider", "start", "end", "cure"),
    [
        ("jdb", NOON - 3 * HOUR + timedelta(seconds=1), NOON - 2 * HOUR, "must be a whole number of 1m steps"),
        ("gmag", NOON - 3 * HOUR, NOON - 2 * HOUR - timedelta(seconds=1), "must be a whole number of 1m steps"),
        ("pv", NOON - 3 * HOUR, None, "needs start= and end="),
        ("pv", (NOON - 3 * HOUR).replace(tzinfo=None), NOON, "has no time zone"),
        ("pv", NOON, NOON, "is not before end"),
    ],
)
def test_an_impossible_interval_is_refused_before_the_first_call(
    at_noon: MakeHook, server: Recorder, provider: str, start: datetime, end: datetime, cure: str
) -> None:
    with pytest.raises(InvalidArgument, match=cure):
        list(at_noon(provider).extract(None, start, end))
    assert server.requests == []


def test_an_unknown_stream_is_refused_with_those_there_are(at_noon: MakeHook, server: Recorder) -> None:
    with pytest.raises(InvalidArgument, match=r"has no stream 'history'\. It has: transactions, latest"):
        list(at_noon("aig").extract("history", NOON - HOUR, NOON))
    assert server.requests == []


# ------------------------------------------------------------------ the rows


def aig_bet(name: str, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "bet_amount": "912345678901.0003",
        "update_time": round(at.timestamp() * 1000),
        "status": 1,
        **changes,
    }


def aig_page(*bets: dict[str, Any]) -> dict[str, Any]:
    data = {"start_index": 0, "page_size": 5000, "total": len(bets), "transactions": bets}
    return {"code": 200, "message": "success", "data": data}


def test_extract_yields_batches_and_get_df_returns_exact_values(at_noon: MakeHook, server: Recorder) -> None:
    start = NOON - 2 * HOUR
    server.answer(aig_page(aig_bet("0012", start + MINUTE), aig_bet("0011", start)))
    batches = list(at_noon("aig").extract("transactions", start, start + HOUR))
    assert pa.Table.from_batches(batches)["id"].to_pylist() == ["0011", "0012"]
    frame = at_noon("aig").get_df("transactions", start, start + HOUR)
    assert frame["id"].tolist() == ["0011", "0012"]
    assert str(frame["bet_amount"].iloc[0]) == "912345678901.00030000"
    assert isinstance(frame["bet_amount"].iloc[0], Decimal)
    assert server.requests[0].query["start_time"] == str(round(start.timestamp() * 1000))
    assert server.requests[0].query["end_time"] == str(round((start + HOUR).timestamp() * 1000))
    assert server.requests[0].query["page_size"] == "5000"


def test_an_empty_get_df_has_the_columns(at_noon: MakeHook, server: Recorder) -> None:
    server.answer(aig_page())
    frame = at_noon("aig").get_df("transactions", NOON - 2 * HOUR, NOON - HOUR)
    assert len(frame) == 0
    assert "bet_amount" in frame.columns


def test_no_row_is_returned_before_the_window_is_complete(at_noon: MakeHook, server: Recorder) -> None:
    page = aig_page(aig_bet("a", NOON - 2 * HOUR))
    page["data"]["total"] = 2
    server.answer(page)
    with pytest.raises(IncompleteWindow):
        next(iter(at_noon("aig").extract(None, NOON - 2 * HOUR, NOON - HOUR)))


def test_bad_rows_are_an_error_that_names_the_first_reason(at_noon: MakeHook, server: Recorder) -> None:
    server.answer(aig_page(aig_bet("a", NOON - 2 * HOUR, bet_amount="much")))
    with pytest.raises(
        BadRows, match="1 rows do not fit the schema, the first because of bet_amount: expected an amount"
    ):
        list(at_noon("aig").extract(None, NOON - 2 * HOUR, NOON - HOUR))


def test_gmag_sub_brands_are_requested_where_the_connection_sets_show_all(at_noon: MakeHook) -> None:
    hook = at_noon("gmag", extra={"show_all": True})
    window = Interval(NOON - 2 * HOUR, NOON - 2 * HOUR + MINUTE)
    assert hook.params(hook.stream("game_history"), window, {}) == {
        "showAll": 1,
        "startTime": "2026-11-20 10:00:00",
        "endTime": "2026-11-20 10:01:00",
    }
    assert "showAll" not in hook.params(hook.stream("game_report"), window, {})
    assert "showAll" not in at_noon("gmag").params(hook.stream("game_history"), window, {})


def test_pv_bonus_summary_names_the_merchant_in_its_data(at_noon: MakeHook) -> None:
    hook = at_noon("pv")
    window = Interval(NOON - DAY, NOON)
    assert hook.params(hook.stream("bonus_summary"), window, {})["mch_id"] == 101
    assert hook.params(hook.stream("bonus_summary"), window, {"mch_id": 114})["mch_id"] == 114
    assert "mch_id" not in hook.params(hook.stream("history"), window, {})


# ------------------------------------------------------------------ PV's midnight

MIDNIGHT = datetime(2026, 11, 20, tzinfo=timezone.utc)


def refuses_midnight(last_second: int) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        data = request.json["data"]
        if request.path == "/api/all/stage/summary":
            return Reply({"code": 200, "msg": "", "data": {"day_list": [], "summary": {"bet_count": last_second}}})
        if data["time_end"] % 86400 == 0:
            return Reply({"code": 400, "msg": "Parameter Error", "data": {}})
        return Reply({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})

    return reply


def test_pv_windows_first_end_at_midnight(at_noon: MakeHook, server: Recorder) -> None:
    server.answer({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})
    list(at_noon("pv").extract(None, MIDNIGHT - HOUR, MIDNIGHT))
    (request,) = server.requests
    assert request.json["data"]["time_end"] == int(MIDNIGHT.timestamp())


def test_pv_that_refuses_midnight_must_prove_the_last_second_empty(at_noon: MakeHook, server: Recorder) -> None:
    server.replies = refuses_midnight(0)
    hook = at_noon("pv")
    list(hook.extract(None, MIDNIGHT - HOUR, MIDNIGHT))
    end = int(MIDNIGHT.timestamp())
    asked = [(request.path, request.json["data"]["time_end"]) for request in server.requests]
    assert asked == [("/api/all/history", end), ("/api/all/history", end - 1), ("/api/all/stage/summary", end)]
    assert server.requests[2].json["data"] == {"time_start": end - 1, "time_end": end}


def test_pv_bets_in_a_last_second_that_cannot_be_requested_are_an_incomplete_window(
    at_noon: MakeHook, server: Recorder
) -> None:
    server.replies = refuses_midnight(3)
    with pytest.raises(IncompleteWindow, match="counts 3 bets in the last second"):
        list(at_noon("pv").extract(None, MIDNIGHT - HOUR, MIDNIGHT))


def test_promise_8_polite_every_request_on_the_wire_keeps_the_accounts_interval(
    at_noon: MakeHook, server: Recorder
) -> None:
    arrivals: list[float] = []
    answer = refuses_midnight(0)

    def reply(request: Request) -> Reply:
        arrivals.append(time.monotonic())
        return answer(request)

    server.replies = reply
    began = time.monotonic()
    list(at_noon("pv", extra={"min_interval": 0.1}).extract(None, MIDNIGHT - HOUR, MIDNIGHT + HOUR))
    assert len(arrivals) == 4
    assert all(b - a >= 0.099 for a, b in zip([began, *arrivals], arrivals, strict=False))


def test_a_filter_travels_as_the_providers_own_parameter(at_noon: MakeHook, server: Recorder) -> None:
    server.answer({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})
    list(at_noon("pv").extract("history", NOON - 2 * HOUR, NOON - HOUR, game_ids=[2000, 3015]))
    assert json.loads(server.requests[0].body)["data"] == {
        "time_start": int((NOON - 2 * HOUR).timestamp()),
        "time_end": int((NOON - HOUR).timestamp()),
        "page": 1,
        "page_size": 2000,
        "game_ids": [2000, 3015],
    }
