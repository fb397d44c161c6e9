"""Estimates beside bills: the two public jobs, and a reader's own."""

import datetime

import pytest

from helpers.billed_jobs import (
    BILLED_JOBS,
    BilledJob,
    billed_jobs,
    error_of,
    estimate_table,
)


def own(**more):
    values = {
        "name": "mine", "n_examples": 10, "n_epochs": 1, "tokens_per_epoch": 1000,
        "billed": 1000, "stated_by": "the job", "verified": True,
        "read_on": datetime.date(2026, 11, 22),
    }  # fmt: skip
    return BilledJob(**{**values, **more})


def test_the_table_that_comes_along_has_two_jobs_with_sources():
    limericks, azure = billed_jobs()
    assert (limericks.formula, limericks.billed) == (8550, 8350)
    assert limericks.verified
    assert (azure.formula, azure.billed) == (4980, 48000)
    assert not azure.verified, "a text about a job is no bill"


def test_the_calibrated_estimate_takes_two_tokens_off_every_example():
    assert own(n_epochs=3).calibrated == 3 * (1000 - 2 * 10)


def test_errors_are_shares_of_the_bill_too_much_is_above_zero():
    assert error_of(110, 100) == pytest.approx(0.10)
    assert error_of(90, 100) == pytest.approx(-0.10)
    with pytest.raises(ValueError, match="bill of 0 tokens"):
        error_of(1, 0)


def test_the_table_shows_both_estimates_with_their_errors():
    table = estimate_table([*billed_jobs(), own()])
    assert len(table) == 3
    first = table.iloc[0]
    assert first.formula_error == pytest.approx(200 / 8350)
    assert first.calibrated_error == 0
    assert table.iloc[1].formula_error == pytest.approx(-0.896, abs=0.001)
    assert table.loc["mine"].formula_error == 0
    assert table.loc["mine"].calibrated_error == pytest.approx(-0.02)


@pytest.mark.parametrize(
    ("old", "new"), [("8350", "many"), ("2026-11-22", "today"), (",855,", ",,")]
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, old, new):
    path = tmp_path / "jobs.csv"
    text = BILLED_JOBS.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        billed_jobs(path)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("job,billed\nx,5\n")
    with pytest.raises(ValueError, match="n_examples"):
        billed_jobs(path)
