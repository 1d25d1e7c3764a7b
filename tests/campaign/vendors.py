"""The streams that the campaign loads, with what it needs to know of each, from the vendors' documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from airflow_betproviders.testing import epoch, wall_clock
from airflow_betproviders.testing.expectations import ReadTime
from tests.conformance.expected_bets import EXPECTED_BETS, Worth
from tests.conformance.wire import TIMES

Record = Mapping[str, Any]
Options = Mapping[str, tuple[Any, ...]]

DEFAULT_DECIMALS = 8
"""Decimals of an amount, where the document doesn't say how many there are."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One stream of one vendor.

    Attributes:
        provider: Connection type.
        stream: The stream.
        key: The members that make the simulator's key of a row.
        key_field: The member of the key that gets odd values.
        times: How times are written.
        time_columns: The members that windows may filter by.
        totals: Whether answers have a total, so that a list that moves is noticed.
        rejects_outside: Whether its document says what windows filter by, so that rows of other windows are refused.
        cursor: Whether a call has no end, so that it always requests the limit's number of rows.
        empty: The shapes of an answer without rows that a true empty answer doesn't have.
        odd_fields: The members that get odd values. Members that decide what a bet is are not among them: a status
            that cannot be read stops the merge, on purpose.
        bet: The bet of a record; None where the stream has no bets.
        needed: The amounts without which a record goes to quarantine.
        decimals: Decimals of an amount's column, by member; ``DEFAULT_DECIMALS`` for the others.
        page_sizes: What the connection may set as ``page_size``.
        options: Options of the simulated vendor, for questions that its document leaves open.
        wrong_zones_and_units: Options with which it answers for other hours than requested.
    """

    provider: str
    stream: str
    key: tuple[str, ...]
    key_field: str
    times: ReadTime
    time_columns: tuple[str, ...]
    odd_fields: tuple[str, ...]
    totals: bool = True
    rejects_outside: bool = True
    cursor: bool = False
    empty: tuple[str, ...] = ("empty_list", "empty_object", "empty_null", "empty_absent")
    bet: Callable[[Record], tuple[str, Worth]] | None = None
    needed: frozenset[str] = frozenset()
    decimals: Mapping[str, int] = field(default_factory=dict)
    page_sizes: tuple[int, ...] = ()
    options: Options = field(default_factory=dict)
    wrong_zones_and_units: tuple[Mapping[str, Any], ...] = ()

    def key_of(self, record: Record) -> str:
        """Return the simulator's key of a record or of a stored row."""
        return "/".join(str(record[name]) for name in self.key)


NO_LIST = ("empty_object", "empty_null", "empty_absent")
"""For a vendor that answers with an empty list if it has no rows."""
EDGES = ("[)", "[]", "(]")
_PV_OPTIONS: Options = {
    "clock": ("start_at", "end_at"),
    "midnight": ("accept", "refuse"),
    "last_second_trouble": ([], [], ["html"], ["empty", "cut"], ["error"], ["error", "html"]),
}
_PV_FIELDS = ("draw_id", "game_id", "user_id", "op_id", "bet_amount", "gain_amount", "start_at", "end_at")
_PV: dict[str, Any] = {
    "provider": "pv",
    "key": ("event_id",),
    "key_field": "event_id",
    "times": TIMES["pv"],
    "time_columns": ("start_at", "end_at"),
    "needed": frozenset({"bet_amount", "gain_amount"}),
    "options": _PV_OPTIONS,
    "wrong_zones_and_units": ({"shift_hours": 1}, {"shift_hours": -8}),
}
_AIG_WRONG = ({"time_unit": "s"}, {"time_unit": "us"}, {"shift_hours": 1}, {"shift_hours": -8})
_AIG: dict[str, Any] = {
    "provider": "aig",
    "key": ("id",),
    "key_field": "id",
    "times": TIMES["aig"],
    "time_columns": ("update_time",),
    "odd_fields": (
        *("user_id", "game_id", "inst_id", "shoe_id", "round_id", "bet_time", "settle_time", "update_time"),
        *("create_time", "bet_amount", "real_bet_amount", "valid_bet_turnover", "win_amount", "real_win_amount"),
        *("no_comm", "bet_detail", "win_detail", "game_result", "open_cards"),
    ),
    "bet": EXPECTED_BETS["aig"],
    "needed": frozenset({"bet_amount"}),
    "options": {"open_settle_time": ("zero", "absent")},
    "wrong_zones_and_units": _AIG_WRONG,
}
_ROWAN: dict[str, Any] = {
    "provider": "rowan",
    "key": ("betId",),
    "key_field": "betId",
    "times": epoch(1000),
    "odd_fields": (
        *("parentBetId", "playerName", "gameId", "platform", "betAmount", "winAmount", "jackpotWinAmount"),
        *("balanceBefore", "betTime", "isFeatureBuy"),
    ),
    "totals": False,
    "rejects_outside": False,
    "needed": frozenset({"betAmount", "winAmount"}),
    "options": {"start": ("inclusive", "exclusive"), "order": ("row_version", "shuffled"), "range": ("[]", "[)", "(]")},
}


def _settled(record: Record, stake_field: str, win_field: str) -> tuple[str, Worth]:
    stake, win = Decimal(record[stake_field]), Decimal(record[win_field])
    return str(record["betId"]), ("settled", stake, win, win - stake)


