"""Questions over one or two tables, each with the query that answers it.

A question has one meaning. Where English leaves something open (which comes first, what
counts as highest), the wording says it. Names of tables and columns are said as they
are written, with spaces for underscores: synonyms are not part of this data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tools.sql import conditions
from tools.sql.conditions import Condition
from tools.sql.schemas import Column, Schema, Table

AGGREGATES = (
    ("AVG", ("average", "mean")),
    ("MAX", ("highest", "maximum", "largest")),
    ("MIN", ("lowest", "minimum", "smallest")),
    ("SUM", ("total", "summed up")),
)


@dataclass(frozen=True)
class Item:
    """A question with its query.

    Attributes:
        form: which form it has.
        question, answer: what is asked, and the SQL.
        tables: the tables that the query reads.
        used: the columns that it needs: (table, column), link and id included.
    """

    form: str
    question: str
    answer: str
    tables: tuple[Table, ...]
    used: tuple[tuple[str, str], ...]


def _where(condition: Condition | None) -> str:
    return f" WHERE {condition.sql}" if condition else ""


def _said(condition: Condition | None) -> str:
    return f" {condition.words}" if condition else ""


def _maybe(
    r: Random, table: Table, chance: float, *besides: Column, prefix: str = ""
) -> Condition | None:
    if r.random() >= chance:
        return None
    return conditions.draw(r, table, prefix, besides=besides)


def _one(form: str, table: Table, question: str, answer: str, *columns: object) -> Item:
    used: list[tuple[str, str]] = []
    for column in columns:
        if isinstance(column, Condition):
            used += [(table.name, one.name) for one in column.columns]
        elif isinstance(column, Column):
            used.append((table.name, column.name))
    return Item(form, question, answer, (table,), tuple(dict.fromkeys(used)))


# --- one table -----------------------------------------------------------------


def select(r: Random, t: Table) -> Item:
    """One column of the rows that a condition chooses."""
    c = r.choice(t.columns)
    w = conditions.draw(r, t, besides=(c,))
    way = r.choice(
        (
            "What is the {c} of the {t} {w}?",
            "Show the {c} of the {t} {w}.",
            "List the {c} of all {t} {w}.",
            "Give the {c} of {t} {w}.",
        )
    )
    question = way.format(c=c.words, t=t.words, w=w.words)
    return _one(
        "select", t, question, f"SELECT {c.name} FROM {t.name}{_where(w)}", c, w
    )


def select_two(r: Random, t: Table) -> Item:
    """Two columns of the rows that a condition chooses."""
    c, d = r.sample(t.columns, 2)
    w = conditions.draw(r, t, besides=(c, d))
    way = r.choice(
        (
            "Show the {c} and the {d} of the {t} {w}.",
            "List {c} and {d} of all {t} {w}.",
            "What are the {c} and the {d} of the {t} {w}?",
        )
    )
    question = way.format(c=c.words, d=d.words, t=t.words, w=w.words)
    answer = f"SELECT {c.name}, {d.name} FROM {t.name}{_where(w)}"
    return _one("select", t, question, answer, c, d, w)


def select_all(r: Random, t: Table) -> Item:
    """Every column of the rows that a condition chooses."""
    w = conditions.draw(r, t)
    way = r.choice(
        ("Show everything about the {t} {w}.", "List all columns of the {t} {w}.")
    )
    question = way.format(t=t.words, w=w.words)
    return _one("select", t, question, f"SELECT * FROM {t.name}{_where(w)}", w)


def count(r: Random, t: Table) -> Item:
    """The number of rows that a condition chooses."""
    w = _maybe(r, t, 0.95)
    way = r.choice(
        (
            "How many {t} are there{w}?",
            "Count the {t}{w}.",
            "What is the number of {t}{w}?",
        )
    )
    question = way.format(t=t.words, w=_said(w))
    return _one("count", t, question, f"SELECT COUNT(*) FROM {t.name}{_where(w)}", w)


def aggregate(r: Random, t: Table) -> Item:
    """One number made of a column."""
    n = r.choice(t.numbers)
    w = _maybe(r, t, 0.9, n)
    name, ways = r.choice(AGGREGATES)
    way = r.choice(
        (
            "What is the {a} {n} of the {t}{w}?",
            "Show the {a} {n} of all {t}{w}.",
            "Compute the {a} {n} of {t}{w}.",
        )
    )
    question = way.format(a=r.choice(ways), n=n.words, t=t.words, w=_said(w))
    answer = f"SELECT {name}({n.name}) FROM {t.name}{_where(w)}"
    return _one("aggregate", t, question, answer, n, w)


def aggregate_two(r: Random, t: Table) -> Item:
    """Highest and lowest value of a column."""
    n = r.choice(t.numbers)
    w = _maybe(r, t, 0.9, n)
    first, second = r.sample(
        [("MAX", "highest"), ("MIN", "lowest"), ("AVG", "average")], 2
    )
    question = (
        f"What are the {first[1]} and the {second[1]} {n.words}"
        f" of the {t.words}{_said(w)}?"
    )
    answer = (
        f"SELECT {first[0]}({n.name}), {second[0]}({n.name}) FROM {t.name}{_where(w)}"
    )
    return _one("aggregate", t, question, answer, n, w)


def group_count(r: Random, t: Table) -> Item:
    """The number of rows in each group."""
    g = r.choice(t.kinds or t.texts)
    w = _maybe(r, t, 0.6, g)
    way = r.choice(
        (
            "For each {g}, how many {t} are there{w}?",
            "Count the {t}{w} for each {g}.",
            "Show each {g} with the number of {t}{w}.",
        )
    )
    question = way.format(g=g.words, t=t.words, w=_said(w))
    answer = f"SELECT {g.name}, COUNT(*) FROM {t.name}{_where(w)} GROUP BY {g.name}"
    return _one("group", t, question, answer, g, w)


def group_aggregate(r: Random, t: Table) -> Item:
    """One number made of a column, in each group."""
    g, n = r.choice(t.kinds or t.texts), r.choice(t.numbers)
    w = _maybe(r, t, 0.5, g, n)
    name, ways = r.choice(AGGREGATES)
    way = r.choice(
        (
            "For each {g}, what is the {a} {n} of the {t}{w}?",
            "Show each {g} with the {a} {n} of the {t}{w}.",
        )
    )
    question = way.format(g=g.words, a=r.choice(ways), n=n.words, t=t.words, w=_said(w))
    answer = (
        f"SELECT {g.name}, {name}({n.name}) FROM {t.name}{_where(w)} GROUP BY {g.name}"
    )
    return _one("group", t, question, answer, g, n, w)


def having(r: Random, t: Table) -> Item:
    """The groups that have enough rows."""
    g, k = r.choice(t.kinds or t.texts), r.randint(2, 6)
    w = _maybe(r, t, 0.4, g)
    sign, word = r.choice(((">", "more than"), (">=", "at least"), ("<", "fewer than")))
    way = r.choice(
        (
            "Which {g} do {k} {t}{w} share?",
            "Show each {g} that {k} {t}{w} share.",
        )
    )
    question = way.format(g=g.words, k=f"{word} {k}", t=t.words, w=_said(w))
    answer = (
        f"SELECT {g.name} FROM {t.name}{_where(w)} GROUP BY {g.name}"
        f" HAVING COUNT(*) {sign} {k}"
    )
    return _one("group", t, question, answer, g, w)


def order(r: Random, t: Table) -> Item:
    """A list in an order."""
    c, o = r.choice(t.columns), r.choice(t.columns)
    w = _maybe(r, t, 0.6, c, o)
    if o.is_number:
        down, said = r.choice(
            (
                ("", "lowest first"),
                (" DESC", "highest first"),
                (" DESC", "largest first"),
            )
        )
        said = f"by {o.words}, {said}"
    else:
        down, said = r.choice((("", "A to Z"), (" DESC", "Z to A")))
        said = f"by {o.words} from {said}"
    way = r.choice(
        (
            "List the {c} of the {t}{w}, sorted {o}.",
            "Show the {c} of {t}{w} ordered {o}.",
        )
    )
    question = way.format(c=c.words, t=t.words, w=_said(w), o=said)
    answer = f"SELECT {c.name} FROM {t.name}{_where(w)} ORDER BY {o.name}{down}"
    return _one("order", t, question, answer, c, o, w)


def top(r: Random, t: Table) -> Item:
    """The first rows of an order."""
    c, n = r.choice(t.texts), r.choice(t.numbers)
    w = _maybe(r, t, 0.6, c, n)
    down, word = r.choice(
        ((" DESC", "highest"), (" DESC", "largest"), ("", "lowest"), ("", "smallest"))
    )
    k = r.choice((1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    many = f"{k} {t.words}" if k > 1 else f"one of the {t.words}"
    way = r.choice(
        (
            "Show the {c} of the {k}{w} with the {o}.",
            "List the {c} of the {k}{w} that {has} the {o}.",
        )
    )
    question = way.format(
        c=c.words,
        k=many,
        w=_said(w),
        o=f"{word} {n.words}",
        has="have" if k > 1 else "has",
    )
    answer = (
        f"SELECT {c.name} FROM {t.name}{_where(w)} ORDER BY {n.name}{down} LIMIT {k}"
    )
    return _one("order", t, question, answer, c, n, w)


def distinct(r: Random, t: Table) -> Item:
    """Every value once."""
    c = r.choice(t.texts)
    w = _maybe(r, t, 0.9, c)
    way = r.choice(
        (
            "List every different {c} of the {t}{w}.",
            "Show each {c} of the {t}{w} only once.",
            "Which different {c} values are there among the {t}{w}?",
        )
    )
    question = way.format(c=c.words, t=t.words, w=_said(w))
    return _one(
        "distinct",
        t,
        question,
        f"SELECT DISTINCT {c.name} FROM {t.name}{_where(w)}",
        c,
        w,
    )


def count_distinct(r: Random, t: Table) -> Item:
    """How many values there are."""
    c = r.choice(t.texts)
    w = _maybe(r, t, 0.9, c)
    way = r.choice(
        (
            "How many different {c} values are there among the {t}{w}?",
            "Count the different {c} values of the {t}{w}.",
        )
    )
    question = way.format(c=c.words, t=t.words, w=_said(w))
    answer = f"SELECT COUNT(DISTINCT {c.name}) FROM {t.name}{_where(w)}"
    return _one("distinct", t, question, answer, c, w)


def beside_average(r: Random, t: Table) -> Item:
    """Rows compared with the average of all."""
    c, n = r.choice(t.columns), r.choice(t.numbers)
    sign, word = r.choice(((">", "above"), ("<", "below")))
    way = r.choice(
        (
            "Show the {c} of the {t} whose {n} is {o} the average {n}.",
            "Which {c} belongs to {t} with {a} {n} {o} the average {n}?",
        )
    )
    a = conditions.article(n.words)
    question = way.format(c=c.words, t=t.words, a=a, n=n.words, o=word)
    answer = (
        f"SELECT {c.name} FROM {t.name} WHERE {n.name} {sign}"
        f" (SELECT AVG({n.name}) FROM {t.name})"
    )
    return _one("nested", t, question, answer, c, n)


# --- two tables ----------------------------------------------------------------


def _two(
    form: str, s: Schema, question: str, answer: str, *columns: tuple[Table, object]
) -> Item:
    used = [(s.child.name, s.child.link), (s.parent.name, "id")]
    for table, column in columns:
        used += _one("", table, "", "", column).used
    return Item(form, question, answer, (s.parent, s.child), tuple(dict.fromkeys(used)))


def _join(s: Schema) -> str:
    a, b = s.parent.name, s.child.name
    return f"FROM {b} JOIN {a} ON {b}.{s.child.link} = {a}.id"


def join_select(r: Random, s: Schema) -> Item:
    """A column of one table, chosen by a condition on the other."""
    a, b = s.parent, s.child
    c, w = r.choice(b.columns), conditions.draw(r, a, f"{a.name}.", 0.1)
    way = r.choice(
        (
            "Show the {c} of the {b} that belong to {a} {w}.",
            "List the {c} of all {b} of {a} {w}.",
        )
    )
    question = way.format(c=c.words, a=a.words, b=b.words, w=w.words)
    answer = f"SELECT {b.name}.{c.name} {_join(s)} WHERE {w.sql}"
    return _two("join", s, question, answer, (b, c), (a, w))


def join_both(r: Random, s: Schema) -> Item:
    """A column of each of the two tables."""
    a, b = s.parent, s.child
    c, d = r.choice(b.columns), r.choice(a.columns)
    w = _maybe(r, b, 0.8, c, prefix=f"{b.name}.")
    question = (
        f"Show the {c.words} of the {b.words}{_said(w)}"
        f" together with the {d.words} of their {a.words}."
    )
    answer = f"SELECT {b.name}.{c.name}, {a.name}.{d.name} {_join(s)}{_where(w)}"
    return _two("join", s, question, answer, (b, c), (a, d), (b, w))


def join_count(r: Random, s: Schema) -> Item:
    """How many rows of one table a condition on the other chooses."""
    a, b = s.parent, s.child
    w = conditions.draw(r, a, f"{a.name}.", 0.1)
    way = r.choice(("How many {b} belong to {a} {w}?", "Count the {b} of {a} {w}."))
    question = way.format(a=a.words, b=b.words, w=w.words)
    answer = f"SELECT COUNT(*) {_join(s)} WHERE {w.sql}"
    return _two("join", s, question, answer, (a, w))


def join_aggregate(r: Random, s: Schema) -> Item:
    """A number made of one table, chosen by a condition on the other."""
    a, b = s.parent, s.child
    n, w = r.choice(b.numbers), conditions.draw(r, a, f"{a.name}.", 0.1)
    name, ways = r.choice(AGGREGATES)
    way = r.choice(
        (
            "What is the {x} {n} of the {b} that belong to {a} {w}?",
            "Compute the {x} {n} of all {b} of {a} {w}.",
        )
    )
    question = way.format(x=r.choice(ways), n=n.words, a=a.words, b=b.words, w=w.words)
    answer = f"SELECT {name}({b.name}.{n.name}) {_join(s)} WHERE {w.sql}"
    return _two("join", s, question, answer, (b, n), (a, w))


def join_group(r: Random, s: Schema) -> Item:
    """A number for each group of the other table."""
    a, b = s.parent, s.child
    g = r.choice(a.columns)
    w = _maybe(r, b, 0.6, prefix=f"{b.name}.")
    end = f"{_join(s)}{_where(w)} GROUP BY {a.name}.{g.name}"
    if r.random() < 0.5:
        question = (
            f"For each {g.words} of the {a.words},"
            f" how many {b.words}{_said(w)} are there?"
        )
        answer = f"SELECT {a.name}.{g.name}, COUNT(*) {end}"
        return _two("join", s, question, answer, (a, g), (b, w))
    n = r.choice(b.numbers)
    name, ways = r.choice(AGGREGATES)
    question = (
        f"For each {g.words} of the {a.words}, what is the {r.choice(ways)}"
        f" {n.words} of the {b.words}{_said(w)}?"
    )
    answer = f"SELECT {a.name}.{g.name}, {name}({b.name}.{n.name}) {end}"
    return _two("join", s, question, answer, (a, g), (b, n), (b, w))


def join_top(r: Random, s: Schema) -> Item:
    """A column of one table for the first rows of the other."""
    a, b = s.parent, s.child
    c, n, k = r.choice(a.columns), r.choice(b.numbers), r.randint(2, 10)
    down, word = r.choice(((" DESC", "highest"), ("", "lowest")))
    question = (
        f"Show the {c.words} of the {a.words} of the {k} {b.words}"
        f" with the {word} {n.words}."
    )
    answer = (
        f"SELECT {a.name}.{c.name} {_join(s)}"
        f" ORDER BY {b.name}.{n.name}{down} LIMIT {k}"
    )
    return _two("join", s, question, answer, (a, c), (b, n))


def with_or_without(r: Random, s: Schema) -> Item:
    """Rows of one table that have, or do not have, rows in the other."""
    a, b = s.parent, s.child
    c, w = r.choice(a.columns), _maybe(r, b, 0.85)
    while w and any(word in w.sql for word in ("<>", "NOT")):
        w = conditions.draw(r, b)  # "that have no x that are not y" is hard to read
    without = w is None or r.random() < 0.6
    sign = "NOT IN" if without else "IN"
    word = (
        r.choice(("have no", "are without any"))
        if without
        else "have at least one of the"
    )
    way = r.choice(
        (
            "Show the {c} of the {a} that {x} {b}{w}.",
            "Which {c} belongs to {a} that {x} {b}{w}?",
        )
    )
    question = way.format(c=c.words, a=a.words, b=b.words, x=word, w=_said(w))
    answer = (
        f"SELECT {c.name} FROM {a.name} WHERE id {sign}"
        f" (SELECT {b.link} FROM {b.name}{_where(w)})"
    )
    return _two("nested", s, question, answer, (a, c), (b, w))


Single = Callable[[Random, Table], Item]
Double = Callable[[Random, Schema], Item]
# How often each is drawn, compared with the others.
SINGLE: dict[Single, int] = {
    select: 12,
    select_two: 7,
    select_all: 3,
    count: 8,
    aggregate: 10,
    aggregate_two: 3,
    group_count: 6,
    group_aggregate: 6,
    having: 4,
    order: 6,
    top: 7,
    distinct: 4,
    count_distinct: 3,
    beside_average: 2,
}
DOUBLE: dict[Double, int] = {
    join_select: 5,
    join_both: 4,
    join_count: 4,
    join_aggregate: 4,
    join_group: 4,
    join_top: 3,
    with_or_without: 5,
}


def draw(r: Random, schema: Schema) -> Item:
    """Draw a question over a schema."""
    ways = [*SINGLE, *DOUBLE]
    form = r.choices(ways, [*SINGLE.values(), *DOUBLE.values()])[0]
    if form in SINGLE:
        table = r.choice([t for t in (schema.parent, schema.child) if t.numbers])
        return form(r, table)
    return form(r, schema)
