"""Notebook 30: its own definitions do what the helpers do, its plan is complete."""

import csv
import json
import re
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats import permutation_test

from helpers import evaluation, recipes
from helpers.rule_baseline import extract
from tools import notebooks as tool

NAME = "30_evaluate_honestly.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
SOLUTIONS = tool.read(tool.NOTEBOOKS / "solutions" / NAME)
CELLS = {cell.id: cell.source for cell in BOOK.cells}
ROWS = recipes.load_recipes()


def defined(*cell_ids: str) -> dict[str, Any]:
    """Run cells and return the names that they define."""
    names: dict[str, Any] = {"json": json, "recipes": ROWS}
    for cell_id in cell_ids:
        exec(CELLS[cell_id], names)
    return names


# --- what the notebook shows is what helpers do -----------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_swapping_in_the_notebook_is_the_permutation_test_of_scipy(seed: int) -> None:
    swap_p = defined("define-paired-p")["swap_p"]
    first, second = np.random.default_rng(seed).uniform(size=(2, 30))
    right = permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(seed),
    ).pvalue
    assert swap_p(first, second) == pytest.approx(right, abs=0.02)


def test_half_a_point_on_a_thousand_questions_is_no_difference() -> None:
    names = defined("define-paired-p", "half-a-point")
    assert names["p"] > 0.5
    assert names["first"].sum() == 795
    assert names["second"].sum() == 800


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('["leek", "olive oil"]', ["leek", "olive oil"]),
        ("list: *leek*,*olive oil*", ["leek", "olive oil"]),
        ("leek, olive oil.", ["leek", "olive oil"]),
        ("Names:\n- leek\n- olive oil", ["leek", "olive oil"]),
        ("", []),
    ],
)
def test_the_loose_reading_takes_any_list(text: str, names: list[str]) -> None:
    assert defined("define-loose-names")["loose_names"](text) == names


def test_the_loose_reading_never_loses_a_list_that_can_be_read() -> None:
    loose_names = defined("define-loose-names")["loose_names"]
    for text in ROWS["NER"].head(300):
        strict = recipes.name_set(recipes.parse_names(text))
        assert recipes.name_set(loose_names(text)) == strict


# --- the plan ---------------------------------------------------------------------


def test_the_notebook_tests_on_the_frozen_test_set() -> None:
    source = CELLS["load-and-split"]
    assert 'take(recipes, "test", 100)' in source
    assert 'take(recipes, "train", 100)' in source


def test_every_question_is_about_systems_that_are_asked() -> None:
    planned = defined("write-questions")["planned"]
    code = "\n".join(cell.source for cell in tool.code_cells(BOOK))
    asked = set(re.findall(r'run\("([^"]+)"', code)) | {"rule"}
    asked |= {f"base, k={k}" for k in (1, 3, 5, 8)}
    assert {name for pair in planned.values() for name in pair} <= asked
    assert len(asked) == 13
    assert "Thirteen systems" in CELLS["systems-text"]
    assert len(planned) == 9


def test_the_first_job_is_the_one_of_the_recipe_notebook() -> None:
    other = tool.read(tool.NOTEBOOKS / "20_fine_tune_recipe_assistant.ipynb")
    call = re.compile(r"submit\(here, training_path, validation_path, [^\n]+\)")
    theirs = [call.search(cell.source) for cell in tool.code_cells(other)]
    (theirs,) = [found[0] for found in theirs if found]
    assert theirs in CELLS["first-job"]
    code = "\n".join(cell.source for cell in tool.code_cells(other))
    for line in (
        'folder = output_folder("recipe-ner")',
        'folder / "training.jsonl"',
        'folder / "validation.jsonl"',
        'folder / "answers.jsonl"',
    ):
        assert line in code
        assert line in CELLS["first-job"] + CELLS["define-run"]


def test_one_right_name_of_many_makes_the_rule_look_almost_perfect() -> None:
    test = recipes.take(ROWS, "test", 100)
    answers = evaluation.ask_function(
        lambda row: extract(json.loads(row["ingredients"])), test
    )
    scored = evaluation.score(answers, test["NER"])
    assert (scored.rows["tp"] >= 1).mean() > 0.9
    assert evaluation.measure(scored, "exact") < 0.5


# --- solutions and sources --------------------------------------------------------


def test_the_solutions_are_those_of_the_notebook_and_pass_their_checks() -> None:
    solved = {cell.id: cell for cell in SOLUTIONS.cells}
    names: dict[str, Any] = {"recipes": ROWS}
    found = 0
    for cell in BOOK.cells:
        if "solution" not in cell.metadata.get("tags", []):
            continue
        assert solved[cell.id].source.strip() == tool.solution(cell).strip()
        body, _, last = tool.solution(cell).strip().rpartition("\n")
        exec(body, names)
        assert eval(last, names).state == "right"
        found += 1
    assert found == 3


def test_the_solutions_notebook_starts_as_every_notebook_does() -> None:
    first, bootstrap = SOLUTIONS.cells[:2]
    assert first.source.startswith("# Solutions")
    assert bootstrap.source == CELLS["bootstrap"]
    ids = [cell.id for cell in SOLUTIONS.cells]
    assert len(set(ids)) == len(ids)
    assert all(tool.CELL_ID.fullmatch(name) for name in ids)


def test_every_mistake_that_is_told_says_where_and_when_it_was_seen() -> None:
    path = tool.ROOT / "data" / "metric_mistakes.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 3
    for row in rows:
        assert None not in row
        assert all(row.values())
        assert date.fromisoformat(row["read_on"])
        assert row["verified"] in ("yes", "no")
