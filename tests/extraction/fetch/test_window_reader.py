"""Windows are read completely, against a scripted call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    Offset,
    PageNumber,
    SingleAnswer,
    TimestampCursor,
)
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import IncompleteWindow, ProviderRequestError
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch import planner as planning
from airflow_betproviders.extraction.fetch import window_read
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.planner import MAX_READS
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.examples import examples
from tests.extraction.script import STREAM, Script, cut, everything, ids, read, within
from tests.extraction.vendor import FIVE, HOUR, MINUTE, PAGED, SLOT, Vendor, bet, page, serving


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_every_page_is_read_once(count: int, calls: int) -> None:
    rows = [bet(f"{i}") for i in range(count)]
    (part,), script, _ = read(STREAM, lambda n, window, params: cut(rows, params))
    assert ids([part]) == [row["id"] for row in rows]
    assert script.pages() == list(range(1, calls + 1))
    assert part.total == count


def test_offsets_are_counted_in_rows() -> None:
    stream = serving(STREAM, paging=Offset(param="start_index", size_param="size", page_size=3, text=True))
    rows = [bet(f"{i}") for i in range(7)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        first = int(params["start_index"])
        return page(*rows[first : first + int(params["size"])], total=7)

    parts, script, _ = read(stream, answer)
    assert ids(parts) == [f"{i}" for i in range(7)]
    assert [params["start_index"] for _, params in script.asked] == ["0", "3", "6"]


def test_a_total_that_moves_between_pages_begins_the_window_anew() -> None:
    rows = [bet(f"{i}") for i in range(5)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        held = rows[:4] if n == 1 else rows
        return cut(held, params)

    (part,), script, made = read(STREAM, answer)
    assert ids([part]) == ["0", "1", "2", "3", "4"]
    assert script.pages() == [1, 2, 1, 2]
    assert made.rereads == 1


@pytest.mark.parametrize(("moves", "shows"), [(True, True), (True, False), (False, True)])
def test_a_row_skipped_by_a_shift_of_the_pages_is_noticed_although_the_total_stays(moves: bool, shows: bool) -> None:
    """One row leaves the front, another joins the back: the total is the same, a row in the middle was skipped.

    The row that left is believed gone where rows move to other windows as they change, and a later window shows it.
    """
    stream = serving(STREAM, version_columns=("at",) if moves else ("changed",))
    before, after = [bet(f"{i}") for i in range(6)], [bet(f"{i}") for i in range(1, 7)]
    moved = bet("0", at=(datetime.now(timezone.utc) - FIVE - 2 * MINUTE).total_seconds())

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        if window != SLOT and not shows:
            raise ProviderRequestError("the window is too late")
        if window != SLOT:
            return cut(within([moved], window or SLOT), params)
        if n == 1:
            return cut(before, params)
        if n == 2:
            return cut([*after[:4], after[4], after[4]], params)  # the same row on both pages
        return cut(after, params)

    if not (moves and shows):
        with pytest.raises(IncompleteWindow, match="1 rows that an earlier answer showed did not come again"):
            read(stream, answer)
        return
    (part,), _, made = read(stream, answer)
    assert ids([part]) == ["1", "2", "3", "4", "5", "6"]
    assert made.rereads == 2


@pytest.mark.parametrize("old_reads", [1, 9])
def test_a_newer_version_that_a_discarded_read_showed_must_come_again(old_reads: int) -> None:
    """The first read is discarded for its second total; an older copy of the provider's data answers the next ones."""
    old = [bet(f"{i}") for i in range(5)]
    new = [old[0], bet("1", changed=7, stake="2.5"), *old[2:]]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        if n <= 2:
            return cut(new, params, total=5 if n == 1 else 4)
        return cut(old if n <= 2 + 2 * old_reads else new, params)

    if old_reads > MAX_READS:
        with pytest.raises(
            IncompleteWindow, match="1 rows that an earlier answer showed did not come again, or came older"
        ):
            read(STREAM, answer)
        return
    (part,), script, _ = read(STREAM, answer)
    assert str(part.table["stake"][1]) == "2.50000000"
    assert script.pages() == [1, 2, 1, 2, 1, 2]


