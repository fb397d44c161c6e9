"""The money model: formulas by hand, every kind of break-even, clear errors."""

import math
from dataclasses import asdict, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.costs import (
    HOURS_PER_MONTH,
    Numbers,
    Way,
    break_even,
    cost_table,
    money,
    months_to_pay_back,
    numbers_from,
    training_cost,
)


def way(name="way", per_call=1.0, once=0.0, per_month=0.0):
    """Return a way whose calls cost `per_call`."""
    return Way(
        name,
        prompt_tokens=1_000_000,
        answer_tokens=0,
        input_price=per_call,
        output_price=0,
        once=once,
        hosting_price=per_month,
        hosting_hours=1,
    )


MINE = {
    "calls_per_month": 10_000,
    "months": 12,
    "long_prompt_tokens": 600,
    "prompt_tokens": 150,
    "answer_tokens": 40,
    "input_price": 0.15,
    "output_price": 0.60,
    "tuned_input_price": 0.30,
    "tuned_output_price": 1.20,
    "training_tokens": 50_000,
    "training_price": 3.0,
}


def test_a_call_costs_its_fresh_cached_and_answered_tokens():
    found = Way("x", 1000, 100, 2.0, 8.0, cached_tokens=600, cached_price=0.5)
    by_hand = (400 * 2.0 + 600 * 0.5 + 100 * 8.0) / 1_000_000
    assert found.per_call == pytest.approx(by_hand)


def test_the_whole_is_what_is_paid_once_per_month_and_per_call():
    found = way(per_call=0.5, once=100, per_month=10)
    assert found.total(calls=40, months=3) == 100 + 3 * 10 + 40 * 0.5


def test_a_training_job_costs_tokens_times_price():
    assert training_cost(47_433, 3.0) == pytest.approx(0.142299)


def test_a_month_of_hosting_has_730_hours():
    assert HOURS_PER_MONTH == 730


def test_it_pays_from_the_number_of_calls_that_carries_training_and_hosting():
    found = break_even(way(per_call=3), way(per_call=1, once=100, per_month=10), 5)
    assert (found.kind, found.calls) == ("from", (100 + 5 * 10) / 2)
    assert found.calls_per_month == 15
    assert "from 75 calls on (15 a month, over 5 months)" in str(found)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (way(per_call=3), way(per_call=1), "always"),
        (way(per_call=3, once=9), way(per_call=1, once=5), "always"),
        (way(per_call=1, once=9), way(per_call=1, once=5), "always"),
        (way(per_call=1), way(per_call=3, once=5), "never"),
        (way(per_call=1), way(per_call=1, once=5), "never"),
        (way(), way(), "never"),
        (way(per_call=1, per_month=100), way(per_call=3), "until"),
    ],
)
def test_every_other_case_has_its_name(first, second, kind):
    found = break_even(first, second, 2)
    assert found.kind == kind
    assert str(found).startswith("Fine-tuning is ")
    assert found.calls == {"always": 0, "never": math.inf, "until": 100}[kind]


AMOUNT = st.floats(0, 1e6)


@settings(deadline=None)  # a loaded machine takes its time
@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.floats(0.1, 120))
def test_on_either_side_of_the_break_even_the_cheaper_way_is_the_one_it_names(
    long_call, short_call, once, hosting, months
):
    first, second = way(per_call=long_call), way("b", short_call, once, hosting)
    found = break_even(first, second, months)
    if found.kind != "from" or found.calls > 1e12:
        return
    more, fewer = found.calls * 1.01 + 1, found.calls * 0.99
    assert second.total(more, months) <= first.total(more, months) * (1 + 1e-9)
    assert second.total(fewer, months) >= first.total(fewer, months) * (1 - 1e-9)


def test_months_to_pay_back_count_hosting_as_running_cost():
    first, second = way(per_call=3), way(per_call=1, once=100, per_month=10)
    assert months_to_pay_back(first, second, 10) == 100 / (10 * 2 - 10)


@pytest.mark.parametrize("calls", [0, 4, 5])
def test_what_saves_nothing_never_pays_back(calls):
    second = way(per_call=1, once=100, per_month=10)
    assert months_to_pay_back(way(per_call=3), second, calls) == math.inf


