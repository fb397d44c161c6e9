"""Dated tables: when a model ends, what it costs, who said so."""

import datetime

import pytest

from helpers.connect import HOSTED_MODEL
from helpers.prices import (
    closing_note,
    dollars_per_1000_calls,
    hosted_models,
    price,
    training_price,
)

TABLE = """model,provider,used_by,status,shutdown_date,read_on,source,verified
old,openai,x,closing,2027-01-14,2026-11-22,the deprecations page,no
old,azure,x,retired,2026-10-01,2026-11-22,the retirement table,yes
open,openai,x,,,2026-11-22,nobody,no
"""
PRICES = """model,kind,usd_per_million,as_of,source
old,training,3.0,2026-11-01,price page
old,input,0.3,2026-11-01,price page
bad,training,cheap,2026-11-01,price page
"""
DAY = datetime.date(2026, 12, 1)


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(PRICES)
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


def test_a_price_comes_with_its_date(prices):
    found = training_price("old", prices)
    assert found.usd_per_million == 3.0
    assert found.as_of == datetime.date(2026, 11, 1)
    assert price("old", "input", prices).usd_per_million == 0.3


def test_without_a_table_or_a_row_there_is_no_price(tmp_path, prices):
    assert training_price("old", tmp_path / "none.csv") is None
    assert training_price("new", prices) is None


def test_a_price_that_is_no_number_is_named(prices):
    with pytest.raises(ValueError, match="cheap"):
        training_price("bad", prices)


def test_a_thousand_calls_cost_their_tokens_at_the_price_of_a_million():
    # 1,000 calls of 600 and 50 tokens: 0.6 million sent, 0.05 million given back.
    assert dollars_per_1000_calls(600, 50, 2.0, 10.0) == pytest.approx(1.2 + 0.5)
    assert dollars_per_1000_calls(0, 0, 2.0, 10.0) == 0


def test_a_price_below_zero_is_refused():
    with pytest.raises(ValueError, match="below zero"):
        dollars_per_1000_calls(600, 50, -2.0, 10.0)
