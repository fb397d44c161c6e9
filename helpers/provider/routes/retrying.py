"""Requests that a client sends again because it never heard the answer."""

from __future__ import annotations

from fastapi import Request


def retries(request: Request) -> int:
    """Return how often the client has sent this request before."""
    count = request.headers.get("x-stainless-retry-count", "0")
    # int() refuses thousands of digits.
    return int(count[:9]) if count.isascii() and count.isdigit() else 0
