"""Write the bets of raw slots as Parquet, for the MERGE of `merge.sql`.

One call a day and account maps over Airflow's executors: every call has files of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.raw_slots import RawStream
from airflow_betproviders.bets_table.schema import SCHEMA
from airflow_betproviders.declare.interval import Interval

_SLOTS = ("provider", "account", "stream", "slot_start", "slot_end", "extracted_at")
SLOTS = pa.schema([SCHEMA.field(name) for name in _SLOTS])


def stage_bets(stream: RawStream, intervals: Sequence[Interval], folder: Path, name: str) -> int:
    """Map the slots that overlap the intervals.

    Args:
        stream: one bet stream of one account.
        intervals: of the slots.
        folder: gets ``bets/NAME.parquet``, all rows of the slots, and ``slots/NAME.parquet``, the slots themselves.
        name: of the files.

    Returns:
        The number of rows.

    Raises:
        UnmergeableSlot: a slot cannot become bets.
    """
    rows, seen = 0, []
    for kind in ("bets", "slots"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(folder / "bets" / f"{name}.parquet", SCHEMA, compression="zstd") as writer:
        for slot in stream.slots(intervals)[0]:
            for version, bets in stream.bets(slot):
                if bets is not None:
                    writer.write_table(bets)
                    rows += bets.num_rows
                    continue
                ends = version.interval.start, version.interval.end, version.extracted_at
                values = (stream.lake.provider, stream.lake.account, stream.label, *ends)
                seen.append(dict(zip(_SLOTS, values, strict=True)))
    pq.write_table(pa.Table.from_pylist(seen, SLOTS), folder / "slots" / f"{name}.parquet")
    return rows
