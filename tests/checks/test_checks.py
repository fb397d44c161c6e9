"""Checks of exercises: every right answer passes, every known mistake gets its hint."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import checks
from helpers.recipes import load_recipes

RECIPES = load_recipes()
LENGTHS = [140, 150, 151, 160, 170, 171, 180, 200, 260, 300] * 10


def checkpoint(step: int, train: float, valid: float, accuracy: float):
    metrics = SimpleNamespace(
        train_loss=train,
        full_valid_loss=valid,
        full_valid_mean_token_accuracy=accuracy,
    )
    return SimpleNamespace(
        id=f"ftckpt_{step}",
        step_number=step,
        fine_tuned_model_checkpoint=f"ft:base:local::abc:ckpt-step-{step}",
        metrics=metrics,
    )


CHECKPOINTS = [
    checkpoint(300, 0.01, 0.33, 0.97),
    checkpoint(200, 0.05, 0.25, 0.98),
    checkpoint(100, 0.20, 0.24, 0.95),
]


@pytest.mark.parametrize(
    "answer",
    [
        RECIPES.iloc[:100],
        RECIPES.head(100),
        RECIPES.loc[0:99],
        RECIPES[:100],
        RECIPES.iloc[0:100].set_index("title", drop=False),
        RECIPES[["title", "ingredients", "NER"]].head(100),
        RECIPES.head(100).to_dict("records"),
    ],
)
def test_the_first_rows_are_right_however_they_were_taken(answer: object) -> None:
    assert checks.check_first_rows(answer, RECIPES).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RECIPES.loc[0:100], "101 rows"),
        (RECIPES.head(99), "99 rows"),
        (RECIPES.iloc[1:101], "not the first"),
        (RECIPES.sample(100, random_state=1), "not the first"),
        (100, "int"),
        ("rows", "str"),
    ],
)
def test_wrong_rows_get_a_hint_that_names_the_mistake(
    answer: object, words: str
) -> None:
    outcome = checks.check_first_rows(answer, RECIPES)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize("method", checks.METHODS)
def test_every_definition_of_a_percentile_is_accepted(method: str) -> None:
    lengths = [*range(100, 193), 300, 320, 380, 500]
    low, high = np.quantile(lengths, [0.05, 0.95], method=method)
    assert checks.check_percentiles(low, high, lengths).state == "right"
    assert checks.check_percentiles(round(low), round(high), lengths).state == "right"


def test_percentiles_from_pandas_are_accepted() -> None:
    lengths = pd.Series(range(1000))
    outcome = checks.check_percentiles(
        lengths.quantile(0.05), lengths.quantile(0.95), lengths
    )
    assert outcome.state == "right"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (99.9, 899.1, "tutorial"),
        (949.05, 49.95, "order"),
        (0.05, 0.95, "shares"),
        (49.95, 700, "one of the two"),
        (300, 700, "5 % of them below"),
        ("49", "949", "numbers"),
    ],
)
def test_wrong_percentiles_get_a_hint_that_names_the_mistake(
    low: object, high: object, words: str
) -> None:
    outcome = checks.check_percentiles(low, high, range(1000))
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize(
    "answer",
    [
        CHECKPOINTS[2],
        CHECKPOINTS[2].id,
        CHECKPOINTS[2].fine_tuned_model_checkpoint,
        100,
        np.int64(100),
    ],
)
def test_a_checkpoint_may_be_named_in_every_way(answer: object) -> None:
    assert checks.check_best_checkpoint(answer, CHECKPOINTS).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CHECKPOINTS[0], "trained on"),
        (200, "accuracy"),
        (250, "step number"),
        (None, "step number"),
    ],
)
def test_a_wrong_checkpoint_gets_a_hint_that_names_the_mistake(
    answer: object, words: str
) -> None:
    outcome = checks.check_best_checkpoint(answer, CHECKPOINTS)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_a_blank_is_not_a_mistake() -> None:
    outcomes = [
        checks.check_first_rows(..., RECIPES),
        checks.check_percentiles(..., ..., LENGTHS),
        checks.check_best_checkpoint(..., CHECKPOINTS),
    ]
    assert [outcome.state for outcome in outcomes] == ["not tried"] * 3


def test_an_outcome_shows_itself_with_a_mark_and_a_sentence() -> None:
    assert repr(checks.check_first_rows(RECIPES.head(100), RECIPES)).startswith("✔ ")
    assert repr(checks.check_first_rows(RECIPES.head(10), RECIPES)).startswith("✘ ")
    assert repr(checks.check_first_rows(..., RECIPES)).startswith("○ ")


def test_a_check_leaves_the_recipes_as_they_are() -> None:
    before = RECIPES.copy()
    checks.check_first_rows(RECIPES.head(100), RECIPES)
    pd.testing.assert_frame_equal(RECIPES, before)
