"""The simulator's faults, by what a task may make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRANSIENT = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "slow", "rate", "http_429", "http_429_date", "busy",
    "http_403", "http_404", "http_409", "http_423", "http_425", "http_504", "http_503", "http_503_date",
    "http_302", "bad_location", "empty_body", "type_drift", "unknown_field", "duplicate_key", "duplicate",
    "drift", "repeated_page", "total_lie", "total_high", "total_low", "total_alternating", "lost_row",
)  # fmt: skip
"""What strikes single calls. A task gets over it, or fails; a later attempt then succeeds."""
NEEDS_TOTALS = {
    "drift", "repeated_page", "total_lie", "total_high", "total_low", "total_alternating", "lost_row",
    "endless_pages", "total_absent",
}  # fmt: skip
"""What only a total shows, or what there is only where there are totals."""
EMPTY = ("empty_list", "empty_object", "empty_null", "empty_absent")
SLOW = ("drip_body", "drip_headers", "silence", "endless_continue", "endless_500", "gzip_bomb")
"""What would hold a worker, or fill its memory."""
HABITS = ("silent_cap", "page_cap", "too_much", "total_float", "total_absent")
"""What a server does with every answer. Its tasks succeed all the same."""
NO_TOTALS = {"total_absent"}

LASTING: Mapping[str, Mapping[str, Any]] = {
    "http_401": {}, "http_403": {}, "http_404": {}, "http_405": {}, "http_410": {}, "http_414": {}, "http_422": {},
    "http_504": {}, "http_302": {}, "bad_location": {}, "empty_body": {}, "html_200": {},
    "total_lie": {}, "total_high": {}, "total_low": {}, "total_alternating": {}, "lost_row": {}, "repeated_page": {},
    "drift": {}, "endless_pages": {}, "stray_rows": {"rows": 40},
}  # fmt: skip
"""What strikes every call of a task."""
MUST_FAIL = {*LASTING} - {"total_low", "total_alternating", "repeated_page", "drift"} | {*SLOW} - {"drip_body"}
"""Lasting faults with which no task may succeed. With the others it may, if what it stores is the truth."""
FINAL = {"http_401", "http_405", "http_410", "http_414", "http_422"}
"""Statuses that fail at once, without a second call."""

ODD_KINDS = (
    "odd_null", "odd_absent", "odd_empty", "odd_type", "odd_nested", "odd_range", "odd_precise", "odd_long", "odd_deep",
    "odd_exponent",
)  # fmt: skip
ODD_KEY_KINDS = {"odd_null", "odd_absent", "odd_deep"}
"""What makes a key unreadable; other odd values make it another key."""
# Without columns that decide what a bet is: a status that cannot be read stops the merge, on purpose.
ODD_FIELDS: Mapping[str, tuple[str, ...]] = {
    "pv": (
        "draw_id", "game_id", "user_id", "op_id", "bet_amount", "gain_amount", "credit_before_bet", "credit",
        "start_at", "end_at",
    ),
    "aig": (
        "user_id", "game_id", "inst_id", "shoe_id", "round_id", "bet_time", "settle_time", "update_time", "create_time",
        "bet_amount", "real_bet_amount", "valid_bet_turnover", "win_amount", "real_win_amount", "no_comm",
        "bet_detail", "win_detail", "game_result", "open_cards",
    ),
    "jdb": (
        "playerId", "mtype", "gameDate", "lastModifyTime", "bet", "win", "total", "jackpot", "jackpotContribute",
        "denom", "playerIp", "clientType", "hasFreegame", "systemTakeWin", "beforeBalance", "afterBalance", "transferId",
    ),
    "gmag": (
        "sessionId", "roundType", "gameCode", "bets", "wins", "balanceEnd", "bonusBalanceEnd", "startTime",
        "endTime", "createdAt", "detailUrl", "gameType", "jpDetails", "platform", "additionalData",
    ),
}  # fmt: skip
WINDOW_COLUMNS = {"gameDate", "lastModifyTime", "endTime"}
"""Texts of times that windows filter by."""

OTHER_WORLDS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "pv": ({"shift_hours": 1}, {"shift_hours": -8}),
    "aig": ({"shift_hours": 1}, {"shift_hours": -8}, {"time_unit": "s"}, {"time_unit": "us"}),
    "jdb": ({"shift_hours": 1}, {"shift_hours": -4}),
    "gmag": ({"shift_hours": 1}, {"shift_hours": -8}),
}
"""Options with which a provider answers for other hours than it was asked for."""
