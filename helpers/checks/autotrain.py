"""The automatic checks of the exercises in the notebook about training without code.

Purpose: as `checks`: each says right, not yet with a hint, or not tried; every right
solution passes, and no hint gives the answer away. It must never know a provider, nor
change what a notebook uses later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from helpers.autotrain import check_config
from helpers.checks import BLANK, Outcome, hint, not_tried, passed

ROWS = 100  # of the notebook's training file


def check_mended(answer: Any, folder: str | Path | None = None) -> Outcome:
    """Check a configuration that was mended and still trains with LoRA.

    Args:
        answer: the learner's configuration.
        folder: what paths in it start from.
    """
    if not isinstance(answer, Mapping) or not isinstance(answer.get("params"), Mapping):
        return hint("config_mended.type")
    if any(value is BLANK for value in answer["params"].values()):
        return not_tried()
    for remark in check_config(answer, folder):
        if remark.severity == "error":
            return hint(
                "config_mended.errors", where=remark.where, reason=remark.reason
            )
    if not answer["params"].get("peft"):
        return hint("config_mended.lora")
    return passed("config_mended")


def check_steps(answer: Any, tape: int, params: Mapping[str, Any]) -> Outcome:
    """Check how many steps a packed training takes.

    Args:
        answer: the learner's number.
        tape: tokens of all examples, end to end.
        params: block_size and epochs; a step takes one block.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, bool) or not isinstance(answer, Integral | Real):
        return hint("steps.type", found=type(answer).__name__)
    blocks, epochs = tape // params["block_size"], params["epochs"]
    # The trainer cuts the tape piece by piece; a block more or less is no mistake.
    if abs(answer / epochs - blocks) <= 1 and float(answer).is_integer():
        return passed("steps", steps=int(answer))
    if answer == blocks:
        return hint("steps.epoch")
    if answer == ROWS * epochs:
        return hint("steps.rows")
    if not float(answer).is_integer():
        return hint("steps.part")
    return hint("steps.wrong")


def check_share(answer: Any, answers: Sequence[int], tape: int) -> Outcome:
    """Check which share of a tape's tokens are answers.

    Args:
        answer: the learner's number, 0 to 1.
        answers: tokens of each answer.
        tape: tokens of all examples.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, bool) or not isinstance(answer, Real):
        return hint("share.type")
    share = sum(answers) / tape
    if abs(answer - share) < 0.01:
        return passed("share", share=float(answer))
    if abs(answer - (1 - share)) < 0.01:
        return hint("share.questions")
    if abs(answer - share / len(answers)) < 1e-4:
        return hint("share.mean")
    return hint("share.wrong")
