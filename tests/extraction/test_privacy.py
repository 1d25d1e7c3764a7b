"""No plain value of a column that pii= names is written, and equal values have equal hashes, so that they can be joined."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.declare.fields import Field, Integer, ListOf, Text
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument, ProviderUnavailable
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.fetch import calls
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.quarantine import RejectedRow
from tests.extraction.vendor import BETS, SLOT, Vendor, bet

KEY = b"0123456789abcdef"
PLAYERS = replace(
    BETS,
    fields=(*BETS.fields, Field("player", Text()), Field("number", Integer()), Field("ip", Text()), Field("seats", ListOf(Text()))),
)  # fmt: skip
RULES = {"player": "hash", "number": "hash", "ip": "drop", "seats": "drop"}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def keyed_digest(text: str, key: bytes = KEY) -> str:
    """Return the first half of the HMAC of RFC 2104 over SHA-256, in hexadecimal."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def rows(
    players: list[str | None], numbers: list[int | None], extra: list[str | None] | None = None, rejected: list[RejectedRow] | None = None
) -> WindowRows:  # fmt: skip
    count = len(players)
    schema = columns.schema(PLAYERS.fields).remove(len(PLAYERS.fields) + 1)
    given: dict[str, Any] = {name: pa.nulls(count, schema.field(name).type) for name in schema.names}
    given |= {
        "id": pa.array([str(i) for i in range(count)], pa.string()),
        "player": pa.array(players, pa.string()),
        "number": pa.array(numbers, pa.int64()),
        "ip": pa.array(["10.0.0.1"] * count, pa.string()),
        "_extra": pa.array(extra or [None] * count, pa.string()),
    }
    return WindowRows(SLOT, pa.table(given, schema), None, rejected or [])


def apply(made: WindowRows, rules: dict[str, str] | None = None, key: bytes = KEY) -> WindowRows:
    schema = made.table.schema
    PiiPolicy(PLAYERS, RULES if rules is None else rules, key, {})(made)
    assert made.table.schema == schema
    return made


@given(st.lists(st.tuples(st.none() | TEXTS, st.none() | NUMBERS), max_size=20))
def test_equal_values_have_equal_hashes_and_null_stays_null(values: list[tuple[str | None, int | None]]) -> None:
    players, numbers = [player for player, _ in values], [number for _, number in values]
    made = apply(rows(players, numbers)).table
    assert made["player"].to_pylist() == [None if player is None else keyed_digest(player) for player in players]
    ids = [None if number is None else int(keyed_digest(str(number))[:16], 16) >> 1 for number in numbers]
    assert made["number"].to_pylist() == ids
    assert made["ip"].to_pylist() == [None] * len(values)
    assert made["id"].to_pylist() == [str(i) for i in range(len(values))]


@given(st.lists(TEXTS, min_size=1, unique=True, max_size=20), st.binary(min_size=16), st.binary(min_size=16))
def test_other_values_and_other_keys_give_other_hashes(players: list[str], one: bytes, two: bytes) -> None:
    numbers: list[int | None] = [7] * len(players)
    first = apply(rows([*players], numbers), key=one).table["player"].to_pylist()
    assert len(set(first)) == len(players)
    assert set(first).isdisjoint(players)
    if one != two and one.rstrip(b"\0") != two.rstrip(b"\0"):  # HMAC fills a short key up with zeros
        assert set(first).isdisjoint(apply(rows([*players], numbers), key=two).table["player"].to_pylist())


def test_a_hash_is_the_same_in_every_stream() -> None:
    other = replace(PLAYERS, provider="other", name="rounds")
    assert PiiPolicy(other, RULES, KEY, {}).hash("p1", Text()) == keyed_digest("p1")
    assert apply(rows(["p1"], [None])).table["player"].to_pylist() == [keyed_digest("p1")]


