"""`make freshness`: what the code uses, and an exit code that says what is past."""

import pytest

from helpers.connect import HOSTED_MODEL
from tools import freshness


def test_texts_of_code_are_found_and_longer_texts_are_others():
    code = 'model = "gpt-x"\nprint("ask gpt-x")\nf(name=\'gpt-y\')'
    assert freshness.texts_in(code) == {"gpt-x", "ask gpt-x", "gpt-y"}
    assert freshness.texts_in("%matplotlib inline") == set()


def test_the_model_of_the_tutorial_is_in_use():
    assert HOSTED_MODEL in freshness.used_names()


@pytest.fixture
def tutorial_alone(monkeypatch):
    """Let the code use the model of the tutorial and no other."""
    monkeypatch.setattr(freshness, "used_names", lambda: {HOSTED_MODEL})


@pytest.mark.usefixtures("tutorial_alone")
def test_the_exit_code_says_whether_something_is_past(capsys):
    quiet = ["--today", "2026-11-22", "--max-age", "999"]
    assert freshness.main(quiet) == 0
    assert "Nothing is past its date on 2026-11-22" in capsys.readouterr().out
    assert freshness.main(["--today", "2027-02-01", "--max-age", "999"]) == 1
    said = capsys.readouterr().out
    assert "closing_dates.csv, line " in said
    assert f"openai: {HOSTED_MODEL}" in said
    assert "row(s) are past their date on 2027-02-01" in said


@pytest.mark.usefixtures("tutorial_alone")
def test_old_prices_are_named_with_their_age(capsys):
    assert freshness.main(["--today", "2026-11-22", "--max-age", "10"]) == 1
    assert "days old; 10 are allowed" in capsys.readouterr().out


def test_a_day_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        freshness.main(["--today", "tomorrow"])
    assert caught.value.code == 2
