"""Answers that differ from the document: corrected without loss, in quarantine with a reason, or refused."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from typing import Any

import pytest

from airflow_betproviders.declare.fields import (
    Boolean,
    Decimal,
    DecimalMap,
    Epoch,
    Field,
    Integer,
    IsoTime,
    ListOf,
    Record,
    StrptimeTime,
    Text,
)
from airflow_betproviders.declare.stream import OneRow, Rows, Stream, Total
from airflow_betproviders.exceptions import ProviderRequestError, ProviderUnavailable
from airflow_betproviders.extraction.decode.coerce import RowCoercer
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.decode.rewrite import Rewrite

UTC = timezone.utc
ALL_KINDS = Stream(
    provider="toy",
    name="kinds",
    fields=(
        Field("id", Text(), required=True),
        Field("seq", Text(numbers=True)),
        Field("count", Integer()),
        Field("money", Decimal(18, 4), money=True),
        Field("open", Boolean()),
        Field("at", Epoch("ms")),
        Field("utc", IsoTime()),
        Field("local", StrptimeTime("%d-%m-%Y %H:%M:%S")),
        Field("areas", ListOf(Integer())),
        Field("cards", Record((Field("banker", Text()), Field("points", Integer())))),
        Field("detail", DecimalMap(Decimal(18, 4))),
        Field("jackpots", ListOf(Record((Field("win", Decimal(18, 4)),)))),
    ),
    envelope={"code": Integer(), "total": Total, "rows": Rows},
    key=("id",),
)


def accept(envelope: Mapping[str, Any]) -> None:
    if envelope.get("code", 200) not in (200, "200"):
        raise ProviderRequestError(f"code {envelope['code']}")


def decode(*members: str, offset: timedelta = timedelta(0)) -> Page:
    """Decode a page of records, each given as the JSON text of its members after its id."""
    rows = ",".join(f'{{"id":"r{i}"{"," if text else ""}{text}}}' for i, text in enumerate(members))
    body = f'{{"code":200,"total":{len(members)},"rows":[{rows}]}}'
    return Decoder(ALL_KINDS, offset)(body.encode("utf-8", "surrogatepass"), accept)


def only(page: Page, name: str) -> Any:
    assert not page.rejected
    return page.table[name].to_pylist()[0]


# ------------------------------------------------------------------ mended without loss


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ('"seq":12', "12"),
        ('"seq":1.50', "1.50"),
        ('"seq":9223372036854775808123', "9223372036854775808123"),
        ('"seq":"0012"', "0012"),
        ('"count":1.0', 1),
        ('"count":"17"', 17),
        ('"count":" 17 "', 17),
        ('"count":1e3', 1000),
        ('"count":"-9223372036854775808"', -(2**63)),
        ('"money":"1.5"', Exact("1.5")),
        ('"money":1e-4', Exact("0.0001")),
        ('"money":" 2 "', Exact(2)),
        ('"money":"1.50000000"', Exact("1.5")),
        ('"money":1.50000000', Exact("1.5")),
        ('"open":1', True),
        ('"open":"false"', False),
        ('"at":"1732590857359"', datetime(2024, 11, 26, 3, 14, 17, 359000, UTC)),
        ('"at":1732590857359.0', datetime(2024, 11, 26, 3, 14, 17, 359000, UTC)),
        ('"utc":"2021-08-11 15:48:23.745"', datetime(2021, 8, 11, 15, 48, 23, 745000, UTC)),
        ('"utc":"2021-08-11 15:48:23"', datetime(2021, 8, 11, 15, 48, 23, tzinfo=UTC)),
        ('"areas":["78",144.0]', [78, 144]),
        ('"cards":{"points":"9"}', {"banker": None, "points": 9}),
        ('"detail":{"NewBet":"5.25"}', [("NewBet", Exact("5.25"))]),
    ],
)
def test_another_spelling_of_the_same_value_is_the_same_value(member: str, expected: Any) -> None:
    assert only(decode(member), member.split('"')[1]) == expected


def test_a_number_where_text_is_due_keeps_its_digits() -> None:
    body = b'{"code":200,"total":2,"rows":[{"id":0.10},{"id":100000000000000000000}]}'
    assert Decoder(ALL_KINDS)(body, accept).table["id"].to_pylist() == ["0.10", "100000000000000000000"]


def test_one_odd_record_does_not_change_its_neighbours() -> None:
    plain = decode('"money":1.25,"local":"01-06-2024 10:00:00"', '"count":5,"detail":{"Banker":2}')
    mixed = decode('"money":1.25,"local":"01-06-2024 10:00:00"', '"count":5,"detail":{"Banker":2}', '"count":"6"')
    assert mixed.table.slice(0, 2).equals(plain.table)
    assert (plain.fast, mixed.fast) == (True, False)


@pytest.mark.parametrize("odd", [{0}, {255, 256}, {599}, {100, 101, 300, 511}, set(range(600)), set()])
def test_a_long_page_with_odd_rows_keeps_each_row_in_its_place(odd: set[int]) -> None:
    """Without an odd row the page goes the fast way; its total as text sends it the other way too."""
    texts = [json.dumps(str(i)) if i in odd else str(i) for i in range(600)]
    rows = ",".join(f'{{"id":"r{i}","count":{text}}}' for i, text in enumerate(texts))
    page = Decoder(ALL_KINDS)(f'{{"code":200,"total":"600","rows":[{rows}]}}'.encode(), accept)
    assert page.table["id"].to_pylist() == [f"r{i}" for i in range(600)]
    assert page.table["count"].to_pylist() == [*range(600)]
    assert not page.fast


def test_of_a_doubled_member_the_last_counts_and_the_first_is_kept_in_extra() -> None:
    page = decode('"money":1.10,"count":1,"money":2.20,"money":3.30')
    assert only(page, "money") == Exact("3.3")
    assert only(page, "_extra") == '{"money":[1.10,2.20]}'


@pytest.mark.parametrize(
    "body",
    [
        '{"code":200,"rows":[{"id":"a"}],"rows":[{"id":"b"}]}',
        '{"code":200,"rows":[{"id":"a"}],"rows":[]}',
        '{"code":200, "rows": [{"id":"a"}], "rows": null}',
        '{"code":200,"total":1,"total":2,"rows":[{"id":"a"}]}',
        '{"code":500,"code":200,"rows":[{"id":"a"}]}',
        '{"code":NaN,"rows":[{"id":"a"}],"rows":[]}',
        '{"code":200,"rows":[{"id":"a"}],"row\\u0073":[{"id":"b"}]}',
        '{"code":200,"tot\\u0061l":1, "new":"\\\\", "total" : 2,"rows":[{"id":"a"}]}',
    ],
)
def test_an_answer_in_which_a_member_around_the_rows_comes_twice_is_refused(body: str) -> None:
    with pytest.raises(ProviderUnavailable, match=r"the member (rows|total|code) comes twice"):
        Decoder(ALL_KINDS)(body.encode(), accept)


def test_a_member_around_the_rows_that_comes_twice_with_one_value_is_read() -> None:
    body = '{"code":200, "total":1,"total":1,"rows":[{"id":"a","rows":1}],"code":200}'
    assert Decoder(ALL_KINDS)(body.encode(), accept).table["id"].to_pylist() == ["a"]


def test_unknown_members_are_kept_in_extra_exactly_as_they_came() -> None:
    page = decode('"new":1.10,"deep":{"a":[1e2,null,true,{"b":0.30}],"b":"é"},"":12345678901234567890', "")
    extra = page.table["_extra"].to_pylist()
    assert extra == ['{"new":1.10,"deep":{"a":[1e2,null,true,{"b":0.30}],"b":"\\u00e9"},"":12345678901234567890}', None]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"money":1.10,"new":1.50', '{"new":1.50}'),
        ('"new" : [ 1.0, {"a" : null} ] ,\n"money" : 1.10', '{"new":[1.0,{"a":null}]}'),
        (
            '"new":"caf\u00e9","money":1.10,"newer":9007199254740993.10',
            '{"new":"caf\\u00e9","newer":9007199254740993.10}',
        ),
        ('"neu\u00e9":{"x":1,"x":2},"money":1.10', '{"neu\\u00e9":{"x":1,"x":2}}'),
        ('"\\u0062":"\\/","money":1.10', '{"b":"/"}'),
    ],
)
def test_a_member_that_a_vendor_adds_to_every_row_costs_no_look_at_each_value(
    monkeypatch: pytest.MonkeyPatch, written: str, kept: str
) -> None:
    monkeypatch.setattr(RowCoercer, "__call__", lambda *_: pytest.fail("a row was coerced for itself"))
    page = decode(*[written] * 600)
    assert page.table["_extra"].to_pylist() == [kept] * 600
    assert page.table["money"].to_pylist() == [Exact("1.1000")] * 600
    assert page.table["id"].to_pylist() == [f"r{i}" for i in range(600)]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_new_member_that_comes_twice_is_kept_with_both_values(blank: str) -> None:
    page = decode('"new":1', f'"new":1,{blank}"new":2', f'"n\\u0065w":1,{blank}"new":2')
    assert page.table["_extra"].to_pylist() == ['{"new":1}', '{"new":[1,2]}', '{"new":[1,2]}']


def test_new_members_do_not_hide_an_odd_value_beside_them() -> None:
    page = decode(*['"new":1,"count":2', '"new":1,"count":"two"', '"new":1,"cards":{"points":3,"suit":"x"}'] * 100)
    rows = page.table.select(["count", "cards", "_extra"]).to_pylist()
    assert rows[0] == {"count": 2, "cards": None, "_extra": '{"new":1}'}
    assert rows[1] == {"count": None, "cards": None, "_extra": '{"new":1,"count":"two"}'}
    assert json.loads(rows[2]["_extra"]) == {"new": 1, "cards": {"points": 3, "suit": "x"}}
    assert page.counts.odd_values["count"] == 100


def test_a_nested_value_of_another_shape_is_kept_unchanged_in_extra() -> None:
    page = decode('"areas":[1,"x"],"cards":{"banker":"A","new":1},"detail":[],"count":3')
    row = page.table.to_pylist()[0]
    assert (row["areas"], row["cards"], row["detail"], row["count"]) == (None, None, None, 3)
    assert json.loads(row["_extra"]) == {"areas": [1, "x"], "cards": {"banker": "A", "new": 1}, "detail": []}
    assert not page.rejected


@pytest.mark.parametrize(
    ("detail", "fast", "items"),
    [
        ('{"Lucky7":1.5,"Tie":"2.00"}', True, [("Lucky7", Exact("1.5000")), ("Tie", Exact("2.0000"))]),
        ('{ "a, \\"b\\": 1" : 3 }', True, [('a, "b": 1', Exact("3.0000"))]),
        ('{"a{b}":1}', False, [("a{b}", Exact("1.0000"))]),
        ('{"Tie":null,"Big":1}', False, [("Big", Exact("1.0000"))]),
        ("{}", True, []),
        ("null", True, None),
    ],
)
def test_an_object_with_free_names_keeps_each_name_and_amount(detail: str, fast: bool, items: object) -> None:
    page = Decoder(ALL_KINDS)(f'{{"code":200,"total":1,"rows":[{{"id":"a","detail":{detail}}}]}}'.encode(), accept)
    assert page.fast is fast
    assert page.table["detail"].to_pylist() == [items]
    assert not page.rejected


def test_answers_with_names_seen_before_are_not_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The amounts in objects with free names come by column once their names are known, and there is no other way then."""
    decoder = Decoder(ALL_KINDS)

    def details(*given: str) -> list[object]:
        rows = ",".join(f'{{"id":"{place}","detail":{detail}}}' for place, detail in enumerate(given))
        page = decoder(f'{{"code":200,"total":{len(given)},"rows":[{rows}]}}'.encode(), accept)
        assert not page.rejected
        return list(page.table["detail"].to_pylist())

    tie, lucky = ("Tie", Exact("2.0000")), ("Lucky7", Exact("1.5000"))
    assert details('{"Tie":"2","Lucky7":1.5}') == [[lucky, tie]]
    with monkeypatch.context() as patched:
        patched.setattr(Rewrite, "objects", None)
        assert details('{"Tie":2.0}', "{}", '{"Tie":2,"Lucky7":"1.50"}', "null", '{"Tie":null}') == [
            [tie],
            [],
            [lucky, tie],
            None,
            [],
        ]
    assert details('{"Zero":0}', '{"Tie":2}') == [[("Zero", Exact("0.0000"))], [tie]]
    monkeypatch.setattr(Rewrite, "objects", None)
    assert details('{"Zero":0,"Tie":2,"Lucky7":1.5}') == [[lucky, tie, ("Zero", Exact("0.0000"))]]


