"""Direct preference optimisation: of two answers, the preferred one shall be likelier.

The loss is that of Rafailov et al., 2023 (arXiv:2305.18290, equation 7):

    -log sigmoid(beta * ((log p(y) - log q(y)) - (log p(z) - log q(z))))

for the preferred answer y and the other one z, p the model that is trained and q the
model it started from. log p of an answer is the sum over its tokens. q never changes,
so its numbers are computed once, before the first step, and kept in the saved state: a
training that goes on has to compare with the very same numbers.

It knows tensors and files; it must never know HTTP, SQL or what a job is called.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider.causal_models import TrainableModel
from helpers.provider.rendering import ChatRenderer
from helpers.provider.training import (
    Control,
    TrainingSpec,
    by_tokens,
    go_on,
    mini_batch,
    pieces_of,
    remarks_on,
    tokens_at_once,
)


class Pairs:
    """A file of preferences as tokens: a preferred and another answer to each prompt.

    Args:
        path: JSON Lines file of preferences, already checked.
        renderer: of the model that is trained.

    Attributes:
        tokens: of all prompts with both answers together, cut at the context.
        truncated: how many pairs have a text longer than the context.
        untrained: how many pairs lack an answer within the context, or prefer one to
            itself; they are left out.
        digest: of all tokens and answers' places.
    """

    def __init__(self, path: Path, renderer: ChatRenderer) -> None:
        self.tokens = self.truncated = self.untrained = 0
        self._rows: list[tuple[Tensor, Tensor]] = []
        digest = hashlib.sha256()
        with open(path, encoding="utf-8-sig") as lines:
            for line in lines:
                if line.strip():
                    self._add(json.loads(line), renderer, digest)
        self.digest = digest.hexdigest()

    def _add(self, example: dict[str, Any], renderer: ChatRenderer, digest) -> None:
        texts = [
            renderer.training_ids(chat)
            for chat in (chats_of(example, name) for name in _OUTPUTS)
        ]
        rows, long = [], False
        for ids, weights in texts:
            long = long or len(ids) > renderer.context
            ids = ids[: renderer.context]
            wanted = [t for t, w in enumerate(weights[1 : len(ids)]) if w]
            rows.append((ids, wanted))
        self.truncated += long
        self.tokens += sum(len(ids) for ids, _ in rows)
        if not all(wanted for _, wanted in rows) or rows[0] == rows[1]:
            self.untrained += 1
            return
        for ids, wanted in rows:
            digest.update(array("i", [len(ids), *ids, *wanted]).tobytes())
            self._rows.append((torch.tensor(ids), torch.tensor(wanted)))

    def __len__(self) -> int:
        return len(self._rows) // 2

    def length(self, i: int) -> int:
        """Return the tokens of one pair."""
        return sum(len(ids) for ids, _ in self[i])

    def __getitem__(self, i: int) -> list[tuple[Tensor, Tensor]]:
        """Return (ids, places that predict the answer) of both texts."""
        return self._rows[2 * i : 2 * i + 2]


_OUTPUTS = ("preferred_output", "non_preferred_output")


def chats_of(example: dict[str, Any], output: str) -> dict[str, Any]:
    """Return a preference with one of its answers as a chat that is trained on it.

    Args:
        example: one line of a preference file.
        output: "preferred_output" or "non_preferred_output".
    """
    asked = example["input"]
    # Earlier answers are part of the question here.
    before = [
        {**message, "weight": 0} if message["role"] == "assistant" else message
        for message in asked["messages"]
    ]
    answer = {**example[output][0], "weight": 1}
    return {"messages": [*before, answer], "tools": asked.get("tools")}


def log_probabilities(
    model: TrainableModel, pairs: Pairs, batch: list[int]
) -> tuple[Tensor, Tensor]:
    """Return how likely the answers of some pairs are.

    Both answers of all pairs go through the model at once, because it keeps what it
    needs for the way back of the last computation only.

    Args:
        model: gives logits.
        pairs: of which `batch` lists some.
        batch: indices.

    Returns:
        Natural logarithms of the probability of each answer [pairs, 2], the preferred
        one first, differentiable; and for each token of the preferred answers, one
        after the other, 1.0 if the model puts it first, else 0.0.
    """
    rows = [row for i in batch for row in pairs[i]]
    logits = model.logits([ids for ids, _ in rows], [wanted for _, wanted in rows])
    targets = torch.cat([ids[wanted + 1] for ids, wanted in rows]).to(logits.device)
    tokens = -F.cross_entropy(logits, targets, reduction="none")
    sizes = [len(wanted) for _, wanted in rows]
    sums = torch.stack([part.sum() for part in tokens.split(sizes)])
    with torch.no_grad():
        right = (logits.argmax(-1) == targets).float().split(sizes)[::2]
    return sums.view(-1, 2), torch.cat(right)


def preference_loss(chances: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the mean loss of some pairs (see the module).

    Args:
        chances: log probabilities under the model that is trained [pairs, 2].
        reference: the same under the model that it started from.
        beta: how dear it is to leave that model.
    """
    return -F.logsigmoid(margins(chances, reference, beta)).mean()


