"""Fine-tuning on one page: examples, loss, optimiser, checkpoints, and going on again.

What a job does:

1. Every example is turned into tokens once. Tokens of the assistant's answers have a
   weight in the loss, all others have none: the model learns to answer, not to ask.
2. Each epoch shuffles the examples with the job's seed and cuts them into batches. The
   loss of a batch is the mean of -log p(next token) over its answer tokens.
3. One optimiser step per batch, the learning rate rising at first and falling to zero.
4. After each epoch the whole validation file is measured and a model folder is written.

What is learned is the objective's: answers here, preferences in preferences.py, the
rewards of a grader in reinforcement.py. The rest is the same for all of them.

The state of a run (weights, optimiser, random numbers, place in the data) is saved
every few seconds, and what goes on from it ends with the very weights of a run that was
never stopped: the order of the data depends on seed and epoch alone, and nothing else
in a step is left to chance.

It knows tensors and files; it must never know HTTP, SQL or what a job is called.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider import hyperparameters as auto
from helpers.provider.causal_models import TrainableModel, open_for_training
from helpers.provider.hyperparameters import (  # noqa: F401 (part of the interface)
    Hyperparameters,
    resolve_hyperparameters,
)
from helpers.provider.rendering import ChatRenderer
from helpers.provider.snapshots import load_snapshot, save_snapshot, whole_folder

Report = Callable[[dict[str, Any]], None]
Control = Callable[[], str]

CHECKPOINTS_KEPT = 3
# Validation on a mini-batch is spread over a job: often enough for a curve, and
# altogether about as much work as this many steps without a backward pass.
VALIDATIONS_PER_JOB = 50
# The end of an epoch is a good moment to save the state, unless epochs are very short.
SAVED_AT_LEAST_S = 2.0
# Texts are measured in groups of about this many tokens.
VALIDATION_TOKENS = 4096


@dataclass(frozen=True)
class TrainingSpec:
    """What to train, on what, and how.

    Args:
        model_path: Hugging Face folder to start from.
        training_path: JSON Lines file of chat examples, already checked.
        validation_path: the same for validation, or None.
        work_dir: folder for the state (`state/`) and the models (`checkpoints/`).
        method: "supervised", "dpo" or "reinforcement".
        n_epochs: times that every example is seen.
        batch_size: examples a step.
        learning_rate_multiplier: factor on the automatic learning rate.
        seed: decides the order of the examples.
        threads: computing threads.
        lora: True trains low-rank additions, False all weights, None decides by size.
        checkpoint_every_s: seconds between two saved states.
        resume: go on from a saved state of the same training, if there is one.
        optimizer: "adamw", "muon+adamw", or "auto" to decide by the batch.
        beta: of "dpo": how dear it is to leave the start model.
        compute_multiplier: of "reinforcement", as all that follow: factor on the
            answers sampled for each prompt.
        eval_interval: steps between two evaluations.
        eval_samples: answers sampled for each validation prompt.
        reasoning_effort: kept for the job's echo; these models do not reason.
        grader: as JSON values, already checked.
        checkpoints_kept: how many models are kept, None for all of them: who offers
            them to others has to withdraw one before its folder may go.
    """

    model_path: Path
    training_path: Path
    validation_path: Path | None
    work_dir: Path
    method: str = "supervised"
    n_epochs: int = 3
    batch_size: int = 1
    learning_rate_multiplier: float = 1.0
    seed: int = 0
    threads: int = 1
    lora: bool | None = None
    checkpoint_every_s: float = 10.0
    resume: bool = True
    optimizer: str = "auto"
    beta: float | None = None
    compute_multiplier: float | None = None
    eval_interval: int | None = None
    eval_samples: int | None = None
    reasoning_effort: str | None = None
    grader: dict[str, Any] | None = None
    checkpoints_kept: int | None = CHECKPOINTS_KEPT


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        status: "succeeded", "paused" or "cancelled".
        step: optimiser steps done.
        total_steps: of the whole training.
        trained_tokens: tokens of the training file times epochs, as they are billed.
        checkpoints: {"step", "epoch", "model_path"} of the models kept, oldest first;
            the last one is the fine-tuned model.
        seconds: wall time of this call for "preparing", "training", "validation" and
            "saving".
    """

    status: str
    step: int
    total_steps: int
    trained_tokens: int
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)


