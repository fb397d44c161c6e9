"""Tokens in place of the key, for credentials that know no keys.

Purpose: `DefaultAzureCredential` asks an address on this machine for a token when
IDENTITY_ENDPOINT and IDENTITY_HEADER are set, as it does on Azure's own machines. The
provider's key is the header's value, so who gets a token has the key already. A token
is signed with the key and carries its end; nothing is stored.
It must never know HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

LIFETIME_SECONDS = 24 * 3600
_PREFIX = "local-token"


class Tokens:
    """Makes and checks tokens.

    Args:
        key: the provider's key.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def is_key(self, given: str) -> bool:
        """Say whether this is the provider's key."""
        # Headers come as Latin-1, whatever bytes they are.
        return hmac.compare_digest(given.encode("latin-1", "replace"), self._key)

    def make(self, now: int) -> tuple[str, int]:
        """Return a token and the Unix time at which it ends."""
        ends = now + LIFETIME_SECONDS
        head = f"{_PREFIX}.{ends}.{secrets.token_hex(8)}"
        return f"{head}.{self._signature(head)}", ends

    def is_valid(self, token: bytes, now: float) -> bool:
        """Say whether a token was made here and has not ended."""
        head, _, signature = token.decode("latin-1").rpartition(".")
        expected = self._signature(head)
        if not hmac.compare_digest(signature.encode("latin-1"), expected.encode()):
            return False
        # What is signed has this shape.
        return float(head.split(".")[1]) > now

    def _signature(self, head: str) -> str:
        return hmac.new(self._key, head.encode("latin-1"), hashlib.sha256).hexdigest()
