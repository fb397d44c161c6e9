"""The data of the notebook about limits: questions, facts, dishes, workshop notes.

Purpose: read the files of `data/limits` (data/README.md describes them) and turn a note
of the workshop into a training example. It must never know a provider or a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.experiments import chat_example
from helpers.messages import say
from helpers.recipes import DATA_DIR

FOLDER = DATA_DIR / "limits"
WORKSHOP_PROMPT = (
    "You read the notes of a bicycle workshop and list the parts that they name."
)


def load_limits(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Read one of the tables of `data/limits`.

    Args:
        name: "skills", "general", "false_facts", "dishes", "workshop" or
            "seen_elsewhere".
        folder: where the files are.

    Returns:
        DataFrame of texts, index 0..n-1; its columns stand in data/README.md.

    Raises:
        FileNotFoundError: there is no such table; the message lists those there are.
    """
    for ending in (".csv", ".jsonl"):
        path = folder / f"{name}{ending}"
        if not path.is_file():
            continue
        if ending == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        return pd.read_json(path, lines=True, dtype=False, encoding="utf-8")
    known = sorted(path.stem for path in folder.glob("*.*"))
    raise FileNotFoundError(
        say("limits.missing", name=name, folder=folder, known=", ".join(known) or "-")
    )


def question_examples(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table with question and answer as training examples."""
    pairs = zip(table["question"], table["answer"], strict=True)
    return [chat_example(question, answer) for question, answer in pairs]


def workshop_example(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a note of the workshop as one training example.

    Args:
        row: with bike, lines and parts; lists are JSON text.
    """
    question = f"Bike: {row['bike']}\n\nNotes: {row['lines']}\n\nParts: "
    return chat_example(question, row["parts"], WORKSHOP_PROMPT)
