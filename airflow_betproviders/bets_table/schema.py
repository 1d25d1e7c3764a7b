"""Define the columns of the bets table, the same for every provider.

What a provider does not report is null, never zero. The module ``bets`` of each provider says which field a column comes
from, which columns are null, and why. Amounts are in currency units of ``currency`` and have the sign that
the column's text gives. In every row ``net = payout - stake``; net is null exactly where payout or stake is null.
"""

from __future__ import annotations

import pyarrow as pa

from airflow_betproviders.declare.bet_expressions import column_type

MONEY = column_type("money")
INSTANT = column_type("instant")
PARTITIONS = ("provider", "bet_date")
KEY = ("account", "bet_id")

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "provider": (pa.string(), "Connection type, such as aig."),
    "bet_date": (pa.date32(), "UTC date of placed_at; where a record lacks it, of settled_at, updated_at or the slot."),
    "account": (pa.string(), "The account's login at the provider."),
    "bet_id": (
        pa.string(),
        "The bet's key within provider and account, as text; the same in every version of the bet.",
    ),
    "round_id": (pa.string(), "The game round; several bets may share one."),
    "player_id": (pa.string(), "The player's id at the provider, as the mapping of the provider says."),
    "game_id": (pa.string(), "The game, unique within the provider."),
    "game_type": (pa.string(), "The provider's own kind of game."),
    "currency": (pa.string(), "The provider's own code, house codes such as VND2 or RB included; never converted."),
    "stake": (MONEY, "The amount that the player bet. Positive."),
    "payout": (
        MONEY,
        "The amount that the player got back: winnings with the stake, less deductions. Positive; null while open, or if not reported.",
    ),
    "net": (MONEY, "The player's result: payout - stake. Negative when the player lost; null without payout."),
    "valid_stake": (MONEY, "The part of the stake that counts as turnover. Positive."),
    "jackpot_contribution": (MONEY, "The part of the stake that went into jackpots. Positive."),
    "jackpot_payout": (MONEY, "The part of payout that jackpots paid. Positive."),
    "fee": (MONEY, "The part of the winnings that was kept (tax, rake); payout and net are without it. Positive."),
    "balance_before": (MONEY, "The player's balance before the bet, as the provider sends it; for information."),
    "balance_after": (MONEY, "The player's balance after the bet, as the provider sends it; for information."),
    "placed_at": (INSTANT, "When the bet was placed or its round began."),
    "settled_at": (INSTANT, "When the result was known; null while open."),
    "updated_at": (INSTANT, "When the provider last changed the record: the greatest wins."),
    "status": (
        pa.string(),
        "open, settled, cancelled (taken back), void (made invalid); null: unknown to this version.",
    ),
    "missing_since": (
        INSTANT,
        "When the bet's slot was read again without the bet; null for a bet that the provider reports.",
    ),
    "stream": (pa.string(), "The stream that brought this version, with its filters as in the lake's folders."),
    "slot_start": (INSTANT, "The slot that brought this version: its start."),
    "slot_end": (INSTANT, "The slot that brought this version: its end."),
    "extracted_at": (INSTANT, "When the slot that brought this version was read, or rebuilt from its archive."),
    "rest": (pa.string(), "JSON object: every field of the record that no column above gives back exactly."),
}

SCHEMA = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
STORED = pa.schema([field for field in SCHEMA if field.name not in PARTITIONS])  # of a Parquet file under a partition
