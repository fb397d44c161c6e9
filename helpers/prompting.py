"""Ways to ask: without examples, with examples, with examples found for the question.

Purpose: each way is a function from a row to the messages of one request, so that the
same test set can be asked in every way. Use:

    ask = few_shot(train, k=3)
    client.chat.completions.create(model=..., messages=ask(row))

It must never know a provider. The answer of a row never gets into its own prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.messages import say
from helpers.recipes import to_example

Row = Mapping[str, Any]
Messages = list[dict[str, Any]]
Prompt = Callable[[Row], Messages]
# Finds the rows that are shown as examples for a row: the place for retrieval (RAG).
Retriever = Callable[[Row], Sequence[Row]]


def zero_shot(example: Callable[[Row], dict[str, Any]] = to_example) -> Prompt:
    """Ask with the system prompt and the question alone.

    Args:
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages: the example without its answer.
    """
    return lambda row: example(row)["messages"][:-1]


def few_shot(
    examples: pd.DataFrame | Sequence[Row],
    k: int,
    example: Callable[[Row], dict[str, Any]] = to_example,
) -> Prompt:
    """Show the first `k` examples as earlier turns, then ask.

    Args:
        examples: rows to show, none of them from the test set.
        k: how many; 0 is the same as `zero_shot`.
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages: system, k times user and assistant, user.

    Raises:
        ValueError: there are fewer than `k` examples.
    """
    rows = _rows(examples)
    if not 0 <= k <= len(rows):
        raise ValueError(say("prompting.few", k=k, found=len(rows)))
    shown = rows[:k]
    return retrieved(lambda row: shown, example)


def retrieved(
    retrieve: Retriever, example: Callable[[Row], dict[str, Any]] = to_example
) -> Prompt:
    """Show the examples that `retrieve` finds for the row, then ask.

    Args:
        retrieve: returns the rows to show, the most useful last: models attend best to
            what stands near the question.
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages, shaped as those of `few_shot`.
    """

    def prompt(row: Row) -> Messages:
        asked = example(row)["messages"][:-1]
        turns: Messages = []
        for shown in retrieve(row):
            turns += [m for m in example(shown)["messages"] if m["role"] != "system"]
        system = [m for m in asked if m["role"] == "system"]
        return system + turns + [m for m in asked if m["role"] != "system"]

    return prompt


def nearest(examples: pd.DataFrame | Sequence[Row], k: int) -> Retriever:
    """Return a retriever of the `k` examples whose ingredients look most alike.

    Texts are compared by the pieces of three to five letters that they share, weighed
    by how rare they are (TF-IDF): that finds "tomatoe" for "tomatoes", and works for
    Korean without knowing its grammar.

    Args:
        examples: rows to choose from, none of them from the test set.
        k: how many to find.

    Raises:
        ValueError: there are fewer than `k` examples.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = _rows(examples)
    if not 0 <= k <= len(rows):
        raise ValueError(say("prompting.few", k=k, found=len(rows)))
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
    known = vectorizer.fit_transform(row["ingredients"] for row in rows)

    def retrieve(row: Row) -> Sequence[Row]:
        asked = vectorizer.transform([row["ingredients"]])
        alike = (known @ asked.T).toarray().ravel()
        best = np.argsort(-alike, kind="stable")[:k]
        return [rows[i] for i in best[::-1]]

    return retrieve


def _rows(examples: pd.DataFrame | Sequence[Row]) -> Sequence[Row]:
    if isinstance(examples, pd.DataFrame):
        return examples.to_dict("records")
    return examples