@pytest.mark.parametrize("detail", ["[null]", '[{"k":null,"v":1}]', '[{"k":"Big"}]'])
def test_a_list_where_an_object_with_free_names_is_due_is_kept_beside(detail: str) -> None:
    page = decode(f'"detail":{detail}', '"detail":{"Tie":2}')
    assert page.table["detail"].to_pylist() == [None, [("Tie", Exact("2.0000"))]]
    assert page.table["_extra"].to_pylist() == [f'{{"detail":{detail}}}', None]
    assert not page.rejected


def test_texts_that_may_come_as_numbers_are_rewritten_only_where_they_have_come_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_for = []
    numbers = Rewrite.numbers

    def watched(self: Rewrite, body: bytes, names: Collection[str] | None = None) -> tuple[bytes, set[str]]:
        looked_for.append(None if names is None else set(names))
        return numbers(self, body, names)

    monkeypatch.setattr(Rewrite, "numbers", watched)
    ids = Stream(provider="toy", name="ids", fields=(Field("seq", Text(numbers=True)),), envelope={"rows": Rows})
    decoder = Decoder(ids)

    def texts(*given: str) -> list[object]:
        looked_for.clear()
        rows = ",".join(f'{{"seq":{seq}}}' for seq in given)
        page = decoder(f'{{"rows":[{rows}]}}'.encode(), accept)
        assert page.fast
        return list(page.table["seq"].to_pylist())

    assert (texts('"07"', "null"), looked_for) == (["07", None], [set()])
    assert (texts("12", '"07"', "-0"), looked_for) == (["12", "07", "-0"], [set(), None])
    assert (texts('"07"', "12", "1.50"), looked_for) == (["07", "12", "1.50"], [{"seq"}])


