from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument, OverlappingSlot
from airflow_betproviders.lake.discovery import find_lakes
from airflow_betproviders.lake.folder_names import folder_name, is_shortened, value_of
from airflow_betproviders.lake.layout import COLUMNS, Lake, refuse_overlap
from airflow_betproviders.lake.survey.stored_objects import list_stored_objects
from airflow_betproviders.registry import providers, streams_of
from tests.extraction.stored import store
from tests.extraction.vendor import FIVE, HOUR, MINUTE, SLOT

FS = fsspec.filesystem("file")


def lake(**changes: object) -> Lake:
    return Lake(
        **{"fs": FS, "root": "lake/raw", "provider": "aig", "stream": "transactions", "account": "agent001", **changes}
    )


def around(start: timedelta, end: timedelta) -> Interval:
    return Interval(FIVE + start, FIVE + end)


def test_the_key_of_an_object_is_as_designed() -> None:
    assert lake().data(SLOT) == (
        "lake/raw/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20/"
        "20261120T050000Z-20261120T060000Z.parquet"
    )
    assert lake().quarantine(SLOT) == (
        "lake/raw/_betproviders/quarantine/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20/"
        "20261120T050000Z-20261120T060000Z.jsonl"
    )
    assert lake().archive(SLOT) == (
        "lake/raw/_betproviders/archive/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20/"
        "20261120T050000Z-20261120T060000Z.archive"
    )
    assert lake(filters={"game_id": 2011}).data(SLOT) == (
        "lake/raw/filtered/provider=aig/stream=transactions/account=agent001/filter=game_id%3D2011/"
        "slot_date=2026-11-20/20261120T050000Z-20261120T060000Z.parquet"
    )


def test_filters_become_folders_in_one_order() -> None:
    one = lake(filters={"gTypes": [7, 0], "currency": "CNY"})
    other = lake(filters={"currency": "CNY", "gTypes": (0, 7)})
    assert one.data(SLOT) == other.data(SLOT)
    assert "/account=agent001/filter=currency%3DCNY%26gTypes%3D0,7/slot_date=" in one.data(SLOT)


def test_each_of_account_stream_filters_and_slot_makes_another_key() -> None:
    keys = {
        lake().data(SLOT),
        lake(account="agent002").data(SLOT),
        lake(stream="latest").data(SLOT),
        lake(provider="pv").data(SLOT),
        lake(filters={"game_id": 1}).data(SLOT),
        lake(filters={"game_id": 2}).data(SLOT),
        lake().data(around(HOUR, 2 * HOUR)),
        lake().data(around(timedelta(0), 30 * MINUTE)),
    }
    assert len(keys) == 8


@pytest.mark.parametrize(
    ("account", "folder"),
    [
        ("a/b", "account=a%2Fb"),
        ("a b", "account=a%20b"),
        ("../up", "account=~..%2Fup"),
        ("玩家", "account=玩家"),
        ("a/ü 50%", "account=a%2Fü%2050%25"),
        ("0007", "account=~0007"),
        ("1e5", "account=~1e5"),
        ("true", "account=~true"),
        ("T12:30", "account=~T12%3A30"),
        ("~x", "account=~~x"),
        ("", "account=~"),
        ("a=b&c#?*%", "account=a%3Db%26c%23%3F%2A%25"),
        ("me@x+1", "account=me@x+1"),
    ],
)
def test_odd_characters_of_an_account_are_quoted(account: str, folder: str) -> None:
    assert lake(account=account).data(SLOT).split("/")[4] == folder


@given(st.text(max_size=120))
def test_an_account_is_found_again_by_its_folder(account: str) -> None:
    assume(not any("\ud800" <= char <= "\udfff" for char in account))
    name = folder_name("account", account)
    assert len(name.encode()) <= 200
    assert "/" not in name
    assert value_of("account", name) == account or is_shortened(name)


def test_a_long_filter_is_shortened_and_found_again_by_its_receipt(tmp_path: Path) -> None:
    ids = list(range(200))
    narrowed = lake(root=str(tmp_path), filters={"game_ids": ids})
    folder = narrowed.base.rsplit("/", 1)[-1]
    assert len(folder) <= 200
    assert folder.startswith("filter=game_ids%3D0,1,10,100,101")
    assert lake(root=str(tmp_path), filters={"game_ids": ids[1:]}).base != narrowed.base
    store(narrowed, SLOT, filters={"game_ids": ids})
    (found,) = find_lakes(FS, str(tmp_path))
    assert found.base == narrowed.base
    assert list(found.stored(SLOT)) == [SLOT]


@pytest.mark.parametrize(
    "old",
    [
        "provider=aig/stream=transactions/account=agent001/date=2026-11-20/20261120T050000Z-20261120T060000Z.parquet",
        "provider=aig/stream=transactions/account=agent001/_index/2026-11.json",
        "_reconciliation/provider=aig/account=agent001/stream=transactions/date=2026-11-20.md",
    ],
)
def test_a_lake_of_the_old_layout_is_refused_by_name(tmp_path: Path, old: str) -> None:
    (tmp_path / old).parent.mkdir(parents=True)
    (tmp_path / old).touch()
    place = lake(root=str(tmp_path))
    for action in (
        lambda: place.stored(SLOT),
        place.days,
        lambda: list(find_lakes(FS, str(tmp_path))),
        lambda: list_stored_objects(place),
    ):
        with pytest.raises(InvalidArgument, match="older layout"):
            action()


def test_no_stream_has_a_column_that_a_folder_is_named_like() -> None:
    for provider in providers():
        for stream in streams_of(provider):
            assert not {field.name.casefold() for field in stream.fields} & set(COLUMNS), stream.name


def test_stored_objects_are_found_across_midnight_and_by_overlap(tmp_path: Path) -> None:
    held = lake(root=str(tmp_path))
    midnight = Interval(FIVE - 5 * HOUR, FIVE - 4 * HOUR)
    late = Interval(midnight.start - HOUR, midnight.start)
    day_before = Interval(midnight.start - 24 * HOUR, midnight.start)
    for slot in (midnight, late, day_before):
        target = Path(held.data(slot))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
        target.with_name(f".{target.name}.abc.tmp").touch()
        target.with_name("part-0.parquet").touch()
    assert held.stored(midnight) == {midnight: held.data(midnight)}
    assert set(held.stored(Interval(late.start, midnight.end))) == {midnight, late, day_before}
    assert set(held.stored(around(timedelta(0), HOUR))) == set()
    assert lake(root=str(tmp_path), account="other").stored(midnight) == {}


WIDE = [
    ("the same", timedelta(0), HOUR, True),
    ("inside", 15 * MINUTE, 30 * MINUTE, True),
    ("inside at an edge", timedelta(0), 15 * MINUTE, True),
    ("before", -HOUR, timedelta(0), True),
    ("after", HOUR, 2 * HOUR, True),
    ("cut at the start", -30 * MINUTE, 30 * MINUTE, False),
    ("cut at the end", 30 * MINUTE, 90 * MINUTE, False),
    ("around", -HOUR, 2 * HOUR, False),
]


@pytest.mark.parametrize(("where", "start", "end", "fine"), WIDE, ids=[name for name, *_ in WIDE])
def test_a_stored_object_may_lie_in_a_slot_or_outside_it_but_not_across(
    where: str, start: timedelta, end: timedelta, fine: bool
) -> None:
    stored = {around(start, end): "some/object.parquet"}
    if fine:
        refuse_overlap([SLOT], stored)
        return
    with pytest.raises(OverlappingSlot, match=r"some/object\.parquet.*Use the slot width of that object"):
        refuse_overlap([SLOT], stored)
