"""Quill's protocol: JSON, an md5 over a nonce in the headers, wall time at +08:00 (document: 2.1 and 2.2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_quill.simulator.orders import CURRENCIES, DAY, EAST_8, HOUR, MINUTE, TIME, Orders, Version, to_ms
from airflow_provider_quill.simulator.quota import Quota

OPTIONS: Mapping[str, Any] = {
    "window": ("[]", "[)", "(]"),  # which ends a window holds
    "calls_an_hour": 5,
    "spacing": 60.0,  # seconds between two requests that don't turn a page
    "page_spacing": 0.0,
    "pages_count": (True, False),  # whether pages count in the quota
    "quota_hour": ("sliding", "clock"),
    "void_amounts": ("kept", "zero"),  # betAmount of cancelled and withdrawn orders
    "error_status": (200, 400),  # HTTP status of errors
}
MERCHANT, SECRET = "zz1", "demoSecretKey0001"
LONGEST, RETENTION, LATEST, MOST = 6 * HOUR, 15 * DAY, 10 * MINUTE, 2000
STREAMS = {"records/history": "history", "records/latest": "latest", "records/orders": "orders"}
JSON = {"content-type": "application/json"}
Reply = tuple[int, Mapping[str, str], str]


class Refused(Exception):
    """A request that the document does not allow: the rule, and Quill's code and message."""

    def __init__(self, rule: str, code: int, text: str) -> None:
        super().__init__(rule, code, text)
        self.rule, self.code, self.text = rule, code, text


def _answer(code: int, text: str, data: str = "null", status: int = 200) -> Reply:
    return status, JSON, f'{{"code":{code},"msg":{json.dumps(text)},"data":{data}}}'


