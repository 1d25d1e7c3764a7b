"""JDB's protocol: one URL, an encrypted action inside (JDB document and its public guide page).

Actions 29, 42, 54 and 66 follow the vendor's public pages of those names (doc.jdb711.com, report/...), action 64 the
given document, whose filter column is gameDate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl

from airflow_betproviders.simulator.clock import Clock, to_ms, wall_ms
from airflow_betproviders.simulator.exchange import Call, Inquiry, Page, Refusal
from airflow_betproviders.simulator.jdb import reports
from airflow_betproviders.simulator.jdb.bets import GAME_DATE, LAST_MODIFY, TIME
from airflow_betproviders.simulator.jdb.cipher import decrypt
from airflow_betproviders.simulator.settings import Account, Settings
from airflow_betproviders.simulator.world import DAY, HOUR, MINUTE, Row, World

STREAMS = {
    29: "recent_transactions",
    64: "transactions",
    42: "daily_by_player",
    66: "daily_by_game_type",
    54: "game_result_url",
}


class Jdb:
    """The JDB platform. Details have no pages; rows come grouped by gType, not by time."""

    name = "jdb"
    amount_field = "bet"
    key_field = "historyId"
    rate_reply: str | None = '{"status":"9019","err_text":"Request rate exceeded"}'
    busy_replies: Sequence[str] = (
        '{"status":"9012","err_text":"Please try later"}',
        '{"status":"9017","err_text":"Still processing, please try later"}',
    )

    def __init__(self, world: World, clock: Clock, settings: Settings, account: Account) -> None:
        self._world = world
        self._clock = clock
        self._account = account
        self._zone = settings.jdb_zone
        self._closed = settings.boundary == "closed"

    def refuse(self, refusal: Refusal) -> str:
        """Status and err_text."""
        return json.dumps({"status": refusal.code, "err_text": refusal.text})

    def open(self, call: Call) -> Inquiry:
        """Decrypt, and check dc, time and parent."""
        action = self._decrypted(call)
        number = action.get("action")
        stream = STREAMS.get(number) if isinstance(number, int) else None
        if stream is None:
            raise Refusal("parameter", "9007", "Unknown action")
        if action.get("parent") != self._account.login:
            raise Refusal("account", "7001", "Parent not found")
        return Inquiry(stream, action)

    def answer(self, inquiry: Inquiry) -> Page | str:
        """Details of a window, a daily report, or a link."""
        stream, action = inquiry
        if stream == "transactions":
            return self._details(action, GAME_DATE, 5, (60 * DAY, HOUR))
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
        if envelope["dc"] != self._account.extra["dc"]:
            raise Refusal("account", "9003", "dc is not valid")
        if "parent" in envelope and envelope["parent"] != self._account.login:
            raise Refusal("account", "7001", "Parent not found")
        if not envelope.get("x"):
            raise Refusal("parameter", "9004", "x is empty")
        try:
            action = decrypt(str(envelope["x"]), self._account.key, self._account.extra["iv_secret"])
        except ValueError:
            raise Refusal("signature", "9006", "x can not be decrypted") from None
        if type(action.get("ts")) is not int or abs(wall_ms() - action["ts"]) > 30_000:
            raise Refusal("stale_timestamp", "9005", "Assertion(SAML) didn't pass the timestamp validation.")
        return action

    def _details(self, action: Mapping[str, Any], clock: int, longest: int, horizon: tuple[int, int]) -> Page:
        now = self._clock.now_ms
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
        # A closed window holds the whole second of its end, because the columns have no milliseconds.
        rows = self._rows(start, end + 1000 if self._closed else end, clock, action, now)
        return Page(rows, lambda joined, _total: f'{{"status":"0000","data":[{joined}]}}')

    def _rows(self, start: int, end: int, clock: int, filters: Mapping[str, Any], now: int) -> list[Row]:
        gtypes = filters.get("gTypes") or []
        if not isinstance(gtypes, list) or not all(type(each) is int for each in gtypes):
            raise Refusal("parameter", "8000", "gTypes must be an array of integers")
        rows = self._world.select("round", start, end, now, clock=clock)
        chosen = [row for row in rows if not gtypes or row.facts.gtype in gtypes]
        return sorted(chosen, key=lambda row: (row.facts.gtype, row.key))

    def _daily(self, stream: str, action: Mapping[str, Any]) -> str:
        day = self._day(action)
        now = self._clock.now_ms
        if now < day + DAY + HOUR:
            raise Refusal("too_new", "8006", "The day is not closed")
        if day < now - 92 * DAY:
            raise Refusal("retention", "8006", "Time is not acceptable")
        if stream == "daily_by_game_type":
            games, total = reports.by_game_type(self._world, day, now)
            data = f'{{"gTypeSummary":[{",".join(games)}],"totalSummary":{total}}}' if games else ""
        else:
            if re.fullmatch(r"\d{1,3}", str(action.get("gType", ""))) is None:
                raise Refusal("parameter", "8008", "gType is missing")
            data = ",".join(reports.by_player(self._world, day, now, int(action["gType"])))
        return f'{{"status":"0000","data":[{data}]}}'

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

    def truth(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """For the daily reports, ``start`` is any instant of the report's day and ``end`` is not looked at."""
        if stream in ("transactions", "recent_transactions"):
            clock = GAME_DATE if stream == "transactions" else LAST_MODIFY
            return [row.text for row in self._rows(start, end, clock, filters, now)]
        day = (start - 4 * HOUR) // DAY * DAY + 4 * HOUR
        if stream == "daily_by_game_type":
            return reports.by_game_type(self._world, day, now)[0]
        return reports.by_player(self._world, day, now, int(filters["gType"]))
