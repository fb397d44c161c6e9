"""Kinds of errors: what looks alike is one error, and every error is counted once."""

import json

import pandas as pd
import pytest

from helpers.answer_errors import KINDS, error_rates, error_table, find_errors
from helpers.evaluation import Answer, score
from helpers.recipes import load_recipes, parse_names, take
from helpers.rule_baseline import extract


def kinds(given: list[str], right: list[str]) -> list[tuple[str, str, str]]:
    found = find_errors(json.dumps(given), json.dumps(right))
    return [(error.kind, error.right, error.given) for error in found]


def test_a_right_answer_has_no_errors() -> None:
    assert kinds(["Leek", "oil"], ["oil", "leek"]) == []


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("tomatoe", "tomatoes"),
        ("cinnamon", "cinamon"),
        ("cream-cheese", "cream cheese"),
        ("creamcheese", "cream cheese"),
        ("green bean", "green beans"),
    ],
)
def test_the_same_words_spelt_differently_are_one_error(given: str, right: str) -> None:
    assert kinds([given], [right]) == [("spelling", right, given)]


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("ripe tomatoes", "tomatoes"),
        ("cheese", "cream cheese"),
        ("crisp green cabbage", "green cabbage"),
    ],
)
def test_words_too_many_or_too_few_are_one_error(given: str, right: str) -> None:
    assert kinds([given], [right]) == [("cut", right, given)]


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("beet", "beef"),
        ("white sugar", "brown sugar"),
        ("baking powder", "baking soda"),
        ("chicken breast", "chicken broth"),
        ("lemon", "melon"),
    ],
)
def test_other_foods_are_missed_and_invented(given: str, right: str) -> None:
    assert kinds([given], [right]) == [("missed", right, ""), ("invented", "", given)]


def test_a_name_is_paired_once_with_what_is_most_alike() -> None:
    found = kinds(["tomatoe", "ripe tomatoes"], ["tomatoes"])
    assert found == [
        ("spelling", "tomatoes", "tomatoe"),
        ("invented", "", "ripe tomatoes"),
    ]


def test_a_name_that_is_right_elsewhere_is_not_paired() -> None:
    assert kinds(["oil", "leek"], ["oil", "olive oil"]) == [
        ("missed", "olive oil", ""),
        ("invented", "", "leek"),
    ]


def test_an_unreadable_answer_loses_every_name() -> None:
    found = find_errors("leek, oil", '["leek", "oil"]')
    assert [error.kind for error in found] == ["unreadable"] * 2


@pytest.mark.parametrize("given", [["...", "-"], [""], ["¼"]])
def test_names_without_letters_do_no_harm(given: list[str]) -> None:
    assert {kind for kind, *_ in kinds(given, ["leek"])} <= {"missed", "invented"}


ROWS = take(load_recipes(), "test", 40)
ANSWERS = [Answer(json.dumps(extract(parse_names(t)))) for t in ROWS["ingredients"]]
RULE = score(ANSWERS, ROWS["NER"])


def test_errors_are_those_that_the_score_counts() -> None:
    table = error_table({"rule": RULE}, ROWS)
    for number, row in RULE.rows.iterrows():
        errors = table[table["row"] == number]
        assert (errors["right"] != "").sum() == row.fn
        assert (errors["given"] != "").sum() == row.fp
    assert set(table["kind"]) <= set(KINDS)
    assert table["title"].iloc[0] == ROWS["title"].iloc[table["row"].iloc[0]]


def test_rates_are_errors_per_hundred_right_names() -> None:
    rates = error_rates({"rule": RULE}, ROWS)
    names = RULE.rows.tp.sum() + RULE.rows.fn.sum()
    table = error_table({"rule": RULE}, ROWS)
    assert list(rates.columns) == list(KINDS)
    assert rates.loc["rule"].sum() == pytest.approx(100 * len(table) / names)


def test_every_system_has_a_line_even_without_errors() -> None:
    perfect = score([Answer(text) for text in ROWS["NER"]], ROWS["NER"])
    silent = score([Answer("no list")] * 10, ROWS["NER"].head(10))
    rates = error_rates({"perfect": perfect, "silent": silent}, ROWS)
    assert rates.loc["perfect"].sum() == 0
    assert rates.loc["silent", "unreadable"] == pytest.approx(100)
    assert list(error_table({"perfect": perfect}, ROWS)) == [
        "system", "row", "title", "kind", "right", "given",
    ]  # fmt: skip


def test_no_systems_give_an_empty_table() -> None:
    assert isinstance(error_rates({}, ROWS), pd.DataFrame)
    assert len(error_rates({}, ROWS)) == 0
