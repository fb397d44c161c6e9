"""Rows for preferences and reinforcement that a tiny random model can learn from."""

from __future__ import annotations

import json

from tests.provider.tiny_models import recipe_examples

ALIKE = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "evaluation_metric": "fuzzy_match",
}
# A random model finds the letter by chance often enough to learn from it.
HAS_A = {
    "type": "string_check",
    "name": "has_a",
    "input": "{{sample.output_text}}",
    "reference": "a",
    "operation": "ilike",
}


def preferences(n: int, *, first: int = 0) -> list[dict]:
    """Make pairs: the answer of the recipe examples against the same in capitals."""
    rows = []
    for row in recipe_examples(n, first=first):
        *asked, answer = row["messages"]
        shouted = {"role": "assistant", "content": answer["content"].upper()}
        rows.append(
            {
                "input": {"messages": asked},
                "preferred_output": [answer],
                "non_preferred_output": [shouted],
            }
        )
    return rows


def prompts(n: int, *, first: int = 0) -> list[dict]:
    """Make prompts with the reference that a grader reads."""
    return [
        {
            "messages": row["messages"][:-1],
            "reference": row["messages"][-1]["content"],
        }
        for row in recipe_examples(n, first=first)
    ]


def as_jsonl(rows: list[dict]) -> bytes:
    """Write rows as the bytes of a file."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
