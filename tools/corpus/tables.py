"""Table definitions and simple questions about them, for the lessons on databases.

No question here is answered with a query: turning questions into SQL is a task of the
lesson, and stays out of the corpus.
"""

from random import Random

from tools.corpus import words
from tools.corpus.requests import Chat

THINGS = (
    "orders dishes customers suppliers employees products stores recipes staff rooms "
    "players teams matches books authors cities countries schools students "
    "courses cars "
    "flights airports songs albums films actors patients visits sales payments reviews"
).split()
FIELDS = (
    "id name price city country year age title date quantity total weight "
    "height status "
    "category rating score phone email street amount salary start_date end_date color "
    "size capacity population area duration language genre position grade stock"
).split()
TYPES = ("INTEGER", "TEXT", "REAL", "VARCHAR", "DATE", "INT", "VARCHAR(40)", "NUMERIC")
CHECKS = ("= {}", "> {}", "< {}", ">= {}", "<> {}")


def _name(r: Random) -> str:
    if r.random() < 0.35:
        base = words.made_up(r)
        return f"{base}_{r.choice(FIELDS)}" if r.random() < 0.4 else base
    return r.choice(FIELDS)


def table(r: Random) -> tuple[str, list[tuple[str, str]]]:
    """Return a table's name and its columns as (name, type)."""
    name = words.made_up(r) if r.random() < 0.3 else r.choice(THINGS)
    columns = dict.fromkeys(_name(r) for _ in range(r.randint(2, 7)))
    return name, [(column, r.choice(TYPES)) for column in columns]


def definition(name: str, columns: list[tuple[str, str]]) -> str:
    """Return the CREATE TABLE statement."""
    inside = ", ".join(f"{column} {kind}" for column, kind in columns)
    return f"CREATE TABLE {name} ({inside})"


def _value(r: Random) -> str:
    if r.random() < 0.5:
        return str(r.randint(0, 3000))
    return f"'{words.phrase(r, 0.5)}'"


def statement(r: Random, name: str, columns: list[tuple[str, str]]) -> str:
    """Return a statement over the table, as text to read."""
    column = r.choice(columns)[0]
    where = r.choice(columns)[0]
    check = r.choice(CHECKS).format(_value(r))
    shape = r.choice(
        (
            "SELECT {c} FROM {t} WHERE {w} {k}",
            "SELECT COUNT(*) FROM {t} WHERE {w} {k}",
            "SELECT {c}, {w} FROM {t} ORDER BY {c} DESC LIMIT 3",
            "SELECT AVG({c}) FROM {t} GROUP BY {w}",
            "SELECT DISTINCT {c} FROM {t}",
            "SELECT MAX({c}) FROM {t} WHERE {w} {k}",
            "UPDATE {t} SET {c} = 1 WHERE {w} {k}",
        )
    )
    return shape.format(c=column, t=name, w=where, k=check)


def chat(r: Random) -> Chat:
    """Return a chat of simple questions about table definitions."""
    made = [table(r) for _ in range(r.choice((1, 1, 2)))]
    shown = "; ".join(definition(*one) for one in made)
    name, columns = r.choice(made)
    column, kind = r.choice(columns)
    listed = ", ".join(c for c, _ in columns)
    ask, answer = r.choice(
        (
            (f"Which columns has {name}?", listed),
            (f"How many columns has {name}?", str(len(columns))),
            (f"What type is {column} in {name}?", kind),
            (f"Repeat the definition of {name}.", definition(name, columns)),
            ("Which tables are there?", ", ".join(n for n, _ in made)),
            (f"Which column comes first in {name}?", columns[0][0]),
            (f"Which column comes last in {name}?", columns[-1][0]),
        )
    )
    return [("user", f"{shown}\n{ask}"), ("assistant", answer)]


def page(r: Random) -> str:
    """Return a definition and a few statements over it, without any question."""
    name, columns = table(r)
    lines = [definition(name, columns)]
    lines += [statement(r, name, columns) for _ in range(r.randint(1, 4))]
    return ";\n".join(lines) + ";"
