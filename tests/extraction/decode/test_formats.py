"""CSV answers, records in nested lists, and what else an envelope says of its page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import (
    Boolean,
    Decimal,
    Double,
    Epoch,
    Field,
    Integer,
    IsoTime,
    Text,
)
from airflow_betproviders.declare.stream import NextPage, PageSize, Reaches, Rows, Stream, Total
from airflow_betproviders.exceptions import ProviderRequestError, ProviderUnavailable
from airflow_betproviders.extraction.decode import csv_table
from airflow_betproviders.extraction.decode.decoder import Decoder, Page

UTC = timezone.utc

# ------------------------------------------------------------------ CSV

ROUNDS = Stream(
    provider="finch",
    name="rounds",
    format=Csv(preamble=("timepoint",), null=("", "null")),
    fields=(
        Field("playerID", Integer()),
        Field("extPlayerID", Text()),
        Field("playSessionID", Integer(), required=True),
        Field("parentSessionID", Integer()),
        Field("endDate", IsoTime(), required=True),
        Field("bet", Decimal(18, 2), money=True),
        Field("rtp", Double()),
        Field("free", Boolean()),
        Field("roundDetails", Text()),
    ),
    envelope={"timepoint": Reaches(Epoch("ms"))},
    key=("playSessionID",),
    time_column="endDate",
)
OPEN_ENDED = replace(ROUNDS, format=Csv(preamble=("timepoint",), null=("", "null"), last_line_ends=False))
# Two lines of the vendor's document (Finch: its CSV answers), with the columns that are declared above.
FEED = """timepoint=1768435800000
playerID,extPlayerID,playSessionID,parentSessionID,endDate,bet,roundDetails
90000001,p0001,90000000000102,90000000000101,2026-01-15 00:04:15,0.00,
90000002,p0002,90000000000201,null,2026-01-15 00:09:58,40.00,"{""result"":""Player"",""bets"":[{""c"":""Bnkr"",""a"":""40.00""}]}"
"""


def accept(envelope: Mapping[str, object]) -> None:
    assert envelope["timepoint"] == "1768435800000"


def test_a_csv_answer_is_read_by_the_names_of_its_columns() -> None:
    page = Decoder(ROUNDS)(FEED.encode(), accept)
    assert page.reaches == datetime(2026, 1, 15, 0, 10, tzinfo=UTC)
    assert page.fast
    assert not page.rejected
    first, second = page.table.to_pylist()
    assert first["playSessionID"] == 90000000000102
    assert (first["parentSessionID"], second["parentSessionID"]) == (90000000000101, None)
    assert (first["bet"], second["bet"]) == (Exact("0.00"), Exact("40.00"))
    assert second["endDate"] == datetime(2026, 1, 15, 0, 9, 58, tzinfo=UTC)
    assert (first["roundDetails"], first["rtp"]) == (None, None)
    assert json.loads(second["roundDetails"]) == {"result": "Player", "bets": [{"c": "Bnkr", "a": "40.00"}]}


def test_lines_may_end_as_on_windows_and_quoted_cells_hold_anything() -> None:
    details = 'a,"b"\r\nc, d\n'
    text = "timepoint=1768435800000\r\nplaySessionID,endDate,roundDetails\r\n"
    quoted = details.replace('"', '""')
    page = Decoder(ROUNDS)(f'{text}1,2026-01-15 00:04:15,"{quoted}"\r\n'.encode(), accept)
    assert page.table["roundDetails"].to_pylist() == [details]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_empty_feed_is_two_lines(end: str) -> None:
    page = Decoder(ROUNDS)(f"timepoint=1768435800000\nplaySessionID,endDate{end}".encode(), accept)
    assert (page.table.num_rows, page.rejected) == (0, [])


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_an_answer_whose_last_line_has_no_end_is_refused(line_break: str) -> None:
    feed = FEED.replace("\n", line_break).encode()
    for kept in range(len(feed)):
        if not feed[:kept].endswith(b"\n"):
            with pytest.raises(ProviderUnavailable):
                Decoder(ROUNDS)(feed[:kept], accept)


def test_a_vendor_may_leave_the_last_line_open() -> None:
    assert Decoder(OPEN_ENDED)(FEED.rstrip().encode(), accept).table.num_rows == 2


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("last", ["90000003,p0003,9000", "ERROR: timeout", "# 2 rows"])
def test_an_answer_whose_last_line_lacks_cells_is_refused(last: str, end: str) -> None:
    feed = FEED.replace("\n", "\r\n" if end == "\r\n" else "\n")
    with pytest.raises(ProviderUnavailable, match=r"the last line has \d cells, the header 7"):
        Decoder(OPEN_ENDED)(f"{feed}{last}{end}".encode(), accept)


def csv_page(*cells: str, column: str = "bet") -> Page:
    lines = [f"{i},2026-01-15 00:04:15,{cell}" for i, cell in enumerate(cells)]
    text = "\n".join(["timepoint=1768435800000", f"playSessionID,endDate,{column}", *lines, ""])
    return Decoder(ROUNDS)(text.encode("utf-8", "surrogateescape"), accept)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("<html>busy</html>\n", "the header lacks playSessionID, endDate"),
        ("PLAYSESSIONID,ENDDATE\n", "the header lacks playSessionID, endDate"),
        ("playSessionID;endDate\n1;2026-01-15 00:04:15\n", "the header lacks playSessionID, endDate"),
        ("playSessionID,endD", "the last line is cut off"),
        ("", "not CSV"),
        ('playSessionID,endDate,roundDetails\n1,2026-01-15 00:04:15,"a\n2,2026-01-15 00:04:15,b\n', "quote is not closed"),
        ('playSessionID,endDate,roundDetails\n1,2026-01-15 00:04:15,"a\n2,2026-01-15 00:04:15,b"\n', "a quote is not closed"),
        ('playSessionID,endDate,roundDetails\n1,2026-01-15 00:04:15,"a\n', "the last quote is not closed"),
        ('playSessionID,endDate\n1,"2026-01-15 00:04:15\n2,2026-01-15 00:04:15"\n', "a quote is not closed"),
        (
            'playSessionID,endDate,roundDetails\n1,"2026-01-15 00:04:15,"{""a"":1}"\n2,2026-01-15 00:04:15,"{""a"":2}"\n',
            "a quote is not closed",
        ),
        ("playSessionID,endDate\r1,2026-01-15 00:04:15\r2,2026-01-1", "the last line is cut off"),
    ],
)  # fmt: skip
def test_a_table_that_may_lack_rows_is_refused(table: str, problem: str) -> None:
    """An unclosed quote takes the lines after it into its cell; a page of HTML is a header without rows."""
    with pytest.raises(ProviderUnavailable, match=problem):
        Decoder(ROUNDS)(f"timepoint=1768435800000\n{table}".encode(), accept)


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ('"{""a"":1,\n""b"":[1,2,3],""c"":4}\n"', '{"a":1,\n"b":[1,2,3],"c":4}\n'),
        ('"a\nb"', "a\nb"),
        ('a"b', 'a"b'),
        ("a\x00b", "a\x00b"),
    ],
)
def test_quotes_line_breaks_and_nul_in_a_cell_cost_no_row(text: str, details: str) -> None:
    page = csv_page(text, "x", column="roundDetails")
    assert page.table["roundDetails"].to_pylist() == [details, "x"]
    assert not page.rejected


def test_a_header_that_may_be_cut_off_is_requested_twice() -> None:
    for end, doubtful in (("\n", False), ("", True)):
        page = Decoder(OPEN_ENDED)(f"timepoint=1768435800000\nplaySessionID,endDate{end}".encode(), accept)
        assert (page.table.num_rows, page.doubtful) == (0, doubtful)


def test_odd_cells_follow_the_same_rules_as_in_json() -> None:
    page = csv_page("1.00", "0.30000000000000004", '"1,000.00"', "null", "")
    assert page.table["bet"].to_pylist() == [Exact("1.00"), Exact("0.30"), None, None]
    assert page.table["_extra"].to_pylist() == [None, '{"bet":"0.30000000000000004"}', None, None]
    assert page.counts.rounded == {"bet": 1}
    (bad,) = page.rejected
    assert bad.reason == 'bet: expected an amount, got "1,000.00"'
    assert json.loads(bad.raw)["playSessionID"] == "2"


def test_an_odd_cell_of_another_column_is_kept_in_extra() -> None:
    page = csv_page("7", "S3", column="playerID")
    assert page.table["playerID"].to_pylist() == [7, None]
    assert page.table["_extra"].to_pylist() == [None, '{"playerID":"S3"}']
    assert page.counts.odd_values == {"playerID": 1}


def test_a_column_that_is_not_declared_goes_to_extra() -> None:
    page = csv_page("1.50", "null", column="bonusBet")
    assert page.table["_extra"].to_pylist() == ['{"bonusBet":"1.50"}', '{"bonusBet":null}']


def test_a_line_with_too_few_or_too_many_cells_goes_to_quarantine() -> None:
    page = csv_page("1.00", "1.00,2", "2.00")
    assert page.table["bet"].to_pylist() == [Exact("1.00"), Exact("2.00")]
    (bad,) = page.rejected
    assert bad.reason == "the line has 4 cells, the header 3"
    assert json.loads(bad.raw) == "1,2026-01-15 00:04:15,1.00,2"


def test_bytes_that_are_not_utf8_spoil_their_cell_only() -> None:
    page = csv_page("a", "\udcff", column="extPlayerID")
    assert page.table["extPlayerID"].to_pylist() == ["a", None]
    assert page.counts.odd_values == {"extPlayerID": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b'{"error":"7"}',
        b"timepoint=1768435800000",
        b"timepoint=1768435800000\n",
        b"until=1768435800000\nplaySessionID\n",
        b"timepoint\nplaySessionID\n",
        b"timepoint=1768435800000\nplaySessionID,playSessionID\n1,2\n",
        b"timepoint=1768435800000\nplaySessionID,\n1,2\n",
    ],
)
def test_a_body_that_is_no_such_table_is_no_answer(body: bytes) -> None:
    with pytest.raises(ProviderUnavailable, match="the answer is not what the document describes"):
        Decoder(ROUNDS)(body, lambda envelope: None)


def test_the_lines_before_the_table_are_the_envelope_that_says_success() -> None:
    def refuse(envelope: Mapping[str, object]) -> None:
        raise ProviderRequestError(f"timepoint {envelope['timepoint']}")

    with pytest.raises(ProviderRequestError, match="timepoint 1768435800000"):
        Decoder(ROUNDS)(FEED.encode(), refuse)


CELLS = {
    "playerID": st.integers(-(2**63), 2**63 - 1).map(str) | st.sampled_from(["", "null", "7.0", "x", " 7 ", "9" * 30]),
    "extPlayerID": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
    "playSessionID": st.integers(0, 9).map(str) | st.just("null"),
    "endDate": st.sampled_from(
        ["2026-01-15 00:04:15", "2026-01-15T00:04:15.1234Z", "2026-02-30 00:00:00", "0001-01-01", ""]
    ),
    "bet": st.decimals(-1000, 1000, places=2).map(str)
    | st.sampled_from(["", "0.30000000000000004", "1.005", "1e3", "NaN"]),
    "rtp": st.floats(allow_nan=False).map(repr) | st.sampled_from(["", "x", "1e999", "96"]),
    "free": st.sampled_from(["true", "false", "1", "0", "TRUE", "yes", ""]),
}


@given(rows=st.lists(st.fixed_dictionaries(CELLS), max_size=5))
def test_both_ways_of_reading_csv_agree(rows: list[dict[str, str]]) -> None:
    """Column by column, as long as all cells fit, and row by row give the same."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*CELLS], lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    body = b"timepoint=1768435800000\n" + text.getvalue().encode()
    page = Decoder(ROUNDS)(body, accept)
    with mock.patch.object(csv_table, "columns_of", side_effect=pa.ArrowInvalid("row by row")):
        expected = Decoder(ROUNDS)(body, accept)
    assert page.table.equals(expected.table)
    assert (page.rejected, page.counts) == (expected.rejected, expected.counts)


