"""Answers to requests that cannot be served now."""

from __future__ import annotations

from fastapi import HTTPException


def later(status: int, reason: str) -> HTTPException:
    """Return a refusal that asks to try again."""
    return HTTPException(status, f"{reason} Try again in a few seconds.", {"Retry-After": "2"})


def failed(problem: str) -> HTTPException:
    """Return the refusal of a request that failed, with the name of the error alone."""
    return HTTPException(503, f"The page cannot answer: {problem}. The API server's log has the reason.")
