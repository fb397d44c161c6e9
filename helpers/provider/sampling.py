"""Which token comes next: temperature, top_p, penalties, biases, log probabilities.

Purpose: logits of many answers in, one token for each out. Every answer has its own
stream of random numbers, so its text does not depend on who else is being answered.
It must never know models, caches or text.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

# Below this, a temperature only asks for the most likely token.
COLDEST = 1e-5


@dataclass(frozen=True)
class Choice:
    """A chosen token.

    Attributes:
        id: of the token.
        logprob: natural logarithm of its probability under the model, before
            temperature, penalties and biases; None if nobody asked.
        top_logprobs: the most likely tokens with theirs, most likely first; None if
            nobody asked.
    """

    id: int
    logprob: float | None = None
    top_logprobs: list[tuple[int, float]] | None = None


class Constraint(Protocol):
    """What decides which tokens may come next at all (see grammars)."""

    def mask(self) -> Tensor | None:
        """Return which tokens may come, bool [tokens]; None if it cannot say."""

    def take(self, token: int) -> None:
        """Go on by the token that was chosen."""


@dataclass
class Sampler:
    """How one answer chooses its tokens, and what it has chosen so far.

    Args:
        temperature: 0 always takes the most likely token.
        top_p: share of the probability that the candidates make up together.
        seed: of this answer's random numbers.
        top_logprobs: how many log probabilities to tell, None for none at all.
        presence_penalty: taken off the logit of every token that was there already.
        frequency_penalty: taken off once for each time that it was there.
        logit_bias: added to the logits of these tokens.
        constraint: which tokens may come, None for all; no bias overrules it.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    top_logprobs: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] | None = None
    constraint: Constraint | None = None
    counts: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.greedy = self.temperature < COLDEST
        self._penalised = bool(self.presence_penalty or self.frequency_penalty)
        constrained = self.constraint is not None
        self.adjusts = self._penalised or bool(self.logit_bias) or constrained

    def adjusted(self, logits: Tensor) -> Tensor:
        """Return logits [vocab] with penalties and biases, -inf where none may come.

        The formula is that of OpenAI's documentation ("Frequency and presence
        penalties", read 2026-11-22):
        logit - count * frequency_penalty - (count > 0) * presence_penalty.
        """
        logits = logits.clone()
        if self._penalised and self.counts:
            ids = torch.tensor(list(self.counts))
            times = torch.tensor(list(self.counts.values()), dtype=logits.dtype)
            logits[ids] -= times * self.frequency_penalty + self.presence_penalty
        for token, bias in (self.logit_bias or {}).items():
            if 0 <= token < len(logits):
                logits[token] += bias
        if self.constraint is not None and (mask := self.constraint.mask()) is not None:
            # A model may have more places than its tokenizer has tokens.
            known = min(len(mask), len(logits))
            logits[known:] = -math.inf
            logits[:known].masked_fill_(~mask[:known].to(logits.device), -math.inf)
        return logits

    def draw(self, logits: Tensor) -> int:
        """Draw a token from logits [vocab] that are already adjusted."""
        # In float64, so that float noise in the logits hardly ever moves a boundary.
        chances = torch.softmax(logits.double() / self.temperature, -1)
        number = self._random.random()
        if self.top_p >= 1.0:
            heap = chances.cumsum(-1)
            return _at(heap, number * heap[-1])
        ordered, ids = chances.sort(descending=True, stable=True)
        heap = ordered.cumsum(-1)
        # The fewest candidates that reach top_p together (Holtzman et al., 2019,
        # arXiv:1904.09751); at least one.
        kept = int(torch.searchsorted(heap, torch.tensor(self.top_p).double())) + 1
        heap = heap[:kept]
        return int(ids[_at(heap, number * heap[-1])])

    def logprobs(self, logits: Tensor, token: int) -> Choice:
        """Return the token with the log probabilities that were asked for."""
        values = torch.log_softmax(logits, -1)
        top = None
        if self.top_logprobs is not None:
            best, ids = values.topk(min(self.top_logprobs, len(values)))
            top = list(zip(ids.tolist(), best.tolist(), strict=True))
        return Choice(token, values[token].item(), top)


def _at(heap: Tensor, number: Tensor) -> int:
    """Index of the first sum that lies above a number."""
    index = int(torch.searchsorted(heap, number, right=True))
    return min(index, len(heap) - 1)


def choose(logits: Tensor, samplers: list[Sampler]) -> list[Choice]:
    """Choose the next token of every answer.

    Args:
        logits: [n, vocab], float32.
        samplers: one for each row; they remember what was chosen.
    """
    if all(s.greedy and not s.adjusts for s in samplers):
        tokens = logits.argmax(-1).tolist()
    else:
        tokens = []
        for row, sampler in zip(logits, samplers, strict=True):
            adjusted = sampler.adjusted(row) if sampler.adjusts else row
            token = int(adjusted.argmax()) if sampler.greedy else sampler.draw(adjusted)
            tokens.append(token)
    choices = []
    for i, (token, sampler) in enumerate(zip(tokens, samplers, strict=True)):
        if sampler.adjusts:
            sampler.counts[token] += 1
        if sampler.constraint is not None:
            sampler.constraint.take(token)
        if sampler.top_logprobs is None:
            choices.append(Choice(token))
        else:
            choices.append(sampler.logprobs(logits[i], token))
    return choices
