"""Checks of notebook 01: right answers pass, each known mistake gets its own hint."""

import numpy as np
import pytest

from helpers.checks.meet import (
    TRAININGS,
    check_break_even,
    check_examples_that_fit,
    check_trainings,
)

LENGTHS = [100, 160, 140, 120, 180, 100]


@pytest.mark.parametrize("answer", [4, 4.0, np.int64(4)])
def test_the_number_of_examples_that_fit_is_right_in_every_type(answer) -> None:
    assert check_examples_that_fit(answer, LENGTHS, free=530).state == "right"


def test_all_of_them_may_fit_and_none_may() -> None:
    assert check_examples_that_fit(6, LENGTHS, free=10_000).state == "right"
    assert check_examples_that_fit(0, LENGTHS, free=50).state == "right"


@pytest.mark.parametrize(
    ("answer", "free", "words"),
    [
        ("4", 530, "give a number"),
        (True, 530, "give a number"),
        (3.98, 530, "whole number"),
        (3, 520, "average"),
        (5, 530, "over the edge"),
        (2, 530, "longest"),
        (1, 530, "more of them fit"),
        (9, 530, "more than fit"),
    ],
)
def test_wrong_numbers_of_examples_get_a_hint(answer, free, words) -> None:
    outcome = check_examples_that_fit(answer, LENGTHS, free)
    assert outcome.state == "not yet"
    assert words in outcome.text


@pytest.mark.parametrize("answer", [50, 50.0, 50.4, 51, np.ceil(50.2)])
def test_the_break_even_may_be_exact_or_rounded(answer) -> None:
    assert check_break_even(answer, 50_200, 1_200, 200).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("50", "a number"),
        (50_200 / 1_200, "not free"),
        (50_200 / 200, "in any case"),
        (1_000 / 50_200, "upside down"),
        (7, "spent once"),
    ],
)
def test_a_wrong_break_even_gets_a_hint(answer, words) -> None:
    outcome = check_break_even(answer, 50_200, 1_200, 200)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_the_four_trainings_are_right_whatever_the_case() -> None:
    assert check_trainings(TRAININGS).state == "right"
    shouted = {letter: answer.upper() + " " for letter, answer in TRAININGS.items()}
    assert check_trainings(shouted).state == "right"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (["supervised"] * 4, "each of A, B, C, D"),
        ({"A": "supervised"}, "each of A, B, C, D"),
        ({**TRAININGS, "A": "reinforcement"}, "reinforcement"),
        ({**TRAININGS, "D": "supervised"}, "Do any weights change"),
        ({**TRAININGS, "C": "supervised"}, "look at C"),
        ({**TRAININGS, "C": "neither"}, "Do any weights change"),
    ],
)
def test_wrong_trainings_get_a_hint(answers, words) -> None:
    outcome = check_trainings(answers)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_a_blank_is_not_a_mistake() -> None:
    outcomes = [
        check_examples_that_fit(..., LENGTHS, 530),
        check_break_even(..., 1, 2, 1),
        check_trainings({**TRAININGS, "B": ...}),
        check_trainings(dict.fromkeys(TRAININGS, ...)),
    ]
    assert [outcome.state for outcome in outcomes] == ["not tried"] * 4