def test_objects_with_free_names_that_have_had_none_go_the_fast_way() -> None:
    decoder = Decoder(ALL_KINDS)
    body = b'{"code":200,"total":3,"rows":[{"id":"a","detail":{}},{"id":"b"},{"id":"c","detail":null}]}'
    pages = [decoder(body, accept) for _ in range(2)]
    assert [page.table["detail"].to_pylist() for page in pages] == [[[], None, None]] * 2
    assert all(page.fast for page in pages)


def test_both_values_of_a_name_that_comes_twice_in_a_free_object_are_kept() -> None:
    page = Decoder(ALL_KINDS)(b'{"code":200,"total":1,"rows":[{"id":"a","detail":{"Tie":1,"Tie":2}}]}', accept)
    (row,) = page.table.to_pylist()
    assert row["detail"] is None
    assert row["_extra"] == '{"detail":{"Tie":1,"Tie":2}}'


# ------------------------------------------------------------------ rows that do not fit


@pytest.mark.parametrize("fast", [True, False])
def test_a_row_with_an_empty_text_for_its_key_is_set_aside_since_several_may_have_it(fast: bool) -> None:
    rows = ['{"id":"","count":1}', '{"id":"","count":2}', '{"id":"b","seq":""}']
    total = "3" if fast else '"3"'
    page = Decoder(ALL_KINDS)(f'{{"code":200,"total":{total},"rows":[{",".join(rows)}]}}'.encode(), accept)
    assert page.table.select(["id", "seq"]).to_pylist() == [{"id": "b", "seq": ""}]
    assert [(bad.raw, bad.reason) for bad in page.rejected] == [(row, "id missing") for row in rows[:2]]


