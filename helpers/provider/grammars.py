"""Grammars for answers: which tokens may come next, for any tokenizer served here.

Purpose: `vocabulary_of(renderer).compile(grammar)` reads a grammar once; each answer
starts a `Constraint` of its own from it, asks for its `mask` and tells it what was
chosen. The work is done by llguidance (MIT licence), in Rust and outside of Python's
lock: some tens of microseconds a token.

A constraint speaks about the text that `rendering` makes of tokens, not about their
names. Where a tokenizer marks joined words (ByteTable.replacements), what a token says
depends on the one before it; so each token stands in the vocabulary twice, once as it
reads behind an ordinary token and once behind a mark.
It must never know requests, schemas or tool calls; what is compiled stays in memory.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import llguidance
import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from helpers.provider.rendering import ChatRenderer

# Grammars kept for each tokenizer. They are kept in memory only: a cache on disk with
# one entry a schema can be made to fill it (CVE-2025-29770 of vLLM).
GRAMMARS_KEPT = 64
# Half of llguidance's own work for one step, so that no schema holds up the answers
# beside it by more than some ten milliseconds a token; and 10,000 states of its lexer,
# of one or two kilobytes each, for a grammar. A thousand optional properties make rows
# of some four thousand items.
_LIMITS = {
    "max_items_in_row": 5_000,
    "initial_lexer_fuel": 1_000_000,
    "step_lexer_fuel": 100_000,
    "step_max_items": 50_000,
    "max_lexer_states": 10_000,
    "max_grammar_size": 200_000,
    "verbose_errors": False,
}


class CannotConstrain(Exception):
    """The tokenizer of a model is of a kind that no grammar can be laid over."""


class GrammarRefused(ValueError):
    """A grammar cannot be read, is unsatisfiable, or is too large."""


class ConstraintBroken(RuntimeError):
    """A grammar became too complex while an answer was being generated."""


class _Words:
    """A vocabulary in the form that llguidance asks for."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokens: Sequence[bytes], special: Sequence[int], end: int):
        self.tokens, self.special_token_ids, self.eos_token_id = tokens, special, end

    def __call__(self, text: bytes) -> list[int]:
        # Only grammars that force tokens ask for this; ours never do (`no_forcing`):
        # a model writes with the tokens that it has learned.
        return []


class Vocabulary:
    """The tokens of a model, as grammars see them.

    Args:
        renderer: of the model.

    Raises:
        CannotConstrain: the tokenizer is of another kind.
    """

    def __init__(self, renderer: ChatRenderer) -> None:
        self.end_ids = sorted(i for i in renderer.end_ids if i < renderer.vocab_size)
        self.size = renderer.vocab_size
        self.joins: list[bool] | None = None  # which tokens end with a mark
        table = renderer.byte_table
        try:
            if table is None:
                self._tokenizer = llguidance.LLTokenizer(
                    renderer.tokenizer_json, n_vocab=self.size, slices=[]
                )
            else:
                words = self._words(table.raw, table.replacements)
                self._tokenizer = llguidance.LLTokenizer(words, slices=[])
        except Exception as fault:  # llguidance has no error class of its own
            raise CannotConstrain(
                "the tokenizer of this model is of a kind that answers in a given form "
                "are not possible with"
            ) from fault
        self._limits = llguidance.LLParserLimits(**_LIMITS)
        self._grammars: OrderedDict[str, Grammar] = OrderedDict()
        self._lock = threading.Lock()

    def _words(self, raw: list[bytes], replacements: list[tuple[str, str]]) -> _Words:
        """Write the vocabulary down, twice where tokens join.

        Raises:
            ValueError: the tokenizer replaces something else than marks of joins.
        """
        tokens = list(raw)
        if replacements:
            mark = replacements[-1][0]
            if replacements != [(f"{mark} ", ""), (mark, "")]:
                raise ValueError(f"unknown replacements: {replacements!r}")
            end = mark.encode()
            self.joins = [token.endswith(end) for token in raw]
            alone = [token.removesuffix(end) for token in raw]
            tokens = [*alone, *(token.removeprefix(b" ") for token in alone)]
            tokens = [b"" if end in token else token for token in tokens]
        # Tokens that say nothing would never bring an answer to its end.
        special = [i for i, token in enumerate(tokens) if not token]
        for i in special:
            tokens[i] = b"<nothing %d>" % i
        end_id = len(tokens)
        return _Words([*tokens, b"<end>"], [*special, end_id], end_id)

    def compile(self, grammar: str) -> Grammar:
        """Read a grammar, or return it as it was read before; blocking.

        Args:
            grammar: in llguidance's dialect of Lark.

        Raises:
            GrammarRefused: it cannot be used.
        """
        with self._lock:
            if (known := self._grammars.get(grammar)) is not None:
                self._grammars.move_to_end(grammar)
                return known
        found = Grammar(self, self.matcher(grammar))
        with self._lock:
            self._grammars[grammar] = found
            while len(self._grammars) > GRAMMARS_KEPT:
                self._grammars.popitem(last=False)
        return found

    def matcher(self, grammar: str) -> llguidance.LLMatcher:
        """Return a matcher at the beginning of a grammar; it is not kept.

        Raises:
            GrammarRefused: the grammar cannot be used.
        """
        text = llguidance.LLMatcher.grammar_from_lark(grammar)
        matcher = llguidance.LLMatcher(
            self._tokenizer, text, log_level=0, limits=self._limits
        )
        if not matcher.is_error():
            # Some limits are reached only when the first token is looked for.
            matcher.compute_bitmask()
        if matcher.is_error():
            raise GrammarRefused(_words_of(matcher))
        return matcher


