"""Questions over table definitions with their SQL: the data of the Hugging Face lesson.

    rows = load("train")            schema, context, question, answer, form
    as_messages(rows.iloc[0])       a chat: definitions, question, SQL
    load_public()                   the tutorial's data set, where there is a network

The rows are generated (`python -m tools.make_sql`). A question over a schema shows the
columns that its query needs and a few more, as the rows of sql-create-context do. This
module knows files and rows, never a model.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.messages import say

FOLDER = Path(__file__).resolve().parent.parent / "data" / "sql"
SPLITS = ("train", "validation", "test_seen", "test_unseen")
PUBLIC = "b-mc2/sql-create-context"
INSTRUCTION = "Answer with one SQL query. Tables:\n"


@cache
def definitions() -> dict[str, dict[str, list[list[str]]]]:
    """Return every schema: name -> table -> columns as [name, type]."""
    return json.loads((FOLDER / "schemas.json").read_text(encoding="utf-8"))


def context(schema: str, tables: str) -> str:
    """Return the CREATE TABLE statements of a row.

    Args:
        schema: its name, a key of schemas.json.
        tables: tables with the places of their columns: "guests 0 3;bookings 1 2".
    """
    known = definitions()[schema]
    statements = []
    for part in tables.split(";"):
        table, *places = part.split()
        columns = ", ".join(" ".join(known[table][int(place)]) for place in places)
        statements.append(f"CREATE TABLE {table} ({columns})")
    return "; ".join(statements)


def load(split: str) -> pd.DataFrame:
    """Return the rows of a split: schema, context, question, answer, form.

    Args:
        split: "train", "validation", "test_seen" (new questions over the schemas of
            training) or "test_unseen" (schemas that training never shows).

    Raises:
        ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(say("sql.no_split", split=split, known=", ".join(SPLITS)))
    with (FOLDER / f"{split}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    contexts = [context(row["schema"], row["tables"]) for row in rows]
    made = pd.DataFrame(rows).assign(context=contexts)
    return made[["schema", "context", "question", "answer", "form"]]


def load_public(rows: int = 12500, seed: int = 42) -> pd.DataFrame:
    """Return rows of the tutorial's own data set, fetched from the Hugging Face Hub.

    Args:
        rows: how many to draw; the tutorial took 12,500.
        seed: of the draw; the tutorial had none.

    Returns:
        DataFrame with context, question, answer.

    Raises:
        RuntimeError: the Hub cannot be reached; the message says what to do instead.
    """
    from datasets import load_dataset

    try:
        whole = load_dataset(PUBLIC, split="train")
    except Exception as error:  # network, proxy, offline mode: each has its own class
        raise RuntimeError(say("sql.no_public", name=PUBLIC)) from error
    drawn = whole.shuffle(seed=seed).select(range(min(rows, len(whole))))
    return drawn.to_pandas()[["context", "question", "answer"]]


def as_messages(row: Mapping[str, Any], with_answer: bool = True) -> dict[str, Any]:
    """Return a row as a chat: {"messages": [...]}.

    Args:
        row: has context, question and answer.
        with_answer: whether the SQL stands at the end, as training wants it.
    """
    messages = [
        {"role": "system", "content": INSTRUCTION + row["context"]},
        {"role": "user", "content": row["question"]},
    ]
    if with_answer:
        messages.append({"role": "assistant", "content": row["answer"]})
    return {"messages": messages}


def as_prompt_completion(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as TRL's prompt and completion: what is asked, what is learned."""
    messages = as_messages(row)["messages"]
    return {"prompt": messages[:-1], "completion": messages[-1:]}
