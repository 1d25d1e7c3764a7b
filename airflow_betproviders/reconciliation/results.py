"""Store the result of a reconciliation as a small Parquet object, and show it as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode.columns import INSTANT
from airflow_betproviders.lake.layout import RECONCILIATION, Lake
from airflow_betproviders.lake.receipt import EXACT
from airflow_betproviders.lake.store.atomic_put import put_bytes

_AMOUNT = pa.decimal128(38, 18)
SCHEMA = pa.schema(
    [
        ("start", INSTANT),
        ("end", INSTANT),
        *((name, pa.string()) for name in ("report", "group", "measure")),
        *((name, _AMOUNT) for name in ("ours", "theirs", "difference")),
        ("agrees", pa.bool_()),
        ("checked_at", INSTANT),
        ("run_id", pa.string()),
        ("repaired", pa.list_(pa.string())),
    ]
)
_LISTED = 50  # figures in the Markdown; the Parquet object has all of them


@dataclass(frozen=True)
class Figure:
    """One figure of the lake and the provider's.

    Attributes:
        report: the report that it was compared with.
        group: the group of bets that it covers, such as ``gType=7``; ``all`` for a total.
        measure: the report's column.
        ours: the value computed from the raw rows.
        theirs: the provider's value.
        agrees: whether they are equal, or differ by no more than the tolerance.
    """

    report: str
    group: str
    measure: str
    ours: Decimal
    theirs: Decimal
    agrees: bool

    @property
    def difference(self) -> Decimal:
        """Return ours minus theirs."""
        return EXACT.subtract(self.ours, self.theirs)

    def __str__(self) -> str:
        return (
            f"{self.report}, {self.group}, {self.measure}: {_plain(self.ours)} here, {_plain(self.theirs)} there "
            f"({_plain(self.difference, sign=True)})"
        )


@dataclass(kw_only=True)
class ReconciliationResult:
    """The reconciliation of one day of one bet stream of one account.

    Attributes:
        provider: connection type.
        account: the account's login.
        stream: the bet stream.
        label: the connection, for messages.
        day: the provider's report day.
        figures: every figure.
        bets: bets that the lake holds for the day.
        moved: rows of the day that now lie in a later window, and were left out.
        bad_rows: rows in quarantine, which no sum includes.
        repaired: slots that were extracted again.
        notes: further remarks for the reader of the report.
        calls: calls to the provider, the repair's included.
        checked_at: when the day was compared.
        run_id: the Airflow run.
        path: the Markdown file, once it is published.
    """

    provider: str
    account: str
    stream: str
    label: str
    day: Interval
    figures: list[Figure] = field(default_factory=list)
    bets: int = 0
    moved: int = 0
    bad_rows: int = 0
    repaired: list[Interval] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calls: int = 0
    checked_at: datetime
    run_id: str | None = None
    path: str = ""

    @property
    def wrong(self) -> list[Figure]:
        """Return the figures that do not agree, by report, the greatest difference first."""
        order = {figure.report: place for place, figure in reversed(list(enumerate(self.figures)))}
        wrong = (figure for figure in self.figures if not figure.agrees)
        return sorted(wrong, key=lambda figure: (order[figure.report], -abs(figure.difference)))

    @property
    def agrees(self) -> bool:
        """Return whether every figure agrees."""
        return not self.wrong

    def summary(self) -> dict[str, Any]:
        """Return the XCom, which is also the asset event's extra."""
        return {
            "date": f"{self.day.start:%Y-%m-%d}",
            "start": self.day.start.isoformat(),
            "end": self.day.end.isoformat(),
            "agrees": self.agrees,
            "bets": self.bets,
            "lines": len(self.figures),
            "disagreeing": len(self.wrong),
            "moved": self.moved,
            "bad_rows": self.bad_rows,
            "repaired": [slot.name for slot in self.repaired],
            "calls": self.calls,
            "path": self.path,
        }

    def table(self) -> pa.Table:
        """Return the figures as the columns of the Parquet object; amounts that do not fit their column are null."""
        same = {
            "start": self.day.start,
            "end": self.day.end,
            "checked_at": self.checked_at,
            "run_id": self.run_id,
            "repaired": [slot.name for slot in self.repaired],
        }
        own, amounts = ("report", "group", "measure", "agrees"), ("ours", "theirs", "difference")
        rows = [
            {name: getattr(figure, name) for name in own}
            | {name: _stored(getattr(figure, name)) for name in amounts}
            | same
            for figure in self.figures
        ]
        return pa.Table.from_pylist(rows, SCHEMA)

    def text(self) -> str:
        """Return the report in Markdown: first the figures that disagree, then counts of those that agree."""
        head = f"{self.provider} {self.stream}, account {self.account}, {self.day}"
        text = [f"# {head}: {'agrees' if self.agrees else 'DOES NOT AGREE'}", "", *self._notes()]
        if wrong := self.wrong:
            text += ["", *_rows(wrong[:_LISTED])]
            if len(wrong) > _LISTED:
                text += [
                    "",
                    f"{len(wrong) - _LISTED} more figures disagree; the Parquet object beside this file has all of them.",
                ]
        figures = Counter(figure.report for figure in self.figures)
        agreeing = Counter(figure.report for figure in self.figures if figure.agrees)
        text += ["", *(f"- {report}: {agreeing[report]} of {count} figures agree" for report, count in figures.items())]
        if totals := [figure for figure in self.figures if figure.agrees and figure.group == "all"]:
            text += ["", *_rows(totals)]
        return "\n".join(text) + "\n"

    def _notes(self) -> Iterable[str]:
        yield f"{self.bets} stored bets, compared with the provider's totals at {self.checked_at:%Y-%m-%dT%H:%M:%SZ}."
        if self.moved:
            yield f"{self.moved} rows have moved to later windows since they were extracted; they are left out."
        if self.bad_rows:
            yield f"{self.bad_rows} rows are in quarantine; no sum includes them."
        if self.repaired:
            yield f"Extracted again: {', '.join(map(str, self.repaired))}."
        yield from self.notes


def publish_result(lake: Lake, result: ReconciliationResult) -> None:
    """Store the Parquet object and the Markdown in the lake."""
    base = f"{lake.beside(RECONCILIATION)}/{result.day.start:%Y-%m-%d}"
    result.path = f"{base}.md"
    sink = pa.BufferOutputStream()
    pq.write_table(result.table(), sink, compression="zstd")
    put_bytes(lake.fs, f"{base}.parquet", sink.getvalue().to_pybytes())
    put_bytes(lake.fs, result.path, result.text().encode())


def _rows(figures: Sequence[Figure]) -> Iterable[str]:
    yield "| report | of | figure | lake | provider | difference |"
    yield "|---|---|---|--:|--:|--:|"
    for figure in figures:
        cells = (
            figure.report,
            figure.group.replace("|", "\\|"),
            figure.measure,
            _plain(figure.ours),
            _plain(figure.theirs),
        )
        yield f"| {' | '.join(cells)} | {_plain(figure.difference, sign=True)} |"


def _stored(amount: Decimal) -> Decimal | None:
    rounded = EXACT.quantize(amount, Decimal(1).scaleb(-_AMOUNT.scale))
    return rounded if rounded.adjusted() < _AMOUNT.precision - _AMOUNT.scale else None


def _plain(amount: Decimal, *, sign: bool = False) -> str:
    text = format(amount, "+f" if sign else "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
