"""The canonical bets table: one row a bet, whatever the provider, the latest truth.

``<provider>.py`` maps the provider's raw streams to the one schema; the rest brings raw slots into a Delta Lake table,
and holds them against what the provider says of them by itself.
"""