def _quill(record: Record) -> tuple[str, Worth]:
    stake, net = Decimal(record["betAmount"]), Decimal(record["settledAmount"])
    worth: dict[int, Worth] = {
        0: ("open", stake, None, None),
        1: ("settled", stake, stake + net, net),
        2: ("cancelled", stake, stake, Decimal(0)),
        3: ("void", stake, stake, Decimal(0)),
    }
    return f"{record['platType']}/{record['gameOrderId']}", worth[record["status"]]


_nova = partial(_settled, stake_field="stake", win_field="win")
_rowan = partial(_settled, stake_field="betAmount", win_field="winAmount")


VENDORS = (
    Vendor(
        **_PV,
        stream="history",
        odd_fields=(*_PV_FIELDS, "credit_before_bet", "credit"),
        bet=EXPECTED_BETS["pv"],
        page_sizes=(50, 300),
    ),
    Vendor(**_AIG, stream="transactions", page_sizes=(50, 300)),
    Vendor(
        provider="jdb",
        stream="transactions",
        key=("gType", "historyId"),
        key_field="historyId",
        times=TIMES["jdb"],
        time_columns=("gameDate", "lastModifyTime"),
        odd_fields=(
            *("playerId", "mtype", "gameDate", "lastModifyTime", "bet", "win", "total", "jackpot", "jackpotContribute"),
            *("denom", "playerIp", "clientType", "hasFreegame", "systemTakeWin", "beforeBalance", "afterBalance"),
            "transferId",
        ),
        totals=False,
        empty=NO_LIST,
        bet=EXPECTED_BETS["jdb"],
        needed=frozenset({"bet", "total"}),
        decimals={"bet": 18, "total": 18},
        options={"window": EDGES, "filter_column": ("gameDate", "lastModifyTime"), "doubled_keys": (False, True)},
        wrong_zones_and_units=({"shift_hours": 1}, {"shift_hours": -4}),
    ),
    Vendor(
        provider="gmag",
        stream="game_history",
        key=("brandId", "providerCode", "playerId", "roundId"),
        key_field="roundId",
        times=TIMES["gmag"],
        time_columns=("endTime",),
        odd_fields=(
            *("sessionId", "roundType", "gameCode", "bets", "wins", "balanceEnd", "bonusBalanceEnd", "startTime"),
            *("endTime", "createdAt", "detailUrl", "gameType", "jpDetails", "platform", "additionalData"),
        ),
        empty=NO_LIST,
        bet=EXPECTED_BETS["gmag"],
        needed=frozenset({"bets", "wins"}),
        decimals={"bets": 4, "wins": 4},
        options={"window": EDGES, "cap": ("paged", "capped")},
        wrong_zones_and_units=({"shift_hours": 1}, {"shift_hours": -8}),
    ),
    Vendor(**_PV, stream="games_game_history", odd_fields=_PV_FIELDS, totals=False, empty=NO_LIST),
    # The simulator shifts windows only, not the cursor.
    Vendor(
        **{**_AIG, "wrong_zones_and_units": _AIG_WRONG[:2]}, stream="latest", totals=False, cursor=True, empty=NO_LIST
    ),
    Vendor(
        provider="nova",
        stream="bets",
        key=("betId",),
        key_field="betId",
        times=wall_clock("%Y-%m-%d %H:%M:%S.%f"),
        time_columns=("placedAt",),
        odd_fields=("player", "game", "currency", "stake", "win", "placedAt", "updatedAt"),
        empty=NO_LIST,
        bet=_nova,
        needed=frozenset({"stake", "win"}),
        options={"window": ("[)", "[]")},
    ),
    Vendor(**_ROWAN, stream="history_by_time", time_columns=("betEndTime",), empty=NO_LIST, bet=_rowan),
    Vendor(**_ROWAN, stream="history", time_columns=("rowVersion",), cursor=True, empty=NO_LIST, bet=_rowan),
    Vendor(
        provider="finch",
        stream="rounds",
        key=("playSessionID",),
        key_field="playSessionID",
        times=wall_clock("%Y-%m-%d %H:%M:%S"),
        time_columns=("endDate",),
        odd_fields=(),
        totals=False,
        rejects_outside=False,
        empty=(),
        options={"missing": ("null", "empty"), "newline": ("lf", "crlf")},
    ),
    # The simulated clock stands still while tasks run, so Quill's quota is off; its own tests show the quota.
    Vendor(
        provider="quill",
        stream="history",
        key=("platType", "gameOrderId"),
        key_field="gameOrderId",
        times=wall_clock("%Y-%m-%d %H:%M:%S", "+08:00"),
        time_columns=("lastUpdateTime",),
        odd_fields=(
            *("currency", "playerId", "gameType", "gameName", "round", "table", "seat", "betContent", "betAmount"),
            *("validAmount", "settledAmount", "betTime", "lastUpdateTime"),
        ),
        rejects_outside=False,
        bet=_quill,
        needed=frozenset({"betAmount", "settledAmount"}),
        page_sizes=(50, 300),
        options={"window": EDGES, "void_amounts": ("kept", "zero"), "error_status": (200, 400)},
    ),
)
