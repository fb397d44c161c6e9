"""Query parameters that lists share."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request

from helpers.provider.errors import ApiError, invalid
from helpers.provider.store import Page, UnknownCursor

_METADATA = re.compile(r"metadata\[([^\[\]]+)\]")


def limit_of(given: str | None, default: int, most: int, *, clamp: bool = True) -> int:
    """Return the page size that `limit` asks for.

    Args:
        given: as it stands in the query.
        default: what an absent limit means.
        most: the largest page.
        clamp: give the largest page to who asks for more, instead of refusing.
    """
    if given is None:
        return default
    digits = given[1:] if given[:1] == "-" else given
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise invalid(
            "Invalid type for 'limit': expected an integer, but got "
            f"'{given[:100]}' instead.",
            "limit",
            "invalid_type",
        )
    limit = int(given)
    if limit < 1:
        raise invalid(
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, "
            f"but got {limit} instead.",
            "limit",
            "integer_below_min_value",
        )
    if limit > most and not clamp:
        raise invalid(
            "Invalid 'limit': integer above maximum value. Expected a value <= "
            f"{most}, but got {limit} instead.",
            "limit",
            "integer_above_max_value",
        )
    return min(limit, most)


def is_ascending(order: str) -> bool:
    """Return whether a list is wanted in the order in which it came about."""
    if order not in ("asc", "desc"):
        raise invalid(
            "Invalid value for 'order': expected 'asc' or 'desc'.",
            "order",
            "invalid_value",
        )
    return order == "asc"


def page_or_error(read: Callable[[], Page], after: str | None) -> Page:
    """Read a page; an unknown cursor becomes a 400 about `after`."""
    try:
        return read()
    except UnknownCursor as fault:
        raise ApiError(
            400,
            f"Invalid 'after': no object with the id '{after}' is in this list.",
            param="after",
            code="invalid_value",
        ) from fault


def metadata_filter(request: Request) -> tuple[dict[str, str], bool]:
    """Return the metadata a row must have, and whether it must have none at all."""
    wanted, without = {}, False
    for name, value in request.query_params.multi_items():
        if match := _METADATA.fullmatch(name):
            wanted[match[1]] = value
        elif name == "metadata" and value == "null":
            without = True
        elif name == "metadata" or name.startswith("metadata["):
            raise invalid(
                "Invalid value for 'metadata': expected metadata[key]=value, or "
                "metadata=null for what has no metadata.",
                "metadata",
                "invalid_value",
            )
    return wanted, without
