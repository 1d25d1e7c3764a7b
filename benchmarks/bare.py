"""Load one provider with the fastest plain script that stays exact: the reference for our speed.

`pyarrow.json` reads the bytes as they came; two threads fetch and parse, one writes. The script requests one window and checks
nothing: it has no retries, finds no duplicates, and ends at the first odd page.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import queue
import re
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq
from records import JDB_OFFSET, KEY, START

THREADS = 2
ROW_GROUP = 100_000
_MONEY, _TIME, _TEXT, _INTEGER = pa.decimal128(18, 4), pa.timestamp("ms", "UTC"), pa.string(), pa.int64()
_AMOUNT, _DOUBLE = pa.decimal128(28, 8), pa.decimal128(38, 18)
# The script knows every name beforehand.
_ITEMS = pa.struct(
    [(n, _AMOUNT) for n in ["Banker", "Player", "Tie", "BankerPair", "PlayerPair", "Lucky6", "Big", "Small"]]
)


_JACKPOT = pa.list_(pa.struct([("id", _TEXT), ("contribution", _AMOUNT), ("win", _AMOUNT)]))
RECORDS = {
    "gmag": [
        *(
            (n, _TEXT)
            for n in [
                "playerId",
                "providerCode",
                "sessionId",
                "roundId",
                "roundType",
                "roundStatus",
                "gameCode",
                "currency",
                "platform",
                "gameType",
                "detailUrl",
            ]
        ),
        *(
            (n, _MONEY)
            for n in [
                "bets",
                "wins",
                "cancels",
                "transIn",
                "transOut",
                "balanceEnd",
                "bonusBalanceEnd",
                "rake",
                "jpc",
                "jpw",
            ]
        ),
        *((n, _TIME) for n in ["startTime", "endTime", "createdAt"]),
        ("brandId", _INTEGER),
        ("jpDetails", _JACKPOT),
    ],
    "pv": [
        *((n, _TEXT) for n in ["event_id", "draw_id", "op_id"]),
        *(
            (n, _INTEGER)
            for n in [
                "game_id",
                "user_id",
                "bet_amount",
                "gain_amount",
                "credit_before_bet",
                "credit",
                "start_at",
                "end_at",
            ]
        ),
    ],
    "aig": [
        *((n, _TEXT) for n in ["id", "user_id", "game_id", "inst_id", "currency"]),
        *(
            (n, _INTEGER)
            for n in ["shoe_id", "round_id", "bet_time", "settle_time", "create_time", "update_time", "status"]
        ),
        *(
            (n, _AMOUNT)
            for n in ["bet_amount", "real_bet_amount", "valid_bet_turnover", "win_amount", "real_win_amount"]
        ),
        *((n, _ITEMS) for n in ["bet_detail", "win_detail"]),
        ("no_comm", pa.bool_()),
        ("game_result", pa.list_(_TEXT)),
        ("open_cards", pa.struct([("banker", _TEXT), ("player", _TEXT)])),
    ],
    "jdb": [
        *(
            (n, _TEXT)
            for n in ["historyId", "playerId", "gameDate", "lastModifyTime", "currency", "playerIp", "clientType"]
        ),
        *(
            (n, _DOUBLE)
            for n in [
                "bet",
                "gambleBet",
                "win",
                "tax",
                "total",
                "validBet",
                "commission",
                "jackpot",
                "jackpotContribute",
                "denom",
                "beforeBalance",
                "afterBalance",
            ]
        ),
        *(
            (n, _INTEGER)
            for n in [
                "gType",
                "mtype",
                "roomType",
                "hasFreegame",
                "hasBonusGame",
                "hasGamble",
                "systemTakeWin",
                "transferId",
            ]
        ),
    ],
}
ENVELOPE = {"gmag": ("records",), "pv": ("data", "items"), "aig": ("data", "transactions"), "jdb": ("data",)}
SIZE = {"gmag": 10_000, "pv": 2_000, "aig": 5_000}
KEYS = {"gmag": "roundId", "pv": "event_id", "aig": "id", "jdb": "historyId"}
TIMES = {
    "gmag": ("startTime", "endTime", "createdAt"),
    "pv": ("start_at", "end_at"),
    "aig": ("bet_time", "settle_time", "create_time", "update_time"),
    "jdb": ("gameDate", "lastModifyTime"),
}
_LOCAL = "%d-%m-%Y %H:%M:%S"


class Script:
    """Load hours of one provider into one file."""

    def __init__(self, provider: str, url: str, hours: int, out: str) -> None:
        self.provider, self.host = provider, url.removeprefix("http://")
        self.start, self.end = START, START + timedelta(hours=hours)
        self.schema = pa.schema([(n, _TIME if n in TIMES[provider] else t) for n, t in RECORDS[provider]])
        envelope: pa.DataType = pa.list_(pa.struct(RECORDS[provider]))
        for name in reversed(ENVELOPE[provider][1:]):
            envelope = pa.struct([(name, envelope), ("total", _INTEGER)])
        self.options = pj.ParseOptions(
            explicit_schema=pa.schema([(ENVELOPE[provider][0], envelope)]), unexpected_field_behavior="ignore"
        )
        self.local = threading.local()
        self.writer = pq.ParquetWriter(
            f"{out}/part.parquet",
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[n for n in self.schema.names if n != KEYS[provider] and n not in TIMES[provider]],
            column_encoding={
                KEYS[provider]: "DELTA_BYTE_ARRAY",
                **dict.fromkeys(TIMES[provider], "DELTA_BINARY_PACKED"),
            },
            store_decimal_as_integer=True,
        )

    def request(self, page: int, start: datetime, end: datetime) -> tuple[str, str, bytes | None]:
        """Return method, target and body of a call."""
        size = SIZE.get(self.provider)
        match self.provider:
            case "gmag":
                times = {"startTime": f"{start:%Y-%m-%d %H:%M:%S}", "endTime": f"{end:%Y-%m-%d %H:%M:%S}"}
                return "POST", "/history/game", json.dumps({**times, "page": page, "size": size}).encode()
            case "pv":
                bounds = {"time_start": int(start.timestamp()), "time_end": int(end.timestamp())}
                return (
                    "POST",
                    "/api/all/history",
                    json.dumps({"data": {**bounds, "page": page, "page_size": size}}).encode(),
                )
            case "aig":
                ms = {"start_time": int(start.timestamp() * 1000), "end_time": int(end.timestamp() * 1000)}
                return "GET", f"/?{urlencode({**ms, 'start_index': (page - 1) * (size or 0), 'page_size': size})}", None
            case _:
                times = {"starttime": f"{start + JDB_OFFSET:{_LOCAL}}", "endtime": f"{end + JDB_OFFSET:{_LOCAL}}"}
                return "POST", "/apiRequest.do", json.dumps({"x": self.encrypt(json.dumps(times))}).encode()

    def encrypt(self, text: str) -> str:
        """Encrypt JDB's parameters; the page server needs no other part of its protocol."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        cipher = Cipher(algorithms.AES(KEY.encode()), modes.CBC(KEY.encode())).encryptor()
        return base64.urlsafe_b64encode(cipher.update(text.encode() + b" " * (-len(text) % 16))).decode()

    def fetch(self, page: int, start: datetime, end: datetime) -> memoryview:
        """Fetch one answer into a buffer that the thread reuses."""
        if not hasattr(self.local, "connection"):
            self.local.connection, self.local.buffer = http.client.HTTPConnection(self.host), bytearray(1 << 20)
        method, target, body = self.request(page, start, end)
        self.local.connection.request(method, target, body)
        response = self.local.connection.getresponse()
        if response.length > len(self.local.buffer):
            self.local.buffer = bytearray(response.length + (response.length >> 3))
        view, got = memoryview(self.local.buffer)[: response.length], 0
        while got < len(view):
            got += response.readinto(view[got:])
        response.read()
        return view

    def page(self, page: int, start: datetime, end: datetime) -> tuple[pa.Table, int]:
        """Return one answer as a table, and the window's total."""
        body = self.fetch(page, start, end)
        read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
        table = pj.read_json(pa.BufferReader(pa.py_buffer(body)), read, self.options)
        rows = table[ENVELOPE[self.provider][0]].chunk(0)
        for name in ENVELOPE[self.provider][1:]:
            rows = rows.field(name)
        total = re.search(rb'"total":(\d+)', bytes(body[:300]) + bytes(body[-300:]))
        columns = []
        for column, (name, type_) in zip(rows.flatten().flatten(), RECORDS[self.provider], strict=True):
            if name in TIMES[self.provider] and type_ == _TEXT:
                wall = pc.strptime(column, format=_LOCAL, unit="s")
                columns.append(
                    pc.subtract(wall, pa.scalar(JDB_OFFSET, pa.duration("s"))).cast(pa.timestamp("ms")).cast(_TIME)
                )
            elif name in TIMES[self.provider] and type_ == _INTEGER:
                columns.append(column.cast(pa.timestamp("s" if self.provider == "pv" else "ms", "UTC")).cast(_TIME))
            else:
                columns.append(column)
        return pa.table(columns, schema=self.schema), int(total[1]) if total else 0

    def pages(self) -> Iterator[pa.Table]:
        """Yield all pages in order; two are being read, one waits."""
        with ThreadPoolExecutor(THREADS) as pool:
            requests: Iterator[tuple[int, datetime, datetime]]
            if self.provider == "jdb":
                step = timedelta(minutes=5)
                requests = (
                    (1, self.start + i * step, self.start + (i + 1) * step)
                    for i in range((self.end - self.start) // step)
                )
            else:
                first, total = pool.submit(self.page, 1, self.start, self.end).result()
                yield first
                requests = ((n, self.start, self.end) for n in range(2, -(-total // SIZE[self.provider]) + 1))
            pending: deque[Future[tuple[pa.Table, int]]] = deque()
            for request in requests:
                pending.append(pool.submit(self.page, *request))
                if len(pending) > THREADS:
                    yield pending.popleft().result()[0]
            for future in pending:
                yield future.result()[0]

    def run(self) -> int:
        """Read and write at the same time; return the number of rows."""
        tables: queue.Queue[pa.Table | None] = queue.Queue(8)
        thread = threading.Thread(target=self.write, args=(tables,))
        thread.start()
        rows = 0
        for table in self.pages():
            rows += table.num_rows
            tables.put(table)
        tables.put(None)
        thread.join()
        return rows

    def write(self, tables: queue.Queue[pa.Table | None]) -> None:
        """Write row groups of 100,000 rows."""
        waiting: list[pa.Table] = []
        while (table := tables.get()) is not None:
            waiting.append(table)
            if sum(t.num_rows for t in waiting) >= ROW_GROUP:
                self.writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            self.writer.write_table(pa.concat_tables(waiting))
        self.writer.close()


def main() -> None:
    """Read the hours from `START` on."""
    pa.set_memory_pool(pa.system_memory_pool())
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("provider", choices=RECORDS)
    arguments.add_argument("url")
    arguments.add_argument("out")
    arguments.add_argument("--hours", type=int, default=1)
    given = arguments.parse_args()
    print(json.dumps({"rows": Script(given.provider, given.url, given.hours, given.out).run()}))


if __name__ == "__main__":
    main()
