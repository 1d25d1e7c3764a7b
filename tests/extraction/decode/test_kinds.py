"""Kinds of times and kinds that a package adds: the fast and the lenient way read the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.fields import (
    Double,
    Epoch,
    Field,
    IsoTime,
    Kind,
    OddValue,
    Rounded,
    StrptimeTime,
    TimeKind,
)
from airflow_betproviders.declare.fields.base import ArrowType
from airflow_betproviders.declare.fields.json_text import Number
from airflow_betproviders.declare.stream import Rows, Stream
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from tests.examples import examples

UTC = timezone.utc
EIGHT = timedelta(hours=8)


def stream(kind: Kind) -> Stream:
    return Stream(provider="toy", name="kinds", fields=(Field("a", kind),), envelope={"rows": Rows})


def decode(kind: Kind, *values: str, offset: timedelta = timedelta(hours=-4)) -> Page:
    """Decode values, given as JSON text, each in a row of its own."""
    rows = ",".join(f'{{"a":{value}}}' for value in values)
    return Decoder(stream(kind), offset)(f'{{"rows":[{rows}]}}'.encode(), lambda envelope: None)


TIMES = [
    # as declared, as sent, UTC
    (Epoch("s"), "1768435800", "2026-01-15T00:10:00"),
    (Epoch("ms"), "1768435800123", "2026-01-15T00:10:00.123"),
    (Epoch("us"), "1768435800123000", "2026-01-15T00:10:00.123"),
    (Epoch("us", precision="us"), "1768435800123456", "2026-01-15T00:10:00.123456"),
    (Epoch("ns", precision="us"), "1768435800123456000", "2026-01-15T00:10:00.123456"),
    (Epoch("s", precision="us"), "1768435800", "2026-01-15T00:10:00"),
    (IsoTime(), '"2026-01-15 00:10:00"', "2026-01-15T00:10:00"),
    (IsoTime(), '"2026-01-15T00:10:00.123Z"', "2026-01-15T00:10:00.123"),
    (IsoTime(), '"2026-01-15T08:10:00+08:00"', "2026-01-15T00:10:00"),
    (IsoTime(), '"2026-01-14T20:10:00-0400"', "2026-01-15T00:10:00"),
    (IsoTime(precision="us"), '"2026-01-15T00:10:00.123456Z"', "2026-01-15T00:10:00.123456"),
    (IsoTime(offset=EIGHT), '"2026-01-15T08:10:00"', "2026-01-15T00:10:00"),
    (IsoTime(offset=EIGHT), '"2026-01-15T00:10:00Z"', "2026-01-15T00:10:00"),
    (IsoTime(offset=None), '"2026-01-14 20:10:00.5"', "2026-01-15T00:10:00.5"),
    (StrptimeTime("%d-%m-%Y %H:%M:%S"), '"14-01-2026 20:10:00"', "2026-01-15T00:10:00"),
    (StrptimeTime("%Y-%m-%d %H:%M:%S", offset=EIGHT), '"2026-01-15 08:10:00"', "2026-01-15T00:10:00"),
    (StrptimeTime("%Y%m%d%H%M%S", offset=timedelta(0)), '"20260115001000"', "2026-01-15T00:10:00"),
    (StrptimeTime("%m/%d/%Y %I:%M:%S %p", offset=timedelta(0)), '"01/15/2026 12:10:00 AM"', "2026-01-15T00:10:00"),
    (StrptimeTime("%d %b %Y %H:%M:%S.%f", offset=timedelta(0)), '"15 Jan 2026 00:10:00.123"', "2026-01-15T00:10:00.123"),
    (StrptimeTime("%Y-%m-%dT%H:%M:%S.%f%z", precision="us"), '"2026-01-15T08:10:00.123456+0800"', "2026-01-15T00:10:00.123456"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sent", "utc"), TIMES)
def test_a_time_is_the_same_instant_whichever_way_it_is_read(kind: TimeKind, sent: str, utc: str) -> None:
    page = decode(kind, sent, "null", sent)
    expected = datetime.fromisoformat(utc.ljust(26, "0") if "." in utc else utc).replace(tzinfo=UTC)
    assert page.fast
    assert page.table["a"].to_pylist() == [expected, None, expected]
    assert page.table["a"].type == pa.timestamp(kind.precision, "UTC")
    lenient = decode(kind, sent, '"a new thing"')
    assert not lenient.fast
    assert lenient.table["a"].to_pylist() == [expected, None]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (StrptimeTime("%d-%m-%Y %H:%M:%S"), '"30-02-2026 00:00:00"'),
        (StrptimeTime("%d-%m-%Y %H:%M:%S"), '"1-2-2026 00:00:00"'),
        (StrptimeTime("%Y%m%d"), '"20260230"'),
        (StrptimeTime("%H:%M %d.%m.%Y"), '"00:00 31.04.2026"'),
        (StrptimeTime("%d %b %Y"), '"30 Feb 2026"'),
        (StrptimeTime("%d-%m-%Y", offset=timedelta(hours=-1)), '"31-12-10000"'),
        (StrptimeTime("%d-%m-%Y %H:%M:%S", offset=EIGHT), '"01-01-1970 07:59:59"'),
        (StrptimeTime("%d-%m-%Y %H:%M:%S", offset=-EIGHT), '"31-12-9999 16:00:00"'),
        (IsoTime(offset=EIGHT), '"1970-01-01 07:59:59"'),
        (IsoTime(), '"0000-01-01 00:00:00"'),
        (Epoch("ns"), "253402300800000000000"),
        (Epoch("s"), "253402300800"),
        (Epoch("us"), "-1"),
    ],
)
def test_what_is_no_time_of_the_years_1970_to_9999_is_odd(kind: Kind, sent: str) -> None:
    page = decode(kind, sent)
    assert page.table["a"].to_pylist() == [None]
    assert page.table["_extra"].to_pylist() == [f'{{"a":{sent}}}']
    assert page.counts.odd_values == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        (Epoch("us"), "1768435800123999", "2026-01-15 00:10:00.123000"),
        (Epoch("ns", precision="us"), "1768435800123456789", "2026-01-15 00:10:00.123456"),
        (IsoTime(precision="us"), '"2026-01-15T00:10:00.1234567Z"', "2026-01-15 00:10:00.123456"),
        (IsoTime(), '"2026-01-15T00:59:59.9999"', "2026-01-15 00:59:59.999000"),
    ],
)
def test_a_time_with_more_digits_is_truncated_and_kept_in_extra(kind: Kind, sent: str, stored: str) -> None:
    page = decode(kind, sent)
    assert str(page.table["a"][0].as_py().replace(tzinfo=None)) == stored
    assert page.table["_extra"].to_pylist() == [f'{{"a":{sent}}}']
    assert page.counts.rounded == {"a": 1}


# ------------------------------------------------------------------ wall times read by Arrow, each as by `seconds`

ODD_TIMES = [
    "2026-11-20", "2026-11-20 05", "2026-11-20T05:00", "2026-11-20 05:00:00.", "2026-11-20 05:00:00,5", "2026-11-20 05:00:00.12",
    "2026-11-20 05:00:00.123456", "2026-11-20 05:00:00.1230000", "2026-11-20 05:00:00.1234567", "2026-11-20 05:00:00.000000000001",
    "2026-11-20 23:59:60", "2026-12-31T23:59:60", "2026-11-20 24:00:00", "2026-11-20 05:60:00", "2026-02-29", "2024-02-29",
    "1900-02-29 00:00:00", "2026-13-01", "2026-00-10", "2026-11-00 05:00:00", "2026-11-31 05:00:00", "0000-01-01 00:00:00",
    "0001-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "1970-01-01 07:59:59", "1970-01-01 08:00:00",
    "9999-12-31 23:59:59.999999", "9999-12-31 20:00:00", "10000-01-01 00:00:00", "-001-01-01", "+2026-11-20", "2026-11-20 05:00:00Z",
    "2026-11-20 05:00:00z", "2026-11-20T05:00:00+08:00", "2026-11-20 05:00:00+0800", "2026-11-20 05:00:00-08", "2026-11-20 05:00:00+24:00",
    "2026-11-20 05:00:00 +08:00", "2026-11-20 05:00:00\u221208:00", " 2026-11-20 05:00:00", "2026-11-20 05:00:00\n", "2026-11-20  05:00:00",
    "2026-11-20t05:00:00", "2026-11-20_05:00:00", "2026-11-20T", "20261120", "2026-11-20 050000", "2026-11-20 5:00:00", "2026-1-20",
    "2026/11/20 05:00:00", "2026-W47-5", "2026-324", "\u0662\u0660\u0662\u0666-11-20 05:00:00", "2026-11-2\uff10 05:00:00",
    "2026-11-20\u00a005:00:00", "\u00a02026-11-20", "2026-11-20 -5:00:00", "2026-11-20 05:00:00\x00", "1768435800", "null", "", " ",
]  # fmt: skip
WALL_TIMES = [
    IsoTime(offset=offset, precision=precision)
    for offset in (EIGHT, -EIGHT, None, timedelta(hours=5, minutes=45), timedelta(microseconds=-1_500), timedelta(days=400))
    for precision in ("ms", "us")
]  # fmt: skip


def one_by_one(kind: Kind, texts: list[str | None], offset: timedelta) -> list[datetime | None] | None:
    """Read texts by `Kind.cell` alone. None where a page of them cannot be stored as it is."""
    try:
        cells = [kind.cell(text, offset) for text in texts]
    except OddValue:
        return None
    if any(isinstance(cell, Rounded) for cell in cells):
        return None
    return [cell and datetime.fromisoformat(json.loads(cell)).replace(tzinfo=UTC) for cell in cells]


def at_once(kind: Kind, texts: list[str | None], offset: timedelta) -> list[datetime | None] | None:
    """Read texts as a page's column. None where it is refused."""
    try:
        read: list[datetime | None] = columns.finish(pa.array(texts, pa.string()), kind, offset).to_pylist()
    except pa.ArrowInvalid:
        return None
    return read


