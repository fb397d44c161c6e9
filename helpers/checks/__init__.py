"""The automatic checks of the exercises: right, not yet with a hint, or not tried.

Purpose: a cell of an exercise ends with one call that says how far a learner has come.
A check looks at what an answer is, not at how it was written, so that every right
solution passes; its hints name the mistake, never the answer. A blank is `...`, which
Python accepts: whoever skips an exercise can run the rest.
It must never know a provider, nor change what a notebook uses later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.messages import say

BLANK = ...
MARKS = {"right": "✔", "not yet": "✘", "not tried": "○"}


@dataclass(frozen=True)
class Outcome:
    """What a check says.

    Attributes:
        state: "right", "not yet" or "not tried".
        text: a sentence for the learner.
    """

    state: str
    text: str

    def __repr__(self) -> str:
        return f"{MARKS[self.state]} {self.text}"


def passed(key: str, **values: object) -> Outcome:
    """Say that an answer is right: the message `check.<key>.right`."""
    return Outcome("right", say(f"check.{key}.right", **values))


def hint(key: str, **values: object) -> Outcome:
    """Say what is wrong: the message `check.<key>`."""
    return Outcome("not yet", say(f"check.{key}", **values))


def not_tried() -> Outcome:
    """Say that the blank is still there."""
    return Outcome("not tried", say("check.not_tried"))


# --- the recipe assistant ---------------------------------------------------------


def check_first_rows(answer: Any, recipes: pd.DataFrame, n: int = 100) -> Outcome:
    """Check that an answer is the first `n` rows of a table.

    Args:
        answer: the learner's rows: a DataFrame (any index) or a list of dicts.
        recipes: the whole table.
        n: how many rows are asked for.
    """
    if answer is BLANK:
        return not_tried()
    rows = _records(answer)
    if rows is None:
        return hint("rows.type", found=type(answer).__name__)
    if len(rows) == n + 1:
        return hint("rows.one_more", found=len(rows))
    if len(rows) != n:
        return hint("rows.length", found=len(rows), n=n)
    wanted = recipes.iloc[:n].to_dict("records")
    if any(
        row.get("title") != right["title"] or row.get("NER") != right["NER"]
        for row, right in zip(rows, wanted, strict=True)
    ):
        return hint("rows.others", n=n)
    return passed("rows", n=n)


def _records(answer: Any) -> list[dict[str, Any]] | None:
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict("records")
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        rows = list(answer)
        if all(isinstance(row, Mapping) for row in rows):
            return [dict(row) for row in rows]
    return None


# Every way of numpy to take a quantile between two neighbours.
METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint",
    "nearest", "interpolated_inverted_cdf",
)  # fmt: skip


def check_percentiles(low: Any, high: Any, lengths: Iterable[int]) -> Outcome:
    """Check the 5th and the 95th percentile of some lengths.

    Whatever definition of a percentile was used: between two neighbours there are
    several (Hyndman and Fan 1996), and all of them are accepted.

    Args:
        low: the learner's 5th percentile.
        high: the learner's 95th percentile.
        lengths: the numbers that they are percentiles of.
    """
    if low is BLANK or high is BLANK:
        return not_tried()
    if not isinstance(low, Real) or not isinstance(high, Real):
        return hint("percentiles.type")
    values = np.asarray(list(lengths))
    if _between(low, values, 0.05) and _between(high, values, 0.95):
        return passed("percentiles", low=float(low), high=float(high))
    if _between(low, values, 0.95) and _between(high, values, 0.05):
        return hint("percentiles.swapped")
    if _between(low, values, 0.1) and _between(high, values, 0.9):
        return hint("percentiles.tenths")
    if low <= 1 and high <= 1:
        return hint("percentiles.shares")
    if _between(low, values, 0.05) or _between(high, values, 0.95):
        return hint("percentiles.half")
    return hint("percentiles.wrong")


def _between(value: float, values: np.ndarray, share: float) -> bool:
    found = [float(np.quantile(values, share, method=name)) for name in METHODS]
    # Rounding to a whole token is fine as well.
    return min(found) - 0.51 <= value <= max(found) + 0.51


def check_best_checkpoint(answer: Any, checkpoints: Iterable[Any]) -> Outcome:
    """Check the choice of the checkpoint with the lowest full validation loss.

    Args:
        answer: the checkpoint, its id, the name of its model, or its step.
        checkpoints: the job's checkpoints, as `jobs.checkpoints.list` gives them.
    """
    if answer is BLANK:
        return not_tried()
    known = list(checkpoints)
    chosen = next((one for one in known if _is(answer, one)), None)
    if chosen is None:
        return hint("checkpoint.type")
    losses = {one.id: one.metrics.full_valid_loss for one in known}
    best = min(losses.values())
    if losses[chosen.id] == best:
        return passed("checkpoint", step=chosen.step_number, loss=best)
    train = [one.metrics.train_loss for one in known]
    accuracy = [one.metrics.full_valid_mean_token_accuracy or 0 for one in known]
    if chosen.metrics.train_loss == min(train):
        return hint("checkpoint.train")
    if chosen.metrics.full_valid_mean_token_accuracy == max(accuracy):
        return hint("checkpoint.accuracy")
    return hint("checkpoint.wrong")


def _is(answer: Any, checkpoint: Any) -> bool:
    if isinstance(answer, Real) and not isinstance(answer, bool):
        return int(answer) == checkpoint.step_number
    names = (checkpoint.id, checkpoint.fine_tuned_model_checkpoint)
    return answer in names or getattr(answer, "id", None) == checkpoint.id
