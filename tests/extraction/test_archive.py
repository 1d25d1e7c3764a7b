"""An archive keeps each answer to the byte before the slot is stored, and rebuilds the same slot."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tenacity.nap
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.fields import Field, Integer
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import (
    IncompleteWindow,
    InvalidArgument,
    OverlappingSlot,
    ProviderRateLimited,
    ProviderRequestError,
)
from airflow_betproviders.extraction import archive as archiving
from airflow_betproviders.extraction.archive import ArchiveReader, ArchiveWriter, expire
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.calls import Reply
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish, read_receipt
from airflow_betproviders.lake.receipt import FOOTER_KEY as RECEIPT_KEY
from airflow_betproviders.lake.receipt import Receipt
from tests.examples import examples
from tests.extraction.vendor import BETS, FIVE, HOUR, MINUTE, SLOT, Vendor, bet

QUARTERS = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(fsspec.filesystem("file"), str(tmp_path / "lake"), "toy", "bets", "agent001")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda seconds: None))


def hour() -> list[dict[str, Any]]:
    """Bets all over an hour, several pages in each window; two share a moment."""
    return [bet(f"b{i:02}", at=i // 2 * 150, changed=i) for i in range(48)]


def files(lake: Lake) -> list[str]:
    return sorted(str(path.relative_to(lake.base)) for path in Path(lake.root).rglob("*") if path.is_file())


def footer(path: str) -> dict[str, Any]:
    receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
    assert receipt is not None
    return receipt.to_members()


def data_bytes(path: str) -> bytes:
    """Return the file up to its footer: all but the receipt and what Parquet says of itself."""
    content = Path(path).read_bytes()
    return content[: -8 - int.from_bytes(content[-8:-4], "little")]


def rows_of(lake: Lake, slot: Interval) -> list[dict[str, Any]]:
    return pq.read_table(lake.archive(slot), partitioning=None).to_pylist()


# ------------------------------------------------------------------ what is kept


def test_each_reply_is_kept_unchanged_with_its_request(lake: Lake) -> None:
    vendor = Vendor(hour()[:8])
    Extraction(vendor, BETS, archive=True).store([QUARTERS[0]], lake)
    rows = rows_of(lake, QUARTERS[0])
    assert sorted(row["call"] for row in rows) == [1, 2, 3]
    by_page = {json.loads(row["params"])["page"]: row for row in rows}
    assert {len(json.loads(row["body"])["rows"]) for row in rows} == {3, 2}
    again = [Vendor(hour()[:8]).request(BETS, QUARTERS[0], {"page": page, "size": 3}) for page in (1, 2, 3)]
    assert [by_page[page]["body"] for page in (1, 2, 3)] == again
    for row in rows:
        assert (row["window_start"], row["window_end"]) == (QUARTERS[0].start, QUARTERS[0].end)
        assert abs(row["asked_at"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
        assert (row["usable"], row["error"], row["part"]) == (True, None, 0)


def test_a_refused_reply_is_kept_with_its_reason_and_without_what_it_echoes_of_the_request(lake: Lake) -> None:
    vendor = Vendor(hour()[:2])
    bodies = [b'{"code":200,"total":2,"rows":[{"id"', b'<html>sign=0123abcd key: "topsecret" &x=Zm9v</html>']
    vendor.spoil = lambda call, answer: bodies[call - 1] if call <= 2 else answer
    Extraction(vendor, BETS, archive=True).store([QUARTERS[0]], lake)
    cut, html, whole = sorted(rows_of(lake, QUARTERS[0]), key=lambda row: row["call"])
    assert cut["body"] == bodies[0]
    assert not cut["usable"]
    assert "not JSON" in cut["error"]
    assert html["body"] == b'<html>sign=*** key: "***" &x=***</html>'
    assert whole["usable"]


def test_a_call_without_an_answer_is_kept_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = [ProviderRateLimited("vendor answered HTTP 429: called too often")]
    request = Vendor.request

    def limited(self: Vendor, *asked: Any) -> bytes:
        if errors:
            raise errors.pop()
        return request(self, *asked)

    monkeypatch.setattr(Vendor, "request", limited)
    Extraction(Vendor(hour()[:2]), BETS, archive=True).store([QUARTERS[0]], lake)
    first, second = sorted(rows_of(lake, QUARTERS[0]), key=lambda row: row["call"])
    assert (first["usable"], first["body"], second["usable"]) == (False, None, True)
    assert first["error"] == "vendor answered HTTP 429: called too often"


def test_the_archive_says_what_slot_it_is_of(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True, run_metadata={"run_id": "r", "version": "1"}).store([SLOT], lake)
    assert footer(lake.archive(SLOT)) == footer(lake.data(SLOT))
    with ArchiveReader.opened(lake, SLOT) as archived:
        assert [window for window, calls in archived.windows] == QUARTERS
        assert archived.utc_offset == timedelta(0)


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=12), st.integers(1, 9), st.randoms())
def test_any_replies_in_any_order_come_back_to_the_byte(sizes: list[tuple[int, bool]], piece: int, rng: Any) -> None:
    bodies = {call: rng.randbytes(size) for call, (size, _) in enumerate(sizes, 1)}
    order = sorted(bodies)
    rng.shuffle(order)
    start, end = SLOT.texts
    receipt = Receipt(provider="toy", stream="bets", account="a", start=start, end=end, extracted_at=FIVE.isoformat())
    with pytest.MonkeyPatch.context() as patch, ArchiveWriter(timedelta(hours=-4)) as archive:
        patch.setattr(archiving, "_PIECE", piece)
        for call in order:
            page = Page(pa.table({}), None)
            archive.add(Reply(SLOT, {}, call, FIVE, bodies[call]), page)
            assert page.call == call
        archive.close(receipt)
        with pq.ParquetFile(archive.path) as file:
            archived = ArchiveReader(file, Lake(None, "", "toy", "bets", "a"), SLOT)
            assert {call: archived.body(call) for call in bodies} == bodies
            assert archived.utc_offset == timedelta(hours=-4)
            with pytest.raises(InvalidArgument, match=r"lacks the answer to call 99\. Extract its slot again"):
                archived.body(99)


def test_without_archive_nothing_is_kept(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS).store([SLOT], lake)
    assert files(lake) == [f"slot_date=2026-11-20/{SLOT.name}.parquet"]


# ------------------------------------------------------------------ where, and when


def test_the_archive_is_there_before_the_data(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    original = type(lake.fs).put_file

    def noted(self: Any, source: str, target: str, **options: Any) -> Any:
        put.append(target)
        return original(self, source, target, **options)

    monkeypatch.setattr(type(lake.fs), "put_file", noted)
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    assert ["/archive/" in target for target in put] == [True, False]


KILLER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import fsspec
    from airflow_betproviders.lake import publish
    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.lake.layout import Lake

    root, file, slot, nth, where = sys.argv[1:]
    fs, seen, original = fsspec.filesystem("file"), [], Path.replace
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
    def half(self, lpath, rpath, **kwargs):
        seen.append(rpath)
        if len(seen) == int(nth):
            Path(rpath).write_bytes(Path(lpath).read_bytes()[:3]); die()
        Path(rpath).write_bytes(Path(lpath).read_bytes())
    def renamed(self, target):
        if len(seen) == int(nth) and where == "before": die()
        original(self, target)
        if len(seen) == int(nth): die()
    if where == "writing":
        type(fs).put_file = half
    else:
        put = type(fs).put_file
        def counted(self, lpath, rpath, **kwargs):
            seen.append(rpath); put(self, lpath, rpath, **kwargs)
        type(fs).put_file, Path.replace = counted, renamed
    publish.publish(Lake(fs, root, "toy", "bets", "agent001"), Interval.from_name(slot), Path(file), [], Path(file))
    """
)