# ------------------------------------------------------------------ records in nested lists

GAMES = Stream(
    provider="toy",
    name="casino",
    fields=(
        Field("gameId", Text(), required=True),
        Field("settledAt", IsoTime()),
        Field("gameStatus", Text()),
        Field("playerId", Text(), required=True),
        Field("code", Text(), required=True),
        Field("stake", Decimal(18, 4), money=True),
    ),
    envelope={
        "error": Text(),
        "data": Rows(
            path=("games", "participants", "bets"),
            outer={
                "gameId": ("games", "id"),
                "settledAt": ("games", "settledAt"),
                "gameStatus": ("games", "status"),
                "playerId": ("games", "participants", "playerId"),
            },
        ),
    },
    key=("gameId", "playerId", "code"),
)


def games(text: str) -> Page:
    return Decoder(GAMES)(f'{{"error":null,"data":{text}}}'.encode(), lambda envelope: None)


def test_each_record_of_a_nested_list_has_the_members_around_it() -> None:
    page = games(
        '[{"games":[{"id":"g1","settledAt":"2026-01-15T00:00:01Z","status":"Resolved","participants":['
        '{"playerId":"p1","bets":[{"code":"Bnkr","stake":1.50},{"code":"Tie","stake":"2"}]},'
        '{"playerId":"p2","bets":[{"stake":3,"code":"Bnkr"}]}]},'
        '{"id":"g2","status":"Cancelled","participants":[]},{"id":"g3","participants":null},{"id":"g4"}]},'
        '{"games":[{"id":"g5","participants":[{"bets":[{"code":"Tie"}],"playerId":"p1"}]}]}]'
    )
    assert page.fast
    rows = [tuple(row.values()) for row in page.table.drop_columns(["settledAt", "_extra"]).to_pylist()]
    assert rows == [
        ("g1", "Resolved", "p1", "Bnkr", Exact("1.5")),
        ("g1", "Resolved", "p1", "Tie", Exact(2)),
        ("g1", "Resolved", "p2", "Bnkr", Exact(3)),
        ("g5", None, "p1", "Tie", None),
    ]
    assert page.table["settledAt"].to_pylist()[0] == datetime(2026, 1, 15, 0, 0, 1, tzinfo=UTC)


