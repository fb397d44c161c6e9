"""The checks of notebook 03: mask, loss, learning rate, the size of a LoRA.

Purpose: as helpers.checks, whose outcomes these are. A learner's function is called
on small cases made here, so any way of writing it is right that computes the right
numbers; hints name the mistake, never the answer.
torch is imported where tensors are made, and nowhere else. It must never know a
provider.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from helpers.checks import BLANK, Outcome, hint, not_tried, passed


class _Failed(Exception):
    """A learner's function raised; the message says what."""


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a learner's function.

    Raises:
        _Failed: it raised an error.
    """
    try:
        return function(*arguments)
    except Exception as error:
        raise _Failed(f"{type(error).__name__}: {error}") from error


# --- the mask ---------------------------------------------------------------------

MASKS = [
    (("system", 2), [0, 0, 0, 0]),
    (("user", 3), [0, 0, 0, 0, 0]),
    (("assistant", 3), [0, 1, 1, 1, 1]),
    (("assistant", 1), [0, 1, 1]),
]


def check_mask(function: Any) -> Outcome:
    """Check the weights of a message's tokens in the loss.

    Args:
        function: takes role and number of tokens of the text; returns one weight for
            the token of the role, each token of the text, and the token of the end.
    """
    for arguments, right in MASKS:
        try:
            found = _call(function, *arguments)
        except _Failed as failed:
            return hint("call", error=failed)
        if found is BLANK:
            return not_tried()
        outcome = _compare_mask(found, right, arguments[0])
        if outcome is not None:
            return outcome
    return passed("mask")


def _compare_mask(found: Any, right: list[int], role: str) -> Outcome | None:
    try:
        weights = [float(weight) for weight in found]
    except (TypeError, ValueError):
        return hint("mask.type")
    if len(weights) != len(right):
        return hint("mask.length", found=len(weights), n=len(right))
    if weights == [float(w) for w in right]:
        return None
    if role != "assistant":
        return hint("mask.asked", role=role)
    if weights[0]:
        return hint("mask.role")
    if not weights[-1]:
        return hint("mask.end")
    return hint("mask.answer")


# --- the loss ---------------------------------------------------------------------


def check_answer_loss(function: Any) -> Outcome:
    """Check the loss of one example: the mean over its answer tokens.

    Args:
        function: takes logits [n, vocabulary], ids [n] and weights [n] as tensors;
            returns the mean of -log p of each token with a weight, given those before.
    """
    import torch
    import torch.nn.functional as F

    chance = torch.Generator().manual_seed(1)
    logits = torch.randn(9, 7, generator=chance) * 2
    ids = torch.tensor([1, 4, 2, 6, 0, 3, 5, 2, 1])
    weights = torch.tensor([0.0, 0, 0, 0, 0, 1, 1, 1, 1])
    try:
        found = _call(function, logits, ids, weights)
    except _Failed as failed:
        return hint("call", error=failed)
    if found is BLANK:
        return not_tried()
    try:
        value = float(found)
    except (TypeError, ValueError, RuntimeError):
        return hint("loss.type")

    ahead = F.cross_entropy(logits[:-1], ids[1:], reduction="none")
    same = F.cross_entropy(logits, ids, reduction="none")
    late = F.cross_entropy(logits[1:], ids[:-1], reduction="none")
    counted = weights[1:]
    mistakes = {
        "loss.not_shifted": (same * weights).sum() / weights.sum(),
        "loss.backwards": (late * weights[:-1]).sum() / weights[:-1].sum(),
        "loss.all": ahead.mean(),
        "loss.mean": (ahead * counted).mean(),
        "loss.sum": (ahead * counted).sum(),
        "loss.weights": (ahead * weights[:-1]).sum() / weights[:-1].sum(),
        "loss.sign": -(ahead * counted).sum() / counted.sum(),
    }
    right = (ahead * counted).sum() / counted.sum()
    if math.isclose(value, float(right), rel_tol=1e-4):
        if not _has_gradient(function, logits, ids, weights):
            return hint("loss.gradient")
        return passed("loss")
    for name, wrong in mistakes.items():
        if math.isclose(value, float(wrong), rel_tol=1e-4):
            return hint(name)
    return hint("loss.wrong")


def _has_gradient(function: Any, logits: Any, ids: Any, weights: Any) -> bool:
    """Tell whether a loss can be used for training."""
    try:
        found = _call(function, logits.requires_grad_(), ids, weights)
    except _Failed:
        return False
    return getattr(found, "grad_fn", None) is not None


# --- the learning rate ------------------------------------------------------------

WARMUP_SHARE, WARMUP_STEPS = 0.05, 4


def warmup_steps(total_steps: int) -> int:
    """Return the steps in which the learning rate climbs, as in the local provider."""
    share = round(WARMUP_SHARE * total_steps)
    return max(1, share, min(WARMUP_STEPS, total_steps // 4))


def rate_share(step: int, total_steps: int) -> float:
    """Return the share of the learning rate in a step, as the local provider has it.

    A twentieth of the steps to climb, at least four of them (a quarter of very short
    jobs), the rest to fall to zero on a straight line.

    Args:
        step: 0 is the first.
        total_steps: of the whole job.
    """
    warmup = warmup_steps(total_steps)
    if step < warmup:
        return (step + 1) / warmup
    return (total_steps - step) / max(1, total_steps - warmup)


def check_rate_share(function: Any) -> Outcome:
    """Check a learning rate that climbs and then falls.

    Args:
        function: takes step (0 is the first), the number of all steps, and how many
            of them climb; returns the share of the highest rate.
    """
    for total in (100, 300, 40):
        warmup = warmup_steps(total)
        for step in (0, warmup - 1, warmup, total // 2, total - 1):
            try:
                found = _call(function, step, total, warmup)
            except _Failed as failed:
                return hint("call", error=failed)
            if found is BLANK:
                return not_tried()
            if not isinstance(found, Real):
                return hint("rate.type", found=type(found).__name__)
            if math.isclose(found, rate_share(step, total), rel_tol=1e-6):
                continue
            return _wrong_rate(float(found), step, total, warmup)
    return passed("rate")


def _wrong_rate(found: float, step: int, total: int, warmup: int) -> Outcome:
    where = {"step": step, "total": total, "found": f"{found:.3f}"}
    if step == 0 and found == 0:
        return hint("rate.zero", **where)
    if step < warmup:
        return hint("rate.climb", warmup=warmup, **where)
    return hint("rate.fall", warmup=warmup, **where)


# --- LoRA -------------------------------------------------------------------------


def check_lora_numbers(answer: Any, rows: int, columns: int, rank: int) -> Outcome:
    """Check how many weights LoRA trains for one matrix.

    Args:
        answer: the learner's number.
        rows, columns: of the matrix.
        rank: of the two thin matrices.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Real) or isinstance(answer, bool):
        return hint("lora.type")
    right = rank * (rows + columns)
    if answer == right:
        return passed("lora", n=right, share=right / (rows * columns))
    if answer == rows * columns:
        return hint("lora.whole")
    if answer in (rank * rows, rank * columns):
        return hint("lora.one")
    if answer == rank * rows * columns or answer == rank * rank:
        return hint("lora.product")
    return hint("lora.wrong")
