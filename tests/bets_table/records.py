"""Records as the vendors' documents print them, decoded as the engine decodes them, and mapped to bets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_betproviders.bets_table.mapping import Origin, map_to_bets
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT, INSTANT
from airflow_betproviders.extraction.decode.decoder import Decoder
from airflow_betproviders.registry import mapping_of

SAMPLES = Path(__file__).parent.parent / "providers" / "samples"
READ = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
SLOT = Interval(datetime(2026, 11, 20, 5, tzinfo=timezone.utc), datetime(2026, 11, 20, 6, tzinfo=timezone.utc))
ENVELOPES = {
    "pv": lambda rows: {"code": 200, "msg": "", "data": {"items": rows, "total": len(rows)}},
    "aig": lambda rows: {"code": 200, "message": "success", "data": {"total": len(rows), "transactions": rows}},
    "jdb": lambda rows: {"status": "0000", "data": rows},
    "gmag": lambda rows: {"error": "0", "message": "SUCCESS", "total": len(rows), "records": rows},
}


def raw(provider: str, records: list[Mapping[str, Any]] | str, utc_offset: timedelta = timedelta(hours=-4)) -> pa.Table:
    """Records, or their JSON text, as a raw slot holds them."""
    mapping = mapping_of(provider)
    declared = import_module(f"airflow_betproviders.providers.{provider}.streams").STREAMS
    stream = next(each for each in declared if each.name == mapping.streams[0])
    marker = "@@rows@@"
    text = records if isinstance(records, str) else json.dumps(records, ensure_ascii=False)
    body = json.dumps(ENVELOPES[provider]([marker])).replace(f'["{marker}"]', text).encode()
    page = Decoder(stream, utc_offset)(body, lambda envelope: None)
    assert not page.rejected, page.rejected
    return page.table.append_column(EXTRACTED_AT, pa.repeat(pa.scalar(READ, INSTANT), page.table.num_rows))


def bets(
    provider: str, records: list[Mapping[str, Any]] | str, settings: Mapping[str, str] | None = None, **kwargs: Any
) -> list[dict[str, Any]]:
    """Records as rows of the bets table, ``rest`` parsed."""
    mapping = mapping_of(provider)
    table = map_to_bets(
        raw(provider, records, **kwargs), mapping, Origin("acc", mapping.streams[0], SLOT, READ), settings
    )
    rows = table.to_pylist()
    return [{**row, "rest": json.loads(row["rest"], parse_float=str)} for row in rows]


def sample_records(name: str) -> list[dict[str, Any]]:
    """Return the records of a vendor's printed answer; numbers keep their text."""
    document = json.loads((SAMPLES / name).read_text(), parse_float=Number)
    for member in ("data", "records", "items", "transactions"):
        if isinstance(document, dict) and member in document:
            document = document[member]
    found: list[dict[str, Any]] = document
    return found


class Number(float):
    """A number that is written again as it was."""

    def __new__(cls, text: str) -> Number:
        made = super().__new__(cls, text)
        made.text = text  # type: ignore[attr-defined]
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]