def test_members_around_a_record_that_are_no_columns_go_to_its_extra_under_dotted_names() -> None:
    page = games(
        '[{"day":"2026-01-15","games":[{"id":"g1","table":{"id":7.50},"participants":['
        '{"playerId":"p1","seat":3,"bets":[{"code":"Tie","new":1},{}]}]}]}]'
    )
    assert page.table["code"].to_pylist() == ["Tie"]
    assert page.table["_extra"].to_pylist() == [
        '{"day":"2026-01-15","games.table":{"id":7.50},"games.participants.seat":3,"new":1}'
    ]
    (bad,) = page.rejected
    assert bad.reason == "code missing"
    assert json.loads(bad.raw)["playerId"] == "p1"


@pytest.mark.parametrize("bet", ["null", "7", '"x"', "[]"])
def test_a_record_that_is_no_object_goes_to_quarantine(bet: str) -> None:
    page = games(f'[{{"games":[{{"id":"g1","participants":[{{"playerId":"p1","bets":[{bet},{{"code":"Tie"}}]}}]}}]}}]')
    assert page.table["code"].to_pylist() == ["Tie"]
    assert [bad.raw for bad in page.rejected] == [bet]


@pytest.mark.parametrize("data", ['[{"games":{}}]', '[{"games":[1]}]', "[3]", '[{"games":"x"}]'])
def test_lists_that_are_nested_otherwise_are_no_answer(data: str) -> None:
    with pytest.raises(ProviderUnavailable, match="the answer is not what the document describes"):
        games(data)


