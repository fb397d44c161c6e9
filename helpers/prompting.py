"""Ways to ask: without examples, with examples, with what was found for the question.

Purpose: each way is a function from a row to the messages of one request, so that the
same test set can be asked in every way. Use:

    ask = few_shot(train, k=3)
    client.chat.completions.create(model=..., messages=ask(row))

It must never know a provider. The answer of a row never gets into its own prompt: an
example that asks the very same question is left out, whoever chose it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from helpers.messages import say
from helpers.recipes import name_set, parse_names, to_example

Row = Mapping[str, Any]
Messages = list[dict[str, Any]]
Prompt = Callable[[Row], Messages]
# Finds the rows that are shown as examples for a row: the place for retrieval (RAG).
Retriever = Callable[[Row], Sequence[Row]]
# Pieces of three to five letters: they find "tomatoe" for "tomatoes", and they work for
# Korean without knowing its grammar.
PIECES: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (3, 5)}
# What a model reads; it is part of the experiment, so it is not translated.
GLOSSARY = "Names of foods that may be meant: {names}."
# A request that the base model of this course has read in its pre-training.
KNOWN_REQUEST = "Write a shopping list."


def zero_shot(example: Callable[[Row], dict[str, Any]] = to_example) -> Prompt:
    """Ask with the system prompt and the question alone.

    Args:
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages: the example without its answer.
    """
    return lambda row: example(row)["messages"][:-1]


def in_known_words() -> Prompt:
    """Ask as the texts do that the base model of this course was pre-trained on.

    The answer comes as bullets, not as a JSON list: read it with `from_bullets`.

    Returns:
        A function from a recipe to messages: one user message with the title, the
        ingredient lines and the request, without a system prompt.
    """

    def prompt(row: Row) -> Messages:
        lines = "\n".join(f"- {line}" for line in json.loads(row["ingredients"]))
        text = f"{row['title']}\n\n{lines}\n\n{KNOWN_REQUEST}"
        return [{"role": "user", "content": text}]

    return prompt


def from_bullets(text: str) -> str:
    """Turn an answer in bullets into a JSON list; what is no bullet is left out.

    Args:
        text: an answer, a name on each line, after "- ".

    Returns:
        The names as JSON text, "[]" if there are none.
    """
    marked = (line.strip() for line in text.splitlines())
    return json.dumps(
        [line[2:] for line in marked if line.startswith("- ")], ensure_ascii=False
    )


def few_shot(
    examples: pd.DataFrame | Sequence[Row],
    k: int,
    example: Callable[[Row], dict[str, Any]] = to_example,
) -> Prompt:
    """Show the first `k` examples as earlier turns, then ask.

    Args:
        examples: rows to show, none of them from the test set. A row among them that
            is asked itself is not shown; the next one takes its place.
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

    def first_others(row: Row) -> Sequence[Row]:
        asked = example(row)["messages"][:-1]
        others = (one for one in rows if example(one)["messages"][:-1] != asked)
        return list(islice(others, k))

    return retrieved(first_others, example)


def retrieved(
    retrieve: Retriever, example: Callable[[Row], dict[str, Any]] = to_example
) -> Prompt:
    """Show the examples that `retrieve` finds for the row, then ask.

    Args:
        retrieve: returns the rows to show, the most useful last: models attend best to
            what stands near the question. A row with the same question is dropped.
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages, shaped as those of `few_shot`.
    """

    def prompt(row: Row) -> Messages:
        asked = example(row)["messages"][:-1]
        turns: Messages = []
        for shown in retrieve(row):
            messages = example(shown)["messages"]
            if messages[:-1] != asked:
                turns += [m for m in messages if m["role"] != "system"]
        system = [m for m in asked if m["role"] == "system"]
        return system + turns + [m for m in asked if m["role"] != "system"]

    return prompt


