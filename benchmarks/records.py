"""Make bet records of the four providers, once, for the page server.

Every run has the same rows. Their times are random within the hours from `START` on; they are sorted by the column that the
provider's windows filter by.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

START = datetime(2026, 11, 18, tzinfo=timezone.utc)
PROVIDERS = ("gmag", "pv", "aig", "jdb")
FOLDER = Path(__file__).parent.parent / ".bench"
JDB_OFFSET = timedelta(hours=-4)
KEY = "0123456789abcdef"
_CHUNK = 20_000
_HEX = "0123456789abcdef"
_STAKES = (10, 20, 50, 100, 200, 500, 1000, 5000)
_CURRENCIES = ("CNY", "USD", "VND", "IDR", "THB", "BRL")
_VENDORS = ("pt", "pg", "pp", "jili", "evo", "ag", "mg", "fc")
_ITEMS = ("Banker", "Player", "Tie", "BankerPair", "PlayerPair", "Lucky6", "Big", "Small")


@dataclass(frozen=True)
class Records:
    """Rendered records: JSON objects joined by commas, where each begins, and its instant in ms."""

    body: Path
    offsets: Path
    instants: Path


def rendered(provider: str, rows: int, hours: int) -> Records:
    """Return the records of a provider; make them if no earlier run has."""
    stem = FOLDER / f"{provider}-{rows}-{hours}"
    records = Records(stem.with_suffix(".json"), stem.with_suffix(".offsets"), stem.with_suffix(".instants"))
    if not records.instants.exists():
        FOLDER.mkdir(exist_ok=True)
        _render(records, provider, rows, hours)
    return records


def _render(records: Records, provider: str, rows: int, hours: int) -> None:
    rng = random.Random(provider)
    start = int(START.timestamp() * 1000)
    instants = start + np.sort(np.random.default_rng(1).integers(0, hours * 3_600_000, rows))
    if provider in {"pv", "jdb"}:
        instants -= instants % 1000  # their clocks tick in seconds
    offsets = np.zeros(rows + 1, np.int64)
    with records.body.open("wb") as body:
        for first in range(0, rows, _CHUNK):
            chunk = instants[first : first + _CHUNK].tolist()
            texts = [_RENDER[provider](first + i, at, rng).encode() for i, at in enumerate(chunk)]
            ends = np.cumsum([len(text) + 1 for text in texts])
            offsets[first + 1 : first + 1 + len(texts)] = offsets[first] + ends
            body.write(b",".join(texts) + b",")
    offsets.tofile(records.offsets)
    instants.tofile(records.instants)


def _gmag(i: int, at: int, rng: random.Random) -> str:
    stake, game, bits = rng.choice(_STAKES), rng.randrange(800), rng.getrandbits(128)
    vendor = _VENDORS[game % 8]
    cells = (
        f'{{"playerId":"player{100_000 + bits % 200_000}","brandId":{1001 + bits % 5},"providerCode":"{vendor}",'
        f'"sessionId":"{bits:032x}","roundId":"{583_067_000_000 + 7 * i}","roundType":"normal","roundStatus":"end",'
        f'"gameCode":"g{100 + game}_{vendor}","currency":"{_CURRENCIES[bits % 6]}","platform":"mobile",'
        f'"bets":{stake}.{bits % 10}000,"wins":{_win(bits, stake)},"cancels":0.0000,"transIn":0.0000,"transOut":0.0000,'
        f'"balanceEnd":{bits % 99_999_999}.{bits % 10_000:04d},"bonusBalanceEnd":0.0000,"rake":{stake // 50}.0000,'
        f'"startTime":"{_utc(at - 150 - bits % 5000)}","endTime":"{_utc(at)}","createdAt":"{_utc(at + bits % 800)}",'
        f'"jpc":{stake // 200}.0500,"jpw":0.0000'
    )
    if bits % 50 == 0:
        cells += f',"jpDetails":[{{"id":"{123_000 + bits % 40}","contribution":0.{bits % 100_000:05d},"win":0.00000}}]'
    cells += f',"gameType":"{("slots", "live", "fish")[game % 3]}"'
    if bits % 2:
        cells += f',"detailUrl":"https://detail.{vendor}.example.com/gethistory?r={583_067_000_000 + 7 * i}&s={bits % 10**12:012d}"'
    return cells + "}"


def _pv(i: int, at: int, rng: random.Random) -> str:
    bits = rng.getrandbits(64)
    stake, before = rng.choice(_STAKES) * 1000, 1_000_000 + bits % 10**11
    gain = bits % 5_000_000 if bits % 4 == 0 else -stake
    return (
        f'{{"event_id":"{bits % 2**32:08x}-481e-11f0-a82e-{i:012x}","draw_id":"{1000 + bits % 800}-0-311-{at // 1000}-{i % 10}",'
        f'"game_id":{1000 + bits % 800},"user_id":{102_115_000_000 + bits % 200_000},"op_id":"op{bits % 7}",'
        f'"bet_amount":{stake},"gain_amount":{gain},"credit_before_bet":{before},"credit":{before + gain},'
        f'"start_at":{at // 1000},"end_at":{at // 1000 + bits % 6}}}'
    )


def _aig(i: int, at: int, rng: random.Random) -> str:
    bits, stake = rng.getrandbits(64), rng.choice(_STAKES)
    items = [_ITEMS[bits >> shift & 7] for shift in (0, 3, 6)][: 1 + bits % 3]
    staked = {item: stake + n for n, item in enumerate(dict.fromkeys(items))}
    total, (won, wins) = sum(staked.values()), next(iter(staked.items()))
    win = f"{wins * 195 // 100}.{wins * 195 % 100:02d}" if bits & 1 else "0.00"
    return (
        f'{{"id":"{at:013d}{i:09d}","user_id":"user{bits % 200_000}","game_id":"baccarat","inst_id":"B{bits % 40:02d}",'
        f'"shoe_id":{bits % 90_000},"round_id":{bits % 80},"bet_time":{at - 20_000},"settle_time":{at},'
        f'"bet_amount":"{total}","real_bet_amount":"{total}","valid_bet_turnover":"{total}","win_amount":"{win}",'
        f'"real_win_amount":"{win}","currency":"{_CURRENCIES[bits % 6]}",'
        f'"bet_detail":{{{",".join(f"{chr(34)}{item}{chr(34)}:{amount}" for item, amount in staked.items())}}},'
        f'"win_detail":{{"{won}":"{win}"}},"no_comm":{"true" if bits & 2 else "false"},'
        f'"game_result":["{_ITEMS[bits % 3]}","Big"],"open_cards":{{"banker":"S{bits % 9},H{bits % 7}","player":"D2,CK"}},'
        f'"create_time":{at - 20_000},"update_time":{at},"status":2}}'
    )


def _jdb(i: int, at: int, rng: random.Random) -> str:
    bits, stake = rng.getrandbits(64), rng.choice(_STAKES)
    kind = _JDB_LAYOUTS[bits % len(_JDB_LAYOUTS)]
    win, before = stake * (bits % 3), bits % 10**8
    local = (START + timedelta(milliseconds=at - int(START.timestamp() * 1000)) + JDB_OFFSET).strftime(
        "%d-%m-%Y %H:%M:%S"
    )
    cells = (
        f'"playerId":"player{bits % 200_000}","mtype":{8000 + bits % 300},"gameDate":"{local}","bet":-{stake}.{bits % 10},'
        f'"win":{win},"total":{win - stake}.0,"currency":"{_CURRENCIES[bits % 6]}","lastModifyTime":"{local}",'
    )
    address = f'"playerIp":"10.{bits % 200}.{bits % 251}.7","clientType":"WEB",'
    texts = f'"beforeBalance":"{before}.55","afterBalance":"{before + win - stake}.55"'
    numbers = f'"beforeBalance":{before}.55,"afterBalance":{before + win - stake}.55'
    return (
        "{"
        + kind(f'"historyId":"{8_000_000_000 + i}",', cells, address, texts, numbers)
        + f',"transferId":{10**12 + i}}}'
    )


# Slots, fish, arcade, lottery, cards, hot road, crash and the rest: eight layouts in one list.
_JDB_LAYOUTS: tuple[Callable[[str, str, str, str, str], str], ...] = (
    lambda id_, cells, ip, texts, _: (
        f'{id_}"gType":0,{cells}"jackpot":0,"jackpotContribute":-0.012,"denom":0.01,{ip}"hasFreegame":1,"systemTakeWin":0,{texts}'
    ),
    lambda id_, cells, ip, _, numbers: f'{id_}"gType":7,{cells}"denom":0.01,"roomType":1,{ip}{numbers}',
    lambda id_, cells, ip, texts, _: (
        f'{id_}"gType":9,{cells}"gambleBet":0,"denom":0.01,{ip}"hasBonusGame":0,"hasGamble":0,{texts}'
    ),
    lambda id_, cells, ip, texts, _: f'{id_}"gType":12,{cells}"denom":0.01,{ip}"hasBonusGame":0,{texts}',
    lambda id_, cells, ip, texts, _: f'{id_}"roundSeqNo":730412,"gType":18,{cells}"tax":-0.5,"validBet":10,{ip}{texts}',
    lambda id_, cells, _ip, texts, _: (
        f'{id_}"gameRoundSeqNo":"RND-55","gType":41,{cells}"validBet":10,"commission":0.05,{texts}'
    ),
    lambda id_, cells, ip, texts, _: f'{id_}"gType":22,{cells}"roundSeqNo":"9917",{ip}{texts}',
    lambda id_, cells, _ip, texts, _: f'{id_}"gType":50,{cells}{texts}',
)


def _win(bits: int, stake: int) -> str:
    return "0.0000" if bits % 4 else f"{stake * (bits % 90) // 10}.{bits % 10_000:04d}"


def _utc(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}"


def _second(seconds: int, cache: dict[int, str] = {}) -> str:  # noqa: B006 - a small memory of the last seconds
    if seconds not in cache:
        if len(cache) > 10_000:
            cache.clear()
        cache[seconds] = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return cache[seconds]


_RENDER = {"gmag": _gmag, "pv": _pv, "aig": _aig, "jdb": _jdb}
