"""Declare how a provider's raw records become bets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_betproviders.declare.bet_expressions import Expression


@dataclass(frozen=True, kw_only=True)
class BetMapping:
    """Declare how a provider's raw records become bets.

    Attributes:
        provider: connection type.
        streams: the streams whose records are complete bets, all under one key; the main one first.
        columns: the expression of each column of the bets table; a column that is not named is null,
            except ``net``, which is payout - stake.
        exact_columns: the fields whose exact value a column of the bets table holds; ``rest`` never has them.
        derivable_columns: fields, each with an expression that computes it from the bets table; ``rest`` has a field only in
            rows where the result differs.
        settings: columns whose value comes from the connection's extra, each with the name of the extra.
    """

    provider: str
    streams: tuple[str, ...]
    columns: Mapping[str, Expression]
    exact_columns: tuple[str, ...]
    derivable_columns: Mapping[str, Expression] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
