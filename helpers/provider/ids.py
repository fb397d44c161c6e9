"""Random names for files, jobs, events and the rest.

An id is looked up in the database and never becomes a path, so its only duties are to
be unguessable, unique and of the shape that OpenAI's own ids have.
"""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """Return `length` random letters and digits (about 6 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str, length: int = 24) -> str:
    """Return a fresh id such as `ftjob-abc…`; the prefix brings its own dash."""
    return prefix + random_text(length)