def test_what_cost_nothing_pays_back_at_once():
    assert months_to_pay_back(way(per_call=3), way(per_call=1), 10) == 0


def test_the_table_has_a_row_per_way_and_adds_up():
    table = cost_table([way("a", 2), way("b", 1, once=50, per_month=5)], 10, 3)
    assert list(table.index) == ["a", "b"]
    assert table.loc["a", "total"] == 60
    assert table.loc["b", "total"] == 50 + 15 + 30
    assert table.loc["b", "per_1000_calls"] == 1000


def test_the_readers_numbers_become_two_ways():
    mine = numbers_from(MINE)
    assert mine.long_prompt.per_call == pytest.approx(114e-6)
    assert mine.fine_tuned.per_call == pytest.approx(93e-6)
    assert mine.fine_tuned.once == pytest.approx(0.15)
    assert mine.break_even().calls == pytest.approx(0.15 / 21e-6)
    assert mine.months_to_pay_back() == pytest.approx(0.15 / 0.21)


def test_work_and_hosting_count_for_the_fine_tuned_way_alone():
    more = numbers_from(
        {**MINE, "work_hours": 8, "work_price": 50, "hosting_hours": 730,
         "hosting_price": 1.7}
    )  # fmt: skip
    assert more.fine_tuned.once == pytest.approx(400.15)
    assert more.fine_tuned.per_month == pytest.approx(1241)
    assert more.long_prompt == numbers_from(MINE).long_prompt
    assert more.break_even().calls > numbers_from(MINE).break_even().calls


def test_cached_tokens_make_the_long_prompt_cheaper():
    cached = numbers_from({**MINE, "cached_tokens": 500, "cached_price": 0.075})
    assert cached.long_prompt.per_call < numbers_from(MINE).long_prompt.per_call
    assert cached.fine_tuned == numbers_from(MINE).fine_tuned


def test_the_reading_tells_both_totals_and_the_break_even():
    text = numbers_from(MINE).reading()
    assert "10,000 calls a month for 12 months" in text
    assert "13.68 USD" in text
    assert "11.31 USD" in text
    assert "from 7,143 calls on" in text


def test_the_chart_carries_the_reading_and_marks_a_near_break_even():
    mine = numbers_from(MINE)
    chart = mine.chart()
    assert chart.reading == mine.reading()
    texts = [t.get_text() for t in chart.figure.axes[0].texts]
    assert "break-even" in texts
    far = numbers_from({**MINE, "work_hours": 1000, "work_price": 100}).chart()
    assert "break-even" not in [t.get_text() for t in far.figure.axes[0].texts]


def test_numbers_survive_the_way_through_a_dict_and_through_text():
    mine = numbers_from(MINE)
    assert numbers_from(asdict(mine)) == mine
    assert numbers_from({name: str(value) for name, value in MINE.items()}) == mine


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calls": 5}, "no number called 'calls'"),
        ({"input_price": -1}, "input_price is -1"),
        ({"input_price": "cheap"}, "input_price is 'cheap'"),
        ({"input_price": None}, "input_price is None"),
        ({"input_price": True}, "input_price is True"),
        ({"calls_per_month": math.inf}, "calls_per_month is inf"),
        ({"calls_per_month": math.nan}, "calls_per_month is nan"),
        ({"months": 0}, "months is 0"),
        ({"cached_tokens": 601}, "more than the 600 tokens"),
    ],
)
def test_a_number_that_cannot_be_is_named(change, words):
    with pytest.raises(ValueError, match=words):
        numbers_from({**MINE, **change})


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="hosting_price"):
        numbers_from({"hosting": 1})


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 USD"),
        (0.142299, "0.14 USD"),
        (0.000093, "9.3e-05 USD"),
        (99.999, "100.00 USD"),
        (1241, "1,241 USD"),
        (math.inf, "endless"),
    ],
)
def test_money_is_written_for_people(amount, text):
    assert money(amount) == text


def test_every_number_has_a_default():
    assert all(field.default is not None for field in fields(Numbers))
    assert numbers_from({}).break_even().kind == "never"
