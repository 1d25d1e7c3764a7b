"""Rows compared by key and version."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.extraction.answers.row_versions import NO_ROWS, RowVersions

# A key, and a version of two columns.
SHOWN = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2)), max_size=12)


def rows(shown: list[tuple[int, int, int]]) -> RowVersions:
    key, first, second = np.array(shown, np.int64).reshape(-1, 3).T
    return RowVersions(key.astype(np.uint64), (first, second))


def listed(found: RowVersions) -> list[tuple[int, ...]]:
    return list(zip(found.hashes.tolist(), *(column.tolist() for column in found.versions), strict=False))


def newest(shown: list[tuple[int, int, int]]) -> dict[int, tuple[int, int]]:
    return {key: (first, second) for key, first, second in sorted(shown)}


@given(SHOWN, SHOWN)
def test_rows_lack_where_the_key_or_a_version_so_new_did_not_come(
    shown: list[tuple[int, int, int]], came: list[tuple[int, int, int]]
) -> None:
    known = newest(came)
    lacking = [row for row in shown if row[0] not in known or row[1:] > known[row[0]]]
    assert listed(rows(shown).lacking_in(rows(came))) == lacking
    assert listed(rows(shown).older_in(rows(came))) == [row for row in lacking if row[0] in known]


@given(SHOWN, SHOWN)
def test_of_rows_together_each_key_stays_once_in_its_newest_version(
    some: list[tuple[int, int, int]], others: list[tuple[int, int, int]]
) -> None:
    found = RowVersions.joined([rows(some), NO_ROWS, rows(others)]).newest
    assert listed(found) == [(key, *version) for key, version in sorted(newest([*some, *others]).items())]


def test_without_version_columns_only_keys_are_compared() -> None:
    shown, came = (RowVersions(np.array(keys, np.uint64)) for keys in ([1, 2, 2], [2, 3]))
    assert shown.lacking_in(came).hashes.tolist() == [1]
    assert shown.newest.hashes.tolist() == [1, 2]
