"""Declare kinds of single values: text, numbers, booleans."""

from __future__ import annotations

import decimal
import json
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from airflow_betproviders.declare.fields.base import ArrowType, Kind, OddValue, Rounded, quoted
from airflow_betproviders.declare.fields.json_text import MAX_NUMBER, Number, dumps

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_ZEROS = 400  # of an exponent, either way
_MOST_DIGITS = 38  # of a decimal of 128 bits
_EXACT = decimal.Context(prec=2 * _MOST_ZEROS, rounding=decimal.ROUND_HALF_EVEN)
# A double has 15 significant digits that survive being printed and read.
_FIFTEEN = decimal.Context(prec=15, rounding=decimal.ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Text(Kind):
    """A JSON string, stored unchanged.

    Attributes:
        numbers: whether many records have a number instead, which is stored as its digits.
    """

    empty_is_null: ClassVar[bool] = False
    numbers: bool = False

    @property
    def arrow(self) -> ArrowType:
        """Return a text type."""
        return ("string",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:  # noqa: ARG002 - as every kind
        """Return text unchanged, a number as its digits, and anything else as its JSON text."""
        if isinstance(value, Number) and len(value) > MAX_NUMBER:
            raise OddValue(f"expected text, got a number of {len(value)} characters")
        text = str(value) if isinstance(value, str) else dumps(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise OddValue("the text is not UTF-8") from None
        return json.dumps(text)


@dataclass(frozen=True)
class Integer(Kind):
    """A JSON integer of at most 64 bits."""

    @property
    def arrow(self) -> ArrowType:
        """Return an integer type of 64 bits."""
        return ("int64",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:  # noqa: ARG002 - as every kind
        """Read an integer, however it is written: ``17``, ``"17"``, ``17.0``, ``1.7e1``."""
        exact = exact_number(value, "an integer")
        if exact != exact.to_integral_value(context=_EXACT):
            raise OddValue(f"expected an integer, got {quoted(value)}")
        if not -(2**63) <= exact < 2**63:
            raise OddValue(f"{quoted(value)} is out of range")
        return str(int(exact))


@dataclass(frozen=True)
class Decimal(Kind):
    """An exact number, written as a JSON number or as text: ``decimal128(precision, scale)``."""

    precision: int
    scale: int

    @property
    def arrow(self) -> ArrowType:
        """Return a decimal type of 128 bits."""
        return ("decimal128", self.precision, self.scale)

    @property
    def wire(self) -> ArrowType:
        """Return a type of so few digits that no number outgrows 128 bits at the column's scale: `pyarrow.json` would let it wrap."""
        return ("decimal128", max(1, min(self.precision, _MOST_DIGITS - self.scale)), self.scale)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:  # noqa: ARG002 - as every kind
        """Read an amount. Round one with too many decimals half-even, if its first 15 significant digits stay the same.

        So a double that was printed with all its digits, such as ``0.30000000000000004``, is read as 0.3.
        """
        exact = exact_number(value, "an amount")
        rounded = exact.quantize(decimal.Decimal(1).scaleb(-self.scale), context=_EXACT)
        if rounded != exact and _FIFTEEN.plus(rounded) != _FIFTEEN.plus(exact):
            raise OddValue(f"{quoted(value)} has more than {self.scale} decimals")
        if rounded.copy_abs() >= decimal.Decimal(1).scaleb(self.precision - self.scale):
            raise OddValue(f"{quoted(value)} is out of range")
        text = f'"{rounded:f}"'
        return text if rounded == exact else Rounded(text)


@dataclass(frozen=True)
class Double(Kind):
    """A number that the document calls a float and that is not an amount of money, such as odds."""

    @property
    def arrow(self) -> ArrowType:
        """Return a floating-point type of 64 bits."""
        return ("float64",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:  # noqa: ARG002 - as every kind
        """Read the nearest double."""
        nearest = float(_number_text(value, "a number"))
        if math.isinf(nearest):
            raise OddValue(f"{quoted(value)} is out of range")
        return repr(nearest)


@dataclass(frozen=True)
class Boolean(Kind):
    """``true`` or ``false``."""

    @property
    def arrow(self) -> ArrowType:
        """Return a boolean type."""
        return ("bool_",)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:  # noqa: ARG002 - as every kind
        """Read a boolean, also one written as 1 or 0, or as text."""
        text = dumps(value) if isinstance(value, bool) else str(value).lower() if isinstance(value, str) else ""
        if text in {"true", "1"}:
            return "true"
        if text in {"false", "0"}:
            return "false"
        raise OddValue(f"expected true or false, got {quoted(value)}")


def exact_number(value: Any, expected: str) -> decimal.Decimal:
    """Return the exact number that a text writes.

    Raises:
        OddValue: the text is no number, is longer than `MAX_NUMBER` characters, or has an exponent beyond `_MOST_ZEROS`.
    """
    try:
        exact = decimal.Decimal(_number_text(value, expected))
    except decimal.InvalidOperation:
        raise OddValue(f"{quoted(value)} is out of range") from None
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MOST_ZEROS:
        raise OddValue(f"{quoted(value)} is out of range")
    return exact


def _number_text(value: Any, expected: str) -> str:
    """Return the text of a number, without blanks around it. The length is checked first, so that the time stays linear."""
    if isinstance(value, str):
        text = str(value).strip()
        if len(text) > MAX_NUMBER:
            mantissa, mark, exponent = text.lower().partition("e")
            text = _without_zeros(mantissa) + mark + _without_zeros(exponent)
        if len(text) <= MAX_NUMBER and _NUMBER.fullmatch(text):
            return text
    raise OddValue(f"expected {expected}, got {quoted(value)}")


def _without_zeros(digits: str) -> str:
    """Strip leading zeros, as `pyarrow.json` does."""
    sign = digits[:1] if digits[:1] in ("+", "-") else ""
    rest = digits[len(sign) :].lstrip("0")
    return digits if len(sign) + len(rest) == len(digits) else f"{sign}0{rest}"
