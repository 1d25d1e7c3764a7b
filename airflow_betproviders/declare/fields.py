"""The vocabulary in which a stream's record is declared: a name, and how its value travels on the wire.

Pure declarations: what becomes of them in Arrow is in `columns`, how odd values are mended is in `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """A JSON string, kept as it is. With ``numbers``, some records carry a bare number there, kept as its digits."""

    numbers: bool = False


@dataclass(frozen=True)
class Integer:
    """A JSON integer of at most 64 bits."""


@dataclass(frozen=True)
class Decimal:
    """An exact number, written as a JSON number or as text: ``decimal128(precision, scale)``."""

    precision: int
    scale: int


@dataclass(frozen=True)
class Boolean:
    """``true`` or ``false``."""


@dataclass(frozen=True)
class Epoch:
    """An integer count of ``s`` or ``ms`` since 1970, UTC."""

    unit: str


@dataclass(frozen=True)
class UtcTime:
    """``YYYY-MM-DD HH:mm:ss[.SSS]`` in UTC."""


@dataclass(frozen=True)
class LocalTime:
    """``dd-MM-yyyy HH:mm:ss`` in the fixed offset that the account is set to."""


@dataclass(frozen=True)
class ListOf:
    """A JSON array of one kind."""

    item: Kind


@dataclass(frozen=True)
class Record:
    """A JSON object with known members."""

    members: tuple[Field, ...]


@dataclass(frozen=True)
class DecimalMap:
    """A JSON object from free names to exact numbers."""

    value: Decimal


Kind: TypeAlias = Text | Integer | Decimal | Boolean | Epoch | UtcTime | LocalTime | ListOf | Record | DecimalMap


@dataclass(frozen=True)
class Field:
    """One member of a record, under the provider's own name.

    Attributes:
        name: as on the wire.
        kind: how the value travels.
        required: a record without it is a bad row.
        money: summed in the receipt.
    """

    name: str
    kind: Kind
    required: bool = False
    money: bool = False