class Interrupted(Exception):
    """Somebody wants the training to stop in the middle of a step.

    Args:
        wish: "pause", "stop" or "cancel".
    """

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.wish = wish


class Objective(Protocol):
    """What a run learns from; one object lives as long as one call of `train`.

    Attributes:
        tokens: of the training file, as they are billed for each epoch.
        digest: of everything that is learned from.
        nothing: what to say of a file from which nothing can be learned.
    """

    tokens: int
    digest: str
    nothing: str

    def __len__(self) -> int:
        """Return how many examples there are to learn from."""

    def remarks(self) -> Iterator[str]:
        """Yield what its owner should know about the data."""

    def prepare(self, model: TrainableModel) -> None:
        """Do what has to be done once, before the first step.

        Raises:
            Interrupted: as for all that follow: somebody wants to stop. It is done
                again from its beginning then.
        """

    def learn(self, model: TrainableModel, batch: list[int], step: int):
        """Put the gradients of a batch into the model.

        Returns:
            Whether there is anything to learn, and the metrics of the step.
        """

    def glance(self, model: TrainableModel, number: int, size: int) -> dict[str, Any]:
        """Measure a small part of the validation file, another one each time."""

    def evaluates_at(self, step: int) -> bool:
        """Whether the whole validation file is measured after this step."""

    def evaluate(self, model: TrainableModel) -> dict[str, Any]:
        """Measure the whole validation file."""

    def trained_tokens(self, n_epochs: int) -> int:
        """Return the tokens to bill."""

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors and facts that a saved state needs."""

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take back what `state` gave."""


# ------------------------------------------------------------------------- the data