@pytest.mark.parametrize(
    "member",
    ['"money":007.50', '"money":+1', '"money":.5', '"money":1.', '"seq":012', '"open":True', "'count':1", '"count":1,', r'"seq":"\x"',
     '"seq":"say "no""', '"money":nan', '"count":undefined'],
)  # fmt: skip
def test_a_row_that_is_no_json_is_set_aside_alone(member: str) -> None:
    page = decode('"count":1', member, '"count":3')
    assert page.table["id"].to_pylist() == ["r0", "r2"]
    (bad,) = page.rejected
    assert bad.reason.startswith("not JSON (")
    assert json.loads(bad.raw) == f'{{"id":"r1",{member}}}'


@pytest.mark.parametrize("character", ["\n", "\t", "\x00", "\x1f"])
def test_a_bare_control_character_in_a_text_is_kept(character: str) -> None:
    assert only(decode(f'"seq":"a{character}b"'), "seq") == f"a{character}b"


@pytest.mark.parametrize(
    "member",
    [
        '"money":1.00001',
        '"money":"1,000"',
        '"money":"NaN"',
        '"money":1e400',
        '"money":1e99999999999999999999',
        '"money":123456789012345.1234',
        '"money":12345678901234567',
        '"money":"12345678901234567"',
        '"money":{"a":1}',
        '"money":true',
    ],
)
def test_a_row_whose_money_cannot_be_read_goes_complete_to_quarantine_with_a_reason_that_names_the_field(
    member: str,
) -> None:
    page = decode(member, '"count":7')
    assert page.table["id"].to_pylist() == ["r1"]
    (bad,) = page.rejected
    assert bad.reason.startswith("money: ")
    assert bad.raw == f'{{"id":"r0",{member}}}'
    assert not page.counts.odd_values


