"""Finch's protocol: GET with login and password in the query, CSV after a timepoint (document: 3.1 to 3.3)."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_finch.simulator.rounds import (
    COLUMNS,
    DATA_TYPES,
    DELAY,
    DOMAINS,
    MINUTE,
    OPTION_COLUMNS,
    Rounds,
    line_of,
    to_ms,
)

OPTIONS: Mapping[str, Any] = {
    "line": ("reach", "now"),  # what the first line says: how far the answer reaches, or the present
    "missing": ("null", "empty"),  # how a missing cell is written
    "newline": ("lf", "crlf"),
    "ids": ("global", "per_domain"),  # whether two domains may give one playSessionID to different rounds
    "spacing": 0.0,  # least seconds between two calls, over all domains; one integrator leaves 60.5
    "window_minutes": 10,  # how much an answer covers
}
LOGIN, PASSWORD = "demo_operator", "demoSecret01"
STREAMS = {"feeds/v3/rounds/finished/": "rounds", "feeds/v3/rounds/adjusted/": "adjusted"}
DETAILS = "addRoundDetails"
CSV, JSON = {"content-type": "text/csv"}, {"content-type": "application/json"}
Reply = tuple[int, Mapping[str, str], str]


class Refused(Exception):
    """A request that the document does not allow: the rule, HTTP status, and Finch's error and description."""

    def __init__(self, rule: str, status: int, code: str, text: str) -> None:
        super().__init__(rule, status, code, text)
        self.rule, self.status, self.code, self.text = rule, status, code, text


def _error(code: str, text: str, status: int = 200) -> Reply:
    return status, JSON, json.dumps({"error": code, "description": text})


class Finch:
    """Finch's feeds, of two domains; calls without a domain get the first one's."""

    name = "finch"
    amount_field = "bet"
    key_field = "playSessionID"
    min_interval: float | None = None
    rate_reply: Reply | None = None
    busy_replies: Sequence[Reply] = (
        _error("100", "Internal server error"),
        (200, {"content-type": "text/html"}, "<html><body>Maintenance</body></html>"),
        (200, CSV, "null"),
        (200, CSV, ""),
    )
    empty_replies: Mapping[str, Reply] = {}

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._options = setup.options
        self._rounds = Rounds(setup)
        self._last: datetime | None = None
        self._lock = threading.Lock()

    @property
    def _now(self) -> int:
        return to_ms(self._setup.now())

    @property
    def _length(self) -> int:
        return int(self._options["window_minutes"]) * MINUTE

    def handle(self, call: Any) -> Reply:
        """Answer a call."""
        domain, _, path = call.path.partition("/")
        if domain not in DOMAINS:
            domain, path = DOMAINS[0], call.path
        try:
            if path == "system/environments":
                return self._environments(call)
            return self._feed(call, domain, path)
        except Refused as refused:
            call.breach(refused.rule, refused.text)
            return _error(refused.code, refused.text, refused.status)

    def _environments(self, call: Any) -> Reply:
        query = dict(call.query)
        given = query.pop("hash", "")
        if query.get("secureLogin") != LOGIN or given != hash_of(query, PASSWORD):
            raise Refused("signature", 200, "5", "Invalid hash code")
        call.read("environments", query)
        base = call.url.partition("://")[2]
        # The vendor's own sample lists a domain twice.
        environments = [{"envName": name, "apiDomain": f"{base}/{name}"} for name in (*DOMAINS, DOMAINS[-1])]
        return 200, JSON, json.dumps({"error": "0", "description": "OK", "environments": environments})

    def _feed(self, call: Any, domain: str, path: str) -> Reply:
        stream = STREAMS.get(path)
        if stream is None or call.method != "GET":
            raise Refused("parameter", 404, "7", f"no such feed: {path}")
        query = dict(call.query)
        if (query.pop("login", None), query.pop("password", None)) != (LOGIN, PASSWORD):
            raise Refused("account", 401, "4", "Player authentication failed")
        call.read(stream, {**query, "domain": domain})
        self._wait()
        start = _timepoint(query)
        data_type = query.get("dataType", DATA_TYPES[0])
        if data_type not in DATA_TYPES:
            raise Refused("parameter", 200, "7", f"dataType {data_type}")
        columns = columns_of(query.get("options", ""))
        now = self._now
        reach = min(start + self._length, now - DELAY)
        select = self._rounds.finished if stream == "rounds" else self._rounds.adjusted
        rounds = select(domain, data_type, start, max(reach, start), now)
        missing = "null" if self._options["missing"] == "null" else ""
        page = call.page([line_of(game_round, columns, missing) for game_round in rounds], columns=columns)
        newline = "\n" if self._options["newline"] == "lf" else "\r\n"
        line = now if self._options["line"] == "now" else reach
        return 200, CSV, newline.join([f"timepoint={line}", ",".join(columns), *page.texts, ""])

    def _wait(self) -> None:
        """Keep calls apart, those of all domains together."""
        now, least = self._setup.now(), self._options["spacing"]
        with self._lock:
            if self._setup.limits and self._last is not None and (now - self._last).total_seconds() < least:
                raise Refused("rate", 429, "100", f"at least {least:g} s between two calls")
            self._last = now

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the rounds of a domain and dataType that ended, or were adjusted, in an interval; texts and nulls.

        Filters: ``domain`` (default ``eu``), ``dataType`` (default ``RNG``), ``options`` (default ``addRoundDetails``).
        """
        if stream not in STREAMS.values() or set(filters) - {"domain", "dataType", "options"}:
            raise ValueError(f"Finch has no {stream} with {filters}")
        columns = columns_of(filters.get("options", DETAILS))
        domain, data_type = filters.get("domain", DOMAINS[0]), filters.get("dataType", DATA_TYPES[0])
        select = self._rounds.finished if stream == "rounds" else self._rounds.adjusted
        rounds = select(domain, data_type, to_ms(start), to_ms(end), to_ms(as_of))
        return [json.dumps(game_round.cells(columns), ensure_ascii=False) for game_round in rounds]

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Return each dataType; adjustments are of live casino only."""
        return [{"dataType": each} for each in (DATA_TYPES if stream == "rounds" else ("LC",))]

    def connection(self, base_url: str) -> Mapping[str, Any]:
        """Return the demo operator."""
        return {"host": base_url, "login": LOGIN, "password": PASSWORD, "extra": {}}


def hash_of(params: Mapping[str, str], secret: str) -> str:
    """md5 of ``k=v`` sorted by name, joined by ``&``, then the secret."""
    text = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    return hashlib.md5(f"{text}{secret}".encode()).hexdigest()


def columns_of(options: str) -> tuple[str, ...]:
    """Return the columns of an answer: the base ones, and those that each option adds."""
    asked = [option for option in options.split(",") if option]
    if unknown := [option for option in asked if option not in OPTION_COLUMNS]:
        raise Refused("parameter", 200, "7", f"options {unknown[0]}")
    return (*COLUMNS, *(column for option in asked for column in OPTION_COLUMNS[option]))


def _timepoint(query: Mapping[str, str]) -> int:
    text = query.get("timepoint", "")
    if re.fullmatch(r"\d{13}", text) is None:
        raise Refused("parameter", 200, "7", "timepoint must be epoch milliseconds")
    return int(text)
