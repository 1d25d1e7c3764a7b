"""A lake that shows every state: weeks of hourly slots of four providers, gaps, and their bets' money."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from airflow_betproviders.bets_table.schema import PARTITIONS, SCHEMA
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.reconciliation.results import Figure, ReconciliationResult, publish_result
from airflow_betproviders.registry import declared, mapping_of

HOUR = timedelta(hours=1)
ACCOUNTS = {"pv": "1001", "aig": "agent001", "jdb": "testag", "gmag": "9"}
BUSY = {"pv": 4200, "aig": 1900, "jdb": 2600, "gmag": 800}


@dataclass
class Showcase:
    """A raw lake and a bets table under a folder, as of a moment."""

    folder: Path
    now: datetime

    @property
    def path(self) -> str:
        return (self.folder / "raw").as_uri()

    @property
    def table(self) -> str:
        return (self.folder / "bets").as_uri()

    @property
    def midnight(self) -> datetime:
        return self.now.replace(hour=0, minute=0, second=0, microsecond=0)

    def lake(self, provider: str, stream: str, account: str = "", **filters: Any) -> Lake:
        files = fsspec.filesystem("file")
        return Lake(files, str(self.folder / "raw"), provider, stream, account or ACCOUNTS[provider], filters)

    def store(self, provider: str, stream: str, slot: Interval, rows: int, **members: Any) -> None:
        """Store a slot of so many rows without values, and its receipt."""
        lake = self.lake(provider, stream, members.pop("account", ""), **members.get("filters", {}))
        defaults = {
            "run_id": f"scheduled__{slot.end:%Y-%m-%dT%H:%M:%S}+00:00",
            "dag_id": f"{provider}_{stream}",
            "task_id": "extract",
            "try_number": 1,
            "windows": 12 if provider == "jdb" else 1,
            "calls": 12 if provider == "jdb" else 1,
            "bytes": rows * 560,
            "total": rows,
            "proof": {"total": 12 if provider == "jdb" else 1},
            "sums": _sums(declared(provider, stream), rows),
            "extracted_at": (slot.end + timedelta(minutes=11)).isoformat(timespec="milliseconds"),
            "version": "0.1.0",
        }
        receipt = Receipt(
            provider=provider, stream=stream, account=lake.account,
            start=slot.start.isoformat(), end=slot.end.isoformat(), rows=rows, **{**defaults, **members},
        )  # fmt: skip
        path = Path(lake.data(slot))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.table({"_extra": pa.nulls(rows, pa.string())}).replace_schema_metadata(receipt.to_footer()), path
        )

    def fill(self, days: int) -> None:
        """Store the lake that the pictures show."""
        chance = random.Random(7)
        for provider in ACCOUNTS:
            stream = declared(provider, mapping_of(provider).streams[0])
            for slot, rows in self._hours(stream, days, chance):
                self._fate(provider, stream, slot, rows, chance)
        for day in range(1, days):
            start = self.midnight - day * DAY + declared("jdb", "daily_by_player").day_start_offset
            self.store("jdb", "daily_by_player", Interval(start, start + DAY), chance.randrange(180, 420))
        self._money(days, chance)
        for provider, differ in (("pv", 0), ("aig", 0), ("jdb", 1), ("gmag", 0)) if days > 1 else ():
            self._reconcile(provider, differ)

    def _hours(self, stream: Stream, days: int, chance: random.Random) -> Iterator[tuple[Interval, int]]:
        end = (self.now - stream.lag).replace(minute=0, second=0, microsecond=0)
        at = self.midnight - (days - 1) * DAY
        while at < end:
            evening = 0.55 - 0.45 * math.cos((at.hour - 4) / 24 * 2 * math.pi)
            weekend = 1.35 if at.weekday() >= 5 else 1
            yield Interval(at, at + HOUR), round(BUSY[stream.provider] * evening * weekend * chance.uniform(0.8, 1.2))
            at += HOUR

    def _fate(self, provider: str, stream: Stream, slot: Interval, rows: int, chance: random.Random) -> None:
        age = (self.midnight - slot.start) / DAY
        members: dict[str, Any] = {}
        if provider == "aig" and 8 <= age < 8.3:
            return  # a night without the provider
        if provider == "gmag" and (age > 38 or (30 < age < 31.5)):
            return  # began later; and something that is gone for good
        if provider == "jdb" and chance.random() < 0.004:
            return
        if provider == "gmag" and slot.start.hour in {3, 4} and chance.random() < 0.6:
            rows = 0
        if provider == "pv" and chance.random() < 0.003:
            members = {"bad_rows": chance.randrange(1, 5)}
        if provider == "aig" and chance.random() < 0.005:
            members = {"previous_rows": rows + chance.randrange(2, 40), "dag_id": "aig_transactions_reread"}
        if provider == "pv" and slot.start.hour == 9 and age < 3:
            members |= {"odd_values": {"award_type": 3}, "rounded": {"award_odds": 1}}
        self.store(provider, stream.name, slot, rows, **members)
        if provider == "pv" and age == 20.5:
            Path(self.lake(provider, stream.name).data(slot)).write_bytes(b"cut off")

    def _money(self, days: int, chance: random.Random) -> None:
        rows = []
        for provider, account in ACCOUNTS.items():
            level = BUSY[provider] * 24 * 11
            for number in range(days):
                day = (self.midnight - number * DAY).date()
                if provider == "gmag" and number > 38:
                    continue
                for currency, part in (("USD", 1), ("THB", 6)) if provider == "pv" else (("USD", 1),):
                    weekend = 1.35 if day.weekday() >= 5 else 1
                    stake = Decimal(round(level * part * weekend * chance.uniform(0.9, 1.1)))
                    net = -(stake * Decimal(round(chance.gauss(0.034, 0.02), 4))).quantize(Decimal("0.0001"))
                    group = {"provider": provider, "bet_date": day, "account": account, "currency": currency}
                    rows.append({**group, "bet_id": f"{number}", "stake": stake, "net": net, "status": "settled"})
        table = pa.Table.from_pylist(rows, SCHEMA)
        write_deltalake(str(self.folder / "bets"), table, partition_by=list(PARTITIONS))

    def _reconcile(self, provider: str, differ: int) -> None:
        stream = mapping_of(provider).streams[0]
        day = Interval(self.midnight - DAY, self.midnight)
        lines = [
            Figure("report", f"game {n}", "stake", Decimal(n), Decimal(n + (n < differ)), n >= differ)
            for n in range(24)
        ]
        publish_result(
            self.lake(provider, stream),
            ReconciliationResult(
                provider=provider, account=ACCOUNTS[provider], stream=stream, label=provider, day=day, figures=lines,
                checked_at=self.now.astimezone(timezone.utc),
            ),
        )  # fmt: skip


def _sums(stream: Stream, rows: int) -> dict[str, str]:
    """Of the first two amounts: a stake of 17 and a bit a row, and most of it back; whole numbers where they are in li."""
    stakes = {field.name: field.minor_units for field in stream.fields if field.money}
    named = zip(
        list(stakes.items())[:2], (Decimal(rows * 17) + Decimal(rows % 97) / 100, Decimal(rows * 16)), strict=False
    )
    return {name: format(amount * units, "f" if units == 1 else ".0f") for (name, units), amount in named}