class Examples:
    """A file of examples as tokens and weights, rendered once.

    Args:
        path: JSON Lines file of chat examples.
        renderer: of the model that is trained.

    Attributes:
        tokens: of all examples together, cut at the context.
        truncated: how many examples were longer than the context.
        untrained: how many examples have no token to learn from; they are left out.
        digest: of all tokens and weights.
    """

    def __init__(self, path: Path, renderer: ChatRenderer) -> None:
        ids, weights, self._ends = array("i"), array("f"), [0]
        self.tokens = self.truncated = self.untrained = 0
        with open(path, encoding="utf-8-sig") as lines:
            for line in lines:
                if not line.strip():
                    continue
                row, row_weights = renderer.training_ids(json.loads(line))
                if len(row) > renderer.context:
                    self.truncated += 1
                    row = row[: renderer.context]
                    row_weights = row_weights[: renderer.context]
                self.tokens += len(row)
                if not any(row_weights[1:]):
                    self.untrained += 1
                    continue
                ids.extend(row)
                weights.extend(row_weights)
                self._ends.append(len(ids))
        digest = hashlib.sha256(ids.tobytes() + weights.tobytes())
        self.digest = digest.hexdigest()
        # Embedding and loss take 64-bit integers; converted once, not in each step.
        self._ids = torch.tensor(ids, dtype=torch.int64)
        self._weights = torch.tensor(weights, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def length(self, i: int) -> int:
        """Return the tokens of one example."""
        return self._ends[i + 1] - self._ends[i]

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        """Return ids and weights of one example."""
        place = slice(self._ends[i], self._ends[i + 1])
        return self._ids[place], self._weights[place]


def shuffled(n: int, seed: int, epoch: int) -> list[int]:
    """Return the order of an epoch; the same seed and epoch give the same order.

    Args:
        n: number of examples.
        seed: of the job.
        epoch: 0 is the first.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(n, generator=generator).tolist()


# ------------------------------------------------------------------------- the loss


@dataclass
class Tally:
    """Sums over tokens, from which means are made."""

    weight: float = 0.0
    loss: float = 0.0
    tokens: int = 0
    correct: int = 0

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.weight += other.weight
        self.loss += other.loss
        self.tokens += other.tokens
        self.correct += other.correct

    def metrics(self, prefix: str) -> dict[str, float]:
        """Return mean loss and mean token accuracy under OpenAI's names."""
        return {
            f"{prefix}_loss": self.loss / self.weight,
            f"{prefix}_mean_token_accuracy": self.correct / self.tokens,
        }


def batch_loss(
    model: TrainableModel, examples: Examples, batch: list[int]
) -> tuple[Tensor, Tally]:
    """Return the loss of a batch: the weighted mean over its answer tokens.

    The token at position t is predicted from the tokens before it, so the logits that
    are wanted stand one position earlier.

    Args:
        model: gives logits.
        examples: of which `batch` lists some.
        batch: indices.

    Returns:
        The loss, and what it is made of.
    """
    rows, wanted, targets, weights = [], [], [], []
    for i in batch:
        ids, weight = examples[i]
        answer = torch.nonzero(weight[1:]).flatten()
        rows.append(ids)
        wanted.append(answer)
        targets.append(ids[1:][answer])
        weights.append(weight[1:][answer])
    target, weight = torch.cat(targets), torch.cat(weights)
    logits = model.logits(rows, wanted)
    target, weight = target.to(logits.device), weight.to(logits.device)
    total = weight.sum()
    loss = (F.cross_entropy(logits, target, reduction="none") * weight).sum() / total
    with torch.no_grad():
        correct = (logits.argmax(-1) == target).sum()
    sums = Tally(
        weight=total.item(),
        loss=loss.item() * total.item(),
        tokens=len(target),
        correct=int(correct),
    )
    return loss, sums


def measure(
    model: TrainableModel, examples: Examples, batches: Iterator[list[int]]
) -> Iterator[Tally]:
    """Measure the loss of batches without learning from them, one by one."""
    for batch in batches:
        with torch.no_grad():
            yield batch_loss(model, examples, batch)[1]


def by_tokens(
    examples: Sized,
    limit: int = VALIDATION_TOKENS,
    chosen: Sequence[int] | None = None,
) -> Iterator[list[int]]:
    """Cut examples into groups of about `limit` tokens, similar lengths together.

    Args:
        examples: anything with a number of examples and their `length(i)`.
        limit: a group has one example or at most so many tokens.
        chosen: indices of those to take; None takes all.

    Yields:
        list[int]: indices.
    """
    group: list[int] = []
    total = 0
    indices = range(len(examples)) if chosen is None else chosen
    for i in sorted(indices, key=examples.length):
        if group and total + examples.length(i) > limit:
            yield group
            group, total = [], 0
        group.append(i)
        total += examples.length(i)
    if group:
        yield group


def tokens_at_once(model: TrainableModel) -> int:
    """Return how many tokens of a model's texts are measured at once."""
    return min(VALIDATION_TOKENS, model.most_tokens or VALIDATION_TOKENS)


def pieces_of(
    model: TrainableModel, examples: Sized, batch: list[int]
) -> list[list[int]]:
    """Return a batch in the pieces that a model learns it in, often the whole."""
    if model.most_tokens is None:
        return [batch]
    return list(by_tokens(examples, model.most_tokens, batch))


def remarks_on(examples: Any, file: str) -> Iterator[str]:
    """Yield what the owner of a file should know about how it was read."""
    if examples.truncated:
        yield (
            f"{examples.truncated} example(s) of the {file} file are longer "
            "than the model's context; they are cut at its end."
        )
    if examples.untrained:
        yield (
            f"{examples.untrained} example(s) of the {file} file have no "
            "answer within the model's context; they are left out."
        )


class Answers:
    """The objective of supervised fine-tuning: to give the answers of the file.

    Args:
        spec: names the files.
        renderer: of the model that is trained.
        control: says whether to go on.
    """

    nothing = (
        "no example has an answer to learn from; expected assistant messages with "
        "content and a weight other than 0"
    )

    def __init__(
        self, spec: TrainingSpec, renderer: ChatRenderer, control: Control
    ) -> None:
        self._control = control
        self.examples = Examples(spec.training_path, renderer)
        self.validation = None
        if spec.validation_path is not None:
            self.validation = Examples(spec.validation_path, renderer)
        self.tokens, self.digest = self.examples.tokens, self.examples.digest

    def __len__(self) -> int:
        return len(self.examples)

    def remarks(self) -> Iterator[str]:
        """See Objective, as for all that follow."""
        yield from remarks_on(self.examples, "training")
        if self.validation is not None:
            yield from remarks_on(self.validation, "validation")

    def prepare(self, model: TrainableModel) -> None:
        """Nothing is to be prepared."""

    def learn(self, model: TrainableModel, batch: list[int], step: int):
        """One batch, one loss; in pieces, where all at once needs too much memory.

        The loss of the batch is the mean over its tokens, so each piece counts by its
        share of their weight. (Gradient accumulation: the sum is the same.)
        """
        pieces = pieces_of(model, self.examples, batch)
        if len(pieces) == 1:
            loss, whole = batch_loss(model, self.examples, batch)
            model.backward(loss)
            return True, whole.metrics("train")
        whole = Tally()
        weight = sum(float(self.examples[i][1][1:].sum()) for i in batch)
        for piece in pieces:
            loss, tally = batch_loss(model, self.examples, piece)
            model.backward(loss * (tally.weight / weight), add=whole.tokens > 0)
            whole.add(tally)
        return True, whole.metrics("train")

    def glance(self, model: TrainableModel, number: int, size: int) -> dict[str, Any]:
        """Loss of one mini-batch."""
        if not self.validation:
            return {}
        total = Tally()
        (batch,) = mini_batch(self, number, size)
        groups = by_tokens(self.validation, tokens_at_once(model), batch)
        for tally in measure(model, self.validation, groups):
            total.add(tally)
        return total.metrics("valid")

    def evaluates_at(self, step: int) -> bool:
        """After epochs only."""
        return False

    def evaluate(self, model: TrainableModel) -> dict[str, Any]:
        """Loss of the whole file."""
        if not self.validation:
            return {}
        total = Tally()
        groups = by_tokens(self.validation, tokens_at_once(model))
        for tally in measure(model, self.validation, groups):
            total.add(tally)
            go_on(self._control)
        return total.metrics("full_valid")

    def trained_tokens(self, n_epochs: int) -> int:
        """Tokens of the file times epochs."""
        return self.tokens * n_epochs

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Nothing beside weights and optimiser."""
        return {}, {}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Nothing is to be taken back."""


def mini_batch(objective: Any, number: int, size: int) -> Iterator[list[int]]:
    """Yield the indices of one mini-batch of the validation file, in turn."""
    n = len(objective.validation)
    yield [(number * size + i) % n for i in range(min(size, n))]


def go_on(control: Control) -> None:
    """Return if nothing speaks against it.

    Raises:
        Interrupted: somebody wants the training to stop.
    """
    if (wish := control()) != "run":
        raise Interrupted(wish)


def objective_of(
    spec: TrainingSpec, renderer: ChatRenderer, control: Control
) -> Objective:
    """Return what a training learns from, read from its files.

    Raises:
        ValueError: there is no such method.
    """
    # They build on this module.
    from helpers.provider.preferences import Preferences
    from helpers.provider.reinforcement import Rewards

    kinds = {"supervised": Answers, "dpo": Preferences, "reinforcement": Rewards}
    if spec.method not in kinds:
        names = ", ".join(f'"{name}"' for name in kinds)
        raise ValueError(f"method {spec.method!r}: expected one of {names}")
    return kinds[spec.method](spec, renderer, control)


# -------------------------------------------------------------------- the optimiser


def make_optimizers(model: TrainableModel, spec: TrainingSpec) -> list:
    """Return the optimisers of a model; each group knows its highest rate as `peak`.

    AdamW (Loshchilov and Hutter, 2017, arXiv:1711.05101) trains everything, or, with
    "muon+adamw", what Muon (Jordan, 2024, kellerjordan.github.io/posts/muon) leaves:
    Muon is made for the matrices of the layers.

    Raises:
        ValueError: there is no optimiser of that name.
    """
    chosen = spec.optimizer
    if chosen == "auto":
        chosen = auto.auto_optimizer(spec.batch_size, spec.method)
    if chosen not in ("adamw", "muon+adamw"):
        raise ValueError(
            f'optimizer {chosen!r}: expected "adamw", "muon+adamw" or "auto"'
        )

    def peak(method: str) -> float:
        rate = auto.learning_rate(model.n_parameters, spec.batch_size, method)
        return rate * auto.METHOD_RATE[spec.method] * spec.learning_rate_multiplier

    parameters = model.parameters()
    optimizers: list[torch.optim.Optimizer] = []
    if chosen == "muon+adamw" and not model.lora:
        names = model.matrices()
        matrices = [p for n, p in parameters.items() if n in names]
        parameters = {n: p for n, p in parameters.items() if n not in names}
        optimizers.append(
            torch.optim.Muon(
                matrices,
                lr=peak("muon"),
                momentum=auto.MUON_MOMENTUM,
                weight_decay=auto.WEIGHT_DECAY,
            )
        )
    optimizers.append(
        torch.optim.AdamW(
            list(parameters.values()),
            lr=peak("lora" if model.lora else "adamw"),
            betas=auto.ADAM_BETAS,
            weight_decay=auto.WEIGHT_DECAY,
            fused=True,
        )
    )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


# ------------------------------------------------------------------------- training


def train(spec: TrainingSpec, report: Report, control: Control) -> TrainingResult:
    """Train a model, or go on training it.

    Args:
        spec: what to train and how.
        report: is told what happens, in dicts with a "type": "message" (something
            about the data), "saving" (step; the state is about to be saved, so all
            that was told before has to last as well), "resumed" (step), "step" (step,
            total_steps, train_loss, train_mean_token_accuracy and, where they were
            measured, valid_loss, valid_mean_token_accuracy, full_valid_loss,
            full_valid_mean_token_accuracy; other methods have metrics of their own)
            and "checkpoint" (step, epoch, model_path, metrics). After a resume, steps
            may come again under the same numbers.
        control: asked before each step and each group of validation texts; answers
            "run", "pause", "stop" (a pause that offers no model) or "cancel".

    Returns:
        How it ended. After "paused", the same spec goes on.

    Raises:
        ValueError: nothing can be learned from the training file, or the method or
            optimiser is not known.
        OSError: the disk is full.
    """
    threads_before = torch.get_num_threads()
    torch.set_num_threads(spec.threads)
    # Adam's means of weights that stand still shrink for ever; numbers too small for
    # the normal format would make every operation on them many times slower.
    torch.set_flush_denormal(True)
    try:
        return _Run(spec, report, control).go()
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads_before)