@pytest.mark.parametrize("where", ["writing", "before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_worker_that_is_killed_leaves_complete_objects_and_no_data_without_its_archive(
    lake: Lake, tmp_path: Path, nth: int, where: str
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("newer")
    publish(lake, SLOT, old, [], old)
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, lake.root, str(new), SLOT.name, str(nth), where],
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert killed.returncode == -signal.SIGKILL
    archived = "newer" if nth == 2 or where == "after" else "old"
    stored = "newer" if nth == 2 and where == "after" else "old"
    assert Path(lake.archive(SLOT)).read_text() == archived
    assert Path(lake.data(SLOT)).read_text() == stored
    assert lake.archived(SLOT) == {SLOT: lake.archive(SLOT)}


def test_archives_of_smaller_slots_go_with_their_data(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store(QUARTERS, lake)
    assert len(lake.archived(SLOT)) == 4
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    assert lake.archived(SLOT) == {SLOT: lake.archive(SLOT)}
    assert lake.stored(SLOT) == {SLOT: lake.data(SLOT)}


def test_a_slot_that_is_refused_after_all_leaves_no_archive(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    across = Interval(FIVE - HOUR / 2, FIVE + HOUR / 2)
    publish(lake, across, file, [])
    with pytest.raises(OverlappingSlot):
        publish(lake, SLOT, file, [], file)
    assert lake.archived(SLOT) == {}


def test_what_came_of_a_slot_that_failed_is_evidence_and_no_archive(lake: Lake) -> None:
    vendor = Vendor(hour()[:8])
    vendor.spoil = lambda call, answer: {**answer, "total": 100 + call}
    with pytest.raises(IncompleteWindow):
        Extraction(vendor, BETS, archive=True).store([QUARTERS[0]], lake)
    assert lake.archived(SLOT) == {}
    kept = pq.read_table(lake.failed(QUARTERS[0]), partitioning=None).to_pylist()
    assert len(kept) >= 5
    assert json.loads(kept[0]["body"])["total"] > 100
    Extraction(Vendor(hour()[:8]), BETS, archive=True).store([QUARTERS[0]], lake)
    assert set(lake.archived(SLOT)) == {QUARTERS[0]}


def test_evidence_that_cannot_be_stored_does_not_hide_the_failure(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(hour()[:8])
    vendor.spoil = lambda call, answer: {"code": 500}

    def refused(*args: Any, **options: Any) -> None:
        raise PermissionError("read only")

    monkeypatch.setattr(type(lake.fs), "put_file", refused)
    with pytest.raises(ProviderRequestError):
        Extraction(vendor, BETS, archive=True).store([QUARTERS[0]], lake)
    assert "could not be stored" in caplog.text


def test_archives_of_days_that_are_over_long_enough_are_deleted(lake: Lake) -> None:
    file = Path(lake.root).parent / "file"
    file.write_text("x")
    for day in range(1, 6):
        slot = Interval(SLOT.start - day * timedelta(days=1), SLOT.end - day * timedelta(days=1))
        publish(lake, slot, file, [], file)
    # The day of the 18th ended at the midnight of the 19th.
    expire(lake, datetime(2026, 11, 18, 23, 59, tzinfo=timezone.utc))
    month = Interval(FIVE - timedelta(days=20), FIVE + HOUR)
    assert sorted(slot.start.day for slot in lake.archived(month)) == [18, 19]
    expire(lake, datetime(2026, 11, 19, tzinfo=timezone.utc))
    assert sorted(slot.start.day for slot in lake.archived(month)) == [19]
    assert len(lake.stored(month)) == 5
    expire(Lake(lake.fs, f"{lake.root}/nothing", "toy", "bets", "agent001"), FIVE)


# ------------------------------------------------------------------ again


def troubled_answers(call: int, answer: dict[str, Any]) -> bytes | dict[str, Any]:
    """Return the answer to a call: refused, with another total, with a row twice, or as it is."""
    if call % 7 == 3:
        return b"<html>busy</html>"
    if call in (4, 5):
        return {**answer, "total": answer["total"] + 1}
    if call % 5 == 1 and answer["rows"]:
        return {**answer, "rows": [*answer["rows"], answer["rows"][0]]}
    return answer


SPOILS: list[Callable[[int, dict[str, Any]], bytes | dict[str, Any]] | None] = [None, troubled_answers]


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("cut", [[SLOT], QUARTERS])
def test_a_replay_gives_the_same_bytes(lake: Lake, spoil: Any, cut: list[Interval]) -> None:
    rows = [*hour(), {**bet("odd", at=70), "units": "many"}, {**bet("more", at=1000), "unknown": [1, 2]}]
    Extraction(Vendor(rows, spoil=spoil), BETS, archive=True, run_metadata={"run_id": "first"}).store(cut, lake)
    before = {slot: (data_bytes(path), footer(path)) for slot, path in lake.stored(SLOT).items()}
    bad = {slot: Path(lake.quarantine(slot)).read_text() for slot in cut if Path(lake.quarantine(slot)).exists()}
    assert bad
    archives = {path: Path(path).read_bytes() for path in lake.archived(SLOT).values()}
    for path in lake.stored(SLOT).values():
        Path(path).unlink()

    silent = Vendor([])
    replay = Replay(silent, BETS, lake, run_metadata={"run_id": "second"})
    stored = replay.store(replay.slots(SLOT), lake)

    assert silent.asked == []
    assert stored.total("rows") == 49
    for slot, path in lake.stored(SLOT).items():
        content, receipt = data_bytes(path), footer(path)
        assert content == before[slot][0]
        assert receipt.pop("replayed_at") > receipt["extracted_at"]
        expected = {k: v for k, v in before[slot][1].items() if k != "replayed_at"}
        assert receipt == {**expected, "run_id": "second", "changed_by": "None/second"}  # nothing was there any more
        if spoil and slot == SLOT:
            assert receipt["reread"] > 0
            assert receipt["calls"] > 16
    assert {slot: Path(lake.quarantine(slot)).read_text() for slot in bad} == bad
    assert {path: Path(path).read_bytes() for path in archives} == archives


def test_a_replay_does_not_depend_on_how_windows_are_planned_today(lake: Lake) -> None:
    Extraction(Vendor(hour(), spoil=troubled_answers), BETS, archive=True).store([SLOT], lake)
    before = data_bytes(lake.data(SLOT))
    today = replace(BETS, windows=replace(BETS.windows, span=5 * MINUTE), paging=replace(BETS.paging, page_size=50))
    Replay(Vendor([]), today, lake).store([SLOT], lake)
    assert data_bytes(lake.data(SLOT)) == before


def test_the_utc_offset_is_that_of_the_archive(lake: Lake) -> None:
    Extraction(Vendor(hour(), utc_offset=timedelta(hours=-4)), BETS, archive=True).store([SLOT], lake)
    with ArchiveReader.opened(lake, SLOT) as archived:
        assert archived.utc_offset == timedelta(hours=-4)


def test_a_field_that_is_declared_later_becomes_a_column(lake: Lake) -> None:
    rows = [{**row, "table_no": i} for i, row in enumerate(hour())]
    Extraction(Vendor(rows), BETS, archive=True).store([SLOT], lake)
    assert "table_no" not in pq.read_schema(lake.data(SLOT)).names
    fixed = replace(BETS, fields=(*BETS.fields, Field("table_no", Integer())))
    Replay(Vendor([]), fixed, lake).store([SLOT], lake)
    table = pq.read_table(lake.data(SLOT), partitioning=None)
    assert sorted(table["table_no"].to_pylist()) == list(range(48))
    assert set(table["_extra"].to_pylist()) == {None}


def rewritten(path: str, members: Any, missing: str = "", receipt: bytes = b"") -> None:
    """Write an archive anew with another footer, without a column, and with another receipt."""
    table = pq.read_table(path, partitioning=None)
    known = pq.read_metadata(path).metadata
    kept = {key: value for key, value in known.items() if key != b"ARROW:schema"}
    table = table.drop_columns([missing]) if missing else table
    kept |= {RECEIPT_KEY.encode(): receipt} if receipt else {}
    pq.write_table(table.replace_schema_metadata({**kept, archiving.FOOTER_KEY: json.dumps(members)}), path)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"utc_offset": 1e20}, ""),
        ({"utc_offset": None}, ""),
        ({"windows": [{"window": ["2026-11-20T05:00:00+00:00"], "calls": [1]}]}, ""),
        ({"windows": [{"window": ["2026-11-20T05:00:00", "2026-11-20T06:00:00"], "calls": [1]}]}, ""),
        ({"windows": [{"window": ["2026-11-20T06:00:00Z", "2026-11-20T05:00:00Z"], "calls": [1]}]}, ""),
        ({"windows": [{"window": None, "calls": None}]}, ""),
        ({"windows": [{"window": None}]}, ""),
        ({"windows": None}, ""),
        ({}, "call"),
        ({}, "body"),
    ],
)
def test_an_archive_of_another_form_is_named(lake: Lake, changes: dict[str, Any], missing: str) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    path = lake.archive(SLOT)
    members = json.loads(pq.read_metadata(path).metadata[archiving.FOOTER_KEY])
    rewritten(path, {**members, "of_a_later_version": [1], **changes}, missing)
    with pytest.raises(InvalidArgument, match=f"{re.escape(path)} is damaged: .*Extract its slot again"):
        Replay(Vendor([]), BETS, lake).store([SLOT], lake)