def nearest(examples: pd.DataFrame | Sequence[Row], k: int) -> Retriever:
    """Return a retriever of the `k` examples whose ingredients look most alike.

    Texts are compared by the pieces of words that they share (PIECES), weighed by how
    rare these are (TF-IDF of scikit-learn). A row never finds itself.

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
    vectorizer = TfidfVectorizer(**PIECES)
    known = vectorizer.fit_transform(row["ingredients"] for row in rows)

    def retrieve(row: Row) -> Sequence[Row]:
        asked = vectorizer.transform([row["ingredients"]])
        alike = (known @ asked.T).toarray().ravel()
        ranked = (rows[i] for i in np.argsort(-alike, kind="stable"))
        others = (one for one in ranked if one["ingredients"] != row["ingredients"])
        return list(islice(others, k))[::-1]

    return retrieve


# --- a glossary -------------------------------------------------------------------


def food_names(examples: pd.DataFrame | Sequence[Row]) -> list[str]:
    """Return the names in the answers of rows, lower case, each once, sorted.

    Args:
        examples: rows with the column NER, none of them from the test set.
    """
    answers = (parse_names(row["NER"]) or [] for row in _rows(examples))
    return sorted({name for names in answers for name in name_set(names)})


def glossary_lookup(
    names: Sequence[str], per_line: int = 1, least: float = 0.3
) -> Callable[[Row], list[str]]:
    """Return a function that finds the entries of a glossary that a recipe may mean.

    Every ingredient line is compared with every entry as `nearest` compares texts.

    Args:
        names: the entries.
        per_line: how many entries a line may bring.
        least: how alike line and entry have to be: a cosine, from 0 to 1.

    Returns:
        A function from a row to entries, in the order of the lines, each once.

    Raises:
        ValueError: there are no entries.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    entries = list(dict.fromkeys(names))
    if not entries:
        raise ValueError(say("prompting.glossary"))
    vectorizer = TfidfVectorizer(**PIECES)
    known = vectorizer.fit_transform(entries)

    def look_up(row: Row) -> list[str]:
        lines = parse_names(row["ingredients"]) or []
        if not lines:
            return []
        found: dict[str, None] = {}
        for alike in (vectorizer.transform(lines) @ known.T).toarray():
            best = np.argsort(-alike, kind="stable")[:per_line]
            found.update((entries[i], None) for i in best if alike[i] >= least)
        return list(found)

    return look_up


def with_glossary(
    look_up: Callable[[Row], Sequence[str]],
    example: Callable[[Row], dict[str, Any]] = to_example,
) -> Prompt:
    """Name the entries of a glossary in the system prompt, then ask.

    Args:
        look_up: finds the entries for a row, as `glossary_lookup` does.
        example: turns a row into a training example; the recipes' by default.

    Returns:
        A function from a row to messages; without a find they are those of `zero_shot`.
    """

    def prompt(row: Row) -> Messages:
        asked = [dict(message) for message in example(row)["messages"][:-1]]
        found = look_up(row)
        if found:
            hint = GLOSSARY.format(names="; ".join(found))
            if asked[0]["role"] == "system":
                asked[0]["content"] += "\n\n" + hint
            else:
                asked.insert(0, {"role": "system", "content": hint})
        return asked

    return prompt


# --- training on such prompts -----------------------------------------------------


def prompted_examples(
    rows: pd.DataFrame | Sequence[Row],
    prompt: Prompt,
    example: Callable[[Row], dict[str, Any]] = to_example,
) -> list[dict[str, Any]]:
    """Return training examples that ask in the way of `prompt`.

    Only the last answer is learned. Those that the prompt shows get `weight: 0`:
    otherwise a model would learn the same few answers again in every example.

    Args:
        rows: the training rows.
        prompt: a way to ask, such as `few_shot(train, 3)`.
        example: turns a row into a training example; the recipes' by default.
    """
    made = []
    for row in _rows(rows):
        turns = [
            {**message, "weight": 0} if message["role"] == "assistant" else message
            for message in prompt(row)
        ]
        made.append({"messages": [*turns, example(row)["messages"][-1]]})
    return made


def _rows(examples: pd.DataFrame | Sequence[Row]) -> Sequence[Row]:
    if isinstance(examples, pd.DataFrame):
        return examples.to_dict("records")
    return examples
