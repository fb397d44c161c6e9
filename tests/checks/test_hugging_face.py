"""Checks of the notebook about Hugging Face: right passes, hints name mistakes."""

import numpy as np
import pandas as pd
import pytest

from helpers.checks.hugging_face import (
    check_cost,
    check_half_width,
    check_labels,
    check_shuffle,
)

ROWS = pd.DataFrame({"question": [f"q{i}" for i in range(30)]})
IDS, MASK = [7, 8, 9, 10], [0, 0, 1, 1]
HOURS = 2 + 5 / 60 + 58 / 3600


@pytest.mark.parametrize(
    "check",
    [
        lambda: check_shuffle(..., ROWS),
        lambda: check_labels(..., IDS, MASK),
        lambda: check_cost(..., HOURS),
        lambda: check_half_width(...),
    ],
)
def test_a_blank_counts_as_not_tried(check) -> None:
    assert check().state == "not tried"


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: rows.sample(frac=1, random_state=7),
        lambda rows: rows.iloc[np.random.default_rng(1).permutation(len(rows))],
    ],
)
def test_every_seeded_shuffle_is_right(answer) -> None:
    assert check_shuffle(answer, ROWS).state == "right"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda rows: rows.sample(frac=1), "two orders"),
        (lambda rows: rows, "order they had"),
        (lambda rows: rows.sample(frac=0.5, random_state=1), "15 came back"),
        (lambda rows: list(rows.question), "returned a list"),
        (ROWS, "not a DataFrame"),
    ],
)
def test_a_wrong_shuffle_gets_a_hint(answer, word) -> None:
    outcome = check_shuffle(answer, ROWS)
    assert outcome.state == "not yet"
    assert word in outcome.text


def test_a_shuffle_that_changes_its_rows_gets_a_hint() -> None:
    def careless(rows):
        rows["question"] = rows["question"].sample(frac=1, random_state=1).to_numpy()
        return rows

    assert "changes the rows" in check_shuffle(careless, ROWS.copy()).text


@pytest.mark.parametrize(
    "answer", [[-100, -100, 9, 10], np.array([-100, -100, 9, 10]), (-100, -100, 9, 10)]
)
def test_labels_of_the_answer_alone_are_right(answer) -> None:
    assert check_labels(answer, IDS, MASK).state == "right"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (IDS, "as the tutorial did"),
        ([0, 0, 9, 10], "cross_entropy ignores"),
        ([7, 8, -100, -100], "other way round"),
        ([9, 10], "2 labels for 4"),
        ([-100, 8, 9, 10], "some tokens"),
        (5, "list"),
    ],
)
def test_wrong_labels_get_a_hint(answer, word) -> None:
    outcome = check_labels(answer, IDS, MASK)
    assert outcome.state == "not yet"
    assert word in outcome.text


@pytest.mark.parametrize("answer", [2.54, HOURS * 1.212, np.float64(2.545)])
def test_the_cost_of_the_longer_run_is_right(answer) -> None:
    outcome = check_cost(answer, HOURS)
    assert outcome.state == "right"
    assert "2.54 dollars, 1.41 times" in outcome.text


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (1.8, "claim"),
        (HOURS * 60 * 1.212, "for an hour"),
        (3.0, "hours times"),
        ("2.54", "number"),
        (True, "number"),
    ],
)
def test_a_wrong_cost_gets_a_hint(answer, word) -> None:
    outcome = check_cost(answer, HOURS)
    assert outcome.state == "not yet"
    assert word in outcome.text


@pytest.mark.parametrize("answer", [3.5, 3.506, -3.5, np.float64(3.52)])
def test_the_half_width_of_a_difference_is_right(answer) -> None:
    assert check_half_width(answer).state == "right"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (0.035, "points of percent"),
        (2.48, "one share"),
        (1.79, "standard error"),
        (7.0, "whole width"),
        (20, "variance"),
        (None, "number"),
    ],
)
def test_a_wrong_half_width_gets_a_hint(answer, word) -> None:
    outcome = check_half_width(answer)
    assert outcome.state == "not yet"
    assert word in outcome.text
