"""Dated tables: when a model ends, what it costs, who said so."""

import datetime

import pytest

from helpers.connect import HOSTED_MODEL
from helpers.prices import (
    PRICE_COLUMNS,
    PRICES,
    closing_note,
    dollars_per_1000_calls,
    hosted_models,
    price,
    prices,
    training_price,
)

TABLE = """model,provider,used_by,status,shutdown_date,read_on,source,verified
old,openai,x,closing,2027-01-14,2026-11-22,the deprecations page,no
old,azure,x,retired,2026-10-01,2026-11-22,the retirement table,yes
open,openai,x,,,2026-11-22,nobody,no
"""
PRICE_TABLE = """provider,model,what,unit,price,currency,date,source,verified
here,old,training,1M tokens,3.0,USD,2026-11-01,price page,yes
here,old,input,1M tokens,0.3,USD,2026-11-01,price page,no
there,old,input,1M tokens,0.4,EUR,2026-11-02,price page,no
there,slow,training,hour,100,USD,2026-11-02,price page,no
"""
DAY = datetime.date(2026, 12, 1)


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(PRICE_TABLE)
    return path


def test_the_table_that_comes_along_can_be_read_and_lists_the_model_in_use():
    rows = hosted_models()
    assert HOSTED_MODEL in {row.name for row in rows}
    assert all(row.source for row in rows)


def test_a_model_that_ends_is_told_with_date_and_source(models):
    note = closing_note("old", today=DAY, path=models)
    assert "until 2027-01-14" in note
    assert "read on 2026-11-22: the deprecations page" in note


def test_a_model_that_has_ended_is_told_so(models):
    later = datetime.date(2027, 1, 15)
    assert "ended on 2027-01-14" in closing_note("old", today=later, path=models)


def test_providers_have_dates_of_their_own(models):
    note = closing_note("old", "azure", DAY, models)
    assert "ended on 2026-10-01" in note


def test_a_fine_tuned_model_ends_with_its_base(models):
    assert "2027-01-14" in closing_note("ft:old:org::abc", today=DAY, path=models)


def test_models_without_a_date_or_a_row_have_no_note(models):
    assert closing_note("open", today=DAY, path=models) == ""
    assert closing_note("kitchen-base", today=DAY, path=models) == ""


def test_a_price_comes_with_unit_currency_date_and_source(table):
    found = training_price("old", table)
    assert (found.amount, found.unit, found.currency) == (3.0, "1M tokens", "USD")
    assert found.date == datetime.date(2026, 11, 1)
    assert found.source == "price page"
    assert found.verified
    assert not price("old", "input", table).verified


def test_providers_have_prices_of_their_own(table):
    assert price("old", "input", table).amount == 0.3
    assert price("old", "input", table, provider="there").currency == "EUR"
    assert price("old", "input", table, provider="nobody") is None


def test_training_that_is_billed_by_the_hour_is_no_price_of_tokens(table):
    assert price("slow", "training", table).amount == 100
    assert training_price("slow", table) is None


def test_the_age_of_a_price_counts_from_the_day_of_its_source(table):
    assert training_price("old", table).age(DAY) == 30


def test_a_price_says_itself_how_sure_it_is(table):
    assert str(training_price("old", table)) == (
        "3 USD per 1M tokens for training, old (2026-11-01, seen in the primary text)"
    )
    assert "not verified" in str(price("old", "input", table))


def test_without_a_table_or_a_row_there_is_no_price(tmp_path, table):
    assert training_price("old", tmp_path / "none.csv") is None
    assert prices(tmp_path / "none.csv") == []
    assert training_price("new", table) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("3.0", "cheap", "line 2.*cheap"),
        ("3.0", "-3", "line 2.*-3"),
        ("3.0", "nan", "line 2.*nan"),
        ("2026-11-01,price page,no", "1 Nov,price page,no", "line 3.*1 Nov"),
        (",verified\n", "\n", "line 2.*verified"),
        (",price page,yes", "", "line 2.*source, verified"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(table, old, new, words):
    table.write_text(PRICE_TABLE.replace(old, new))
    with pytest.raises(ValueError, match=f"(?s){words}"):
        prices(table)


def test_the_table_that_comes_along_is_complete_and_names_its_sources():
    found = prices()
    assert len(found) >= 10
    for row in found:
        assert row.source, row
        assert row.provider, row
        assert row.unit, row
        assert row.currency, row
    keys = [(row.provider, row.model, row.what) for row in found]
    assert len(set(keys)) == len(keys)


def test_the_table_that_comes_along_says_when_it_was_read():
    head = PRICES.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert set(head) == {*PRICE_COLUMNS, "read_on"}


@pytest.mark.parametrize("what", ["training", "input", "output"])
def test_the_model_of_the_tutorial_has_its_prices(what):
    found = price(HOSTED_MODEL, what)
    assert found is not None
    assert 0.01 < found.amount < 100
    if what != "training":
        assert price(HOSTED_MODEL, f"{what}, fine-tuned").amount >= found.amount


def test_a_thousand_calls_cost_their_tokens_at_the_price_of_a_million():
    # 1,000 calls of 600 and 50 tokens: 0.6 million sent, 0.05 million given back.
    assert dollars_per_1000_calls(600, 50, 2.0, 10.0) == pytest.approx(1.2 + 0.5)
    assert dollars_per_1000_calls(0, 0, 2.0, 10.0) == 0


def test_a_price_below_zero_is_refused():
    with pytest.raises(ValueError, match="below zero"):
        dollars_per_1000_calls(600, 50, -2.0, 10.0)
