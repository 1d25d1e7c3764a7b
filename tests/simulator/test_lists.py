"""Faults in lists and rows: each does what its name says, to any vendor, and is in the call log."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.simulator.faults.kinds import LIST, ODD, ROW
from airflow_betproviders.simulator.faults.records import members_of, record_text
from tests.simulator.clients import NOW, gmag_time, jdb_time

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
START = NOW - 3 * HOUR


class Lists:
    """One page of each vendor's bets, as (rows, total, page size of the answer)."""

    def __init__(self, clients):
        self.clients, self.simulator = clients, clients.simulator

    def pv(self, page=1, size=100):
        seconds = int(START.timestamp())
        window = {"time_start": seconds, "time_end": seconds + 3600, "page": page, "page_size": size}
        data = self.clients.pv("all/history", window)["data"]
        return data["items"], data.get("total"), data["page_size"]

    def aig(self, page=1, size=100):
        milli = int(START.timestamp() * 1000)
        window = {
            "start_time": milli,
            "end_time": milli + 3_600_000,
            "start_index": (page - 1) * size,
            "page_size": size,
        }
        data = self.clients.aig("query", **window)["data"]
        return data["transactions"], data.get("total"), data.get("page_size")

    def gmag(self, page=1, size=100):
        window = {"startTime": gmag_time(START), "endTime": gmag_time(START + 29 * MINUTE)}
        answer = self.clients.gmag("history/game", **window, page=page, size=size)
        return answer["records"], answer.get("total"), answer["size"]

    def jdb(self, page=1, size=100):
        rows = self.clients.jdb(64, starttime=jdb_time(START), endtime=jdb_time(START + 5 * MINUTE))["data"]
        return rows, None, None


@pytest.fixture
def lists(serve):
    return Lists(serve(rate=800))


