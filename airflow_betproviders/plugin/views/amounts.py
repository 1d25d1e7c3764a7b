"""Convert the sums of a receipt to currency units, whatever unit the provider's amounts are in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_betproviders.lake.receipt import EXACT, Receipt
from airflow_betproviders.registry import declared


def amounts_of(receipt: Receipt) -> list[dict[str, Any]]:
    """Return the receipt's sums, each with its column, its amount in currency units as decimal text, and its unit.

    ``minor_units`` is how many of the provider's units make one currency unit: 1000 for PV's li, else 1.
    """
    units = {
        field.name: field.minor_units for field in declared(receipt.provider, receipt.stream).fields if field.money
    }
    return [
        {"column": name, "amount": _decimal_text(Decimal(text), units.get(name, 1)), "minor_units": units.get(name, 1)}
        for name, text in receipt.sums.items()
    ]


def _decimal_text(amount: Decimal, minor_units: int) -> str:
    return format(amount if minor_units == 1 else EXACT.divide(amount, Decimal(minor_units)), "f")
