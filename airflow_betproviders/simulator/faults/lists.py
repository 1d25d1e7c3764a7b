"""Faults in lists: the rows of a page, and the page's own counts."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_betproviders.simulator.contract.call import VendorPage, WireRecord
from airflow_betproviders.simulator.faults.kinds import LIST, ODD, ROW
from airflow_betproviders.simulator.faults.rows import Fields, RowFaults
from airflow_betproviders.simulator.faults.switches import Faults

RECENT_ROWS = 200  # rows of each stream that `stray_rows` draws from
HUGE = 1_000_000_000_000  # the total of `endless_pages`


class TooMuch(Exception):
    """An answer has more rows than the vendor's gateway allows."""


@dataclass
class FaultyPage:
    """A page with its faults, and what the call log says of them.

    Attributes:
        given: the page.
        kinds: the kinds of the faults.
        bad_rows: the keys of rows that a fault made unreadable.
        odd_values: the odd values that a fault put in.
    """

    given: VendorPage
    kinds: list[str] = field(default_factory=list)
    bad_rows: list[str] = field(default_factory=list)
    odd_values: list[dict[str, str]] = field(default_factory=list)


class ListFaults:
    """Apply the faults that are switched on to a vendor's pages."""

    def __init__(self, faults: Faults, provider: str, fields: Fields) -> None:
        self._faults = faults
        self._provider = provider
        self._rows = RowFaults(faults, fields)
        self._answers = 0
        self._shown: set[str | None] = set()
        self._recent_rows: dict[str | None, deque[WireRecord]] = {}

    def inject(
        self, stream: str | None, rows: Sequence[WireRecord], columns: Sequence[str] | None, given: VendorPage
    ) -> FaultyPage:
        """Return a page with the faults of lists and rows that are drawn for it.

        Raises:
            TooMuch: The fault ``too_much`` applies.
        """
        kinds, rng = self._faults.draw(self._provider, ODD if given.summary else (*LIST, *ROW, *ODD), stream)
        faulty = FaultyPage(given)
        self._answers += 1
        first = self._first(kinds, rng, rows, faulty)
        chosen = rows[first : first + self._cap(kinds, faulty)]
        if "too_much" in kinds and len(chosen) > self._most("too_much"):
            raise TooMuch
        if "too_slow" in kinds and len(chosen) > self._most("too_slow"):
            faulty.kinds.append("too_slow")
        self._total(kinds, rng, len(rows), faulty)
        gone = {"vanish": stream in self._shown, "vanished_page": given.offset > 0}
        if chosen and (emptying := [kind for kind in kinds if gone.get(kind)]):
            chosen, given.total = [], 0
            faulty.kinds += emptying
        if "lost_row" in kinds and chosen:
            at = rng.randrange(len(chosen))
            chosen = [*chosen[:at], *chosen[at + 1 :]]
            faulty.kinds.append("lost_row")
        if "stray_rows" in kinds:
            chosen = self._with_strays(stream, rows, chosen, faulty)
        self._remember(stream, chosen)
        texts = [row.text for row in chosen]
        if "endless_pages" in kinds and rows:
            number = given.offset // max(given.size, 1)
            texts = [self._rows.renamed(rows[at % len(rows)], columns, f"{number}-{at}") for at in range(given.size)]
            given.total = HUGE
            faulty.kinds.append("endless_pages")
        elif chosen:
            self._shown.add(stream)
            changed = self._rows.inject(chosen, texts, columns, kinds, rng)
            texts, faulty.bad_rows, faulty.odd_values = changed.texts, changed.bad_rows, changed.odd_values
            faulty.kinds += changed.kinds
        given.texts = self._fitting(kinds, texts, faulty)
        for kind in kinds:
            if kind not in faulty.kinds:
                self._faults.undo(kind)
        return faulty

    def _most(self, kind: str) -> float:
        return self._faults.switch(kind).rows or 1000

    def _fitting(self, kinds: Sequence[str], texts: list[str], faulty: FaultyPage) -> list[str]:
        """Return the rows that fit into the bytes of an answer."""
        if "byte_cap" not in kinds:
            return texts
        left = self._faults.switch("byte_cap").rows or 20_000
        for at, text in enumerate(texts):
            left -= len(text.encode(errors="surrogatepass")) + 1
            if left < 0 and at:
                faulty.kinds.append("byte_cap")
                return texts[:at]
        return texts

    def _remember(self, stream: str | None, chosen: Sequence[WireRecord]) -> None:
        self._recent_rows.setdefault(stream, deque(maxlen=RECENT_ROWS)).extend(chosen[:: max(1, len(chosen) // 20)])

    def _with_strays(
        self, stream: str | None, rows: Sequence[WireRecord], chosen: Sequence[WireRecord], faulty: FaultyPage
    ) -> Sequence[WireRecord]:
        """Add rows that earlier answers gave for other windows."""
        known = {row.key for row in rows}
        strays = {row.key: row for row in self._recent_rows.get(stream, ()) if row.key not in known}
        wanted = int(self._faults.switch("stray_rows").rows or 1)
        stray_rows = [row for row in strays.values() if _far_from(row, rows)][:wanted]
        if len(stray_rows) < wanted:  # fewer may be a vendor's slip, which need not fail
            return chosen
        faulty.given.total = (faulty.given.total or 0) + len(stray_rows)
        faulty.kinds.append("stray_rows")
        return [*chosen, *stray_rows]

    def _first(self, kinds: Sequence[str], rng: random.Random, rows: Sequence[WireRecord], faulty: FaultyPage) -> int:
        """Return the index of the page's first row."""
        given = faulty.given
        if "page_cap" in kinds and given.by_number:
            given.offset = (given.number - 1) * self._capped("page_cap", given.size)
        if "silent_cap" in kinds and given.by_number:
            given.offset = (given.number - 1) * self._capped("silent_cap", given.size)
        first = given.offset
        if "drift" in kinds and first:
            shift = rng.randrange(1, 4) * rng.choice((-1, 1))
            first, given.total = max(first + shift, 0), max(len(rows) - shift, 0)
            faulty.kinds.append("drift")
        if "repeated_page" in kinds and given.offset:
            first = max(given.offset - given.size, 0)
            faulty.kinds.append("repeated_page")
        return first

    def _cap(self, kinds: Sequence[str], faulty: FaultyPage) -> int:
        """Return the greatest number of rows that the page may have."""
        given = faulty.given
        size = given.size
        if "page_cap" in kinds and (capped := self._capped("page_cap", given.size)) < size:
            given.size = size = capped
            faulty.kinds.append("page_cap")
        if "silent_cap" in kinds and (kept := self._capped("silent_cap", given.size)) < size:
            size = kept
            faulty.kinds.append("silent_cap")
        return size

    def _capped(self, kind: str, asked: int) -> int:
        rows = self._faults.switch(kind).rows
        return max(1, min(asked, asked // 2 if rows is None else int(rows)))

    def _total(self, kinds: Sequence[str], rng: random.Random, count: int, faulty: FaultyPage) -> None:
        """Set the total that the page states."""
        totals = {
            "total_lie": count + rng.randrange(1, 5) if "total_lie" in kinds else count,
            "total_high": count + max(count // 2, 10),
            "total_low": count // 2,
            "total_alternating": count + self._answers % 2,
            "total_float": float(count),
            "total_absent": None,
        }
        for kind, total in totals.items():
            if kind in kinds:
                faulty.given.total = total
                faulty.kinds.append(kind)


def _far_from(row: WireRecord, rows: Sequence[WireRecord]) -> bool:
    """Return whether a row surely lies outside a list's window: an older version of a row that moved may lie inside.

    By each of its times, it is as far from the list's rows as these are from each other. What has no times is taken to be.
    """
    times = [getattr(record, "clocks", ()) for record in (row, *rows)]
    for own, *others in zip(*times, strict=False):
        first, last = min(others, default=own), max(others, default=own)
        if first - (last - first) <= own <= last + (last - first):
            return False
    return True