@pytest.mark.parametrize("kind", WALL_TIMES)
def test_a_wall_time_is_read_by_arrow_as_by_itself(kind: IsoTime) -> None:
    offset = timedelta(hours=-4)
    for text in ODD_TIMES:
        assert at_once(kind, [text], offset) == one_by_one(kind, [text], offset), text
        beside = ["2026-11-20T05:00:00", None, text]
        assert at_once(kind, beside, offset) == one_by_one(kind, beside, offset), text


@st.composite
def nearly_times(draw: st.DrawFn) -> str:
    """Draw a time with at most two characters replaced, removed or added."""
    text = draw(st.datetimes()).isoformat(draw(st.sampled_from("T ")))
    text = text[: draw(st.sampled_from([10, 13, 16, 19, 23, 26]))] + draw(
        st.sampled_from(["", "", "", "Z", "+08:00", "-0400"])
    )
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        text = (
            text[:place]
            + draw(st.sampled_from([*"0123456789-:. TZ+,", "٣", ""]))
            + text[place + draw(st.integers(0, 1)) :]
        )
    return text


@settings(max_examples=examples(200))
@given(st.sampled_from(WALL_TIMES), st.lists(nearly_times() | st.none(), max_size=3))
def test_what_is_nearly_a_wall_time_is_read_by_arrow_as_by_itself(kind: IsoTime, texts: list[str | None]) -> None:
    offset = timedelta(hours=-4)
    assert at_once(kind, texts, offset) == one_by_one(kind, texts, offset)


