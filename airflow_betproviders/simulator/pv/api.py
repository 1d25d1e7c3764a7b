"""PV's protocol: POST, an MD5 sign over compact sorted JSON, HTTP 200 whatever happens (PV document, global part)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar

from airflow_betproviders.simulator.contract.call import Reply, empty_replies, json_reply
from airflow_betproviders.simulator.contract.clock import to_ms
from airflow_betproviders.simulator.contract.vendor import Setup
from airflow_betproviders.simulator.pv.bets import (
    SLOTS,
    PvBets,
    game_list,
    games_record,
    history,
    matches,
    slots_record,
)
from airflow_betproviders.simulator.pv.parameters import number, parameter_error, require_any, time_range
from airflow_betproviders.simulator.pv.summaries import Summaries, bonus_summary, games_by_user
from airflow_betproviders.simulator.vendor.base import (
    Account,
    Call,
    Inquiry,
    ListPage,
    Refusal,
    RefusingVendor,
    SummaryAnswer,
    VendorPage,
    make_bet_history,
)
from airflow_betproviders.simulator.vendor.bet_history import DAY, HOUR, Row

STREAMS = {
    "all/list": "games",
    "all/stage/summary": "stage_summary",
    "all/history": "history",
    "all/bonus/summary": "bonus_summary",
    "games/user/history": "games_user_history",
    "games/game/history": "games_game_history",
    "games/user/stage/summary": "games_user_stage_summary",
    "games/game/stage/summary": "games_game_stage_summary",
    "slots/user/history": "slots_user_history",
    "slots/user/stage/summary": "slots_user_stage_summary",
    "slots/game/stage/summary": "slots_game_stage_summary",
    "slots/detail/url": "slots_detail_url",
}
OPTIONS = {
    "clock": ("start_at", "end_at"),  # the unnamed column that the history filters by
    "midnight": ("accept", "refuse"),  # whether a history window may end at 00:00:00 of the next day
    # Wrong answers to calls that ask up to or for the last second of a day, once each in this order: html, empty, error, cut.
    "last_second_trouble": [],
    "shift_hours": 0,  # windows are answered so many hours later than asked
}
TROUBLE: Mapping[str, Reply] = {
    "html": (200, {"content-type": "text/html"}, "<html><body>Maintenance</body></html>"),
    "empty": json_reply(""),
    "error": json_reply('{"code":500,"msg":"Internal Error","data":{}}'),
    "cut": json_reply('{"code":200,"msg":"","data":{"items":[{"event_id":"8234'),
}
LAST_SECOND = DAY - 1000
# Lists without pages, which the vendor cuts off at ``limit`` rows.
LIMITED = ("games_user_history", "games_game_history", "slots_user_history")
LONGEST = 60 * DAY  # milliseconds between time_start and time_end, except for the history


def sign(data: Mapping[str, Any], ts: int, key: str) -> str:
    """Return the vendor's signature: md5 of the compact JSON with sorted keys, the timestamp and the merchant key."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    return hashlib.md5(f"{text}{ts}{key}".encode()).hexdigest()


