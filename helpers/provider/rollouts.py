"""Answers of a model under training to its own prompts, many at once.

Purpose: reinforcement needs answers that are drawn from the weights of this very step.
Every answer has a seed of its own, so a training that is interrupted and goes on draws
the same answers again. There is neither a thread nor a queue, as the server's engine
has them (generation.py): the training process waits for the answers anyway.
It must never know graders or optimisers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from helpers.provider.inference import AnsweringModel
from helpers.provider.sampling import Sampler, choose

# Answers that grow together: enough to keep a thread busy, few enough for a laptop's
# memory (the cache of 32 answers of 500 tokens of the base model takes 100 MB).
ROWS = 32
# Tokens between two looks at what the owner of the job wishes.
PATIENCE = 32


@dataclass(frozen=True)
class Rollout:
    """A drawn answer.

    Attributes:
        prompt: its tokens.
        answer: its tokens, the one that ended it not included.
        end: the token that ended it; None if it was cut at its longest.
    """

    prompt: list[int]
    answer: list[int]
    end: int | None

    @property
    def drawn(self) -> list[int]:
        """All tokens that the model chose."""
        return self.answer if self.end is None else [*self.answer, self.end]


def seed_of(*parts: int | str) -> int:
    """Return a seed that depends on all parts, the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8])


def draw(
    model: AnsweringModel,
    prompts: list[list[int]],
    seeds: list[int],
    *,
    end_ids: frozenset[int],
    max_tokens: int,
    between: Callable[[], None] = lambda: None,
) -> list[Rollout]:
    """Draw an answer to each prompt at temperature 1.

    Args:
        model: answers.
        prompts: tokens of each; the same prompt several times in a row is read once.
        seeds: of each answer.
        end_ids: tokens that end an answer.
        max_tokens: of an answer; the context may end it before.
        between: called every few tokens; what it raises ends everything.
    """
    done: list[Rollout | None] = [None] * len(prompts)
    for first in range(0, len(prompts), ROWS):
        part = range(first, min(first + ROWS, len(prompts)))
        _draw_part(model, prompts, seeds, part, done, end_ids, max_tokens, between)
    return done  # type: ignore[return-value]


def _draw_part(model, prompts, seeds, part, done, end_ids, max_tokens, between) -> None:
    rows: list[int] = []  # which prompt stands in which row of the model
    samplers: list[Sampler] = []
    answers: dict[int, list[int]] = {}
    last: list[int] = []

    def take(i: int, token: int) -> bool:
        """Take a token of an answer; False when the answer is over."""
        if token in end_ids:
            done[i] = Rollout(prompts[i], answers[i], token)
            return False
        answers[i].append(token)
        room = min(max_tokens, model.context - len(prompts[i]))
        if len(answers[i]) >= room:
            done[i] = Rollout(prompts[i], answers[i], None)
            return False
        return True

    for i in part:
        answers[i] = []
        sampler = Sampler(seed=seeds[i])
        logits = model.start(len(rows), prompts[i])
        (choice,) = choose(logits[None], [sampler])
        if take(i, choice.id):
            rows.append(i)
            samplers.append(sampler)
            last.append(choice.id)
    turns = 0
    while rows:
        turns += 1
        if turns % PATIENCE == 0:
            between()
        choices = choose(model.step(last), samplers)
        last = [choice.id for choice in choices]
        over = [row for row, token in enumerate(last) if not take(rows[row], token)]
        for row in reversed(over):
            end = len(rows) - 1
            if row != end:
                model.move(end, row)
            for column in (rows, samplers, last):
                column[row] = column[end]
                column.pop()
