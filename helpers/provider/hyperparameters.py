"""What "auto" means: epochs, batch size and learning rate of a fine-tuning job.

Purpose: all numbers that decide how a job trains stand here, in one place, to be read
and argued with. It imports nothing heavy and must never know tensors or files.

The rule for epochs is OpenAI's. Batch size and learning rate are ours: they suit small
models that are trained whole on a CPU, where many small steps learn more from few rows
than few large ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

# The rule for epochs: openai-cookbook, Chat_finetuning_data_prep (read 2026-11-22).
TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MAX_DEFAULT_EPOCHS = 25

# One row a step for about a hundred rows, as OpenAI has it; more rows, larger batches,
# so that a job has a few hundred steps.
EXAMPLES_PER_BATCH_ROW = 64
MAX_AUTO_BATCH = 16

# Share of all steps in which the learning rate climbs, then it falls to zero.
WARMUP_SHARE = 0.05
# Short jobs too: with two steps of 36 the validation loss ended 8 % higher.
WARMUP_STEPS = 4

ADAM_BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.0
MUON_MOMENTUM = 0.95
# The norm to which the gradient of a step is cut.
MAX_GRADIENT_NORM = 1.0

# Models with at least this many parameters are not trained whole: LoRA instead.
LORA_FROM_PARAMETERS = 50_000_000
LORA_RANK = 16
LORA_ALPHA = 32

# Batches of at least this many rows are trained by "muon+adamw": Muon for the matrices
# of the layers, AdamW for the rest. A step of Muon costs as much as four rows, whatever
# the batch, so below that AdamW is as good and three times faster (try both with
# benchmarks/bench_quality.py --optimizer).
MUON_FROM_BATCH = 4


@dataclass(frozen=True)
class AutoLearningRate:
    """The learning rate at `learning_rate_multiplier` 1.

    Attributes:
        below: for models with fewer parameters than this.
        adamw: learning rate of AdamW when all weights are trained.
        muon: of Muon for the matrices; AdamW takes its own for the rest.
        lora: of AdamW when only low-rank additions are trained.
    """

    below: float
    adamw: float
    muon: float
    lora: float


# In order of size; a batch of n rows takes sqrt(n) times the rate (see learning_rate).
AUTO_LEARNING_RATE = (
    AutoLearningRate(below=10e6, adamw=5e-4, muon=1.75e-3, lora=4e-3),
    AutoLearningRate(below=50e6, adamw=3e-4, muon=3e-3, lora=2e-3),
    AutoLearningRate(below=500e6, adamw=1e-4, muon=1e-3, lora=1e-3),
    AutoLearningRate(below=float("inf"), adamw=2e-5, muon=2e-4, lora=2e-4),
)
# No more than this for a larger batch.
MAX_BATCH_FACTOR = 2.0


# What other methods take of the rate of AdamW or LoRA above. Tried with the base model
# fine-tuned on 100 recipes, every other one with its names In Title Case, to write
# small letters (as benchmarks/bench_methods.py does), on validation recipes.
# DPO, 100 pairs, 75 steps: share of drawn answers in small letters from 42 % to
# 58, 80, 88, 92 % with 0.02, 0.05, 0.1, 0.3; F1 from 0.82 to 0.88, 0.89, 0.87, 0.77:
# 0.3 forgets how to read recipes.
# Reinforcement, 100 prompts: mean reward after 16 of 25 steps 0.89 with 0.1 and 0.91
# with 0.3; from a model fine-tuned on 10 rows, greedy F1 from 0.916 to 0.927 and 0.938.
METHOD_RATE = {"supervised": 1.0, "dpo": 0.1, "reinforcement": 0.3}

# The usual value of the DPO paper (arXiv:2305.18290, appendix B).
DPO_BETA = 0.1
# A step of one pair or one prompt is too noisy for either method.
DPO_BATCH = 4
RL_BATCH = 4
# Answers for each prompt at compute_multiplier 1.
RL_SAMPLES = 8
RL_EVAL_SAMPLES = 2
# Evaluations of a job, about.
RL_EVALUATIONS = 8


@dataclass(frozen=True)
class Hyperparameters:
    """Numbers in place of "auto"."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float


_COMMON = {field.name for field in fields(Hyperparameters)}