@pytest.mark.parametrize("precision", ["ms", "us"])
def test_an_offset_finer_than_a_second_moves_a_time(precision: str) -> None:
    kind = StrptimeTime("%Y-%m-%d %H:%M:%S", timedelta(microseconds=1_500), precision=precision)
    texts: list[str | None] = ["2026-11-20 05:00:00"]
    assert at_once(kind, texts, timedelta(0)) == one_by_one(kind, texts, timedelta(0))


@pytest.mark.parametrize("sent", ["NaN", "Infinity", "1e400", f"1.{'0' * 100}", '"x"', "true", "[1.5]"])
def test_what_is_no_finite_number_of_bounded_length_is_no_double(sent: str) -> None:
    page = decode(Double(), "1.1500000000000001", sent, "2.5")
    assert page.table["a"].to_pylist() == [1.1500000000000001, None, 2.5]
    assert page.counts.odd_values == {"a": 1}


# ------------------------------------------------------------------ kinds that a package adds


@dataclass(frozen=True)
class Cents(Kind):
    """An amount as a whole number of cents, as some vendors send it."""

    @property
    def arrow(self) -> ArrowType:
        return ("decimal128", 18, 2)

    @property
    def wire(self) -> ArrowType:
        return ("int64",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        if not isinstance(value, Number) or not value.removeprefix("-").isdigit():
            raise OddValue("expected cents")
        return json.dumps(f"{Exact(value).scaleb(-2):f}")


@dataclass(frozen=True)
class Ticks(TimeKind):
    """Hundreds of nanoseconds since the year 1, as .NET counts."""

    @property
    def wire(self) -> ArrowType:
        return ("int64",)

    def seconds(self, value: Any, utc_offset: timedelta) -> Exact:
        return Exact(value).scaleb(-7) - 62_135_596_800


@dataclass(frozen=True)
class LateIso(IsoTime):
    """An hour later than written."""

    def seconds(self, value: Any, utc_offset: timedelta) -> Exact:
        return super().seconds(value, utc_offset) + 3600


@dataclass(frozen=True)
class LateText(StrptimeTime):
    """An hour later than written."""

    def seconds(self, value: Any, utc_offset: timedelta) -> Exact:
        return super().seconds(value, utc_offset) + 3600


@dataclass(frozen=True)
class LateCount(Epoch):
    """An hour later than written."""

    def seconds(self, value: Any, utc_offset: timedelta) -> Exact:
        return super().seconds(value, utc_offset) + 3600


@dataclass(frozen=True)
class YesNo(Kind):
    @property
    def arrow(self) -> ArrowType:
        return ("bool_",)

    @property
    def wire(self) -> ArrowType:
        return ("string",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        if value not in ("Y", "N"):
            raise OddValue("expected Y or N")
        return "true" if value == "Y" else "false"


LATE = datetime(2026, 1, 15, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "sent", "odd", "stored"),
    [
        (Cents(), ["1050", "-7", "1050", "null"], '"ten"', [Exact("10.50"), Exact("-0.07"), Exact("10.50"), None]),
        (Ticks(), ["639040326001230000"], '"soon"', [datetime(2026, 1, 15, 0, 10, 0, 123000, UTC)]),
        (LateIso(offset=EIGHT), ['"2026-01-15 07:10:00"', '"2026-01-15T07:10:00"'], '"soon"', [LATE, LATE]),
        (LateText("%Y-%m-%d %H:%M:%S", EIGHT), ['"2026-01-15 07:10:00"'], '"soon"', [LATE]),
        (LateCount("s"), ["1768432200"], '"soon"', [LATE]),
        (YesNo(), ['"Y"', '"N"', '""'], "3", [True, False, None]),
    ],
)
def test_a_kind_of_another_package_needs_its_types_and_how_it_coerces(
    kind: Kind, sent: list[str], odd: str, stored: list[object]
) -> None:
    page = decode(kind, *sent)
    assert page.fast
    assert page.table["a"].to_pylist() == stored
    lenient = decode(kind, *sent, odd)
    assert not lenient.fast
    assert lenient.table["a"].to_pylist() == [*stored, None]
    assert lenient.counts.odd_values == {"a": 1}


@dataclass(frozen=True)
class Careless(Kind):
    """A count that is read without a look at what was sent."""

    @property
    def arrow(self) -> ArrowType:
        return ("int64",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        return str(int(value.strip("x") if value else value["x"]))


@pytest.mark.parametrize("odd", ['{"x":1}', "{}", "[]", "[1]", "true", "false", '"soon"'])
@pytest.mark.parametrize("kind", [Careless(), Ticks(), Cents()], ids=["careless", "ticks", "cents"])
def test_a_value_that_a_kind_of_another_package_does_not_expect_is_kept_in_extra(kind: Kind, odd: str) -> None:
    page = decode(kind, "17", odd)
    assert page.table["a"].to_pylist()[1] is None
    assert json.loads(page.table["_extra"].to_pylist()[1]) == {"a": json.loads(odd)}
