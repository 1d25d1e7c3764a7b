"""Rowan passes the suite of every provider. The expected values come from Rowan's document."""

from decimal import Decimal

from airflow_betproviders.testing import Bet, epoch, provider_tests


def bet(record):
    stake, win = Decimal(record["betAmount"]), Decimal(record["winAmount"])
    return Bet(str(record["betId"]), "settled", stake, win, win - stake)


TestRowan = provider_tests(
    "rowan",
    times=epoch(1000),
    bet=bet,
    pii={"playerName": "hash"},
    signatures=["secret_key", "operator_token"],
    # A full answer whose rows come in no order may lack some before its last one.
    may_fail=["order=shuffled"],
)