class Grammar:
    """A grammar that was read; any number of answers may start from it."""

    def __init__(self, vocabulary: Vocabulary, matcher: llguidance.LLMatcher) -> None:
        self._vocabulary, self._matcher = vocabulary, matcher

    def start(self) -> Constraint:
        """Return the constraint of a new answer."""
        return Constraint(self._vocabulary, self._matcher.deep_copy())


class Constraint:
    """What one answer may still say.

    It never raises: a grammar that becomes too complex while it is used sets `fault`,
    which ends its own answer and no other.

    Attributes:
        fault: what went wrong, None as long as nothing has.
    """

    def __init__(self, vocabulary: Vocabulary, matcher: llguidance.LLMatcher) -> None:
        self._vocabulary, self._matcher = vocabulary, matcher
        self._joined = False
        self.fault: str | None = None

    def mask(self) -> Tensor | None:
        """Return which tokens may come next, bool [tokens]; None after a fault."""
        size = self._vocabulary.size
        raw = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            return self._broken()
        bits = np.unpackbits(raw, bitorder="little").view(bool)
        bits = bits[size : 2 * size] if self._joined else bits[:size]
        allowed = torch.from_numpy(bits)
        allowed[self._vocabulary.end_ids] = self._matcher.is_accepting()
        if not bits.any():
            self.fault = "no token of this model can go on with the answer"
            return None
        return allowed

    def take(self, token: int) -> None:
        """Go on by a token that the mask allows."""
        if self.fault is not None or token in self._vocabulary.end_ids:
            return
        joins = self._vocabulary.joins
        shift = self._vocabulary.size if self._joined else 0
        if not self._matcher.consume_token(token + shift):
            self._broken()
        self._joined = joins is not None and joins[token]

    @property
    def over(self) -> bool:
        """Whether the answer is complete and nothing can follow."""
        return self.fault is None and self._matcher.is_stopped()

    def _broken(self) -> None:
        self.fault = _words_of(self._matcher)


def _words_of(matcher: llguidance.LLMatcher) -> str:
    """Return what llguidance says, without the places in a grammar nobody wrote."""
    text = " ".join(matcher.get_error().split())
    text = text.split(" 1 | %llguidance")[0]
    text = re.sub(r"^at \d+\(\d+\): |failed to compile JSON schema: ", "", text)
    return text[:300] or "the grammar was refused"


_known: weakref.WeakKeyDictionary[ChatRenderer, Vocabulary]
_known = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def vocabulary_of(renderer: ChatRenderer) -> Vocabulary:
    """Return the vocabulary of a renderer, made at its first use; blocking.

    Raises:
        CannotConstrain: the tokenizer is of another kind.
    """
    with _lock:
        if (known := _known.get(renderer)) is None:
            known = _known[renderer] = Vocabulary(renderer)
        return known