class Pv(RefusingVendor):
    """The PV back office. ``/api/all/history`` pages; the other lists are cut off at ``limit`` silently."""

    name = "pv"
    amount_field = "bet_amount"
    key_field = "event_id"
    account = Account(login="101", key="demo-pv-key-0001")
    empty_replies: ClassVar[Mapping[str, Reply]] = empty_replies('{"code":200,"msg":"success"', "data")
    busy_replies: ClassVar[Sequence[Reply]] = (json_reply('{"code":500,"msg":"Internal Error","data":{}}'),)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._bets = make_bet_history(setup, PvBets())
        self._column = 0 if setup.options["clock"] == "start_at" else 1
        self._summaries = Summaries(self._bets, self._column)
        self._trouble = deque(TROUBLE[name] for name in setup.options["last_second_trouble"])

    def refuse(self, refusal: Refusal) -> str:
        """Return code and msg, and no data."""
        return json.dumps({"code": int(refusal.code), "msg": refusal.text, "data": {}})

    def open(self, call: Call) -> Inquiry:
        """Check path, merchant and sign."""
        stream = STREAMS.get(call.path.removeprefix("api/"))
        if stream is None or not call.path.startswith("api/") or call.method != "POST":
            raise parameter_error("no such interface")
        try:
            body = json.loads(call.body)
            ts, given, merchant, data = body["ts"], body["sign"], body["mch_id"], body["data"]
        except (ValueError, KeyError, TypeError):
            raise parameter_error("ts, sign, mch_id and data are required") from None
        if type(ts) is not int or type(merchant) is not int or not isinstance(data, dict):
            raise parameter_error("ts, mch_id must be int, data must be dict")
        if str(merchant) != self.account.login:
            raise Refusal("account", "400", "mch_id error")
        if len(str(ts)) != 10:
            raise parameter_error("ts must be a 10-digit timestamp")
        if given != sign(data, ts, self.account.key):
            raise Refusal("signature", "400", "sign error")
        return Inquiry(stream, data)

    def answer(self, inquiry: Inquiry) -> ListPage | SummaryAnswer | str | Reply:
        """Return rows with pages, rows with a limit, a summary, or another object."""
        stream, data = inquiry
        edge = {"history": "time_end", "stage_summary": "time_start"}.get(stream, "")
        if self._trouble and type(data.get(edge)) is int and data[edge] * 1000 % DAY == LAST_SECOND:
            return self._trouble.popleft()
        if stream == "history":
            return self._history(data)
        if stream in LIMITED:
            return self._limited(stream, data)
        text = self._object(stream, data)
        return _objects_of(text) if stream.endswith("summary") else _envelope(text)

    def _history(self, data: Mapping[str, Any]) -> ListPage:
        start, end = time_range(data)
        if end - start > HOUR:
            raise Refusal("span", "400", "time range can not exceed 1 hour")
        last = end - 1 if self._options["midnight"] == "accept" else end
        if start // DAY != last // DAY:
            raise Refusal("same_day", "400", "time_start and time_end must be within the same day")
        page, size = number(data, "page", 1), number(data, "page_size", 1000)
        if size > 2000:
            raise Refusal("page_size", "400", "page_size can not exceed 2000")
        rows = self._rows(*self.shifted(start, end), self.now_ms, data)

        def envelope(given: VendorPage) -> str:
            counts = f'{given.member()}"page":{given.number},"page_size":{given.size}'
            return _envelope(f'{{"items":[{given.joined}],{counts}}}')

        return ListPage(rows, envelope, size, page)

    def _limited(self, stream: str, data: Mapping[str, Any]) -> ListPage:
        start, end = time_range(data)
        if end - start > LONGEST:
            raise Refusal("span", "400", "time range can not exceed 60 days")
        limit = number(data, "limit", 50)
        if limit > 500:
            raise Refusal("page_size", "400", "limit can not exceed 500")
        rows = list(islice(self._lookup(stream, *self.shifted(start, end), self.now_ms, data), limit))
        return ListPage(rows, lambda given: _envelope(f"[{given.joined}]"), limit)

    def _lookup(self, stream: str, start: int, end: int, now: int, filters: Mapping[str, Any]) -> Iterator[Row]:
        """Yield the rows of a single player or game, newest first, in that endpoint's layout."""
        by_user = stream.endswith("user_history")
        require_any(filters, *(("user_id", "op_id") if by_user else ("game_id",)))
        slots = stream.startswith("slots")
        for row in self._bets.newest_first("bet", start, end, now, clock=self._column):
            if (row.facts.game_id in SLOTS) == slots and matches(row.facts, filters):
                text = slots_record(row.facts) if slots else games_record(row.facts, by_user=by_user)
                yield Row(row.key, row.clocks, row.visible_from, text, row.facts)

    def _rows(self, start: int, end: int, now: int, filters: Mapping[str, Any]) -> list[Row]:
        rows = self._bets.select("bet", start, end, now, clock=self._column)
        games = filters.get("game_ids") or []
        if not isinstance(games, list):
            raise parameter_error("game_ids must be list")
        return [row for row in rows if row.facts.game_id in games] if games else rows

    def _object(self, stream: str, data: Mapping[str, Any]) -> str:
        """Return the ``data`` of an answer that is no list of bets, as JSON."""
        if stream == "games":
            return json.dumps(game_list())
        if stream == "slots_detail_url":
            require_any(data, "game_id")
            require_any(data, "draw_id")
            return json.dumps({"url": f"https://detail.example.com/{data['game_id']}/{data['draw_id']}"})
        now = self.now_ms
        if stream == "bonus_summary":
            if str(data.get("mch_id")) != self.account.login:
                raise parameter_error("mch_id is required in data")
            if "time_start" not in data and "time_end" not in data:
                data = {**data, "time_start": (now - LONGEST) // 1000, "time_end": now // 1000}
        start, end = time_range(data)
        if end - start > LONGEST:
            raise Refusal("span", "400", "time range can not exceed 60 days")
        return self._summary(stream, start, end, now, data)

    def _summary(self, stream: str, start: int, end: int, now: int, data: Mapping[str, Any]) -> str:
        summary: Any
        if stream == "bonus_summary":
            return bonus_summary(self._setup.seed, start, min(end, now), data)
        if stream == "stage_summary":
            days = self._summaries.days(start, end, now)
            total = {name: sum(day[name] for day in days) for name in _SUMMED}
            summary = {"day_list": days, "summary": total}
        elif stream == "slots_game_stage_summary":
            summary = self._summaries.slots_by_game(start, end, now)
        elif stream == "slots_user_stage_summary":
            require_any(data, "user_id", "op_id")
            summary = self._summaries.slots_by_user(start, end, now, data.get("user_id"), data.get("op_id"))
        elif stream == "games_game_stage_summary":
            require_any(data, "game_id")
            summary = self._summaries.games_by_game(start, end, now, data["game_id"])
        else:
            require_any(data, "user_id", "op_id")
            rows = self._bets.newest_first("bet", start, end, now, clock=self._column)
            bets = [row.facts for row in rows if row.facts.game_id not in SLOTS and matches(row.facts, data)]
            summary = games_by_user(reversed(bets))
        return json.dumps(summary)

    def connection(self, base_url: str) -> dict[str, Any]:
        """Return the demo connection; PV accounts have one currency."""
        return {**super().connection(base_url), "extra": {"currency": "CNY"}}

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Return the player or the game with the most bets, where a stream wants one."""
        if not stream.startswith(("games_", "slots_")) or stream == "slots_game_stage_summary":
            return [{}]
        column = "game_id" if "_game_" in stream else "user_id"
        slots = stream.startswith("slots")
        rows = self._bets.select("bet", to_ms(start), to_ms(end), self.now_ms, clock=self._column)
        bets = [row.facts for row in rows if (row.facts.game_id in SLOTS) == slots]
        bets_by_value = Counter(getattr(bet, column) for bet in bets)
        return [{column: value} for value, _ in bets_by_value.most_common(1)]

    def rows(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Return the rows of a list, the days of ``stage_summary``, or the one object of another summary."""
        if stream == "history":
            return [history(row.facts) for row in self._rows(start, end, now, filters)]
        if stream in LIMITED:
            return [row.text for row in self._lookup(stream, start, end, now, filters)]
        if stream == "games":
            return [json.dumps(game) for game in game_list()]
        summary = json.loads(self._summary(stream, start, end, now, filters))
        if stream == "stage_summary":
            summary = summary["day_list"]
        return [json.dumps(row) for row in (summary if isinstance(summary, list) else [summary])]


_SUMMED = ("bet_count", "bet_amount", "gain_amount", "company_gain_amount")


def _envelope(data: str) -> str:
    return f'{{"code":200,"msg":"","data":{data}}}'


def _objects_of(summary_text: str) -> SummaryAnswer:
    """Part a summary into the objects that faults may change: its days, the items of a list, or the summary itself."""
    if summary_text.startswith("{") and '"day_list"' not in summary_text:
        return SummaryAnswer([summary_text], _envelope)
    objects = json.loads(summary_text)
    if isinstance(objects, list):
        return SummaryAnswer([json.dumps(row) for row in objects], lambda joined: _envelope(f"[{joined}]"))
    summary = json.dumps(objects["summary"])
    days = [json.dumps(day) for day in objects["day_list"]]
    return SummaryAnswer(days, lambda joined: _envelope(f'{{"day_list":[{joined}],"summary":{summary}}}'))
