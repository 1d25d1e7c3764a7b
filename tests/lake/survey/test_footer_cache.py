"""The footer cache makes a survey fast, and no fault of the cache changes its result."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import StoreError
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.survey import footer_cache, stored_objects
from airflow_betproviders.lake.survey.stored_objects import list_stored_objects
from tests.extraction.stored import parquet, put, receipt_of, store
from tests.extraction.vendor import FIVE, HOUR
from tests.seaweed import SeaweedFS, requests_of, seaweed  # noqa: F401 - the fixture

Seen = dict[Interval, tuple[int | None, int | None]]


def hour(number: int) -> Interval:
    return Interval(FIVE + number * HOUR, FIVE + (number + 1) * HOUR)


SPAN = Interval(FIVE, FIVE + DAY)


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    if request.param == "local":
        yield Lake(fsspec.filesystem("file"), str(tmp_path / "lake"), "toy", "bets", "agent001")
    else:
        server: SeaweedFS = request.getfixturevalue("seaweed")
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)
        yield Lake(server.filesystem(), f"{server.bucket}/{name}", "toy", "bets", "agent001")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the reads of each object's footer, by the hour of its slot."""
    counts: Counter[str] = Counter()
    read, lock = stored_objects.read_footer, threading.Lock()

    def counting(fs: Any, path: str) -> Any:
        with lock:
            counts[Interval.from_name(path.rsplit("/", 1)[-1].removesuffix(".parquet")).start.hour] += 1
        return read(fs, path)

    monkeypatch.setattr(stored_objects, "read_footer", counting)
    return counts


def seen(lake: Lake, span: Interval | None = SPAN) -> Seen:
    """Return the rows of the file and of its receipt, by slot."""
    return {
        entry.interval: (entry.rows, entry.receipt and entry.receipt.rows) for entry in list_stored_objects(lake, span)
    }


def document(lake: Lake) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lake.fs.cat_file(lake.receipts_cache("2026-11")))
    return found


def test_each_footer_is_read_once(lake: Lake, reads: Counter[str]) -> None:
    for number in range(3):
        store(lake, hour(number), rows=number)
    expected = {hour(number): (number, number) for number in range(3)}
    assert seen(lake) == expected
    assert reads == {5: 1, 6: 1, 7: 1}
    assert seen(lake) == seen(lake, None) == expected
    assert reads.total() == 3
    assert [entry.path for entry in list_stored_objects(lake, SPAN)] == [lake.data(hour(number)) for number in range(3)]


def test_only_slots_that_overlap_the_interval_are_listed(lake: Lake) -> None:
    for number in (0, 1, 2, 30):
        store(lake, hour(number))
    assert list(seen(lake, Interval(FIVE + 1.5 * HOUR, FIVE + 2 * HOUR))) == [hour(1)]
    assert list(seen(lake, None)) == [hour(number) for number in (0, 1, 2, 30)]
    assert seen(Lake(lake.fs, lake.root, "toy", "bets", "other"), None) == {}


def test_a_new_a_replaced_and_a_removed_object_are_seen_at_once(lake: Lake, reads: Counter[str]) -> None:
    for number in range(3):
        store(lake, hour(number))
    seen(lake)
    reads.clear()
    store(lake, hour(1), rows=4)
    lake.fs.rm_file(lake.data(hour(2)))
    store(lake, hour(3))
    assert seen(lake) == {hour(0): (3, 3), hour(1): (4, 4), hour(3): (3, 3)}
    assert reads == {6: 1, 8: 1}
    assert hour(2).name not in document(lake)["objects-3"]["identities"]


