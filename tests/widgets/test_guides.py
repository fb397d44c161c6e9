"""The decision guide and the cost calculator: dict, form and text say the same."""

import datetime
from dataclasses import fields

import pytest

from helpers.checks.decision import complete_case
from helpers.costs import Numbers, numbers_from
from helpers.decision import QUESTIONS, recommend
from helpers.widgets.guides import CostSheet, cost_calculator, decision_guide

DAY = datetime.date(2026, 11, 22)
NUMBERS = {"input_price": 0.15, "output_price": 0.6, "training_price": 3.0}


def test_the_guide_asks_every_question_and_shows_the_recommendation():
    guide = decision_guide(complete_case(), DAY)
    assert list(guide.controls) == list(QUESTIONS)
    assert "Try it" in guide.widget.children[-1].value
    assert recommend(guide.values, DAY) == recommend(complete_case(), DAY)


def test_an_answer_in_the_guide_changes_the_recommendation():
    guide = decision_guide(complete_case(), DAY)
    guide.controls["tunable"].value = False
    assert "No: do not fine-tune" in guide.widget.children[-1].value
    guide.controls["tunable"].value = None
    assert "Not yet" in guide.widget.children[-1].value
    guide.controls["tunable"].value = True
    guide.controls["few_shot"].value = "0.95 (0.93 to 0.97)"
    assert "only money speaks" in guide.widget.children[-1].value
    assert recommend(guide.values, DAY).verdict == "try it"


@pytest.mark.parametrize("blank", [..., "", None])
def test_the_guide_starts_from_blanks(blank):
    guide = decision_guide(dict.fromkeys(QUESTIONS, blank), DAY)
    assert recommend(guide.values, DAY).verdict == "not yet"
    assert guide.controls["tunable"].value is None


def test_a_mistyped_answer_is_told_in_the_guide():
    guide = decision_guide(complete_case(), DAY)
    guide.controls["target"].value = "high"
    assert "a number from 0 up" in guide.widget.children[-1].value


def test_the_calculator_asks_every_number_and_shows_costs_and_chart():
    sheet = cost_calculator(NUMBERS)
    assert list(sheet.controls) == [field.name for field in fields(Numbers)]
    shown = sheet.widget.children[-1].value
    assert "<table>" in shown
    assert "calls a month" in shown
    assert "<img src=" in shown
    assert numbers_from(sheet.values) == numbers_from(NUMBERS)


def test_a_number_in_the_calculator_changes_the_costs():
    sheet = cost_calculator(numbers_from(NUMBERS))
    before = sheet.widget.children[-1].value
    sheet.controls["calls_per_month"].value = "1000000"
    assert sheet.widget.children[-1].value != before
    assert "1,000,000 calls a month" in sheet.widget.children[-1].value
    sheet.controls["months"].value = "0"
    assert "above 0" in sheet.widget.children[-1].value


def test_without_a_front_end_the_calculator_is_a_table_and_a_sentence(monkeypatch):
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    bundle = cost_calculator(NUMBERS)._repr_mimebundle_()
    assert "fine-tuned, short prompt" in bundle["text/plain"]
    assert numbers_from(NUMBERS).reading() in bundle["text/plain"]
    assert "<img" not in bundle["text/html"]


def test_a_cost_sheet_writes_money_with_its_currency():
    text = repr(CostSheet(numbers_from({**NUMBERS, "currency": "EUR"})))
    assert "EUR" in text
    assert "USD" not in text
