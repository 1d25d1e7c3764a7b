from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.windows import WindowRule, split, split_off, split_slot

START = datetime(2026, 11, 20, tzinfo=timezone.utc)
STEPS = [timedelta(milliseconds=1), timedelta(seconds=1), timedelta(minutes=1)]

rules = st.builds(
    lambda step, spans, same_day: WindowRule(span=step * spans, step=step, same_day=same_day),
    st.sampled_from(STEPS),
    st.integers(1, 1_000_000),
    st.booleans(),
)


@st.composite
def ruled(draw: st.DrawFn) -> tuple[Interval, WindowRule]:
    """Return a rule, and an interval on its steps that needs at most some hundred windows."""
    rule = draw(rules)
    first, steps = draw(st.integers(0, 3 * DAY // rule.step)), draw(st.integers(1, 300 * (rule.span // rule.step)))
    steps = min(steps, 5 * DAY // rule.step)
    start = START + first * rule.step
    return Interval(start, start + steps * rule.step), rule


def fewest(interval: Interval, rule: WindowRule) -> int:
    """Return the days the interval touches if a window may not leave its day, each split by the longest window."""
    pieces = []
    start = interval.start
    while start < interval.end:
        midnight = START + ((start - START) // DAY + 1) * DAY
        end = min(interval.end, midnight) if rule.same_day else interval.end
        pieces.append(end - start)
        start = end
    return sum(-(-piece // rule.span) for piece in pieces)


@given(ruled())
def test_windows_tile_the_interval_obey_the_rule_and_are_the_fewest(given_: tuple[Interval, WindowRule]) -> None:
    interval, rule = given_
    windows = split_slot(interval, rule)
    assert windows[0].start == interval.start
    assert windows[-1].end == interval.end
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))
    for window in windows:
        assert window.width <= rule.span
        assert (window.start - START) % rule.step == timedelta(0)
        if rule.same_day:
            last_instant = window.end - timedelta(microseconds=1)
            assert window.start.date() == last_instant.date()
    assert len(windows) == fewest(interval, rule)


@given(ruled(), st.integers(1, 50))
def test_split_tiles_the_window_in_nearly_equal_parts(given_: tuple[Interval, WindowRule], parts: int) -> None:
    window, rule = given_
    cuts = split(window, parts, rule)
    assert len(cuts) == min(parts, window.width // rule.step)
    assert cuts[0].start == window.start
    assert cuts[-1].end == window.end
    assert all(a.end == b.start for a, b in itertools.pairwise(cuts))
    assert all((part.start - window.start) % rule.step == timedelta(0) for part in cuts)
    assert max(part.width for part in cuts) - min(part.width for part in cuts) <= rule.step


@given(ruled(), st.integers(-1, 1000))
def test_the_part_that_is_split_off_and_the_rest_make_up_the_window(
    given_: tuple[Interval, WindowRule], steps: int
) -> None:
    window, rule = given_
    parts = split_off(window, steps, rule)
    if max(1, steps) * rule.step < window.width:
        first, rest = parts
        assert first.width == max(1, steps) * rule.step
        assert (first.start, first.end, rest.end) == (window.start, rest.start, window.end)
    else:
        assert parts == (window,)


def test_nothing_is_split_off_a_window_whose_answer_is_one_sum() -> None:
    day = Interval(START, START + DAY)
    assert split_off(day, 1, WindowRule(span=60 * DAY, divisible=False)) == (day,)


def test_a_window_of_one_step_cannot_be_split() -> None:
    minute = Interval(START, START + timedelta(minutes=1))
    assert split(minute, 2, WindowRule(span=timedelta(minutes=5), step=timedelta(minutes=1))) == (minute,)


def test_a_window_whose_answer_is_one_sum_is_never_split() -> None:
    day = Interval(START, START + DAY)
    assert split(day, 2, WindowRule(span=60 * DAY, divisible=False)) == (day,)


def test_pv_a_day_is_24_windows_and_none_crosses_midnight() -> None:
    rule = WindowRule(span=timedelta(hours=1), same_day=True)
    half = timedelta(minutes=30)
    assert len(split_slot(Interval(START, START + DAY), rule)) == 24
    assert split_slot(Interval(START - half, START + half), rule) == (
        Interval(START - half, START),
        Interval(START, START + half),
    )


def test_gmag_half_hours_are_two_windows_since_30_minutes_are_too_many() -> None:
    rule = WindowRule(span=timedelta(minutes=29), step=timedelta(minutes=1))
    assert len(split_slot(Interval(START, START + timedelta(minutes=30)), rule)) == 2
    assert len(split_slot(Interval(START, START + timedelta(hours=1)), rule)) == 3


# ------------------------------------------------------------------ further words


def test_of_a_window_that_holds_both_ends_the_last_step_is_left_to_the_next() -> None:
    window = Interval(START, START + timedelta(hours=6))
    assert WindowRule(span=DAY).requested(window) == (window.start, window.end)
    requested = WindowRule(span=DAY, ends="inclusive").requested(window)
    assert requested == (window.start, window.end - timedelta(seconds=1))


def test_windows_of_a_fixed_length_begin_at_steps_of_it_and_are_never_split() -> None:
    rule = WindowRule(span=timedelta(minutes=10), fixed=True)
    hour = Interval(START, START + timedelta(minutes=25))
    windows = split_slot(hour, rule)
    assert [window.width for window in windows] == [timedelta(minutes=10)] * 2 + [timedelta(minutes=5)]
    assert split(windows[0], 2, rule) == (windows[0],)
    assert split_off(windows[0], 1, rule) == (windows[0],)