class _Run:
    """One call of `train`: the objects that its steps share."""

    def __init__(self, spec: TrainingSpec, report: Report, control: Control) -> None:
        self.spec, self.report, self.control = spec, report, control
        self.seconds: Counter[str] = Counter()
        with self._timed("preparing"):
            self._prepare()

    @contextlib.contextmanager
    def _timed(self, kind: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[kind] += time.perf_counter() - began

    def _prepare(self) -> None:
        spec = self.spec
        renderer = ChatRenderer(spec.model_path)
        self.objective = objective_of(spec, renderer, self.control)
        if not len(self.objective):
            raise ValueError(f"{spec.training_path.name}: {self.objective.nothing}")
        self.model = open_for_training(spec.model_path, lora=spec.lora, seed=spec.seed)
        self.parameters = self.model.parameters()
        self.optimizers = make_optimizers(self.model, spec)
        self.batch_size = min(spec.batch_size, len(self.objective))
        self.steps_per_epoch = -(-len(self.objective) // self.batch_size)
        self.total_steps = self.steps_per_epoch * spec.n_epochs
        self.valid_every = max(1, self.total_steps // VALIDATIONS_PER_JOB)
        self.step = 0
        # What the last step measured, for a model that is written by a pause.
        self.latest: dict[str, Any] = {}
        # What a step said that is followed by a measurement, until that is done.
        self.unfinished: dict[str, Any] | None = None
        self.saved_at = time.monotonic()

    def go(self) -> TrainingResult:
        for say in self.objective.remarks():
            self.report({"type": "message", "level": "warn", "message": say})
        if self.spec.resume and self._load():
            self.report({"type": "resumed", "step": self.step})
        else:
            shutil.rmtree(self.spec.work_dir / "state", ignore_errors=True)
        try:
            with self._timed("preparing"):
                self.objective.prepare(self.model)
            return self._train()
        except Interrupted as fault:
            return self._stop(fault.wish)

    def _train(self) -> TrainingResult:
        order, epoch_of_order = [], -1
        while True:
            if self.unfinished is not None:
                self._end_step()
            if self.step == self.total_steps:
                return self._result("succeeded")
            go_on(self.control)
            epoch, place = divmod(self.step, self.steps_per_epoch)
            if epoch != epoch_of_order:
                order = shuffled(len(self.objective), self.spec.seed, epoch)
                epoch_of_order = epoch
            start = place * self.batch_size
            with self._timed("training"):
                metrics = self._learn(order[start : start + self.batch_size])
            if self.step % self.valid_every == 0 or self.step == 1:
                with self._timed("validation"):
                    number = self.step // self.valid_every
                    metrics |= self.objective.glance(
                        self.model, number, self.batch_size
                    )
            self.latest = metrics
            entry = {"type": "step", "step": self.step, "total_steps": self.total_steps}
            ends_epoch = self.step % self.steps_per_epoch == 0
            if ends_epoch or self.objective.evaluates_at(self.step):
                self.unfinished = entry | metrics
                continue
            self.report(entry | metrics)
            if time.monotonic() - self.saved_at >= self.spec.checkpoint_every_s:
                self._save()

    def _learn(self, batch: list[int]) -> dict[str, Any]:
        """One step: loss, gradients, a bounded change of the weights."""
        learned, metrics = self.objective.learn(self.model, batch, self.step)
        if learned:
            torch.nn.utils.clip_grad_norm_(
                self.parameters.values(), auto.MAX_GRADIENT_NORM
            )
            share = auto.schedule(self.step, self.total_steps)
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * share
                optimizer.step()
        self.step += 1
        return metrics

    def _end_step(self) -> None:
        """Measure the whole validation file, and write a model after an epoch.

        Raises:
            Interrupted: somebody wants to stop; it is all done again then.
        """
        with self._timed("validation"):
            entry = self.unfinished | self.objective.evaluate(self.model)
        self.report(entry)
        if self.step % self.steps_per_epoch == 0:
            self._end_epoch(entry)
        self.unfinished = None
        pause = min(SAVED_AT_LEAST_S, self.spec.checkpoint_every_s)
        over = self.step == self.total_steps
        if over or time.monotonic() - self.saved_at >= pause:
            self._save()

    def _end_epoch(self, entry: dict[str, Any]) -> None:
        folder = self._write_model()
        if self.spec.checkpoints_kept is not None:
            for old in self._checkpoints()[: -self.spec.checkpoints_kept]:
                _remove(Path(old["model_path"]))
        metrics = {k: v for k, v in entry.items() if k not in ("type", "total_steps")}
        self.report(
            {
                "type": "checkpoint",
                "step": self.step,
                "epoch": self.step // self.steps_per_epoch,
                "model_path": str(folder),
                "metrics": metrics,
            }
        )

    def _stop(self, wish: str) -> TrainingResult:
        """Stop because somebody said so; a cancelled training is not saved."""
        if wish == "cancel":
            return self._result("cancelled")
        self._save()
        if wish == "pause" and 0 < self.step < self.total_steps:
            self._offer_model()
        return self._result("paused")

    def _offer_model(self) -> None:
        """Write the model as it is now: whoever pauses a job may want to try it."""
        self.report(
            {
                "type": "checkpoint",
                "step": self.step,
                "epoch": self.step // self.steps_per_epoch,
                "model_path": str(self._write_model()),
                "metrics": {"step": self.step, **self.latest},
            }
        )

    def _write_model(self) -> Path:
        """Write the model of the current step, unless it is there; returns where."""
        folder = self._folder(self.step)
        if not folder.exists():
            with self._timed("saving"), whole_folder(folder) as temporary:
                self.model.save(temporary)
        return folder

    def _result(self, status: str) -> TrainingResult:
        return TrainingResult(
            status=status,
            step=self.step,
            total_steps=self.total_steps,
            trained_tokens=self.objective.trained_tokens(self.spec.n_epochs),
            checkpoints=self._checkpoints(),
            seconds={kind: round(took, 3) for kind, took in self.seconds.items()},
        )

    def _folder(self, step: int) -> Path:
        return self.spec.work_dir / "checkpoints" / f"step-{step}"

    def _checkpoints(self) -> list[dict[str, Any]]:
        """Models of this training on disk, oldest first."""
        steps = [e * self.steps_per_epoch for e in range(1, self.spec.n_epochs + 1)]
        return [
            {
                "step": step,
                "epoch": step // self.steps_per_epoch,
                "model_path": str(self._folder(step)),
            }
            for step in steps
            if step <= self.step and self._folder(step).exists()
        ]

    # -------------------------------------------------------------------- the state

    def _identity(self) -> str:
        """What a saved state has to agree with: data, base model and settings."""
        facts = asdict(self.spec)
        for name in (
            "work_dir",
            "checkpoint_every_s",
            "resume",
            "threads",
            "checkpoints_kept",
        ):
            del facts[name]
        for name in ("model_path", "training_path", "validation_path"):
            del facts[name]
        # What a method does not use says nothing about its training.
        facts = {name: value for name, value in facts.items() if value is not None} | {
            "lora": self.spec.lora
        }
        facts["data"] = self.objective.digest
        facts["shapes"] = {n: list(p.shape) for n, p in self.parameters.items()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _save(self) -> None:
        with self._timed("saving"):
            self._save_state()

    def _save_state(self) -> None:
        tensors = {f"weights/{n}": p.detach() for n, p in self.parameters.items()}
        names = {id(p): n for n, p in self.parameters.items()}
        for i, optimizer in enumerate(self.optimizers):
            for parameter, state in optimizer.state.items():
                for key, value in state.items():
                    name = f"optimizer/{i}/{key}/{names[id(parameter)]}"
                    tensors[name] = torch.as_tensor(value)
        tensors["random"] = torch.get_rng_state()
        own_tensors, own_facts = self.objective.state()
        tensors |= {f"objective/{name}": t for name, t in own_tensors.items()}
        facts = {
            "identity": self._identity(),
            "step": self.step,
            "unfinished": self.unfinished,
            "objective": own_facts,
        }
        number = 2 * self.step + (self.unfinished is None)
        self.report({"type": "saving", "step": self.step})
        save_snapshot(self.spec.work_dir / "state", number, tensors, facts)
        self.saved_at = time.monotonic()

    def _load(self) -> bool:
        found = load_snapshot(self.spec.work_dir / "state")
        if found is None or found[1]["identity"] != self._identity():
            return False
        tensors, facts = found
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"weights/{name}"])
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            if kind != "optimizer":
                continue
            i, key, parameter_name = rest.split("/", 2)
            parameter = self.parameters[parameter_name]
            if key != "step":
                tensor = tensor.to(parameter.device)
            self.optimizers[int(i)].state[parameter][key] = tensor
        own = {
            name.removeprefix("objective/"): tensor
            for name, tensor in tensors.items()
            if name.startswith("objective/")
        }
        self.objective.restore(own, facts.get("objective", {}))
        torch.set_rng_state(tensors["random"])
        self.step, self.unfinished = facts["step"], facts["unfinished"]
        return True


def _remove(folder: Path) -> None:
    """Remove a model folder; renamed first, so that no half of it is ever seen."""
    going = folder.with_name(f".{folder.name}.removed")
    folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)
