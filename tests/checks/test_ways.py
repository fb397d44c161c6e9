"""The checks of the notebook that compares the ways: right, hints, and no giveaway."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from helpers.checks.ways import check_nothing_lost, check_old_calls, check_open_ways
from helpers.conversions import DATASET, TEXT_CSV, convert, read, write
from helpers.recipes import load_recipes, take, to_examples, write_jsonl
from helpers.ways import WAYS, table

DAY = datetime.date(2026, 11, 23)
LINES = table("old_calls")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = take(load_recipes(), "train", 12)
    return write_jsonl(to_examples(rows), tmp_path / "training.jsonl")


def test_blanks_are_not_tried(source: Path) -> None:
    for outcome in (
        check_nothing_lost(..., source),
        check_old_calls(..., LINES),
        check_open_ways(..., DAY),
    ):
        assert outcome.state == "not tried"


def test_a_conversion_that_keeps_everything_is_right(source: Path) -> None:
    path = convert(source, source.parent / "train.csv", TEXT_CSV)
    assert check_nothing_lost(path, source).state == "right"
    assert check_nothing_lost(str(path), source).state == "right"


def test_what_was_lost_is_named_by_its_number(source: Path) -> None:
    folder = source.parent
    rows = read(source)
    short = write(rows[:-1], folder / "short.csv", TEXT_CSV)
    assert "11" in check_nothing_lost(short, source).text
    rows[4][-1]["content"] = rows[4][-1]["content"].lower() + " "
    other = write(rows, folder / "other.csv", TEXT_CSV)
    assert "Conversation 5" in check_nothing_lost(other, source).text
    wrong = write(rows, folder / "wrong.csv", TEXT_CSV, column="chat")
    assert "no column 'text'" in check_nothing_lost(wrong, source).text


def test_another_kind_of_answer_is_told_what_is_asked_for(source: Path) -> None:
    folder = convert(source, source.parent / "folder", DATASET)
    assert "dataset" in check_nothing_lost(folder, source).text
    assert check_nothing_lost(source, source).state == "not yet"
    assert "no file" in check_nothing_lost(source.parent / "x.csv", source).text
    assert "int" in check_nothing_lost(3, source).text


@pytest.mark.parametrize("kind", [set, list, tuple])
def test_the_lines_that_break_are_found_in_any_order(kind: Any) -> None:
    assert check_old_calls(kind([8, 1, 2, 4, 7]), LINES).state == "right"
    assert check_old_calls(kind(["1", "2", "4", "7", "8"]), LINES).state == "right"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({1, 2, 8}, "there are more"),
        ({1, 2, 3, 4, 7, 8}, "still accepts"),
        ({99}, "no line 99"),
        ("1 2", "A set of line numbers"),
        (1, "there are more"),
        (3.5, "A set of line numbers"),
    ],
)
def test_wrong_lines_get_a_hint_without_a_number(answer: Any, told: str) -> None:
    outcome = check_old_calls(answer, LINES)
    assert outcome.state == "not yet"
    assert told in outcome.text


def test_the_open_ways_of_a_day() -> None:
    right = ["Together AI", "here", "AutoTrain", "Hugging Face TRL"]
    assert check_open_ways(right, DAY).state == "right"
    assert check_open_ways(set(right), DAY).state == "right"
    assert check_open_ways(WAYS, datetime.date(2026, 5, 1)).state == "right"
    assert "closed" in check_open_ways([*right, "OpenAI"], DAY).text
    assert "one more" in check_open_ways("here", DAY).text
    assert "no way 'Azure'" in check_open_ways(["Azure"], DAY).text
    assert check_open_ways(5, DAY).state == "not yet"
