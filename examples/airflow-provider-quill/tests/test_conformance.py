"""Quill passes the suite of every provider. The expected values come from Quill's document."""

from decimal import Decimal

from airflow_betproviders.testing import Bet, provider_tests, wall_clock


def bet(record):
    stake, net = Decimal(str(record["betAmount"])), Decimal(str(record["settledAmount"]))
    key = f"{record['platType']}/{record['gameOrderId']}"
    match record["status"]:
        case 0:
            return Bet(key, "open", stake, None, None)
        case 1:
            return Bet(key, "settled", stake, stake + net, net)
        case 2:
            return Bet(key, "cancelled", stake, stake, Decimal(0))
    return Bet(key, "void", stake, stake, Decimal(0))


TestQuill = provider_tests(
    "quill",
    times=wall_clock("%Y-%m-%d %H:%M:%S", "+08:00"),
    bet=bet,
    pii={"playerId": "hash"},
    signatures=["sign"],
    settings={"rate": 900.0},  # so that `latest` has orders in any two minutes, though some show minutes late
)