# ------------------------------------------------------------------ what an envelope says of its page


@pytest.mark.parametrize("odd", [False, True])
def test_an_envelope_says_page_size_next_page_and_how_far_it_reaches(odd: bool) -> None:
    stream = Stream(
        provider="toy",
        name="labelled",
        fields=(Field("id", Text()),),
        envelope={
            "page": {"total": Total, "size": PageSize, "next": NextPage},
            "until": Reaches(IsoTime(offset=timedelta(hours=8))),
            "rows": Rows,
        },
    )
    row = '{"id":"a","new":1}' if odd else '{"id":"a"}'
    body = f'{{"page":{{"total":9,"size":1,"next":"t2"}},"until":"2026-01-15 08:00:00","rows":[{row}]}}'
    page = Decoder(stream)(body.encode(), lambda envelope: None)
    assert page.fast is not odd
    assert (page.total, page.page_size, page.token) == (9, 1, "t2")
    assert page.reaches == datetime(2026, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("token", ["true", '{"href":"?after=2"}', '["2"]', r'"\ud800"'])
def test_a_token_that_is_not_text_is_no_answer(token: str) -> None:
    envelope = {"next": NextPage, "rows": Rows}
    stream = Stream(provider="toy", name="paged", endpoint="", doc="", fields=(Field("id", Text()),), envelope=envelope)
    with pytest.raises(ProviderUnavailable, match="the next page's token is not text"):
        Decoder(stream)(f'{{"next":{token},"rows":[]}}'.encode(), lambda envelope: None)


def test_an_end_that_cannot_be_read_proves_nothing() -> None:
    body = b"timepoint=soon\nplaySessionID,endDate\n1,2026-01-15 00:04:15\n"
    assert Decoder(ROUNDS)(body, lambda envelope: None).reaches is None
