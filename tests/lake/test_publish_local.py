"""All or nothing on a local file system, whichever process dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import OverlappingSlot, StoreError
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish, read_receipt
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt
from tests.extraction.vendor import BETS, FIVE, HOUR, MINUTE, SLOT, bet, table


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(fsspec.filesystem("file"), str(tmp_path / "lake"), "toy", "bets", "agent001")


def file(tmp_path: Path, text: str = "whole") -> Path:
    made = tmp_path / "slot.parquet"
    made.write_text(text)
    return made


def objects(lake: Lake) -> list[str]:
    return sorted(path.name for path in Path(lake.root).rglob("*") if path.is_file())


KILLER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import fsspec
    from airflow_betproviders.lake import publish
    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.lake.layout import Lake

    root, file, slot, where = sys.argv[1:]
    fs = fsspec.filesystem("file")
    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)
    if where == "before the rename":
        Path.replace = die
    if where == "in the middle of writing":
        def half(self, lpath, rpath, **kwargs):
            Path(rpath).write_bytes(Path(lpath).read_bytes()[:3]); die()
        type(fs).put_file = half
    publish.publish(Lake(fs, root, "toy", "bets", "agent001"), Interval.from_name(slot), Path(file), [])
    """
)


@pytest.mark.parametrize("where", ["before the rename", "in the middle of writing"])
def test_a_worker_that_is_killed_leaves_the_old_object_and_no_half_one(lake: Lake, tmp_path: Path, where: str) -> None:
    target = Path(publish(lake, SLOT, file(tmp_path, "old"), []))
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, lake.root, str(file(tmp_path, "new")), SLOT.name, where],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert lake.stored(SLOT) == {SLOT: str(target)}
    visible = [name for name in objects(lake) if not name.startswith((".", "_"))]
    assert visible == [target.name]


