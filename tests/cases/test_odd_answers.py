"""Answers in shapes that no document describes: the slot holds the truth, or the task fails with an error of ours."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError, IncompleteWindow, ProviderUnavailable
from tests.cases.vendors import FIVE, Vendor, spread
from tests.conftest import MakeHook

Document = Any
Change = Callable[[int, int, Document, "Place"], Document]
Spoil = Callable[[list[Document], Document], Any]
SLOT = Interval(FIVE, FIVE + timedelta(minutes=29))
STREAMS = [("pv", "history"), ("aig", "transactions"), ("gmag", "game_history"), ("jdb", "transactions")]
PAGED = STREAMS[:3]
# GM-Ag pages like PV.
UNLIKE = [*PAGED[:2], pytest.param(*PAGED[2], marks=pytest.mark.slow)]
LISTS = {"pv": "items", "aig": "transactions", "gmag": "records", "jdb": "data"}
KEYS = {"pv": "event_id", "aig": "id", "gmag": "roundId", "jdb": "historyId"}
COUNT = 35


class Place:
    """Where an answer has its rows, its total and its page size."""

    def __init__(self, provider: str, document: Document) -> None:
        self.list = LISTS[provider]
        self.key = KEYS[provider]
        self.data = document["data"] if provider in {"pv", "aig"} else document
        self.total = "total"
        self.size = "size" if provider == "gmag" else "page_size"

    @property
    def rows(self) -> list[Any]:
        rows: list[Any] = self.data[self.list]
        return rows

    def put(self, rows: Any) -> None:
        self.data[self.list] = rows


def page_of(params: dict[str, Any]) -> int:
    """Return the number of the page that is asked for, from 0."""
    if "start_index" in params:
        return int(params["start_index"]) // int(params["page_size"])
    return int(params.get("page", 1)) - 1


def run(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, change: Change, count: int = COUNT, **options: Any
) -> tuple[list[str] | None, Vendor]:
    """Return the ids that were stored in order, or None where the task failed with an error of ours and nothing is stored."""
    extra = {} if provider == "jdb" else {"page_size": 10}
    vendor = Vendor(make(provider, extra=extra), stream, spread(count, SLOT), **options)

    def spoil(n: int, window: Any, params: Any, document: Document) -> Document:
        return change(n, page_of(params), document, Place(provider, document))

    vendor.spoil = spoil
    return outcome(vendor, tmp_path), vendor


def outcome(vendor: Vendor, tmp_path: Path, *slots: Interval, **filters: Any) -> list[str] | None:
    """Return the ids that were stored in order, or None where all of them are in quarantine, or the task failed and nothing is stored."""
    found, problem = None, ""
    try:
        stored = vendor.store(tmp_path, *slots or (SLOT,), **filters)
    except BetProviderError as error:
        problem = str(error)
    else:
        found = sorted(vendor.ids(stored)) or None if stored.receipts[0].bad_rows else sorted(vendor.ids(stored))
    if problem:
        assert f"{vendor.stream.provider}_default" in problem
        assert vendor.name in problem
        assert not list(tmp_path.rglob("*.parquet"))
    assert len(vendor.asked) < 300
    return found


TRUTH = sorted(f"{i}" for i in range(COUNT))


def total(value: Any) -> Change:
    """Another total, given the true one and the page."""

    def change(n: int, page: int, document: Document, place: Place) -> Document:
        place.data[place.total] = value(place.data[place.total], page)
        return document

    return change


@pytest.mark.parametrize(("provider", "stream"), PAGED)
@pytest.mark.parametrize(
    "said",
    [
        lambda total, page: f"{total}",
        lambda total, page: f" {total} ",
        lambda total, page: float(total),
        lambda total, page: f"{total}.0",
        lambda total, page: f"{total:.2f}",
        lambda total, page: total if page == 0 else f"{total}",
    ],
    ids=["text", "text with blanks", "float", "float as text", "text with decimals", "mixed"],
)
def test_a_total_counts_however_it_is_written(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, said: Any
) -> None:
    found, vendor = run(make, tmp_path, provider, stream, total(said))
    assert found == TRUTH
    assert len(vendor.asked) == 4


@pytest.mark.parametrize(("provider", "stream"), PAGED)
@pytest.mark.parametrize(
    "said",
    [
        lambda total, page: -1,
        lambda total, page: total if page == 0 else None,
        lambda total, page: None if page == 0 else total,
        lambda total, page: None if page % 2 else total,
    ],
    ids=["negative", "first only", "not first", "every other page"],
)
def test_a_total_that_is_not_on_every_page_costs_a_second_read(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, said: Any
) -> None:
    found, vendor = run(make, tmp_path, provider, stream, total(said))
    assert found == TRUTH
    assert len(vendor.asked) <= 10


@pytest.mark.parametrize(("provider", "stream"), UNLIKE)
@pytest.mark.parametrize(
    "said",
    [
        lambda total, page: None,
        lambda total, page: "",
        lambda total, page: "many",
        lambda total, page: True,
        lambda total, page: [total],
        lambda total, page: {"count": total},
        lambda total, page: 0,
        lambda total, page: 10**30,
        lambda total, page: "1e9",
        lambda total, page: 2**63,
        lambda total, page: total - page,
        lambda total, page: total + page,
        lambda total, page: total - 1,
        lambda total, page: total + 1,
        lambda total, page: 10,
        lambda total, page: total if page == 0 else 0,
        lambda total, page: total + 0.5,
        lambda total, page: 4,
    ],
    ids=[
        "null", "empty", "words", "true", "list", "object", "zero", "huge", "scientific", "beyond int64",
        "shrinks a page", "grows a page", "one too few", "one too many", "of the page", "zero later",
        "a half", "pages",
    ],
)  # fmt: skip
def test_a_total_that_says_nothing_or_lies_loses_no_row(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, said: Any
) -> None:
    found, _ = run(make, tmp_path, provider, stream, total(said))
    assert found in (TRUTH, None)


def echo(value: Any) -> Change:
    def change(n: int, page: int, document: Document, place: Place) -> Document:
        if value == "absent":
            place.data.pop(place.size)
        else:
            place.data[place.size] = value
        return document

    return change


@pytest.mark.parametrize(("provider", "stream"), UNLIKE)
@pytest.mark.parametrize("size", [0, 1, -5, 9, 11, 5000, 10**12, "10", 10.0, None, "", [], "absent"])
def test_the_echo_of_the_page_size_is_a_hint(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, size: Any
) -> None:
    """What the pages hold counts, whatever the answer says of them."""
    found, vendor = run(make, tmp_path, provider, stream, echo(size))
    assert found == TRUTH
    assert len(vendor.asked) <= 16


def _rows(how: Callable[[int, int, list[Any], Place], Any]) -> Change:
    def change(n: int, page: int, document: Document, place: Place) -> Document:
        place.put(how(n, page, place.rows, place))
        return document

    return change


HELD: dict[tuple[str, int], Any] = {}


def _page_again(n: int, page: int, document: Document, place: Place, *, asked: int, given: int) -> Document:
    key = (place.list, given)
    if page == given:
        HELD[key] = copy.deepcopy(document)
    return copy.deepcopy(HELD[key]) if page == asked and key in HELD else document


LISTED: dict[str, Change] = {
    "an empty list in the middle": _rows(lambda n, page, rows, place: [] if page == 1 else rows),
    "an empty list in the middle once": _rows(lambda n, page, rows, place: [] if n == 2 else rows),
    "the first page empty": _rows(lambda n, page, rows, place: [] if page == 0 else rows),
    "the last page empty": _rows(lambda n, page, rows, place: [] if page == 3 else rows),
    "the last page lacks a row": _rows(lambda n, page, rows, place: rows[:-1] if page == 3 else rows),
    "each page lacks a row": _rows(lambda n, page, rows, place: rows[1:]),
    "the second page is the first": lambda *of: _page_again(*of, asked=1, given=0),
    "the last page is the one before": lambda *of: _page_again(*of, asked=3, given=2),
    "a row is on two pages": _rows(lambda n, page, rows, place: [*rows[:-1], rows[0]]),
    "an object by index": _rows(lambda n, page, rows, place: {f"{i}": row for i, row in enumerate(rows)}),
    "an object by index from 1": _rows(lambda n, page, rows, place: {f"{i + 1}": row for i, row in enumerate(rows)}),
    "a single object": _rows(lambda n, page, rows, place: rows[0] if rows else rows),
    "a list in a list": _rows(lambda n, page, rows, place: [rows]),
    "rows and nulls": _rows(lambda n, page, rows, place: [*rows, None]),
    "nulls in place of rows": _rows(lambda n, page, rows, place: [None for _ in rows]),
    "text": _rows(lambda n, page, rows, place: "none"),
    "empty text": _rows(lambda n, page, rows, place: ""),
    "null": _rows(lambda n, page, rows, place: None),
    "an empty object": _rows(lambda n, page, rows, place: {}),
    "false": _rows(lambda n, page, rows, place: False),
    "a number": _rows(lambda n, page, rows, place: 0),
    "each row as text": _rows(lambda n, page, rows, place: [str(row) for row in rows]),
    "backwards": _rows(lambda n, page, rows, place: rows[::-1]),
    "each row twice": _rows(lambda n, page, rows, place: [row for row in rows for _ in range(2)]),
}

READABLE = {"an object by index", "an object by index from 1", "backwards", "an empty list in the middle once"}


@pytest.mark.parametrize("shape", LISTED)
@pytest.mark.parametrize(("provider", "stream"), UNLIKE)
def test_a_list_of_another_shape_loses_no_row(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, shape: str
) -> None:
    HELD.clear()
    found, _ = run(make, tmp_path, provider, stream, LISTED[shape])
    assert found in (TRUTH, None)
    if shape in READABLE:
        assert found == TRUTH


@pytest.mark.parametrize(
    "shape",
    ["an object by index", "an object by index from 1", "a list in a list", "rows and nulls", "text",
     "empty text", "false", "a number", "each row as text", "backwards", "each row twice", "nulls in place of rows"],
)  # fmt: skip
def test_jdbs_list_of_another_shape_loses_no_row(make: MakeHook, tmp_path: Path, shape: str) -> None:
    found, _ = run(make, tmp_path, "jdb", "transactions", LISTED[shape])
    assert found in (TRUTH, None)
    if shape in READABLE:
        assert found == TRUTH


@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_one_row_in_place_of_a_list_of_one_is_stored(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    found, _ = run(make, tmp_path, provider, stream, LISTED["a single object"], count=1)
    assert found == ["0"]


FIGURES = {"bet_amount": 7, "gain_amount": 1, "user_count": 1, "bet_count": 2}


def summary(make: MakeHook, tmp_path: Path, data: Any, calls: int) -> list[dict[str, Any]]:
    """Return the stored figures where the vendor's first ``calls`` answers have other data."""

    def spoil(n: int, window: Any, params: Any, document: Document) -> Document:
        return {**document, "data": data} if n <= calls else document

    vendor = Vendor(make("pv"), "games_game_stage_summary", [], spoil=spoil)
    stored = vendor.store(tmp_path, SLOT, game_id=2011)
    assert stored.receipts[0].bad_rows == 0
    rows = [row for path in stored.paths.values() for row in pq.read_table(path).to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize(
    "data",
    ["", "busy", 0, False, [None], [FIGURES, FIGURES], {"error": "busy"}, {"bet_amount": None, "error": "busy"},
     {"bet_amount": None, "error": None}, [{}], {"data": FIGURES}],
    ids=str,
)  # fmt: skip
def test_a_summary_of_another_shape_is_requested_again(make: MakeHook, tmp_path: Path, data: Any) -> None:
    (figures,) = summary(make, tmp_path, data, calls=1)
    assert figures.items() >= FIGURES.items()


@pytest.mark.parametrize("data", ["", "busy", [None]], ids=str)
def test_a_summary_that_stays_in_another_shape_fails_as_a_list_does(make: MakeHook, tmp_path: Path, data: Any) -> None:
    with pytest.raises(ProviderUnavailable, match="connection pv_default, stream games_game_stage_summary, window"):
        summary(make, tmp_path, data, calls=99)


def test_a_summary_in_a_list_of_one_is_stored(make: MakeHook, tmp_path: Path) -> None:
    (figures,) = summary(make, tmp_path, [FIGURES], calls=99)
    assert figures.items() >= FIGURES.items()


def test_a_summary_whose_figures_stay_null_keeps_its_other_members(make: MakeHook, tmp_path: Path) -> None:
    (figures,) = summary(make, tmp_path, {"bet_amount": None, "note": "none"}, calls=99)
    assert figures["_extra"] == '{"note":"none"}'
    assert summary(make, tmp_path, {"bet_amount": None, "note": None}, calls=99) == []


DAYS = {
    ("pv", "stage_summary"): Interval(FIVE.replace(hour=0), FIVE.replace(hour=0) + timedelta(days=1)),
    ("jdb", "daily_by_game_type"): Interval(FIVE.replace(hour=4), FIVE.replace(hour=4) + timedelta(days=1)),
}


def rows_and_sums(document: Document) -> tuple[list[Document], Document]:
    """Return the rows and the sums of a report."""
    data = document["data"][0] if isinstance(document["data"], list) else document["data"]
    return data.get("day_list", data.get("gTypeSummary")), data.get("summary", data.get("totalSummary"))


def stored_rows(make: MakeHook, tmp_path: Path, report: tuple[str, str], change: Spoil, calls: int) -> tuple[int, int]:
    """Return the rows that are stored, and those sent, where ``change`` spoils the vendor's first ``calls`` answers."""
    sent = 0

    def spoil(n: int, window: Any, params: Any, document: Document) -> Document:
        nonlocal sent
        rows, sums = rows_and_sums(document)
        sent = len(rows)
        if n <= calls:
            change(rows, sums)
        return document

    vendor = Vendor(make(report[0]), report[1], [], spoil=spoil)
    return len(vendor.ids(vendor.store(tmp_path, DAYS[report]))), sent


LACKING: dict[str, Spoil] = {
    "the last row": lambda rows, sums: rows.pop(),
    "all rows": lambda rows, sums: rows.clear(),
    "a part of a row's figures": lambda rows, sums: rows[-1].update({name: 0 for name in rows[-1] if "count" in name}),
}


@pytest.mark.parametrize("lacking", LACKING)
@pytest.mark.parametrize("report", DAYS)
def test_a_report_that_lacks_rows_by_its_own_sum_is_requested_again(
    make: MakeHook, tmp_path: Path, report: tuple[str, str], lacking: str
) -> None:
    stored, sent = stored_rows(make, tmp_path, report, LACKING[lacking], calls=1)
    assert stored == sent > 0
    with pytest.raises(
        IncompleteWindow, match=r"the provider's own sum of (bet_)?count is \d, and its rows add up to \d"
    ):
        stored_rows(make, tmp_path / "always", report, LACKING[lacking], calls=99)


NO_PROOF: dict[str, Spoil] = {
    "no sums": lambda rows, sums: sums.clear(),
    "sums of nothing": lambda rows, sums: sums.update(dict.fromkeys(sums, 0)),
    "null": lambda rows, sums: sums.update(dict.fromkeys(sums)),
    "text": lambda rows, sums: sums.update({name: f"{value}" for name, value in sums.items()}),
    "words": lambda rows, sums: sums.update(dict.fromkeys(sums, "many")),
    "a row without its figure": lambda rows, sums: rows[-1].update(bet_count=None, count=None),
}


@pytest.mark.parametrize("odd", NO_PROOF)
@pytest.mark.parametrize("report", DAYS)
def test_an_own_sum_that_says_nothing_loses_no_row(
    make: MakeHook, tmp_path: Path, report: tuple[str, str], odd: str
) -> None:
    stored, sent = stored_rows(make, tmp_path, report, NO_PROOF[odd], calls=99)
    assert stored == sent > 0
