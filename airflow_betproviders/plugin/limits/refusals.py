"""Build the HTTP errors of requests that the page cannot serve now."""

from __future__ import annotations

from fastapi import HTTPException


def retry_later(status: int, reason: str) -> HTTPException:
    """Return an error that asks the client to retry."""
    return HTTPException(status, f"{reason} Try again in a few seconds.", {"Retry-After": "2"})


def request_failed(problem: str) -> HTTPException:
    """Return the error of a request that failed. It has only the name of the exception: a message may hold a secret."""
    return HTTPException(503, f"The page cannot answer: {problem}. The API server's log has the reason.")