@pytest.mark.parametrize("money", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_kept_as_text(money: str) -> None:
    (bad,) = decode(f'"money":{money}').rejected
    assert json.loads(bad.raw) == {"id": "r0", "money": money}


@pytest.mark.parametrize(
    "member",
    [
        '"count":1.5',
        '"count":"x"',
        '"count":9223372036854775808',
        '"count":true',
        '"count":[1]',
        '"detail":{"Tie":12345678901234567}',
        '"jackpots":[{"win":1},{"win":12345678901234567}]',
        '"open":"yes"',
        '"open":2',
        '"at":"2024-01-01"',
        '"at":-1',
        '"at":253402300800000',
        '"at":1000000000000000000',
        '"utc":1732590857359',
        '"utc":"11/08/2021"',
        '"utc":"2021-02-30 00:00:00"',
        '"utc":"0001-01-01 00:00:00"',
        '"utc":"1970-01-01 00:00:00+01:00"',
        '"local":"2024-06-01 10:00:00"',
        '"local":"31-02-2024 00:00:00"',
        '"local":"29-02-2023 00:00:00"',
        '"local":"01-01-2024 23:59:60"',
        '"local":"01-01-2024 24:00:00"',
        '"local":"1-1-2024 00:00:00"',
        '"local":"31-12-1969 23:59:59"',
        r'"seq":"\ud83d"',
        f'"seq":{"1" * 101}',
    ],
)
def test_a_value_that_does_not_fit_another_column_is_null_there_kept_in_extra_and_counted(member: str) -> None:
    page = decode(member, '"count":7')
    name = member.split('"')[1]
    assert page.table["id"].to_pylist() == ["r0", "r1"]
    assert page.table[name].to_pylist()[0] is None
    assert page.table["_extra"].to_pylist() == [f"{{{member}}}", None]
    assert page.counts.odd_values == {name: 1}
    assert not page.rejected


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ('"money":0.30000000000000004', Exact("0.3")),
        ('"money":"0.7999999999999999"', Exact("0.8")),
        ('"money":-12.340000000000032', Exact("-12.34")),
        ('"money":98765432109876.54321', Exact("98765432109876.5432")),
        ('"at":1732590857359.5', datetime(2024, 11, 26, 3, 14, 17, 359000, UTC)),
        ('"utc":"2021-08-11 23:59:59.9996"', datetime(2021, 8, 11, 23, 59, 59, 999000, UTC)),
        ('"detail":{"Tie":0.30000000000000004}', [("Tie", Exact("0.3"))]),
        ('"jackpots":[{"win":1},{"win":0.30000000000000004}]', [{"win": Exact(1)}, {"win": Exact("0.3")}]),
    ],
)
def test_digits_that_a_column_has_no_place_for_are_kept_in_extra_and_counted(member: str, expected: Any) -> None:
    page, name = decode(member), member.split('"')[1]
    assert only(page, name) == expected
    assert only(page, "_extra") == f"{{{member}}}"
    assert page.counts.rounded == {name: 1}
    assert not page.counts.odd_values


