"""The tables of many trades, read from seen.txt and unseen.txt.

Those of unseen.txt share no word of a table or column with the others, except `id`:
only so does a score on them say whether a model reads a schema or remembers one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
