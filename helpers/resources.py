"""Where to read on: the lesson's links and ours, each with the day we looked at it.

Purpose: one table that a reader can edit, data/resources.csv, for the first notebook
and for the page docs/resources.md (`python -m tools.resources_page`). It knows
addresses and never opens one: nothing here looks at the network.
"""

from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from helpers.messages import say
from helpers.recipes import DATA_DIR
from helpers.tables import Link, LinkTable, TextTable

RESOURCES = DATA_DIR / "resources.csv"
# The questions of the lesson, and what comes after it.
SECTIONS = ("what", "when", "how", "action", "limits", "afterwards")
NAMED_BY = ("lesson", "course")


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the table.

    Attributes:
        section: part of the lesson, one of SECTIONS.
        title: its name.
        url: its address, https.
        use: what it is for, a few words.
        named_by: "lesson" (its text or its resources page) or "course" (we added it).
        read_on: the day on which we looked.
        verified: True when we saw the page, or the file it is made from, in a stored
            public copy; False when we only have the address.
        note: what to know before one opens it; may be empty.
    """

    section: str
    title: str
    url: str
    use: str
    named_by: str
    read_on: datetime.date
    verified: bool
    note: str


COLUMNS = tuple(field.name for field in fields(Resource))


def load_resources(path: Path = RESOURCES) -> list[Resource]:
    """Read the table.

    Args:
        path: a CSV file with the columns of `Resource`; verified is yes or no.

    Returns:
        The rows, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: columns or a field are not as expected; the message names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(say("resources.missing", path=path.name))
    with open(path, encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        found = tuple(rows.fieldnames or ())
        if found != COLUMNS:
            text = {"found": ", ".join(found), "expected": ", ".join(COLUMNS)}
            raise ValueError(say("resources.columns", path=path.name, **text))
        seen: set[str] = set()
        resources = []
        for row in rows:
            resources.append(_resource(row, path, rows.line_num, seen))
            seen.add(resources[-1].url)
    return resources


def _resource(
    given: dict[str | None, str | None], path: Path, line: int, seen: set[str]
) -> Resource:
    # Fields that are too many come under no name, those that are missing as None.
    row = {name: given[name] or "" for name in COLUMNS}

    def wrong(column: str, expected: str) -> ValueError:
        return ValueError(
            say(
                "resources.field", path=path.name, line=line, column=column,
                found=row[column], expected=expected,
            )
        )  # fmt: skip

    if None in given:
        raise wrong("note", say("resources.expected.fields", count=len(COLUMNS)))
    allowed = {"section": SECTIONS, "named_by": NAMED_BY, "verified": ("yes", "no")}
    for column, values in allowed.items():
        if row[column] not in values:
            raise wrong(
                column, say("resources.expected.one_of", values=", ".join(values))
            )
    for column in ("title", "use"):
        if not row[column].strip():
            raise wrong(column, say("resources.expected.text"))
    if not row["url"].startswith("https://") or " " in row["url"]:
        raise wrong("url", say("resources.expected.address"))
    if row["url"] in seen:
        raise wrong("url", say("resources.expected.once"))
    try:
        read_on = datetime.date.fromisoformat(row["read_on"])
    except ValueError:
        raise wrong("read_on", say("resources.expected.date")) from None
    rest = {"read_on": read_on, "verified": row["verified"] == "yes"}
    return Resource(**{**row, **rest})


def resources_table(
    section: str | None = None, path: Path = RESOURCES, named_by: bool = False
) -> LinkTable:
    """Return resources as a table with links.

    Args:
        section: one of SECTIONS; all of them without it.
        path: the table.
        named_by: tell who named each of them.

    Raises:
        KeyError: there is no such section.
    """
    if section is not None and section not in SECTIONS:
        raise KeyError(section)
    rows = [
        {
            say("resources.column.title"): Link(one.title, one.url),
            say("resources.column.use"): one.use,
            say("resources.column.note"): one.note,
            **({say("resources.column.named_by"): _named_by(one)} if named_by else {}),
            say("resources.column.looked"): _looked_at(one),
        }
        for one in load_resources(path)
        if section in (None, one.section)
    ]
    return LinkTable(pd.DataFrame(rows))


def _named_by(one: Resource) -> str:
    return say(f"resources.named_by.{one.named_by}")


def _looked_at(one: Resource) -> str:
    day = one.read_on.isoformat()
    return day if one.verified else say("resources.not_seen", date=day)


def resources_summary(path: Path = RESOURCES) -> TextTable:
    """Return how many links each part of the lesson has, and how many we saw."""
    resources = load_resources(path)
    rows = []
    for section in SECTIONS:
        mine = [one for one in resources if one.section == section]
        rows.append(
            {
                say("resources.column.section"): say(f"resources.section.{section}"),
                say("resources.column.links"): len(mine),
                say("resources.column.seen"): sum(one.verified for one in mine),
            }
        )
    return TextTable(pd.DataFrame(rows))
