"""Base classes of fields and of kinds of values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias

from airflow_betproviders.declare.fields.json_text import dumps

ArrowType: TypeAlias = tuple[Any, ...]
"""A type, without importing pyarrow: the name of its factory there and the arguments, e.g. ``("decimal128", 18, 4)``.

A `Kind` among the arguments stands for its type, a tuple of (name, kind) pairs for the members of a struct.
"""


class OddValue(ValueError):
    """A value that its column cannot hold. The message says what was expected."""


class Rounded(str):
    """JSON text of a value that lost digits which its column has no place for."""

    __slots__ = ()


class Kind(ABC):
    """How a value is written on the wire, and the column that holds it. Subclass it for a kind that is missing here.

    Attributes:
        empty_is_null: whether the text ``""`` stands for null.
    """

    empty_is_null: ClassVar[bool] = True

    @property
    @abstractmethod
    def arrow(self) -> ArrowType:
        """Return the type of the column."""

    @property
    def wire(self) -> ArrowType:
        """Return the type in which `pyarrow.json` reads the value.

        Where it is another than `arrow`, each distinct value of an answer goes through `coerce`.
        """
        return self.arrow

    @abstractmethod
    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Return JSON text that `pyarrow.json` reads as the column's type, `Rounded` where digits are lost.

        Args:
            value: as `json_text.read_value` reads it: ``Number``, str, bool, list or ``Pairs``.
            utc_offset: of the account's local times.

        Raises:
            OddValue: the column cannot hold the value.
        """

    def cell(self, value: Any, utc_offset: timedelta) -> str | None:
        """Coerce a value as `coerce` does; None stays None."""
        if value is None or (self.empty_is_null and value == ""):
            return None
        try:
            return self.coerce(value, utc_offset)
        except OddValue:
            raise
        except (ValueError, ArithmeticError) as error:  # as int() and Decimal() raise
            raise OddValue(f"{shown(value)} cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True)
class Field:
    """One member of a record, under the provider's own name.

    Attributes:
        name: as on the wire.
        kind: how the value travels.
        required: a record in which it is null or absent goes to quarantine. Declare so the amounts without which stake,
            payout or net cannot be computed. None: only where it is
            part of the key. The time column always is.
        may_be_empty: whether ``""`` in a text column of the key identifies a record; else it counts as absent.
        money: summed in the receipt. A record whose amount cannot be read goes to quarantine.
        minor_units: how many of the amount's units make one currency unit: 1000 where the amount is in li.
        unit: the amount's unit where it is not the currency's, such as ``li``. The column's metadata and the receipt name it.
    """

    name: str
    kind: Kind
    required: bool | None = None
    may_be_empty: bool = False
    money: bool = False
    minor_units: int = 1
    unit: str = ""


def shown(value: Any) -> str:
    """Format a value for a message."""
    text = dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
