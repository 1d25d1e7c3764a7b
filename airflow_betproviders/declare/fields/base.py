"""Define the base classes `Field` (a member of a record) and `Kind` (how its values are written and stored)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias

from airflow_betproviders.declare.fields.json_text import dumps

ArrowType: TypeAlias = tuple[Any, ...]
"""An Arrow type, written without importing pyarrow: pyarrow's factory and its arguments, e.g. ``("decimal128", 18, 4)``.

Among the arguments, a `Kind` stands for its own type, and a tuple of (name, kind) pairs for the members of a struct.
"""


class OddValue(ValueError):
    """A value that its column cannot hold. The message names the expected value."""


class Rounded(str):
    """JSON text of a value that was rounded to the decimals of its column."""

    __slots__ = ()


class Kind(ABC):
    """Declare how a provider writes a value, and which Arrow column stores it. Subclass it for a kind that is missing here.

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
        """Return the type in which `pyarrow.json` reads the value from an answer.

        If it differs from `arrow`, each distinct value of an answer goes through `coerce`.
        """
        return self.arrow

    @abstractmethod
    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Return JSON text that `pyarrow.json` reads as the column's type; `Rounded` if digits are lost.

        Args:
            value: as `json_text.read_value` returns it: ``Number``, str, bool, list or ``Pairs``.
            utc_offset: the offset from UTC of the account's local times.

        Raises:
            OddValue: the column cannot hold the value.
        """

    def cell(self, value: Any, utc_offset: timedelta) -> str | None:
        """Coerce a value that may be null: as `coerce` does, but None stays None, and ``""`` becomes None if it stands for null."""
        if value is None or (self.empty_is_null and value == ""):
            return None
        try:
            return self.coerce(value, utc_offset)
        except OddValue:
            raise
        except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError) as error:
            # A kind of another package may expect text or a number, and gets an object.
            raise OddValue(f"{quoted(value)} cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True)
class Field:
    """Declare one member of a record, under the provider's own name.

    Attributes:
        name: the member's name in the provider's answers.
        kind: how the provider writes the value, and which column stores it.
        required: whether a record goes to quarantine if the value is null or absent. Set it for the amounts that stake, payout
            or net are computed from. Default: required only as a part of the key. The time column is always required.
        may_be_empty: whether ``""`` in a text column of the key identifies a record. Otherwise ``""`` counts as absent.
        money: whether it is an amount. The receipt has the sum; a record whose amount cannot be read goes to quarantine.
        minor_units: how many units of the amount make one currency unit: 1000 if the amount is in li.
        unit: the amount's unit if it is not the currency unit, such as ``li``. The column's metadata and the receipt name it.
    """

    name: str
    kind: Kind
    required: bool | None = None
    may_be_empty: bool = False
    money: bool = False
    minor_units: int = 1
    unit: str = ""


def quoted(value: Any) -> str:
    """Return the JSON text of a value for a message, truncated to 60 characters."""
    text = dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
