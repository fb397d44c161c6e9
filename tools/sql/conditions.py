"""The part of a question that chooses rows, with the SQL that means the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tools.sql.schemas import Column, Table, number, value


@dataclass(frozen=True)
class Condition:
    """Words to put behind a plural, SQL to put behind WHERE, and the columns used."""

    words: str
    sql: str
    columns: tuple[Column, ...]


# (SQL, ways to say it): c is the column, v, w texts, k, m numbers with k < m.
TEXT = (
    ("{q} = '{v}'", ("whose {c} is {v}", "with {c} {v}", "that have {v} as {c}")),
    ("{q} = '{v}'", ("whose {c} is {v}", "with {c} {v}", "that have {v} as {c}")),
    (
        "{q} <> '{v}'",
        (
            "whose {c} is not {v}",
            "with {a} {c} other than {v}",
            "that do not have {v} as {c}",
        ),
    ),
    (
        "{q} IN ('{v}', '{w}')",
        ("whose {c} is {v} or {w}", "with either {v} or {w} as {c}"),
    ),
    (
        "{q} NOT IN ('{v}', '{w}')",
        ("whose {c} is neither {v} nor {w}", "with neither {v} nor {w} as {c}"),
    ),
)
LIKE = (
    (
        "{q} LIKE '{begin}%'",
        ("whose {c} starts with {begin}", "whose {c} begins with {begin}"),
    ),
    ("{q} LIKE '%{end}'", ("whose {c} ends with {end}", "whose {c} ends in {end}")),
    (
        "{q} LIKE '%{inside}%'",
        ("whose {c} contains {inside}", "with {inside} in the {c}"),
    ),
    (
        "{q} NOT LIKE '{begin}%'",
        (
            "whose {c} does not start with {begin}",
            "whose {c} does not begin with {begin}",
        ),
    ),
    ("{q} NOT LIKE '%{inside}%'", ("whose {c} does not contain {inside}",)),
)
NUMBER = (
    (
        "{q} > {k}",
        (
            "whose {c} is above {k}",
            "whose {c} is more than {k}",
            "with {a} {c} greater than {k}",
            "with {c} over {k}",
        ),
    ),
    (
        "{q} < {k}",
        (
            "whose {c} is below {k}",
            "whose {c} is less than {k}",
            "with {a} {c} smaller than {k}",
            "with {c} under {k}",
        ),
    ),
    ("{q} >= {k}", ("whose {c} is at least {k}", "with {a} {c} of {k} or more")),
    ("{q} <= {k}", ("whose {c} is at most {k}", "with {a} {c} of {k} or less")),
    ("{q} = {k}", ("whose {c} is {k}", "with {c} {k}", "whose {c} equals {k}")),
    ("{q} <> {k}", ("whose {c} is not {k}", "with {a} {c} other than {k}")),
    ("NOT {q} > {k}", ("whose {c} is not above {k}", "whose {c} is not more than {k}")),
    (
        "{q} BETWEEN {k} AND {m}",
        ("whose {c} is between {k} and {m}", "with {a} {c} from {k} to {m}"),
    ),
)


def article(words: str) -> str:
    """Return "a" or "an"."""
    spoken_with_y = words.startswith(("uni", "eu"))
    return "an" if words[0] in "aeiou" and not spoken_with_y else "a"


def _filled(
    r: Random, ways: tuple, column: Column, prefix: str, **values: object
) -> Condition:
    sql, words = r.choice(ways)
    values |= {"c": column.words, "a": article(column.words), "q": prefix + column.name}
    return Condition(r.choice(words).format(**values), sql.format(**values), (column,))


def text(r: Random, column: Column, prefix: str) -> Condition:
    """Draw a condition on a text."""
    first = value(r, column)
    second = first
    while second == first:
        second = value(r, column)
    return _filled(r, TEXT, column, prefix, v=first, w=second)


def like(r: Random, column: Column, prefix: str) -> Condition:
    """Draw a condition on letters of a text."""
    one = value(r, column).split()[-1]
    cut = r.choice((1, 2))
    start = r.randint(1, max(1, len(one) - 2))
    return _filled(
        r,
        LIKE,
        column,
        prefix,
        begin=one[:cut],
        end=one[-cut:],
        inside=one[start : start + 2],
    )


def size(r: Random, column: Column, prefix: str) -> Condition:
    """Draw a condition on a number."""
    low, high = sorted((number(r, column), number(r, column)))
    return _filled(r, NUMBER, column, prefix, k=low, m=max(high, low + 1))


def draw(
    r: Random,
    table: Table,
    prefix: str = "",
    double: float = 0.2,
    besides: tuple[Column, ...] = (),
) -> Condition:
    """Draw a condition on a table, sometimes two joined by AND or OR.

    Args:
        r: the source of chance.
        table: whose rows are chosen.
        prefix: put before column names, such as "guests.".
        double: how often there are two.
        besides: columns that the question is about already; others are taken where
            there are any, because nobody asks for the city of guests of a known city.
    """
    free = [c for c in table.columns if c not in besides] or list(table.columns)
    if r.random() >= double or len(free) < 2:
        return _single(r, r.choice(free), prefix, compound=False)
    one, other = r.sample(free, 2)
    first = _single(r, one, prefix, compound=True)
    second = _single(r, other, prefix, compound=True)
    sign, word = r.choice((("AND", "and"), ("AND", "and"), ("OR", "or")))
    return Condition(
        f"{first.words} {word} {second.words}",
        f"{first.sql} {sign} {second.sql}",
        first.columns + second.columns,
    )


def _single(r: Random, column: Column, prefix: str, compound: bool) -> Condition:
    if column.is_number:
        make: Callable[..., Condition] = size
    else:
        make = like if r.random() < 0.2 and not column.texts else text
    while True:
        made = make(r, column, prefix)
        # "whose a is x or y and whose b is z" could be read in two ways.
        if not (compound and (" IN " in made.sql or "BETWEEN" in made.sql)):
            return made
