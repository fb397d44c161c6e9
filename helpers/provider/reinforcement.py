"""Reinforcement: answers that a grader likes shall become likelier.

Each step draws several answers to each of its prompts from the weights as they are,
lets the grader score them, and compares the answers to one prompt with each other
(group-relative policy optimisation: Shao et al., 2024, arXiv:2402.03300, section 4.1):

    advantage = (reward - mean of the group) / standard deviation of the group
    loss = -(sum over all drawn tokens of advantage * log p(token)) / (all drawn tokens)

The answers are used for one step only and are the model's own, so the ratio of the new
to the old probability that the paper clips is 1, and its gradient is that of log p.
Two things of the paper are left out: the penalty for leaving the start model (as Yu et
al., 2025, arXiv:2503.14476, do, whose division by all tokens of the batch this is), and
a model of values, which the groups replace.

A grader runs here, in the training process; it never runs code of a request.
It knows tensors and files; it must never know HTTP, SQL or what a job is called.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider import graders
from helpers.provider.causal_models import TrainableModel
from helpers.provider.hyperparameters import samples_per_prompt
from helpers.provider.inference import answers_of_trained
from helpers.provider.rendering import ChatRenderer
from helpers.provider.rollouts import Rollout, draw, seed_of
from helpers.provider.training import Control, TrainingSpec, go_on

# Longer answers are cut and graded as they are. With the prompt they have to fit into
# the context, of which they get half at most.
LONGEST_ANSWER = 256
# Answers are learned from in parts of about this many tokens: memory is for the
# logits and states of one part.
TOKENS_AT_ONCE = 4096
# Rewards of a group that differ by less are taken to be the same.
SMALLEST_SPREAD = 1e-6


@dataclass(frozen=True)
class Prompt:
    """What is asked, and the row of data that the grader reads."""

    ids: list[int]
    item: dict[str, Any]


class Prompts:
    """A file of prompts as tokens.

    Args:
        path: JSON Lines file of prompts, already checked.
        renderer: of the model that is trained.

    Attributes:
        tokens: of all prompts.
        too_long: how many leave no room for an answer; they are left out.
        digest: of all lines.
    """

    def __init__(self, path: Path, renderer: ChatRenderer) -> None:
        self.tokens = self.too_long = 0
        self._prompts: list[Prompt] = []
        digest = hashlib.sha256()
        longest = renderer.context - longest_answer(renderer.context)
        with open(path, encoding="utf-8-sig") as lines:
            for line in lines:
                if not line.strip():
                    continue
                digest.update(line.encode())
                item = json.loads(line)
                ids = renderer.prompt_ids(item["messages"], item.get("tools"))
                if len(ids) > longest:
                    self.too_long += 1
                    continue
                self.tokens += len(ids)
                self._prompts.append(Prompt(ids, item))
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, i: int) -> Prompt:
        return self._prompts[i]


def longest_answer(context: int) -> int:
    """Return the most tokens of a drawn answer, for a model's context."""
    return min(LONGEST_ANSWER, context // 2)


def advantages(rewards: list[float]) -> list[float]:
    """Return how much better each answer to a prompt is than the others (see above).

    All zero where all are alike: nothing can be learned from such a group.
    """
    mean, spread = statistics.fmean(rewards), statistics.pstdev(rewards)
    if spread < SMALLEST_SPREAD:
        return [0.0] * len(rewards)
    return [(reward - mean) / spread for reward in rewards]


def policy_loss(
    model: TrainableModel, rollouts: list[Rollout], weights: list[float], total: int
) -> Tensor:
    """Return the loss of some answers (see the module).

    Args:
        model: gives logits.
        rollouts: answers with at least one drawn token each.
        weights: the advantage of each.
        total: tokens drawn in the whole step.
    """
    rows, wanted, targets, factors = [], [], [], []
    for rollout, weight in zip(rollouts, weights, strict=True):
        drawn = rollout.drawn
        start = len(rollout.prompt) - 1
        rows.append(torch.tensor([*rollout.prompt, *drawn][:-1]))
        wanted.append(torch.arange(start, start + len(drawn)))
        targets += drawn
        factors += [weight] * len(drawn)
    logits = model.logits(rows, wanted)
    surprise = F.cross_entropy(
        logits, torch.tensor(targets).to(logits.device), reduction="none"
    )
    return (surprise * torch.tensor(factors).to(logits.device)).sum() / total


def gradients_in_parts(
    model: TrainableModel, losses: list[Callable[[], Tensor]]
) -> None:
    """Put the gradients of a sum of losses into a model, one loss at a time.

    Args:
        model: is to be changed.
        losses: each computes its part of the loss.
    """
    sums: dict[str, Tensor] = {}
    for loss in losses:
        model.backward(loss())
        for name, parameter in model.parameters().items():
            if parameter.grad is None:
                continue
            if name in sums:
                sums[name] += parameter.grad
            elif len(losses) > 1:
                sums[name] = parameter.grad.clone()
    for name, parameter in model.parameters().items():
        if name in sums:
            parameter.grad.copy_(sums[name])


@dataclass
class RewardTally:
    """Sums over answers, from which means are made."""

    answers: int = 0
    reward: float = 0.0
    tokens: int = 0
    unread: int = 0
    by_grader: dict[str, float] = field(default_factory=dict)

    def count(self, rollout: Rollout, grade: graders.Grade) -> None:
        """Count one answer."""
        self.answers += 1
        self.reward += grade.reward
        self.tokens += len(rollout.drawn)
        self.unread += grade.sample_parse_error
        for name, score in grade.scores.items():
            self.by_grader[name] = self.by_grader.get(name, 0.0) + score

    def by_name(self) -> dict[str, float]:
        """Return the mean score of each grader."""
        return {name: total / self.answers for name, total in self.by_grader.items()}


class Rewards:
    """The objective of reinforcement; see training.Objective.

    Args:
        spec: names files, grader and how many answers are drawn.
        renderer: of the model that is trained.
        control: says whether to go on.
    """

    nothing = "no prompt is short enough for the model's context and an answer"

    def __init__(
        self, spec: TrainingSpec, renderer: ChatRenderer, control: Control
    ) -> None:
        self._spec, self._renderer, self._control = spec, renderer, control
        self._grader = graders.parse(spec.grader)
        self._samples = samples_per_prompt(spec.compute_multiplier)
        self.prompts = Prompts(spec.training_path, renderer)
        self.validation = None
        if spec.validation_path is not None:
            self.validation = Prompts(spec.validation_path, renderer)
        self.tokens, self.digest = self.prompts.tokens, self.prompts.digest
        self._processed = 0

    def __len__(self) -> int:
        return len(self.prompts)

    def remarks(self) -> Iterator[str]:
        """See training.Objective, as for all that follow."""
        files = {"training": self.prompts, "validation": self.validation}
        for name, prompts in files.items():
            if prompts is not None and prompts.too_long:
                yield (
                    f"{prompts.too_long} example(s) of the {name} file leave no room "
                    "for an answer in the model's context; they are left out."
                )

    def prepare(self, model: TrainableModel) -> None:
        """Nothing is to be prepared."""

    def _draw(
        self, model: TrainableModel, prompts: list[Prompt], seeds: list[int]
    ) -> list[Rollout]:
        return draw(
            answers_of_trained(model),
            [prompt.ids for prompt in prompts],
            seeds,
            end_ids=self._renderer.end_ids,
            max_tokens=longest_answer(self._renderer.context),
            between=lambda: go_on(self._control),
        )

    def _grade(self, rollout: Rollout, prompt: Prompt) -> graders.Grade:
        text = self._renderer.decode(rollout.answer)
        return graders.grade(self._grader, text, prompt.item)

    def learn(self, model: TrainableModel, batch: list[int], step: int):
        """Draw, grade, compare, and learn from the answers that differ."""
        prompts = [self.prompts[i] for i in batch for _ in range(self._samples)]
        seeds = [
            seed_of(self._spec.seed, "train", step, i, k)
            for i in batch
            for k in range(self._samples)
        ]
        rollouts = self._draw(model, prompts, seeds)
        tally, rewards = RewardTally(), []
        for rollout, prompt in zip(rollouts, prompts, strict=True):
            grade = self._grade(rollout, prompt)
            rewards.append(grade.reward)
            tally.count(rollout, grade)
        read = sum(len(self.prompts[i].ids) for i in batch)
        self._processed += read + tally.tokens
        weights = []
        for first in range(0, len(rewards), self._samples):
            weights += advantages(rewards[first : first + self._samples])
        useful = [
            (rollout, weight)
            for rollout, weight in zip(rollouts, weights, strict=True)
            if weight
        ]
        gradients_in_parts(model, self._losses(model, useful, tally.tokens))
        metrics = {
            "train_mean_reward": tally.reward / tally.answers,
            "completion_tokens_mean": tally.tokens / tally.answers,
            "train_grader_rewards": tally.by_name(),
        }
        return bool(useful), metrics

    def _losses(
        self, model: TrainableModel, useful: list[tuple[Rollout, float]], total: int
    ) -> list[Callable[[], Tensor]]:
        parts: list[list[tuple[Rollout, float]]] = []
        room = 0
        for rollout, weight in useful:
            length = len(rollout.prompt) + len(rollout.drawn)
            if length > room:
                parts.append([])
                room = max(TOKENS_AT_ONCE, length)
            parts[-1].append((rollout, weight))
            room -= length
        return [
            lambda part=part: policy_loss(
                model, [r for r, _ in part], [w for _, w in part], total
            )
            for part in parts
        ]

    def glance(self, model: TrainableModel, number: int, size: int) -> dict[str, Any]:
        """Rewards of a few prompts say little; see `evaluates_at`."""
        return {}

    def evaluates_at(self, step: int) -> bool:
        """Every `eval_interval` steps."""
        return bool(self.validation) and step % self._spec.eval_interval == 0

    def evaluate(self, model: TrainableModel) -> dict[str, Any]:
        """Draw answers to all validation prompts, with the same seeds each time."""
        if not self.validation:
            return {}
        places = [
            (i, k)
            for i in range(len(self.validation))
            for k in range(self._spec.eval_samples)
        ]
        prompts = [self.validation[i] for i, _ in places]
        seeds = [seed_of(self._spec.seed, "valid", i, k) for i, k in places]
        tally = RewardTally()
        rollouts = self._draw(model, prompts, seeds)
        for rollout, prompt in zip(rollouts, prompts, strict=True):
            tally.count(rollout, self._grade(rollout, prompt))
        return {
            "full_valid_mean_reward": tally.reward / tally.answers,
            "full_valid_mean_parse_error": tally.unread / tally.answers,
            "valid_grader_rewards": tally.by_name(),
        }

    def trained_tokens(self, n_epochs: int) -> int:
        """Tokens of the prompts that were read and of the answers that were drawn."""
        return self._processed

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Keep what was counted."""
        return {}, {"processed": self._processed}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take back what was counted."""
        self._processed = facts["processed"]
