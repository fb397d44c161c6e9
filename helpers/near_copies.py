"""Texts that are nearly the same: found, put into groups, and compared by their labels.

Purpose: `helpers.chat_format` finds copies that differ in capitals and spaces. Copies
with another title, a changed word or a new line at the end need a closer look:

    pairs = near_copies(raw["ingredients"])
    raw["group"] = groups(len(raw), pairs)      # never cut a group in two
    conflicts(draft.examples())                 # nearly equal prompts, other answers

Texts are compared by the pieces of three to five letters that they share, weighed by
how rare they are (TF-IDF, cosine; scikit-learn). Work grows with the square of the
number of texts: good for some thousands, not for a million. There, hashes of pieces do
it (MinHash: Broder 1997; used for training data by Lee et al. 2021, arXiv:2107.06499).
It must never know a data set, a file or a provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.chat_rules import text_of

ALIKE = 0.7  # unrelated recipes stay below 0.55, copies with changed units above
ROWS_AT_ONCE = 256  # memory: this many times the number of texts, 8 bytes each


def near_copies(texts: Sequence[str], alike: float = ALIKE) -> pd.DataFrame:
    """Find the pairs of texts that are nearly the same.

    Args:
        texts: what to compare.
        alike: from which cosine on two texts are near copies; 1 is the same pieces.

    Returns:
        DataFrame with the columns first, second (positions, first < second) and alike,
        the most alike pair first.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = list(texts)
    columns = {"first": int, "second": int, "alike": float}
    if len(texts) < 2 or not any(text.strip() for text in texts):
        return pd.DataFrame({name: [] for name in columns}).astype(columns)
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
    pieces = vectorizer.fit_transform(texts)
    blocks = []
    for start in range(0, len(texts), ROWS_AT_ONCE):
        some = pieces[start : start + ROWS_AT_ONCE]
        found = (some @ pieces.T).tocoo()
        first, second = found.row + start, found.col
        kept = (found.data >= alike) & (first < second)
        block = {
            "first": first[kept], "second": second[kept], "alike": found.data[kept],
        }  # fmt: skip
        blocks.append(pd.DataFrame(block))
    pairs = pd.concat(blocks, ignore_index=True).astype(columns)
    # Equal texts differ in the last digits, by the order of a sum.
    pairs["alike"] = pairs["alike"].round(6)
    order = ["alike", "first", "second"]
    return pairs.sort_values(order, ascending=[False, True, True], ignore_index=True)


def groups(n: int, pairs: pd.DataFrame) -> np.ndarray:
    """Put what is connected by near copies into one group.

    Args:
        n: how many texts there are.
        pairs: what `near_copies` returned.

    Returns:
        int array (n,): the number of each text's group; copies of copies share one.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), dtype=np.int8)
    places = (pairs["first"].to_numpy(), pairs["second"].to_numpy())
    graph = coo_array((ones, places), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def conflicts(
    examples: Mapping[int, Mapping[str, Any]], alike: float = ALIKE
) -> pd.DataFrame:
    """Find examples with nearly the same question and different answers.

    The question is the text of the last message from the user, the answer that of the
    last message from the assistant; capitals and spaces do not count in answers.

    Args:
        examples: line number -> chat example.
        alike: as for `near_copies`.

    Returns:
        DataFrame with the columns first, second (line numbers), alike, first_answer and
        second_answer, the most alike pair first.
    """
    lines = list(examples)
    pairs = near_copies([_last(examples[line], "user") for line in lines], alike)
    answers = [_last(examples[line], "assistant") for line in lines]
    rows = [
        (lines[a], lines[b], score, answers[a], answers[b])
        for a, b, score in pairs.itertuples(index=False)
        if _plain(answers[a]) != _plain(answers[b])
    ]
    names = ["first", "second", "alike", "first_answer", "second_answer"]
    return pd.DataFrame(rows, columns=names)


def _last(example: Mapping[str, Any], role: str) -> str:
    """Return the text of the last message of a role; examples may still be broken."""
    for message in reversed(example["messages"]):
        if isinstance(message, Mapping) and message.get("role") == role:
            content = message.get("content")
            if isinstance(content, list) and not all(
                isinstance(part, Mapping) for part in content
            ):
                return str(content)
            return text_of(content)
    return ""


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
