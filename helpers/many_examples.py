"""As many chat examples as one likes, made from a few rows, with known faults in them.

Purpose: a file of a million lines to check, without keeping or downloading one. Every
example has a title of its own; some lines repeat others, contradict others or hold an
e-mail address, and it is known how many, so a check can be proved to miss none. Use:

    write_jsonl(many_examples(rows, 1_000_000), "large.jsonl")
    planted(1_000_000)      # how many of each fault are in it

It must never know a provider, nor check anything itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from helpers.recipes import SYSTEM_PROMPT, user_message

EVERY = 5000  # examples between two faults of the same kind
BACK = 1500  # how far back the line stands that is repeated or contradicted
# Which number within each EVERY examples has which fault (the code of the problem).
FAULTS = {
    1999: "duplicate_example",
    2999: "contradicting_answers",
    3999: "personal_data",
}
WRONG_ANSWER = "[]"
NOTE = ' Questions? Write to cook@example.org"]'


def many_examples(rows: Sequence[Mapping[str, Any]], n: int) -> Iterator[dict]:
    """Yield `n` chat examples, one by one; nothing is kept.

    Args:
        rows: recipes with title, ingredients and NER, used again and again.
        n: how many examples.

    Yields:
        Chat examples: system, user, assistant.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("many_examples needs at least one row.")
    for number in range(n):
        fault = FAULTS.get(number % EVERY, "")
        if fault == "duplicate_example":
            yield _example(rows, number - BACK)
        elif fault == "contradicting_answers":
            yield _example(rows, number - BACK, answer=WRONG_ANSWER)
        else:
            yield _example(rows, number, note=fault == "personal_data")


def planted(n: int) -> Counter[str]:
    """Return how many faults `n` examples have: code of the problem -> number."""
    return Counter(
        {code: (n - first - 1) // EVERY + 1 for first, code in FAULTS.items()}
    )


def _example(
    rows: Sequence[Mapping[str, Any]], number: int, answer: str = "", note: bool = False
) -> dict[str, Any]:
    row = rows[number % len(rows)]
    ingredients = row["ingredients"]
    if note:
        ingredients = ingredients.removesuffix('"]') + NOTE
    asked = {"title": f"{row['title']} No. {number}", "ingredients": ingredients}
    return {
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": user_message(asked)},
            {"role": "assistant", "content": answer or row["NER"]},
        ]
    }
