"""A plain record of each vendor's bets, and answers around the JSON text of rows, for every stream that answers with JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.stream import Stream, Total
from airflow_betproviders.extraction.decode.decoder import Decoder
from airflow_betproviders.extraction.decode.envelope import path_to
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.example_streams import EXAMPLE_STREAMS

JDB_OFFSET = timedelta(hours=-4)
STREAMS = [*pv.STREAMS, *aig.STREAMS, *jdb.STREAMS, *gmag.STREAMS, *EXAMPLE_STREAMS]
PV = {
    "event_id": "e-1", "draw_id": "d-1", "game_id": 1062, "user_id": 102115212044, "op_id": "", "bet_amount": 100000,
    "gain_amount": -100000, "credit_before_bet": 120589196, "credit": 120489196, "start_at": 1795151400, "end_at": 1795151400,
}  # fmt: skip
AIG = {
    "id": "t-1", "game_id": "101", "user_id": "u1", "inst_id": "B01", "shoe_id": 7, "round_id": 12, "bet_time": 1795151400000,
    "settle_time": 1795151401000, "update_time": 1795151401000, "currency": "USD", "status": 1, "bet_amount": "10.00",
    "real_bet_amount": "10.00", "valid_bet_turnover": "10.00", "win_amount": "19.50", "real_win_amount": "9.50",
}  # fmt: skip
JDB = {
    "historyId": "5250145823902", "playerId": "test01", "gType": 0, "mtype": 8001, "gameDate": "20-11-2026 01:10:00",
    "bet": -0.4, "win": 0.4, "total": 0, "currency": "RB", "jackpot": 0, "jackpotContribute": -0.002, "denom": 0.02,
    "lastModifyTime": "20-11-2026 01:10:00", "transferId": 100001,
}  # fmt: skip
GMAG = {
    "playerId": "p1", "brandId": 1001, "providerCode": "pt", "sessionId": "s1", "roundId": "583067326075",
    "roundType": "normal", "roundStatus": "end", "gameCode": "bfb", "currency": "CNY", "bets": 5.0, "wins": 10.0,
    "cancels": 0.0, "balanceEnd": 2652.05, "bonusBalanceEnd": 0.0, "startTime": "2026-11-20 05:09:58.000",
    "endTime": "2026-11-20 05:10:00.000", "createdAt": "2026-11-20 05:10:00.000", "gameType": "slots",
}  # fmt: skip


def answer(stream: Stream, rows: str) -> bytes:
    """Return an answer of the stream around the JSON text of its rows, with a total of two where the stream has one."""
    path = Decoder(stream)._rows_path
    document: dict[str, Any] = {}
    inner = document
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    if path_to(stream.envelope, Total):
        inner["total"] = 2
    inner[path[-1]] = "@rows@"
    return json.dumps(document).replace('"@rows@"', rows).encode("utf-8", "surrogatepass")
