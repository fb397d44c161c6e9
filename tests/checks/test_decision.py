"""The checks on money and decisions: right answers pass, known mistakes get hints."""

import math

import numpy as np
import pytest

from helpers.checks.decision import (
    DAY,
    check_break_even,
    check_decision,
    check_hosting_calls,
    complete_case,
)
from helpers.decision import recommend

MONEY = {"training": 0.15, "long_call": 114e-6, "short_call": 93e-6}
HOSTING = {"per_hour": 1.7, "saving": 60e-6}


@pytest.mark.parametrize("answer", [0.15 / 21e-6, 7143, 7142, np.float64(7142.9)])
def test_the_break_even_is_right_rounded_or_not(answer):
    assert check_break_even(answer, **MONEY).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (0.15 / 114e-6, "for free"),
        (0.15 / 93e-6, "divided by the price of a call"),
        (-0.15 / 21e-6, "sign"),
        (21e-6 / 0.15, "on its head"),
        (5, "paid once"),
        ("many", "number of calls"),
        (True, "number of calls"),
    ],
)
def test_each_mistake_about_the_break_even_gets_its_hint(answer, words):
    found = check_break_even(answer, **MONEY)
    assert found.state == "not yet"
    assert words in found.text
    assert "7,1" not in found.text, "the hint gives the answer away"


@pytest.mark.parametrize("hours", [28 * 24, 30 * 24, 730, 31 * 24])
def test_every_length_of_a_month_is_right(hours):
    assert check_hosting_calls(hours * 1.7 / 60e-6, **HOSTING).state == "right"


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "one hour"), (24, "one day"), (8760, "a year"), (3, "How")]
)
def test_each_mistake_about_hosting_gets_its_hint(hours, words):
    found = check_hosting_calls(hours * 1.7 / 60e-6, **HOSTING)
    assert found.state == "not yet"
    assert words in found.text


@pytest.mark.parametrize(
    "change",
    [
        {"tunable": False},
        {"may_use": False},
        {"lacks": "changing facts"},
        {"available_until": "2026-01-01"},
        {"fine_tuned": (0.5, 0.45, 0.55)},
        {"tunable": False, "examples": 400},  # the second one says what it said before
    ],
)
def test_any_one_answer_that_leads_to_a_no_is_right(change):
    found = check_decision(change, complete_case(), "no")
    assert found.state == "right"
    assert "'no'" in found.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tunable": False, "may_use": False}, "2 answers are changed"),
        ({"examples": 5}, "it says 'not yet'"),
        ({}, "it says 'try it'"),
        ({"model": 1}, "no question called 'model'"),
        ({"target": "high"}, "wanted is a number"),
        ("tunable", "a str"),
    ],
)
def test_each_mistake_about_the_decision_gets_its_hint(change, words):
    found = check_decision(change, complete_case(), "no")
    assert found.state == "not yet"
    assert words in found.text


def test_a_blank_is_not_tried():
    assert check_break_even(..., **MONEY).state == "not tried"
    assert check_hosting_calls(..., **HOSTING).state == "not tried"
    assert check_decision(..., complete_case(), "no").state == "not tried"


def test_the_complete_case_is_complete_and_open():
    found = recommend(complete_case(), DAY)
    assert (found.verdict, found.missing) == ("try it", ())
    assert not math.isinf(complete_case()["months_to_pay_back"])
