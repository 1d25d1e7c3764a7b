"""Answers are assembled to a window only if they prove it complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from airflow_betproviders.declare.fields import Epoch
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    SingleAnswer,
)
from airflow_betproviders.declare.stream import Reaches, Rows
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.exceptions import IncompleteWindow, ProviderRequestError, WindowNotReady
from tests.extraction.script import STREAM, Answer, ids, read
from tests.extraction.vendor import FIVE, MINUTE, SLOT, bet, page, serving


@pytest.mark.parametrize("hours", [8, -4])
def test_rows_of_another_zone_in_a_window_of_fixed_length_fail(hours: int) -> None:
    """They would be left out: no other window brings them."""
    stream = serving(windows=WindowRule(span=10 * MINUTE, fixed=True), paging=SingleAnswer())
    assert not stream.reject_outside_window
    shifted = page(*(bet(f"{i}", at=i * 20 + hours * 3600) for i in range(20)))
    with pytest.raises(ProviderRequestError, match="20 of 20 rows have at outside the window"):
        read(stream, lambda n, window, params: shifted, Interval(FIVE, FIVE + 10 * MINUTE))


@pytest.mark.parametrize("hours", [8, -4])
def test_rows_of_another_zone_in_an_answer_of_the_newest_rows_fail(hours: int) -> None:
    """They would be left out, as if the window were empty."""
    stream = serving(windows=WindowRule(span=10 * MINUTE, sliding=True), paging=SingleAnswer())
    shifted = page(*(bet(f"{i}", at=i * 20 + hours * 3600) for i in range(20)))
    with pytest.raises(ProviderRequestError, match="20 of 20 rows have at outside the window"):
        read(stream, lambda n, window, params: shifted, Interval(FIVE, FIVE + 5 * MINUTE))


@pytest.mark.parametrize("late", [-2, -1, 0, 1, 5, 6, 7])
def test_an_answer_of_the_newest_rows_that_does_not_include_the_window_fails(late: int) -> None:
    """The answer is of ten minutes, and ends some minutes after the window of five."""
    stream = serving(windows=WindowRule(span=10 * MINUTE, sliding=True), paging=SingleAnswer())
    rows = page(*(bet(f"{i}", at=(late - 5) * 60 + i * 6) for i in range(100)))
    window = Interval(FIVE, FIVE + 5 * MINUTE)
    if 0 <= late <= 5:
        (part,), _, _ = read(stream, lambda n, asked, params: rows, window)
        assert len(ids([part])) == 50
    else:
        with pytest.raises(ProviderRequestError, match="of 100 rows have at outside the window"):
            read(stream, lambda n, asked, params: rows, window)


@pytest.mark.parametrize("rule", [{"fixed": True}, {"sliding": True}])
def test_rows_beyond_the_window_are_dropped_where_the_provider_picks_its_length(rule: dict[str, bool]) -> None:
    stream = serving(STREAM, paging=SingleAnswer(), windows=WindowRule(span=10 * MINUTE, **rule))
    window = Interval(FIVE, FIVE + 5 * MINUTE)
    rows = [bet("before", at=-1), bet("a", at=0), bet("b", at=299), bet("after", at=300)]
    (part,), script, _ = read(stream, lambda n, asked, params: page(*rows), window)
    assert ids([part]) == ["a", "b"]
    assert len(script.asked) == 1


def test_an_answer_is_complete_only_if_it_says_that_it_reaches_the_end_of_the_window() -> None:
    stream = serving(STREAM, paging=SingleAnswer(), envelope={"until": Reaches(Epoch("ms")), "rows": Rows})

    def answer(until: datetime | None) -> Answer:
        return lambda n, window, params: replace(page(bet("a")), reaches=until)

    (part,), _, _ = read(stream, answer(SLOT.end))
    assert (ids([part]), part.proof) == (["a"], "reaches the end")
    with pytest.raises(WindowNotReady, match=r"stream bets, window .* has rows until 2026-11-20T05:59:59Z so far"):
        read(stream, answer(SLOT.end - timedelta(seconds=1)))
    with pytest.raises(IncompleteWindow, match="does not say how far it reaches"):
        read(stream, answer(None))
