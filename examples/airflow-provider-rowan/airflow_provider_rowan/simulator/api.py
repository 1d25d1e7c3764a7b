"""Rowan's protocol: form bodies, three secrets, success where ``error`` is null (document: 1.1 to 1.5)."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_rowan.simulator.hands import DAY, FOREVER, HOUR, Hand, Hands, to_ms
from airflow_provider_rowan.simulator.signature import signature_error

OPTIONS: Mapping[str, Any] = {
    "signature": ("optional", "required"),  # of the headers
    "signed_host": ("name", "name_and_port"),  # whether the host in the signature carries its port
    "start": ("inclusive", "exclusive"),  # whether GetHistory gives rows of the asked row_version again
    "order": ("row_version", "shuffled"),  # of the rows in an answer
    "range": ("[]", "[)", "(]"),  # which ends a time range holds
    "too_old": ("clipped", "refused"),  # a row_version older than 60 days
    "crowd": 0,  # so many hands share one rowVersion, 31 minutes past every hour; more than count never end
    "summary": ("[)", "[]"),  # whether the hourly summary holds the hour that begins at to_time
}
TOKEN, SECRET, SALT = "demo-operator-01", "demo-secret-01", "demo-salt-01"
RETENTION = 60 * DAY
FEWEST, MOST = 1500, 5000
STREAMS = {
    "data/Bet/v4/GetHistory": "history",
    "data/Bet/v4/GetHistoryForSpecificTimeRange": "history_by_time",
    "data/Bet/v4/GetHandsSummaryHourly": "hourly_summary",
}
JSON = {"content-type": "application/json"}
Reply = tuple[int, Mapping[str, str], str]


class Refused(Exception):
    """A request that the document does not allow: the rule, and Rowan's code and message."""

    def __init__(self, rule: str, text: str, code: str = "1034") -> None:
        super().__init__(rule, text, code)
        self.rule, self.text, self.code = rule, text, code


def _failure(code: str, text: str, trace: str = "00000000-0000-4000-8000-000000000000") -> Reply:
    return 200, JSON, json.dumps({"data": None, "error": {"code": code, "message": text, "traceId": trace}})


