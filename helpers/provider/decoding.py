"""Tokens back to text, as they come: whole characters, and the bytes of each token.

Purpose: an answer is streamed token by token, but a token may end inside of a character
or carry a mark that only the next token explains. What is given out here is final.
It must never know messages or templates.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tokenizers import Tokenizer

# More spaces than any token has.
MANY = 1000
_BYTE_TOKEN = re.compile("<0x([0-9A-F]{2})>")


class Decodes(Protocol):
    """What knows a tokenizer: a ChatRenderer."""

    byte_table: ByteTable | None

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids into text; special tokens say nothing."""


class IncrementalDecoder:
    """Turns the tokens of one answer into text as they come, whole characters only.

    Use: `text += decoder.add(token_id)` for each token, `text += decoder.flush()` at
    the end. The pieces together are `renderer.decode(ids)`.

    Args:
        renderer: of the model that answers.
        continues: the tokens go on a text, so a space before the first word counts;
            some tokenizers put one before every text, and take it off again.
    """

    def __init__(self, renderer: Decodes, *, continues: bool = False) -> None:
        self._renderer = renderer
        self._table = renderer.byte_table
        self._begins = not continues
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._ids: list[int] = []
        self._said = ""

    def add(self, token_id: int) -> str:
        """Return the text that this token completes; "" inside of a character."""
        if self._table is not None:
            raw = self._table.of_token(token_id)
            if self._begins and raw:
                raw, self._begins = self._table.first(raw), False
            text = self._utf8.decode(raw)
            if not (text or self._held):
                return ""
            text, self._held = self._table.settle(self._held + text)
            return text
        # Without a table of bytes, only the whole text is sure to be right: how a
        # token is written may depend on those before it.
        self._ids.append(token_id)
        text = self._renderer.decode(self._ids)
        if text.endswith("\ufffd"):
            return ""
        new, self._said = text[len(self._said) :], text
        if len(self._ids) > 64 and text.endswith(("\n", ".", " ")):
            self._start_again()
        return new

    def flush(self) -> str:
        """Return what was held back: half a character becomes U+FFFD."""
        if self._table is not None:
            text = self._held + self._utf8.decode(b"", True)
            self._held = ""
            return self._table.replaced(text)
        return self._renderer.decode(self._ids)[len(self._said) :]

    def _start_again(self) -> None:
        """Forget all but the last tokens, so that long answers stay cheap."""
        kept = self._ids[-8:]
        self._ids, self._said = kept, self._renderer.decode(kept)


