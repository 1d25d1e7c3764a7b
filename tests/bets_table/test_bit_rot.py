"""A changed byte that still decodes: merge, reconciliation and replay name the object instead of using it."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.exceptions import DamagedTable, InvalidArgument, UnmergeableSlot
from airflow_betproviders.extraction.archive import ArchiveReader
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.reconciliation.day_totals import DayTotals
from airflow_betproviders.registry import declared
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.extraction.vendor import BETS, SLOT, Vendor, bet


def flip(path: Path, text: bytes) -> None:
    """Change one bit of a text in a file's pages. The file still decodes."""
    content = bytearray(path.read_bytes())
    content[content.index(text) + len(text) - 1] ^= 1
    path.write_bytes(content)
    pq.ParquetFile(path).read()


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    """Two slots of one day."""
    sample = SampleLake(tmp_path)
    for hour in (5, 6):
        sample.store(hour_of(hour), [aig(f"bet-of-{hour}", placed=at(hour))], at(8))
    return sample


def test_a_merge_names_a_changed_slot_and_merges_the_others(sample: SampleLake) -> None:
    path = Path(sample.lake.data(hour_of(5)))
    flip(path, b"bet-of-5")
    with pytest.raises(UnmergeableSlot, match="Extract the slot again") as caught:
        sample.merge()
    assert str(path) in str(caught.value)
    assert sample.rows().keys() == {"bet-of-6"}


def test_a_reconciliation_finds_a_changed_slot(sample: SampleLake) -> None:
    flip(Path(sample.lake.data(hour_of(5))), b"bet-of-5")
    with DayTotals(
        sample.lake, declared("aig", sample.lake.stream), hour_of(0, width=24), {"bet_amount", "win_amount"}
    ) as day_totals:
        day_totals.load()
        assert set(day_totals.damaged) == {hour_of(5)}


def test_a_changed_file_of_the_table_is_named_and_not_rewritten(sample: SampleLake) -> None:
    sample.merge()
    (file,) = sample.table.snapshot().all_files()
    flip(Path(sample.table.uri) / file.path, b"bet-of-5")
    version = sample.table.snapshot().version
    correction = aig("bet-of-6", placed=at(6), updated=at(6) + 5 * MINUTE)
    sample.store(hour_of(6), [correction], at(9))
    with pytest.raises(DamagedTable, match=file.path):
        sample.merge()
    assert sample.table.snapshot().version == version


def test_extracted_slots_and_archives_have_checksums(tmp_path: Path) -> None:
    lake = Lake(fsspec.filesystem("file"), str(tmp_path / "lake"), "toy", "bets", "agent001")
    Extraction(Vendor([bet("bet-number-0")]), BETS, archive=True).store([SLOT], lake)
    path = Path(lake.data(SLOT))
    flip(path, b"bet-number-0")
    with pytest.raises(OSError, match="checksum"), pq.ParquetFile(path, page_checksum_verification=True) as file:
        file.read()
    archive = Path(lake.archive(SLOT))
    footer = pq.read_metadata(archive)
    body = footer.row_group(0).column(footer.schema.names.index("body"))
    content = bytearray(archive.read_bytes())
    content[body.data_page_offset + body.total_compressed_size - 1] ^= 1
    archive.write_bytes(content)
    with ArchiveReader.opened(lake, SLOT) as archived:
        call = archived.windows[0][1][0]
        with pytest.raises(InvalidArgument, match=r"is damaged: .*checksum"):
            archived.body(call)
