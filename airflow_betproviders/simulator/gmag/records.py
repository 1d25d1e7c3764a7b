"""Write GM-Ag's records as the vendor does: rounds, the money movements inside them, and promotion payouts.

Game history follows the given GM-Ag document. The layouts of ``gameTrans`` and ``extraTrans`` follow the vendor's public
pages GameTrans (922190035) and ExtraTrans (1504641032) of its Confluence space.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from airflow_betproviders.simulator.contract.clock import text_of
from airflow_betproviders.simulator.gmag.rounds import Round
from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import Row


class Movement(NamedTuple):
    """The members of a money movement that filters need, inside a round or as a promotion payout."""

    brand: int
    player: str
    provider: str
    game: str
    currency: str
    round_id: str


def history(game_round: Round, created: int) -> str:
    """Return a record of history/game, some of them without the fields that the document calls optional."""
    random_bits = game_round.random_bits
    optional = {
        "platform": f'"{("web", "mobile", "download")[random_bits % 3]}"' if random_bits & 12 else None,
        "transIn": _money(game_round.trans_in) if random_bits & 16 or game_round.trans_in else None,
        "transOut": _money(game_round.trans_out) if random_bits & 16 or game_round.trans_in else None,
        "rake": _money(game_round.rake) if game_round.rake or random_bits & 32 else None,
        "jpc": _money(game_round.jpc) if game_round.game_type == "slots" else None,
        "jpw": _money(game_round.jpw) if game_round.game_type == "slots" else None,
        "jpDetails": f'[{{"id":"0012{random_bits}","contribution":0.12345,"win":{_money(game_round.jpw)}}}]'
        if game_round.jpw
        else None,
        "additionalData": quote("table=7;备注=😀") if random_bits % 29 == 0 else None,
        "detailUrl": f'"https://detail.example.com/round/{game_round.round_id}"' if random_bits & 192 else None,
    }
    return (
        f'{{"playerId":{quote(game_round.player)},"brandId":{game_round.brand},"providerCode":"{game_round.provider}",'
        f'"sessionId":"{_session(game_round)}","roundId":"{game_round.round_id}","roundType":"{_round_type(game_round)}",'
        f'"roundStatus":"end","gameCode":"{game_round.game}","currency":"{game_round.currency}","bets":{_money(game_round.bets)},'
        f'"wins":{_money(game_round.wins)},"cancels":{_money(game_round.cancels)},"balanceEnd":{_money(game_round.after)},'
        f'"bonusBalanceEnd":0.0000,"startTime":"{_millis(game_round.started)}","endTime":"{_millis(game_round.ended)}",'
        f'"createdAt":"{_millis(created)}",{_joined(optional)}"gameType":"{game_round.game_type}"}}'
    )


def movements(game_round: Round) -> list[Row]:
    """Return the bet and its outcome: gameTrans amounts are positive, transType gives the direction."""
    rows: list[Row] = []
    balance = game_round.before
    steps = (
        ("transIn", game_round.started, game_round.trans_in, -1),
        ("bet", game_round.started, game_round.bets, -1),
        ("win", game_round.ended, game_round.wins, 1),
        ("cancel", game_round.ended, game_round.cancels, 1),
        ("transOut", game_round.ended, game_round.trans_out, 1),
    )
    for number, (kind, at, amount, sign) in enumerate(steps):
        if amount:
            rows.append(_movement(game_round, kind, number, at, amount, balance, balance + sign * amount))
            balance += sign * amount
    return rows


def amendment(game_round: Round, created: int, extra: Decimal) -> Row:
    """Return the movement of a correction that raises the round's wins after its end."""
    return _movement(game_round, "amend", 9, created, extra, game_round.after, game_round.after + extra)


