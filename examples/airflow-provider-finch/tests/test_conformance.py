"""Finch passes the suite of every provider. The expected values come from Finch's document."""

from decimal import Decimal

from airflow_betproviders.testing import Bet, provider_tests, wall_clock


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
