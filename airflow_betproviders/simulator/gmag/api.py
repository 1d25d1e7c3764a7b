"""GM-Ag's protocol: POST with a hash in the query, ``error`` as text (GM-Ag document).

game/list, history/roundDetail, history/gameTrans, history/extraTrans and history/gameReport follow the vendor's public
Confluence pages of those names; the span and retention of extraTrans are not documented and not limited here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, ClassVar, NamedTuple

from airflow_betproviders.simulator.contract.call import Reply, empty_replies, json_reply
from airflow_betproviders.simulator.contract.clock import to_ms
from airflow_betproviders.simulator.contract.vendor import Setup
from airflow_betproviders.simulator.gmag.bets import GmAgRounds
from airflow_betproviders.simulator.gmag.report import COLUMNS, report
from airflow_betproviders.simulator.gmag.rounds import BRAND, GAMES
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
from airflow_betproviders.simulator.vendor.bet_history import DAY, MINUTE, Row
from airflow_betproviders.simulator.vendor.windows import WINDOWS, window


class Listing(NamedTuple):
    """A windowed stream: its kind of rows, the limit of a window's width (exclusive) and age in ms, and whether seconds must be 00."""

    kind: str
    under: int
    retention: int
    strict_seconds: bool


STREAMS = {
    "history/game": "game_history",
    "history/gameTrans": "game_transactions",
    "history/extraTrans": "extra_transactions",
    "history/gameReport": "game_report",
    "history/roundDetail": "round_detail_url",
    "game/list": "games",
}
UNLIMITED = 36_500 * DAY
LISTINGS = {
    "game_history": Listing("round", 30 * MINUTE, 30 * DAY, strict_seconds=True),
    "game_transactions": Listing("movement", 15 * MINUTE, 15 * DAY, strict_seconds=False),
    "extra_transactions": Listing("payout", UNLIMITED, UNLIMITED, strict_seconds=False),
}
FILTERS = {
    "roundId": "round_id",
    "playerId": "player",
    "providerCode": "provider",
    "currency": "currency",
    "gameCode": "game",
}
MOST = 10_000
OPTIONS = {
    "window": WINDOWS,  # which ends a window includes
    "shift_hours": 0,  # windows are answered as if requested so many hours later
    "cap": ("paged", "capped"),  # whether pages can go beyond the 10,000th row of a window
}


def hash_of(body: Mapping[str, Any], key: str) -> str:
    """Return the vendor's hash: md5 of the sorted ``k=v`` joined by ``&`` and the secret key.

    The vendor's own samples disagree on booleans, nulls, floats and objects, so those raise ``ValueError``.
    """
    parts = []
    for name, value in sorted(body.items()):
        if name == "hash":
            continue
        if isinstance(value, list):
            parts.append(f"{name}={json.dumps(value, separators=(',', ':'), ensure_ascii=False)}")
        elif isinstance(value, str) or type(value) is int:
            parts.append(f"{name}={value}")
        else:
            raise ValueError(f"{name} has no agreed rendering")
    return hashlib.md5(("&".join(parts) + key).encode()).hexdigest()