def _movement(
    game_round: Round, kind: str, number: int, at: int, amount: Decimal, before: Decimal, after: Decimal
) -> Row:
    trans_id = f"{game_round.provider}{game_round.round_id}{number}"
    facts = Movement(
        game_round.brand,
        game_round.player,
        game_round.provider,
        game_round.game,
        game_round.currency,
        game_round.round_id,
    )
    text = partial(_movement_text, game_round, kind, trans_id, at, amount, before, after)
    return Row(f"{game_round.provider}/{trans_id}", (at,), at + 5000 + game_round.random_bits, text, facts)


def _movement_text(
    game_round: Round, kind: str, trans_id: str, at: int, amount: Decimal, before: Decimal, after: Decimal
) -> str:
    optional = {
        "referenceId": f'"{game_round.provider}{game_round.round_id}1"' if kind == "cancel" else None,
        "validBet": _money(game_round.trans_in) if kind == "transOut" else None,
        "validWin": _money(game_round.trans_out) if kind == "transOut" else None,
        "jpc": _money(game_round.jpc) if kind == "bet" else None,
        "jpw": _money(game_round.jpw) if kind == "win" and game_round.jpw else None,
        "rake": _money(game_round.rake) if kind == "win" else None,
        "description": quote("结算 😀") if game_round.random_bits % 31 == 0 else None,
    }
    return (
        f'{{"transId":"{trans_id}","sessionId":"{_session(game_round)}","playerId":{quote(game_round.player)},'
        f'"currency":"{game_round.currency}","providerCode":"{game_round.provider}","brandId":{game_round.brand},'
        f'"gameCode":"{game_round.game}","roundId":"{game_round.round_id}","roundType":"{_round_type(game_round)}",'
        f'"roundStatus":"{"active" if kind in ("bet", "transIn") else "end"}","transType":"{kind}",'
        f'"transTime":"{_at(at)}","createdAt":"{_millis(at)}","amount":{_money(amount)},'
        f'"balanceBefore":{_money(before)},"balanceAfter":{_money(after)},"platform":"web",'
        f'"bonusBalanceEnd":0.0000,{_joined(optional)}"gameType":"{game_round.game_type}"}}'
    )


def payout(game_round: Round, serial: int) -> Row:
    """Return a record of history/extraTrans: a promotion or tournament payout."""
    amount = Decimal(serial % 97) / 100
    at = game_round.started
    described = f',"description":{quote("锦标赛 🏆")}' if serial % 3 == 0 else ""
    text = (
        f'{{"transId":"x{serial}","playerId":{quote(game_round.player)},"providerCode":"{game_round.provider}",'
        f'"brandId":{game_round.brand},"transTime":"{_at(at)}","amount":{_money(amount)},"currency":"{game_round.currency}",'
        f'"balanceBefore":{_money(game_round.before)},"balanceAfter":{_money(game_round.before + amount)},'
        f'"referenceId":"{10000 + serial % 50}","referenceName":"{10000 + serial % 50}"{described}}}'
    )
    facts = Movement(game_round.brand, game_round.player, game_round.provider, "", game_round.currency, "")
    return Row(f"{game_round.provider}/x{serial}", (at,), at + 5000 + game_round.random_bits, text, facts)


def _joined(optional: Mapping[str, str | None]) -> str:
    return "".join(f'"{name}":{text},' for name, text in optional.items() if text is not None)


def _session(game_round: Round) -> str:
    return f"{game_round.random_bits:08x}{game_round.started:024x}"


def _round_type(game_round: Round) -> str:
    return ("freegame", "bonusgame")[game_round.random_bits % 2] if game_round.random_bits % 17 == 0 else "normal"


def _money(amount: Decimal) -> str:
    return f"{amount:.4f}"


def _millis(ms: int) -> str:
    return f"{text_of(ms, '%Y-%m-%d %H:%M:%S', timezone.utc)}.{ms % 1000:03d}"


def _at(ms: int) -> str:
    """Return a transTime: it may lack milliseconds, as one of the vendor's samples does."""
    return _millis(ms) if ms % 1000 else text_of(ms, "%Y-%m-%d %H:%M:%S", timezone.utc)
