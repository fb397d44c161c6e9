"""Make the data of text to SQL: questions over table definitions, with their queries.

    python -m tools.make_sql            writes the files into data/sql
    python -m tools.make_sql --check    compares instead, and fails on a difference

The same seed gives the same bytes on every machine. No question is in two files, and
no query of a schema is in two files either, so a test row cannot have been learned by
heart. Half of train.csv is about 56 trades, as test_seen.csv is; the other half about
schemas whose names are mixed or made up, so that reading pays and memory does not. The
schemas of test_unseen.csv are in no other file, and share no word of a table or column
with them (`id` apart). data/README.md describes the files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from tools.generated import Row, as_csv, write_or_compare_all
from tools.sql import forms, schemas
from tools.sql.forms import Item
from tools.sql.schemas import Schema, Table

SEED = 20261123
FOLDER = Path(__file__).resolve().parent.parent / "data" / "sql"
TRAIN, VALIDATION, TEST_SEEN, TEST_UNSEEN = 12000, 500, 1000, 500  # rows
MIXED_ROWS, MIXED_SCHEMAS = 6000, 500  # of those of TRAIN


def shown(r: Random, schema: Schema, item: Item) -> str:
    """Draw what a definition shows: the columns a query needs, and one to three more.

    Returns:
        The tables with the places of their columns in schemas.json, such as
        "guests 0 3 2;bookings 1 0".
    """
    tables = list(item.tables)
    if len(tables) == 1 and r.random() < 0.2:  # a table that the question is not about
        tables = [schema.parent, schema.child]
    if len(tables) == 2 and r.random() < 0.3:
        tables.reverse()
    return ";".join(_columns(r, table, item) for table in tables)


def _columns(r: Random, table: Table, item: Item) -> str:
    names = column_names(table)
    needed = {names.index(c) for t, c in item.used if t == table.name}
    others = [i for i in range(len(names)) if i not in needed]
    fewest = max(1, 2 - len(needed))
    more = r.sample(others, min(len(others), r.randint(fewest, fewest + 2)))
    places = sorted(needed | set(more))
    head = [i for i in places if names[i] == "id"]
    rest = [i for i in places if names[i] != "id"]
    r.shuffle(rest)
    return " ".join([table.name, *map(str, head + rest)])


def column_names(table: Table) -> list[str]:
    """Return the names of all columns: id, the link, then the others."""
    link = [table.link] if table.link else []
    return ["id", *link, *(column.name for column in table.columns)]


def questions(
    r: Random, all_schemas: list[Schema], n: int, known: set[str]
) -> list[Row]:
    """Return n questions, about as many of each schema.

    Args:
        r: source of chance.
        all_schemas: what is asked about.
        n: how many.
        known: questions, and queries with their schema, that must not come again;
            grows by those of the answer.
    """
    rows: list[Row] = []
    while len(rows) < n:
        schema = all_schemas[len(rows) % len(all_schemas)]
        item = forms.draw(r, schema)
        keys = {item.question, f"{schema.name}: {item.answer}"}
        if keys & known:
            continue
        known |= keys
        row = {
            "schema": schema.name,
            "tables": shown(r, schema, item),
            "form": item.form,
            "question": item.question,
            "answer": item.answer,
        }
        rows.append(row)
    r.shuffle(rows)
    return rows


def definitions(all_schemas: list[Schema]) -> bytes:
    """Return schemas.json: schema -> table -> columns as [name, type]."""

    def columns(table: Table) -> list[list[str]]:
        types = {column.name: column.type for column in table.columns}
        names = column_names(table)
        return [[name, types.get(name, "INTEGER")] for name in names]

    lines = [
        f"  {json.dumps(s.name)}: "
        + json.dumps({t.name: columns(t) for t in (s.parent, s.child)})
        for s in all_schemas
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")


def mixed_schemas(trades: list[Schema]) -> list[Schema]:
    """Return the schemas of half the training rows, with names drawn from these."""
    return schemas.mixed(Random(SEED + 2), trades, MIXED_SCHEMAS)


def make_files() -> dict[str, bytes]:
    """Return all files: name -> content."""
    seen, unseen = schemas.load("seen.txt"), schemas.load("unseen.txt")
    mixed = mixed_schemas(seen)
    plain = TRAIN - MIXED_ROWS
    known: set[str] = set()
    rows = questions(Random(SEED), seen, plain + VALIDATION + TEST_SEEN, known)
    train = rows[:plain] + questions(Random(SEED + 3), mixed, MIXED_ROWS, known)
    Random(SEED + 4).shuffle(train)
    test = questions(Random(SEED + 1), unseen, TEST_UNSEEN, known)
    parts: dict[str, Any] = {
        "train.csv": train,
        "validation.csv": rows[plain : plain + VALIDATION],
        "test_seen.csv": rows[plain + VALIDATION :],
        "test_unseen.csv": test,
    }
    made = {name: as_csv(part) for name, part in parts.items()}
    return {"schemas.json": definitions(seen + mixed + unseen)} | made


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them with --check; return the exit status."""
    return write_or_compare_all(make_files(), FOLDER, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