def test_an_archive_whose_receipt_cannot_be_read_is_not_to_be_removed(lake: Lake) -> None:
    """Its replies may be all that is left of the slot."""
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    path = lake.archive(SLOT)
    members = json.loads(pq.read_metadata(path).metadata[archiving.FOOTER_KEY])
    rewritten(path, members, receipt=b"{}")
    with pytest.raises(InvalidArgument, match=f"{re.escape(path)} is damaged: its receipt cannot be read"):
        Replay(Vendor([]), BETS, lake).store([SLOT], lake)


def test_members_of_a_later_version_in_an_archive_are_ignored(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    before = data_bytes(lake.data(SLOT))
    members = json.loads(pq.read_metadata(lake.archive(SLOT)).metadata[archiving.FOOTER_KEY])
    rewritten(lake.archive(SLOT), {**members, "of_a_later_version": [1]})
    Replay(Vendor([]), BETS, lake).store([SLOT], lake)
    assert data_bytes(lake.data(SLOT)) == before


def test_replies_that_no_longer_come_to_the_total_are_an_error(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    before = Path(lake.data(SLOT)).read_bytes()
    with pytest.raises(IncompleteWindow, match=r"counts 12 rows, 1 distinct ones came"):
        Replay(Vendor([]), replace(BETS, key=("units",), version_columns=()), lake).store([SLOT], lake)
    assert Path(lake.data(SLOT)).read_bytes() == before


def test_older_data_do_not_replace_newer_ones(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store(QUARTERS, lake)
    Extraction(Vendor(hour()[:-1]), BETS).store([QUARTERS[3]], lake)
    before = Path(lake.data(QUARTERS[3])).read_bytes()
    replay = Replay(Vendor([]), BETS, lake)
    with pytest.raises(InvalidArgument, match=r"05:45.* was extracted again at .* set force=True"):
        replay.store(replay.slots(SLOT), lake)
    assert Path(lake.data(QUARTERS[3])).read_bytes() == before
    assert footer(lake.data(QUARTERS[0]))["replayed_at"] is None  # refused before the first
    replay.store(QUARTERS[:3], lake)
    Replay(Vendor([]), BETS, lake, force=True).store(QUARTERS, lake)
    assert read_receipt(lake.fs, lake.data(QUARTERS[3])).rows == 12  # type: ignore[union-attr]


def test_only_complete_slots_and_the_larger_of_two(lake: Lake) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    file = Path(lake.archive(QUARTERS[0]))
    file.write_bytes(Path(lake.archive(SLOT)).read_bytes())  # as a worker leaves it that is killed before the data
    replay = Replay(Vendor([]), BETS, lake)
    assert replay.slots(Interval(FIVE - HOUR, FIVE + 3 * HOUR)) == [SLOT]
    with pytest.raises(InvalidArgument, match=re.escape(f"reaches beyond {QUARTERS[1]}. Give {SLOT}.")):
        replay.slots(QUARTERS[1])
    file.write_bytes(Path(lake.data(SLOT)).read_bytes())
    with (
        pytest.raises(InvalidArgument, match="is not an archive of this package"),
        ArchiveReader.opened(lake, QUARTERS[0]),
    ):
        pass


def test_the_archive_of_a_slot_that_was_never_stored_is_not_replayed_over_smaller_slots(lake: Lake) -> None:
    """A worker was killed between a wide slot's archive and its data; its smaller slots were extracted again since then."""
    Extraction(Vendor(hour()[:8]), BETS, archive=True).store([SLOT], lake)
    Path(lake.data(SLOT)).unlink()
    Extraction(Vendor(hour()), BETS, archive=True).store(QUARTERS, lake)
    newer = [rows_of(lake, slot) for slot in QUARTERS]
    replay = Replay(Vendor([]), BETS, lake)
    assert replay.slots(SLOT) == QUARTERS
    replay.store(QUARTERS, lake)
    assert [rows_of(lake, slot) for slot in QUARTERS] == newer


def test_the_archive_of_a_slot_that_was_never_stored_does_not_keep_those_that_it_overlaps_from_being_replayed(
    lake: Lake,
) -> None:
    across = Interval(QUARTERS[0].start, QUARTERS[2].end)
    Extraction(Vendor(hour()[:8]), BETS, archive=True).store([across], lake)
    Path(lake.data(across)).unlink()
    halves = [Interval(FIVE, FIVE + HOUR / 2), Interval(FIVE + HOUR / 2, FIVE + HOUR)]
    Extraction(Vendor(hour()), BETS, archive=True).store(halves, lake)
    assert Replay(Vendor([]), BETS, lake).slots(SLOT) == halves


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no Parquet", "is damaged: .* Extract its slot again"),
        (b"", "is damaged"),
        (None, r"is in the wrong place: its receipt is of toy bets, account other, .* Remove it, or move it"),
    ],
)
def test_an_archive_that_is_damaged_or_of_another_account_is_named(
    lake: Lake, content: bytes | None, message: str
) -> None:
    Extraction(Vendor(hour()), BETS, archive=True).store([SLOT], lake)
    if content is None:
        other = replace(lake, account="other")
        Extraction(Vendor(hour(), account="other"), BETS, archive=True).store([SLOT], other)
        content = Path(other.archive(SLOT)).read_bytes()
    Path(lake.archive(SLOT)).write_bytes(content)
    before = Path(lake.data(SLOT)).read_bytes()
    with pytest.raises(InvalidArgument, match=message) as caught:
        Replay(Vendor([]), BETS, lake).store([SLOT], lake)
    assert lake.archive(SLOT) in str(caught.value)
    assert Path(lake.data(SLOT)).read_bytes() == before
