"""Slots that another version or another hand has written: merged rightly, or named while all others are merged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.exceptions import UnmergeableSlot
from airflow_betproviders.lake.receipt import FOOTER_KEY
from tests.bets_table.lakes import SampleLake, aig, at, hour_of

Spoil = Callable[[SampleLake, Path], None]


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    sample = SampleLake(tmp_path)
    for hour, name in ((5, "a"), (6, "b"), (7, "c")):
        sample.store(hour_of(hour), [aig(name, placed=at(hour)), aig(f"{name}2", placed=at(hour))], at(8))
    return sample


def _rows(change: Callable[[pa.Table], pa.Table]) -> Spoil:
    def spoil(_sample: SampleLake, path: Path) -> None:
        table = pq.read_table(path)
        pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)

    return spoil


def _column(name: str, values: list[Any], kind: pa.DataType) -> Spoil:
    return _rows(lambda table: table.drop_columns([name]).append_column(name, pa.array(values, kind)))


def _receipt(**members: Any) -> Spoil:
    def spoil(_sample: SampleLake, path: Path) -> None:
        table = pq.read_table(path)
        receipt = {**json.loads(table.schema.metadata[FOOTER_KEY.encode()]), **members}
        pq.write_table(table.replace_schema_metadata({FOOTER_KEY: json.dumps(receipt)}), path)

    return spoil


def _other_slot(sample: SampleLake, path: Path) -> None:
    shutil.copy(sample.lake.data(hour_of(5)), path)


def _other_account(sample: SampleLake, path: Path) -> None:
    other = SampleLake(sample.folder, account="agent002")
    other.store(hour_of(6), [aig("theirs", placed=at(6))], at(8))
    shutil.move(other.lake.data(hour_of(6)), path)


_MS = pa.timestamp("ms", "UTC")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_rows(lambda table: table.drop_columns(["id"])), r"row 0 \{'id': None\}: id is null"),
        (_column("id", ["b", None], pa.string()), r"row 1 \{'id': None\}: id is null"),
        (_rows(lambda table: table.drop_columns(["bet_amount"])), r"row 0 \{'id': 'b'\}: bet_amount is null"),
        (_column("bet_time", [-(10**15), 0], _MS), r"\{'id': 'b'\}: placed_at is outside the years 1 to 9999"),
        (_column("update_time", [0, 253_402_300_800_000], _MS), r"\{'id': 'b2'\}: updated_at is outside the years"),
        (_column("bet_amount", ["1", "x"], pa.string()), r"row 1 \{'id': 'b2'\}"),
        (_rows(lambda table: table.append_column("brand", pa.array([b"\xff", b""]))), "type binary have no JSON text"),
        (_rows(lambda table: table.slice(1)), "has 1 rows, and its receipt says 2"),
        (_receipt(extracted_at=""), "no receipt in its footer"),
        (_receipt(extracted_at="2026-11-20T08:00:00"), "no receipt in its footer"),
        (_receipt(stream="latest"), "in the wrong place: its receipt is of aig latest"),
        (_other_slot, "in the wrong place: .* 2026-11-20T05:00:00"),
        (_other_account, "in the wrong place: .* account agent002"),
    ],
)
def test_a_slot_that_no_bet_can_be_made_of_is_named_and_keeps_no_other_out(
    sample: SampleLake, spoil: Spoil, message: str
) -> None:
    path = Path(sample.lake.data(hour_of(6)))
    spoil(sample, path)
    with pytest.raises(UnmergeableSlot, match=message) as caught:
        sample.merge()
    assert str(path) in str(caught.value)
    assert "xtract the slot again" in str(caught.value)
    assert sorted(sample.rows()) == ["a", "a2", "c", "c2"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array(["ü", None]).dictionary_encode(), "ü"),
        (pa.array(["ü", None], pa.large_string()), "ü"),
        (pa.array([date(2026, 11, 20), None]), "2026-11-20"),
        (pa.array([time(5, 30), None]), "05:30:00.000000"),
        (pa.array([{"a": [1, None]}, None]), {"a": [1, None]}),
    ],
)
def test_a_column_that_is_not_declared_is_kept_in_the_rest(sample: SampleLake, values: pa.Array, text: Any) -> None:
    _rows(lambda table: table.append_column("brand", values))(sample, Path(sample.lake.data(hour_of(6))))
    sample.merge()
    rows = sample.rows()
    assert json.loads(rows["b"]["rest"])["brand"] == text
    assert "brand" not in json.loads(rows["b2"]["rest"])


def test_a_slot_that_is_replaced_by_damage_after_its_listing_is_named(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_betproviders.bets_table.parts import PartReader

    read, path = PartReader.read, Path(sample.lake.data(hour_of(6)))

    def late(self: PartReader) -> Any:
        _other_account(sample, path)
        return read(self)

    monkeypatch.setattr(PartReader, "read", late)
    with pytest.raises(UnmergeableSlot, match=f"{path.name} is in the wrong place"):
        sample.merge()
    assert sorted(sample.rows()) == ["a", "a2", "c", "c2"]


def test_a_slot_that_vanishes_after_its_listing_keeps_no_other_out(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_betproviders.bets_table.parts import PartReader

    read = PartReader.read
    monkeypatch.setattr(PartReader, "read", lambda self: (sample.remove(hour_of(6)), read(self))[1])
    assert sample.merge().slots == 2
    assert sorted(sample.rows()) == ["a", "a2", "c", "c2"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_bet_of_two_slots_with_one_time_of_change_is_that_of_the_later_slot(sample: SampleLake, order: int) -> None:
    for hour, win in ((6, "1"), (7, "2")):
        sample.store(hour_of(hour), [aig("b", placed=at(6), updated=at(6.5), win=win)], at(8))
    for hour in (6, 7)[::order]:
        sample.merge(hour_of(hour))
    assert sample.rows()["b"]["payout"] == 2


def test_any_characters_of_players_and_currencies_come_through(sample: SampleLake) -> None:
    odd = {"user_id": "a'\"\\/\x01\n\u2028💥" + "z" * 5000, "currency": "¤ 💰"}
    sample.store(hour_of(6), [{**aig("b", placed=at(6)), **odd}, {**aig("b2", placed=at(6)), "currency": None}], at(9))
    sample.merge()
    rows = sample.rows()
    assert (rows["b"]["player_id"], rows["b"]["currency"]) == (odd["user_id"], odd["currency"])
    assert (rows["b2"]["currency"], rows["b2"]["stake"]) == (None, 10)
