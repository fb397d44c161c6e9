"""The hand-written rule does what twenty lines of regular expressions can do."""

import pytest

from helpers.rule_baseline import extract


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("1 c. sugar", ["sugar"]),
        ("1-1/2 c. packed brown sugar", ["brown sugar"]),
        ("2 (8 oz.) pkg. cream cheese, softened", ["cream cheese"]),
        ("1 large onion, finely chopped", ["onion"]),
        ("1/2 c. butter or margarine", ["butter"]),
        ("salt and pepper to taste", ["salt", "pepper"]),
        ("1 tsp. each: cinnamon, mace and nutmeg", ["cinnamon", "mace", "nutmeg"]),
        ("juice of 1 lemon", ["lemon"]),
        ("2 Tbsp. lemon juice", ["lemon juice"]),
        ("4c. cold water", ["water"]),
        ("3 eggs, beaten (room temperature)", ["eggs"]),
    ],
)
def test_the_rule_reads_ordinary_lines(line: str, names: list[str]) -> None:
    assert extract([line]) == names


def test_the_rule_gives_each_name_once_in_the_order_of_the_lines() -> None:
    lines = ["1 c. sugar", "2 eggs", "3 Tbsp. Sugar"]
    assert extract(lines) == ["sugar", "eggs"]


@pytest.mark.parametrize("line", ["", "   ", "(optional)", "2 c."])
def test_a_line_without_a_food_yields_nothing(line: str) -> None:
    assert extract([line]) == []


def test_the_rule_cannot_know_what_only_experience_tells() -> None:
    # A brand, a rare state and a preparation without a comma: what a model can learn.
    assert extract(["1 can Hollins tomato soup"]) != ["tomato soup"]
    assert extract(["1 c. julienned carrots"]) != ["carrots"]
    assert extract(["2 onions cut-up"]) != ["onions"]
    assert extract(["1/2 tsp. cloves"]) != ["cloves"]
