"""Nova's protocol: GET with HMAC-SHA256 over the sorted parameters (Nova document)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_nova.simulator.bets import DAY, HOUR, Bets

OPTIONS: Mapping[str, Any] = {
    "window": ("[)", "[]"),  # the document says that `from` is inclusive, and nothing of `to`
}
ACCOUNT, KEY = "house7", "demo-nova-key-01"
JSON = {"content-type": "application/json"}
Reply = tuple[int, Mapping[str, str], str]


class Refused(Exception):
    """A request that the document does not allow: the rule, and Nova's code and text."""

    def __init__(self, rule: str, code: str, text: str) -> None:
        super().__init__(rule, code, text)
        self.rule, self.code, self.text = rule, code, text


class Nova:
    """The Nova back office. Bets come by placedAt, in pages from 1."""

    name = "nova"
    amount_field = "stake"
    key_field = "betId"
    min_interval: float | None = 0.0
    rate_reply: Reply | None = (200, JSON, '{"ok": false, "error": "SLOW_DOWN", "text": "too many calls"}')
    busy_replies: Sequence[Reply] = ()
    empty_replies: Mapping[str, Reply] = {
        "list": (200, JSON, '{"ok": true, "total": 0, "bets": []}'),
        "object": (200, JSON, '{"ok": true, "total": 0, "bets": {}}'),
        "null": (200, JSON, '{"ok": true, "total": 0, "bets": null}'),
        "absent": (200, JSON, '{"ok": true, "total": 0}'),
    }

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._bets = Bets(setup)

    def handle(self, call: Any) -> Reply:
        """Answer a call."""
        try:
            query = _authentic(call)
            call.read("bets", query)
            return self._page(call, query)
        except Refused as refused:
            call.breach(refused.rule, refused.text)
            return 200, JSON, json.dumps({"ok": False, "error": refused.code, "text": refused.text})

    def _page(self, call: Any, query: Mapping[str, str]) -> Reply:
        start, end = (_number(query, name) * 1000 for name in ("from", "to"))
        number, size = (_number(query, name) for name in ("page", "size"))
        now = _ms(self._setup.now())
        if not 0 < end - start <= HOUR:
            raise Refused("span", "BAD_WINDOW", "at most an hour")
        if start < now - 45 * DAY:
            raise Refused("retention", "BAD_WINDOW", "older than 45 days")
        if not 1 <= size <= 200 or number < 1:
            raise Refused("page_size", "BAD_WINDOW", "at most 200 a page, pages from 1")
        until = end + 1 if self._setup.options["window"] == "[]" else end
        page = call.page(self._bets.select(start, until, now), size=size, number=number)
        return 200, JSON, f'{{"ok": true, {page.member()}"bets": [{page.joined}]}}'

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the bets of an interval."""
        if stream != "bets" or filters:
            raise ValueError(f"Nova has no {stream} with {filters}")
        return [bet.text for bet in self._bets.select(_ms(start), _ms(end), _ms(as_of))]

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Return nothing: no stream requires a filter."""
        return [{}]

    def connection(self, base_url: str) -> Mapping[str, Any]:
        """Return the demo account."""
        return {"host": base_url, "login": ACCOUNT, "password": KEY, "extra": {}}


def sign(params: Mapping[str, str], key: str) -> str:
    """HMAC-SHA256 over ``name=value``, sorted and joined by ``&``."""
    text = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _authentic(call: Any) -> dict[str, str]:
    """Return the parameters without the signature."""
    query = dict(call.query)
    given = query.pop("sign", "")
    if call.method != "GET" or call.path != "v1/bets":
        raise Refused("parameter", "NO_ENDPOINT", "no such endpoint")
    if query.get("account") != ACCOUNT:
        raise Refused("account", "NO_ACCOUNT", "no such account")
    if given != sign(query, KEY):
        raise Refused("signature", "BAD_SIGN", "the signature is wrong")
    _number(query, "time")
    return query


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if re.fullmatch(r"\d{1,11}", text) is None:
        raise Refused("parameter", "BAD_WINDOW", f"{name} must be a whole number")
    return int(text)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
