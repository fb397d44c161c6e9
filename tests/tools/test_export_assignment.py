"""The export for nbgrader keeps its published rules; the rubric stands in the docs."""

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.assignment import AUTOMATIC, BY_TEACHER, OWN_NOTEBOOK, STEPS
from tools import export_assignment as tool
from tools import notebooks

ASSIGNMENT = notebooks.read(notebooks.NOTEBOOKS / OWN_NOTEBOOK)
SOLUTIONS = notebooks.read(notebooks.NOTEBOOKS / "solutions" / OWN_NOTEBOOK)
EXPORTED = tool.exported(ASSIGNMENT, SOLUTIONS)
CELLS = {cell.id: cell for cell in EXPORTED.cells}


# --- the export -------------------------------------------------------------------


def test_the_export_keeps_the_rules_of_schema_version_3() -> None:
    assert tool.problems(EXPORTED) == []
    nbformat.validate(EXPORTED)


def test_the_points_of_checks_and_teacher_make_a_hundred() -> None:
    points = {
        name: cell.metadata.nbgrader.points
        for name, cell in CELLS.items()
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert points.pop("answer-decision") == BY_TEACHER
    assert points == {f"check-{step.name}": step.points for step in STEPS}
    assert sum(points.values()) == AUTOMATIC


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_an_answer_keeps_its_blanks_and_holds_the_solution_between_marks(
    step: str,
) -> None:
    cell = CELLS[f"answer-{step}"]
    blanks, _, rest = cell.source.partition(f"\n{tool.BEGIN}\n")
    solution, _, end = rest.partition(f"\n{tool.END}")
    assert "..." in blanks
    assert end == ""
    assert solution in {cell.source for cell in SOLUTIONS.cells}
    assert cell.metadata.nbgrader.solution
    assert not cell.metadata.nbgrader.locked


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_an_exported_check_raises_unless_it_says_right(step: str) -> None:
    cell = CELLS[f"check-{step}"]
    assert cell.metadata.nbgrader.locked
    last = cell.source.splitlines()[-1]
    assert last == 'assert outcome.state == "right", outcome.text'
    call = next(x for x in cell.source.splitlines() if x.startswith("outcome = "))
    assert call.removeprefix("outcome = ") in {
        line for one in ASSIGNMENT.cells for line in one.source.splitlines()
    }


def test_given_code_is_locked_and_outputs_stay_at_home() -> None:
    for cell in EXPORTED.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            kind = cell.id.partition("-")[0]
            assert cell.metadata.nbgrader.locked == (kind != "answer")
        else:
            assert "nbgrader" not in cell.metadata


def test_the_notebook_itself_is_left_as_it_is() -> None:
    before = copy.deepcopy(ASSIGNMENT)
    tool.exported(ASSIGNMENT, SOLUTIONS)
    assert before == ASSIGNMENT


def test_a_missing_cell_is_named() -> None:
    less = copy.deepcopy(SOLUTIONS)
    less.cells = [cell for cell in less.cells if cell.id != "answer-rows"]
    with pytest.raises(ValueError, match="answer-rows"):
        tool.exported(ASSIGNMENT, less)


def test_a_check_that_is_not_right_fails_when_it_is_run() -> None:
    from helpers.checks import Outcome

    code = tool.raising("x = 1\nsaid")
    exec(code, {"said": Outcome("right", "fine")})
    with pytest.raises(AssertionError, match="not there"):
        exec(code, {"said": Outcome("not yet", "not there")})


def test_the_command_writes_one_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["--out", str(tmp_path)]) == 0
    path = tmp_path / "source" / "assignment" / OWN_NOTEBOOK
    assert notebooks.read(path) == EXPORTED
    assert "100 points" in capsys.readouterr().out


# --- the rules --------------------------------------------------------------------


def marked(cell: NotebookNode, **marks: Any) -> list[str]:
    """Return the problems of a notebook of one cell with these metadata."""
    base = {
        "schema_version": 3, "grade": False, "locked": False, "solution": False,
    }  # fmt: skip
    cell.metadata["nbgrader"] = {
        k: v for k, v in (base | marks).items() if v is not None
    }
    return tool.problems(new_notebook(cells=[cell]))


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"schema_version": 2, "locked": True, "grade_id": "a"}, "schema_version"),
        ({"grade": None}, "grade is missing"),
        ({"grade": "yes"}, "grade is 'yes'"),
        ({"points": True}, "points is True"),
        ({"other": 1}, "other is not known"),
        ({"solution": True}, "grade_id is missing"),
        ({"solution": True, "grade_id": "a b"}, "grade_id"),
        ({"grade": True, "grade_id": "a"}, "needs points"),
        ({"grade": True, "grade_id": "a", "points": -1}, "needs points"),
        ({"points": 3}, "graded cells alone"),
        ({"locked": True, "grade_id": "a", "checksum": "x"}, "checksum"),
        ({"task": True, "grade_id": "a"}, "Markdown"),
    ],
)
def test_each_rule_notices_what_breaks_it(marks: dict[str, Any], words: str) -> None:
    found = marked(new_code_cell("x", id="one"), **marks)
    assert any(words in text for text in found), found


def test_a_markdown_answer_has_to_be_graded() -> None:
    cell = new_markdown_cell("x", id="one")
    assert marked(cell, solution=True, grade_id="a")
    assert not marked(cell, solution=True, grade=True, points=1, grade_id="a")


def test_names_of_cells_must_not_come_twice() -> None:
    cells = [new_code_cell("x", id=name) for name in ("one", "two")]
    for cell in cells:
        cell.metadata["nbgrader"] = tool.metadata("same", locked=True)
    assert "comes twice" in tool.problems(new_notebook(cells=cells))[0]


# --- the rubric -------------------------------------------------------------------


def test_the_rubric_has_the_points_of_the_steps_and_of_the_teacher() -> None:
    rows = tool.rubric()
    points = {"check": [], "teacher": []}
    for row in rows:
        points[row["by"]].append(int(row["points"]))
    assert points["check"] == [step.points for step in STEPS]
    assert sum(points["teacher"]) == BY_TEACHER


def test_the_rubric_in_the_documents_is_the_one_in_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (notebooks.ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    assert f"-->\n{tool.rubric_table()}\n<!-- /rubric -->" in text
    assert tool.main(["--rubric"]) == 0
    assert capsys.readouterr().out == tool.rubric_table() + "\n"
