"""Odd values that vendors were seen to send, each in one record of an answer with a second, plain one.

A value that fits nowhere else is null in its column and kept in ``_extra``; a row whose key, time, money or required
amount cannot be read goes to quarantine.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.fields import Decimal as DecimalKind
from airflow_betproviders.declare.fields import DecimalMap, Epoch, Field, Integer, Kind, Text, TimeKind
from airflow_betproviders.declare.stream import OneRow, Stream
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.decode.envelope import path_to
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.example_streams import kinds_of_their_own
from tests.extraction.vendor import BETS, SLOT, Vendor, bet
from tests.sample_answers import AIG, GMAG, JDB, JDB_OFFSET, PV, STREAMS, answer

UTC = timezone.utc
MAIN = {
    "pv": (pv.HISTORY, PV, "event_id"),
    "aig": (aig.TRANSACTIONS, AIG, "id"),
    "jdb": (jdb.TRANSACTIONS, JDB, "historyId"),
    "gmag": (gmag.GAME_HISTORY, GMAG, "roundId"),
}


def decode(provider: str, patch: Mapping[str, Any] | str) -> Page:
    """Return the page of a record with replaced members, given as values or as JSON text of members, and a plain second one."""
    stream, record, key = MAIN[provider]
    second = json.dumps({**record, key: "2"})
    if isinstance(patch, str):
        names = json.loads("{" + patch + "}", parse_constant=str, parse_int=str, parse_float=str).keys()
        rest = {name: value for name, value in record.items() if name not in names}
        first = json.dumps(rest)[:-1] + "," + patch + "}"
    else:
        first = json.dumps({**record, **patch})
    return Decoder(stream, JDB_OFFSET)(answer(stream, f"[{first},{second}]"), lambda envelope: None)


def stored(provider: str, patch: Mapping[str, Any] | str) -> tuple[dict[str, Any], Page]:
    """Return the row as stored, which is beside the plain one."""
    page = decode(provider, patch)
    assert not page.rejected
    row, second = page.table.to_pylist()
    assert second[MAIN[provider][2]] == "2"
    return row, page


def quarantined(provider: str, patch: Mapping[str, Any] | str) -> str:
    """Why the row is in quarantine, beside which the plain one is stored."""
    page = decode(provider, patch)
    assert page.table[MAIN[provider][2]].to_pylist() == ["2"]
    (bad,) = page.rejected
    return bad.reason


@pytest.mark.parametrize("provider", MAIN)
def test_the_plain_record_is_as_documented(provider: str) -> None:
    """Then one odd record is the only odd one of its answer, and answers of thousands are decoded at once."""
    assert decode(provider, {}).fast


def test_v1_empty_texts_of_an_open_bet_are_null() -> None:
    row, page = stored("aig", {"status": 0, "settle_time": "", "win_amount": "", "real_win_amount": ""})
    assert (row["settle_time"], row["win_amount"], row["real_win_amount"], row["_extra"]) == (None, None, None, None)
    assert not page.counts.odd_values


@pytest.mark.parametrize(
    ("provider", "patch"),
    [
        pytest.param("aig", {"round_id": "R12-7", "shoe_id": "S3"}, id="V2"),
        pytest.param("jdb", {"transferId": "8f1c2a9e-0000-4000-8000-000000000001"}, id="V3"),
        pytest.param("pv", {"user_id": "guest_1"}, id="V4"),
    ],
)
def test_v2_v3_v4_text_in_an_integer_column_is_not_lost(provider: str, patch: dict[str, str]) -> None:
    row, page = stored(provider, patch)
    assert all(row[name] is None for name in patch)
    assert json.loads(row["_extra"]) == patch
    assert page.counts.odd_values == dict.fromkeys(patch, 1)


def test_v5_an_object_in_a_text_column_is_its_json_text() -> None:
    row, _ = stored("gmag", '"additionalData":{"a": 1, "b": [1.50]}')
    assert row["additionalData"] == '{"a":1,"b":[1.50]}'


def test_v6_an_empty_time_is_null() -> None:
    row, _ = stored("gmag", {"createdAt": ""})
    assert (row["createdAt"], row["_extra"]) == (None, None)


def test_v7_a_time_with_microseconds_is_truncated_to_the_columns_unit_and_kept_in_extra() -> None:
    row, page = stored("gmag", {"endTime": "2026-11-20 05:10:00.123456"})
    assert row["endTime"] == datetime(2026, 11, 20, 5, 10, 0, 123000, UTC)
    assert row["_extra"] == '{"endTime":"2026-11-20 05:10:00.123456"}'
    assert page.counts.rounded == {"endTime": 1}


def test_v8_a_double_that_was_printed_long_is_rounded_and_kept() -> None:
    row, page = stored("jdb", '"bet":-0.07,"win":0,"total":-0.07,"jackpotContribute":-0.00035000000000000005')
    assert row["jackpotContribute"] == Decimal("-0.00035")
    assert row["_extra"] == '{"jackpotContribute":-0.00035000000000000005}'
    assert page.counts.rounded == {"jackpotContribute": 1}


@pytest.mark.parametrize(
    ("provider", "patch", "named"),
    [
        pytest.param("aig", {"bet_amount": "1,234.50"}, "bet_amount: ", id="V9"),
        pytest.param("gmag", {"wins": None}, "wins missing", id="V10"),
        pytest.param("pv", {"bet_amount": None}, "bet_amount missing", id="V11"),
        pytest.param("jdb", {"total": None}, "total missing", id="V12"),
        pytest.param("jdb", {"gameDate": "31-12-9999 23:59:59"}, "gameDate: ", id="V15"),
        pytest.param("pv", {"gain_amount": ""}, "gain_amount missing", id="an empty amount"),
        pytest.param("gmag", {"bets": None}, "bets missing", id="no stake"),
        pytest.param("aig", {"bet_amount": None}, "bet_amount missing", id="no stake either"),
        pytest.param("pv", {"event_id": None}, "event_id missing", id="no key"),
        pytest.param("aig", {"update_time": -1}, "update_time: ", id="a clock before 1970"),
        pytest.param("pv", {"end_at": "soon"}, "end_at: ", id="a version"),
        pytest.param("gmag", {"brandId": 2**63}, "brandId: ", id="an id beyond 64 bits"),
    ],
)
def test_rows_without_key_time_or_money_go_to_quarantine(provider: str, patch: dict[str, Any], named: str) -> None:
    assert quarantined(provider, patch).startswith(named)


BEYOND = [
    "123456789012345678901234567890.123",
    "-123456789012345678901234567890",
    "1e22",
    "99999999999999999999999999999999999999",
]


@pytest.mark.parametrize("text", BEYOND)
def test_an_amount_beyond_its_column_never_becomes_another_amount(text: str) -> None:
    """At 18 decimals these numbers have more than 128 bits, and `pyarrow.json` keeps the lowest."""
    for cell in (text, f'"{text}"'):
        assert quarantined("jdb", f'"win":{cell}').startswith("win: ")
        row, _ = stored("jdb", f'"denom":{cell}')
        assert row["denom"] is None
        assert row["_extra"] == f'{{"denom":{cell}}}'


# Divisors that pyarrow.json reads beside its table of powers of ten: 0 for some, another number for others.
_BEHIND = ["5e-324", "1e-47", "1e-97", "73786976294838206464e-127", "1.00000000000000000000e-28", "1E-0083"]


@pytest.mark.parametrize("text", _BEHIND)
@pytest.mark.parametrize(
    ("provider", "money", "other"),
    [("aig", "win_amount", None), ("jdb", "win", "denom"), ("gmag", "wins", "balanceEnd")],
)
def test_an_amount_far_below_the_decimals_of_its_column_never_becomes_another_amount(
    provider: str, money: str, other: str | None, text: str
) -> None:
    for cell in (text, f'"{text}"'):
        assert quarantined(provider, f'"{money}":{cell}').startswith(f"{money}: ")
        if other:
            row, _ = stored(provider, f'"{other}":{cell}')
            assert (row[other], row["_extra"]) == (None, f'{{"{other}":{cell}}}')


def test_small_amounts_and_ids_that_look_like_smaller_ones_are_read_the_fast_way() -> None:
    page = decode("jdb", '"bet":-1.5E-10,"win":1e-05,"total":-1E-4,"clientType":"8234c460-481e-11f0-a82e-666172557123"')
    assert page.fast
    row = page.table.to_pylist()[0]
    assert (row["bet"], row["win"], row["total"]) == (Decimal("-1.5E-10"), Decimal("0.00001"), Decimal("-0.0001"))


@pytest.mark.parametrize("kind", [DecimalKind(38, 18), DecimalKind(38, 4), DecimalKind(38, 37)])
def test_an_amount_of_as_many_digits_as_its_column_is_stored(kind: DecimalKind) -> None:
    stream = replace(
        jdb.TRANSACTIONS, fields=(*jdb.TRANSACTIONS.fields, Field("amount", kind), Field("by_name", DecimalMap(kind)))
    )
    digits = "7" * (kind.precision - kind.scale) + "." + "3" * kind.scale
    text = json.dumps(JDB)[:-1] + f',"amount":{digits},"by_name":{{"a":-{digits}}}}}'
    (row,) = Decoder(stream, JDB_OFFSET)(answer(stream, f"[{text}]"), lambda envelope: None).table.to_pylist()
    assert (row["amount"], row["by_name"], row["_extra"]) == (Decimal(digits), [("a", Decimal("-" + digits))], None)


@pytest.mark.parametrize(
    ("name", "instant"),
    [
        pytest.param("settle_time", 1000000000000000000, id="V13"),
        pytest.param("bet_time", -62167219200000, id="V14"),
        ("create_time", 253402300800000),
    ],
)
def test_v13_v14_a_time_out_of_range_is_null_and_kept(name: str, instant: int) -> None:
    row, page = stored("aig", {name: instant})
    assert row[name] is None
    assert row["_extra"] == f'{{"{name}":{instant}}}'
    assert page.counts.odd_values == {name: 1}


def test_the_last_instant_of_the_year_9999_is_stored() -> None:
    row, _ = stored("aig", {"settle_time": 253402300799999})
    assert row["settle_time"] == datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)


@pytest.mark.parametrize("text", ["1" * 20_000 + "x", "1e-" + "0" * 200_000 + "x"], ids=["digits", "exponent"])
def test_v16_thousands_of_digits_and_a_letter_take_linear_time(text: str) -> None:
    began = time.process_time()
    assert quarantined("aig", {"valid_bet_turnover": text}).startswith("valid_bet_turnover: ")
    assert time.process_time() - began < 5  # it took minutes


def test_v19_odds_are_a_double() -> None:
    record = {**PV, "bet_areas": [1], "win_areas": [2], "game_result": 1}
    body = answer(pv.GAMES_GAME_HISTORY, f'[{json.dumps(record)[:-1]},"award_odds":1.1500000000000001}}]')
    page = Decoder(pv.GAMES_GAME_HISTORY)(body, lambda envelope: None)
    assert page.table["award_odds"].to_pylist() == [1.1500000000000001]
    assert not page.rejected


def test_v20_a_float_of_an_amount_is_rounded_to_the_scale_and_kept() -> None:
    body = b'{"code":200,"msg":"","data":{"release_count":1,"release_bonus":0.30000000000000004,"converted_cash":1205500.0}}'
    page = Decoder(pv.BONUS_SUMMARY)(body, lambda envelope: None)
    assert page.table["release_bonus"].to_pylist() == [Decimal("0.3")]
    assert page.table["_extra"].to_pylist() == ['{"release_bonus":0.30000000000000004}']
    assert page.counts.rounded == {"release_bonus": 1}


@pytest.mark.parametrize("provider", MAIN)
@pytest.mark.parametrize("name", ["currency", "_new"])
def test_w7_a_cell_nested_700_deep_costs_its_row_only(provider: str, name: str) -> None:
    assert quarantined(provider, f'"{name}":{"[" * 700}{"]" * 700}') == "nested deeper than 200 levels"


@pytest.mark.parametrize(
    ("provider", "name"), [("pv", "bet_amount"), ("aig", "win_amount"), ("jdb", "win"), ("gmag", "rake")]
)
def test_w7_a_number_beyond_all_bounds_costs_its_row_only(provider: str, name: str) -> None:
    assert quarantined(provider, f'"{name}":1e99999999999999999999').startswith(f"{name}: ")


ODD = {
    "null": "null",
    "empty text": '""',
    "text": '"@#"',
    "an object": '{"a":[1.50]}',
    "a list": "[[]]",
    "true": "true",
    "a long number": "7" * 101,
    "a number out of range": "1e99999999999999999999",
    "NaN": "NaN",
    "minus infinity": "-Infinity",
    "a number too small": "1e-400",
    "forty digits": "7" * 40,
    "beyond 64 bits": "9223372036854775808",
    "thousands": '"1,234.50"',
    "digits of another script": '"\uff11\uff12"',
    "half a character": r'"\ud800"',
    "blanks": '" "',
    "nothing beyond the sign": '"-"',
    "30 February": '"2026-02-30 00:00:00"',
    "24 o'clock": '"2026-11-20 24:00:00"',
    "a leap second": '"2026-11-20 23:59:60"',
    "a zone beyond a day": '"2026-11-20T05:00:00+24:00"',
    "the year 0": "-62167219200000",
    "150 levels": "[" * 150 + "]" * 150,
}


@pytest.mark.parametrize("stream", kinds_of_their_own(STREAMS), ids=lambda stream: f"{stream.provider}/{stream.name}")
def test_any_odd_value_in_any_kind_of_field_of_any_stream_is_stored_noted_or_quarantined(stream: Stream) -> None:
    """Nothing is lost: the value is in its column, in `_extra`, or the whole row is in quarantine."""
    decoder = Decoder(stream)
    one = path_to(stream.envelope, OneRow) is not None
    for field in unlike_fields(stream):
        name = field.name
        strict = field.required or field.money or name in (*stream.key, *stream.version_columns, stream.time_column)
        # A single record without any value is no record.
        others = {f.name: sample(stream, f.kind) for f in stream.fields if one or f.required or f.name in stream.key}
        for odd in ODD.values():
            cells = {**others, name: odd}
            text = "{" + ",".join(f"{json.dumps(other)}:{cell}" for other, cell in cells.items()) + "}"
            page = decoder(answer(stream, text if one else f"[{text}]"), lambda envelope: None)
            if page.rejected:
                assert strict, (name, odd)
                assert read(page.rejected[0].raw).keys() == cells.keys()
                continue
            (row,) = page.table.to_pylist()
            assert row[name] is not None or not field.required, (name, odd)
            if row[name] is None and odd not in ("null", '""'):
                assert not strict, (name, odd)
                assert read(row["_extra"]) == {name: read(odd)}
                assert page.counts.odd_values == {name: 1}


def unlike_fields(stream: Stream) -> list[Field]:
    """Return a field of each kind and part in the stream: nothing but their names tells the others from these."""
    roles = (stream.key, stream.version_columns, (stream.time_column,))
    parts = {(replace(f, name=""), *(f.name in role for role in roles)): f for f in reversed(stream.fields)}
    return [*parts.values()]


def read(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def sample(stream: Stream, kind: Kind) -> str:
    """JSON text of a plain value."""
    if isinstance(kind, Epoch):
        return {"s": "1795151400", "ms": "1795151400000"}[kind.unit]
    if isinstance(kind, TimeKind):
        return '"20-11-2026 05:00:00"' if stream.provider == "jdb" else '"2026-11-20 05:00:00"'
    return '"7"' if isinstance(kind, Text) else "7"


def test_the_receipt_counts_odd_and_rounded_values_and_the_log_names_each_column_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = [bet(f"b{i}", at=i * 150, changed=1) for i in range(24)]
    records[3]["stake"] = "0.30000000000000004"
    records[9]["stake"] = "1.00"
    records = [{**record, "seat": seat} for record, seat in zip(records, ["x", [1], 7] * 8, strict=True)]
    stream = replace(BETS, fields=(*BETS.fields, Field("seat", Integer())))
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    with caplog.at_level(logging.WARNING):
        Extraction(Vendor(records, stream), stream).store([SLOT], lake)
    receipt = read_receipt(lake.fs, lake.data(SLOT))
    assert receipt is not None
    assert receipt.odd_values == {"seat": 16}
    assert receipt.rounded == {"stake": 1}
    assert receipt.bad_rows == 0
    (warning,) = [record.message for record in caplog.records if "do not fit the column" in record.message]
    assert "stream bets" in warning
    assert "16 values of seat" in warning
    table = pq.read_table(lake.data(SLOT), partitioning=None)
    assert table["seat"].to_pylist().count(7) == 8
