"""Decide which rounds, movements and payouts a minute has, and when the vendor shows each."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from airflow_betproviders.simulator.gmag.records import amendment, history, movements, payout
from airflow_betproviders.simulator.gmag.rounds import Round, make_round
from airflow_betproviders.simulator.vendor.bet_history import HOUR, MINUTE, Cohort, Row, supersede

LATE_MINUTES = {"corrected-25": 25, "corrected-240": 240}


class GmAgRounds:
    """Settled rounds; a few come again later with other wins and createdAt, but the same roundId and endTime."""

    cohorts: Sequence[Cohort] = (
        Cohort("prompt", 1.0, (0, 1)),
        *(Cohort(name, 0.5, (0, 1, late, late + 1)) for name, late in LATE_MINUTES.items()),
    )

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:
        """Return the rounds begun in a minute, their movements, and payouts."""
        rows: dict[str, list[Row]] = {"round": [], "movement": [], "payout": []}
        late = LATE_MINUTES.get(cohort.name, 0) * MINUTE
        for number in range(count):
            serial = (minute // MINUTE * 4 + ["prompt", *LATE_MINUTES].index(cohort.name)) * 20_000 + number
            on_the_hour = not late and number == 0 and minute % HOUR == 0
            game_round = make_round(minute, serial, rng, on_the_hour=on_the_hour)
            shown = game_round.ended + rng.randrange(5000, 290_000)
            first = Row(
                _key(game_round), (game_round.ended,), shown, partial(history, game_round, game_round.ended), game_round
            )
            rows["movement"] += movements(game_round)
            if late:
                created = game_round.ended + late
                extra = Decimal(rng.randrange(1, 90_000)) / 10_000
                again = game_round._replace(wins=game_round.wins + extra)
                second = Row(
                    _key(game_round), (game_round.ended,), created + 30_000, partial(history, again, created), again
                )
                rows["round"] += supersede([first, second])
                rows["movement"].append(amendment(game_round, created, extra))
            else:
                rows["round"].append(first)
            if on_the_hour or rng.random() < 0.02:
                rows["payout"].append(payout(game_round, serial))
        return rows


def _key(game_round: Round) -> str:
    return f"{game_round.brand}/{game_round.provider}/{game_round.player}/{game_round.round_id}"
