"""The checks of notebook 01: how many examples fit, when training pays, which training.

Purpose: as helpers.checks, whose outcomes these are. A check looks at what an answer
is, not at how it was written; its hints name the mistake, never the answer.
It must never know a provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from helpers.checks import BLANK, Outcome, hint, not_tried, passed

SUPERVISED, CONTINUED, NEITHER = "supervised", "continued pre-training", "neither"
# What notebook 01 asks about; the letters stand in its text.
TRAININGS = {"A": SUPERVISED, "B": CONTINUED, "C": CONTINUED, "D": NEITHER}


def check_examples_that_fit(answer: Any, lengths: Sequence[int], free: int) -> Outcome:
    """Check how many of the first examples fit into a number of tokens.

    Args:
        answer: the learner's number.
        lengths: tokens of each example, in the order in which they are shown.
        free: tokens that are there for examples.
    """
    if answer is BLANK:
        return not_tried()
    if not _is_number(answer):
        return hint("fit.type")
    right = used = 0
    for length in lengths:
        used += length
        if used > free:
            break
        right += 1
    if answer == right:
        return passed("fit", n=right)
    if not float(answer).is_integer():
        return hint("fit.whole")
    mean = sum(lengths) / len(lengths)
    if answer == int(free // mean):
        return hint("fit.mean")
    if answer == right + 1:
        return hint("fit.one_more")
    if answer == int(free // max(lengths)):
        return hint("fit.longest")
    return hint("fit.few" if answer < right else "fit.many")


def check_break_even(
    answer: Any, trained: int, long_prompt: float, short_prompt: float
) -> Outcome:
    """Check after how many calls a shorter prompt has saved what training read.

    Both the exact quotient and the next whole call are right.

    Args:
        answer: the learner's number of calls.
        trained: tokens that the training read.
        long_prompt, short_prompt: tokens of one prompt, with and without examples.
    """
    if answer is BLANK:
        return not_tried()
    if not _is_number(answer):
        return hint("even.type")
    exact = trained / (long_prompt - short_prompt)
    if abs(float(answer) - exact) <= 1:
        return passed("even", n=int(-(-exact // 1)))
    if abs(float(answer) - trained / long_prompt) <= 1:
        return hint("even.whole_prompt")
    if abs(float(answer) - trained / short_prompt) <= 1:
        return hint("even.short_prompt")
    if abs(float(answer) * exact - 1) <= 0.01:
        return hint("even.upside_down")
    return hint("even.wrong")


def check_trainings(answers: Any) -> Outcome:
    """Check which of four trainings is supervised, continued pre-training or neither.

    Args:
        answers: letter -> one of SUPERVISED, CONTINUED and NEITHER.
    """
    if not isinstance(answers, Mapping) or set(answers) != set(TRAININGS):
        return hint("trainings.type", letters=", ".join(TRAININGS))
    if any(answer is BLANK for answer in answers.values()):
        return not_tried()
    given = {letter: str(answer).strip().lower() for letter, answer in answers.items()}
    unknown = [text for text in given.values() if text not in TRAININGS.values()]
    if unknown:
        return hint("trainings.unknown", found=unknown[0])
    wrong = [letter for letter, right in TRAININGS.items() if given[letter] != right]
    if not wrong:
        return passed("trainings")
    if NEITHER in (given[wrong[0]], TRAININGS[wrong[0]]):
        return hint("trainings.neither", letter=wrong[0])
    return hint("trainings.answers", letter=wrong[0])


def _is_number(answer: Any) -> bool:
    return isinstance(answer, Real) and not isinstance(answer, bool)
