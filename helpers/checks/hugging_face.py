"""The automatic checks of the exercises in the notebook about Hugging Face.

Purpose: as `checks`: each says right, not yet with a hint, or not tried; every right
solution passes, and no hint gives the answer away. It must never know a model, nor
change what a notebook uses later.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import BLANK, Outcome, hint, not_tried, passed

IGNORED = -100  # what torch's cross_entropy leaves out
PRICE = 1.212  # dollars an hour, as the tutorial says
CLAIMED = 1.8  # dollars, as it says for both runs


def _is_number(answer: Any) -> bool:
    return isinstance(answer, Real | np.number) and not isinstance(answer, bool)


def check_shuffle(answer: Any, rows: pd.DataFrame) -> Outcome:
    """Check a function that shuffles rows: all of them, the same way each time.

    Args:
        answer: the learner's function of a DataFrame.
        rows: some rows.
    """
    if answer is BLANK:
        return not_tried()
    if not callable(answer):
        return hint("shuffle.type", found=type(answer).__name__)
    before = rows.copy()
    first, second = answer(rows), answer(rows)
    if not isinstance(first, pd.DataFrame) or not isinstance(second, pd.DataFrame):
        return hint("shuffle.rows", found=type(first).__name__)
    if not rows.equals(before):
        return hint("shuffle.changed")
    if sorted(first["question"]) != sorted(rows["question"]):
        return hint("shuffle.lost", n=len(rows), found=len(first))
    if list(first["question"]) == list(rows["question"]):
        return hint("shuffle.same")
    if list(first["question"]) != list(second["question"]):
        return hint("shuffle.chance")
    return passed("shuffle")


def check_labels(
    answer: Any, input_ids: Sequence[int], completion_mask: Sequence[int]
) -> Outcome:
    """Check which tokens a model is to learn: those of the answer, and no others.

    Args:
        answer: the learner's list of labels, or an array.
        input_ids: the tokens of prompt and answer.
        completion_mask: 1 where a token is the answer's.
    """
    if answer is BLANK:
        return not_tried()
    try:
        given = [int(label) for label in answer]
    except (TypeError, ValueError):
        return hint("labels.type")
    if len(given) != len(input_ids):
        return hint("labels.length", found=len(given), wanted=len(input_ids))
    right = [
        token if counts else IGNORED
        for token, counts in zip(input_ids, completion_mask, strict=True)
    ]
    if given == right:
        return passed("labels", n=sum(label != IGNORED for label in given))
    if given == list(input_ids):
        return hint("labels.all")
    if all(label != IGNORED for label in given):
        return hint("labels.mark")
    swapped = [
        IGNORED if counts else token
        for token, counts in zip(input_ids, completion_mask, strict=True)
    ]
    if given == swapped:
        return hint("labels.swapped")
    return hint("labels.wrong")


def check_cost(answer: Any, hours: float, price: float = PRICE) -> Outcome:
    """Check what a run costs, in dollars.

    Args:
        answer: the learner's number.
        hours: how long it took.
        price: of an hour.
    """
    if answer is BLANK:
        return not_tried()
    if not _is_number(answer):
        return hint("cost.type", found=type(answer).__name__)
    right = hours * price
    if abs(float(answer) - right) < 0.011:
        return passed("cost", dollars=right, times=right / CLAIMED)
    if abs(float(answer) - CLAIMED) < 0.02:
        return hint("cost.claim")
    if abs(float(answer) - 60 * right) < 1 or abs(float(answer) - 3600 * right) < 40:
        return hint("cost.unit")
    return hint("cost.wrong")


def check_half_width(answer: Any, share: float = 0.8, n: int = 1000) -> Outcome:
    """Check how far a difference of two shares could be off, in points of percent.

    Each of two independent tests of n questions has the variance p (1 - p) / n; that of
    the difference is their sum; 1.96 standard errors hold 95 %.

    Args:
        answer: the learner's number of points.
        share: of right answers, about the same in both tests.
        n: questions of each test.
    """
    if answer is BLANK:
        return not_tried()
    if not _is_number(answer):
        return hint("width.type", found=type(answer).__name__)
    one = 100 * 1.96 * (share * (1 - share) / n) ** 0.5
    both = one * 2**0.5
    given = abs(float(answer))
    if abs(given - both) < 0.15:
        return passed("width", points=both)
    if abs(given - both / 100) < 0.0015:
        return hint("width.percent")
    if abs(given - one) < 0.15:
        return hint("width.one")
    if abs(given - both / 1.96) < 0.1:
        return hint("width.error")
    if abs(given - 2 * both) < 0.3:
        return hint("width.whole")
    return hint("width.wrong")
