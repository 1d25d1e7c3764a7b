"""AIG's protocol: GET, sorted parameters signed with the key in front, offset paging (AIG document).

``transaction/latest`` and ``transaction/detail`` follow the vendor's public pages of those names
(doc.lucko.ai, transaction_latest and transaction_detail); whether they include their start, and their limits, are our interpretation.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_betproviders.simulator.aig.bets import AigBets
from airflow_betproviders.simulator.contract.call import Reply, empty_replies, json_reply
from airflow_betproviders.simulator.contract.clock import wall_ms
from airflow_betproviders.simulator.contract.vendor import Setup
from airflow_betproviders.simulator.vendor.base import (
    Account,
    Call,
    Inquiry,
    ListPage,
    Refusal,
    RefusingVendor,
    VendorPage,
    make_bet_history,
)
from airflow_betproviders.simulator.vendor.bet_history import DAY, MINUTE, Row

RETENTION = 90 * DAY
STREAMS = {
    "api/game/transaction/query": "transactions",
    "api/game/transaction/latest": "latest",
    "api/game/transaction/detail": "transaction_detail",
}
OPTIONS = {
    "open_settle_time": ("zero", "absent"),  # settle_time of a bet that is not settled
    "latest_start": ("inclusive", "exclusive"),  # whether `latest` includes rows of last_time itself
    "time_unit": ("ms", "s", "us"),  # the unit of all times in records
    "shift_hours": 0,  # windows are answered as if requested so many hours later
}
TIMES = re.compile(r'"((?:bet|settle|create|update)_time)":(\d+?)(\d{3})\b')
NOT_IN_LATEST = re.compile(r'"valid_bet_turnover":"[^"]*",|"win_detail":\{[^}]*\},')


def sign(params: Mapping[str, str], key: str) -> str:
    """Return the vendor's signature: md5 of the key and the sorted, non-empty, raw parameters, joined by ``&``."""
    parts = [f"{name}={value}" for name, value in sorted(params.items()) if value != "" and name != "sign"]
    return hashlib.md5("&".join([key, *parts]).encode()).hexdigest()


class Aig(RefusingVendor):
    """The AIG back office. Rows are filtered and ordered by ``update_time``, which moves."""

    name = "aig"
    amount_field = "bet_amount"
    key_field = "id"
    account = Account(login="agent001", key="demo-aig-key-0001")
    min_interval = 5.0
    empty_replies: ClassVar[Mapping[str, Reply]] = empty_replies('{"code":200,"message":"ok"', "data")
    rate_reply: ClassVar[Reply | None] = json_reply('{"code":408004,"message":"API Frequency Limit","data":null}')

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._bets = make_bet_history(setup, AigBets(zero=setup.options["open_settle_time"] == "zero"))

    def refuse(self, refusal: Refusal) -> str:
        """Return code and message, and no data."""
        return json.dumps({"code": int(refusal.code), "message": refusal.text, "data": None})

    def open(self, call: Call) -> Inquiry:
        """Check merchant, sign and timestamp."""
        stream = STREAMS.get(call.path)
        if stream is None or call.method != "GET":
            raise Refusal("parameter", "408000", "Request Parameter Error")
        query = call.query
        agent, timestamp = query.get("agent_id", ""), _number(query, "timestamp")
        if agent != self.account.login:
            raise Refusal("account", "700101", "Merchant Does Not Exist")
        if query.get("sign", "").lower() != sign(query, self.account.key):
            raise Refusal("signature", "600100", "Invalid Signature")
        if abs(wall_ms() - timestamp) > 10 * MINUTE:
            # No own code for a stale timestamp is documented.
            raise Refusal("stale_timestamp", "600100", "Invalid Signature")
        return Inquiry(stream, query)

    def answer(self, inquiry: Inquiry) -> ListPage | str:
        """Return a page of a window, the latest rows, or one row."""
        if inquiry.stream == "transactions":
            return self._query(inquiry.params)
        if inquiry.stream == "latest":
            return self._latest(inquiry.params)
        return _success(self._detail(inquiry.params))

    def _query(self, query: Mapping[str, str]) -> ListPage:
        start, end = _number(query, "start_time"), _number(query, "end_time")
        index, size = _number(query, "start_index"), _number(query, "page_size")
        if not 1 <= size <= 5000:
            raise Refusal("page_size", "600101", "Invalid Parameter")
        if start >= end:
            raise Refusal("parameter", "700401", "Query Time Error")
        if end - start >= DAY:
            raise Refusal("span", "700401", "Query Time Error")
        if start < self.now_ms - RETENTION:
            raise Refusal("retention", "700401", "Query Time Error")
        rows = self._in_unit(self._bets.select("order", *self.shifted(start, end), self.now_ms))

        def envelope(given: VendorPage) -> str:
            # The document's Roulette sample leaves out all three.
            counted = given.total is not None
            head = f'"start_index":{index},"page_size":{given.size},{given.member()}' if counted else ""
            return _success(f'{{{head}"transactions":[{given.joined}]}}')

        return ListPage(rows, envelope, size, offset=index)

    def _latest(self, query: Mapping[str, str]) -> ListPage:
        now = self.now_ms
        last = _number(query, "last_time")
        if last < now - RETENTION:
            raise Refusal("retention", "700401", "Query Time Error")
        start = last + (self._options["latest_start"] == "exclusive")
        return ListPage(
            self._in_unit(self._since(start, now, now)), lambda given: _success(f'{{"transactions":[{given.joined}]}}')
        )

    def _in_unit(self, rows: list[Row]) -> list[Row]:
        """Return the rows with their times in the unit of the option."""
        unit = self._options["time_unit"]
        if unit == "ms":
            return rows
        change = r'"\1":\2' if unit == "s" else r'"\1":\2\g<3>000'
        return [Row(row.key, row.clocks, row.visible_from, TIMES.sub(change, row.text), row.facts) for row in rows]

    def _since(self, last: int, until: int, now: int, most: int = 1000) -> list[Row]:
        """Return up to 1000 rows from ``last_time``, inclusive, by update time, without the fields that the page lacks."""
        rows: list[Row] = []
        at = last
        while at < until and len(rows) < most:
            rows += self._bets.select("order", at, min(until, at + 30 * MINUTE), now)
            at += 30 * MINUTE
        return [
            Row(row.key, row.clocks, row.visible_from, NOT_IN_LATEST.sub("", row.text), row.facts)
            for row in rows[:most]
        ]

    def _detail(self, query: Mapping[str, str]) -> str:
        wanted = query.get("txn_id", "")
        if re.fullmatch("[0-9a-f]{24}", wanted) is None:
            raise Refusal("parameter", "600101", "Invalid Parameter")
        placed = int(wanted[:8], 16) * 1000
        for start in range(placed, min(placed + 6 * 60 * MINUTE, self.now_ms), 30 * MINUTE):
            for row in self._bets.select("order", start, start + 30 * MINUTE, self.now_ms):
                if row.key == wanted:
                    return row.text
        raise Refusal("parameter", "600101", "Invalid Parameter")

    def rows(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Return the orders by update_time; there are no filters."""
        if filters:
            raise ValueError("AIG has no filters")
        if stream == "latest":
            return [row.text for row in self._since(start, end, now, most=1 << 40)]
        return [row.text for row in self._bets.select("order", start, end, now)]


def _success(data: str) -> str:
    return f'{{"code":200,"message":"success","data":{data}}}'


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if re.fullmatch(r"\d{1,15}", text) is None:
        raise Refusal("parameter", "408000", "Request Parameter Error")
    return int(text)