def test_what_a_killed_worker_left_is_swept_a_day_later_and_not_before(lake: Lake, tmp_path: Path) -> None:
    target = Path(publish(lake, SLOT, file(tmp_path), []))
    old, young = (target.with_name(f".{target.name}.{name}.tmp") for name in ("old", "young"))
    other = target.with_name(".20261120T060000Z-20261120T070000Z.parquet.other.tmp")
    for leftover, days in ((old, 2), (young, 0), (other, 2)):
        leftover.write_text("half")
        os.utime(leftover, (time.time() - days * 86400,) * 2)
    publish(lake, SLOT, file(tmp_path), [])
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_a_failed_write_leaves_nothing_behind(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Path(publish(lake, SLOT, file(tmp_path, "old"), []))

    def full(self: object, lpath: str, rpath: str, **kwargs: object) -> None:
        Path(rpath).write_text("ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(lake.fs), "put_file", full)
    with pytest.raises(OSError, match="No space left"):
        publish(lake, SLOT, file(tmp_path, "new"), [])
    assert target.read_text() == "old"
    assert objects(lake) == [target.name]


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (OSError(28, "No space left on device"), "Free space there or raise the quota"),
        (OSError(122, "Disk quota exceeded"), "Free space there or raise the quota"),
        (OSError(30, "Read-only file system"), "mount it for writing, or choose another path"),
        (PermissionError(13, "Permission denied"), "the user that Airflow runs as, to write and delete there"),
        (PermissionError("Access Denied"), "Allow the path's connection"),
        (
            FileNotFoundError("The specified bucket does not exist"),
            "Create the bucket or the folder, or correct the path",
        ),
        (OSError(36, "Your key is too long."), "Choose a shorter path: object stores take keys of 1,024 bytes"),
        (ConnectionResetError(104, "Connection reset by peer"), "Check that the store can be reached"),
        (OSError(), "OSError. Check that the store can be reached"),
        (RuntimeError("Read timeout on endpoint URL"), "Check that the store can be reached"),
    ],
)
def test_a_refused_write_names_the_path_and_the_cure(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, cure: str
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(type(lake.fs), "put_file", refuse)
    with pytest.raises(StoreError) as caught:
        publish(lake, SLOT, file(tmp_path, "new"), [])
    assert str(caught.value).startswith(f"{lake.data(SLOT)} cannot be written: {error}".rstrip())
    assert cure in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.fixture
def kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store refuse every deletion, whether the object is there or not."""

    def refuse(fs: object, path: str) -> None:
        if not path.endswith(".tmp"):
            raise PermissionError("Access Denied")

    monkeypatch.setattr(type(lake.fs), "rm_file", refuse)


@pytest.mark.usefixtures("kept")
def test_a_store_that_allows_no_deletion_takes_slots(lake: Lake, tmp_path: Path) -> None:
    publish(lake, SLOT, file(tmp_path, "old"), [])
    publish(lake, SLOT, file(tmp_path, "new"), [])
    assert Path(lake.data(SLOT)).read_text() == "new"


@pytest.mark.usefixtures("kept")
def test_a_refused_deletion_names_the_path_and_the_cure(lake: Lake, tmp_path: Path) -> None:
    publish(lake, SLOT, file(tmp_path, "old"), [RejectedRow('{"id":1}', "id: odd")])
    with pytest.raises(StoreError) as caught:
        publish(lake, SLOT, file(tmp_path, "new"), [])
    assert str(caught.value) == (
        f"{lake.quarantine(SLOT)} cannot be removed: Access Denied. Allow the path's connection, or the user that Airflow runs as, "
        "to write and delete there."
    )


def test_quarantine_is_written_beside_the_data_and_removed_when_the_slot_is_clean(lake: Lake, tmp_path: Path) -> None:
    bad = [RejectedRow('{"id":1.50,"é":"x"}', "id: odd"), RejectedRow('{"id":2}', "id: odd")]
    publish(lake, SLOT, file(tmp_path), bad)
    lines = Path(lake.quarantine(SLOT)).read_text().splitlines()
    assert lines[0] == '{"reason":"id: odd","row":{"id":1.50,"é":"x"}}'
    assert [json.loads(line)["row"]["id"] for line in lines] == [1.5, 2]
    publish(lake, SLOT, file(tmp_path), [])
    assert not Path(lake.quarantine(SLOT)).exists()


def test_a_publication_that_fails_leaves_the_quarantine_of_the_object_before(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, SLOT, file(tmp_path, "old"), [RejectedRow('{"id":1}', "id: odd")])

    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(lake.fs), "put_file", full)
    with pytest.raises(OSError, match="No space left"):
        publish(lake, SLOT, file(tmp_path, "new"), [])
    assert Path(lake.quarantine(SLOT)).read_text() == '{"reason":"id: odd","row":{"id":1}}\n'


def test_smaller_objects_inside_the_slot_go_when_it_is_there_with_their_quarantine(lake: Lake, tmp_path: Path) -> None:
    quarters = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]
    for quarter in quarters:
        publish(lake, quarter, file(tmp_path), [RejectedRow("{}", "odd")])
    neighbour = Interval(SLOT.end, SLOT.end + HOUR)
    publish(lake, neighbour, file(tmp_path), [])
    publish(lake, SLOT, file(tmp_path, "hour"), [])
    assert set(lake.stored(Interval(SLOT.start, neighbour.end))) == {SLOT, neighbour}
    assert not any(Path(lake.quarantine(quarter)).exists() for quarter in quarters)


def test_a_slot_that_overlaps_one_stored_by_another_task_meanwhile_is_removed(lake: Lake, tmp_path: Path) -> None:
    across = Interval(FIVE + 30 * MINUTE, FIVE + 90 * MINUTE)
    Path(lake.data(across)).parent.mkdir(parents=True)
    Path(lake.data(across)).write_text("theirs")
    with pytest.raises(OverlappingSlot):
        publish(lake, SLOT, file(tmp_path), [RejectedRow("{}", "odd")])
    assert set(lake.stored(SLOT)) == {across}
    assert not Path(lake.quarantine(SLOT)).exists()


def test_the_receipt_of_a_stored_object_reads_back_and_of_none_there_is_none(lake: Lake) -> None:
    with SlotWriter(BETS, FIVE) as writer:
        writer.add(table(bet("a")))
        filled = writer.close(Receipt("toy", "bets", "agent001", *SLOT.texts, extracted_at=FIVE.isoformat()))
        path = publish(lake, SLOT, writer.path, [])
    assert read_receipt(lake.fs, path) == filled
    with pytest.raises(FileNotFoundError):
        read_receipt(lake.fs, lake.data(Interval(SLOT.end, SLOT.end + HOUR)))


class WithoutEnds(LocalFileSystem):
    """A store that cannot be asked for the last bytes, as Azure's; and an object that is replaced while it is read."""

    protocol = ("abfs",)
    cachable = False
    newer: Path | None = None

    def info(self, path: str, *, refresh: bool = False, **kwargs: object) -> dict[str, object]:
        assert refresh, "a listing kept from before may know another size"
        info = super().info(path, **kwargs)
        return {**info, "etag": f"{info['mtime']} {info['size']}"}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: object) -> bytes:
        assert start is not None
        assert start >= 0
        if self.newer:
            self.newer.replace(path)
            self.newer = None
        read: bytes = super().cat_file(path, start, end, **kwargs)
        return read


def test_a_receipt_is_read_where_the_store_has_no_last_bytes(tmp_path: Path) -> None:
    receipts, paths = [], []
    for ids in (["a"], [f"{number}" for number in range(500)]):
        with SlotWriter(BETS, FIVE) as writer:
            writer.add(table(*map(bet, ids)))
            receipts.append(
                writer.close(Receipt("toy", "bets", "agent001", *SLOT.texts, extracted_at=FIVE.isoformat()))
            )
            paths.append(writer.path.rename(tmp_path / f"{len(paths)}.parquet"))
    store = WithoutEnds()
    assert read_receipt(store, str(paths[0])) == receipts[0]
    store.newer = paths[1]
    assert read_receipt(store, str(paths[0])) == receipts[1]
    with pytest.raises(FileNotFoundError):
        read_receipt(store, str(tmp_path / "none.parquet"))
    (tmp_path / "none.parquet").touch()
    assert read_receipt(store, str(tmp_path / "none.parquet")) is None
