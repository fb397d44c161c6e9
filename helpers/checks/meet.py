"""The checks of notebook 01: how many examples fit, when training pays, which training.

Purpose: as helpers.checks, whose outcomes these are. A check looks at what an answer
is, not at how it was written; its hints name the mistake, never the answer.
It must never know a provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from helpers.checks import BLANK, Outcome, _hint, _not_tried, _right

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
        return _not_tried()
    if not _is_number(answer):
        return _hint("fit.type")
    right = used = 0
    for length in lengths:
        used += length
        if used > free:
            break
        right += 1
    if answer == right:
        return _right("fit", n=right)
    if not float(answer).is_integer():
        return _hint("fit.whole")
    mean = sum(lengths) / len(lengths)
    if answer == int(free // mean):
        return _hint("fit.mean")
    if answer == right + 1:
        return _hint("fit.one_more")
    if answer == int(free // max(lengths)):
        return _hint("fit.longest")
    return _hint("fit.few" if answer < right else "fit.many")


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
        return _not_tried()
    if not _is_number(answer):
        return _hint("even.type")
    exact = trained / (long_prompt - short_prompt)
    if abs(float(answer) - exact) <= 1:
        return _right("even", n=int(-(-exact // 1)))
    if abs(float(answer) - trained / long_prompt) <= 1:
        return _hint("even.whole_prompt")
    if abs(float(answer) - trained / short_prompt) <= 1:
        return _hint("even.short_prompt")
    if abs(float(answer) * exact - 1) <= 0.01:
        return _hint("even.upside_down")
    return _hint("even.wrong")


def check_trainings(answers: Any) -> Outcome:
    """Check which of four trainings is supervised, continued pre-training or neither.

    Args:
        answers: letter -> one of SUPERVISED, CONTINUED and NEITHER.
    """
    if not isinstance(answers, Mapping) or set(answers) != set(TRAININGS):
        return _hint("trainings.type", letters=", ".join(TRAININGS))
    if any(answer is BLANK for answer in answers.values()):
        return _not_tried()
    given = {letter: str(answer).strip().lower() for letter, answer in answers.items()}
    unknown = [text for text in given.values() if text not in TRAININGS.values()]
    if unknown:
        return _hint("trainings.unknown", found=unknown[0])
    wrong = [letter for letter, right in TRAININGS.items() if given[letter] != right]
    if not wrong:
        return _right("trainings")
    if NEITHER in (given[wrong[0]], TRAININGS[wrong[0]]):
        return _hint("trainings.neither", letter=wrong[0])
    return _hint("trainings.answers", letter=wrong[0])


def _is_number(answer: Any) -> bool:
    return isinstance(answer, Real) and not isinstance(answer, bool)
