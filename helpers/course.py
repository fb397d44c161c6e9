"""The map of the course: which notebooks there are, and which paths lead through them.

Purpose: the tables of the first notebook. They are made from the notebooks that lie in
the folder, so that no link is dead and no time is promised twice: title and minutes are
read from the notebooks themselves.
It must never know a provider, a model or what a notebook does.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.messages import TEXTS, say
from helpers.tables import Link, LinkTable, TextTable

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
# The notebooks of the lesson in their order; others in the folder are found as well.
PLAN = (
    "00_start_here",
    "01_meet_fine_tuning",
    "02_decide_when_and_why",
    "03_open_the_box",
    "10_prepare_data",
    "20_fine_tune_recipe_assistant",
    "30_evaluate_honestly",
    "31_meet_the_limits",
    "80_do_the_assignment",
)
# Path -> its notebooks.
PATHS = {
    "hour": ("00_start_here", "20_fine_tune_recipe_assistant"),
    "half_day": (
        "00_start_here",
        "01_meet_fine_tuning",
        "02_decide_when_and_why",
        "20_fine_tune_recipe_assistant",
        "30_evaluate_honestly",
    ),
    "day": PLAN[:-1],  # the assignment is for afterwards
}
# What a path may take at most, in minutes; half a day is a morning with a break.
LONGEST = {"hour": 75, "half_day": 270, "day": 480}
PLACES = ("notebooks", "helpers", "data", "docs", "tools", "tests", "out")
FILE = re.compile(r"\d\d_[a-z0-9_]+\.ipynb")
TITLE = re.compile(r"^# (.+)$", re.M)
TIME = re.compile(r"\*\*Time\*\* \| (\d+) minutes")


@dataclass(frozen=True)
class Lesson:
    """A notebook of the course.

    Attributes:
        name: file name without its ending.
        title: what stands above it; made from the name while there is no file.
        minutes: what it says it takes; None where it says nothing.
        there: whether the file exists.
    """

    name: str
    title: str
    minutes: int | None = None
    there: bool = False

    def link(self) -> Link | str:
        """Return a link to the notebook from its neighbours, or its title alone."""
        if self.there:
            return Link(self.title, f"{self.name}.ipynb")
        return say("course.to_come", title=self.title)


def lessons(folder: Path = NOTEBOOKS) -> dict[str, Lesson]:
    """Return the notebooks of the plan and those that lie in the folder.

    Args:
        folder: where the notebooks are.

    Returns:
        name -> lesson, in the order of their numbers.

    Raises:
        ValueError: a file is no notebook; the message names it.
    """
    found = {path.stem: path for path in folder.glob("*.ipynb") if _is_lesson(path)}
    names = sorted({*PLAN, *found})
    return {
        name: _read(found[name]) if name in found else _planned(name) for name in names
    }


def _is_lesson(path: Path) -> bool:
    return FILE.fullmatch(path.name) is not None


def _planned(name: str) -> Lesson:
    words = name.partition("_")[2].replace("_", " ")
    return Lesson(name, words.capitalize())


def _read(path: Path) -> Lesson:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = [
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            say("course.unreadable", path=path.name, error=error)
        ) from error
    text = "\n".join(texts)
    title, time = TITLE.search(text), TIME.search(text)
    return Lesson(
        name=path.stem,
        title=title[1].strip() if title else _planned(path.stem).title,
        minutes=int(time[1]) if time else None,
        there=True,
    )


def path_minutes(folder: Path = NOTEBOOKS) -> dict[str, int]:
    """Return how long the notebooks of each path take, those that are there.

    Args:
        folder: where the notebooks are.

    Returns:
        path -> minutes.
    """
    known = lessons(folder)
    return {
        path: sum(known[name].minutes or 0 for name in names)
        for path, names in PATHS.items()
    }


def paths_table(folder: Path = NOTEBOOKS) -> LinkTable:
    """Return the notebooks with the paths that lead through them.

    A notebook that is not there has no link; a path that lacks one takes its minutes
    "or more".

    Args:
        folder: where the notebooks are; links lead from there.

    Returns:
        A table with a row for each notebook and one for the minutes of each path.
    """
    known = lessons(folder)
    rows = [
        {
            say("course.column.notebook"): lesson.link(),
            say("course.column.about"): _about(lesson.name),
            say("course.column.minutes"): lesson.minutes or "",
            **{
                say(f"course.path.{path}"): "✔" if lesson.name in names else ""
                for path, names in PATHS.items()
            },
        }
        for lesson in known.values()
    ]
    whole = {
        path: all(known[name].minutes for name in names)
        for path, names in PATHS.items()
    }
    rows.append(
        {
            say("course.column.notebook"): say("course.sum"),
            say("course.column.about"): "",
            say("course.column.minutes"): "",
            **{
                say(f"course.path.{path}"): str(minutes)
                if whole[path]
                else say("course.at_least", minutes=minutes)
                for path, minutes in path_minutes(folder).items()
            },
        }
    )
    return LinkTable(pd.DataFrame(rows))


def _about(name: str) -> str:
    key = f"course.about.{name}"
    return say(key) if key in TEXTS else ""


def places_table() -> TextTable:
    """Return the folders of the repository and what each of them holds."""
    return TextTable(
        pd.DataFrame(
            {
                say("course.column.place"): [f"{name}/" for name in PLACES],
                say("course.column.holds"): [
                    say(f"course.place.{name}") for name in PLACES
                ],
            }
        )
    )
