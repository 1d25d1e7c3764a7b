"""JSON lines and a matrix under a header decode to the same table as the same records in plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.answer_formats import JsonLines, Matrix
from airflow_betproviders.declare.fields import Decimal as Money
from airflow_betproviders.declare.fields import Field, Integer, Text
from airflow_betproviders.declare.stream import Rows, Stream, Total
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from tests.examples import examples

PLAIN = Stream(
    provider="toy",
    name="bets",
    fields=(Field("id", Integer(), required=True), Field("stake", Money(10, 4)), Field("player", Text())),
    envelope={"rows": Rows},
    key=("id",),
)
LINES = replace(PLAIN, format=JsonLines())
MATRIX = replace(
    PLAIN,
    format=Matrix(header=("data", "headers"), rows=("data", "rows"), names={"Bet ID": "id"}),
    envelope={"data": {"rows": Rows, "total": Total}},
)
NESTED_LINES = replace(LINES, envelope={"rows": Rows(path=("bets",))})
RECORDS = [{"id": 1, "stake": Decimal("0.50"), "player": "a,b"}, {"id": 2**60 + 1, "stake": None, "player": "\n é"}]


def no_check(envelope: Mapping[str, Any]) -> None:
    """Accept every envelope."""


def decode(stream: Stream, body: str | bytes) -> Page:
    return Decoder(stream)(body if isinstance(body, bytes) else body.encode(), no_check)


def text_of(record: Mapping[str, Any]) -> str:
    cells = [format(v, "f") if isinstance(v, Decimal) else json.dumps(v, ensure_ascii=False) for v in record.values()]
    return f"{{{','.join(f'{json.dumps(name)}:{cell}' for name, cell in zip(record, cells, strict=True))}}}"


def matrix(
    records: list[dict[str, Any]], header: tuple[str, ...] = ("Bet ID", "stake", "player"), more: str = ""
) -> str:
    rows = [
        "[" + ",".join(text_of({"x": v})[5:-1] for v in map(record.get, ("id", "stake", "player"))) + "]"
        for record in records
    ]
    return f'{{"data":{{"headers":{json.dumps(header)},"rows":[{",".join(rows)}]{more}}}}}'


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(-(2**63), 2**63 - 1),
                "stake": st.none() | st.decimals(-9999, 9999, places=4),
                "player": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1),
            }
        ),
        max_size=5,
    )
)
def test_each_format_decodes_to_the_table_of_plain_json(records: list[dict[str, Any]]) -> None:
    plain = decode(PLAIN, f'{{"rows":[{",".join(map(text_of, records))}]}}').table
    assert decode(LINES, "".join(f"{text_of(record)}\n" for record in records)).table.equals(plain)
    assert decode(MATRIX, matrix(records)).table.equals(plain)


def test_values_keep_their_digits_and_a_total_is_read_beside_a_matrix() -> None:
    page = decode(MATRIX, matrix(RECORDS, more=',"total":2'))
    assert page.table.select(["id", "stake", "player"]).to_pylist() == [
        {"id": 1, "stake": Decimal("0.5000"), "player": "a,b"},
        {"id": 2**60 + 1, "stake": None, "player": "\n é"},
    ]
    assert page.total == 2


def test_a_row_with_a_cell_too_few_goes_to_quarantine_alone() -> None:
    body = '{"data":{"headers":["id","stake","player"],"rows":[[1,0.5,"a"],[2,0.5],[3,0.5,"c"],{"id":4}]}}'
    page = decode(MATRIX, body)
    assert page.table["id"].to_pylist() == [1, 3, 4]
    (bad,) = page.rejected
    assert (bad.raw, bad.reason) == ("[2,0.5]", "the row is not a JSON object")


def test_columns_are_found_by_name_and_unknown_ones_are_kept() -> None:
    body = '{"data":{"headers":["note","player","Bet ID","stake"],"rows":[["n","a",1,2.5]]}}'
    (row,) = decode(MATRIX, body).table.to_pylist()
    assert (row["id"], row["stake"], row["player"], json.loads(row["_extra"])) == (
        1,
        Decimal("2.5"),
        "a",
        {"note": "n"},
    )


@pytest.mark.parametrize(
    ("stream", "body", "problem"),
    [
        (LINES, '{"id":1}\n{"id":2', "the last line is cut off"),
        (LINES, "<html>\n", "a line is not a JSON object"),
        (LINES, '{"id":1,"stake":2}\n{"error":"timeout","player":null}\n\n', "the last line is no record: it has error, player"),
        (LINES, '{"id":1}\n{}\n', "the last line is no record: it has nothing"),
        (LINES, '\ufeff{"error":"timeout"}\n', "the last line is no record: it has error"),
        (NESTED_LINES, '{"bets":[{"id":1}]}\n{"id":7,"error":"timeout"}\n', "the last line is no record: it has id, error"),
        (MATRIX, '{"data":{"rows":[[1]]}}', "there is no header at data.headers"),
        (MATRIX, '{"data":{"headers":[1],"rows":[[1]]}}', "the header is not an array of names"),
        (MATRIX, '{"data":{"headers":["id","Bet ID"],"rows":[[1,2]]}}', "the header names 'id' twice"),
        (MATRIX, '{"data":{"headers":["id"],"rows":[[1],[2', "not JSON"),
        (MATRIX, '{"data":{"headers":["id"],"rows":[[1]],"rows":[[2]]}}', "the member rows comes twice"),
        (MATRIX, '{"data":{"headers":["id"],"rows":[[1]]},"data":{"headers":["id"],"rows":[]}}', "the member data comes twice"),
        (MATRIX, '{"data":{"headers":["id"],"rows":[[1]],"row\\u0073":[[2]]}}', "the member rows comes twice"),
        (MATRIX, "<html>", "not JSON"),
    ],
)  # fmt: skip
def test_an_answer_of_another_format_is_refused(stream: Stream, body: str, problem: str) -> None:
    with pytest.raises(ProviderUnavailable, match=f"is not what the document describes: .*{problem}"):
        decode(stream, body)


def test_a_last_line_that_is_an_odd_record_goes_to_quarantine() -> None:
    for odd in ('{"id":null,"stake":1}', '{"id":' + "[" * 700 + "]" * 700 + "}"):
        page = decode(LINES, f'{{"id":1,"stake":2}}\n{odd}\n')
        assert (page.table["id"].to_pylist(), len(page.rejected)) == ([1], 1)


def test_an_empty_answer_has_no_rows() -> None:
    assert decode(LINES, "").table.num_rows == 0
    assert decode(LINES, "").doubtful  # so that it is asked for twice
    assert decode(LINES, b"\xef\xbb\xbf" + b'{"id":1}\n').table.num_rows == 1
    assert decode(MATRIX, '{"data":{"headers":["id"],"rows":[]}}').table.num_rows == 0
