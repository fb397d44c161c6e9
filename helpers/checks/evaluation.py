"""The automatic checks of the exercises on evaluation: leaks, p-values, sizes of tests.

Purpose and contract are those of `helpers.checks`: right, not yet with a hint, or not
tried; every right solution passes, however it was written.
It must never know a provider, nor change what a notebook uses later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import pandas as pd
from scipy.stats import fisher_exact

from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.power import textbook_items

NEAR = 0.15  # of a number of items: tables, formulas and simulations differ a little


def check_no_leak(answer: Any, drawn: pd.DataFrame, training: pd.DataFrame) -> Outcome:
    """Check that an answer is the drawn rows without those that stand in training.

    Args:
        answer: the learner's rows: a DataFrame (any index, any order) or a list of
            dicts.
        drawn: the rows drawn for a test.
        training: the rows trained on.
    """
    if answer is BLANK:
        return not_tried()
    rows = _keys(answer)
    if rows is None:
        return hint("leak.type", found=type(answer).__name__)
    pool, seen = set(_keys(drawn) or ()), set(_keys(training) or ())
    wanted, got = pool - seen, set(rows)
    if got & seen:
        return hint("leak.left", n=len(got & seen))
    if got - pool:
        return hint("leak.others", n=len(got - pool))
    if wanted - got:
        return hint("leak.lost", n=len(wanted - got))
    if len(rows) > len(got):
        return hint("leak.twice", n=len(rows) - len(got))
    return passed("leak", n=len(rows), leaked=len(pool & seen))


def _keys(rows: Any) -> list[tuple[str, str]] | None:
    """Return what identifies each row, or None when these are no rows."""
    if isinstance(rows, pd.DataFrame):
        if not {"title", "ingredients"} <= set(rows.columns):
            return None
        rows = rows.to_dict("records")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return None
    if not all(isinstance(row, Mapping) for row in rows):
        return None
    return [(str(row.get("title")), str(row.get("ingredients"))) for row in rows]


def check_fisher(answer: Any, counts: Sequence[Sequence[int]]) -> Outcome:
    """Check the two-sided p-value of Fisher's exact test on a table of two by two.

    Args:
        answer: the learner's p-value, or what scipy returned, which holds it.
        counts: the table: right and wrong answers of one system, then of the other.
    """
    if answer is BLANK:
        return not_tried()
    value = getattr(answer, "pvalue", answer)
    if not _is_number(value):
        return hint("fisher.type")
    value = float(value)
    if not 0 <= value <= 1:
        return hint("fisher.range", found=value)
    right = fisher_exact(counts).pvalue
    # Rounded to a percent is right as well.
    if abs(value - right) <= 0.0051:
        return passed("fisher", p=right, once=1 / right)
    one_sided = [
        fisher_exact(counts, alternative=side).pvalue for side in ("less", "greater")
    ]
    if min(abs(value - one) for one in one_sided) <= 0.0051:
        return hint("fisher.one_sided")
    if abs(value - (1 - right)) <= 0.0051:
        return hint("fisher.opposite")
    return hint("fisher.wrong")


def check_items(answer: Any, spread: float, gain: float) -> Outcome:
    """Check how many items a test needs: level 5 %, two-sided, chance 80 %.

    A formula, a table or a simulation may have been used: what is within NEAR of the
    formula's number is right.

    Args:
        answer: the learner's number of items.
        spread: standard deviation of the differences, item by item.
        gain: the true gain to notice.
    """
    if answer is BLANK:
        return not_tried()
    if not _is_number(answer):
        return hint("items.type")
    value = float(answer)
    right = textbook_items(spread, gain)
    if _near(value, right):
        return passed("items", n=right)
    if _near(value, right**0.5):
        return hint("items.square")
    if _near(value, (1.96 * spread / gain) ** 2):
        return hint("items.level_alone")
    if _near(value, 2 * right):
        return hint("items.unpaired")
    return hint("items.few" if value < right else "items.many")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= NEAR * wanted
