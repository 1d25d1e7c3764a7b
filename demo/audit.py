"""Compare every stored object with what the vendor had when it was extracted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import declared

Record = Mapping[str, Any]
Money = tuple[Decimal, Decimal]
AmountsByKey = dict[tuple[str, ...], Money]
Truth = Callable[[str, str, str, str, str], list[dict[str, Any]]]
"""The records that a vendor, by stream, start, end, had at an instant; instants in ISO 8601."""


def _amount(record: Record, name: str) -> Decimal:
    return Decimal(str(record.get(name) or 0))


# Stake and payout in units of the currency: PV counts in li and sends the net gain, JDB's stakes are negative.
MONEY: dict[str, Callable[[Record], Money]] = {
    "pv": lambda r: (
        _amount(r, "bet_amount") / 1000,
        (_amount(r, "bet_amount") + _amount(r, "gain_amount")) / 1000,
    ),
    "aig": lambda r: (_amount(r, "bet_amount"), _amount(r, "win_amount")),
    "jdb": lambda r: (-_amount(r, "bet"), _amount(r, "win")),
    "gmag": lambda r: (_amount(r, "bets"), _amount(r, "wins")),
}


@dataclass(frozen=True)
class AuditedFile:
    """The result of one file's audit.

    Attributes:
        receipt: the file's receipt.
        start: of its slot.
        stored: bytes of the file.
        stake: units of the currency, all currencies added.
        payout: likewise.
        expected: rows that the vendor had.
        missing: rows that the vendor had and the file lacks.
        doubled: rows whose key is in the file twice.
        wrong: rows that the vendor did not have, or had with other amounts.
    """

    receipt: Receipt
    start: datetime
    stored: int
    stake: Decimal
    payout: Decimal
    expected: int
    missing: int
    doubled: int
    wrong: int


def audit(lake: Path, truth: Truth, streams: set[str]) -> Iterator[AuditedFile]:
    """Audit the objects of these streams, ordered by provider, stream and slot."""
    for path in sorted(lake.glob("provider=*/stream=*/**/*.parquet")):
        receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
        if receipt is None:
            raise ValueError(f"{path} has no receipt")
        if receipt.stream in streams:
            yield _audited(path, receipt, truth)


def _audited(path: Path, receipt: Receipt, truth: Truth) -> AuditedFile:
    stream = declared(receipt.provider, receipt.stream)
    rows = pq.ParquetFile(path).read().to_pylist()
    stored = _amounts_by_key(stream, rows)
    # A bet may change between the first call and the last: both states count as right.
    published = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    before, after = (
        _amounts_by_key(stream, truth(receipt.provider, receipt.stream, receipt.start, receipt.end, as_of))
        for as_of in (receipt.extracted_at, published.isoformat())
    )
    return AuditedFile(
        receipt=receipt,
        start=datetime.fromisoformat(receipt.start),
        stored=path.stat().st_size,
        stake=sum((stake for stake, _ in stored.values()), Decimal(0)),
        payout=sum((payout for _, payout in stored.values()), Decimal(0)),
        expected=len(before),
        missing=len((before.keys() & after.keys()) - stored.keys()),
        doubled=len(rows) - len(stored),
        wrong=sum(money not in (before.get(key), after.get(key)) for key, money in stored.items()),
    )


def _amounts_by_key(stream: Stream, records: list[dict[str, Any]]) -> AmountsByKey:
    money = MONEY[stream.provider]
    return {tuple(str(record[name]) for name in stream.key): money(record) for record in records}
