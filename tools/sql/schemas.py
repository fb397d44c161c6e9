"""The tables of many trades, read from seen.txt and unseen.txt.

Those of unseen.txt share no word of a table or column with the others, except `id`:
only so does a score on them say whether a model reads a schema or remembers one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
TABLE = re.compile(r"(\w+)(?:\((\w+) (\w+)\))?: (.+)")
COLUMN = re.compile(r"(\w+)([=@#])(.+)")
SYLLABLES = (
    "ba cor del fa gri hal jun ki lor mar nes ol pra rin sta tur vel zan".split()
)
NEW_SYLLABLES = (
    "ach bry dwen esk fjo glim hux kva myr ozo pyl quor shev tiv ulm".split()
)
ADJECTIVES = "Silent Golden Broken Early Hidden Long Empty Bright Last Winter".split()
NOUNS = "River Garden Letter Island Mirror Road Tower Song Harbor Window Fire".split()
# Made-up names of tables and columns are put together of these: onset, vowel, coda.
ONSETS = "b br c ch d dr f fl g gr h j k l m n p pl r s st t tr v w z".split()
VOWELS = "a e i o u ai ee ou".split()
CODAS = ["", "", *"l m n nd r rk s st t".split()]


@dataclass(frozen=True)
class Column:
    """A column: whole numbers of a range, or texts of a list or pool.

    Attributes:
        name: as in SQL.
        texts: the texts that it has; empty for numbers.
        pool: where texts come from when they are not listed.
        low, high: the range of its numbers.
    """

    name: str
    texts: tuple[str, ...] = ()
    pool: str = ""
    low: int = 0
    high: int = 0

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return not self.texts and not self.pool

    @property
    def words(self) -> str:
        """The name as a question says it."""
        return self.name.replace("_", " ")

    @property
    def type(self) -> str:
        """The type in the definition."""
        return "INTEGER" if self.is_number else "TEXT"


@dataclass(frozen=True)
class Table:
    """A table, and the column with which it points at another."""

    name: str
    columns: tuple[Column, ...]
    link: str = ""
    target: str = ""

    @property
    def words(self) -> str:
        """The name as a question says it; always a plural."""
        return self.name.replace("_", " ")

    @property
    def numbers(self) -> list[Column]:
        """The columns with numbers."""
        return [column for column in self.columns if column.is_number]

    @property
    def texts(self) -> list[Column]:
        """The columns with texts."""
        return [column for column in self.columns if not column.is_number]

    @property
    def kinds(self) -> list[Column]:
        """The columns whose texts come again and again, such as a colour."""
        repeated = ("color", "country", "city", "language", "weekday", "month")
        return [c for c in self.texts if c.texts or c.pool in repeated]


@dataclass(frozen=True)
class Schema:
    """The two tables of a trade; the second points at the first."""

    name: str
    parent: Table
    child: Table


def load(file: str) -> list[Schema]:
    """Return the schemas of a file beside this module."""
    text = (HERE / file).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    blocks = "\n".join(lines).strip().split("\n\n")
    return [_schema(block.strip().splitlines()) for block in blocks]


def _schema(lines: list[str]) -> Schema:
    name, parent, child = lines
    return Schema(name, _table(parent), _table(child))


def _table(line: str) -> Table:
    found = TABLE.fullmatch(line)
    if found is None:
        raise ValueError(
            f"not a table: {line!r}; expected 'name(link target): columns'"
        )
    name, link, target, columns = found.groups()
    return Table(name, tuple(map(_column, columns.split())), link or "", target or "")


def _column(text: str) -> Column:
    found = COLUMN.fullmatch(text)
    if found is None:
        raise ValueError(
            f"not a column: {text!r}; expected name=a,b, name@pool, name#1-9"
        )
    name, sign, rest = found.groups()
    if sign == "=":
        return Column(name, texts=tuple(rest.split(",")))
    if sign == "@":
        return Column(name, pool=rest)
    low, high = re.fullmatch(r"(-?\d+)-(\d+)", rest).groups()
    return Column(name, low=int(low), high=int(high))


def mixed(r: Random, trades: list[Schema], n: int) -> list[Schema]:
    """Return n schemas whose names are drawn from all trades, joined, or made up.

    Whoever has only seen the same few dozen schemas remembers their columns. Names that
    come a few times each have to be read from the definition.

    Args:
        r: source of chance.
        trades: schemas as `load` returns them; their columns lend names and contents.
        n: how many.
    """
    links = {s.parent.name: s.child.link for s in trades}
    tables = [t for s in trades for t in (s.parent, s.child)]
    columns = sorted({c.name: c for t in tables for c in t.columns}.items())
    words = sorted({word for name, _ in columns for word in name.split("_")})
    made = []
    for i in range(n):
        parent = r.choice(sorted(links)) if r.random() < 0.5 else f"{_made_up(r)}s"
        link = links.get(parent, f"{parent[:-1]}_id")
        child = parent
        while child == parent:
            other = r.choice(tables).name
            child = other if r.random() < 0.5 else f"{_made_up(r)}s"
        schema = Schema(
            f"mixed {i + 1}",
            Table(parent, _mixed_columns(r, columns, words, {link})),
            Table(child, _mixed_columns(r, columns, words, {link}), link, parent),
        )
        made.append(schema)
    return made


def _mixed_columns(
    r: Random, known: list[tuple[str, Column]], words: list[str], taken: set[str]
) -> tuple[Column, ...]:
    """Draw three to five columns, with a number and a text among them."""
    while True:
        drawn = [column for _, column in r.sample(known, r.randint(3, 5))]
        if {column.is_number for column in drawn} == {True, False}:
            break
    names: list[str] = []
    while len(names) < len(drawn):
        kind = r.random()
        name = drawn[len(names)].name
        if kind < 0.4:
            name = _made_up(r)
        elif kind < 0.65:
            name = "_".join(r.sample(words, 2))
        if name not in {*names, *taken, "id"}:
            names.append(name)
    return tuple(replace(c, name=n) for c, n in zip(drawn, names, strict=True))


def _made_up(r: Random) -> str:
    count = r.choice((2, 2, 3))  # with one, a word of SQL such as "from" could come
    parts = [(ONSETS, VOWELS, CODAS)[k % 3] for k in range(3 * count)]
    return "".join(r.choice(part) for part in parts)


def _pools() -> dict[str, list[str]]:
    text = (HERE / "pools.txt").read_text(encoding="utf-8")
    rows = [line.split(": ") for line in text.splitlines() if line[:1] not in ("#", "")]
    return {k: v.split("|") if "|" in v else v.split() for k, v in rows}


POOLS = _pools()


def value(r: Random, column: Column) -> str:
    """Draw a text for a column."""
    if column.texts:
        return r.choice(column.texts)
    new = "new_" if column.pool.startswith("new_") else ""
    if column.pool.endswith("person"):
        first, last = r.choice(POOLS[new + "first"]), r.choice(POOLS[new + "surname"])
        return f"{first} {last}"
    if column.pool.endswith("made"):
        syllables = NEW_SYLLABLES if new else SYLLABLES
        return "".join(r.choice(syllables) for _ in range(r.choice((2, 2, 3)))).title()
    if column.pool == "title":
        return f"{r.choice(ADJECTIVES)} {r.choice(NOUNS)}"
    return r.choice(POOLS[column.pool])


def number(r: Random, column: Column) -> int:
    """Draw a number for a column, with few digits as people ask."""
    drawn = r.randint(column.low, column.high)
    if abs(drawn) >= 1000 and column.high > 3000:
        return round(drawn, -2)
    return drawn
