"""Hashes of keys: equal for equal keys, different for different ones, and harmless where they collide."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.vendor import BETS, Vendor, bet, page, serving, table

KEYS = ("provider", "round")


def keyed(*pairs: tuple[str | None, str | None]) -> pa.Table:
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table({"provider": pa.array(first, pa.string()), "round": pa.array(second, pa.string())})


@given(
    st.lists(st.tuples(st.text("ab😀", max_size=3), st.text(st.characters(codec="utf-8"), max_size=100)), max_size=30)
)
def test_equal_keys_have_equal_hashes_wherever_they_stand(pairs: list[tuple[str, str]]) -> None:
    hashed = keys.hashes(keyed(*pairs), KEYS)
    alone = [keys.hashes(keyed(pair), KEYS)[0] for pair in pairs]
    assert hashed.tolist() == alone
    sliced = pa.concat_tables([keyed(*pairs[:1]), keyed(*pairs[1:])])
    assert keys.hashes(sliced, KEYS).tolist() == hashed.tolist()


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_hashes_without_others_are_those_that_do_not_occur_among_them(held: list[int], others: list[int]) -> None:
    hashes, among = np.array(held, np.uint64), np.array(others, np.uint64)
    assert keys.without(hashes, among).tolist() == [each for each in held if each not in others]
    assert keys.occur(hashes, among).tolist() == [each in others for each in held]


def test_times_amounts_and_flags_may_be_keys() -> None:
    times = pa.array([1, 2, 1, None], pa.timestamp("ms", "UTC"))
    amounts = pa.array(["1.5", "1.5", "1.5", None]).cast(pa.decimal128(10, 2))
    flags = pa.array([True, True, True, None])
    for columns in ({"a": times}, {"a": times, "b": amounts, "c": flags}):
        one, two, again, nothing = keys.hashes(pa.table(columns), tuple(columns)).tolist()
        assert one == again
        assert len({one, two, nothing}) == 3


def test_many_different_keys_share_no_hash() -> None:
    names = [f"{i}" for i in range(200_000)]
    hashed = keys.hashes(pa.table({"id": names}), ("id",))
    assert len(np.unique(hashed)) == len(names)
    assert not len(keys.shared(np.sort(hashed)))


def test_members_of_a_key_do_not_run_together() -> None:
    hashed = keys.hashes(keyed(("a", "bc"), ("ab", "c"), ("", "abc"), ("abc", "")), KEYS)
    assert len(set(hashed.tolist())) == 4


@pytest.mark.slow
def test_hashes_are_the_same_in_every_process_whatever_was_hashed_before() -> None:
    code = (
        "import pyarrow as pa; from airflow_betproviders.extraction.answers import keys;"
        "keys.hashes(pa.table({'id': ['y' * 1000]}), ('id',)) if {} else None;"
        "print(keys.hashes(pa.table({'id': ['x' * 500]}), ('id',))[0])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code.replace("{}", before)], check=True, capture_output=True, text=True
        ).stdout
        for before in ("True", "False")
    }
    assert len(outputs) == 1


def test_shared_hashes_are_those_that_occur_more_than_once() -> None:
    assert keys.shared(np.array([1, 1, 2, 5, 5, 5], np.uint64)).tolist() == [1, 5]
    assert keys.shared(np.empty(0, np.uint64)).tolist() == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=20), st.randoms())
def test_the_newest_version_of_a_key_stays_whatever_the_order(versions: list[tuple[str, int]], random: object) -> None:
    shuffled = list(versions)
    random.shuffle(shuffled)
    rows = [bet(name, changed=changed) for name, changed in shuffled]
    dropped = set(keys.superseded(table(*rows), ("id",), ("changed",)).tolist())
    kept = sorted((row["id"], row["changed"]) for i, row in enumerate(rows) if i not in dropped)
    newest = {name: max(v for n, v in versions if n == name) for name, _ in versions}
    assert kept == sorted((name, bet(name, changed=changed)["changed"]) for name, changed in newest.items())


def test_of_equal_versions_the_row_read_later_stays_and_a_missing_version_is_the_oldest() -> None:
    first, second, unknown = bet("a", stake="1", changed=5), bet("a", stake="2", changed=5), bet("a", stake="3")
    unknown["changed"] = None
    rows = table(first, second, unknown)
    assert keys.superseded(rows, ("id",), ("changed",)).tolist() == [0, 2]
    assert keys.superseded(rows, ("id",), ()).tolist() == [0, 1]


@pytest.fixture
def colliding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every key the same hash."""
    monkeypatch.setattr(keys, "hashes", lambda rows, key: np.zeros(rows.num_rows, np.uint64))


@pytest.mark.usefixtures("colliding")
def test_keys_that_collide_are_distinguished_by_their_values() -> None:
    answers = [bet("a"), bet("b"), bet("a", changed=9, stake="7"), bet("c")]
    reader = SlotReader(Vendor([]), serving(paging=BETS.paging), {}, lambda *asked: page(*answers, total=3))
    (rows,) = [rows for slot in reader.read([[None]]) for rows in slot.rows()]
    assert sorted(rows.table["id"].to_pylist()) == ["a", "b", "c"]
    assert rows.duplicates == 1
    assert str(rows.table.filter(pa.compute.equal(rows.table["id"], "a"))["stake"][0]) == "7.00000000"
