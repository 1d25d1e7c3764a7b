"""Options of the four vendors: each reading of what a document leaves open, and what a wrong account shows."""

import re
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from airflow_betproviders.simulator import Settings, Simulator
from airflow_betproviders.simulator.contract.discovery import find_modules
from airflow_betproviders.simulator.faults.kinds import KINDS
from tests.simulator.clients import NOW, gmag_time, jdb_time

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AT = NOW - 3 * HOUR
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize(("ends", "at_start", "at_end"), [("[)", True, False), ("[]", True, True), ("(]", False, True)])
def test_the_ends_of_a_window(serve, ends, at_start, at_end):
    """A row lies exactly on every full hour."""
    clients = serve(options={"jdb": {"window": ends}, "gmag": {"window": ends}})

    def jdb(start, end):
        rows = clients.jdb(64, starttime=jdb_time(start), endtime=jdb_time(end))["data"]
        return any(row["gameDate"] == jdb_time(AT) for row in rows)

    def gmag(start, end):
        rows = clients.gmag("history/game", startTime=gmag_time(start), endTime=gmag_time(end))["records"]
        return any(row["endTime"] == f"{gmag_time(AT)}.000" for row in rows)

    for ask in (jdb, gmag):
        assert ask(AT, AT + MINUTE) is at_start
        assert ask(AT - MINUTE, AT) is at_end
    assert clients.simulator.truth("jdb", "transactions", AT - MINUTE, AT) != []


@pytest.mark.parametrize(("start", "again"), [("inclusive", True), ("exclusive", False)])
def test_the_start_of_aigs_latest(serve, start, again):
    clients = serve(options={"aig": {"latest_start": start}})
    rows = clients.aig("latest", last_time=ms(AT))["data"]["transactions"]
    assert any(row["update_time"] == ms(AT) for row in rows) is again


@pytest.mark.parametrize("unit", ["ms", "s", "us"])
def test_aigs_times_in_another_unit(serve, unit):
    clients = serve(options={"aig": {"time_unit": unit}})
    rows = clients.aig("query", start_time=ms(AT), end_time=ms(AT + HOUR), start_index=0, page_size=5000)["data"]
    truth = clients.simulator.truth("aig", "transactions", AT, AT + HOUR)
    assert len(rows["transactions"]) == len(truth) > 100
    for row, correct in zip(rows["transactions"], truth, strict=True):
        for name in ("bet_time", "settle_time", "update_time", "create_time"):
            assert row[name] == (
                correct[name] * 1000 if unit == "us" else correct[name] // (1000 if unit == "s" else 1)
            )
        assert row["bet_amount"] == correct["bet_amount"]


@pytest.mark.parametrize("hours", [8, -8])
def test_windows_answered_hours_off(serve, hours):
    options = {name: {"shift_hours": hours} for name in ("pv", "aig", "jdb", "gmag")}
    clients = serve(options=options)
    at = NOW - 20 * HOUR
    seconds = int(at.timestamp())
    shift = hours * HOUR
    given = {
        ("pv", "history"): clients.pv(
            "all/history", {"time_start": seconds, "time_end": seconds + 300, "page_size": 2000}
        )["data"]["items"],
        ("aig", "transactions"): clients.aig(
            "query", start_time=ms(at), end_time=ms(at + 5 * MINUTE), start_index=0, page_size=5000
        )["data"]["transactions"],
        ("jdb", "transactions"): clients.jdb(64, starttime=jdb_time(at), endtime=jdb_time(at + 5 * MINUTE))["data"],
        ("gmag", "game_history"): clients.gmag(
            "history/game", startTime=gmag_time(at), endTime=gmag_time(at + 5 * MINUTE)
        )["records"],
    }
    for stream, rows in given.items():
        assert rows
        assert rows == clients.simulator.truth(*stream, at + shift, at + shift + 5 * MINUTE)


@pytest.mark.parametrize("column", ["gameDate", "lastModifyTime"])
def test_the_column_that_jdb_filters_by(serve, column):
    clients = serve(options={"jdb": {"filter_column": column}}, late_share=0.4)
    rows = clients.jdb(64, starttime=jdb_time(AT), endtime=jdb_time(AT + 5 * MINUTE))["data"]
    inside = [jdb_time(AT)[11:] <= row[column][11:] < jdb_time(AT + 5 * MINUTE)[11:] for row in rows]
    assert rows
    assert all(inside)
    other = "gameDate" if column == "lastModifyTime" else "lastModifyTime"
    assert not all(jdb_time(AT)[11:] <= row[other][11:] < jdb_time(AT + 5 * MINUTE)[11:] for row in rows)
    assert rows == clients.simulator.truth("jdb", "transactions", AT, AT + 5 * MINUTE)


def test_trouble_with_the_last_second_of_a_day(serve):
    trouble = ["html", "empty", "error", "cut"]
    clients = serve(options={"pv": {"midnight": "refuse", "last_second_trouble": trouble}})
    clients.parsed = lambda response: response.text
    midnight = int(NOW.astimezone(timezone.utc).replace(hour=0).timestamp())
    asked = {"time_start": midnight - 3600, "time_end": midnight}
    assert '"code": 400' in clients.pv("all/history", asked)
    sooner = {**asked, "time_end": midnight - 1}
    last = {"time_start": midnight - 1, "time_end": midnight}
    said = [clients.pv("all/history", sooner) for _ in range(2)] + [
        clients.pv("all/stage/summary", last) for _ in range(2)
    ]
    assert [text[:20] for text in said] == ["<html><body>Maintena", "", '{"code":500,"msg":"I', '{"code":200,"msg":""']
    assert clients.pv("all/history", sooner).endswith("}}")
    assert clients.pv("all/stage/summary", last).endswith("}}")
    assert clients.pv("all/history", {**asked, "time_end": midnight - 60}).endswith("}}")


def test_filters_find_rows_where_a_stream_requires_some(still):
    span = (NOW - 4 * HOUR, NOW - HOUR)
    for stream in ("games_user_history", "games_game_history", "slots_user_history", "games_game_stage_summary"):
        [filters] = still.filters("pv", stream, *span)
        assert set(filters) == {"game_id" if "_game_" in stream else "user_id"}
        assert still.truth("pv", stream, *span, filters)
    assert still.filters("pv", "history", *span) == [{}]
    assert still.truth("jdb", "daily_by_player", *span, still.filters("jdb", "daily_by_player", *span)[0])


def test_options_on_the_command_line():
    from airflow_betproviders.simulator.__main__ import settings_from

    words = (
        "--option jdb.window=[] --option jdb.doubled_keys=true --option jdb.utc_offset=+08:00 --option pv.shift_hours=8"
    )
    settings, *_ = settings_from(words.split())
    assert settings.options == {
        "jdb": {"window": "[]", "doubled_keys": "true", "utc_offset": "+08:00"},
        "pv": {"shift_hours": "8"},
    }
    made = Simulator(Settings(options=settings.options))
    assert made.credentials["jdb"]["extra"]["utc_offset"] == "+08:00"
    with pytest.raises(SystemExit):
        settings_from(["--option", "midnight=refuse"])


def test_the_documentation_has_every_kind_and_option():
    page = PAGE.read_text()
    ours = {name: module.OPTIONS for name, module in find_modules().items() if name in {"pv", "aig", "jdb", "gmag"}}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(rows))) == set(KINDS)
    wanted = {f"{name}.{option}" for name, options in ours.items() for option in options}
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", page, re.MULTILINE)) == wanted
