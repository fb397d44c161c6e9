"""Small databases to run queries in: filled by seed so that queries differ in result.

A data set of questions and queries has no data behind its tables. So tables are filled
here, with rows that the conditions of the queries pick apart: around a number there are
its neighbours, beside a text there are others. There are no gaps (NULL).

A model's SQL runs in here: read only, in memory, with a limit on steps, time, rows and
the length of values. It must never know a model or a score.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import sqlglot
from sqlglot import exp

from helpers.messages import say

# A filling draws its size, how many texts a column has, and how many rows meet
# conditions: groups need texts that come again, DISTINCT needs many, extremes few rows.
ROWS = (8, 16, 30, 60)
VARIETIES = (2, 5, 10, 30)
HITS = (0.25, 0.5, 0.8)
STEPS = 2_000_000  # of SQLite's virtual machine
SECONDS = 2.0
LONGEST = 20_000  # bytes of a value, and of a query
MOST = 5_000  # rows of a result
NUMBERS = ("INT", "REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL")

# Reading, choosing and ordinary functions; no writing, no pragma, no other file.
ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
# They give another result each time, or reach outside.
REFUSED = {"random", "randomblob", "load_extension", "readfile", "writefile", "edit"}

Tables = dict[str, dict[str, str]]
Row = tuple[Any, ...]


class CannotRun(Exception):
    """A query that SQLite refuses, or that takes more than it may."""


def tables_of(context: str) -> Tables:
    """Read CREATE TABLE statements: table -> column -> type, all names in lower case.

    Raises:
        ValueError: a statement is none that defines a table with columns.
    """
    tables: Tables = {}
    for statement in sqlglot.parse(context, read="sqlite"):
        if statement is None:
            continue
        schema = statement.this if isinstance(statement, exp.Create) else None
        if not isinstance(schema, exp.Schema):
            raise ValueError(say("sql.no_table", statement=statement.sql()[:80]))
        tables[schema.this.name.lower()] = {
            column.name.lower(): column.kind.sql() if column.kind else "TEXT"
            for column in schema.expressions
            if isinstance(column, exp.ColumnDef)
        }
    return tables


@dataclass
class _Hints:
    """What the queries say about columns, by name.

    Attributes:
        texts, numbers: what a column is compared with.
        ordered: columns of ORDER BY; a tie would leave the order open.
        linked: columns that are compared with columns, or with a list made of one.
        variety: how many other texts a column has.
        hits: the share of rows that get what a column is compared with.
    """

    texts: dict[str, list[str]]
    numbers: dict[str, list[float]]
    ordered: set[str]
    linked: set[str]
    variety: int = 5
    hits: float = 0.5


def _hints(queries: Sequence[exp.Expression]) -> _Hints:
    hints = _Hints({}, {}, set(), set())
    for query in queries:
        for order in query.find_all(exp.Ordered):
            hints.ordered |= {
                column.name.lower() for column in order.find_all(exp.Column)
            }
        for test in query.find_all(exp.Predicate):
            _read_test(test, hints)
    return hints


def _read_test(test: exp.Expression, hints: _Hints) -> None:
    sides = list(test.iter_expressions())
    columns = [side.name.lower() for side in sides if isinstance(side, exp.Column)]
    inner = test.args.get("query")
    if inner is not None:
        select = inner.find(exp.Select)
        chosen = select.expressions if select else []
        columns += [c.name.lower() for c in chosen if isinstance(c, exp.Column)]
    if len(columns) > 1:
        hints.linked |= set(columns)
    for literal in test.find_all(exp.Literal):
        for column in columns:
            if literal.is_string:
                hints.texts.setdefault(column, []).append(literal.this)
            else:
                sign = -1 if isinstance(literal.parent, exp.Neg) else 1
                number = sign * float(literal.this)
                hints.numbers.setdefault(column, []).append(number)


def _text_values(r: Random, column: str, hints: _Hints, rows: int) -> list[str]:
    asked: list[str] = []
    for text in hints.texts.get(column, []):
        core = text.strip("%_")
        if text == core:
            asked.append(core)
        else:  # letters at the beginning, in the middle, at the end
            asked += [core + " z", "z " + core, f"z {core} z", core]
    if column in hints.ordered:
        plain = [f"{r.choice('abcdefgh')}{column}{i}" for i in range(rows)]
        near = [f"{value} {i}" for i, value in enumerate(asked * 2)]
        return (r.sample(plain, len(plain)) + asked + near)[-rows:]
    plain = [f"{r.choice('abcdefgh')}{column}{i}" for i in range(hints.variety)]
    n = int(rows * hints.hits) if asked else 0
    hits = [r.choice(asked) for _ in range(n)]
    return hits + [r.choice(plain + asked) for _ in range(rows - n)]


def _numbers(r: Random, column: str, hints: _Hints, rows: int) -> list[int]:
    asked = sorted({int(n) for n in hints.numbers.get(column, [])})
    near = [n + step for n in asked for step in (-1, 0, 1)]
    low = asked[0] - max(10, abs(asked[0]) // 2) if asked else 1
    high = asked[-1] + max(10, abs(asked[-1]) // 2) if asked else 400
    if column in hints.ordered:
        spread = sorted(set(near) | set(range(low, high + rows)))
        return r.sample(spread, rows)
    pool = [r.randint(low, high) for _ in range(rows // 2)]
    n = int(rows * hints.hits) if asked else 0
    return [r.choice(near) for _ in range(n)] + r.choices(pool, k=rows - n)


def _is_number(type_: str) -> bool:
    return type_.upper().startswith(NUMBERS)


def _column(
    r: Random, name: str, type_: str, hints: _Hints, rows: int
) -> Sequence[object]:
    if name == "id":
        return list(range(1, rows + 1))
    if name in hints.linked:
        # Some rows are pointed at several times, some by none.
        drawn = [r.randint(1, rows) for _ in range(rows)]
        return drawn if _is_number(type_) else [f"key{n}" for n in drawn]
    make = _numbers if _is_number(type_) else _text_values
    return make(r, name, hints, rows)


def fill(
    tables: Tables, queries: Sequence[exp.Expression], seed: int
) -> dict[str, list[Row]]:
    """Return rows for every table.

    Args:
        tables: from `tables_of`.
        queries: the parsed queries whose results are to differ.
        seed: another gives other rows.
    """
    r, hints = Random(seed), _hints(queries)
    rows_each = r.choice(ROWS)
    hints.variety, hints.hits = r.choice(VARIETIES), r.choice(HITS)
    filled = {}
    for table, columns in tables.items():
        made = []
        for name, type_ in columns.items():
            values = list(_column(r, name, type_, hints, rows_each))
            # The first rows have what was asked for; so conditions are met together.
            if name != "id" and r.random() < 0.3:
                r.shuffle(values)
            made.append(values)
        rows = list(zip(*made, strict=True))
        r.shuffle(rows)
        filled[table] = rows
    return filled


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def open_database(
    tables: Tables, filled: dict[str, list[Row]], reverse: bool = False
) -> sqlite3.Connection:
    """Return a database in memory with these rows, closed to everything but reading.

    Args:
        tables: from `tables_of`.
        filled: from `fill`.
        reverse: put the rows in from last to first.
    """
    connection = sqlite3.connect(":memory:")
    for table, columns in tables.items():
        defined = ", ".join(
            f"{_quoted(name)} {'NUMERIC' if _is_number(type_) else 'TEXT'}"
            for name, type_ in columns.items()
        )
        connection.execute(f"CREATE TABLE {_quoted(table)} ({defined})")
        marks = ", ".join("?" * len(columns))
        rows = filled[table][::-1] if reverse else filled[table]
        connection.executemany(f"INSERT INTO {_quoted(table)} VALUES ({marks})", rows)
    connection.commit()
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, first: Any, second: Any, *_: Any) -> int:
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in REFUSED:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY


def _stopper() -> Callable[[], int]:
    calls, until = 0, time.monotonic() + SECONDS

    def stop() -> int:
        nonlocal calls
        calls += 1
        return int(calls * 1000 > STEPS or time.monotonic() > until)

    return stop


def run(connection: sqlite3.Connection, query: str) -> list[Row]:
    """Run a query; numbers are rounded to six places, so that sums can be compared.

    Raises:
        CannotRun: SQLite refuses it, or it takes more than it may.
    """
    connection.set_progress_handler(_stopper(), 1000)
    try:
        rows = connection.execute(query).fetchmany(MOST + 1)
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        raise CannotRun(str(error)) from error
    finally:
        connection.set_progress_handler(None, 0)
    if len(rows) > MOST:
        raise CannotRun(say("sql.many_rows", most=MOST))
    return [
        tuple(round(x, 6) if isinstance(x, float) else x for x in row) for row in rows
    ]