def test_an_object_that_is_replaced_after_the_listing_is_read_again_by_the_next_survey(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(lake, hour(0), rows=1)
    read = stored_objects.read_footer

    def late(fs: Any, path: str) -> Any:
        store(lake, hour(0), rows=2)
        footer = read(fs, path)
        store(lake, hour(0), rows=3)
        return footer

    monkeypatch.setattr(stored_objects, "read_footer", late)
    assert seen(lake) == {hour(0): (2, 2)}
    monkeypatch.setattr(stored_objects, "read_footer", read)
    assert seen(lake) == {hour(0): (3, 3)}


def test_an_object_put_back_as_it_was_is_read_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache may have the footer of an object that replaced it for a moment."""
    read = stored_objects.read_footer
    first = parquet(1, receipt_of(lake, hour(0), 1))
    put(lake, hour(0), first)

    def late(fs: Any, path: str) -> Any:
        store(lake, hour(0), rows=2)
        return read(fs, path)

    monkeypatch.setattr(stored_objects, "read_footer", late)
    assert seen(lake) == {hour(0): (2, 2)}
    monkeypatch.setattr(stored_objects, "read_footer", read)
    threading.Event().wait(1.1)  # S3's times are in seconds
    put(lake, hour(0), first)
    assert seen(lake) == {hour(0): (1, 1)}


def test_a_wider_object_that_replaces_a_listed_one_before_it_is_read_is_listed_instead(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Interval(FIVE, FIVE + 3 * HOUR)
    store(lake, hour(1))
    read = stored_objects.read_footer

    def late(fs: Any, path: str) -> Any:
        monkeypatch.setattr(stored_objects, "read_footer", read)
        store(lake, wide, rows=9)
        fs.rm_file(lake.data(hour(1)))
        return read(fs, path)

    monkeypatch.setattr(stored_objects, "read_footer", late)
    assert seen(lake) == {wide: (9, 9)}


BROKEN = {
    "empty": b"",
    "cut": b'{"objects-3": {',
    "not JSON": b"\xff\xfe",
    "a list": b"[1]",
    "of another format": b'{"objects-9": {}}',
    "with other members": b'{"objects-3": {"20261120T050000Z-20261120T060000Z": {"rows": 3}}}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_cache_that_cannot_be_read_is_rebuilt(
    lake: Lake, reads: Counter[str], caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    store(lake, hour(0))
    lake.fs.makedirs(lake.receipts_cache("2026-11").rpartition("/")[0], exist_ok=True)
    lake.fs.pipe_file(lake.receipts_cache("2026-11"), content)
    with caplog.at_level(logging.WARNING):
        assert seen(lake) == {hour(0): (3, 3)}
    assert "cannot be read and is rebuilt" in caplog.text
    assert seen(lake) == {hour(0): (3, 3)}
    assert reads.total() == 1


def test_without_permission_to_write_the_survey_works_without_a_cache(
    lake: Lake, reads: Counter[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: Any) -> None:
        raise PermissionError("Access Denied")

    store(lake, hour(0))
    monkeypatch.setattr(footer_cache, "put_bytes", forbidden)
    with caplog.at_level(logging.WARNING):
        assert seen(lake) == seen(lake) == {hour(0): (3, 3)}
    assert "cannot be written" in caplog.text
    assert reads.total() == 2


def test_a_cache_that_another_task_overwrites_costs_only_time(
    lake: Lake, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tasks look at different days of one month, and write its cache one after the other."""
    store(lake, hour(0))
    store(lake, hour(48))
    write = footer_cache.put_bytes

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(footer_cache, "put_bytes", write)
        list_stored_objects(lake, hour(48))
        write(*arguments)

    monkeypatch.setattr(footer_cache, "put_bytes", late)
    list_stored_objects(lake, hour(0))
    assert list(document(lake)["objects-3"]["identities"]) == [hour(0).name]
    assert set(seen(lake, None)) == {hour(0), hour(48)}
    assert reads.total() == 3
    assert set(seen(lake, None)) == {hour(0), hour(48)}
    assert reads.total() == 3


def test_a_survey_of_one_day_keeps_the_cached_footers_of_others_and_writes_only_changes(
    lake: Lake, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(lake, hour(0))
    store(lake, hour(96))
    list_stored_objects(lake)
    store(lake, hour(1))
    list_stored_objects(lake, hour(1))
    assert set(document(lake)["objects-3"]["identities"]) == {hour(0).name, hour(1).name, hour(96).name}
    monkeypatch.setattr(footer_cache, "put_bytes", lambda *_: pytest.fail("nothing is new"))
    assert len(list_stored_objects(lake)) == 3
    assert reads.total() == 3


def test_an_object_without_a_receipt_is_listed_without_one_and_not_read_again(lake: Lake, reads: Counter[str]) -> None:
    put(lake, hour(0), parquet(2, None))
    put(lake, hour(1), b"PAR1 but cut off")
    put(lake, hour(2), parquet(2, receipt_of(lake, hour(2), 2))[:-9] + b"\0\0\0\x7fPAR1")
    put(lake, hour(3), b"")
    lake.fs.pipe_file(f"{lake.folder(FIVE.date())}/part-0.parquet", b"")
    lake.fs.cp_file(lake.data(hour(0)), f"{lake.folder(FIVE.date())}/{hour(30).name}.parquet")
    expected = {hour(0): (2, None), hour(1): (None, None), hour(2): (None, None), hour(3): (None, None)}
    assert seen(lake) == seen(lake, None) == expected
    assert reads == {5: 1, 6: 1, 7: 1}


def test_members_of_receipts_come_back_from_the_cache(lake: Lake) -> None:
    members = {
        "bytes": 2**40,
        "proof": {"total": 3},
        "sums": {"stake": "0.10"},
        "run_id": "scheduled__ü",
        "filters": {},
    }
    store(lake, hour(0), rows=0)
    store(lake, hour(1), **members)
    put(lake, hour(2), parquet(2, None))
    first, second = list_stored_objects(lake, SPAN), list_stored_objects(lake, SPAN)
    assert first == second
    assert [entry.receipt for entry in second] == [
        receipt_of(lake, hour(0), 0), receipt_of(lake, hour(1), 3, **members), None,
    ]  # fmt: skip


def test_a_member_of_a_newer_version_is_ignored(lake: Lake) -> None:
    receipt = receipt_of(lake, hour(0), 3)
    text = json.dumps({**receipt.to_members(), "of_the_future": 1})
    put(lake, hour(0), parquet(3, SimpleNamespace(to_footer=lambda: {"betproviders.receipt": text})))
    assert [entry.receipt for entry in list_stored_objects(lake, SPAN)] == [receipt]


@pytest.mark.parametrize("text", ["[1]", "{}", "7", "not JSON", '"text"'])
def test_a_footer_whose_receipt_is_anothers_text_has_none(lake: Lake, text: str) -> None:
    put(lake, hour(0), parquet(3, SimpleNamespace(to_footer=lambda: {"betproviders.receipt": text})))
    assert seen(lake) == seen(lake) == {hour(0): (3, None)}


def _edited(lake: Lake, edit: Callable[[dict[str, Any]], object]) -> None:
    cache = document(lake)
    edit(cache["objects-3"])
    lake.fs.pipe_file(lake.receipts_cache("2026-11"), json.dumps(cache).encode())


@pytest.mark.parametrize(
    "edit",
    [
        lambda cache: cache["columns"]["start"].pop(),
        lambda cache: cache["rows"].pop(),
        lambda cache: cache["identities"].popitem(),
        lambda cache: cache["same"].pop("version"),
        lambda cache: cache["columns"].clear(),
    ],
)
def test_a_cache_whose_columns_do_not_fit_is_rebuilt(
    lake: Lake, reads: Counter[str], edit: Callable[[dict[str, Any]], object]
) -> None:
    for number in range(2):
        store(lake, hour(number))
    seen(lake)
    _edited(lake, edit)
    reads.clear()
    assert seen(lake) == {hour(0): (3, 3), hour(1): (3, 3)}
    assert reads.total() == 2


@pytest.mark.s3
def test_on_s3_a_month_costs_one_listing_and_one_read_and_no_footer(
    seaweed: SeaweedFS,  # noqa: F811
    request: pytest.FixtureRequest,
) -> None:
    fs = seaweed.filesystem()
    lake = Lake(fs, f"{seaweed.bucket}/{request.node.name}", "toy", "bets", "agent001")
    for number in range(48):
        store(lake, hour(number))
    requests = requests_of(fs)
    span = Interval(FIVE, FIVE + 2 * DAY)
    assert len(seen(lake, span)) == 48
    once = 4  # listings a process, which look for an older layout
    assert requests == {"ListObjectsV2": 1 + once, "GetObject": 49, "PutObject": 1}
    requests.clear()
    assert len(seen(lake, span)) == 48
    assert requests == {"ListObjectsV2": 1, "GetObject": 1}


@pytest.mark.s3
def test_on_s3_months_without_a_slot_cost_no_listing(
    seaweed: SeaweedFS,  # noqa: F811
    request: pytest.FixtureRequest,
) -> None:
    fs = seaweed.filesystem()
    lake = Lake(fs, f"{seaweed.bucket}/{request.node.name}", "toy", "bets", "agent001")
    store(lake, hour(0))
    requests = requests_of(fs)
    assert len(seen(lake, Interval(FIVE - 365 * 20 * DAY, FIVE + 365 * 20 * DAY))) == 1
    assert requests["ListObjectsV2"] <= 1 + 1 + 4  # the days, their month, and those that look for an older layout


def test_where_a_listing_cannot_tell_versions_apart_footers_are_read_each_time(reads: Counter[str]) -> None:
    fs = MemoryFileSystem(skip_instance_cache=True)
    lake = Lake(fs, "/cache-of-memory", "toy", "bets", "agent001")
    store(lake, hour(0))
    assert seen(lake) == seen(lake) == {hour(0): (3, 3)}
    assert reads.total() == 2


def test_an_error_of_the_store_is_raised_and_does_not_count_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(LocalFileSystem(), str(tmp_path), "toy", "bets", "agent001")
    store(lake, hour(0))
    monkeypatch.setattr(LocalFileSystem, "cat_file", lambda *_, **__: (_ for _ in ()).throw(PermissionError("no")))
    with pytest.raises(StoreError, match=r"cannot be read: no\. Check that the store") as caught:
        seen(lake)
    assert isinstance(caught.value.__cause__, PermissionError)


class Unreachable(Exception):
    """An error of a store's own library, which is no `OSError`, as those of botocore."""


@pytest.mark.parametrize("method", ["ls", "find", "cat_file"])
def test_an_error_of_the_stores_library_becomes_one_that_names_the_path_and_the_cure(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = MemoryFileSystem()
    lake = Lake(fs, "/unreachable", "aig", "transactions", "agent001")
    store(lake, hour(0))
    monkeypatch.setattr(stored_objects, "is_object_store", lambda fs: method == "find")
    monkeypatch.setattr(stored_objects, "refuse_old_layout", lambda fs, root: None)

    def fail(path: str, *_: Any, **__: Any) -> None:
        if "receipts-cache" in path:
            raise FileNotFoundError(path)
        raise Unreachable("Could not connect to the endpoint URL")

    monkeypatch.setattr(fs, method, fail)
    with pytest.raises(
        StoreError, match=r"/unreachable.* cannot be read: Could not connect.* URL\. Check that"
    ) as caught:
        list_stored_objects(lake)
    assert isinstance(caught.value.__cause__, Unreachable)


def test_only_the_end_of_an_object_that_is_not_parquet_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(LocalFileSystem(), str(tmp_path), "toy", "bets", "agent001")
    put(lake, hour(0), b"x" * 1_000_000)
    read, sizes = LocalFileSystem.cat_file, []

    def measured(*arguments: Any, **options: Any) -> bytes:
        found: bytes = read(*arguments, **options)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(LocalFileSystem, "cat_file", measured)
    assert seen(lake) == {hour(0): (None, None)}
    assert sum(sizes) < 100_000


def test_a_cache_that_the_stores_library_fails_to_read_is_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = MemoryFileSystem()
    lake = Lake(fs, "/unread-cache", "aig", "transactions", "agent001")
    store(lake, hour(0))
    first = seen(lake)
    read = fs.cat_file

    def fail(path: str, *arguments: Any, **options: Any) -> Any:
        if "receipts-cache" in path:
            raise Unreachable("Read timeout")
        return read(path, *arguments, **options)

    monkeypatch.setattr(fs, "cat_file", fail)
    assert seen(lake) == first == {hour(0): (3, 3)}
