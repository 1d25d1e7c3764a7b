"""Answers on the wire, the call log and the rate of calls."""
