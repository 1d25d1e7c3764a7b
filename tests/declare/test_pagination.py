"""Pagination kinds by themselves, on answers that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_betproviders.declare.pagination import Offset, PageNumber, PageToken, WindowChanged
from airflow_betproviders.declare.pagination.base import agreed_total, total_so_far

KINDS = [
    PageNumber(param="page", size_param="size", page_size=10),
    Offset(param="offset", size_param="size", page_size=10),
    PageToken(param="token", size_param="size", page_size=10),
]


class CountedReads:
    """Full pages of ten rows, which count how often the total of a page is read."""

    def __init__(self, pages: int) -> None:
        self.reads = 0
        self.answers: list[Any] = [_Page(self, str(number), 10 * pages) for number in range(pages)]


class _Page:
    rows = new = 10
    bytes = 1000
    page_size = None

    def __init__(self, counted: CountedReads, token: str, total: int) -> None:
        self._counted, self.token, self._total = counted, token, total

    @property
    def total(self) -> int:
        self._counted.reads += 1
        return self._total


def totals(pages: list[tuple[int | None, int]]) -> list[Any]:
    """Return answers of these totals and numbers of rows."""
    return [SimpleNamespace(total=total, rows=rows) for total, rows in pages]


def prefixes(pages: list[tuple[int | None, int]]) -> Iterator[list[Any]]:
    """Yield the answers as they come, one more each time."""
    return (totals(pages[: count + 1]) for count in range(len(pages)))


@pytest.mark.parametrize("paging", KINDS, ids=lambda paging: type(paging).__name__)
def test_the_totals_of_earlier_pages_are_not_read_again_with_each_page(paging: Any) -> None:
    counted = CountedReads(400)
    for count in range(1, 400):
        paging.following(None, counted.answers[:count])
    assert counted.reads < 10 * 400


@pytest.mark.parametrize(
    "pages",
    [
        [(30, 10), (30, 10), (30, 10)],
        [(30, 10), (None, 10), (30, 10)],
        [(None, 10), (30, 10), (None, 10)],
        [(10, 10), (7, 7), (10, 10)],
        [(10, 10), (10, 7), (10, 10)],
        [(10, 10), (None, 0), (4, 4)],
    ],
)
def test_the_total_so_far_is_the_one_that_all_answers_agree_on(pages: list[tuple[int | None, int]]) -> None:
    for answers in prefixes(pages):
        assert total_so_far(answers) == agreed_total(answers)


@pytest.mark.parametrize(
    "pages", [[(30, 10), (30, 10), (29, 10)], [(None, 10), (30, 10), (29, 10)], [(10, 10), (7, 7), (30, 10)]]
)
def test_a_total_that_differs_is_refused_with_the_page_that_brings_it(pages: list[tuple[int | None, int]]) -> None:
    *before, last = prefixes(pages)
    for answers in before:
        total_so_far(answers)
    with pytest.raises(WindowChanged):
        total_so_far(last)
