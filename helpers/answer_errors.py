"""What kinds of errors answers hold: the same score can hide very different ones.

Purpose: a missing name and an invented one that look alike are one error, not two. So
the names that an answer lacks are paired with those that it has too many, and each
error gets one kind:

    missed      a right name is not there, nor anything like it
    invented    a name is there that belongs nowhere
    cut         words too many or too few: "ripe tomatoes" for "tomatoes"
    spelling    the same words, spelt differently: "tomatoe" for "tomatoes"
    unreadable  the answer is no JSON list of texts, so every name in it is lost

Which names look alike is decided by letters alone (difflib of Python), so it can be
wrong: "pear" and "pearl" are taken for one name spelt differently.
It must never know a model, a provider or a list of foods.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import pandas as pd

from helpers.evaluation import Result
from helpers.recipes import name_set, parse_names

KINDS = ("missed", "invented", "cut", "spelling", "unreadable")
# Two words of at least this ratio are one word spelt differently; "beef" and "beet",
# at 0.75, are not.
ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Mistake:
    """One error: its kind, the right name and the one given; "" where there is none."""

    kind: str
    right: str
    given: str


def find_errors(text: str, expected: str) -> list[Mistake]:
    """Return the errors of one answer.

    Names are compared as the score compares them: lower case, as sets. So for a
    readable answer, missed names are the errors with a `right`, and invented names
    those with a `given`.

    Args:
        text: the answer.
        expected: the right list, as JSON text.

    Returns:
        The errors: pairs first, in alphabetical order within a kind.
    """
    right = name_set(parse_names(expected) or [])
    names = parse_names(text)
    if names is None:
        return [Mistake("unreadable", name, "") for name in sorted(right)]
    found = name_set(names)
    missed, invented = right - found, found - right
    errors = []
    for kind, one, other in _pairs(missed, invented):
        errors.append(Mistake(kind, one, other))
        missed, invented = missed - {one}, invented - {other}
    errors += [Mistake("missed", name, "") for name in sorted(missed)]
    errors += [Mistake("invented", "", name) for name in sorted(invented)]
    return errors


def _pairs(missed: set[str], invented: set[str]) -> list[tuple[str, str, str]]:
    """Return (kind, right, given) of names that look alike, the most alike first."""
    candidates = []
    for one in missed:
        for other in invented:
            kind, ratio = _likeness(one, other)
            if kind:
                candidates.append((kind != "spelling", -ratio, one, other, kind))
    pairs: list[tuple[str, str, str]] = []
    taken: set[str] = set()
    for *_, one, other, kind in sorted(candidates):
        if not taken & {one, other}:
            taken |= {one, other}
            pairs.append((kind, one, other))
    return pairs


def _likeness(one: str, other: str) -> tuple[str, float]:
    """Return the kind of error that two names make together ("" for none), a ratio."""
    if _letters(one) == _letters(other):
        return "spelling", 1.0
    words, others = _words(one), _words(other)
    if words and len(words) == len(others):
        ratios = [_ratio(a, b) for a, b in zip(words, others, strict=True)]
        if min(ratios) >= ALIKE:
            return "spelling", sum(ratios) / len(ratios)
    few, many = sorted((Counter(words), Counter(others)), key=lambda c: c.total())
    if few and few < many:
        return "cut", _ratio(one, other)
    return "", 0.0


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name)


def _ratio(one: str, other: str) -> float:
    # The ratio depends on the order; the larger one counts.
    pairs = ((one, other), (other, one))
    return max(SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs)


def error_table(results: Mapping[str, Result], rows: pd.DataFrame) -> pd.DataFrame:
    """Return every error of every system, one a line.

    Args:
        results: name of a system -> its scored answers to the first of `rows`.
        rows: the test rows, with the columns title and NER.

    Returns:
        DataFrame with system, row (0 is the first of `rows`), title, kind, right and
        given.
    """
    columns = ["system", "row", "title", "kind", "right", "given"]
    titles, labels = rows["title"].tolist(), rows["NER"].tolist()
    lines = [
        (system, number, titles[number], error.kind, error.right, error.given)
        for system, result in results.items()
        for number, answer in enumerate(result.answers)
        for error in find_errors(answer.text, labels[number])
    ]
    return pd.DataFrame(lines, columns=columns)


def error_rates(results: Mapping[str, Result], rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many errors of each kind a system makes per 100 right names.

    Args:
        results: name of a system -> its scored answers to the first of `rows`.
        rows: the test rows, with the columns title and NER.

    Returns:
        DataFrame, index system, one column per kind (KINDS). A row can exceed 100:
        names can be invented without end.
    """
    table = error_table(results, rows)
    times = Counter(zip(table["system"], table["kind"], strict=True))
    sizes = [len(name_set(parse_names(text) or [])) for text in rows["NER"]]
    lines = {}
    for system, result in results.items():
        names = max(1, sum(sizes[: len(result)]))
        lines[system] = {kind: 100 * times[system, kind] / names for kind in KINDS}
    rates = pd.DataFrame.from_dict(lines, orient="index", columns=list(KINDS))
    return rates.rename_axis(index="system")
