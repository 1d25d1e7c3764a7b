"""Pagination kinds: how a provider returns the rows of a window, and what proves that all have come.

A kind is a class; a package adds one of its own by subclassing `Pagination`. The engine makes the calls that `first` and
`following` name, in order, and gives out the rows only after `proof` has named what shows that they are complete.
"""

from airflow_betproviders.declare.pagination.base import (
    EMPTY_PAGE,
    END_REACHED,
    FEW_BYTES,
    FEW_ROWS,
    LAST_PAGE,
    NOTHING_NEW,
    ONE_ANSWER,
    REACHES,
    SECOND_READ,
    SHORT_ANSWER,
    TOTAL,
    Answer,
    DisorderedRows,
    Pagination,
    Params,
    Position,
    ShortPage,
    SmallerPages,
    Unprovable,
    WindowChanged,
    is_likely_cap,
)
from airflow_betproviders.declare.pagination.cursor import RowVersionCursor, TimestampCursor
from airflow_betproviders.declare.pagination.one_answer import LimitedAnswer, SingleAnswer
from airflow_betproviders.declare.pagination.page_number import Offset, PageNumber
from airflow_betproviders.declare.pagination.page_token import LinkParams, NextLink, PageToken

__all__ = [
    "EMPTY_PAGE",
    "END_REACHED",
    "FEW_BYTES",
    "FEW_ROWS",
    "LAST_PAGE",
    "NOTHING_NEW",
    "ONE_ANSWER",
    "REACHES",
    "SECOND_READ",
    "SHORT_ANSWER",
    "TOTAL",
    "Answer",
    "DisorderedRows",
    "LimitedAnswer",
    "LinkParams",
    "NextLink",
    "Offset",
    "PageNumber",
    "PageToken",
    "Pagination",
    "Params",
    "Position",
    "RowVersionCursor",
    "ShortPage",
    "SingleAnswer",
    "SmallerPages",
    "TimestampCursor",
    "Unprovable",
    "WindowChanged",
    "is_likely_cap",
]
