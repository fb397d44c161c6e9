"""The automatic checks of the notebook on when and why: money, and a decision.

Purpose: as `helpers.checks`, of which it is a part that stands apart to stay short. A
check looks at what an answer is; its hints name the mistake, never the answer.
It must never know a provider, nor change what a notebook uses later.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from numbers import Real
from typing import Any

from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.decision import QUESTIONS, recommend

DAY = datetime.date(2026, 11, 22)  # the day of `complete_case`
NEAR = 0.01  # relative: rounding up to whole calls is fine
MONTHS = (28 * 24, 31 * 24)  # hours of the shortest and of the longest month


def _near(value: Real, wanted: float) -> bool:
    # Calls come whole, so half a call or a rounded-up one is right as well.
    return abs(float(value) - wanted) <= max(1.0, NEAR * abs(wanted))


def check_break_even(
    answer: Any, training: float, long_call: float, short_call: float
) -> Outcome:
    """Check the number of calls at which fine-tuning has paid for its training.

    Args:
        answer: the learner's number; a whole one or not.
        training: money paid once.
        long_call: money per call with the long prompt.
        short_call: money per call of the fine-tuned model, less than `long_call`.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Real) or isinstance(answer, bool):
        return hint("break_even.type")
    wanted = training / (long_call - short_call)
    if _near(answer, wanted):
        return passed("break_even", calls=f"{wanted:,.0f}")
    if _near(answer, training / long_call):
        return hint("break_even.free")
    if _near(answer, training / short_call):
        return hint("break_even.other")
    if _near(answer, -wanted):
        return hint("break_even.sign")
    if abs(float(answer) * wanted - 1) < NEAR:
        return hint("break_even.upside_down")
    return hint("break_even.wrong")


def check_hosting_calls(answer: Any, per_hour: float, saving: float) -> Outcome:
    """Check how many calls a month it takes until savings carry the hosting.

    Every length of a month between 28 and 31 days is accepted.

    Args:
        answer: the learner's number of calls per month.
        per_hour: money per hour of hosting, day and night.
        saving: money saved per call.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Real) or isinstance(answer, bool):
        return hint("hosting.type")
    low, high = (hours * per_hour / saving for hours in MONTHS)
    if low * (1 - NEAR) <= answer <= high * (1 + NEAR):
        return passed("hosting")
    if _near(answer, per_hour / saving):
        return hint("hosting.hour")
    if _near(answer, 24 * per_hour / saving):
        return hint("hosting.day")
    if low * 11 <= answer <= high * 13:
        return hint("hosting.year")
    return hint("hosting.wrong")


def complete_case() -> dict[str, object]:
    """Return a checklist with every needed answer; its recommendation is "try it"."""
    return {
        "use_case": "Sort letters to a town hall by the office that has to answer",
        "lacks": "skill",
        "metric": "accuracy",
        "target": 0.90,
        "zero_shot": (0.52, 0.46, 0.58),
        "few_shot": (0.71, 0.66, 0.76),
        "rag": (0.74, 0.69, 0.79),
        "tunable": True,
        "work_hours": 30,
        "compute": True,
        "examples": 400,
        "labels_checked": True,
        "may_use": True,
        "months_to_pay_back": 5,
    }


def check_decision(
    answer: Any, case: Mapping[str, object], verdict: str, most: int = 1
) -> Outcome:
    """Check that changes to a case lead to a verdict.

    Args:
        answer: the learner's changes: name of a question -> answer.
        case: the answers before.
        verdict: what the recommendation has to become.
        most: how many answers may be changed.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Mapping):
        return hint("decision.type", found=type(answer).__name__)
    unknown = [name for name in answer if name not in QUESTIONS]
    if unknown:
        return hint("decision.unknown", name=unknown[0], known=", ".join(QUESTIONS))
    changed = [name for name in answer if answer[name] != case.get(name)]
    if len(changed) > most:
        return hint("decision.many", found=len(changed), most=most)
    try:
        found = recommend({**case, **answer}, DAY).verdict
    except ValueError as error:
        return hint("decision.bad", error=error)
    if found == verdict:
        return passed("decision", names=", ".join(changed) or "–", verdict=verdict)
    return hint("decision.wrong", found=found, verdict=verdict)
