"""The recipe data as chat examples, in the very format of OpenAI's cookbook.

Purpose: read `data/recipes.csv` or the real RecipeNLG file, split it by row number, and
turn rows into messages. Prompt and format follow the notebook
`How_to_finetune_chat_models.ipynb` of openai-cookbook (MIT), read on 2026-11-22.
It must never know a provider or a model.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.messages import say

SYSTEM_PROMPT = (
    "You are a helpful recipe assistant. You are to extract the generic ingredients "
    "from each of the recipes provided."
)
DATA_DIR = Path(__file__).resolve().parent.parent / "data"
# Row numbers, the end not included: the split is by position, so that everybody's
# test set is the same. The cookbook took 0..100 (101 rows), 101..200 and 201..300.
SPLITS = {
    "train": range(0, 1000),
    "validation": range(1000, 1200),
    "test": range(1200, 1500),
}
NEEDED = ("title", "ingredients", "NER")
COLUMNS = ("title", "ingredients", "directions", "link", "source", "NER")


def recipes_path() -> Path:
    """Return the recipe file in use: COMPANION_RECIPES, else `data/recipes.csv`."""
    given = os.environ.get("COMPANION_RECIPES")
    return Path(given).expanduser() if given else DATA_DIR / "recipes.csv"


def load_recipes(path: str | Path | None = None) -> pd.DataFrame:
    """Read the rows that the splits use.

    The real RecipeNLG file (`full_dataset.csv`, two million rows) is read as well: it
    has one more column, an index without a name, and of its rows only the first are
    taken.

    Args:
        path: a CSV file with the columns title, ingredients and NER (lists as JSON
            text); without it COMPANION_RECIPES, else the file that comes along.

    Returns:
        DataFrame, index 0..n-1, columns of COLUMNS that the file has, all text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, the file has too few rows for the splits, or a
            list is no JSON.
    """
    path = Path(path) if path is not None else recipes_path()
    if not path.is_file():
        raise FileNotFoundError(say("recipes.missing", path=path))
    n_rows = max(rows.stop for rows in SPLITS.values())
    try:
        frame = pd.read_csv(
            path, nrows=n_rows, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as bad:
        raise ValueError(say("recipes.unreadable", path=path, error=bad)) from bad
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(
            say(
                "recipes.columns",
                path=path, missing=", ".join(missing), found=", ".join(frame.columns),
            )
        )  # fmt: skip
    if len(frame) < n_rows:
        raise ValueError(say("recipes.few", path=path, found=len(frame), needed=n_rows))
    for column in ("ingredients", "NER"):
        for number, text in enumerate(frame[column]):
            if parse_names(text) is None:
                raise ValueError(
                    say(
                        "recipes.list",
                        path=path, row=number, column=column, found=text[:60],
                    )
                )  # fmt: skip
    return frame[[name for name in COLUMNS if name in frame.columns]]


def take(recipes: pd.DataFrame, split: str, n: int | None = None) -> pd.DataFrame:
    """Return the first `n` rows of a split (all of it without `n`).

    Args:
        recipes: what `load_recipes` returned.
        split: "train", "validation" or "test".
        n: number of rows.

    Raises:
        KeyError: there is no such split.
        ValueError: the split has fewer than `n` rows.
    """
    rows = SPLITS[split]
    if n is None:
        n = len(rows)
    if not 0 <= n <= len(rows):
        raise ValueError(say("recipes.split", split=split, size=len(rows), asked=n))
    return recipes.iloc[rows.start : rows.start + n]


def user_message(row: Mapping[str, Any]) -> str:
    """Return what the user asks about a recipe; the ingredients stay a JSON list."""
    return (
        f"Title: {row['title']}\n\nIngredients: {row['ingredients']}\n\n"
        "Generic ingredients: "
    )


def to_example(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe as one training example: system, user and assistant message."""
    return {
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": user_message(row)},
            {"role": "assistant", "content": row["NER"]},
        ]
    }


def to_examples(recipes: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one training example per row."""
    return [to_example(row) for row in recipes.to_dict("records")]


def write_jsonl(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]], path: str | Path
) -> Path:
    """Write a training file: one JSON object per line, UTF-8, line feeds.

    Args:
        rows: recipes (a DataFrame) or examples (dicts, written as they are).
        path: where to write; folders are made.

    Returns:
        The path.
    """
    examples = to_examples(rows) if isinstance(rows, pd.DataFrame) else rows
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as lines:
        for example in examples:
            lines.write(json.dumps(example, ensure_ascii=False) + "\n")
    return path


FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


def parse_names(text: str) -> list[str] | None:
    """Read an answer: a JSON list of names.

    A Markdown fence around it, as hosted models like to write, does not count.

    Returns:
        The names as they were written; None when the text is no list of texts.
    """
    fenced = FENCE.match(text.strip())
    try:
        names = json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        return None
    return names


def name_set(names: Iterable[str]) -> set[str]:
    """Return names as they are compared: lower case, without spaces around."""
    return {name.strip().lower() for name in names} - {""}
