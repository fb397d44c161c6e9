"""What is past its date, on days that the tests choose: no calendar fails them."""

import datetime

import pytest

from helpers.freshness import Stale, stale_rows
from helpers.prices import PRICES, closing_note, prices

MODELS = """model,provider,status,shutdown_date,read_on
coming,openai,closing,2027-01-14,2026-11-22
gone,openai,retired,2025-02-13,2026-11-22
open,openai,,,2026-11-22
"""
ENDS = """service,what,date,read_on
Here,jobs end,2027-01-06,2026-11-22
Here,tests ended,2026-07-30,2026-11-22
"""
PRICE_ROWS = """provider,model,what,price,date
Here,coming,training,3.0,2026-09-03
Here,coming,input,0.3,2026-11-01
"""
DAY = datetime.date(2026, 11, 22)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models.csv").write_text(MODELS)
    (tmp_path / "ends.csv").write_text(ENDS)
    (tmp_path / "prices.csv").write_text(PRICE_ROWS)
    (tmp_path / "recipes.csv").write_text("title,source\nSoup,generated\n")
    return tmp_path


def stale(folder, day=DAY, used=(), age=100):
    return [
        (row.table, row.line)
        for row in stale_rows(day, used, max_age_days=age, folder=folder)
    ]


def test_on_the_day_of_reading_nothing_is_past(folder):
    assert stale(folder) == []


def test_an_end_that_has_come_since_it_was_read_is_named(folder):
    day = datetime.date(2027, 1, 10)
    assert stale(folder, day, age=999) == [("ends.csv", 2)]
    assert stale(folder, datetime.date(2027, 1, 6), age=999) == [("ends.csv", 2)]
    assert stale(folder, datetime.date(2027, 1, 5), age=999) == []


def test_a_model_that_has_ended_since_it_was_read_is_named(folder):
    day = datetime.date(2027, 1, 14)
    assert ("models.csv", 2) in stale(folder, day, age=999)


def test_what_had_ended_before_it_was_read_is_history_unless_the_code_uses_it(folder):
    assert stale(folder, used={"gone"}) == [("models.csv", 3)]
    (row,) = stale_rows(DAY, {"gone"}, 100, folder)
    assert "the code uses it" in str(row)
    assert "openai: gone" in str(row)


def test_a_row_that_was_read_again_is_fresh(folder):
    path = folder / "ends.csv"
    path.write_text(ENDS.replace("2027-01-06,2026-11-22", "2027-01-06,2027-02-01"))
    assert stale(folder, datetime.date(2027, 3, 1), age=999) == [("models.csv", 2)]


def test_prices_age_from_the_day_of_their_source(folder):
    assert stale(folder, age=80) == []
    assert stale(folder, age=79) == [("prices.csv", 2)]
    (row,) = stale_rows(DAY, (), 79, folder)
    assert "80 days old; 79 are allowed" in str(row)
    assert "prices.csv, line 2: Here, coming: training 3.0" in str(row)


def test_a_model_without_an_end_is_never_past(folder):
    assert ("models.csv", 4) not in stale(folder, datetime.date(2100, 1, 1), {"open"})


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("prices.csv", "2026-09-03", "September"),
        ("prices.csv", "2026-09-03", ""),
        ("ends.csv", "2026-07-30", "July"),
        ("models.csv", "2025-02-13", "2025"),
    ],
)
def test_a_date_that_is_none_is_named(folder, name, old, new):
    path = folder / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=rf"{name}, line [23], column"):
        stale_rows(DAY, folder=folder)


def test_the_tables_that_come_along_can_be_judged_on_any_day():
    early, late = datetime.date(2000, 1, 1), datetime.date(2100, 1, 1)
    assert stale_rows(early) == []
    found = stale_rows(late, {"gpt-4o-mini-2024-07-18"})
    assert {row.table for row in found} >= {"models.csv", "prices.csv"}
    assert {row.table for row in found} == {
        "closing_dates.csv", "models.csv", "prices.csv",
    }  # fmt: skip
    assert len([r for r in found if r.table == PRICES.name]) == len(prices())


def test_the_guard_and_the_note_agree_on_the_day_a_model_ends():
    for day, over in (("2027-01-13", False), ("2027-01-14", True)):
        today = datetime.date.fromisoformat(day)
        model = "gpt-4o-mini-2024-07-18"
        note = closing_note(model, today=today)
        assert ("ended on" in note) is over
        rows = [row for row in stale_rows(today, {model}) if model in row.what]
        assert any(row.table == "models.csv" for row in rows) is over


def test_a_stale_row_says_file_line_and_mend():
    row = Stale("prices.csv", 7, "training", "Look it up.")
    assert str(row) == "prices.csv, line 7: training\n    Look it up."
