"""Declare one answer a window, with or without a limit of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_betproviders.declare.pagination.base import (
    SHORT_ANSWER,
    Answer,
    Pagination,
    Params,
    proof_by_total,
)

if TYPE_CHECKING:
    from airflow_betproviders.declare.interval import Interval


@dataclass(frozen=True, kw_only=True)
class LimitedAnswer(Pagination):
    """One answer of at most ``limit`` rows, cut off there without a sign. The window of a full answer is halved.

    Attributes:
        param: name of the parameter that carries the limit.
        limit: the largest limit that the provider takes.
        min_limit: the smallest limit that the provider takes.
    """

    param: str
    limit: int
    min_limit: int = 1

    @property
    def rows_asked(self) -> int | None:
        """See `Pagination`."""
        return self.limit

    @property
    def most_rows(self) -> int | None:
        """See `Pagination`."""
        return self.limit - 1

    @property
    def may_be_cut_off(self) -> bool:
        """See `Pagination`."""
        return True

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return {self.param: self.limit}

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        return proof_by_total(answers[0], distinct) or SHORT_ANSWER

    def rows_of_window(self, first: Answer) -> int | None:
        """See `Pagination`."""
        return first.rows

    def is_full(self, rows: int) -> bool:
        """See `Pagination`."""
        return rows >= self.limit

    def full_reason(self, rows: int) -> str:
        """See `Pagination`."""
        return f"the answer is full ({rows} rows), there are no further pages, and the window cannot be halved"

    def limited_to(self, rows: int) -> LimitedAnswer:
        """See `Pagination`."""
        return replace(self, limit=min(max(rows, self.min_limit), self.limit))


@dataclass(frozen=True)
class SingleAnswer(Pagination):
    """One answer with everything."""

    @property
    def may_be_cut_off(self) -> bool:
        """See `Pagination`."""
        return True

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return {}

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        return proof_by_total(answers[0], distinct) or SHORT_ANSWER