def test_rows_that_pages_before_their_turn_showed_must_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Page 2 gives another total when pages 3 and 4 are there already; from then on the provider denies their rows."""
    monkeypatch.setattr(window_read, "_LONGEST_WAIT", 60.0)
    rows = [bet(f"{i}", at=i) for i in range(12)]
    later = threading.Semaphore(0)
    denies = threading.Event()

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        if denies.is_set():
            return cut(rows[:6], params)
        if params["page"] > 2:
            later.release()
        elif params["page"] == 2:
            assert later.acquire(timeout=60)
            assert later.acquire(timeout=60)
            denies.set()
            return cut(rows[:6], params)
        return cut(rows, params)

    with (
        ThreadPoolExecutor(8) as pool,
        pytest.raises(IncompleteWindow, match="6 rows that an earlier answer showed did not come again"),
    ):
        everything(SlotReader(Vendor([]), STREAM, {}, Script(answer), pool), [SLOT])


@pytest.mark.parametrize("more", [True, False])
def test_a_total_that_fell_is_a_proof_if_no_rows_come_after_the_last(more: bool) -> None:
    """Page 2 says six in place of nine, and so does every answer after it; no answer has shown the last three rows yet."""
    rows = [bet(f"{i}", at=i) for i in range(9)]
    script = Script(lambda n, window, params: cut(rows if n == 1 or more else rows[:6], params, 9 if n == 1 else 6))
    made = SlotReader(Vendor([]), STREAM, {}, script)
    if more:
        with pytest.raises((IncompleteWindow, SlotChanged)):
            everything(made, [SLOT])
    else:
        assert len(ids(everything(made, [SLOT]))) == 6
        assert script.pages() == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("says", [2, 4])
def test_a_total_that_never_agrees_is_an_incomplete_window_and_names_the_counts(says: int) -> None:
    rows = [bet(f"{i}") for i in range(3)]
    script = Script(lambda n, window, params: page(*rows, total=says))
    with pytest.raises(IncompleteWindow) as caught:
        everything(SlotReader(Vendor([]), serving(STREAM, paging=PAGED), {}, script), [SLOT])
    text = str(caught.value)
    assert f"counts {says} rows, 3 distinct ones came" in text
    assert "toy_default" in text
    assert "stream bets" in text
    assert "2026-11-20T05:00:00Z" in text
    assert len(script.asked) <= 10 * MAX_READS


def test_without_a_total_nothing_shows_that_the_answer_is_complete() -> None:
    with pytest.raises(IncompleteWindow, match=r"the answer has no total.* send this message to the provider"):
        read(STREAM, lambda n, window, params: page(bet("a")))


@pytest.mark.parametrize("counts", [lambda n, page: page == 1, lambda n, page: page == 2, lambda n, page: n == 1])
def test_a_total_that_only_some_pages_have_is_proven_by_a_second_read(counts: Callable[[int, int], bool]) -> None:
    rows = [bet(f"{i}") for i in range(4)]
    (part,), script, _ = read(
        STREAM, lambda n, window, params: Page(cut(rows, params).table, 4 if counts(n, params["page"]) else None)
    )
    assert ids([part]) == [row["id"] for row in rows]
    assert part.proof == "second read"
    assert script.pages().count(1) == 2


def test_a_total_that_counts_the_rows_of_its_page_is_none() -> None:
    rows = [bet(f"{i}") for i in range(25)]
    paged = PageNumber(param="page", size_param="size", page_size=10)

    def counted(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        found = cut(rows, params)
        return replace(found, total=found.rows)

    (part,), script, _ = read(serving(STREAM, paging=paged), counted)
    assert ids([part]) == [row["id"] for row in rows]
    assert (part.proof, len(script.asked)) == ("second read", 8)


def test_rows_that_do_not_fit_count_towards_the_total() -> None:
    (part,), _, _ = read(STREAM, lambda n, window, params: page(bet("a"), total=3, rejected=2))
    assert (part.table.num_rows, len(part.rejected), part.total) == (1, 2, 3)


def test_a_window_that_keeps_changing_is_requested_in_shorter_ones() -> None:
    rows = [bet(f"{i}", at=60 * i) for i in range(8)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        held = within(rows, window)
        if window == SLOT and params["page"] == 2:
            return page(*held[3:6], total=len(held) + n)
        return cut(held, params)

    parts, _, made = read(STREAM, answer)
    assert sorted(ids(parts)) == [f"{i}" for i in range(8)]
    assert len(parts) > 1
    assert made.rereads == 2
    assert parts[0].window.start == SLOT.start
    assert parts[-1].window.end == SLOT.end


@given(st.data())
@settings(max_examples=examples(40))
def test_however_the_window_moves_it_comes_out_complete_or_not_at_all(data: st.DataObject) -> None:
    """A vendor that adds and removes rows between calls for a while: what is given out is one true state of it."""
    states = data.draw(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=12))

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        state = sorted(states[min(n, len(states)) - 1])
        return cut([bet(f"{i}", at=60 * i) for i in state if FIVE + i * MINUTE in Times(window)], params)

    try:
        parts, _, _ = read(STREAM, answer)
    except (IncompleteWindow, SlotChanged):  # the slot fails, or begins again
        return
    for part in parts:
        total = set(part.table["id"].to_pylist())
        assert len(total) == part.table.num_rows == part.total


class Times:
    """Whether an instant lies in a window."""

    def __init__(self, window: Interval | None) -> None:
        self.window = window

    def __contains__(self, instant: object) -> bool:
        return self.window.start <= instant < self.window.end


def test_a_row_that_comes_twice_counts_once_and_its_newest_version_stays() -> None:
    rows = [bet("a", changed=1, stake="1"), bet("b"), bet("a", changed=2, stake="2")]
    (part,), _, _ = read(serving(STREAM, paging=SingleAnswer()), lambda n, window, params: page(*rows))
    assert sorted(ids([part])) == ["a", "b"]
    assert part.duplicates == 1
    assert str(part.table["stake"][ids([part]).index("a")]) == "2.00000000"


def test_a_page_that_is_sent_again_instead_of_the_next_is_noticed() -> None:
    rows = [bet(f"{i}") for i in range(6)]
    calls = []

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        calls.append(n)
        return page(*rows[:3], total=6) if n <= 2 else cut(rows, params)

    (part,), _, made = read(STREAM, answer)
    assert sorted(ids([part])) == [f"{i}" for i in range(6)]
    assert made.rereads == 1


def test_a_cursor_through_very_many_rows_is_followed_in_shorter_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 50)
    stream = serving(
        STREAM,
        paging=TimestampCursor(param="since", limit=10),
        windows=WindowRule(span=HOUR, step=timedelta(milliseconds=1)),
    )
    rows = [bet(f"{i:04}", at=i * 3.6) for i in range(1000)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return page(*[row for row in rows if row["at"] > params["since"]][:10])

    parts, script, _ = read(stream, answer)
    assert ids(parts) == [row["id"] for row in rows]
    assert max(part.table.num_rows for part in parts) <= 70
    assert len(script.asked) < 1000 / 9 * 1.5


def test_a_single_answer_with_very_many_rows_is_not_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 50)
    stream = serving(STREAM, paging=SingleAnswer(), windows=WindowRule(span=MINUTE, step=MINUTE))
    rows = [bet(f"{i:02}", at=i) for i in range(60)]
    (part,), script, _ = read(stream, lambda n, window, params: page(*rows), Interval(FIVE, FIVE + MINUTE))
    assert ids([part]) == [row["id"] for row in rows]
    assert len(script.asked) == 1


def test_a_snapshot_with_pages_has_no_window() -> None:
    rows = [bet(f"{i}") for i in range(5)]
    (part,), script, _ = read(serving(windows=None), lambda n, window, params: cut(rows, params), None)
    assert len(ids([part])) == 5
    assert script.pages() == [1, 2]
    assert part.window is None


def test_a_repeated_bad_row_is_kept_once() -> None:
    rows = [bet(f"{i}") for i in range(4)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        found = cut(rows, params, total=5)
        return Page(found.table, 5, page(rejected=1).rejected)

    (part,), _, _ = read(STREAM, answer)
    assert len(part.rejected) == 1
