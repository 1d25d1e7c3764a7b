"""How a provider hands out the rows of one window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class PageNumber:
    """Pages with a total, counted by page number (``stride`` 1) or by row offset (``stride`` = ``page_size``).

    Attributes:
        param: name of the page or offset parameter.
        size_param: name of the page size parameter.
        page_size: the largest page the provider gives, so that calls are fewest.
        first: the first page's number or offset.
        stride: added from page to page.
        text: both values travel as strings.
        total_cap: the greatest total that the provider ever says: a window with that total is split (GM-Ag: 10,000).
    """

    param: str
    size_param: str
    page_size: int
    first: int
    stride: int
    text: bool = False
    total_cap: int | None = None

    def params(self, index: int) -> dict[str, str | int]:
        """The parameters of page ``index`` (from 0)."""
        number, size = self.first + index * self.stride, self.page_size
        return (
            {self.param: str(number), self.size_param: str(size)}
            if self.text
            else {self.param: number, self.size_param: size}
        )

    def limited_to(self, rows: int) -> PageNumber:
        """Return the same with pages of at most so many rows."""
        size = min(rows, self.page_size)
        return replace(self, page_size=size, stride=size if self.stride == self.page_size else self.stride)


@dataclass(frozen=True, kw_only=True)
class LimitedAnswer:
    """One answer of at most ``limit`` rows, silently cut there: a full answer is halved until it is not."""

    param: str
    limit: int

    def limited_to(self, rows: int) -> LimitedAnswer:
        """Return the same with answers of at most so many rows."""
        return replace(self, limit=min(rows, self.limit))


@dataclass(frozen=True, kw_only=True)
class TimestampCursor:
    """At most ``limit`` rows from an instant on, in its order: the next call starts at the last row's instant.

    Attributes:
        param: name of the parameter that carries the instant.
        limit: rows in a full answer.
    """

    param: str
    limit: int

    def limited_to(self, rows: int) -> TimestampCursor:  # noqa: ARG002 - its calls carry no limit
        """Return the same: its calls carry no limit."""
        return self


@dataclass(frozen=True)
class SingleAnswer:
    """One answer with everything."""

    def limited_to(self, rows: int) -> SingleAnswer:  # noqa: ARG002 - it has no pages
        """Return the same: it has no pages."""
        return self


Paging: TypeAlias = PageNumber | LimitedAnswer | TimestampCursor | SingleAnswer
