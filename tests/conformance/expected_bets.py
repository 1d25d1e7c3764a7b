"""The expected bet of each vendor record, from the vendors' documents: bet_id, status, stake, payout and net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Worth = tuple[str, Decimal, Decimal | None, Decimal | None]


def pv(r: Mapping[str, Any]) -> tuple[str, Worth]:
    bet, gain = Decimal(r["bet_amount"]) / 1000, Decimal(r["gain_amount"]) / 1000
    return r["event_id"], ("settled", bet, bet + gain, gain)


def aig(r: Mapping[str, Any]) -> tuple[str, Worth]:
    bet, win = Decimal(r["bet_amount"]), Decimal(r["win_amount"])
    match r["status"]:
        case 0:
            return r["id"], ("open", bet, None, None)
        case 1:
            return r["id"], ("settled", bet, win, win - bet)
        case 2:
            return r["id"], ("cancelled", bet, bet, Decimal(0))
    return r["id"], ("void", bet, bet, Decimal(0))


def jdb(r: Mapping[str, Any]) -> tuple[str, Worth]:
    stake = -Decimal(r["bet"]) - Decimal(r.get("gambleBet", 0))
    return f"{r['gType']}/{r['historyId']}", ("settled", stake, stake + Decimal(r["total"]), Decimal(r["total"]))


def gmag(r: Mapping[str, Any]) -> tuple[str, Worth]:
    bets, wins, cancels, into, out = (Decimal(r.get(n, 0)) for n in ("bets", "wins", "cancels", "transIn", "transOut"))
    status = "cancelled" if bets and cancels == bets and not wins else "settled"
    # Page GameReport: ggr = bets - wins - cancels. The optional transfers stand in for them in games of the transfer kind.
    stake, payout = (bets, wins + cancels) if bets or wins or cancels else (into, out)
    key = f"{r['brandId']}/{r['providerCode']}/{r['playerId']}/{r['roundId']}"
    return key, (status, stake, payout, payout - stake)


EXPECTED_BETS: dict[str, Callable[[Mapping[str, Any]], tuple[str, Worth]]] = {
    "pv": pv,
    "aig": aig,
    "jdb": jdb,
    "gmag": gmag,
}
