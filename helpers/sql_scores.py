"""Score SQL that a model wrote: as text, as structure, and by what it returns.

    score("SELECT COUNT(*) FROM guests", right, context)     one answer
    score_sql(answers, rows)                                 a test set, as a Result

raw        the same characters, as the tutorial counts
exact      the same query after normalisation by sqlglot: case, spaces, quotes, the
           order of conditions, NOT a > 1 for a <= 1
execution  the same rows in every one of several databases filled by seed; in the same
           order where the right query says ORDER BY, as a multiset otherwise

Execution is a test, not a proof: two queries that differ may agree on all fillings.
That is rare here (`tests/test_sql_scores.py` changes right queries and counts what is
not told apart). It must never know a model.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.simplify import simplify

from helpers.evaluation import Answer, Result, interval, measure
from helpers.sql_databases import (
    LONGEST,
    CannotRun,
    Row,
    Tables,
    fill,
    open_database,
    run,
    tables_of,
)

# It warns of each answer that is no SQL; here that is a score, not an event.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

FILLINGS = 10
SEED = 20261123

# What is wrong, the first that holds.
ERRORS = (
    "no query",  # it cannot be parsed, or is not one SELECT
    "unknown table",
    "unknown column",
    "cannot run",
    "wrong table",
    "wrong value",
    "wrong column",
    "wrong aggregate",
    "wrong condition",
    "wrong order",
    "other",
)


@dataclass(frozen=True, slots=True)
class SqlScore:
    """Scores of one answer.

    Attributes:
        raw, exact, execution: 1.0 or 0.0, as the module says.
        valid: 1.0 where the query runs on its tables.
        error: one of ERRORS; "" where the execution matches.
    """

    raw: float
    exact: float
    execution: float
    valid: float
    error: str


def parse(query: str) -> exp.Expression | None:
    """Return a parsed SELECT; None where the text is none, or is more than one."""
    if len(query) > LONGEST:
        return None
    try:
        found = [one for one in sqlglot.parse(query, read="sqlite") if one is not None]
    except (SqlglotError, RecursionError):
        return None
    one = found[0] if len(found) == 1 else None
    return one if isinstance(one, exp.Query) else None


def normalised(query: exp.Expression) -> str:
    """Return a query as text that does not depend on spelling, by sqlglot."""
    copy = normalize_identifiers(query.copy(), dialect="sqlite")
    for identifier in copy.find_all(exp.Identifier):
        identifier.set("quoted", False)
        identifier.set("this", identifier.this.lower())
    return simplify(copy, dialect="sqlite").sql(dialect="sqlite")


def unknown_name(query: exp.Expression, tables: Tables) -> str:
    """Return "unknown table" or "unknown column", or "" where all names are known."""
    made = {one.alias_or_name.lower() for one in query.find_all(exp.CTE)}
    used = {one.name.lower() for one in query.find_all(exp.Table)}
    if used - set(tables) - made:
        return "unknown table"
    aliases = {
        one.alias_or_name.lower(): one.name.lower() for one in query.find_all(exp.Table)
    }
    given = {one.alias.lower() for one in query.find_all(exp.Alias)}
    columns = {name for table in used & set(tables) for name in tables[table]}
    for column in query.find_all(exp.Column):
        name, table = column.name.lower(), column.table.lower()
        if table and table not in aliases and table not in made:
            return "unknown table"
        known = tables.get(aliases.get(table, ""), columns) if table else columns
        if name not in known and name not in given and not made:
            return "unknown column"
    return ""


def _same(first: list[Row], second: list[Row], ordered: bool) -> bool:
    return first == second if ordered else Counter(first) == Counter(second)


def same_rows(
    given: str, right: str, tables: Tables, fillings: int = FILLINGS
) -> bool | None:
    """Return whether two queries give the same rows in all databases.

    A filling on which the right query depends on the order in which rows were put in
    (a tie) says nothing, and is left out.

    Args:
        given: the query of a model.
        right: the right query.
        tables: the tables of both.
        fillings: how many databases.

    Returns:
        None where no filling says anything.

    Raises:
        CannotRun: the given query cannot be run.
    """
    queries = [one for one in (parse(right), parse(given)) if one is not None]
    ordered = queries[0].find(exp.Order) is not None
    told = None
    for seed in range(SEED, SEED + fillings):
        filled = fill(tables, queries, seed)
        connection = open_database(tables, filled)
        expected, found = run(connection, right), run(connection, given)
        connection.close()
        if ordered or queries[0].find(exp.Limit):
            turned = open_database(tables, filled, reverse=True)
            stable = _same(run(turned, right), expected, ordered)
            turned.close()
            if not stable:
                continue
        if not _same(found, expected, ordered):
            return False
        told = True
    return told


@lru_cache(maxsize=256)
def _tables(context: str) -> Tables:
    return tables_of(context)


def score(given: str, right: str, context: str) -> SqlScore:
    """Score one answer.

    Args:
        given: the text of the model.
        right: the right query.
        context: the CREATE TABLE statements.
    """
    raw = float(given == right)
    query, wanted, tables = parse(given), parse(right), _tables(context)
    if query is None or wanted is None:
        return SqlScore(raw, 0.0, 0.0, 0.0, "no query")
    if normalised(query) == normalised(wanted):
        return SqlScore(raw, 1.0, 1.0, 1.0, "")
    if unknown := unknown_name(query, tables):
        return SqlScore(raw, 0.0, 0.0, 0.0, unknown)
    try:
        same = same_rows(given, right, tables)
    except CannotRun:
        return SqlScore(raw, 0.0, 0.0, 0.0, "cannot run")
    if same:
        return SqlScore(raw, 0.0, 1.0, 1.0, "")
    return SqlScore(raw, 0.0, 0.0, 1.0, difference(query, wanted))


def _without(query: exp.Expression, *kinds: type[exp.Expression]) -> str:
    """Return the normalised query with every node of these kinds as a question mark."""

    def hide(node: exp.Expression) -> exp.Expression:
        return exp.Placeholder() if isinstance(node, kinds) else node

    return query.copy().transform(hide).sql(dialect="sqlite").lower()


def _parts(query: exp.Expression, *kinds: type[exp.Expression]) -> Counter[str]:
    return Counter(
        node.sql(dialect="sqlite").lower() for node in query.find_all(*kinds)
    )


def _names(query: exp.Expression, *kinds: type[exp.Expression]) -> Counter[str]:
    return Counter(type(node).__name__ for node in query.find_all(*kinds))


def difference(given: exp.Expression, right: exp.Expression) -> str:
    """Return what is wrong with a query that runs: one of ERRORS."""
    tables = [{t.name.lower() for t in q.find_all(exp.Table)} for q in (given, right)]
    if tables[0] != tables[1]:
        return "wrong table"
    if _without(given, exp.Literal) == _without(right, exp.Literal):
        return "wrong value"
    both = (exp.Literal, exp.Column)
    if _without(given, *both) == _without(right, *both):
        return "wrong column"
    if _names(given, exp.AggFunc) != _names(right, exp.AggFunc):
        return "wrong aggregate"
    conditions = (exp.Where, exp.Having)
    if _parts(given, *conditions) != _parts(right, *conditions):
        return "wrong condition"
    ends = (exp.Order, exp.Limit, exp.Group)
    if _parts(given, *ends) != _parts(right, *ends):
        return "wrong order"
    return "other"


def score_sql(answers: Sequence[Answer | str], rows: pd.DataFrame) -> Result:
    """Score the answers to a test set.

    Args:
        answers: one per row.
        rows: with the columns answer and context.

    Returns:
        A Result whose rows have raw, exact, execution, valid and error, so that
        `evaluation.interval(result, "execution")` and `compare` work on it.

    Raises:
        ValueError: there are not as many answers as rows.
    """
    given = [Answer(one) if isinstance(one, str) else one for one in answers]
    records = rows.to_dict("records")
    scored = [
        asdict(score(one.text, row["answer"], row["context"]))
        for one, row in zip(given, records, strict=True)
    ]
    return Result(given, pd.DataFrame(scored))


def match_table(results: Mapping[str, Result]) -> pd.DataFrame:
    """Return a row per system: n, raw, exact and execution with intervals, valid.

    Args:
        results: name of the system -> what `score_sql` returned.
    """
    rows = []
    for name, result in results.items():
        row: dict[str, Any] = {"system": name, "n": len(result)}
        row["raw"] = measure(result, "raw")
        for metric in ("exact", "execution"):
            found = interval(result, metric)
            row[metric] = found.value
            row[f"{metric}_low"], row[f"{metric}_high"] = found.low, found.high
        row["valid"] = measure(result, "valid")
        rows.append(row)
    return pd.DataFrame(rows).set_index("system")


def error_counts(results: Mapping[str, Result]) -> pd.DataFrame:
    """Return how many answers have each error: a row per error, a column per system."""
    counted = {
        name: result.rows["error"].value_counts() for name, result in results.items()
    }
    table = pd.DataFrame(counted).reindex(list(ERRORS)).fillna(0).astype(int)
    return table[table.sum(axis=1) > 0]