def test_hashes_of_keys_follow_their_columns() -> None:
    stream = replace(PLAYERS, key=("id", "player"))
    made = rows(["a", "b"], [1, 2])
    made.hashes = keys.hashes(made.table, stream.key)
    plain = made.hashes.copy()
    PiiPolicy(stream, {"player": "hash"}, KEY, {})(made)
    assert np.array_equal(made.hashes, keys.hashes(made.table, stream.key))
    assert not np.array_equal(made.hashes, plain)


def test_rules_hold_in_extra_under_the_same_names_however_they_are_written() -> None:
    extra = [
        '{"Player":"p1","new":1.50}',
        '{"ip":["10.0.0.1",null],"a":{"IP":"10.0.0.2","b":[{"number":12}]}}',
        '{"other":"p1 plays"}',
        None,
    ]
    found = apply(rows(["x"] * 4, [1] * 4, extra)).table["_extra"].to_pylist()
    assert found[0] == f'{{"Player":"{keyed_digest("p1")}","new":1.50}}'
    number = int(keyed_digest("12")[:16], 16) >> 1
    assert found[1] == f'{{"ip":null,"a":{{"IP":null,"b":[{{"number":{number}}}]}}}}'
    assert found[2:] == extra[2:]


BAD = [
    # what was sent, the reason, the row and the reason in quarantine
    ('{"id":"1","player":"p1","units":"many"}', 'units: expected an integer, got "many"',
     {"id": "1", "player": keyed_digest("p1"), "units": "many"}, 'units: expected an integer, got "many"'),
    ('{"id":"1","ip":"10.0.0.1"}', "at missing", {"id": "1", "ip": None}, "at missing"),
    ('{"id":"1","number":"ten"}', 'number: expected an integer, got "ten"',
     {"id": "1", "number": keyed_digest("ten")}, "number: the value does not fit; pii withholds it"),
    ('{"id":"1","number":" 12 "}', "at missing", {"id": "1", "number": int(keyed_digest("12")[:16], 16) >> 1}, "at missing"),
    ('{"id":"1","units":{"player":"p1","x":1}}', 'units: expected an integer, got {"player":"p1","x":1}',
     {"id": "1", "units": {"player": keyed_digest("p1"), "x": 1}}, "units: the value does not fit; pii withholds it"),
    ('{"id":"1","ip":"10.0.0.1","units":"10.0.0.1"}', 'units: expected an integer, got "10.0.0.1"',
     {"id": "1", "ip": None, "units": "10.0.0.1"}, "units: the value does not fit; pii withholds it"),
    ('{"player":"a","player":"b","PLAYER":{"first":"c"}}', "id, at missing",
     {"player": keyed_digest("b"), "PLAYER": keyed_digest('{"first":"c"}')}, "id, at missing"),
    ('["p1"]', "the row is not a JSON object", keyed_digest('["p1"]'), "the value does not fit; pii withholds it (a digest of the row is kept)"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason", "kept", "expected"), BAD)
def test_rules_hold_for_rows_in_quarantine(raw: str, reason: str, kept: Any, expected: str) -> None:
    (row,) = apply(rows([], [], rejected=[RejectedRow(raw, reason)])).rejected
    assert json.loads(row.raw) == kept
    assert row.reason == expected


def test_rules_hold_for_doubled_members_of_a_row_in_quarantine() -> None:
    (row,) = apply(
        rows([], [], rejected=[RejectedRow('{"player":"a","player":"b","ip":"1","ip":"2"}', "id missing")])
    ).rejected
    assert row.raw == f'{{"player":"{keyed_digest("a")}","ip":null,"player":"{keyed_digest("b")}","ip":null}}'


def test_without_a_key_a_row_that_is_no_object_leaves_nothing() -> None:
    made = rows([], [], rejected=[RejectedRow('"10.0.0.1"', "the row is not a JSON object")])
    (row,) = apply(made, {"ip": "drop"}, b"").rejected
    assert row.raw == "null"


REFUSED: list[tuple[dict[str, str], dict[str, Any], str]] = [
    ({"Player": "hash"}, {}, "it has no column 'Player'. Did you mean 'player'?"),
    ({"shoe": "drop"}, {}, "it has no column 'shoe'. It has: id, at, changed, stake"),
    ({"_extra": "drop"}, {}, "it has no column '_extra'"),
    ({7: "drop"}, {}, "it has no column 7. It has: "),
    ({"player": "mask"}, {}, "player: 'mask' is neither 'drop' nor 'hash'"),
    ({"player": "hash"}, {"player": "p1"}, "player: it is a filter too, and its plain value would become a folder"),
    ({"at": "drop"}, {}, "at: it orders the rows"),
    ({"changed": "hash"}, {}, "changed: it orders the rows"),
    ({"id": "drop"}, {}, "id: rows cannot do without it; hash it instead"),
    ({"stake": "hash"}, {}, "stake: it is neither text nor an id, so it cannot be hashed; drop it instead"),
    ({"units": "hash"}, {}, "units: it is neither text nor an id, so it cannot be hashed; drop it instead"),
    ({"seats": "hash"}, {}, "seats: it is neither text nor an id"),
]


@pytest.mark.parametrize(("rules", "filters", "message"), REFUSED)
def test_rules_that_cannot_be_kept_are_refused(rules: dict[str, str], filters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        PiiPolicy(PLAYERS, rules, KEY, filters)
    assert message in str(caught.value)


# ------------------------------------------------------------------ in a slot


def seated(**odd: Any) -> list[dict[str, Any]]:
    return [
        {
            **bet(f"b{i}", at=i * 150),
            "player": f"player-{i % 3}",
            "number": 4_000_000 + i % 2,
            "ip": f"10.0.0.{i}",
            **odd,
        }
        for i in range(24)
    ]


def stored(
    tmp_path: Path, stream: Stream, records: list[dict[str, Any]], pii_policy: PiiPolicy | None = None
) -> pa.Table:
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    Extraction(Vendor(records, stream), stream, pii_policy=pii_policy).store([SLOT], lake)
    receipt = read_receipt(lake.fs, lake.data(SLOT))
    assert receipt is not None
    assert receipt.pii == (pii_policy.rules if pii_policy else {})
    return pq.read_table(lake.data(SLOT), partitioning=None)


def test_a_slot_differs_from_a_plain_one_in_those_columns_only(tmp_path: Path) -> None:
    plain = stored(tmp_path / "plain", PLAYERS, seated())
    made = stored(tmp_path / "apply", PLAYERS, seated(), PiiPolicy(PLAYERS, RULES, KEY, {}))
    untouched = [name for name in plain.column_names if name not in (*RULES, "_extracted_at")]
    assert made.select(untouched) == plain.select(untouched)
    assert made.schema == plain.schema
    assert made["player"].to_pylist() == [keyed_digest(player) for player in plain["player"].to_pylist()]
    assert made["ip"].null_count == 24


def test_a_key_that_is_hashed_is_still_each_once(tmp_path: Path) -> None:
    """The same rows in two windows, so that the finished file has to be gone through once more."""
    stream = replace(PLAYERS, key=("player",), reject_outside_window=False)
    records = [
        {**row, "player": "same" if i in (0, 23) else row["id"], "changed": i * 1000} for i, row in enumerate(seated())
    ]
    pii_policy = PiiPolicy(stream, {"player": "hash"}, KEY, {})
    table = stored(tmp_path, stream, records, pii_policy)
    assert table.num_rows == 23
    assert table["id"].to_pylist().count("b23") == 1
    assert "b0" not in table["id"].to_pylist()


def test_an_error_does_not_quote_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(calls, "ATTEMPTS", 1)
    vendor = Vendor(seated(), PLAYERS, spoil=lambda call, answer: b'["10.0.0.1"]')
    pii_policy = PiiPolicy(PLAYERS, RULES, KEY, {})
    with pytest.raises(ProviderUnavailable) as caught, Extraction(vendor, PLAYERS, pii_policy=pii_policy).read(SLOT):
        pass
    assert "10.0.0.1" not in str(caught.value)
    with pytest.raises(ProviderUnavailable, match=r"10\.0\.0\.1"), Extraction(vendor, PLAYERS).read(SLOT):
        pass
