"""Each kind of pagination reads all rows, against a scripted call."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    LimitedAnswer,
    NextLink,
    PageToken,
    RowVersionCursor,
    SingleAnswer,
    TimestampCursor,
)
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.script import STREAM, Script, everything, ids, read, within
from tests.extraction.vendor import HOUR, SLOT, START_MS, Vendor, bet, page, serving

LIMITED = serving(STREAM, paging=LimitedAnswer(param="limit", limit=3), windows=WindowRule(span=HOUR))


@given(st.lists(st.integers(0, 3599), max_size=25).filter(lambda at: all(at.count(second) < 3 for second in at)))
def test_full_answers_are_halved_until_they_are_not(seconds: list[int]) -> None:
    rows = [bet(f"{i}", at=second) for i, second in enumerate(sorted(seconds))]
    parts, script, _ = read(LIMITED, lambda n, window, params: page(*within(rows, window)[: params["limit"]]))
    assert sorted(ids(parts), key=int) == [row["id"] for row in rows]
    assert all(params["limit"] == 3 for _, params in script.asked)
    assert all(a.window.end == b.window.start for a, b in itertools.pairwise(parts))
    assert (parts[0].window.start, parts[-1].window.end) == (SLOT.start, SLOT.end)


def test_a_second_that_is_still_full_is_an_error() -> None:
    rows = [bet(f"{i}", at=1800) for i in range(3)]
    with pytest.raises(IncompleteWindow, match=r"the answer is full \(3 rows\).*cannot be halved") as caught:
        read(LIMITED, lambda n, window, params: page(*within(rows, window)))
    assert "[2026-11-20T05:30:00Z, 2026-11-20T05:30:01Z)" in str(caught.value)


def test_rows_that_do_not_fit_make_an_answer_full_too() -> None:
    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return (page(bet("a"), rejected=2), page(bet("a")), page(rejected=2))[n - 1]

    _, script, _ = read(LIMITED, answer)
    assert len(script.asked) == 3


FOLLOWED = serving(
    STREAM,
    paging=TimestampCursor(param="since", limit=3),
    windows=WindowRule(span=HOUR, step=timedelta(milliseconds=1)),
)


@pytest.mark.parametrize("inclusive", [True, False])
@given(at=st.lists(st.integers(-3, 3603), max_size=30).filter(lambda at: all(at.count(a) < 2 for a in at)))
def test_a_cursor_is_followed_to_the_end_whether_it_counts_its_instant_in_or_not(
    inclusive: bool, at: list[int]
) -> None:
    rows = [bet(f"{i}", at=second) for i, second in enumerate(sorted(at))]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        since = params["since"]
        return page(*[row for row in rows if row["at"] > since or (inclusive and row["at"] == since)][:3])

    (part,), _, _ = read(FOLLOWED, answer)
    assert ids([part]) == [row["id"] for row in within(rows, SLOT)]


def test_rows_of_one_millisecond_on_two_answers_are_all_read() -> None:
    rows = [bet("a", 1), bet("b", 2), bet("c", 2), bet("d", 3)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return page(*[row for row in rows if row["at"] > params["since"]][:2])

    stream = serving(FOLLOWED, paging=TimestampCursor(param="since", limit=2))
    with pytest.raises(IncompleteWindow, match="more than 2 rows share one millisecond"):
        read(stream, answer)
    stream = serving(FOLLOWED, paging=TimestampCursor(param="since", limit=3))

    def three(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return page(*[row for row in rows if row["at"] > params["since"]][:3])

    (part,), script, _ = read(stream, three)
    assert ids([part]) == ["a", "b", "c", "d"]
    assert script.asked[0][1]["since"] == START_MS - 1


def test_pages_are_followed_by_their_tokens_to_the_last() -> None:
    stream = serving(STREAM, paging=PageToken(param="after", size_param="size", page_size=3))
    rows = [bet(f"{i}") for i in range(7)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        first = int(params.get("after", "t0")[1:])
        more = first + 3 < len(rows)
        return replace(page(*rows[first : first + 3]), token=f"t{first + 3}" if more else None)

    (part,), script, _ = read(stream, answer)
    assert ids([part]) == [f"{i}" for i in range(7)]
    assert [params.get("after") for _, params in script.asked] == [None, "t3", "t6"]
    assert part.proof == "last page"


@pytest.mark.parametrize("lost", ["once on page 2", "always on page 2", "always"])
@pytest.mark.parametrize(
    "paging", [PageToken(param="after"), PageToken(param="after", size_param="size", page_size=10)]
)
def test_a_full_page_that_names_no_further_one_is_not_taken_for_the_last(paging: PageToken, lost: str) -> None:
    rows = [bet(f"{i:02}", at=60 * i + 1) for i in range(30)]
    calls_of_page_2 = itertools.count()

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        first, found = int(params.get("after", "0")), within(rows, window or SLOT)
        forgets = lost == "always" or (first == 10 and not (next(calls_of_page_2) and lost.startswith("once")))
        token = None if forgets or first + 10 >= len(found) else f"{first + 10}"
        return replace(page(*found[first : first + 10]), token=token)

    with pytest.raises(SlotChanged, match="the provider seems to cut answers off"):
        read(serving(STREAM, paging=paging), answer)


def test_an_empty_page_that_names_no_further_one_is_requested_twice() -> None:
    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        if n == 2:
            return page()
        return replace(page(bet("b" if "after" in params else "a")), token=None if "after" in params else "t1")

    (part,), _, _ = read(serving(STREAM, paging=PageToken(param="after")), answer)
    assert ids([part]) == ["a", "b"]


def test_a_token_that_comes_again_is_not_followed_for_ever() -> None:
    stream = serving(STREAM, paging=PageToken(param="after"))
    script = Script(lambda n, window, params: replace(page(bet("a")), token="again"))
    with pytest.raises(IncompleteWindow, match="names a next page that an earlier one named already"):
        everything(SlotReader(Vendor([]), stream, {}, script), [SLOT])
    fresh = Script(lambda n, window, params: replace(page(bet("a")), token=f"{n}"))
    with pytest.raises(IncompleteWindow, match="brought nothing new"):
        everything(SlotReader(Vendor([]), stream, {}, fresh), [SLOT])
    assert len(fresh.asked) < 50


def test_a_link_to_the_next_page_gives_its_parameters_and_no_other_host() -> None:
    stream = serving(STREAM, paging=NextLink())
    rows = [bet(f"{i}") for i in range(4)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        link = "https://elsewhere.example/bets?page=2&cursor=a%2Fb"
        return replace(page(*rows[2 * n - 2 : 2 * n]), token=link if n == 1 else None)

    (part,), script, _ = read(stream, answer)
    assert ids([part]) == [f"{i}" for i in range(4)]
    assert {k: v for k, v in script.asked[1][1].items() if k != "window"} == {"page": "2", "cursor": "a/b"}


@pytest.mark.parametrize(
    "link", ["http://[::1?after=2", "http://[x]/?after=2", "http://a\u2100b/?after=2", "/bets/2", "#after=2"]
)
def test_a_link_without_parameters_that_can_be_read_fails(link: str) -> None:
    script = Script(lambda n, window, params: replace(page(bet("a")), token=link))
    with pytest.raises(IncompleteWindow, match="the link to the next page is malformed, or has no parameters"):
        everything(SlotReader(Vendor([]), serving(STREAM, paging=NextLink()), {}, script), [SLOT])
    assert len(script.asked) < 10


def test_a_cursor_on_row_versions_sends_its_size_and_takes_the_greatest_version() -> None:
    stream = serving(FOLLOWED, paging=RowVersionCursor(param="row_version", size_param="count", limit=3))
    rows = [bet("a", 1), bet("c", 3), bet("b", 2), bet("d", 3), bet("e", 3600)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        found = sorted((row for row in rows if row["at"] >= params["row_version"]), key=lambda row: row["at"])
        return page(*found[: params["count"]][::-1])

    (part,), script, _ = read(stream, answer)
    assert sorted(ids([part])) == ["a", "b", "c", "d"]
    assert all(params["count"] == 3 for _, params in script.asked)
    crowd = [bet(f"{i}", 1) for i in range(4)]
    with pytest.raises(IncompleteWindow, match="more than 3 rows share one row version"):
        read(stream, lambda n, window, params: page(*crowd[: params["count"]]))


@pytest.mark.parametrize("late", [0, 1, 5, 40])
def test_a_cursor_whose_rows_come_a_little_out_of_order_loses_none(late: int) -> None:
    """A vendor that orders rows by their number: each thirteenth row is up to 40 seconds older than the rows before it."""
    stream = serving(FOLLOWED, paging=TimestampCursor(param="since", limit=30))
    rows = [bet(f"{i:03}", 60 + 10 * i - (late if i % 13 == 12 else 0)) for i in range(300)]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return page(*[row for row in rows if row["at"] >= params["since"]][:30])

    (part,), script, _ = read(stream, answer)
    assert sorted(ids([part])) == [row["id"] for row in rows]
    assert len(script.asked) <= 16


@pytest.mark.parametrize("seed", range(30))
def test_a_cursor_of_a_vendor_that_caps_lower_and_orders_roughly_loses_none(seed: int) -> None:
    """Rows come in the order of a time up to 30 seconds before their own; an answer holds 25 of the 50 asked for."""
    stream = serving(FOLLOWED, paging=TimestampCursor(param="since", limit=50))
    rng = random.Random(seed)
    rows = [bet(f"{i:03}", 60 + at) for i, at in enumerate(sorted(rng.sample(range(3400), 260)))]
    rough = sorted(rows, key=lambda row: row["at"] - rng.randrange(30_000))

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return page(*[row for row in rough if row["at"] >= params["since"]][:25])

    (part,), script, _ = read(stream, answer)
    assert sorted(ids([part])) == [row["id"] for row in rows]
    assert len(script.asked) <= 45


@pytest.mark.parametrize("late", [30, *(pytest.param(late, marks=pytest.mark.slow) for late in (5, 100, 250, 400))])
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_cursor_whose_rows_come_later_than_calls_go_back_loses_none(late: int, share: float) -> None:
    """Rows come up to ``late`` seconds too late, and 25 rows, some 325 seconds, are an answer. More than half can't be read."""
    stream = serving(FOLLOWED, paging=TimestampCursor(param="since", limit=50))
    outcomes = set()
    for seed in range(8):
        dice = random.Random(seed)
        rows = [bet(f"{i:03}", 60 + at) for i, at in enumerate(sorted(dice.sample(range(3400), 260)))]
        rough = sorted(rows, key=lambda row: row["at"] + (dice.randrange(late * 1000) if dice.random() < share else 0))

        def answer(n: int, window: Interval | None, params: Mapping[str, Any], rough: list[Any] = rough) -> Page:
            return page(*[row for row in rough if row["at"] >= params["since"]][:25])

        try:
            (part,), _, _ = read(stream, answer)
        except IncompleteWindow:
            outcomes.add("refused")
        else:
            assert sorted(ids([part])) == [row["id"] for row in rows]
            outcomes.add("complete")
    assert late > 30 or outcomes == {"complete"}
    assert late < 250 or outcomes == {"refused"}


def test_a_provider_of_a_package_may_bring_a_kind_of_its_own() -> None:
    class Backwards(SingleAnswer):
        def first(self, window: Interval | None) -> dict[str, Any]:
            return {"order": "desc"}

    (part,), script, _ = read(serving(STREAM, paging=Backwards()), lambda n, window, params: page(bet("a")))
    assert ids([part]) == ["a"]
    assert script.asked[0][1]["order"] == "desc"