class Rowan:
    """Rowan's data host."""

    name = "rowan"
    amount_field = "betAmount"
    key_field = "betId"
    min_interval: float | None = 0.0
    rate_reply: Reply | None = None
    busy_replies: Sequence[Reply] = tuple(
        _failure(code, "Operation failed") for code in ("1035", "1200", "1117", "1303", "3040")
    )
    empty_replies: Mapping[str, Reply] = {
        "list": (200, JSON, '{"data":[],"error":null}'),
        "object": (200, JSON, '{"data":{},"error":null}'),
        "null": (200, JSON, '{"data":null,"error":null}'),
        "absent": (200, JSON, '{"error":null}'),
    }

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._options = setup.options
        self._hands = Hands(setup)

    @property
    def _now(self) -> int:
        return to_ms(self._setup.now())

    def handle(self, call: Any) -> Reply:
        """Answer a call; failures come with HTTP 200 too."""
        try:
            stream, form = self._authentic(call)
            call.read(stream, form)
            if stream == "hourly_summary":
                rows = self._requested_summary(form)
                return 200, JSON, f'{{"data":[{",".join(rows)}],"error":null}}'
            count = _count(form)
            hands = self._by_version(form, count) if stream == "history" else self._by_time(form)
            page = call.page(hands, size=count)
            rows = list(page.texts)
            if self._options["order"] == "shuffled":
                random.Random(call.body).shuffle(rows)
            return 200, JSON, f'{{"data":[{",".join(rows)}],"error":null}}'
        except Refused as refused:
            call.breach(refused.rule, refused.text)
            return _failure(refused.code, refused.text, str(uuid.uuid4()))

    def _authentic(self, call: Any) -> tuple[str, dict[str, str]]:
        """Return the stream and the parameters without secrets."""
        stream = STREAMS.get(call.path)
        if stream is None or call.method != "POST":
            raise Refused("parameter", "no such endpoint")
        if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refused("parameter", "the body must be a form")
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
        if (form.pop("operator_token", None), form.pop("secret_key", None)) != (TOKEN, SECRET):
            raise Refused("account", "Invalid operator", "1204")
        if self._options["signature"] == "required" or "authorization" in call.headers:
            host = call.headers.get("host", "")
            if self._options["signed_host"] == "name":
                host = host.partition(":")[0]
            day = f"{datetime.now(timezone.utc):%Y%m%d}"  # a client signs by its own clock
            if (fault := signature_error(call.headers, call.body, host, day, TOKEN, SALT)) is not None:
                raise Refused("signature", f"Invalid request: {fault}")
        return stream, form

    def _by_version(self, form: Mapping[str, str], count: int) -> list[Hand]:
        """Return the first ``count`` hands from a version on. The request has no end, so hands are generated in parts."""
        asked = _number(form, "row_version")
        status = _number(form, "hands_status") if "hands_status" in form else 0
        if asked < 1 or status > 3:
            raise Refused("parameter", "Invalid request: row_version or hands_status")
        oldest = self._now - RETENTION
        if self._options["too_old"] == "refused" and 1 < asked < oldest:
            raise Refused("retention", "Invalid request: row_version is older than 60 days")
        start = asked + (self._options["start"] == "exclusive")
        found: list[Hand] = []
        at = max(start, oldest, to_ms(self._setup.begin))
        while at <= self._now and len(found) < count:
            hands = self._hands.by_version(at, at + HOUR, self._now)
            found += [hand for hand in hands if status in {0, hand.status}]
            at += HOUR
        return found

    def _by_time(self, form: Mapping[str, str]) -> list[Hand]:
        start, end = self._range(form)
        first, last = self._options["range"]
        return self._hands.by_end(start + (first == "("), end + (last == "]"), self._now)

    def _range(self, form: Mapping[str, str]) -> tuple[int, int]:
        start, end = _number(form, "from_time"), _number(form, "to_time")
        if start > end:
            raise Refused("parameter", "Invalid request: from_time is after to_time")
        if start < self._now - RETENTION:
            raise Refused("retention", "Invalid request: from_time is older than 60 days")
        return start, end

    def _requested_summary(self, form: Mapping[str, str]) -> list[str]:
        start, end = self._range(form)
        kinds = {int(value) for name, value in form.items() if re.fullmatch(r"transaction_types\[\d+\]", name)}
        return self._summary(start, end, {"currency": form.get("currency"), "transaction_types": kinds}, self._now)

    def _summary(self, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Sums by hour of betEndTime, currency and transactionType."""
        until = end - end % HOUR + HOUR if self._options["summary"] == "[]" else end
        sums: dict[tuple[int, str, int], list[Decimal]] = {}
        for hand in self._hands.by_end(start - start % HOUR, until, now):
            if filters.get("currency") not in {None, hand.currency}:
                continue
            if filters.get("transaction_types") and hand.transaction_type not in filters["transaction_types"]:
                continue
            hour = sums.setdefault((hand.ended // HOUR * HOUR, hand.currency, hand.transaction_type), [Decimal(0)] * 2)
            hour[0] += hand.stake
            hour[1] += hand.win
        return [
            f'{{"dateTime":{hour},"currency":"{currency}","transactionType":{kind},'
            f'"totalBetAmount":{bet:.2f},"totalWinAmount":{win:.2f}}}'
            for (hour, currency, kind), (bet, win) in sorted(sums.items())
        ]

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the newest version of each hand, by rowVersion or betEndTime; or the sums of each hour."""
        begin, until, now = to_ms(start), to_ms(end), to_ms(as_of)
        if stream == "hourly_summary":
            return self._summary(begin, until, filters, now)
        if stream not in STREAMS.values() or set(filters) - {"hands_status"}:
            raise ValueError(f"Rowan has no {stream} with {filters}")
        select = self._hands.by_version if stream == "history" else self._hands.by_end
        status = int(filters.get("hands_status", 0))
        return [hand.text for hand in select(begin, min(until, FOREVER), now) if status in {0, hand.status}]

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Return nothing: no stream requires a filter."""
        return [{}]

    def connection(self, base_url: str) -> Mapping[str, Any]:
        """Return the demo operator: token, secret key and salt."""
        signed_host = self._options["signed_host"].replace("_", "-")
        extra = {"salt_secret": SALT, "signed_host": signed_host}
        return {"host": f"{base_url}/data", "login": TOKEN, "password": SECRET, "extra": extra}


def _count(form: Mapping[str, str]) -> int:
    count = _number(form, "count")
    if not FEWEST <= count <= MOST:
        raise Refused("page_size", f"Invalid request: count must be {FEWEST} to {MOST}")
    if form.get("bet_type") != "1":
        raise Refused("parameter", "Invalid request: bet_type must be 1")
    return count


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if re.fullmatch(r"\d{1,16}", text) is None:
        raise Refused("parameter", f"Invalid request: {name}", "1034" if text else "3001")
    return int(text)