@pytest.mark.parametrize(
    "name", ["count", "money", "open", "at", "utc", "local", "areas", "cards", "detail", "jackpots"]
)
def test_an_empty_text_where_no_text_is_due_is_null(name: str) -> None:
    page = decode(f'"{name}":""')
    assert only(page, name) is None
    assert only(page, "_extra") is None
    assert not page.counts.odd_values


@pytest.mark.parametrize(
    ("sent", "text"),
    [('{"a": 1, "b": [1.50, null]}', '{"a":1,"b":[1.50,null]}'), ("[ ]", "[]"), ("true", "true"), ("1e2", "1e2")],
)
def test_another_value_where_text_is_due_is_kept_as_its_json_text(sent: str, text: str) -> None:
    assert only(decode(f'"seq":{sent}'), "seq") == text


@pytest.mark.parametrize("depth", [201, 700, 100_000])
@pytest.mark.parametrize("name", ["seq", "count", "new"])
def test_a_row_that_is_nested_too_deep_is_set_aside_alone(name: str, depth: int) -> None:
    deep = f'"{name}":{"[" * depth}{"]" * depth}'
    page = decode('"count":1', deep, '"count":3')
    assert page.table["id"].to_pylist() == ["r0", "r2"]
    (bad,) = page.rejected
    assert bad.reason == "nested deeper than 200 levels"
    assert json.loads(bad.raw) == f'{{"id":"r1",{deep}}}'


@pytest.mark.parametrize("digits", [f"{'1' * 20_000}x", f"{'0' * 20_000}x", "1" * 20_000, f"1.{'0' * 20_000}"])
def test_a_very_long_number_takes_linear_time(digits: str) -> None:
    began = time.process_time()
    (bad,) = decode(f'"money":"{digits}"').rejected
    assert bad.reason.startswith("money: expected an amount, got ")
    assert len(bad.reason) < 120
    assert time.process_time() - began < 5  # minutes, when its length counts twice


@pytest.mark.parametrize("rows", ['[{"count":1}]', '[{"id":null,"count":1}]'])
def test_a_row_without_a_required_member_is_bad(rows: str) -> None:
    page = Decoder(ALL_KINDS)(f'{{"code":200,"total":1,"rows":{rows}}}'.encode(), accept)
    assert page.table.num_rows == 0
    assert [bad.reason for bad in page.rejected] == ["id missing"]


@pytest.mark.parametrize("rows", ["[{}]", '[{"id":null,"at":1,"part":null}]', '[{"id":"a","part":"p"}]', '[{"at":1}]'])
def test_key_and_time_are_required_unless_a_part_of_the_key_is_declared_otherwise(rows: str) -> None:
    stream = Stream(
        provider="toy",
        name="n",
        fields=(Field("id", Text()), Field("part", Text(), required=False), Field("at", Epoch("s"))),
        envelope={"rows": Rows},
        key=("id", "part"),
        time_column="at",
    )
    good = Decoder(stream)(b'{"rows":[{"id":"a","at":1}]}', accept)
    assert (good.fast, good.rejected) == (True, [])
    page = Decoder(stream)(f'{{"rows":{rows}}}'.encode(), accept)
    assert page.table.num_rows == 0
    assert page.rejected[0].reason in {"id, at missing", "id missing", "at missing"}


def test_rows_that_are_no_objects_are_bad() -> None:
    page = Decoder(ALL_KINDS)(b'{"code":200,"total":4,"rows":[null,1.50,"x",{"id":"a"}]}', accept)
    assert page.table["id"].to_pylist() == ["a"]
    assert [bad.raw for bad in page.rejected] == ["null", "1.50", '"x"']