@dataclass(frozen=True)
class ByteTable:
    """What each token of a tokenizer stands for, where that is the same everywhere.

    Attributes:
        raw: bytes of each token, b"" for special ones.
        replacements: (old, new) texts that the tokenizer's decoder replaces at last,
            in this order (marks of joined words, for instance).
        dropped: how many spaces at the beginning of a text are no part of it.
        exact: whether the tokenizer's own decoder says the same of bytes that are no
            UTF-8.
    """

    raw: list[bytes]
    replacements: list[tuple[str, str]]
    dropped: int = 0
    exact: bool = True

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> ByteTable | None:
        """Read the table; None for a tokenizer of another kind."""
        return cls._of_bytes(tokenizer) or cls._of_pieces(tokenizer)

    @classmethod
    def _of_pieces(cls, tokenizer: Tokenizer) -> ByteTable | None:
        """Read a vocabulary of SentencePiece's kind: U+2581 stands for a space.

        Source: the decoders of tokenizers 0.23 (`Replace`, `ByteFallback`, `Fuse`,
        `Strip`, `Metaspace`). Where bytes are no UTF-8, `ByteFallback` gives up all
        bytes beside them, whole characters too; here each stands for itself, or the
        text of an answer could change after it was sent.
        """
        parts = _decoder_parts(tokenizer)
        kinds = {part["type"] for part in parts}
        if not kinds <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}:
            return None
        dropped = 0
        marks = []
        for part in parts:
            if part["type"] == "Metaspace":
                marks.append(part["replacement"])
                if part.get("prepend_scheme", "always") != "never":
                    dropped = MANY
            elif part["type"] == "Replace":
                if part["content"] != " " or "String" not in part["pattern"]:
                    return None
                marks.append(part["pattern"]["String"])
            elif part["type"] == "Strip":
                if part["content"] != " " or part["stop"]:
                    return None
                dropped = part["start"]
        if len(marks) != 1:
            return None
        fallback = "ByteFallback" in kinds

        def spelled(token: str) -> bytes:
            if fallback and (found := _BYTE_TOKEN.fullmatch(token)):
                return bytes([int(found[1], 16)])
            return token.replace(marks[0], " ").encode()

        raw = _raw_tokens(tokenizer, spelled)
        return cls(raw, [], dropped, exact=not fallback)

    @classmethod
    def _of_bytes(cls, tokenizer: Tokenizer) -> ByteTable | None:
        """Read a byte-level vocabulary.

        Source of the alphabet: OpenAI's GPT-2 encoder (2019), which all byte-level
        tokenizers share: printable Latin-1 characters stand for themselves, the other
        bytes for the characters from U+0100 on.
        """
        parts = _decoder_parts(tokenizer)
        if not parts or parts[0]["type"] != "ByteLevel":
            return None
        replacements = []
        for part in parts[1:]:
            if part["type"] != "Replace" or "String" not in part["pattern"]:
                return None
            replacements.append((part["pattern"]["String"], part["content"]))
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [b for b in range(256) if b not in printable]
        alphabet = {chr(b): b for b in printable}
        alphabet |= {chr(256 + i): b for i, b in enumerate(others)}
        raw = _raw_tokens(tokenizer, lambda token: bytes(alphabet[c] for c in token))
        return cls(raw, replacements)

    def of_token(self, token_id: int) -> bytes:
        """Bytes of a token; many models have more places than their tokenizer names."""
        return self.raw[token_id] if token_id < len(self.raw) else b""

    def first(self, raw: bytes) -> bytes:
        """Bytes of a token that begins a text."""
        spaces = len(raw) - len(raw.lstrip(b" "))
        return raw[min(spaces, self.dropped) :]

    def replaced(self, text: str) -> str:
        """Apply the replacements to a text that is complete."""
        for old, new in self.replacements:
            text = text.replace(old, new)
        return text

    def settle(self, text: str) -> tuple[str, str]:
        """Split text into what is final, replaced, and what may still change."""
        held = 0
        for old, _ in self.replacements:
            for size in range(min(len(old) - 1, len(text)), held, -1):
                if text.endswith(old[:size]):
                    held = size
                    break
        cut = len(text) - held
        return self.replaced(text[:cut]), text[cut:]

    def one(self, token_id: int, previous: int | None) -> bytes:
        """Bytes of one token, replaced as they are behind the token before it.

        Args:
            token_id: the token.
            previous: the token before it; None if it begins a text.
        """
        raw = self.of_token(token_id)
        before = b"" if previous is None else self.of_token(previous)
        if not before and self.dropped:
            return self.first(raw)
        both, alone = before + raw, before
        for old, new in self.replacements:
            both = both.replace(old.encode(), new.encode())
            alone = alone.replace(old.encode(), new.encode())
        return both[len(alone) :]


def _decoder_parts(tokenizer: Tokenizer) -> list[dict]:
    """Return the steps of a tokenizer's decoder; none where it has no decoder."""
    decoder = json.loads(tokenizer.to_str()).get("decoder")
    return decoder.get("decoders", [decoder]) if decoder else []


def _raw_tokens(tokenizer: Tokenizer, spelled: Callable[[str], bytes]) -> list[bytes]:
    """Return the bytes of every token; `spelled` reads those that were not added."""
    added = tokenizer.get_added_tokens_decoder()
    raw = []
    for i in range(tokenizer.get_vocab_size(with_added_tokens=True)):
        token = tokenizer.id_to_token(i)
        if token is None or (i in added and added[i].special):
            raw.append(b"")
        elif i in added:
            raw.append(token.encode())
        else:
            raw.append(spelled(token))
    return raw


def pieces_of(renderer: Decodes, ids: Sequence[int]) -> list[str]:
    """Return the text that each token of a text completes; together they are it."""
    decoder = IncrementalDecoder(renderer)
    pieces = [decoder.add(token) for token in ids]
    if pieces:
        pieces[-1] += decoder.flush()
    return pieces
