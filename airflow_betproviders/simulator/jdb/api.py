"""JDB's protocol: one URL, an encrypted action inside (JDB document and its public guide page).

Actions 29, 42, 54 and 66 follow the vendor's public pages of those names (doc.jdb711.com, report/...), action 64 the
given document, whose filter column is gameDate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from airflow_betproviders.simulator.contract.call import Reply, empty_replies, json_reply
from airflow_betproviders.simulator.contract.clock import to_ms, wall_ms
from airflow_betproviders.simulator.contract.vendor import Setup
from airflow_betproviders.simulator.jdb import reports
from airflow_betproviders.simulator.jdb.bets import GAME_DATE, LAST_MODIFY, TIME, JdbBets
from airflow_betproviders.simulator.jdb.cipher import decrypt
from airflow_betproviders.simulator.vendor.base import (
    Account,
    Call,
    Inquiry,
    ListPage,
    Refusal,
    RefusingVendor,
    SummaryAnswer,
    make_bet_history,
)
from airflow_betproviders.simulator.vendor.bet_history import DAY, HOUR, MINUTE, Row
from airflow_betproviders.simulator.vendor.windows import WINDOWS, fixed_offset, window

STREAMS = {
    29: "recent_transactions",
    64: "transactions",
    42: "daily_by_player",
    66: "daily_by_game_type",
    54: "game_result_url",
}
OPTIONS = {
    "utc_offset": "-04:00",  # the offset of every time
    "window": WINDOWS,  # which ends a window includes
    "filter_column": ("gameDate", "lastModifyTime"),  # of action 64; the document says both
    "shift_hours": 0,  # windows are answered as if requested so many hours later
    "doubled_keys": (False, True),  # beforeBalance and afterBalance twice in gType 67, as in the vendor's sample
}
DC = "demo"
IV = "demo-jdb-iv-0001"


class Jdb(RefusingVendor):
    """The JDB platform. Details have no pages; rows come grouped by gType, not by time."""

    name = "jdb"
    amount_field = "bet"
    key_field = "historyId"
    account = Account(login="demoagent", key="demo-jdb-aes-key")
    rate_reply: ClassVar[Reply | None] = json_reply('{"status":"9019","err_text":"Request rate exceeded"}')
    empty_replies: ClassVar[Mapping[str, Reply]] = empty_replies('{"status":"0000"', "data")
    busy_replies: ClassVar[Sequence[Reply]] = (
        json_reply('{"status":"9012","err_text":"Please try later"}'),
        json_reply('{"status":"9017","err_text":"Still processing, please try later"}'),
    )

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._zone = fixed_offset(setup.options["utc_offset"])
        self._column = GAME_DATE if setup.options["filter_column"] == "gameDate" else LAST_MODIFY
        self._bets = make_bet_history(setup, JdbBets(self._zone, doubled=setup.options["doubled_keys"]))

    def refuse(self, refusal: Refusal) -> str:
        """Return status and err_text."""
        return json.dumps({"status": refusal.code, "err_text": refusal.text})

    def open(self, call: Call) -> Inquiry:
        """Decrypt, and check dc, time and parent."""
        action = self._decrypted(call)
        number = action.get("action")
        stream = STREAMS.get(number) if isinstance(number, int) else None
        if stream is None:
            raise Refusal("parameter", "9007", "Unknown action")
        if action.get("parent") != self.account.login:
            raise Refusal("account", "7001", "Parent not found")
        return Inquiry(stream, action)

    def answer(self, inquiry: Inquiry) -> ListPage | SummaryAnswer | str:
        """Return details of a window, a daily report, or a link."""
        stream, action = inquiry
        if stream == "transactions":
            return self._details(action, self._column, 5, (60 * DAY, HOUR))
        if stream == "recent_transactions":
            return self._details(action, LAST_MODIFY, 15, (2 * HOUR, 3 * MINUTE))
        if stream == "game_result_url":
            return self._result(action)
        return self._daily(stream, action)

    def _decrypted(self, call: Call) -> dict[str, Any]:
        if call.path != "apiRequest.do":
            raise Refusal("parameter", "9999", "Failed")
        envelope: dict[str, Any] = dict(call.query)
        if call.body:
            try:
                as_json = "json" in call.content_type or call.body.lstrip().startswith(b"{")
                envelope |= json.loads(call.body) if as_json else dict(parse_qsl(call.body.decode()))
            except (ValueError, TypeError):
                raise Refusal("parameter", "9999", "Failed") from None
        if not envelope.get("dc"):
            raise Refusal("account", "9002", "dc is missing")
        if envelope["dc"] != DC:
            raise Refusal("account", "9003", "dc is not valid")
        if "parent" in envelope and envelope["parent"] != self.account.login:
            raise Refusal("account", "7001", "Parent not found")
        if not envelope.get("x"):
            raise Refusal("parameter", "9004", "x is empty")
        try:
            action = decrypt(str(envelope["x"]), self.account.key, IV)
        except ValueError:
            raise Refusal("signature", "9006", "x can not be decrypted") from None
        if type(action.get("ts")) is not int or abs(wall_ms() - action["ts"]) > 30_000:
            raise Refusal("stale_timestamp", "9005", "Assertion(SAML) didn't pass the timestamp validation.")
        return action

    def _details(self, action: Mapping[str, Any], clock: int, longest: int, horizon: tuple[int, int]) -> ListPage:
        """Return the bets of a window.

        Args:
            action: the parameters of the action.
            clock: the time by which the action filters.
            longest: minutes that a window may have.
            horizon: greatest age of a window's start and least age of its end, in milliseconds.
        """
        now = self.now_ms
        oldest, newest = horizon
        start, end = (self._time(action, name) for name in ("starttime", "endtime"))
        if start % MINUTE or end % MINUTE:
            raise Refusal("alignment", "8005", "Seconds must be 00")
        if start >= end:
            raise Refusal("parameter", "8006", "Time is not acceptable")
        if end - start > longest * MINUTE:
            raise Refusal("span", "8009", f"Time range can not exceed {longest} minutes")
        if end > now - newest:
            raise Refusal("too_new", "8006", "Time is not acceptable")
        if start < now - oldest:
            raise Refusal("retention", "8006", "Time is not acceptable")
        asked = window(self._options["window"], *self.shifted(start, end), 1000)
        rows = self._rows(*asked, clock, action, now)
        return ListPage(rows, lambda given: _success(given.joined))

    def _rows(self, start: int, end: int, clock: int, filters: Mapping[str, Any], now: int) -> list[Row]:
        gtypes = filters.get("gTypes") or []
        if not isinstance(gtypes, list) or not all(type(item) is int for item in gtypes):
            raise Refusal("parameter", "8000", "gTypes must be an array of integers")
        rows = self._bets.select("round", start, end, now, clock=clock)
        chosen = [row for row in rows if not gtypes or row.facts.gtype in gtypes]
        return sorted(chosen, key=lambda row: (row.facts.gtype, row.key))

    def _daily(self, stream: str, action: Mapping[str, Any]) -> SummaryAnswer:
        day = self._day(action)
        now = self.now_ms
        if now < day + DAY + HOUR:
            raise Refusal("too_new", "8006", "The day is not closed")
        if day < now - 92 * DAY:
            raise Refusal("retention", "8006", "Time is not acceptable")
        if stream == "daily_by_game_type":
            games, total = reports.by_game_type(self._bets, day, now)
            sums = f'"totalSummary":{total}'
            return SummaryAnswer(
                games, lambda joined: _success(f'{{"gTypeSummary":[{joined}],{sums}}}' if games else "")
            )
        if re.fullmatch(r"\d{1,3}", str(action.get("gType", ""))) is None:
            raise Refusal("parameter", "8008", "gType is missing")
        return SummaryAnswer(reports.by_player(self._bets, day, now, int(action["gType"])), _success)

    def _result(self, action: Mapping[str, Any]) -> str:
        if not action.get("uid"):
            raise Refusal("parameter", "8008", "uid is missing")
        if ("historyId" in action) != ("mType" in action or "gType" in action):
            raise Refusal("parameter", "8008", "historyId and mType belong together")
        path = f"https://result.example.com/{action.get('historyId', '')}?token={wall_ms()}"
        return json.dumps({"status": "0000", "data": [{"path": path}]})

    def _time(self, action: Mapping[str, Any], name: str) -> int:
        if name not in action:
            raise Refusal("parameter", "8008", f"{name} is missing")
        try:
            return to_ms(datetime.strptime(action[name], TIME).replace(tzinfo=self._zone))
        except (TypeError, ValueError):
            raise Refusal("parameter", "8000", f"{name} is wrong") from None

    def _day(self, action: Mapping[str, Any]) -> int:
        try:
            day = datetime.strptime(action.get("date", ""), "%d-%m-%Y").replace(tzinfo=timezone.utc)
        except (TypeError, ValueError):
            raise Refusal("parameter", "8000", "date is wrong") from None
        return to_ms(day) + 4 * HOUR

    def connection(self, base_url: str) -> dict[str, Any]:
        """Return the demo connection, with what encryption and times need."""
        extra = {"dc": DC, "iv_secret": IV, "utc_offset": self._options["utc_offset"]}
        return {**super().connection(base_url), "extra": extra}

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Return a gType, where a stream wants one."""
        return [{"gType": 0}] if stream == "daily_by_player" else super().filters(stream, start, end)

    def rows(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Return the records. For the daily reports, ``start`` is any instant of the report's day and ``end`` has no effect."""
        if stream in ("transactions", "recent_transactions"):
            clock = self._column if stream == "transactions" else LAST_MODIFY
            return [row.text for row in self._rows(start, end, clock, filters, now)]
        day = (start - 4 * HOUR) // DAY * DAY + 4 * HOUR
        if stream == "daily_by_game_type":
            return reports.by_game_type(self._bets, day, now)[0]
        return reports.by_player(self._bets, day, now, int(filters["gType"]))


def _success(joined: str) -> str:
    return f'{{"status":"0000","data":[{joined}]}}'
