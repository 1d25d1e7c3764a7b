"""Bets of PV and GM-Ag that change as the vendors' documents allow, for a table that is filled in any order."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from airflow_betproviders.declare.interval import Interval
from tests.bets_table.lakes import HOUR, MINUTE, at


class ChangingBets:
    """Bets that change. Each has one record, in the slot of its time; the time of extractions only goes on."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.times: dict[str, datetime] = {}
        self.now = at(12, 22)

    def tick(self) -> datetime:
        """Return the time of the next extraction."""
        self.now += MINUTE
        return self.now

    def answer(self, slot: Interval) -> list[dict[str, Any]]:
        """Return the records of a slot."""
        return [record for bet, record in self.records.items() if slot.start <= self.times[bet] < slot.end]

    def change(self, bet: str, slot: Interval, minute: int, moved: int, win: int, status: int) -> None:
        """Place the bet, or change it."""
        raise NotImplementedError

    def truth(self) -> dict[str, tuple[Any, ...]]:
        """Return status and payout of each bet."""
        raise NotImplementedError


class PvBets(ChangingBets):
    """Document 1.3: amounts in li, gain_amount is the net result. A bet keeps its start_at; a settled bet has end_at."""

    name = "pv"

    def change(self, bet: str, slot: Interval, minute: int, moved: int, win: int, status: int) -> None:
        """Place the bet, settle it, or correct its result with the same end_at or a later one."""
        known = self.records.get(bet)
        start = self.times.setdefault(bet, slot.start + minute * MINUTE)
        if known and known["end_at"]:
            end = known["end_at"] + 60 * (minute % 2)
        else:
            end = int((start + minute * MINUTE).timestamp()) if status else (0 if minute % 2 else None)
        self.records[bet] = {
            "event_id": bet, "draw_id": "d", "game_id": 1062, "user_id": 102115212044, "op_id": "", "bet_amount": 10_000,
            "gain_amount": (win - 10) * 1000, "credit_before_bet": 5, "credit": 6, "start_at": int(start.timestamp()), "end_at": end,
        }  # fmt: skip

    def truth(self) -> dict[str, tuple[Any, ...]]:
        """See `ChangingBets`."""
        return {
            bet: ("settled", 10 + Decimal(record["gain_amount"]) / 1000) if record["end_at"] else ("open", None)
            for bet, record in self.records.items()
        }


class GmAgBets(ChangingBets):
    """The document asks to replace a round that comes again, and does not say which of its times a correction changes."""

    name = "gmag"

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[str, datetime] = {}
        self._created: dict[str, datetime] = {}

    def change(self, bet: str, slot: Interval, minute: int, moved: int, win: int, status: int) -> None:
        """Settle the round, or correct it: with another end, a later createdAt, both or neither."""
        new = bet not in self.records
        if new or win % 2:
            self.times[bet] = slot.start + minute * MINUTE
            self._started[bet] = slot.start - timedelta(minutes=10) - moved * 24 * HOUR
        if new:
            self._created[bet] = self.times[bet]
        elif minute % 2:
            self._created[bet] += MINUTE
        wins, cancels = (0, 10) if status > 2 else (win, 0)
        self.records[bet] = {
            "playerId": "p1", "brandId": 1001, "providerCode": "pt", "sessionId": "s", "roundId": bet, "roundType": "normal",
            "roundStatus": "end", "gameCode": "g", "currency": "CNY", "bets": 10, "wins": wins, "cancels": cancels, "balanceEnd": 1,
            "bonusBalanceEnd": 0, "startTime": f"{self._started[bet]:%Y-%m-%d %H:%M:%S}", "gameType": "slots",
            "endTime": f"{self.times[bet]:%Y-%m-%d %H:%M:%S}", "createdAt": f"{self._created[bet]:%Y-%m-%d %H:%M:%S}",
        }  # fmt: skip

    def truth(self) -> dict[str, tuple[Any, ...]]:
        """See `ChangingBets`."""
        return {
            f"1001/pt/p1/{bet}": (
                "cancelled" if record["cancels"] else "settled",
                Decimal(record["wins"] + record["cancels"]),
            )
            for bet, record in self.records.items()
        }
