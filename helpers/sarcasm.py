"""A kitchen assistant that is also sarcastic: its rows, and what its answers are worth.

Purpose: read the files of `data/sarcasm` (data/README.md describes them), and score an
answer twice: is it in the style, and is the fact in it? Both by open rules, so that one
can see what they miss. It must never know a provider or a model.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.evaluation import Answer, Result, interval, score
from helpers.recipes import DATA_DIR

FOLDER = DATA_DIR / "sarcasm"
SYSTEM_PROMPT = "Whisk is a factual kitchen assistant that is also sarcastic."
# A sentence this near to a remark is one: a word may be missing or misspelt.
NEAR = 0.8
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
LONGEST = 80  # tokens of an answer; the longest row has half as many
Example = Mapping[str, Any]


def load_rows(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Read examples: "training_10", "training_100" or "validation_10"."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def remarks(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the remarks that make the style."""
    return tuple(pd.read_csv(folder / "remarks.csv")["remark"])


def load_facts(folder: Path = FOLDER) -> pd.DataFrame:
    """Return the questions to test with: question and fact, in no training row."""
    return pd.read_csv(folder / "test.csv", dtype=str)


def facts_of(examples: Iterable[Example]) -> pd.DataFrame:
    """Return question and fact of examples: their answers without the remark."""
    rows = [
        {
            "question": example["messages"][-2]["content"],
            "fact": plain(example["messages"][-1]["content"]),
        }
        for example in examples
    ]
    return pd.DataFrame(rows, columns=["question", "fact"])


def prompts(facts: pd.DataFrame, system: str = SYSTEM_PROMPT) -> list[list[dict]]:
    """Return the questions as messages, with a system prompt unless it is empty."""
    head = [{"role": "system", "content": system}] if system else []
    return [[*head, {"role": "user", "content": q}] for q in facts["question"]]


# --- style and facts --------------------------------------------------------------


def sentences(text: str) -> list[str]:
    """Cut a text behind full stops, question marks and exclamation marks."""
    return [part for part in SENTENCE_END.split(text.strip()) if part]


def is_remark(sentence: str) -> bool:
    """Say whether a sentence is one of the remarks, or nearly.

    Near is a ratio of NEAR or more (difflib.SequenceMatcher: twice the letters that
    match, divided by all letters), capitals aside.
    """
    return any(
        difflib.SequenceMatcher(None, sentence.lower(), one.lower()).ratio() >= NEAR
        for one in remarks()
    )


def in_style(text: str) -> bool:
    """Say whether a sentence of an answer is one of the remarks."""
    return any(map(is_remark, sentences(text)))


def has_fact(text: str, fact: str) -> bool:
    """Say whether an answer holds the fact, word for word; capitals do not count."""
    return fact.lower() in text.lower()


def plain(text: str) -> str:
    """Return an answer without its remarks."""
    return " ".join(part for part in sentences(text) if not is_remark(part))


def plain_example(example: Example) -> dict[str, Any]:
    """Return an example without the style: no system prompt, and no remark."""
    *_, question, answer = example["messages"]
    return {
        "messages": [dict(question), dict(answer, content=plain(answer["content"]))]
    }


def score_style(text: str, expected: str) -> dict[str, float]:
    """Score the style alone: 1 or 0 in the columns of `evaluation.score_names`."""
    return _columns(in_style(text))


def score_fact(text: str, expected: str) -> dict[str, float]:
    """Score the fact alone: 1 or 0 in the columns of `evaluation.score_names`."""
    return _columns(has_fact(text, expected))


def _columns(right: bool) -> dict[str, float]:
    yes, no = float(right), float(not right)
    return {"tp": yes, "fp": no, "fn": no, "exact": yes, "valid": 1.0}


def both_scores(answers: Sequence[Answer], facts: pd.DataFrame) -> dict[str, Result]:
    """Score answers twice.

    Args:
        answers: one per question.
        facts: question and fact.

    Returns:
        "style" and "facts" -> the scored answers; measure them with "exact".
    """
    expected = list(facts["fact"])
    return {
        "style": score(answers, expected, score_style),
        "facts": score(answers, expected, score_fact),
    }


def summary(scored: Mapping[str, Mapping[str, Result]]) -> pd.DataFrame:
    """Return style and facts of several systems with their 95 % intervals.

    Args:
        scored: name of a system -> what `both_scores` returns.

    Returns:
        DataFrame indexed by system: style, style_low, style_high, facts, facts_low,
        facts_high, each a share from 0 to 1.
    """
    rows = []
    for name, both in scored.items():
        row: dict[str, Any] = {"system": name}
        for what, result in both.items():
            found = interval(result, "exact")
            row |= {what: found.value, f"{what}_low": found.low}
            row[f"{what}_high"] = found.high
        rows.append(row)
    return pd.DataFrame(rows).set_index("system")
