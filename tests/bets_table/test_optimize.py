"""Compaction: the same bets, in files that a reader can skip."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table.arrow import new_files, sorted_rows
from airflow_betproviders.bets_table.optimize import optimize
from airflow_betproviders.exceptions import InvalidArgument
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of

PLAYERS = 40


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleLake:
    """Four hours in which every player bets; files of ten rows, so that a player's four lie in one or two of them."""
    monkeypatch.setattr(new_files, "ROW_GROUP", 10)
    monkeypatch.setattr(sorted_rows, "_OUTPUT", 10)
    sample = SampleLake(tmp_path)
    for hour in range(5, 9):
        bets = [{**aig(f"{hour}-{i:02}", placed=at(hour) + i * MINUTE), "user_id": f"u{i:02}"} for i in range(PLAYERS)]
        sample.store(hour_of(hour), bets, at(9))
        sample.merge(hour_of(hour))
    return sample


def by_player(sample: SampleLake) -> tuple[int, int]:
    """Sort by player; return how many files were replaced, and by how many."""
    done = optimize(sample.table, interval=None, file_size=1, retention=None, sort_by="player_id")
    return done.files_before, done.files_after


def files_that_may_have(sample: SampleLake, player: str) -> int:
    ends = [file.min_max["player_id"] for file in sample.table.snapshot().all_files()]
    return sum(low <= player <= high for low, high in ends)


def groups_that_may_have(sample: SampleLake, path: str, player: str) -> int:
    metadata = pq.read_metadata(Path(sample.table.uri) / path)
    number = metadata.schema.names.index("player_id")
    ends = [metadata.row_group(group).column(number).statistics for group in range(metadata.num_row_groups)]
    return sum(each.min <= player <= each.max for each in ends)


def test_a_player_lies_in_few_files_of_a_day_that_is_sorted_by_player(sample: SampleLake) -> None:
    before = sample.rows()
    assert files_that_may_have(sample, "u17") == 4

    files, after = by_player(sample)

    assert (files, after) == (4, len(sample.table.snapshot().all_files()))
    assert after > 4
    assert files_that_may_have(sample, "u17") <= 2
    assert sample.rows() == before


def test_a_day_that_is_sorted_by_player_stays_so_until_a_merge_changes_it(sample: SampleLake) -> None:
    by_player(sample)
    sorted_files = files_that_may_have(sample, "u17")
    assert by_player(sample) == (0, 0)

    late = [{**aig(f"late-{i}", placed=at(7) + i * MINUTE), "user_id": f"u{30 * i:02}"} for i in range(2)]
    sample.store(hour_of(10), late, at(11))
    sample.merge(hour_of(10))
    assert files_that_may_have(sample, "u17") == sorted_files + 1
    before = sample.rows()
    assert len(before) == 4 * PLAYERS + 2

    assert by_player(sample)[0] > 0
    assert files_that_may_have(sample, "u17") <= 2
    assert sample.rows() == before


def test_a_day_of_one_file_is_sorted_by_player_too(sample: SampleLake) -> None:
    """A reader of one player skips row groups then, where it has no file to skip."""
    optimize(sample.table, interval=None, file_size=1 << 20, retention=None)
    before = sample.rows()
    (file,) = sample.table.snapshot().all_files()
    assert groups_that_may_have(sample, file.path, "u17") == 4

    done = optimize(sample.table, interval=None, file_size=1 << 20, retention=None, sort_by="player_id")

    assert (done.files_before, done.files_after) == (1, 1)
    (file,) = sample.table.snapshot().all_files()
    assert groups_that_may_have(sample, file.path, "u17") <= 2
    assert sample.rows() == before
    done = optimize(sample.table, interval=None, file_size=1 << 20, retention=None, sort_by="player_id")
    assert (done.files_before, done.files_after) == (0, 0)


def test_rows_are_sorted_by_no_other_column(sample: SampleLake) -> None:
    with pytest.raises(InvalidArgument, match="sort_by 'stake' must be one of placed_at, player_id"):
        optimize(sample.table, interval=None, file_size=1, retention=None, sort_by="stake")  # type: ignore[arg-type]