class GmAg(RefusingVendor):
    """The GM-Ag data host."""

    name = "gmag"
    amount_field = "bets|amount"
    key_field = "transId|roundId"
    account = Account(login=str(BRAND), key="demo-gmag-secret")
    empty_replies: ClassVar[Mapping[str, Reply]] = empty_replies(
        '{"error":"0","message":"SUCCESS","total":0', "records"
    )
    busy_replies: ClassVar[Sequence[Reply]] = (json_reply('{"error":"P_00","message":"Server error"}'),)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._bets = make_bet_history(setup, GmAgRounds())

    def refuse(self, refusal: Refusal) -> str:
        """Return error, as text, and message."""
        return json.dumps({"error": refusal.code, "message": refusal.text})

    def open(self, call: Call) -> Inquiry:
        """Check path, hash and brand."""
        stream = STREAMS.get(call.path)
        if stream is None or call.method != "POST":
            raise _wrong("no such command")
        try:
            body = json.loads(call.body)
            expected = hash_of(body, self.account.key)
        except (ValueError, AttributeError):
            raise _wrong("body") from None
        if call.query.get("hash") != expected:
            raise Refusal("signature", "P_02", "Invalid hash")
        if not isinstance(body.get("requestId"), str) or not body["requestId"]:
            raise _wrong("requestId")
        if str(body.get("brandId")) != self.account.login:
            raise Refusal("account", "P_03", "Parameter error: brandId")
        return Inquiry(stream, body)

    def answer(self, inquiry: Inquiry) -> ListPage | SummaryAnswer | str:
        """Return a page of a window, a report, a link or the games."""
        stream, body = inquiry
        echo = json.dumps(body["requestId"])
        if stream in LISTINGS:
            return self._list(LISTINGS[stream], body, echo)
        if stream == "game_report":
            return SummaryAnswer(self._report(body), lambda joined: _success(echo, f'"data":[{joined}]'))
        if stream == "round_detail_url":
            return _success(echo, f'"data":{json.dumps(self._detail(body))}')
        return _success(echo, self._games(body))

    def _list(self, listing: Listing, body: Mapping[str, Any], echo: str) -> ListPage:
        forgiven = []
        now = self.now_ms
        start, end = _time(body, "startTime"), _time(body, "endTime")
        if start % MINUTE or end % MINUTE:
            if listing.strict_seconds:
                raise Refusal("alignment", "P_03", "Parameter error: seconds must be 00")
            forgiven.append(Refusal("alignment", "", "seconds were cut to 00"))
            start, end = start - start % MINUTE, end - end % MINUTE
        if start >= end:
            raise _wrong("startTime must be before endTime")
        if end - start >= listing.under:
            raise Refusal(
                "span", "P_03", f"Parameter error: period must be less than {listing.under // MINUTE} minutes"
            )
        if start < now - listing.retention:
            raise Refusal("retention", "P_03", "Parameter error: period is too old")
        page, size = _number(body, "page", 1), _number(body, "size", 5000)
        if size > MOST:
            raise Refusal("page_size", "P_03", f"Parameter error: size must not exceed {MOST}")
        rows = self._rows(listing.kind, *window(self._options["window"], *self.shifted(start, end), 1), body, now)
        total = len(rows)
        if self._options["cap"] == "capped":
            rows = rows[:MOST]

        def envelope(given: VendorPage) -> str:
            shown = replace(given, total=None if given.total is None else given.total + total - len(rows))
            counts = f'{shown.member()}"current":{given.number},"size":{given.size},"pages":{shown.pages}'
            return _success(echo, f'{counts},"records":[{given.joined}]')

        return ListPage(rows, envelope, size, page, forgiven=forgiven)

    def _rows(self, kind: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[Row]:
        rows = self._bets.select(kind, start, end, now)
        wanted = {FILTERS[name]: value for name, value in filters.items() if name in FILTERS and value != ""}
        show_all = str(filters.get("showAll", 0)) == "1"
        return [
            row
            for row in rows
            if (show_all or row.facts.brand == BRAND)
            and all(getattr(row.facts, name) == value for name, value in wanted.items())
        ]

    def _report(self, body: Mapping[str, Any]) -> list[str]:
        start, end = _time(body, "startTime"), _time(body, "endTime")
        if start % MINUTE or end % MINUTE:
            raise Refusal("alignment", "P_03", "Parameter error: seconds must be 00")
        if start >= end or body.get("reportBy", "player") not in COLUMNS:
            raise _wrong("startTime must be before endTime; reportBy is gameCode, provider or player")
        if end - start > 31 * DAY:
            raise Refusal("span", "P_03", "Parameter error: period must not exceed 31 days")
        if start < self.now_ms - 183 * DAY:
            raise Refusal("retention", "P_03", "Parameter error: period is too old")
        return report(self._bets, start, end, self.now_ms, body)

    def _detail(self, body: Mapping[str, Any]) -> str:
        at = _time(body, "endTime")
        for row in self._bets.select("round", at, at + 1000, self.now_ms):
            if (row.facts.round_id, row.facts.provider) == (body.get("roundId"), body.get("providerCode")):
                return f"https://detail.example.com/round/{row.facts.round_id}"
        raise Refusal("parameter", "50001", "No data")

    def _games(self, body: Mapping[str, Any]) -> str:
        page, size = _number(body, "page", 1), _number(body, "size", 100)
        games = _chosen_games(body)
        chosen = json.dumps(games[(page - 1) * size : page * size], ensure_ascii=False)
        counts = f'"total":{len(games)},"current":{page},"size":{size},"pages":{-(-len(games) // size)}'
        return f'{counts},"records":{chosen}'

    def rows(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Return the rows of a window without sub-brands unless ``showAll`` is 1, the games, or the report's objects."""
        if stream == "games":
            return [json.dumps(game, ensure_ascii=False) for game in _chosen_games(filters)]
        if stream == "game_report":
            return report(self._bets, start, end, now, filters)
        return [row.text for row in self._rows(LISTINGS[stream].kind, start, end, filters, now)]


def game_list() -> list[dict[str, Any]]:
    """Return the records of game/list."""
    flags = {"mobile": 1, "desktop": 1, "freeGame": 0, "freespin": 0, "goldenChip": 0, "progressive": 0}
    return [
        {"gameCode": game, "gameType": kind, "cnName": name, "enName": name, "providerCode": provider}
        | flags
        | {"released": 1, "status": 1}
        for provider, game, kind, name in GAMES
    ]


def _chosen_games(filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = ("providerCode", "gameType", "gameCode")
    return [game for game in game_list() if all(filters.get(name, game[name]) == game[name] for name in names)]


def _success(echo: str, data: str) -> str:
    return f'{{"requestId":{echo},"error":"0","message":"SUCCESS",{data}}}'


def _wrong(text: str) -> Refusal:
    return Refusal("parameter", "P_03", f"Parameter error: {text}")


def _time(body: Mapping[str, Any], name: str) -> int:
    text = body.get(name)
    if not isinstance(text, str) or re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?", text) is None:
        raise _wrong(name)
    try:
        return to_ms(datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc))
    except ValueError:
        raise _wrong(name) from None


def _number(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if type(value) is not int or value < 1:
        raise _wrong(name)
    return value