def auto_epochs(n_examples: int) -> int:
    """Return OpenAI's number of epochs for a training file of this many examples.

    Three, but so that the model sees 100 to 25,000 examples in all, and at most 25
    epochs (openai-cookbook, Chat_finetuning_data_prep, read 2026-11-22).
    """
    if n_examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // n_examples)
    if n_examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(1, MAX_TARGET_EXAMPLES // n_examples)
    return TARGET_EPOCHS


def resolve_hyperparameters(
    n_examples: int,
    n_epochs: int | str = "auto",
    batch_size: int | str = "auto",
    learning_rate_multiplier: float | str = "auto",
) -> Hyperparameters:
    """Put numbers in place of "auto".

    Args:
        n_examples: examples in the training file.
        n_epochs: a number, or "auto" for OpenAI's rule.
        batch_size: examples a step, or "auto".
        learning_rate_multiplier: factor on AUTO_LEARNING_RATE, or "auto" for 1.

    Raises:
        ValueError: there are no examples.
    """
    if n_examples < 1:
        raise ValueError(f"n_examples is {n_examples}; expected 1 or more")
    if n_epochs == "auto":
        n_epochs = auto_epochs(n_examples)
    if batch_size == "auto":
        batch_size = max(1, min(MAX_AUTO_BATCH, n_examples // EXAMPLES_PER_BATCH_ROW))
    if learning_rate_multiplier == "auto":
        learning_rate_multiplier = 1.0
    return Hyperparameters(
        int(n_epochs), min(int(batch_size), n_examples), float(learning_rate_multiplier)
    )


def auto_optimizer(batch_size: int, method: str = "supervised") -> str:
    """Return "adamw" or, for larger supervised batches, "muon+adamw".

    Args:
        batch_size: examples a step.
        method: the rates of other methods were tuned for AdamW.
    """
    if method != "supervised":
        return "adamw"
    return "muon+adamw" if batch_size >= MUON_FROM_BATCH else "adamw"


def learning_rate(n_parameters: int, batch_size: int, method: str) -> float:
    """Return the highest learning rate of a job, before the multiplier.

    Args:
        n_parameters: of the whole model.
        batch_size: examples a step.
        method: "adamw", "muon" or "lora", a column of AUTO_LEARNING_RATE.
    """
    row = next(r for r in AUTO_LEARNING_RATE if n_parameters < r.below)
    return getattr(row, method) * min(MAX_BATCH_FACTOR, batch_size**0.5)


def warmup_steps(total_steps: int) -> int:
    """Return the steps in which the learning rate climbs: at most a quarter."""
    share = round(WARMUP_SHARE * total_steps)
    return max(1, share, min(WARMUP_STEPS, total_steps // 4))


def schedule(step: int, total_steps: int) -> float:
    """Return the share of the learning rate in a step: up, then down to zero.

    Args:
        step: 0 is the first.
        total_steps: of the whole job.
    """
    warmup = warmup_steps(total_steps)
    if step < warmup:
        return (step + 1) / warmup
    return (total_steps - step) / max(1, total_steps - warmup)


@dataclass(frozen=True)
class PreferenceHyperparameters(Hyperparameters):
    """Numbers in place of "auto", for preferences."""

    beta: float


@dataclass(frozen=True)
class RewardHyperparameters(Hyperparameters):
    """Numbers in place of "auto", for reinforcement."""

    compute_multiplier: float
    eval_interval: int
    eval_samples: int
    reasoning_effort: str


def resolve(method: str, n_examples: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Put numbers in place of "auto", for any method.

    Args:
        method: "supervised", "dpo" or "reinforcement".
        n_examples: examples in the training file.
        asked: the method's hyperparameters, a number or "auto" each.

    Raises:
        ValueError: there are no examples.
    """
    asked = dict(asked)
    own = {name: asked.pop(name) for name in list(asked) if name not in _COMMON}
    batches = {"dpo": DPO_BATCH, "reinforcement": RL_BATCH}
    if asked.get("batch_size", "auto") == "auto" and method in batches:
        asked["batch_size"] = batches[method]
    common = resolve_hyperparameters(n_examples, **asked)
    if method == "supervised":
        return asdict(common)
    chosen = {k: v for k, v in own.items() if v not in ("auto", None)}
    if method == "dpo":
        numbers = {"beta": DPO_BETA, **chosen}
        return asdict(PreferenceHyperparameters(**asdict(common), **numbers))
    steps = -(-n_examples // common.batch_size) * common.n_epochs
    numbers = {
        "compute_multiplier": 1.0,
        "eval_interval": max(1, steps // RL_EVALUATIONS),
        "eval_samples": RL_EVAL_SAMPLES,
        "reasoning_effort": "default",
        **chosen,
    }
    return asdict(RewardHyperparameters(**asdict(common), **numbers))


def samples_per_prompt(compute_multiplier: float) -> int:
    """Return how many answers to a prompt are compared; two at least."""
    return max(2, round(RL_SAMPLES * compute_multiplier))
