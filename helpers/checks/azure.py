"""The automatic checks of the exercises in the notebook about Azure.

Purpose: as `checks`: each says right, not yet with a hint, or not tried; every right
solution passes, and no hint gives the answer away. It must never know a provider, nor
change what a notebook uses later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.sarcasm import in_style

Example = Mapping[str, Any]
CLAIMED = 48_000  # by the tutorial
LESS_PER_EXAMPLE = 2  # what services bill less than the formula gives


def check_bill(
    answer: Any, mean: float, n_examples: int = 10, n_epochs: int = 10
) -> Outcome:
    """Check the tokens that a job is billed for.

    Args:
        answer: the learner's number.
        mean: tokens of an example, on average.
        n_examples: examples in the file.
        n_epochs: passes over it.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, bool) or not isinstance(answer, Real | np.number):
        return hint("bill.type", found=type(answer).__name__)
    one = mean * n_examples
    whole = one * n_epochs
    # Both are right: the formula, and what is billed by experience.
    less = whole - LESS_PER_EXAMPLE * n_examples * n_epochs
    if any(abs(float(answer) - right) < 1 for right in (whole, less)):
        return passed("bill", tokens=f"{answer:,.0f}", times=CLAIMED / float(answer))
    if abs(answer - CLAIMED) < 1:
        return hint("bill.claim")
    if abs(answer - one) < 1:
        return hint("bill.epoch")
    if abs(answer - mean * n_epochs) < 1:
        return hint("bill.example")
    return hint("bill.wrong")


def check_candidate(answer: Any, table: pd.DataFrame, least: float = 0.5) -> Outcome:
    """Check the choice of a checkpoint: enough style, then the most facts.

    Args:
        answer: the learner's choice, a label of the table.
        table: indexed by candidate, with style and facts, each 0 to 1.
        least: the style that is asked for.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, str | Real | np.number) or answer not in table.index:
        return hint("candidate.type", known=", ".join(map(str, table.index)))
    fit = table[table["style"] >= least]
    if not len(fit):
        return hint("candidate.none", least=least)
    chosen = table.loc[answer]
    if chosen["style"] < least:
        return hint("candidate.style", least=least)
    if chosen["facts"] == fit["facts"].max():
        return passed("candidate", name=answer, facts=float(chosen["facts"]))
    if chosen["style"] == fit["style"].max():
        return hint("candidate.only_style")
    return hint("candidate.facts")


def check_mix(answer: Any, rows: Sequence[Example]) -> Outcome:
    """Check rows half of which show the style, with its prompt, and half do not.

    Args:
        answer: the learner's list of examples, in any order.
        rows: the examples that it is made from, all in the style.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Iterable) or isinstance(answer, str | Mapping):
        return hint("mix.type", found=type(answer).__name__)
    given = list(answer)
    if not all(isinstance(one, Mapping) and "messages" in one for one in given):
        return hint("mix.examples")
    questions = {_question(row) for row in rows}
    if not all(_question(one) in questions for one in given):
        return hint("mix.strangers")
    styled = [one for one in given if in_style(_answer(one))]
    simple = [one for one in given if not in_style(_answer(one))]
    if any(not _has_prompt(one) for one in styled):
        return hint("mix.style_without_prompt")
    if any(_has_prompt(one) for one in simple):
        return hint("mix.prompt_without_style")
    if len(given) != len(rows) or len(styled) != len(simple):
        return hint("mix.number", styled=len(styled), simple=len(simple), n=len(rows))
    return passed("mix", n=len(given))


def _question(example: Example) -> str:
    return example["messages"][-2]["content"]


def _answer(example: Example) -> str:
    return example["messages"][-1]["content"]


def _has_prompt(example: Example) -> bool:
    return example["messages"][0]["role"] == "system"


def check_costing(answer: Any, table: pd.DataFrame) -> Outcome:
    """Check which deployments cost money by the hour.

    Args:
        answer: the learner's names, in any order.
        table: with name, model, sku and state.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, pd.DataFrame):
        answer = answer.get("name", answer.index)
    names = [answer] if isinstance(answer, str) else answer
    if not isinstance(names, Iterable):
        return hint("costing.type", found=type(answer).__name__)
    chosen = set(map(str, names))
    if chosen - set(table["name"]):
        return hint(
            "costing.names", found=", ".join(sorted(chosen - set(table["name"])))
        )
    tuned = table["model"].str.contains(".ft-", regex=False)
    developer = table["sku"].str.lower().str.startswith("developer")
    there = table["state"] == "Succeeded"
    right = set(table["name"][tuned & ~developer & there])
    if chosen == right:
        return passed("costing", n=len(right))
    if chosen & set(table["name"][~tuned]):
        return hint("costing.base")
    if chosen & set(table["name"][tuned & developer]):
        return hint("costing.developer")
    if chosen & set(table["name"][~there]):
        return hint("costing.gone")
    return hint("costing.more")
