"""Cells of stored slots and of gaps lie side by side, whatever is stored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import DAY, Interval, aligned
from airflow_betproviders.lake.survey.unstored_slots import unstored_slots

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MONDAY = datetime(2026, 11, 16, tzinfo=timezone.utc)
WIDTHS = [15 * MINUTE, 30 * MINUTE, 45 * MINUTE, HOUR, 6 * HOUR, DAY]


def at(hours: float) -> datetime:
    return MONDAY + hours * HOUR


def span(first: float, last: float) -> Interval:
    return Interval(at(first), at(last))


@st.composite
def slots(draw: st.DrawFn, day_start_offset: timedelta) -> list[Interval]:
    """Slots of mixed widths over a few days, none over another."""
    found: list[Interval] = []
    for _ in range(draw(st.integers(0, 12))):
        width = draw(st.sampled_from(WIDTHS))
        number = draw(st.integers(0, 4 * (DAY // width)))
        start = MONDAY + day_start_offset + number * width
        slot = Interval(start, start + width)
        if not any(slot.overlaps(other) for other in found):
            found.append(slot)
    return sorted(found)


lakes = st.sampled_from([timedelta(0), 4 * HOUR]).flatmap(
    lambda day_start_offset: st.tuples(st.just(day_start_offset), slots(day_start_offset))
)


@given(
    lakes, st.integers(0, 96 * 60), st.integers(1, 72 * 60), st.sampled_from([None, *WIDTHS]), st.sampled_from(WIDTHS)
)
@example((timedelta(0), [span(3, 3.25), span(5.5, 6)]), 0, 600, None, HOUR)
def test_stored_slots_and_gaps_partition_the_time_and_every_gap_is_a_slot(
    lake: tuple[timedelta, list[Interval]], first: int, minutes: int, slot: timedelta | None, default: timedelta
) -> None:
    day_start_offset, held = lake
    asked = Interval(MONDAY + first * MINUTE, MONDAY + (first + minutes) * MINUTE)
    found = list(unstored_slots(asked, held, slot=slot, default=default, day_start_offset=day_start_offset))
    cells = sorted([*(each for each in held if each.overlaps(asked)), *found])
    assert cells[0].start <= asked.start
    assert asked.end <= cells[-1].end
    assert all(one.end == other.start for one, other in pairwise(cells))
    assert not any(gap.overlaps(each) for gap in found for each in held)
    assert all(gap.overlaps(asked) for gap in found)
    for gap in found:  # an extraction can fill it
        assert DAY % gap.width == timedelta(0)
        assert gap.width % MINUTE == timedelta(0)
        assert aligned(gap.start, gap.width, day_start_offset)


CUTS = [
    ("nothing stored", [], span(2, 5), None, [(2, 3), (3, 4), (4, 5)]),
    ("ends inside a slot", [], span(2.5, 4.1), None, [(2, 3), (3, 4), (4, 5)]),
    ("as wide as the one before", [span(0, 0.5)], span(0, 2), None, [(0.5, 1), (1, 1.5), (1.5, 2)]),
    ("as wide as the one after", [span(24, 48)], span(0, 48), None, [(0, 24)]),
    ("the one before does not fit", [span(0, 24), span(25, 26)], span(0, 26), None, [(24, 25)]),
    ("the day before fits", [span(0, 24), span(48, 49)], span(0, 49), None, [(24, 48)]),
    (
        "the slot that is asked for",
        [span(0, 1)],
        span(0, 2),
        HOUR / 4,
        [(1, 1.25), (1.25, 1.5), (1.5, 1.75), (1.75, 2)],
    ),
    ("the slot that is asked for does not fit", [span(0, 1), span(2, 3)], span(0, 3), 6 * HOUR, [(1, 2)]),
    ("neither fits", [span(0, 0.75), span(1, 2)], span(0, 2), None, [(0.75, 1)]),
    ("across the start", [span(0, 24)], span(23, 26), None, [(24, 48)]),
    ("a neighbour outside", [span(0, 0.5)], span(1, 1.5), None, [(1, 1.5)]),
]


@pytest.mark.parametrize(("what", "held", "asked", "slot", "expected"), CUTS, ids=[cut[0] for cut in CUTS])
def test_a_gap_is_divided_into_slots_as_wide_as_the_stored_ones_around_it(
    what: str, held: list[Interval], asked: Interval, slot: timedelta | None, expected: list[tuple[float, float]]
) -> None:
    assert list(unstored_slots(asked, held, slot=slot, default=HOUR)) == [span(*each) for each in expected]


def test_the_day_of_a_stream_may_begin_at_another_hour() -> None:
    found = list(unstored_slots(span(0, 48), [], default=DAY, day_start_offset=4 * HOUR))
    assert found == [span(-20, 4), span(4, 28), span(28, 52)]


def test_beside_an_object_of_no_slots_width_the_gap_is_one_slot() -> None:
    odd = Interval(at(1), at(1) + timedelta(seconds=7))
    assert list(unstored_slots(span(1, 3), [odd], default=HOUR)) == [Interval(odd.end, at(3))]
