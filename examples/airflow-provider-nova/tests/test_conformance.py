"""Nova passes the suite of every provider. The expected values come from Nova's document."""

from decimal import Decimal

from airflow_betproviders.testing import Bet, provider_tests, wall_clock


def bet(record):
    stake, win = Decimal(record["stake"]), Decimal(record["win"])
    return Bet(record["betId"], "settled", stake, win, win - stake)


TestNova = provider_tests(
    "nova", times=wall_clock("%Y-%m-%d %H:%M:%S.%f"), bet=bet, pii={"player": "hash"}, signatures=["sign"]
)
