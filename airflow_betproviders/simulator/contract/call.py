"""Define one call of a vendor, and the vendor's reports of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Reply = tuple[int, Mapping[str, str], "str | bytes"]
"""HTTP status, headers and body."""


def json_reply(text: str) -> Reply:
    """Return a successful answer with a JSON body."""
    return 200, {"content-type": "application/json"}, text


def empty_replies(head: str, member: str) -> dict[str, Reply]:
    """Return successful answers without rows, in every shape of an empty list.

    Args:
        head: The members before, without the brace that closes the object.
        member: The name of the list or of the data.
    """
    texts = {
        "list": f'{head},"{member}":[]}}',
        "object": f'{head},"{member}":{{}}}}',
        "null": f'{head},"{member}":null}}',
    }
    return {shape: json_reply(text) for shape, text in {**texts, "absent": f"{head}}}"}.items()}


class WireRecord(Protocol):
    """A row of an answer: a JSON object, or a CSV line where the page has columns."""

    @property
    def key(self) -> str:
        """Return the record's identity in the call log."""
        ...

    @property
    def text(self) -> str:
        """Return the record as the wire carries it."""
        ...


@dataclass
class VendorPage:
    """The part of a list that an answer has, with its faults.

    Attributes:
        texts: The rows.
        total: The rows of the complete list, or ``None`` where the vendor must leave the total out.
        size: The page size that counts.
        number: Page number, from 1.
        offset: Rows before this page.
        by_number: Whether the vendor counts pages, not rows.
        summary: Whether the rows are sums, to which only odd values apply.
    """

    texts: Sequence[str]
    total: float | None
    size: int
    number: int
    offset: int
    by_number: bool = False
    summary: bool = False

    @property
    def joined(self) -> str:
        """Return the rows of a JSON array."""
        return ",".join(self.texts)

    @property
    def pages(self) -> int:
        """Return how many pages the total makes."""
        return -(-int(self.total or 0) // self.size) if self.size else 0

    def member(self, name: str = "total") -> str:
        """Return ``"name":total,`` for an envelope, or nothing where the total is left out."""
        return "" if self.total is None else f'"{name}":{self.total},'


class CallReporter(Protocol):
    """Receive a vendor's reports of a call."""

    def read(self, stream: str, params: Mapping[str, Any]) -> None:
        """Note an authentic request."""

    def breach(self, rule: str, text: str, *, forgiven: bool) -> None:
        """Note a broken rule."""

    def page(self, rows: Sequence[WireRecord], columns: Sequence[str] | None, given: VendorPage) -> VendorPage:
        """Put faults into a page."""
        ...


@dataclass(frozen=True, kw_only=True)
class Call:
    """An HTTP request, through which the vendor reports how it understood it.

    Attributes:
        method: In upper case.
        path: Below the vendor's prefix, without the first slash.
        query: The last value of each parameter.
        headers: By lower-case name.
        body: As sent.
        url: The vendor's base URL as the caller sees it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    url: str = ""
    report: CallReporter | None = field(default=None, repr=False)

    @property
    def content_type(self) -> str:
        """Return the header of that name."""
        return self.headers.get("content-type", "")

    def read(self, stream: str, params: Mapping[str, Any]) -> None:
        """Report an authentic request: its stream, and its parameters without secrets.

        The simulator then enforces the vendor's ``min_interval``: it ends the call with ``rate_reply``.
        """
        if self.report is not None:
            self.report.read(stream, params)

    def breach(self, rule: str, text: str, *, forgiven: bool = False) -> None:
        """Report that the request breaks a rule of the document.

        Args:
            rule: ``span``, ``alignment``, ``page_size``, ``retention``, ``too_new``, ``rate``, ``signature``,
                ``stale_timestamp``, ``parameter``, ``account``, or a name of the vendor's own.
            text: What is wrong.
            forgiven: The vendor answers all the same.
        """
        if self.report is not None:
            self.report.breach(rule, text, forgiven=forgiven)

    def page(
        self,
        rows: Sequence[WireRecord],
        *,
        size: int | None = None,
        number: int | None = None,
        offset: int = 0,
        columns: Sequence[str] | None = None,
        summary: bool = False,
    ) -> VendorPage:
        """Return the part of a list that the answer should give, with the faults that are switched on.

        Args:
            rows: All rows of the list, in the vendor's order.
            size: Rows a page; ``None`` gives all.
            number: Page number from 1, where the vendor counts pages.
            offset: Rows before the page, where it doesn't.
            columns: Names of the columns, where rows are lines of CSV.
            summary: The rows are sums of a report, to which only odd values apply.
        """
        page_rows = len(rows) if size is None else size
        first = (number - 1) * page_rows if number else offset
        given = VendorPage((), len(rows), page_rows, number or 1, first, number is not None, summary)
        if self.report is not None:
            return self.report.page(rows, columns, given)
        given.texts = [row.text for row in rows[given.offset : given.offset + page_rows]]
        return given
