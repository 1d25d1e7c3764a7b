"""Stand-ins for the four vendors, as their documents describe them. A test gives the bets and changes one behaviour."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.slots import Extraction, Stored
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from tests.sample_answers import AIG, GMAG, JDB, PV

FIVE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SLOT = Interval(FIVE, FIVE + HOUR)
JDB_ZONE = timezone(timedelta(hours=-4))
HALF_OPEN = "[)"

Document = Any
Spoil = Callable[[int, Interval | None, Mapping[str, Any], Document], Document | bytes]
INCLUDES: dict[str, Callable[[datetime, datetime, datetime], bool]] = {
    "[)": lambda start, at, end: start <= at < end,
    "[]": lambda start, at, end: start <= at <= end,
    "(]": lambda start, at, end: start < at <= end,
}


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def spread(count: int, interval: Interval = SLOT, step: timedelta = timedelta(seconds=1)) -> list[datetime]:
    """Return ``count`` times, spread evenly over an interval, each a whole number of steps after its start."""
    return [interval.start + step * (i * (interval.width // step) // count) for i in range(count)]


@dataclass
class Vendor:
    """Answer a hook's calls in place of the vendor.

    Attributes:
        hook: the hook; its ``request`` is replaced.
        name: the stream's name.
        bets: the time of each bet, in the column that windows filter. A bet's id is its index in the list.
        cap: the most rows of an answer, whatever the request says; None for no cap.
        ends: which ends a window includes, a key of `INCLUDES`.
        order: sort key of the rows in an answer, given a bet's index; by time if None.
        spoil: changes an answer. It gets the number of the call (from 1), the window, the parameters and the answer.
        patch: members that replace those of a record, given a bet's index.
        asked: window and parameters of each call so far.
    """

    hook: BetProviderHook
    name: str
    bets: list[datetime]
    cap: int | None = None
    ends: str = HALF_OPEN
    order: Callable[[int], Any] | None = None
    spoil: Spoil | None = None
    patch: Callable[[int], dict[str, Any]] = lambda i: {}
    asked: list[tuple[Interval | None, dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _sorted: tuple[list[datetime], list[int], list[datetime]] = field(default=([], [], []), repr=False, compare=False)

    def __post_init__(self) -> None:
        self.hook.request = self  # type: ignore[method-assign,assignment]
        self.stream = self.hook.stream(self.name)

    def store(self, folder: Path, *slots: Interval, archive: bool = False, **filters: Any) -> Stored:
        stream = self.stream
        lake = Lake(fsspec.filesystem("file"), str(folder), stream.provider, stream.name, self.hook.account, filters)
        return Extraction(self.hook, stream, filters, archive=archive).store(slots or (SLOT,), lake)

    def ids(self, stored: Stored) -> list[str]:
        """Return the ids of the stored rows, in the order of the files."""
        key = self.stream.key[-1]
        return [value for path in stored.paths.values() for value in pq.read_table(path)[key].to_pylist()]

    def __call__(self, stream: Stream, window: Interval | None, params: Mapping[str, Any], *rest: Any) -> bytes:
        with self.lock:  # several threads call, and each call has a number of its own
            self.asked.append((window, dict(params)))
            number = len(self.asked)
        answer = self.answer(window, params)
        if self.spoil:
            answer = self.spoil(number, window, params, answer)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def answer(self, window: Interval | None, params: Mapping[str, Any]) -> Document:
        """Return what the vendor answers before it is spoilt."""
        answer: Document = getattr(self, f"_{self.stream.provider}_{self.name}")(window, params)
        return answer

    def _found(self, window: Interval) -> list[int]:
        """Return the bets that a window includes, in the order of an answer."""
        bets, ids, times = self._sorted
        if bets != self.bets:  # the first call, or the test has changed them
            ids = sorted(range(len(self.bets)), key=self.bets.__getitem__)
            times = [self.bets[i] for i in ids]
            self._sorted = ([*self.bets], ids, times)
        near = ids[bisect_left(times, window.start) : bisect_right(times, window.end)]
        holds = INCLUDES[self.ends]
        found = [i for i in near if holds(window.start, self.bets[i], window.end)]
        return sorted(sorted(found), key=self.order) if self.order else found

    def _page(self, found: list[int], first: int, size: int) -> list[int]:
        return found[first : first + min(size, self.cap or size)]

    def _pv(self, i: int) -> dict[str, Any]:
        seconds = int(self.bets[i].timestamp())
        return {**PV, "event_id": f"{i}", "start_at": seconds, "end_at": seconds, **self.patch(i)}

    def _pv_history(self, window: Interval, params: Mapping[str, Any]) -> Document:
        found, size = self._found(window), min(params["page_size"], self.cap or params["page_size"])
        items = self._page(found, (params["page"] - 1) * size, size)
        data = {"items": [*map(self._pv, items)], "total": len(found), "page": params["page"], "page_size": size}
        return {"code": 200, "msg": "success", "data": data}

    def _pv_games_game_history(self, window: Interval, params: Mapping[str, Any]) -> Document:
        found = self._page(self._found(window), 0, params["limit"])
        return {"code": 200, "msg": "", "data": [*map(self._pv, found)]}

    def _pv_games_game_stage_summary(self, window: Interval, params: Mapping[str, Any]) -> Document:
        return {"code": 200, "msg": "", "data": {"bet_amount": 7, "gain_amount": 1, "user_count": 1, "bet_count": 2}}

    def _pv_stage_summary(self, window: Interval, params: Mapping[str, Any]) -> Document:
        amounts = {"bet_count": 2, "bet_amount": 7, "gain_amount": 1, "company_gain_amount": -1}
        days = [{"date": f"{window.end - HOUR:%Y-%m-%d}", **amounts}]
        return {"code": 200, "msg": "", "data": {"day_list": days, "summary": amounts}}

    def _jdb_daily_by_game_type(self, window: Interval, params: Mapping[str, Any]) -> Document:
        games = [{"gType": f"{number}", "count": number + 1, "bet": -1, "win": 1} for number in range(3)]
        return {"status": "0000", "data": [{"gTypeSummary": games, "totalSummary": {"count": 6, "bet": -3, "win": 3}}]}

    def _aig(self, i: int) -> dict[str, Any]:
        return {**AIG, "id": f"{i}", "update_time": ms(self.bets[i]), **self.patch(i)}

    def _aig_transactions(self, window: Interval, params: Mapping[str, Any]) -> Document:
        found, size = self._found(window), int(params["page_size"])
        rows = [*map(self._aig, self._page(found, int(params["start_index"]), size))]
        data = {"start_index": 0, "page_size": min(size, self.cap or size), "total": len(found), "transactions": rows}
        return {"code": 200, "message": "ok", "data": data}

    def _aig_latest(self, window: Interval, params: Mapping[str, Any]) -> Document:
        later = Interval(datetime.fromtimestamp(int(params["last_time"]) / 1000, timezone.utc), FIVE + 99_999 * HOUR)
        rows = [*map(self._aig, self._page(self._found(later), 0, 1000))]
        return {"code": 200, "message": "ok", "data": {"transactions": rows}}

    def _jdb_transactions(self, window: Interval, params: Mapping[str, Any]) -> Document:
        found = self._page(self._found(window), 0, 10**9)
        return {"status": "0000", "err_text": "", "data": [*map(self._jdb, found)]}

    _jdb_recent_transactions = _jdb_transactions

    def _jdb(self, i: int) -> dict[str, Any]:
        at = self.bets[i].astimezone(JDB_ZONE).strftime("%d-%m-%Y %H:%M:%S")
        return {**JDB, "historyId": f"{i}", "gameDate": at, "lastModifyTime": at, **self.patch(i)}

    def _gmag_game_history(self, window: Interval, params: Mapping[str, Any]) -> Document:
        found, size = self._found(window), min(params["size"], self.cap or params["size"])
        rows = [*map(self._gmag, self._page(found, (params["page"] - 1) * size, size))]
        pages = -(-len(found) // size)
        paging = {"total": len(found), "current": params["page"], "size": size, "pages": pages}
        return {"requestId": "r", "error": "0", "message": "", **paging, "records": rows}

    def _gmag(self, i: int) -> dict[str, Any]:
        at = f"{self.bets[i]:%Y-%m-%d %H:%M:%S}.000"
        return {**GMAG, "roundId": f"{i}", "endTime": at, "createdAt": at, **self.patch(i)}
