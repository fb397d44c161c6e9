"""Export the assignment for nbgrader, and its rubric for people.

    python -m tools.export_assignment [--out build/nbgrader]

writes `source/assignment/80_do_the_assignment.ipynb`: the notebook with nbgrader's
metadata on its cells, and the solutions between the marks that `nbgrader
generate_assignment` cuts out. nbgrader itself is not needed for that.

The metadata follow schema version 3, as nbgrader's own validator and v3.json describe
it (jupyter/nbgrader, nbgrader/nbgraderformat, read in a stored copy on 2026-11-22).
How a cell is graded follows `determine_grade` in its utils.py: an error gives no
points; anything else, even a "not yet" as the last line, gives all of them. So an
exported check raises unless it says right.
"""

from __future__ import annotations

import argparse
import copy
import csv
import re
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.assignment import BY_TEACHER, OWN_NOTEBOOK, STEPS
from helpers.assignment.data import FOLDER
from tools import notebooks

OUT = notebooks.ROOT / "build" / "nbgrader"
RUBRIC = FOLDER / "rubric.csv"
SCHEMA_VERSION = 3
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
REQUIRED = {"schema_version": int, "grade": bool, "locked": bool, "solution": bool}
OPTIONAL = {
    "task": bool, "grade_id": str, "points": (int, float), "checksum": str,
    "cell_type": str,
}  # fmt: skip
GRADE_ID = re.compile(r"[a-zA-Z0-9_\-]+")


# --- cells ------------------------------------------------------------------------


def metadata(
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: int | None = None,
) -> dict[str, Any]:
    """Return nbgrader's metadata of one cell.

    Args:
        grade_id: name of the cell in nbgrader's tables.
        grade: the cell has points.
        solution: learners write into it.
        locked: nbgrader puts it back as it was before it grades.
        points: only with `grade`.
    """
    found: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }
    if grade:
        found["points"] = points
    return found


def exported(assignment: NotebookNode, solutions: NotebookNode) -> NotebookNode:
    """Return the version for instructors: the assignment with its solutions marked.

    Args:
        assignment: the notebook with blanks.
        solutions: the one in which they are filled; cells have the same ids.

    Raises:
        ValueError: a step lacks a cell.
    """
    known = {cell.id: cell for cell in solutions.cells}
    points = {step.name: step.points for step in STEPS}
    found = copy.deepcopy(assignment)
    ids = {cell.id for cell in found.cells}
    for name in points:
        for wanted, there in ((f"answer-{name}", known), (f"check-{name}", ids)):
            if wanted not in ids or wanted not in there:
                raise ValueError(f"{OWN_NOTEBOOK}: the cell {wanted} is missing")
    for cell in found.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        kind, _, step = cell.id.partition("-")
        if kind == "answer" and step in points:
            cell.source = f"{cell.source}\n{BEGIN}\n{known[cell.id].source}\n{END}"
            # A solution with points is graded by hand: a teacher reads the reasons.
            by_hand = step == "decision"
            marks = metadata(
                cell.id,
                solution=True,
                grade=by_hand,
                points=BY_TEACHER if by_hand else None,
            )
        elif kind == "check" and step in points:
            cell.source = raising(cell.source)
            marks = metadata(cell.id, grade=True, locked=True, points=points[step])
        else:
            marks = metadata(cell.id, locked=True)
        cell.metadata["nbgrader"] = marks
    return found


def raising(source: str) -> str:
    """Return a check that fails unless it says right.

    Args:
        source: cell whose last line is the call of a check.
    """
    body, _, last = source.rpartition("\n")
    lines = [body] if body else []
    lines += [
        f"outcome = {last}",
        "print(outcome)",
        'assert outcome.state == "right", outcome.text',
    ]
    return "\n".join(lines)


# --- the rules of the schema ------------------------------------------------------


def problems(notebook: NotebookNode) -> list[str]:
    """Return what nbgrader's schema version 3 does not allow, one sentence each."""
    found = []
    seen: set[str] = set()
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader")
        if marks is not None:
            found += [f"{cell.id}: {text}" for text in _cell_problems(cell, marks)]
            name = marks.get("grade_id")
            if name in seen:
                found.append(f"{cell.id}: the grade_id {name} comes twice")
            seen.add(name)
    return found


def _cell_problems(cell: NotebookNode, marks: dict[str, Any]) -> list[str]:
    found = [f"{name} is missing" for name in REQUIRED if name not in marks]
    kinds = REQUIRED | OPTIONAL
    for name, value in marks.items():
        if name not in kinds:
            found.append(f"{name} is not known")
        elif not isinstance(value, kinds[name]) or (
            isinstance(value, bool) and kinds[name] is not bool
        ):
            found.append(f"{name} is {value!r}")
    if found:
        return found
    if marks["schema_version"] != SCHEMA_VERSION:
        found.append(f"schema_version is {marks['schema_version']}")
    used = marks["grade"] or marks["solution"] or marks["locked"]
    if used and not GRADE_ID.fullmatch(marks.get("grade_id", "")):
        found.append(
            "grade_id is missing or has other signs than letters, digits, _, -"
        )
    if marks["grade"] and marks.get("points", -1) < 0:
        found.append("a graded cell needs points, zero or more")
    if not marks["grade"] and "points" in marks:
        found.append("points belong to graded cells alone")
    if len(marks.get("checksum", "x" * 32)) != 32:
        found.append("checksum has not 32 digits")
    task = marks.get("task", False)
    if task and cell.cell_type != "markdown":
        found.append("a task has to be Markdown")
    text = cell.cell_type == "markdown" and not task
    if text and marks["grade"] != marks["solution"]:
        found.append("a Markdown cell is graded and a solution, or neither")
    return found


# --- the rubric -------------------------------------------------------------------


def rubric() -> list[dict[str, str]]:
    """Return the rubric: criterion, points, by, full, half and none."""
    with open(RUBRIC, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def rubric_table() -> str:
    """Return the rubric as a Markdown table, as it stands in docs/teachers.md."""
    rows = rubric()
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [[row[name] or "–" for name in columns] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


# --- the command ------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Write the export; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.export_assignment")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--rubric", action="store_true", help="print the rubric as a table instead"
    )
    options = parser.parse_args(arguments)
    if options.rubric:
        print(rubric_table())
        return 0
    notebook = exported(
        notebooks.read(notebooks.NOTEBOOKS / OWN_NOTEBOOK),
        notebooks.read(notebooks.NOTEBOOKS / "solutions" / OWN_NOTEBOOK),
    )
    wrong = problems(notebook)
    for text in wrong:
        print(text, file=sys.stderr)
    if wrong:
        return 1
    path = options.out / "source" / "assignment" / OWN_NOTEBOOK
    path.parent.mkdir(parents=True, exist_ok=True)
    notebooks.write(notebook, path)
    total = sum(
        cell.metadata.nbgrader.get("points", 0)
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    )
    print(f"{path}: {total} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
