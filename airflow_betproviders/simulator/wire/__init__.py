"""Answers on the wire, the call log and the pace of calls."""
