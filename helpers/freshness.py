"""Which rows of the dated tables are past their date, on a day that is given.

Purpose: facts about services age. Three things can be past:

- a price whose source is older than a stated age: look it up again;
- an end that lay ahead when it was read, and has come: read the source again, it may
  have been moved; then set `read_on`;
- a model that the code uses by its name, and that has ended: use another.

A row that had ended already when it was read is history, and stays as it is. The day
comes in from outside, so tests never fail by the calendar; `make freshness` gives the
real one. It must never look at the network, nor know which code uses what.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.messages import say
from helpers.recipes import DATA_DIR

# Of a price. Prices move faster: OpenAI's changelog has two changes in 2026 within a
# month (2026-07-30, 2026-08-21), so half a year is patient.
MAX_AGE_DAYS = 180


@dataclass(frozen=True, slots=True)
class Stale:
    """A row that is past its date.

    Attributes:
        table: file name.
        line: line in the file, the head being 1.
        what: what the row is about.
        why: why it is past, and what to do.
    """

    table: str
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return say(
            "fresh.row", table=self.table, line=self.line, what=self.what, why=self.why
        )


def stale_rows(
    today: datetime.date,
    used: Collection[str] = (),
    max_age_days: int = MAX_AGE_DAYS,
    folder: Path = DATA_DIR,
) -> list[Stale]:
    """Return the rows in use that are past their date.

    Tables are told apart by their columns: one with `price` holds prices, one with
    `shutdown_date`, or with `date` and `read_on`, holds ends. Other tables have no
    dates that pass.

    Args:
        today: the day to judge by.
        used: names of models that the code uses.
        max_age_days: how old a price may be.
        folder: where the tables are.

    Raises:
        ValueError: a date cannot be read; file, line and column are named.
    """
    found: list[Stale] = []
    for path in sorted(folder.glob("*.csv")):
        with open(path, encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            columns = set(table.fieldnames or ())
            if {"price", "date"} <= columns:
                found += _old_prices(path, table, today, max_age_days)
            elif "read_on" in columns and {"shutdown_date", "date"} & columns:
                found += _ended(path, table, today, used)
    return found


def _old_prices(
    path: Path, table: csv.DictReader[str], today: datetime.date, limit: int
) -> Iterator[Stale]:
    for line, row in enumerate(table, start=2):
        age = (today - _date(path, line, row, "date")).days
        if age > limit:
            what = say(
                "fresh.price",
                what=row.get("what", ""), model=row.get("model", ""),
                provider=row.get("provider", ""), price=row["price"],
            )  # fmt: skip
            why = say("fresh.old", age=age, limit=limit, date=row["date"])
            yield Stale(path.name, line, what, why)


def _ended(
    path: Path, table: csv.DictReader[str], today: datetime.date, used: Collection[str]
) -> Iterator[Stale]:
    for line, row in enumerate(table, start=2):
        column = "shutdown_date" if "shutdown_date" in row else "date"
        if not row[column]:
            continue
        end = _date(path, line, row, column)
        if end > today:
            continue
        model = row.get("model", "")
        service = row.get("service") or row.get("provider") or ""
        what = f"{service}: {model or row.get('what', '')}"
        if model and model in used:
            yield Stale(path.name, line, what, say("fresh.used", date=end))
        elif _date(path, line, row, "read_on") < end:
            why = say("fresh.passed", date=end, read_on=row["read_on"])
            yield Stale(path.name, line, what, why)


def _date(
    path: Path, line: int, row: dict[str, str | None], column: str
) -> datetime.date:
    text = (row.get(column) or "").strip()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            say("fresh.date", path=path.name, line=line, column=column, found=text)
        ) from None
