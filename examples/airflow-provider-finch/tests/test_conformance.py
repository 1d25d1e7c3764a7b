"""Finch passes the suite of every provider. The expected values come from Finch's document."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
from airflow_provider_finch.bets import MAPPING
from airflow_provider_finch.streams import ROUNDS

from airflow_betproviders.bets_table.mapping import Origin, map_to_bets
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.testing import Bet, provider_tests, wall_clock

END = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)


def bet(record):
    stake, win = Decimal(record["bet"]), Decimal(record["win"])
    return Bet(record["playSessionID"], "void" if record["status"] == "V" else "settled", stake, win, win - stake)


TestFinch = provider_tests(
    "finch",
    times=wall_clock("%Y-%m-%d %H:%M:%S"),
    bet=bet,
    pii={"extPlayerID": "hash", "playerID": "drop"},
    signatures=["hash", "password", "login"],
)


def test_a_round_in_progress_has_no_payout_yet():
    row = {"playSessionID": 1, "bet": Decimal(5), "win": Decimal("2.5"), "status": "I", "endDate": END}
    raw = pa.Table.from_pylist([row], columns.schema(ROUNDS.fields))
    (mapped,) = map_to_bets(
        raw, MAPPING, Origin("a", "rounds", Interval(END, END + timedelta(hours=1)), END)
    ).to_pylist()
    assert (mapped["status"], mapped["stake"], mapped["payout"], mapped["net"]) == ("open", 5, None, None)
    assert mapped["settled_at"] is None
    assert '"win":2.5' in mapped["rest"]
