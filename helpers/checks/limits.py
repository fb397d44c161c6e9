"""The automatic checks of the exercises in the notebook about limits.

Purpose: as `checks`: each says right, not yet with a hint, or not tried; every right
solution passes, and no hint gives the answer away. It must never know a provider, nor
change what a notebook uses later.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import BLANK, Outcome, hint, not_tried, passed


def _number(answer: Any) -> float | None:
    """Return a number, also of numpy, whole ones as int; None for anything else."""
    if isinstance(answer, bool) or not isinstance(answer, Real | np.number):
        return None
    value = float(answer)
    return int(value) if value.is_integer() else value


def check_epochs(answer: Any, epochs: pd.DataFrame) -> Outcome:
    """Check the number of epochs after which the validation loss was lowest.

    Args:
        answer: the learner's number.
        epochs: indexed by epoch, with step, train_loss and full_valid_loss.
    """
    if answer is BLANK:
        return not_tried()
    number = _number(answer)
    if number is None:
        return hint("epochs.type", found=type(answer).__name__)
    losses = epochs["full_valid_loss"]
    if number in epochs.index and losses[number] == losses.min():
        return passed("epochs", epochs=int(number), loss=float(losses.min()))
    if number == int(losses.to_numpy().argmin()):
        return hint("epochs.from_zero")
    if number in set(epochs["step"]):
        return hint("epochs.step")
    if number == epochs["train_loss"].idxmin():
        return hint("epochs.train")
    if number not in epochs.index:
        return hint("epochs.range", last=int(epochs.index[-1]))
    return hint("epochs.wrong", epochs=int(number), loss=float(losses[number]))


def check_enough_rows(answer: Any, runs: pd.DataFrame, target: float) -> Outcome:
    """Check the fewest training rows with which every seed reached a target.

    Args:
        answer: the learner's number of rows.
        runs: one row per job, with rows, seed and f1.
        target: the F1 to reach.
    """
    if answer is BLANK:
        return not_tried()
    number = _number(answer)
    if number is None:
        return hint("enough.type", found=type(answer).__name__)
    lowest = runs.groupby("rows")["f1"].min()
    if number not in lowest.index:
        sizes = ", ".join(f"{n:,}" for n in lowest.index)
        return hint("enough.size", sizes=sizes)
    reached = lowest[lowest >= target]
    if not len(reached):
        return hint("enough.none", target=target)
    if number == reached.index.min():
        return passed("enough", rows=f"{int(number):,}", low=lowest[number])
    if lowest[number] >= target:
        return hint("enough.fewer", rows=f"{int(number):,}")
    mean = runs.groupby("rows")["f1"].mean()
    key = "enough.mean" if mean[number] >= target else "enough.below"
    return hint(key, rows=f"{int(number):,}")


def check_mixed(
    answer: Any,
    task: Sequence[Mapping[str, Any]],
    general: Sequence[Mapping[str, Any]],
    share: float = 0.2,
) -> Outcome:
    """Check a training list in which general examples make up a share of the whole.

    Args:
        answer: the learner's list of examples, in any order.
        task: examples that all have to be in it, once.
        general: examples of which some have to be in it.
        share: of general examples in the whole list, 0 to 1.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Iterable) or isinstance(answer, str | Mapping):
        return hint("mixed.type", found=type(answer).__name__)
    given = list(answer)
    if not all(isinstance(one, Mapping) and "messages" in one for one in given):
        return hint("mixed.examples")
    counts = Counter(map(_key, given))
    wanted, others = set(map(_key, task)), set(map(_key, general))
    missing = len(wanted - set(counts))
    if missing:
        return hint("mixed.task", missing=missing)
    if set(counts) - wanted - others:
        return hint("mixed.strangers")
    if max(counts.values()) > 1:
        return hint("mixed.twice")
    found = sum(key in others for key in counts)
    if found == round(share * len(wanted) / (1 - share)):
        return passed("mixed", task=len(wanted), general=found)
    if found == round(share * len(wanted)):
        return hint("mixed.of_task", found=found, total=len(given))
    return hint("mixed.number", found=found, total=len(given))


def _key(example: Mapping[str, Any]) -> str:
    return json.dumps(example, sort_keys=True)


def check_suspects(answer: Any, rows: pd.DataFrame) -> Outcome:
    """Check the rows whose answer stops after two names of a longer recipe.

    Args:
        answer: the learner's row numbers (labels of the index), in any order.
        rows: with ingredients and NER, lists as JSON text.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, pd.DataFrame):
        answer = answer.index
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        return hint("suspects.type", found=type(answer).__name__)
    given = list(answer)
    if not all(_number(one) is not None for one in given):
        return hint("suspects.numbers")
    named = set(map(int, given))
    short = {
        int(number)
        for number, row in rows.iterrows()
        if len(json.loads(row["NER"])) == 2 < len(json.loads(row["ingredients"]))
    }
    if named == short:
        return passed("suspects", n=len(short))
    missed, wrong = len(short - named), len(named - short)
    if not missed:
        return hint("suspects.many", wrong=wrong)
    if not wrong:
        return hint("suspects.few", missed=missed)
    return hint("suspects.both", missed=missed, wrong=wrong)
