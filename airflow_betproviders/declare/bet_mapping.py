"""How a provider's raw records become bets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_betproviders.declare.bet_expressions import Expression


@dataclass(frozen=True, kw_only=True)
class BetMapping:
    """How a provider's raw records become bets.

    Attributes:
        provider: connection type.
        streams: the streams whose records are whole bets, all under one key; the main one first.
        columns: what each column of the table is made of; a column that is not named is null.
        carried: fields that the columns give back exactly; they are left out of ``rest``.
        shown: fields with an expression over the bets table; they are left out of ``rest`` in rows where it equals them.
        settings: columns that the connection's extra fills, by the name there.
    """

    provider: str
    streams: tuple[str, ...]
    columns: Mapping[str, Expression]
    exact_columns: tuple[str, ...]
    derivable_columns: Mapping[str, Expression] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
