from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import DAY, Interval, aligned, duration_text, parse_duration, slots
from airflow_betproviders.exceptions import InvalidArgument

UTC = timezone.utc
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
MINUTES_THAT_DIVIDE_A_DAY = [m for m in range(1, 1441) if 1440 % m == 0]


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return MIDNIGHT.replace(hour=hour, minute=minute, second=second)


@given(
    width=st.sampled_from(MINUTES_THAT_DIVIDE_A_DAY).map(lambda m: timedelta(minutes=m)),
    first=st.integers(-2000, 2000),
    count=st.integers(1, 200),
    day_start_offset=st.sampled_from([timedelta(0), timedelta(hours=4)]),
)
def test_slots_tile_the_interval(width: timedelta, first: int, count: int, day_start_offset: timedelta) -> None:
    start = MIDNIGHT + day_start_offset + first * width
    cut = slots(Interval(start, start + count * width), width, day_start_offset)
    assert len(cut) == count
    assert cut[0].start == start
    assert cut[-1].end == start + count * width
    assert all(a.end == b.start for a, b in itertools.pairwise(cut))
    assert all(slot.width == width and aligned(slot.start, width, day_start_offset) for slot in cut)


@pytest.mark.parametrize(("start", "end", "named"), [(at(5, 1), at(6), "start"), (at(5), at(6, 0, 1), "end")])
def test_an_end_that_is_no_slot_boundary_is_refused_with_the_cure(start: datetime, end: datetime, named: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{named} .* is not on a boundary of 1h slots.*consist of slots"):
        slots(Interval(start, end), timedelta(hours=1))


def test_daily_slots_of_a_day_that_begins_at_four_are_named_by_it() -> None:
    day = Interval(at(4), at(4) + DAY)
    assert slots(day, DAY, timedelta(hours=4)) == (day,)
    with pytest.raises(InvalidArgument, match="counted from 4:00:00 UTC"):
        slots(Interval(MIDNIGHT, MIDNIGHT + DAY), DAY, timedelta(hours=4))


@pytest.mark.parametrize(
    "slot", [timedelta(0), -timedelta(hours=1), timedelta(hours=7), 2 * DAY, timedelta(seconds=30), timedelta(hours=25)]
)
def test_a_slot_that_does_not_divide_a_day_is_refused_with_the_cure(slot: timedelta) -> None:
    with pytest.raises(InvalidArgument, match="Use 15m, 30m, 1h, 6h or 1d"):
        slots(Interval(MIDNIGHT, MIDNIGHT + 14 * DAY), slot)


def test_more_than_a_million_slots_are_refused_with_the_cure() -> None:
    ages = Interval(MIDNIGHT, datetime(9998, 12, 31, tzinfo=UTC))
    with pytest.raises(InvalidArgument, match=r"has 69882096 slots of 1h, more than 1000000\. Give a start and an end"):
        slots(ages, timedelta(hours=1))


@pytest.mark.parametrize("naive", ["start", "end"])
def test_a_naive_end_is_refused_with_the_cure(naive: str) -> None:
    ends = {"start": at(5), "end": at(6)}
    ends[naive] = ends[naive].replace(tzinfo=None)
    with pytest.raises(InvalidArgument, match=rf"{naive}=.* has no time zone. Give an aware datetime, e.g. .*\+00:00"):
        Interval(**ends)


@pytest.mark.parametrize("end", [at(5), at(4)])
def test_start_must_lie_before_end(end: datetime) -> None:
    with pytest.raises(InvalidArgument, match="is not before end"):
        Interval(at(5), end)


def test_ends_in_other_zones_are_the_same_instants() -> None:
    manila = timezone(timedelta(hours=8))
    assert Interval(at(5).astimezone(manila), at(6).astimezone(manila)) == Interval(at(5), at(6))


def test_an_intervals_name_reads_back_and_other_names_are_none() -> None:
    interval = Interval(at(5), at(6))
    assert interval.name == "20261120T050000Z-20261120T060000Z"
    assert Interval.from_name(interval.name) == interval
    for name in ("", "part-0", "20261120T050000Z", "20261120T060000Z-20261120T050000Z", f"{interval.name}-x",
                 "00010101T000000Z-00010101T010000Z", "99991231T220000Z-99991231T230000Z"):  # fmt: skip
        assert Interval.from_name(name) is None


@given(
    a=st.integers(0, 50),
    b=st.integers(0, 50),
    wide=st.integers(1, 20),
    narrow=st.integers(1, 20),
)
def test_overlap_and_containment_are_those_of_the_instants_held(a: int, b: int, wide: int, narrow: int) -> None:
    minute = timedelta(minutes=1)
    one = Interval(MIDNIGHT + a * minute, MIDNIGHT + (a + wide) * minute)
    two = Interval(MIDNIGHT + b * minute, MIDNIGHT + (b + narrow) * minute)
    held, other = set(range(a, a + wide)), set(range(b, b + narrow))
    assert one.overlaps(two) == bool(held & other)
    assert one.contains(two) == (other <= held)


@given(start=st.integers(0, 72), hours=st.integers(1, 72))
def test_the_days_of_an_interval_hold_every_slot_that_can_overlap_it(start: int, hours: int) -> None:
    begin = MIDNIGHT + timedelta(hours=start)
    interval = Interval(begin, begin + timedelta(hours=hours))
    for offset in range(-24, hours + 1):
        for width in (1, 6, 24):
            first = begin + timedelta(hours=offset)
            if Interval(first, first + timedelta(hours=width)).overlaps(interval):
                assert first.date() in interval.days


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("15min", 900), ("1h", 3600), (" 2 h ", 7200), ("1d", 86400), ("30s", 30)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration("lag", text) == timedelta(seconds=seconds)
    assert parse_duration("lag", timedelta(seconds=seconds)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "h",
        "1.5h",
        "-1h",
        "1 hour",
        "1w",
        "PT1H",
        "36501d",
        f"{10**30}d",
        "\uff11h",
        timedelta.max,
        timedelta(hours=-1),
    ],
)
def test_other_durations_are_refused_with_the_cure(text: object) -> None:
    with pytest.raises(InvalidArgument, match="Write a number and a unit: 15m, 1h, 1d"):
        parse_duration("lag", text)


@given(st.sets(st.integers(0, 11)), st.integers(0, 11), st.integers(1, 12))
def test_an_interval_is_the_others_in_it_and_what_is_without_them(hours: set[int], first: int, width: int) -> None:
    interval = Interval(MIDNIGHT + first * timedelta(hours=1), MIDNIGHT + (first + width) * timedelta(hours=1))
    stored = [
        Interval(MIDNIGHT + h * timedelta(hours=1), MIDNIGHT + (h + 1) * timedelta(hours=1))
        for h in sorted(hours)
        if first <= h < first + width
    ]
    found = interval.without(reversed(stored))
    pieces = sorted([*found, *stored])
    assert pieces[0].start == interval.start
    assert pieces[-1].end == interval.end
    assert all(a.end == b.start for a, b in itertools.pairwise(pieces))
    assert all(a.end < b.start for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("text", ["15m", "90m", "1h", "36h", "1d", "45s", "0d"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    assert duration_text(parse_duration("lag", text)) == text
