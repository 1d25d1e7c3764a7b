"""A raw lake written without a provider: slots with their receipts, in any version that a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.merge import Merge, MergeStats
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT, INSTANT
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import mapping_of
from tests.bets_table.records import raw

DAY = datetime(2026, 11, 20, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def at(hour: float, day: int = 20) -> datetime:
    """Return an instant of November 2026."""
    return datetime(2026, 11, day, tzinfo=timezone.utc) + hour * HOUR


def hour_of(hour: int, day: int = 20, width: float = 1) -> Interval:
    """Return a slot."""
    return Interval(at(hour, day), at(hour + width, day))


def aig(
    id_: str, *, placed: datetime, updated: datetime | None = None, status: int = 1, stake: str = "10", win: str = "0"
) -> dict[str, Any]:
    """Return an AIG bet."""
    updated = updated or placed + MINUTE
    ms = {name: int(moment.timestamp() * 1000) for name, moment in (("bet_time", placed), ("update_time", updated))}
    back = stake if status > 1 else win
    return {
        "id": id_, "user_id": "u1", "game_id": "101", "inst_id": "t1", "shoe_id": 1, "round_id": 2, **ms,
        "settle_time": ms["update_time"] if status else 0, "bet_amount": stake, "real_bet_amount": stake,
        "valid_bet_turnover": stake, "win_amount": back, "currency": "USD", "create_time": ms["bet_time"], "status": status,
    }  # fmt: skip


@dataclass
class SampleLake:
    """A raw lake and a bets table under one folder, filled by a test."""

    folder: Path
    provider: str = "aig"
    account: str = "agent001"

    @property
    def lake(self) -> Lake:
        stream = mapping_of(self.provider).streams[0]
        return Lake(fsspec.filesystem("file"), str(self.folder / "raw"), self.provider, stream, self.account)

    @property
    def table(self) -> BetsTable:
        return BetsTable(str(self.folder / "bets"))

    def store(
        self, slot: Interval, records: Sequence[Mapping[str, Any]], read: datetime, stream: str | None = None
    ) -> None:
        """Publish a slot, as an extraction at that time would."""
        lake = self.lake if stream is None else Lake(**{**vars(self.lake), "stream": stream})
        rows = raw(self.provider, list(records))
        extracted_at = pa.repeat(pa.scalar(read, INSTANT), rows.num_rows)
        rows = rows.set_column(rows.column_names.index(EXTRACTED_AT), EXTRACTED_AT, extracted_at)
        receipt = Receipt(
            provider=self.provider, stream=lake.stream, account=self.account, start=slot.start.isoformat(),
            end=slot.end.isoformat(), rows=rows.num_rows, extracted_at=read.isoformat(timespec="milliseconds"),
        )  # fmt: skip
        path = Path(lake.data(slot))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.replace_schema_metadata(receipt.to_footer()), path, write_page_checksum=True)

    def stored(self) -> list[Interval]:
        """Return the stored slots of the month."""
        return sorted(self.lake.stored(Interval(at(0, 1), at(0, 30))))

    def remove(self, *slots: Interval) -> None:
        """Delete the objects of slots, as a publication of a larger slot does."""
        for slot in slots:
            Path(self.lake.data(slot)).unlink()

    def merge(self, *intervals: Interval, **options: Any) -> MergeStats:
        """Merge every stream's slots of the intervals; default of the month."""
        merge = Merge(self.table, **options)
        wanted = intervals or (Interval(at(0, 1), at(0, 30)),)
        stats = [
            merge.run(stream, wanted)
            for stream in find_raw_streams(self.lake.fs, self.lake.root, provider=self.provider)
        ]
        return stats[-1] if stats else MergeStats()

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the table, by bet; no bet twice, and each in the partition of its date."""
        rows = self.table.open().to_pyarrow_table().to_pylist()
        by_id = {row["bet_id"]: row for row in rows}
        assert len(by_id) == len(rows), "a bet is there twice"
        assert all(row["bet_date"] == row["placed_at"].date() for row in rows)
        return by_id

    def current_bets(self) -> dict[str, tuple[Any, ...]]:
        """Return status, stake, net and times of each bet that is not missing."""
        return {
            name: (row["status"], row["stake"], row["net"], row["updated_at"], row["placed_at"])
            for name, row in self.rows().items()
            if row["missing_since"] is None
        }