class Quill:
    """Quill's API. Orders come by their last update, in pages over a column that moves."""

    name = "quill"
    amount_field = "betAmount"
    key_field = "gameOrderId"
    min_interval: float | None = None
    rate_reply: Reply | None = _answer(10009, "called too often")
    busy_replies: Sequence[Reply] = (_answer(10001, "request failed"),)
    empty_replies: Mapping[str, Reply] = {
        "list": _answer(10000, "request succeeded", "[]"),
        "object": _answer(10000, "request succeeded", "{}"),
        "null": _answer(10000, "request succeeded"),
        "absent": (200, JSON, '{"code":10000,"msg":"request succeeded"}'),
    }

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._options = options = setup.options
        self._orders = Orders(setup)
        self._nonces: set[str] = set()
        self._quotas = {
            "history": Quota(
                calls=options["calls_an_hour"],
                spacing=options["spacing"],
                page_spacing=options["page_spacing"],
                pages_count=options["pages_count"],
                by_clock=options["quota_hour"] == "clock",
            ),
            "latest": Quota(calls=60, spacing=60.0, pages_count=False),
            "orders": Quota(calls=60, spacing=60.0),
        }

    @property
    def _now(self) -> int:
        return to_ms(self._setup.now())

    def handle(self, call: Any) -> Reply:
        """Answer a call."""
        try:
            stream = self._authentic(call)
            body = _body(call)
            call.read(stream, body)
            self._count(stream, body)
            return self._page(call, stream, body)
        except Refused as refused:
            call.breach(refused.rule, refused.text)
            return _answer(refused.code, refused.text, status=self._options["error_status"])

    def _authentic(self, call: Any) -> str:
        stream = STREAMS.get(call.path)
        if stream is None or call.method != "POST":
            raise Refused("parameter", 10405, "no such endpoint")
        nonce = call.headers.get("random", "")
        if call.headers.get("sn") != MERCHANT or re.fullmatch("[a-z0-9]{16,32}", nonce) is None:
            raise Refused("account", 10404, "signature wrong")
        if call.headers.get("sign") != sign(nonce, MERCHANT, SECRET):
            raise Refused("signature", 10404, "signature wrong")
        if nonce in self._nonces:
            call.breach("random", f"random {nonce} was used before; it must be new for each call", forgiven=True)
        self._nonces.add(nonce)
        return stream

    def _count(self, stream: str, body: Mapping[str, Any]) -> None:
        turns_page = body.get("pageNo", "1") != "1"
        if self._setup.limits:
            broken = self._quotas[stream].broken_by(self._setup.now(), turns_page=turns_page)
            if broken is not None:
                raise Refused("rate", 10009, f"called too often: {broken}")

    def _page(self, call: Any, stream: str, body: Mapping[str, Any]) -> Reply:
        if stream == "orders":
            ids = set(str(body.get("orderIds") or "").split(",")) - {""}
            if not ids:
                raise Refused("parameter", 10405, "orderIds is missing")
            orders = self._orders.find(ids, self._now)
            return _answer(10000, "request succeeded", f'{{"list":[{",".join(version.text for version in orders)}]}}')
        if body.get("currency") not in CURRENCIES:
            raise Refused("parameter", 10405, "currency is missing or unknown")
        number, size = _number(body, "pageNo", "1"), _number(body, "pageSize", "200")
        if size > MOST:
            raise Refused("page_size", 10405, f"pageSize must not exceed {MOST}")
        rows = self._window(body) if stream == "history" else self._latest(body["currency"])
        page = call.page(rows, size=size, number=number)
        counts = f'{page.member()}"pageNo":{page.number},"pageSize":{page.size}'
        return _answer(10000, "request succeeded", f'{{{counts},"list":[{page.joined}]}}')

    def _window(self, body: Mapping[str, Any]) -> list[Version]:
        start, end = _time(body, "startTime"), _time(body, "endTime")
        if start > end:
            raise Refused("parameter", 10001, "startTime is after endTime")
        if end - start > LONGEST:
            raise Refused("span", 10001, "at most 6 hours")
        if start < self._now - RETENTION:
            raise Refused("retention", 10001, "older than 15 days")
        first, last = self._options["window"]  # whole seconds
        instants = (start + 1000 * (first == "("), end + 1000 * (last == "]"))
        return self._orders.select(body["currency"], *instants, self._now)

    def _latest(self, currency: str) -> list[Version]:
        """Return the newest ten minutes, the current one excluded."""
        end = self._now // MINUTE * MINUTE
        return self._orders.select(currency, end - LATEST, end, self._now)

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the newest version of each order of a currency, by its last update."""
        if stream not in {"history", "latest"} or set(filters) != {"currency"}:
            raise ValueError(f"Quill has no {stream} with {filters}; it wants a currency")
        rows = self._orders.select(filters["currency"], to_ms(start), to_ms(end), to_ms(as_of))
        return [row.text for row in rows]

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Return each currency; of ``orders`` some ids."""
        if stream != "orders":
            return [{"currency": currency} for currency in CURRENCIES]
        rows = self._orders.select(CURRENCIES[0], to_ms(start), to_ms(end), self._now)
        return [{"orderIds": ",".join(row.order.order_id for row in rows[:5])}]

    def connection(self, base_url: str) -> Mapping[str, Any]:
        """Return the demo merchant."""
        quota = {} if self._setup.limits else {"calls_an_hour": 0}
        return {"host": base_url, "login": MERCHANT, "password": SECRET, "extra": quota}


def sign(nonce: str, merchant: str, secret: str) -> str:
    """md5 of random, sn and the secret key, without a separator."""
    return hashlib.md5(f"{nonce}{merchant}{secret}".encode()).hexdigest()


def _body(call: Any) -> dict[str, Any]:
    if "json" not in call.headers.get("content-type", ""):
        raise Refused("parameter", 10405, "the content type must be application/json")
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("parameter", 10405, "the body must be a JSON object")
    return body


def _number(body: Mapping[str, Any], name: str, default: str) -> int:
    text = body.get(name, default)
    if not isinstance(text, str) or re.fullmatch("[1-9][0-9]{0,8}", text) is None:
        raise Refused("parameter", 10405, f"{name} must be the text of a number")
    return int(text)


def _time(body: Mapping[str, Any], name: str) -> int:
    try:
        return to_ms(datetime.strptime(body[name], TIME).replace(tzinfo=EAST_8))
    except (KeyError, TypeError, ValueError):
        raise Refused("parameter", 10405, f"{name} is missing or malformed") from None
