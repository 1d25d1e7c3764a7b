"""The demo's report: a table, and a picture of the rows by the hour."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from demo.audit import AuditedFile

HEAD = (
    "vendor, stream",
    "slots",
    "rows",
    "at vendor",
    "stake",
    "payout",
    "calls",
    "read",
    "stored",
    "missing",
    "doubled",
    "wrong",
)
COLOURS = {"pv": "#3b7ea1", "aig": "#c4820e", "jdb": "#4a8a5c", "gmag": "#8d5a97"}


@dataclass(frozen=True)
class Table:
    """A table of text; its header is `HEAD`."""

    rows: Sequence[Sequence[str]]

    @property
    def text(self) -> str:
        """Return the report for a terminal."""
        widths = [max(map(len, column)) for column in zip(HEAD, *self.rows, strict=True)]
        lines = [
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in (HEAD, *self.rows)
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    @property
    def markdown(self) -> str:
        """Return the report in Markdown."""
        rule = ["---", *["---:"] * (len(HEAD) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, rule, *self.rows))


def table(audited: Sequence[AuditedFile]) -> Table:
    """Return a table with one line a stream."""
    by_stream: dict[str, list[AuditedFile]] = defaultdict(list)
    for slot in audited:
        by_stream[f"{slot.receipt.provider} {slot.receipt.stream}"].append(slot)
    return Table([_line(name, slots) for name, slots in by_stream.items()])


def _line(name: str, slots: Sequence[AuditedFile]) -> tuple[str, ...]:
    counts = (len(slots), sum(slot.receipt.rows for slot in slots), sum(slot.expected for slot in slots))
    money = (sum((getattr(slot, which) for slot in slots), Decimal(0)) for which in ("stake", "payout"))
    sizes = (sum(slot.receipt.bytes for slot in slots), sum(slot.stored for slot in slots))
    faults = (sum(getattr(slot, which) for slot in slots) for which in ("missing", "doubled", "wrong"))
    return (
        name,
        *(f"{count:,}" for count in counts),
        *(f"{amount:,.2f}" for amount in money),
        f"{sum(slot.receipt.calls for slot in slots):,}",
        *(f"{size / 1024:,.0f} kB" for size in sizes),
        *(f"{fault:,}" for fault in faults),
    )


def draw(audited: Sequence[AuditedFile], path: Path) -> None:
    """Draw each hour's rows as bars and the vendor's count as dots, a panel a vendor."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.dates as mdates
    import matplotlib.pyplot as plt

    vendors = list(dict.fromkeys(slot.receipt.provider for slot in audited))
    figure, panels = plt.subplots(len(vendors), 1, figsize=(10, 1.7 * len(vendors)), sharex=True, squeeze=False)
    for panel, vendor in zip(panels[:, 0], vendors, strict=True):
        slots = [slot for slot in audited if slot.receipt.provider == vendor]
        starts = mdates.date2num([slot.start for slot in slots])
        panel.bar(
            starts, [slot.receipt.rows for slot in slots], 0.8 / 24, align="edge", color=COLOURS[vendor], label="stored"
        )
        panel.plot(starts + 0.4 / 24, [slot.expected for slot in slots], "k.", markersize=4, label="at the vendor")
        panel.set_ylabel(vendor, rotation=0, ha="right", va="center")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0, 0].legend(loc="lower right", ncols=2, fontsize="small")
    panels[0, 0].set_title("Bet records by the hour: in the lake, and at the vendor when each hour was extracted")
    panels[-1, 0].xaxis.set_major_locator(mdates.HourLocator(byhour=range(0, 24, 4)))
    panels[-1, 0].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M\n%d %b"))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
