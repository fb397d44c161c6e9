"""Checks about limits: every right answer passes, every known mistake gets its hint."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.checks.limits import (
    check_enough_rows,
    check_epochs,
    check_mixed,
    check_suspects,
)
from helpers.experiments import chat_example

EPOCHS = pd.DataFrame(
    {
        "step": [30, 60, 90, 120],
        "train_loss": [0.9, 0.3, 0.1, 0.02],
        "full_valid_loss": [0.5, 0.4, 0.3, 0.35],
    },
    index=pd.RangeIndex(1, 5, name="epoch"),
)
RUNS = pd.DataFrame(
    {
        "rows": [10, 10, 30, 30, 100, 100, 300, 300],
        "seed": [0, 1] * 4,
        "f1": [0.5, 0.6, 0.75, 0.9, 0.85, 0.9, 0.93, 0.94],
    }
)
TASK = [chat_example(f"task {i}", "a") for i in range(40)]
GENERAL = [chat_example(f"general {i}", "b") for i in range(20)]
HANDS = pd.DataFrame(
    {
        "ingredients": [
            '["1 egg", "salt", "1 c. milk"]',
            '["2 eggs", "salt", "rice"]',
            '["milk", "oil", "1 leek"]',
        ],
        "NER": ['["egg", "salt", "milk"]', '["eggs", "salt"]', '["milk", "oil"]'],
    }
)
STOPS = HANDS["NER"].map(json.loads).map(len) == 2


def all_blank():
    return [
        check_epochs(..., EPOCHS),
        check_enough_rows(..., RUNS, 0.8),
        check_mixed(..., TASK, GENERAL),
        check_suspects(..., HANDS),
    ]


def test_a_blank_is_not_tried():
    assert {outcome.state for outcome in all_blank()} == {"not tried"}


@pytest.mark.parametrize(
    "answer", [3, np.int64(3), 3.0, EPOCHS["full_valid_loss"].idxmin()]
)
def test_the_best_epoch_may_be_any_kind_of_number(answer):
    assert check_epochs(answer, EPOCHS).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (2, "number 1, not 0"),  # argmin counts from zero
        (90, "step"),
        (4, "training rows"),
        (1, "a lower one"),
        (17, "1 to 4"),
        ("3", "str"),
        (True, "bool"),
    ],
)
def test_a_wrong_epoch_gets_a_hint(answer, words):
    outcome = check_epochs(answer, EPOCHS)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize("answer", [100, np.int64(100)])
def test_enough_rows_are_those_whose_worst_seed_gets_there(answer):
    assert check_enough_rows(answer, RUNS, 0.8).state == "right"


@pytest.mark.parametrize(
    ("answer", "target", "words"),
    [
        (300, 0.8, "fewer"),
        (30, 0.8, "worst seed"),
        (10, 0.8, "even on average"),
        (50, 0.8, "10, 30, 100, 300"),
        ("100", 0.8, "str"),
        (300, 0.99, "no number of rows"),
    ],
)
def test_a_wrong_number_of_rows_gets_a_hint(answer, target, words):
    outcome = check_enough_rows(answer, RUNS, target)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize(
    "answer",
    [TASK + GENERAL[:10], GENERAL[10:] + TASK, tuple(TASK + GENERAL[5:15])],
)
def test_any_fifth_of_general_examples_in_any_order_is_right(answer):
    assert check_mixed(answer, TASK, GENERAL).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TASK + GENERAL[:8], "8 of 48"),
        (TASK + GENERAL, "20 of the 60"),
        (TASK, "0 of the 40"),
        (TASK[1:] + GENERAL[:10], "1 examples of the task are missing"),
        (TASK + GENERAL[:9] + GENERAL[:1], "twice"),
        ([*TASK, GENERAL[:10]], "list into the list"),
        ([*TASK, chat_example("new", "c")], "neither"),
        (50, "int"),
    ],
)
def test_a_wrong_mixture_gets_a_hint(answer, words):
    outcome = check_mixed(answer, TASK, GENERAL)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2],
        {2, 1},
        np.array([1, 2]),
        HANDS.index[STOPS],
        HANDS[STOPS],
        pd.Series([2, 1]),
    ],
)
def test_suspects_may_be_named_in_every_way(answer):
    assert check_suspects(answer, HANDS).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([1], "1 more"),
        ([0, 1, 2], "goes on after"),
        ([0, 1], "1 rows are missing"),
        (STOPS, "True and False"),
        (5, "int"),
        ("1, 2", "str"),
    ],
)
def test_wrong_suspects_get_a_hint(answer, words):
    outcome = check_suspects(answer, HANDS)
    assert outcome.state == "not yet"
    assert words in outcome.text