@pytest.fixture(params=["pv", "aig", "gmag"])
def paged(request, lists):
    """A vendor with pages and totals."""
    return getattr(lists, request.param)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("total_high", lambda total: [total + total // 2] * 2),
        ("total_low", lambda total: [total // 2] * 2),
        ("total_absent", lambda total: [None] * 2),
        ("total_float", lambda total: [Decimal(total)] * 2),
    ],
)
def test_totals_that_lie(lists, paged, kind, expected):
    rows, total, _ = paged()
    lists.simulator.faults.replace({kind: 1})
    assert [paged(page)[1] for page in (1, 2)] == expected(total)
    assert paged()[0] == rows
    assert lists.simulator.calls[-1]["faults"] == [kind]
    if kind == "total_float":
        assert isinstance(paged()[1], Decimal)


def test_a_total_that_alternates(lists, paged):
    total = paged()[1]
    lists.simulator.faults.replace({"total_alternating": 1})
    assert sorted({paged()[1] for _ in range(4)}) == [total, total + 1]


def test_aig_leaves_out_what_its_roulette_sample_leaves_out(lists):
    lists.simulator.faults.replace({"total_absent": 1})
    milli = int(START.timestamp() * 1000)
    window = {"start_time": milli, "end_time": milli + 3_600_000, "start_index": 0, "page_size": 10}
    assert list(lists.clients.aig("query", **window)["data"]) == ["transactions"]


def test_pages_without_an_end(lists, paged):
    lists.simulator.faults.replace({"endless_pages": 1})
    key = {"pv": "event_id", "aig": "id", "gmag": "roundId"}[paged.__name__]
    keys = set()
    for page in (1, 2, 500):
        rows, total, _ = paged(page)
        assert total == 1_000_000_000_000
        assert len(rows) == 100
        keys |= {row[key] for row in rows}
    assert len(keys) == 300


def test_a_page_smaller_than_requested_names_its_size(lists, paged):
    correct = paged(1, 300)[0]
    lists.simulator.faults.replace({"page_cap": {"rows": 40}})
    first, total, size = paged(1, 100)
    assert first == correct[:40]
    assert size == 40
    assert total > 300
    # AIG counts rows, so its next page is asked for by the rows seen; the others count pages of the size in the answer.
    second = paged(2, 40 if paged.__name__ == "aig" else 100)[0]
    assert second == correct[40:80]


def test_a_server_that_gives_less_without_a_word(lists, paged):
    correct = paged()[0]
    lists.simulator.faults.replace({"silent_cap": {"rows": 30}})
    rows, total, size = paged()
    assert rows == correct[:30]
    assert size == 100
    assert total > 100


@pytest.mark.parametrize("cap", [100, 50, 250, 64])
def test_pv_lists_with_a_lower_cap_than_the_document_says(serve, cap):
    clients = serve(rate=9000)
    start = int((NOW - 6 * HOUR).timestamp())
    data = {"game_id": 2011, "time_start": start, "time_end": start + 3600, "limit": 500}
    assert len(clients.pv("games/game/history", data)["data"]) == 500
    clients.simulator.faults.replace({"silent_cap": {"rows": cap, "stream": "games_game_history"}})
    assert len(clients.pv("games/game/history", data)["data"]) == cap
    assert clients.pv("all/history", {"time_start": start, "time_end": start + 60})["data"]["total"] > 100


def test_aig_latest_with_500_a_call(serve):
    clients = serve(rate=9000)
    last = int((NOW - 2 * HOUR).timestamp() * 1000)
    assert len(clients.aig("latest", last_time=last)["data"]["transactions"]) == 1000
    clients.simulator.faults.replace({"silent_cap": {"rows": 500, "provider": "aig"}})
    assert len(clients.aig("latest", last_time=last)["data"]["transactions"]) == 500


def test_rows_that_were_seen_and_are_gone(lists, paged):
    lists.simulator.faults.replace({"vanish": 1})
    assert len(paged()[0]) == 100
    assert paged()[:2] == ([], 0)
    assert paged(2)[:2] == ([], 0)


def test_a_row_that_only_the_total_knows(lists, paged):
    rows, total, _ = paged()
    lists.simulator.faults.replace({"lost_row": 1})
    fewer, same, _ = paged()
    assert same == total
    assert len(fewer) == 99
    assert all(row in rows for row in fewer)


def test_a_gateway_that_does_not_wait_for_large_answers(lists, paged):
    lists.simulator.faults.replace({"too_much": {"rows": 60}})
    with pytest.raises(AssertionError, match="504"):
        paged(1, 100)
    assert len(paged(1, 60)[0]) == 60
    assert [call["faults"] for call in lists.simulator.calls] == [["too_much"], []]


FIELDS = {
    "pv": ("event_id", "bet_amount", "credit_before_bet", "start_at"),
    "aig": ("id", "shoe_id", "valid_bet_turnover", "settle_time", "bet_detail"),
    "gmag": ("roundId", "createdAt", "wins", "sessionId"),
    "jdb": ("historyId", "mtype", "gameDate", "total", "transferId"),
}
CASES = [
    pytest.param(vendor, field, kind, marks=[pytest.mark.slow] if field != fields[0] else [])
    for vendor, fields in FIELDS.items()
    for field in fields
    for kind in ODD
    if kind != "odd_patch"
]


@pytest.mark.parametrize(("vendor", "field", "kind"), CASES)
def test_odd_values_in_any_field(frozen_lists, vendor, field, kind):
    """Of each row whose log says so, that field and nothing else is odd; and again the same in the next answer."""
    simulator = frozen_lists.simulator
    ask = getattr(frozen_lists, f"{vendor}_texts")
    simulator.faults.clear()
    correct = ask()
    simulator.faults.replace({kind: {"field": field, "rows": 0.3}})
    odd, again = ask(), ask()
    said = simulator.calls[-1]["odd_values"]
    assert odd == again
    changed = [(old, new) for old, new in zip(correct, odd, strict=True) if old != new]
    assert len(changed) == len(said)
    for (old, new), about in zip(changed, said, strict=True):
        before, after = members_of(old), members_of(new) if kind != "odd_deep" else None
        assert (about["field"], about["kind"]) == (field, kind)
        if after is not None:
            assert [member for member in after if member[0] != field] == [one for one in before if one[0] != field]
            assert [value[:200] for name, value in after if name == field] == (
                [about["value"]] if about["value"] else []
            )
    if kind in {
        "odd_null",
        "odd_absent",
        "odd_nested",
        "odd_empty",
        "odd_type",
        "odd_long",
        "odd_deep",
        "odd_exponent",
    }:
        assert changed


@pytest.mark.parametrize("kind", [*LIST, *ROW, *ODD])
def test_no_kind_breaks_the_simulator(frozen_lists, kind):
    simulator = frozen_lists.simulator
    simulator.faults.replace({kind: {"rows": 3 if kind in LIST else 1, "seconds": 0.01}})
    for vendor in ("pv", "aig", "gmag", "jdb"):
        for _ in range(2):
            assert getattr(frozen_lists, f"{vendor}_body")()
    assert simulator.breaches == []


@pytest.fixture(scope="module")
def frozen_lists(request):
    """Texts of rows as they are on the wire."""
    from airflow_betproviders.simulator import Settings, Simulator
    from tests.simulator.clients import Clients

    with Simulator(Settings(now=NOW, min_interval={}, rate=800)).running() as simulator:
        clients = Clients(simulator)
        clients.parsed = lambda response: response.text
        lists = Lists(clients)
        seconds = int(START.timestamp())
        window = {"time_start": seconds, "time_end": seconds + 3600, "page": 1, "page_size": 60}
        span = {"start_time": seconds * 1000, "end_time": seconds * 1000 + 3_600_000, "start_index": 0, "page_size": 60}
        period = {"startTime": gmag_time(START), "endTime": gmag_time(START + 29 * MINUTE), "size": 60, "page": 1}
        times = {"starttime": jdb_time(START), "endtime": jdb_time(START + 5 * MINUTE)}
        lists.pv_texts = lambda: texts_of(clients.pv("all/history", window), "items")
        lists.aig_texts = lambda: texts_of(clients.aig("query", **span), "transactions")
        lists.gmag_texts = lambda: texts_of(clients.gmag("history/game", **period), "records")
        lists.jdb_texts = lambda: texts_of(clients.jdb(64, **times), "data")
        lists.pv_body = lambda: clients.pv("all/history", window)
        lists.aig_body = lambda: clients.aig("query", **span)
        lists.gmag_body = lambda: clients.gmag("history/game", **period)
        lists.jdb_body = lambda: clients.jdb(64, **times)
        yield lists


def texts_of(body, member):
    """The texts of a list's objects, found by their brackets, since some can't be parsed."""
    at = body.index(f'"{member}":[') + len(member) + 4
    found, depth, begin, quoted = [], 0, 0, False
    while depth or body[at] != "]":
        sign = body[at]
        if sign == '"' and body[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and sign in "{[":
            begin = at if depth == 0 else begin
            depth += 1
        elif not quoted and sign in "}]":
            depth -= 1
            if depth == 0:
                found.append(body[begin : at + 1])
        at += 1
    return found


@pytest.mark.parametrize(
    ("vendor", "field", "values"),
    [
        ("aig", "settle_time", {"-62167219200000", "1000000000000000000", "9223372036854775808"}),
        ("jdb", "gameDate", {"01-01-0001", "31-12-9999"}),
        ("gmag", "createdAt", {"0001-01-01", "9999-12-31"}),
    ],
)
def test_what_is_out_of_range(frozen_lists, vendor, field, values):
    frozen_lists.simulator.faults.replace({"odd_range": {"field": field, "rows": 1}})
    getattr(frozen_lists, f"{vendor}_texts")()
    assert {odd["value"].strip('"').split(" ")[0] for odd in frozen_lists.simulator.calls[-1]["odd_values"]} == values


def test_what_is_too_precise_rounds_to_what_it_was(frozen_lists):
    frozen_lists.simulator.faults.replace({"odd_precise": {"field": "bets", "rows": 1}})
    rows = [json.loads(text, parse_float=Decimal) for text in frozen_lists.gmag_texts()]
    frozen_lists.simulator.faults.clear()
    correct = [json.loads(text, parse_float=Decimal) for text in frozen_lists.gmag_texts()]
    changed = [(old["bets"], new["bets"]) for old, new in zip(correct, rows, strict=True) if old["bets"] != new["bets"]]
    assert changed
    for old, new in changed:
        assert len(new.as_tuple().digits) >= 17
        assert Decimal(f"{new:.15g}") == old


def test_members_of_choice(lists, paged):
    money = {"pv": "bet_amount", "aig": "bet_amount", "gmag": "bets"}[paged.__name__]
    correct = paged()[0]
    values = {money: None, "newMember": [1]}
    lists.simulator.faults.replace({"odd_patch": {"values": values, "rows": 1, "times": 1}})
    assert paged()[0] == [{**row, **values} for row in correct]
    assert len(lists.simulator.calls[-1]["odd_values"]) == 2 * len(correct)
    assert paged()[0] == correct


def test_rows_of_another_window(lists):
    lists.gmag()
    lists.simulator.faults.replace({"stray_rows": {"rows": 3}})
    window = {"startTime": gmag_time(START + HOUR), "endTime": gmag_time(START + HOUR + 5 * MINUTE)}
    answer = lists.clients.gmag("history/game", **window)
    outside = [row for row in answer["records"] if row["endTime"] < gmag_time(START + HOUR)]
    assert len(outside) == 3
    assert answer["total"] == len(answer["records"])


@pytest.mark.slow
def test_sums_have_odd_values_and_nothing_else(lists):
    clients, simulator = lists.clients, lists.simulator
    seconds = int(START.timestamp())
    span = {"time_start": seconds - 86_400, "time_end": seconds}
    asked = {
        "bonus": lambda: clients.pv("all/bonus/summary", {**span, "mch_id": 101})["data"],
        "days": lambda: clients.pv("all/stage/summary", span)["data"]["day_list"][0],
        "slots": lambda: clients.pv("slots/game/stage/summary", span)["data"][0],
        "jdb": lambda: clients.jdb(42, date="18-11-2026", gType=0)["data"][0],
        "gmag": lambda: clients.gmag(
            "history/gameReport", startTime=gmag_time(START - HOUR), endTime=gmag_time(START), reportBy="player"
        )["data"][0],
    }
    correct = {name: ask() for name, ask in asked.items()}
    simulator.faults.replace({"duplicate": 1, "total_low": 1, "bad_row": 1})
    assert {name: ask() for name, ask in asked.items()} == correct
    values = {"release_bonus": Decimal("0.30000000000000004")}
    simulator.faults.replace({"odd_patch": {"values": {"release_bonus": 0.30000000000000004}, "rows": 1}})
    assert asked["bonus"]() == {**correct["bonus"], **values}
    simulator.faults.replace({"odd_null": {"rows": 1}})
    for name, ask in asked.items():
        assert None in ask().values(), name
        assert simulator.calls[-1]["odd_values"]


def test_without_a_field_any_can_be_odd(lists):
    lists.simulator.faults.replace({"odd_type": {"rows": 1}})
    rows = lists.pv()[0]
    said = lists.simulator.calls[-1]["odd_values"]
    assert len(said) == len(rows) == 100
    assert {odd["field"] for odd in said} == set(rows[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1]), st.booleans())
def test_members_are_those_of_any_record(record, indent, ascii_only):
    text = json.dumps(record, indent=indent, ensure_ascii=ascii_only)
    members = members_of(text)
    assert [name for name, _ in members] == list(record)
    assert [json.loads(value) for _, value in members] == list(record.values())
    assert json.loads(record_text(members)) == record


@pytest.mark.parametrize("text", ['{"a":1.50, "b" : {"c":[1,"}"]} ,"a":"\\u00e9\\""}', "{}", '{"only":null}'])
def test_members_keep_each_character(text):
    members = members_of(text)
    assert json.loads(record_text(members), object_pairs_hook=list) == json.loads(text, object_pairs_hook=list)
    assert all(value in text for _, value in members)


def test_members_of_a_line():
    columns, line = ("a", "b", "c"), '1,"x, ""y""",'
    members = members_of(line, columns)
    assert members == [("a", "1"), ("b", 'x, "y"'), ("c", "")]
    assert next(csv.reader(io.StringIO(record_text(members, columns)))) == ["1", 'x, "y"', ""]
