"""JDB's record layouts, one for each family of gType (JDB document, action 64)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from airflow_betproviders.simulator.vendor.base import quote

SLOT = (0, 66, 90)
FISH = (7, 67, 91)
ARCADE = (9, 92)
LOTTERY = (12,)
CARD = (18, 93)
HRG = (41,)
SPRIBE = (22,)
GENERIC = (30, 31, 32, 50, 55, 56, 70, 57, 75, 58, 59, 60, 80, 81, 101, 120, 130, 131, 132)
GTYPES = (*SLOT, *FISH, *ARCADE, *LOTTERY, *CARD, *HRG, *SPRIBE, *GENERIC)


class JdbBet(NamedTuple):
    """A JDB record; stakes, contributions and taxes are negative, amounts in currency units."""

    history_id: str
    player: str
    gtype: int
    mtype: int
    bet: Decimal
    gamble: Decimal
    win: Decimal
    tax: Decimal
    jackpot: Decimal
    contribution: Decimal
    commission: Decimal
    valid_bet: Decimal
    currency: str
    before: Decimal
    transfer: int
    round: str
    ip: str
    client: str
    flag: int

    @property
    def total(self) -> Decimal:
        """Net result: ``win + tax`` for cards, whose win is already net of the stake, else ``bet + gamble + win``."""
        return self.win + self.tax if self.gtype in CARD else self.bet + self.gamble + self.win


def record(bet: JdbBet, game_date: str, modified: str, *, doubled: bool) -> str:
    """Return the record as JSON, with exactly the fields of its family."""
    head = f'"historyId":{quote(bet.history_id)},'
    if bet.gtype in CARD:
        head += f'"roundSeqNo":{bet.round},'
    if bet.gtype in HRG:
        head += f'"gameRoundSeqNo":"RND-{bet.round}",'
    body = (
        f'{head}"playerId":{quote(bet.player)},"gType":{bet.gtype},"mtype":{bet.mtype},"gameDate":"{game_date}",'
        f"{_money(bet)},"
        f'"currency":"{bet.currency}","lastModifyTime":"{modified}",{_rest(bet)}{_balances(bet, doubled=doubled)}'
    )
    return f"{{{body}}}" if bet.gtype in HRG else f'{{{body},"transferId":{bet.transfer}}}'


def _money(bet: JdbBet) -> str:
    money: dict[str, Decimal] = {"bet": bet.bet}
    if bet.gtype in ARCADE:
        money["gambleBet"] = bet.gamble
    money["win"] = bet.win
    if bet.gtype in CARD:
        money["tax"] = bet.tax
    if bet.gtype in HRG:
        money |= {"validBet": bet.valid_bet, "commission": bet.commission}
    money["total"] = bet.total
    if bet.gtype in SLOT:
        money |= {"jackpot": bet.jackpot, "jackpotContribute": bet.contribution}
    if bet.gtype in (*SLOT, *FISH, *ARCADE, *LOTTERY):
        money["denom"] = Decimal("0.01")
    if bet.gtype in CARD:
        money["validBet"] = bet.valid_bet
    return ",".join(f'"{name}":{number(amount)}' for name, amount in money.items())


def _rest(bet: JdbBet) -> str:
    fields: dict[str, str] = {}
    if bet.gtype in FISH:
        fields["roomType"] = str(bet.flag * 2 - 1)
    if bet.gtype in (66, 67):
        fields["gameName"] = '""'
    if bet.gtype in SPRIBE:
        fields["roundSeqNo"] = f'"{bet.round}"'
    if bet.gtype not in (*GENERIC, *HRG):
        fields |= {"playerIp": f'"{bet.ip}"', "clientType": quote(bet.client)}
    if bet.gtype in SLOT:
        fields |= {"hasFreegame": str(bet.flag), "systemTakeWin": "0"}
    if bet.gtype in (*ARCADE, *LOTTERY):
        fields["hasBonusGame"] = str(bet.flag)
    if bet.gtype in ARCADE:
        fields["hasGamble"] = "1" if bet.gamble else "0"
    return "".join(f'"{name}":{text},' for name, text in fields.items())


def _balances(bet: JdbBet, *, doubled: bool) -> str:
    balances: Mapping[str, Decimal] = {"beforeBalance": bet.before, "afterBalance": bet.before + bet.total}
    as_numbers = ",".join(f'"{name}":{number(amount)}' for name, amount in balances.items())
    as_texts = ",".join(f'"{name}":"{number(amount)}"' for name, amount in balances.items())
    if bet.gtype == 67 and doubled:
        return f"{as_numbers},{as_texts}"
    return as_numbers if bet.gtype in FISH else as_texts


def number(amount: Decimal) -> str:
    """Return a JSON number with all its digits and no exponent."""
    return f"{amount.normalize():f}"
