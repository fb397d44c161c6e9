"""The notebook of the assignment: blanks, checks, and solutions that fill them."""

import ast

import pytest
from nbformat import NotebookNode

from helpers.assignment import OWN_NOTEBOOK, STEPS, begin, tutorials
from tools import notebooks as tool

BOOK = tool.read(tool.NOTEBOOKS / OWN_NOTEBOOK)
SOLUTIONS = tool.read(tool.NOTEBOOKS / "solutions" / OWN_NOTEBOOK)
STEP_NAMES = [step.name for step in STEPS]
ANSWERS = [f"answer-{name}" for name in STEP_NAMES]


def code(notebook: NotebookNode) -> dict[str, str]:
    """Return the code of a notebook: id of a cell -> text."""
    return {cell.id: cell.source for cell in tool.code_cells(notebook)}


@pytest.mark.parametrize("name", STEP_NAMES)
def test_each_step_has_blanks_and_its_check_follows(name: str) -> None:
    ids = list(code(BOOK))
    assert ids.index(f"check-{name}") > ids.index(f"answer-{name}")
    tree = ast.parse(code(BOOK)[f"answer-{name}"])
    for statement in tree.body:
        assert isinstance(statement, ast.Assign)
        assert isinstance(statement.value, ast.Constant)
        assert statement.value.value is ...
    last = code(BOOK)[f"check-{name}"].splitlines()[-1]
    assert last.startswith(f"work.check_{name}(")


def test_solutions_differ_from_the_assignment_in_the_answers_alone() -> None:
    solved = code(SOLUTIONS)
    assert solved.pop("claims")
    assert list(solved) == list(code(BOOK))
    for name, text in code(BOOK).items():
        assert (solved[name] == text) == (name not in ANSWERS), name


@pytest.mark.parametrize("name", ANSWERS)
def test_a_solution_fills_every_blank(name: str) -> None:
    def targets(text: str) -> set[str]:
        return {
            node.id
            for statement in ast.parse(text).body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            for node in ast.walk(target)
            if isinstance(node, ast.Name)
        }

    assert targets(code(BOOK)[name]) <= targets(code(SOLUTIONS)[name])


def test_the_solution_can_be_told_to_solve_another_data_set() -> None:
    assert "COMPANION_ASSIGNMENT" in code(SOLUTIONS)["answer-choice"]


def test_the_steps_with_blanks_alone_can_be_run_to_their_end(tmp_path) -> None:
    """Cells up to the split need no provider: run them as they are."""
    names = {"begin": lambda *found: begin(*found, folder=tmp_path)}
    for cell_id in (
        "show-data-sets", "answer-choice", "check-choice", "show-task", "show-rows",
        "show-questions", "try-the-lock", "answer-trap", "check-trap", "answer-rows",
        "check-rows", "split", "define-example", "write-files",
    ):  # fmt: skip
        text = code(BOOK)[cell_id]
        # The notebook writes among its outputs; the test writes into its own folder.
        exec(text.replace("from helpers.assignment import begin\n", ""), names)
    assert names["work"].points == 0
    assert names["paths"]["training"].is_file()


@pytest.mark.parametrize("data", ["jars", "tickets", "timers"])
def test_the_solution_finds_and_mends_every_trap(
    data: str, tmp_path, monkeypatch
) -> None:
    """Steps 1 to 3 of the solution need no provider: run them for each data set."""
    monkeypatch.setenv("COMPANION_ASSIGNMENT", data)
    names = {"begin": lambda *found: begin(*found, folder=tmp_path)}
    for cell_id in (
        "answer-choice", "check-choice", "answer-trap", "check-trap", "answer-rows",
        "check-rows", "split",
    ):  # fmt: skip
        text = code(SOLUTIONS)[cell_id]
        exec(text.replace("from helpers.assignment import begin\n", ""), names)
    work = names["work"]
    assert [work.state(name) for name in STEP_NAMES[:3]] == ["right"] * 3
    assert len(names["train"]) >= 100
    assert not set(names["train"]["user"]) & set(names["test"]["user"])


def test_the_recipe_assistant_is_a_tutorial_to_choose() -> None:
    assert 20 in tutorials()
    assert 80 not in tutorials()
