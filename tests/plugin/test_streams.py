"""The page's view of streams, and who may see it."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.plugin.query import span_of
from airflow_betproviders.plugin.views import money, reconciliations, streams
from airflow_betproviders.plugin.views.stream_view import StreamView
from airflow_betproviders.plugin.views.streams import Selection, find_receipt, read_lake
from tests.extraction.stored import store
from tests.plugin.showcase import HOUR, Showcase
from tests.seaweed import SeaweedFS, requests_of, seaweed  # noqa: F401 - the fixture

NOW = datetime.now(timezone.utc)
EVERYBODY: Callable[[str | None], bool] = lambda _: True  # noqa: E731


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    made = Showcase(tmp_path_factory.mktemp("lake"), NOW)
    made.fill(10)
    return made


def seen(
    show: Showcase, readable: Callable[[str | None], bool] = EVERYBODY, days: int = 10, **chosen: Any
) -> list[StreamView]:
    dag = chosen.pop("dag", None)
    found = read_lake(0, show.path, Selection(**chosen), span_of(days, None, NOW), NOW)
    assert found.problems == ()
    return [view for view in found.views if view.is_visible(readable, dag)]


def as_json(view: StreamView, readable: Callable[[str | None], bool] = EVERYBODY) -> dict[str, Any]:
    return dict(json.loads(view.to_json(readable)))


def providers_of(views: list[StreamView]) -> list[str]:
    return [view.label["provider"] for view in views]


def test_each_stream_is_there_the_bets_first(show: Showcase) -> None:
    names = [(each.label["provider"], each.label["stream"], each.main) for each in seen(show)]

    assert names == [
        ("aig", "transactions", True),
        ("gmag", "game_history", True),
        ("jdb", "transactions", True),
        ("pv", "history", True),
        ("jdb", "daily_by_player", False),
    ]


def test_slots_follow_each_other_over_the_days(show: Showcase) -> None:
    span = span_of(10, None, NOW)
    for each in seen(show):
        slots = as_json(each)["slots"]
        assert all(start + width == following for (start, width, *_), (following, *_) in itertools.pairwise(slots))
        assert slots[-1][0] + slots[-1][1] >= span.end.timestamp()
        assert slots[-1][3] is None, "what is not due yet has no rows"


def test_the_total_is_of_its_slots(show: Showcase) -> None:
    for each in map(as_json, seen(show)):
        assert each["total"]["slots"] == len(each["slots"])


def test_a_stream_begins_with_its_first_slot(tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    begin = show.midnight - 3 * DAY + 7 * HOUR
    show.store("aig", "transactions", Interval(begin, begin + HOUR), 5)
    [found] = seen(show, days=30)

    assert as_json(found)["slots"][0][0] == begin.timestamp()


def test_a_stream_that_ended_long_ago_is_all_gap(tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    begin = show.midnight - 20 * DAY
    show.store("aig", "transactions", Interval(begin, begin + HOUR), 5)
    [found] = seen(show, days=7)

    due = (NOW - timedelta(minutes=5)).timestamp()
    ends = [start + width for start, width, *_ in as_json(found)["slots"]]
    assert as_json(found)["total"]["missing"] == sum(end <= due for end in ends) > 0
    assert seen(show, lambda dag: dag == "aig_transactions", days=7)
    assert not seen(show, lambda dag: dag == "another", days=7)


def test_another_day_may_be_the_last(show: Showcase) -> None:
    last = (NOW - 5 * DAY).date()
    span = span_of(3, last, NOW)

    assert (span.start.date(), span.end.date()) == (last - timedelta(days=2), last + timedelta(days=1))


@pytest.mark.parametrize(
    ("readable", "providers"),
    [
        (set(), []),
        ({None}, []),
        ({"pv_history"}, ["pv"]),
        ({"aig_transactions"}, ["aig"]),
        ({"jdb_daily_by_player", "gmag_game_history"}, ["gmag", "jdb"]),
    ],
)
def test_who_may_read_the_dag_that_wrote_a_stream_sees_it(
    show: Showcase, readable: set[str], providers: list[str]
) -> None:
    found = seen(show, lambda dag: dag in readable)

    assert providers_of(found) == providers
    assert {
        writer["dag_id"] for each in found for writer in as_json(each, readable.__contains__)["writers"]
    } <= readable


def test_slots_that_name_no_dag_are_shown_only_to_users_who_may_read_all(tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    begin = show.midnight - DAY
    show.store("aig", "transactions", Interval(begin, begin + HOUR), 5, dag_id=None)

    assert not seen(show, lambda dag: dag is not None)
    assert seen(show, lambda dag: dag is None)


def test_a_dags_tab_has_what_that_dag_wrote(show: Showcase) -> None:
    assert providers_of(seen(show, dag="pv_history")) == ["pv"]
    assert seen(show, dag="of_something_else") == []
    assert not seen(show, lambda dag: dag != "pv_history", dag="pv_history")


def test_a_gap_says_where_it_is(show: Showcase) -> None:
    [found] = seen(show, provider="aig")
    [*_, gap] = as_json(found)["gaps"]
    start = show.midnight - 8 * DAY - 7 * HOUR

    assert (gap["start"], gap["slots"], gap["state"]) == (start.isoformat(), 8, "missing")


def test_a_receipt_says_where_its_object_is(show: Showcase) -> None:
    start = show.midnight - DAY
    place = Selection(0, "pv", "history", "1001", "")
    found = find_receipt(show.path, place, Interval(start, start + HOUR))

    assert found
    receipt, path = found
    assert (receipt.dag_id, receipt.start) == ("pv_history", start.isoformat())
    assert path.startswith(f"{show.path}/provider=pv/stream=history/account=~1001/slot_date=")
    assert find_receipt(show.path, place, Interval(start, start + 2 * HOUR)) is None


@pytest.mark.parametrize("provider", ["../raw/provider=pv", "pv/..", "base", ""])
def test_a_provider_is_no_path(show: Showcase, provider: str) -> None:
    assert provider == "" or seen(show, provider=provider) == []


def test_streams_with_filters_are_shown_on_demand(tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    begin = show.midnight - DAY
    show.store("pv", "games_game_history", Interval(begin, begin + HOUR), 5)
    lake = show.lake("pv", "games_game_history")
    narrowed = Path(replace(lake, filters={"game_id": 2011}).base)
    narrowed.parent.mkdir(parents=True)
    Path(lake.base).rename(narrowed)

    assert seen(show) == []
    [found] = seen(show, narrowed=True)
    assert as_json(found)["filters"] == "game_id=2011"
    assert seen(show, filters="game_id=2011")
    assert not seen(show, filters="game_id=2012")


def test_a_lake_that_cannot_be_opened_is_named(show: Showcase) -> None:
    [problem] = read_lake(0, "relative/lake", Selection(provider="pv"), span_of(2, None, NOW), NOW).problems

    assert "relative" in problem


def test_too_many_slots_are_not_kept(show: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_SLOTS", 24 * 10 * 2 + 12)
    found = read_lake(0, show.path, Selection(), span_of(10, None, NOW), NOW)

    assert (providers_of(list(found.views)), found.truncated) == (["aig", "gmag"], True)


def test_too_many_streams_are_not_listed(show: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 3)
    found = read_lake(0, show.path, Selection(), span_of(2, None, NOW), NOW)

    assert (len(found.views), found.truncated) == (3, True)


def test_ggr_is_what_the_players_lost(show: Showcase) -> None:
    first, last = (NOW - 9 * DAY).date(), NOW.date()
    days = list(money.by_day(show.table, first, last))

    assert {(day.provider, day.currency) for day in days} >= {("pv", "USD"), ("pv", "THB"), ("aig", "USD")}
    assert all(first <= day.day <= last for day in days)
    rows = __import__("deltalake").DeltaTable(show.table.removeprefix("file://")).to_pyarrow_table().to_pylist()
    expected = -sum(row["net"] for row in rows if (row["provider"], row["currency"]) == ("pv", "THB"))
    assert sum(day.ggr for day in days if (day.provider, day.currency) == ("pv", "THB")) == expected


def test_a_table_without_anything_has_no_days(tmp_path: Path) -> None:
    assert list(money.by_day(tmp_path.as_uri(), date(2026, 11, 1), date(2026, 11, 2))) == []


def test_the_last_reconciliation(show: Showcase, tmp_path: Path) -> None:
    found = reconciliations.last_reconciliation(show.lake("jdb", "transactions"))

    assert found
    assert (found["date"], found["agrees"], found["figures"], found["disagreeing"]) == (
        (NOW - DAY).date().isoformat(),
        False,
        24,
        1,
    )
    assert reconciliations.last_reconciliation(Showcase(tmp_path, NOW).lake("jdb", "transactions")) is None


@pytest.mark.s3
def test_on_s3_the_page_costs_a_listing_an_account_and_a_listing_and_a_read_for_each_of_its_months(
    seaweed: SeaweedFS,  # noqa: F811
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, now = f"{seaweed.bucket}/{request.node.name}", datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
    span = span_of(40, None, now)  # of October and November

    def requests_with(accounts: int) -> Counter[str]:
        fs = seaweed.filesystem()
        for number in range(accounts):
            for hours in (1, 2, 24 * 30):
                at = now - hours * HOUR
                store(Lake(fs, root, "aig", "transactions", f"account{number}"), Interval(at, at + HOUR))
        monkeypatch.setattr(streams, "open_path", lambda _: SimpleNamespace(fs=fs, path=root))
        assert len(read_lake(0, root, Selection(), span, now).views) == accounts  # brings the caches up to date
        counts = requests_of(fs)
        assert len(read_lake(0, root, Selection(), span, now).views) == accounts
        return counts

    one, four = requests_with(1), requests_with(4)
    assert four - one == {"ListObjectsV2": 3 * (1 + 2), "GetObject": 3 * 2}
    assert one.keys() == {"ListObjectsV2", "GetObject"}