def test_bytes_that_are_not_utf8_spoil_their_row_only() -> None:
    page = Decoder(ALL_KINDS)(b'{"code":200,"total":2,"rows":[{"id":"a\xff"},{"id":"b"}]}', accept)
    assert page.table["id"].to_pylist() == ["b"]
    assert page.rejected[0].reason == "id: the text is not UTF-8"
    assert page.rejected[0].raw.isascii()


# ------------------------------------------------------------------ no answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b" null ",
        b'null{"code":200}',
        b"true",
        b"1",
        b'"x"',
        b"[]",
        b'[{"code":200,"total":0,"rows":[]}]',
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"code":200,"total":1,"rows":[{"id":"a"}',
        b'{"code":200,"total":1,"rows":[{"id":"a"}]',
        b'{"code":200,"total":0,"rows":[]}{"code":200,"total":0,"rows":[]}',
        b'{"code":200,"total":0,"rows":[]} trailing',
        b'{"code":200,"total":0,"rows":[],}',
        b'{"code":200,"total":1}',
        b'{"code":200,"total":1,"rows":null}',
        b'{"code":200,"total":1,"rows":{}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_one_complete_document_of_the_described_shape_is_no_answer(body: bytes) -> None:
    with pytest.raises(ProviderUnavailable, match="the answer is not what the document describes"):
        Decoder(ALL_KINDS)(body, accept)


@pytest.mark.parametrize("rows", ["[]", "null"])
def test_no_rows_and_a_total_of_none_is_an_empty_page(rows: str) -> None:
    page = Decoder(ALL_KINDS)(f'{{"code":200,"total":0,"rows":{rows}}}'.encode(), accept)
    assert (page.table.num_rows, page.total, page.rejected) == (0, 0, [])


@pytest.mark.parametrize("body", [b'\xef\xbb\xbf{"code":200,"total":1,"rows":[{"id":"a"}]}'])
def test_a_byte_order_mark_is_skipped(body: bytes) -> None:
    assert Decoder(ALL_KINDS)(body, accept).table["id"].to_pylist() == ["a"]


@pytest.mark.parametrize("data", ["null", "{}", "[]", '""', '{"rows":[]}'])
def test_an_error_answer_is_recognised_by_its_code_whatever_its_data_are(data: str) -> None:
    stream = Stream(
        provider="toy",
        name="nested",
        fields=ALL_KINDS.fields,
        envelope={"code": Integer(), "data": {"total": Total, "rows": Rows}},
    )
    with pytest.raises(ProviderRequestError, match="code 408000"):
        Decoder(stream)(f'{{"code":408000,"data":{data}}}'.encode(), accept)


@pytest.mark.parametrize(
    ("data", "rows"), [("[]", 0), ('[{"total":1,"rows":[{"id":"a"}]}]', 1), ('{"total":1,"rows":[{"id":"a"}]}', 1)]
)
def test_an_object_may_come_wrapped_in_an_array(data: str, rows: int) -> None:
    stream = Stream(
        provider="toy", name="n", fields=(Field("id", Text()),), envelope={"data": {"total": Total, "rows": Rows}}
    )
    assert Decoder(stream)(f'{{"data":{data}}}'.encode(), accept).table.num_rows == rows


def test_of_two_objects_in_an_array_none_is_dropped_in_silence() -> None:
    stream = Stream(provider="toy", name="n", fields=(Field("id", Text()),), envelope={"data": {"rows": Rows}})
    with pytest.raises(ProviderUnavailable):
        Decoder(stream)(b'{"data":[{"rows":[{"id":"a"}]},{"rows":[{"id":"b"}]}]}', accept)


@pytest.mark.parametrize(
    ("data", "rows"),
    [("null", 0), ("[]", 0), ("[ ]", 0), ("{}", 0), ('{"id":null}', 0), ('{"id":null,"new":null}', 0), ('{"id":"a"}', 1),
     ('[{"id":"a"}]', 1), ('{"new":1}', 1), ('{"id":null,"new":1}', 1)],
)  # fmt: skip
def test_a_stream_of_one_record_an_answer_has_it_or_not(data: str, rows: int) -> None:
    """One with undeclared members only is kept, and requested twice."""
    stream = Stream(
        provider="toy", name="one", fields=(Field("id", Text()),), envelope={"code": Integer(), "data": OneRow}
    )
    page = Decoder(stream)(f'{{"code":200,"data":{data}}}'.encode(), accept)
    assert page.table.num_rows == rows
    assert page.doubtful == ('"a"' not in data)


@pytest.mark.parametrize("total", ["169", '"169"'])
def test_the_total_is_read_as_a_number_or_as_text(total: str) -> None:
    assert Decoder(ALL_KINDS)(f'{{"code":200,"total":{total},"rows":[]}}'.encode(), accept).total == 169


@pytest.mark.parametrize("total", ["null", '"many"', "1.5", "true"])
def test_a_total_that_is_no_count_is_no_total(total: str) -> None:
    assert Decoder(ALL_KINDS)(f'{{"code":200,"total":{total},"rows":[]}}'.encode(), accept).total is None


@pytest.mark.parametrize(
    "echo",
    [
        "<html>GET /q?agent_id=a&sign=60694d77140617133bb4143311c25e09</html>",
        '{"request":{"ts":1,"sign":"60694d77140617133bb4143311c25e09"}}',
        "{'hash': '60694d77140617133bb4143311c25e09'}",
        '{"dc":"jb","x":"60694d77140617133bb4143311c25e09"}',
        "key = 60694d77140617133bb4143311c25e09",
    ],
)
def test_an_odd_answer_that_echoes_the_request_does_not_bring_its_signature_into_the_message(echo: str) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        Decoder(ALL_KINDS)(echo.encode(), accept)
    assert "60694d" not in str(caught.value)
    assert len(str(caught.value)) < 400


# ------------------------------------------------------------------ exactness


def test_amounts_keep_every_digit() -> None:
    page = decode('"money":912345678901.0003', '"money":"-99999999999999.9999"', '"money":0.0001', '"money":0')
    assert page.fast
    assert page.table["money"].to_pylist() == [
        Exact("912345678901.0003"),
        Exact("-99999999999999.9999"),
        Exact("0.0001"),
        Exact(0),
    ]


def test_ids_keep_their_text_and_integers_their_64_bits() -> None:
    texts = ["0012", "9223372036854775807", "😀 é 玩家", " x ", " ", "1e5", "\u0000"]
    rows = [
        {"id": text, "count": count} for text, count in zip(texts, [2**63 - 1, -(2**63), 0, 1, 2, 3, 4], strict=True)
    ]
    body = json.dumps({"code": 200, "total": len(rows), "rows": rows}).encode()
    table = Decoder(ALL_KINDS)(body, accept).table
    assert table["id"].to_pylist() == texts
    assert table["count"].to_pylist()[:2] == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("hours", "local", "utc"),
    [  # the fixed offset counts, never a zone with summer time
        (-4, "15-01-2025 00:00:00", datetime(2025, 1, 15, 4, tzinfo=UTC)),
        (-4, "15-07-2025 00:00:00", datetime(2025, 7, 15, 4, tzinfo=UTC)),
        (8, "15-01-2025 12:00:00", datetime(2025, 1, 15, 4, tzinfo=UTC)),
        (-4, "28-02-2024 23:59:00", datetime(2024, 2, 29, 3, 59, tzinfo=UTC)),
        (8, "29-02-2024 11:59:00", datetime(2024, 2, 29, 3, 59, tzinfo=UTC)),
    ],
)
def test_local_times_become_utc_by_the_accounts_offset(hours: int, local: str, utc: datetime) -> None:
    assert only(decode(f'"local":"{local}"', offset=timedelta(hours=hours)), "local") == utc


@pytest.mark.parametrize("before", ["", " " * 350, "<p>", " " * 65_400, "<p>" + " " * 65_400])
@pytest.mark.parametrize("times", [1, 3, 1000])
def test_no_part_of_a_long_secret_shows_in_an_excerpt(before: str, times: int) -> None:
    secret = ".".join(f"part{number}" for number in range(50))  # no signature has points
    decode = Decoder(ALL_KINDS, hide_secrets=lambda text: text.replace(secret, "***"))
    with pytest.raises(ProviderUnavailable, match="It begins: ") as refused:
        decode((before + secret * times + "</p>").encode(), accept)
    assert "part" not in str(refused.value)
