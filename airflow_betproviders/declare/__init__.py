"""The words in which a provider is declared: fields, pagination, windows, parameters, streams, bets and reports."""
