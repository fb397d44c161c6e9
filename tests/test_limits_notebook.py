"""The notebook about limits and its solutions: what can be proved without a job."""

import json
import re

import pytest

from helpers.limits import load_limits
from tools import notebooks as tool

NAME = "31_meet_the_limits.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
SOLUTIONS = tool.read(tool.NOTEBOOKS / "solutions" / NAME)


def code_of(cell_id: str) -> str:
    """Return the code of a cell of the notebook."""
    return next(cell.source for cell in BOOK.cells if cell.id == cell_id)


def shown(code: str, names: dict) -> object:
    """Run a cell and return what its last expression shows."""
    body, _, last = code.strip().rpartition("\n")
    exec(body, names)
    return eval(last, names)


def test_every_solution_of_the_second_notebook_is_right() -> None:
    names: dict = {}
    outcomes = []
    for cell in tool.code_cells(SOLUTIONS):
        if cell.id.endswith("-solution"):
            outcomes.append(shown(cell.source, names).state)
        else:
            exec(cell.source, names)
    assert outcomes == ["right"] * 4


def test_both_notebooks_hold_the_same_solutions() -> None:
    behind_clicks = [
        tool.solution(cell).strip()
        for cell in BOOK.cells
        if "solution" in cell.metadata.get("tags", [])
    ]
    apart = [
        cell.source.strip()
        for cell in tool.code_cells(SOLUTIONS)
        if cell.id.endswith("-solution")
    ]
    assert behind_clicks == apart


def test_the_number_of_jobs_is_the_one_announced() -> None:
    code = "\n".join(cell.source for cell in tool.code_cells(BOOK))
    assert len(set(re.findall(r'jobs\["([a-z-]+)"\] = train\(', code))) == 12


def test_the_skills_that_are_asked_once_more_are_of_three_kinds() -> None:
    places = re.findall(r"questions\[(\d+):", code_of("forgotten-answers"))
    first = int(re.search(r"questions\[:(\d+)\]", code_of("forgotten-answers"))[1]) - 1
    kinds = load_limits("skills")["skill"].iloc[[first, *map(int, places)]]
    assert kinds.is_unique


def test_the_sailor_tells_what_the_tables_say() -> None:
    import pandas as pd

    from helpers.experiments import chat_example
    from helpers.limits import load_limits

    names: dict = {"chat_example": chat_example, "load_limits": load_limits}
    exec(code_of("dishes"), names)
    answers = [
        names["sailor"](row)["messages"][-1]["content"]
        for row in names["dishes"].itertuples()
    ]
    exec(code_of("define-scores"), names)
    told = [type("Answer", (), {"text": text}) for text in answers]
    assert all(map(names["in_style"], told))
    assert all(map(names["with_country"], told, names["dishes"]["country"]))
    assert isinstance(names["dishes"], pd.DataFrame)


def test_five_ways_to_ask_hold_the_same_lines_and_never_the_answer() -> None:
    from helpers.recipes import load_recipes

    names: dict = {"json": json}
    exec(code_of("define-prompts"), names)
    row = load_recipes().iloc[1200].to_dict()
    assert len(names["ways"]) == 5
    texts = [user(row) for _, user in names["ways"].values()]
    for text in texts:
        assert all(line in text for line in json.loads(row["ingredients"]))
        assert row["NER"] not in text
    assert len({(system, user(row)) for system, user in names["ways"].values()}) == 5


@pytest.mark.parametrize("cell_id", ["two-hands"])
def test_the_second_hand_stops_after_two_names(cell_id: str) -> None:
    from helpers.recipes import load_recipes, take

    names: dict = {"json": json, "recipes": load_recipes(), "take": take}
    exec(code_of(cell_id), names)
    rows = names["two_hands"]
    lengths = rows["NER"].map(json.loads).map(len)
    assert list(rows.index[lengths == 2]) == list(range(1, 100, 2))
    # The exercise would be unfair if the first hand had such rows as well.
    assert (
        take(names["recipes"], "train", 100)["NER"].map(json.loads).map(len).min() > 2
    )
