"""Checks on evaluation: right answers pass, known mistakes get their hint."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from helpers.checks import evaluation as checks
from helpers.recipes import load_recipes

RECIPES = load_recipes()
TRAINING = RECIPES.iloc[:100]
DRAWN = RECIPES.sample(300, random_state=1)
CLEAN = DRAWN[~DRAWN.index.isin(TRAINING.index)]
COUNTS = [[10, 0], [6, 4]]


def test_the_draw_of_the_exercise_holds_rows_that_were_trained_on() -> None:
    assert len(DRAWN) - len(CLEAN) >= 5


@pytest.mark.parametrize(
    "answer",
    [
        CLEAN,
        CLEAN.sort_index(),
        CLEAN.reset_index(drop=True),
        CLEAN[["title", "ingredients", "NER"]],
        CLEAN.to_dict("records"),
        DRAWN.drop(DRAWN.index.intersection(TRAINING.index)),
        DRAWN[~DRAWN["ingredients"].isin(TRAINING["ingredients"])],
    ],
)
def test_rows_without_a_leak_are_right_however_they_were_taken(answer) -> None:
    assert checks.check_no_leak(answer, DRAWN, TRAINING).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (DRAWN, "were trained on"),
        (CLEAN.head(50), "missing"),
        (RECIPES.iloc[100:], "never drawn"),
        (CLEAN["title"], "Series"),
        (CLEAN["title"].to_frame(), "DataFrame"),
        (7, "int"),
        (CLEAN.to_dict("records") + CLEAN.head(2).to_dict("records"), "more than once"),
    ],
)
def test_wrong_rows_get_a_hint_that_names_the_mistake(answer, words) -> None:
    outcome = checks.check_no_leak(answer, DRAWN, TRAINING)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize(
    "answer",
    [
        fisher_exact(COUNTS),
        fisher_exact(COUNTS).pvalue,
        float(fisher_exact(COUNTS)[1]),
        fisher_exact([[6, 4], [10, 0]]).pvalue,
        fisher_exact([[10, 6], [0, 4]]).pvalue,
        0.087,
        0.09,
    ],
)
def test_the_p_value_of_fisher_is_right_however_it_was_found(answer) -> None:
    assert checks.check_fisher(answer, COUNTS).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (fisher_exact(COUNTS, alternative="greater").pvalue, "one-sided"),
        (1 - fisher_exact(COUNTS).pvalue, "1 minus"),
        (8.7, "between 0 and 1"),
        ("small", "number"),
        (True, "number"),
        (0.3, "Rows of the table"),
    ],
)
def test_a_wrong_p_value_gets_a_hint_that_names_the_mistake(answer, words) -> None:
    outcome = checks.check_fisher(answer, COUNTS)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize("answer", [785, 784.0, np.int64(800), np.float64(770.5)])
def test_a_number_of_items_near_the_formula_is_right(answer) -> None:
    assert checks.check_items(answer, 0.2, 0.02).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (28, "squared"),
        (384, "80 %"),
        (1570, "twice"),
        (100, "too few"),
        (5000, "more than needed"),
        ("many", "number"),
    ],
)
def test_a_wrong_number_of_items_gets_a_hint_that_names_the_mistake(
    answer, words
) -> None:
    outcome = checks.check_items(answer, 0.2, 0.02)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_a_blank_is_not_a_mistake() -> None:
    outcomes = [
        checks.check_no_leak(..., DRAWN, TRAINING),
        checks.check_fisher(..., COUNTS),
        checks.check_items(..., 0.2, 0.02),
    ]
    assert [outcome.state for outcome in outcomes] == ["not tried"] * 3