def margins(chances: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return by how much the implicit reward of the preferred answer is higher.

    The implicit reward of an answer is beta * (log p - log q) (arXiv:2305.18290,
    section 4).
    """
    rewards = beta * (chances - reference)
    return rewards[:, 0] - rewards[:, 1]


@dataclass
class PairTally:
    """Sums over pairs, from which means are made."""

    pairs: int = 0
    loss: float = 0.0
    won: int = 0
    margin: float = 0.0
    tokens: int = 0
    right: int = 0

    @classmethod
    def of(
        cls, chances: Tensor, reference: Tensor, right: Tensor, beta: float
    ) -> PairTally:
        """Count some pairs; see `log_probabilities` and `preference_loss`."""
        n, ahead = len(chances), margins(chances.detach(), reference, beta)
        loss = preference_loss(chances.detach(), reference, beta).item()
        return cls(
            n,
            loss * n,
            int((ahead > 0).sum()),
            ahead.sum().item(),
            len(right),
            int(right.sum()),
        )

    def add(self, other: PairTally) -> None:
        """Add another tally to this one."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def metrics(self, prefix: str) -> dict[str, float]:
        """Return means: loss and token accuracy under OpenAI's names for any job.

        Accuracy is that of the tokens of the preferred answers. Beside it stands the
        share of pairs in which the preferred answer gained more than the other, and by
        how much, under the names of TRL's DPOTrainer as far as they fit in here.
        """
        return {
            f"{prefix}_loss": self.loss / self.pairs,
            f"{prefix}_mean_token_accuracy": self.right / self.tokens,
            f"{prefix}_reward_accuracy": self.won / self.pairs,
            f"{prefix}_reward_margin": self.margin / self.pairs,
        }


class Preferences:
    """The objective of direct preference optimisation; see training.Objective.

    Args:
        spec: names the files and beta.
        renderer: of the model that is trained.
        control: says whether to go on.
    """

    nothing = (
        "no pair has two different answers to learn from; expected answers with "
        "content, within the model's context"
    )

    def __init__(
        self, spec: TrainingSpec, renderer: ChatRenderer, control: Control
    ) -> None:
        self._control, self._beta = control, spec.beta
        self.pairs = Pairs(spec.training_path, renderer)
        self.validation = None
        if spec.validation_path is not None:
            self.validation = Pairs(spec.validation_path, renderer)
        self.tokens = self.pairs.tokens
        self.digest = self.pairs.digest + (
            self.validation.digest if self.validation else ""
        )
        self._reference: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self.pairs)

    def remarks(self) -> Iterator[str]:
        """See training.Objective, as for all that follow."""
        yield from remarks_on(self.pairs, "training")
        if self.validation is not None:
            yield from remarks_on(self.validation, "validation")

    def prepare(self, model: TrainableModel) -> None:
        """Ask the start model how likely all answers are, unless a state knows it.

        Without one the model has made no step yet, so it is the start model still.
        """
        if self._reference:
            return
        found = {}
        for name, pairs in (("train", self.pairs), ("valid", self.validation)):
            if not pairs:
                continue
            known = torch.zeros(len(pairs), 2)
            for group in by_tokens(pairs, tokens_at_once(model)):
                go_on(self._control)
                with torch.no_grad():
                    chances, _ = log_probabilities(model, pairs, group)
                known[group] = chances.cpu()
            found[name] = known
        self._reference = found

    def learn(self, model: TrainableModel, batch: list[int], step: int):
        """One batch of pairs, one loss; in pieces where a model needs it.

        The loss is the mean over pairs, so each piece counts by its share of them.
        """
        whole = PairTally()
        for piece in pieces_of(model, self.pairs, batch):
            chances, right = log_probabilities(model, self.pairs, piece)
            reference = self._reference["train"][piece].to(chances.device)
            loss = preference_loss(chances, reference, self._beta)
            share = len(piece) / len(batch)
            if whole.pairs:
                model.backward(loss * share, add=True)
            else:
                model.backward(loss * share)
            whole.add(PairTally.of(chances, reference, right, self._beta))
        return True, whole.metrics("train")

    def glance(self, model: TrainableModel, number: int, size: int) -> dict[str, Any]:
        """Measure one mini-batch of the validation file."""
        if not self.validation:
            return {}
        (batch,) = mini_batch(self, number, size)
        return self._measure(model, batch).metrics("valid")

    def _measure(self, model: TrainableModel, batch: list[int]) -> PairTally:
        with torch.no_grad():
            chances, right = log_probabilities(model, self.validation, batch)
        reference = self._reference["valid"][batch].to(chances.device)
        return PairTally.of(chances, reference, right, self._beta)

    def evaluates_at(self, step: int) -> bool:
        """After epochs only."""
        return False

    def evaluate(self, model: TrainableModel) -> dict[str, Any]:
        """Measure the whole validation file."""
        if not self.validation:
            return {}
        total = PairTally()
        for group in by_tokens(self.validation, tokens_at_once(model)):
            total.add(self._measure(model, group))
            go_on(self._control)
        return total.metrics("full_valid")

    def trained_tokens(self, n_epochs: int) -> int:
        """Tokens of the file, both answers with their prompts, times epochs."""
        return self.tokens * n_epochs

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Keep what the start model said."""
        return self._reference, {}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take back what the start model said."""
        self._reference = tensors
