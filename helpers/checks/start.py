"""The automatic checks of the first notebook: a request, and the order of the journey.

Purpose: as in `helpers.checks`: an answer is right, not yet (with a hint that names the
mistake), or not tried. What a message may look like is decided by the rules of
`helpers.chat_format`, and nowhere else.
It must never know a provider, nor change what the notebook uses later.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.chat_format import Problem, read_examples
from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.messages import say

# --- a request --------------------------------------------------------------------


def check_question(answer: Any) -> Outcome:
    """Check the messages of a request that begins with a system message.

    Any wording is fine; the form is what every service of this API wants: a list of
    messages with role and content, the last one from the user.

    Args:
        answer: the learner's messages.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, list):
        return hint("question.type", found=type(answer).__name__)
    try:
        line = json.dumps({"messages": answer}, ensure_ascii=False)
        problem = _first_problem(line)
    except (TypeError, ValueError) as error:
        # A blank inside the messages, or half of a character.
        return hint("question.json", error=error)
    if problem is not None:
        return hint(
            "question.format",
            place=problem.field or "messages", reason=problem.reason, fix=problem.fix,
        )  # fmt: skip
    first = answer[0]["role"]
    if first not in ("system", "developer"):
        return hint("question.system", found=first)
    return passed("question")


def _first_problem(line: str) -> Problem | None:
    """Return what the rules of a prompt say about one line, errors first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompt.jsonl"
        path.write_text(line + "\n", encoding="utf-8")
        # Lines of this method are prompts: they end with the user.
        found = [
            item
            for item in read_examples(path, "reinforcement")
            if isinstance(item, Problem)
        ]
    found.sort(key=lambda problem: problem.severity != "error")
    return found[0] if found else None


# --- the order of the journey -----------------------------------------------------

# Letter -> step; each step of ORDER needs the one before it.
STEPS = {
    "A": "job",
    "B": "verdict",
    "C": "baseline",
    "D": "data",
    "E": "checkpoint",
    "F": "host",
    "G": "test",
    "H": "use_case",
}
ORDER = (
    "use_case", "data", "baseline", "job", "checkpoint", "test", "verdict", "host",
)  # fmt: skip


def show_steps() -> None:
    """Print the steps of the journey with their letters, in no good order."""
    for letter, step in STEPS.items():
        print(letter, " ", say(f"step.{step}"))


def check_order(answer: Any) -> Outcome:
    """Check the order in which the steps of the journey are made.

    Args:
        answer: the letters of STEPS, as a text (capitals, spaces, commas and arrows do
            not matter) or as a list of letters.
    """
    if answer is BLANK:
        return not_tried()
    letters = _letters(answer)
    if letters is None:
        return hint("order.type")
    unknown = [letter for letter in letters if letter not in STEPS]
    if unknown:
        return hint("order.unknown", letters=", ".join(sorted(set(unknown))))
    twice = sorted({letter for letter in letters if letters.count(letter) > 1})
    if twice:
        return hint("order.twice", letters=", ".join(twice))
    if len(letters) < len(STEPS):
        return hint("order.missing", count=len(STEPS) - len(letters))
    place = {STEPS[letter]: at for at, letter in enumerate(letters)}
    letter_of = {step: letter for letter, step in STEPS.items()}
    for first, second in zip(ORDER, ORDER[1:], strict=False):
        if place[first] > place[second]:
            return hint(
                f"order.{first}", first=letter_of[first], second=letter_of[second]
            )
    return passed("order")


def _letters(answer: Any) -> list[str] | None:
    if isinstance(answer, str):
        return [sign for sign in answer.upper() if sign.isalnum()]
    if isinstance(answer, Iterable):
        parts = list(answer)
        if all(isinstance(part, str) and len(part.strip()) == 1 for part in parts):
            return [part.strip().upper() for part in parts]
    return None
