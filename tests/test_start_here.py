"""The first notebook: its solutions, its paths, and no way that leads nowhere."""

from __future__ import annotations

import re

import pytest

from helpers.course import PLAN
from tools import notebooks as tool

NAME = "00_start_here.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
SOLUTIONS = tool.read(tool.NOTEBOOKS / "solutions" / NAME)
CELLS = {cell.id: cell for cell in BOOK.cells}
SOLVED = {cell.id: cell for cell in SOLUTIONS.cells}
EXERCISES = [c.id for c in BOOK.cells if "exercise" in c.metadata.get("tags", [])]


def test_it_is_the_first_notebook_of_the_course() -> None:
    assert tool.all_notebooks()[0].name == NAME
    assert PLAN[0] == NAME.removesuffix(".ipynb")


@pytest.mark.parametrize("cell_id", EXERCISES)
def test_the_notebook_of_solutions_solves_every_exercise_in_the_same_way(
    cell_id: str,
) -> None:
    behind_the_click = tool.solution(CELLS[cell_id.replace("exercise", "solution")])
    assert SOLVED[cell_id].source.strip() == behind_the_click.strip()
    names: dict[str, object] = {}
    body, _, last = SOLVED[cell_id].source.strip().rpartition("\n")
    exec(body, names)
    assert eval(last, names).state == "right"


def test_the_notebook_of_solutions_finds_the_code_of_the_course() -> None:
    assert SOLVED["bootstrap"].source == CELLS["bootstrap"].source
    assert f"](../{NAME})" in SOLVED["title"].source


def test_nothing_is_asked_of_a_provider_before_it_is_confirmed() -> None:
    for cell in tool.code_cells(BOOK):
        asks = re.search(r"client\.chat|\bask\(", cell.source)
        if asks and "def ask" not in cell.source:
            assert "here.confirm(" in cell.source[: asks.start()], cell.id


def test_no_link_is_written_by_hand_to_a_notebook_that_may_be_missing() -> None:
    # Others come from helpers.course, which looks which notebooks are there.
    for cell in tool.text_cells(BOOK):
        for name in re.findall(r"\]\((\d\d_\w+\.ipynb)\)", cell.source):
            assert (tool.NOTEBOOKS / name).is_file(), f"{cell.id} links to {name}"


def test_the_key_of_nobody_is_printed() -> None:
    code = "\n".join(cell.source for cell in tool.code_cells(BOOK))
    assert "api_key" not in code
    assert "find_key" not in code
    assert "os.environ" not in code
