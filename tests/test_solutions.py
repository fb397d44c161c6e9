"""Solutions stand apart too: the same code as behind the click, and it runs alone."""

from __future__ import annotations

import ast
import copy
from typing import Any

import nbformat
import pytest

from tools import notebooks as tool

FOLDER = tool.NOTEBOOKS / "solutions"
# Notebooks whose solutions need no provider.
NAMES = (
    "01_meet_fine_tuning.ipynb",
    "03_open_the_box.ipynb",
    "21_deploy_on_azure.ipynb",
    "24_compare_the_ways.ipynb",
    "23_train_without_code.ipynb",
)


def solutions(name: str) -> list[str]:
    """Return the code behind the clicks of a notebook."""
    return [
        tool.solution(cell).strip()
        for cell in tool.read(tool.NOTEBOOKS / name).cells
        if "solution" in cell.metadata.get("tags", [])
    ]


def run(code: str, names: dict[str, Any]) -> Any:
    """Run a cell and return what its last line shows."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.parametrize("name", NAMES)
def test_the_solutions_apart_are_those_behind_the_click(name: str) -> None:
    apart = tool.code_cells(tool.read(FOLDER / name))
    found = [c.source.strip() for c in apart if c.id.startswith("solution-")]
    assert found == solutions(name)
    assert len(found) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_the_solutions_apart_run_alone_and_are_right(name: str) -> None:
    names: dict[str, Any] = {"root": tool.ROOT}
    for cell in tool.code_cells(tool.read(FOLDER / name)):
        if cell.id == "bootstrap":
            continue
        outcome = run(cell.source, names)
        if cell.id.startswith("solution-"):
            assert outcome.state == "right", cell.id


@pytest.mark.parametrize("name", NAMES)
def test_solutions_apart_are_tidy_and_lead_back(name: str) -> None:
    notebook = tool.read(FOLDER / name)
    nbformat.validate(notebook)
    tidy = copy.deepcopy(notebook)
    tool.tidy(tidy)
    assert tidy == notebook
    assert f"](../{name})" in notebook.cells[0].source
    assert f"](solutions/{name})" in str(tool.read(tool.NOTEBOOKS / name))
