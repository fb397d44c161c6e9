"""Checks of the exercises about data: right answers pass, mistakes get their hint."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.checks import data as module
from helpers.checks.data import check_billed, check_detector, check_mended, check_split
from helpers.mending import Draft
from helpers.recipes import (
    DATA_DIR,
    SYSTEM_PROMPT,
    load_recipes,
    take,
    to_example,
    to_examples,
    write_jsonl,
)

# --- a split ----------------------------------------------------------------------

# Forty rows, two of each group.
RAW = pd.DataFrame({"title": [f"Dish {i}" for i in range(40)]})
RAW["group"] = [i // 2 for i in range(40)]
TEST = [*range(8)]
TRAIN = [*range(8, 40)]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (TRAIN, TEST),
        (np.array(TRAIN), np.array(TEST)),
        (RAW.index[8:], RAW.index[:8]),
        (RAW.iloc[TRAIN], RAW.iloc[TEST]),
        (RAW.iloc[TRAIN]["title"], RAW.iloc[TEST]["title"]),
        (pd.Series(TRAIN), pd.Series(TEST)),
        (iter(TRAIN), reversed(TEST)),
        (set(TRAIN), set(TEST)),
    ],
)
def test_a_split_is_right_however_it_was_made(train: object, test: object) -> None:
    outcome = check_split(train, test, RAW)
    assert outcome.state == "right", outcome
    assert "8 of 40" in outcome.text


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (range(7, 40), range(7), "1 group(s)"),
        (range(0, 40, 2), range(1, 40, 2), "50 %"),
        (TRAIN, range(9), "used twice"),
        (TRAIN, range(6), "in neither"),
        (range(40), [], "0 %"),
        ("rows", TEST, "positions"),
        (TRAIN, 3, "positions"),
        (TRAIN, [*TEST[:-1], 99], "positions"),
        (TRAIN, [0.5], "positions"),
        (TRAIN, RAW.iloc[TEST].to_dict("records"), "positions"),
        (RAW.set_index("title").iloc[8:], TEST, "positions"),
    ],
)
def test_a_wrong_split_gets_a_hint_that_names_the_mistake(
    train: object, test: object, words: str
) -> None:
    outcome = check_split(train, test, RAW)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- the bill ---------------------------------------------------------------------

LENGTHS = [200] * 100 + [5000] * 4
FITS = 100 * 200


@pytest.mark.parametrize("billed", [2 * (FITS - 200), 2 * FITS, np.int64(2 * FITS)])
def test_a_bill_is_right_with_or_without_the_calibration(billed: int) -> None:
    assert check_billed(billed, LENGTHS, 2048, n_epochs=2).state == "right"


@pytest.mark.parametrize(
    ("billed", "words"),
    [
        (2 * sum(LENGTHS), "too long are still counted"),
        (2 * (FITS + 4 * 2048), "too long are still counted"),
        (FITS, "number of epochs"),
        (3 * FITS, "number of epochs"),
        (7, "sum over the examples"),
        ("40000", "one number"),
        (True, "one number"),
    ],
)
def test_a_wrong_bill_gets_a_hint_that_names_the_mistake(
    billed: object, words: str
) -> None:
    outcome = check_billed(billed, LENGTHS, 2048, n_epochs=2)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- a detector -------------------------------------------------------------------


def by_hand(text: str):
    """Look at every place of the text, without a regular expression."""
    for start in range(len(text)):
        part, before = text[start : start + 14], text[start - 1 : start]
        after = text[start + 14 : start + 15]
        shape = "".join("0" if c in "0123456789" else c for c in part)
        loose = not (before.isascii() and before.isalnum())
        if shape == "KC-0000-000000" and loose and after not in tuple("0123456789"):
            yield part


@pytest.mark.parametrize(
    "function",
    [
        lambda text: re.findall(r"(?<![A-Z])KC-\d{4}-\d{6}(?!\d)", text),
        lambda text: re.findall(r"\bKC-\d{4}-\d{6}\b", text, re.ASCII),
        lambda text: {m[0] for m in re.finditer(r"(?<!X)KC-\d{4}-\d{6}(?!\d)", text)},
        by_hand,
    ],
)
def test_a_detector_is_right_however_it_was_written(function: object) -> None:
    outcome = check_detector(function)
    assert outcome.state == "right", outcome


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda text: re.findall(r"\bKC-\d{4}-\d{6}\b", text), "주문번호"),
        (lambda text: re.findall(r"KC-\d{4}-\d{6}", text), "0012345"),
        (lambda text: re.findall(r"[A-Z]C-\d{4}-\d{6}(?!\d)", text), "AC-2026"),
        (lambda text: re.findall(r"(KC)-\d{4}-\d{6}", text), "'KC'"),
        (lambda text: [], "nothing"),
        (lambda text: text, "str"),
        (lambda text: [1], "list"),
        (lambda text: 1 / 0, "ZeroDivisionError"),
        ("KC", "TypeError"),
    ],
)
def test_a_wrong_detector_gets_a_hint_with_the_text(
    function: object, words: str
) -> None:
    outcome = check_detector(function)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- a mended file ----------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draft:
    """A file of twelve recipes, one with a weight, one twice, one with two answers."""
    rows = to_examples(take(load_recipes(DATA_DIR / "recipes.csv"), "train", 12))
    rows[3]["messages"][2]["weight"] = 0
    wrong = to_example(take(load_recipes(DATA_DIR / "recipes.csv"), "train", 6).iloc[5])
    wrong["messages"][2]["content"] = '["1 c. sugar"]'
    path = write_jsonl([*rows[:4], wrong, *rows[4:], rows[0]], tmp_path / "small.jsonl")
    monkeypatch.setattr(module, "MENDABLE", 12)
    return Draft(path)


def drop_weight(example: dict) -> dict:
    example["messages"][2].pop("weight", None)
    return example


@pytest.mark.parametrize("deleted", [[5, 14], (14, 5), {5, 14}, np.array([5, 14])])
def test_a_file_that_is_clean_and_whole_is_right(small: Draft, deleted) -> None:
    before = dict(small)
    outcome = check_mended(drop_weight, deleted, small)
    assert outcome.state == "right", outcome
    assert dict(small) == before


@pytest.mark.parametrize(
    ("function", "deleted", "words"),
    [
        (drop_weight, [14], "1 problem(s) are left"),
        (drop_weight, [], "2 problem(s) are left"),
        (drop_weight, [7, 14], "line 5"),
        (drop_weight, [4, 5, 14], "1 example(s) were deleted"),
        (lambda example: None, [5, 14], "NoneType"),
        (lambda example: example["nothing"], [5, 14], "KeyError"),
        (drop_weight, 5, "line numbers"),
        (drop_weight, ["5"], "line numbers"),
        (drop_weight, [99], "no line 99"),
    ],
)
def test_a_file_that_is_not_yet_mended_gets_a_hint(
    small: Draft, function, deleted, words: str
) -> None:
    outcome = check_mended(function, deleted, small)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_blanks_are_not_mistakes(small: Draft) -> None:
    outcomes = [
        check_split(..., ..., RAW),
        check_split(TRAIN, ..., RAW),
        check_billed(..., LENGTHS, 2048, 2),
        check_detector(...),
        check_detector(lambda text: ...),
        check_detector(lambda text: None),
        check_mended(drop_weight, ..., small),
    ]
    assert {outcome.state for outcome in outcomes} == {"not tried"}


def test_the_system_prompt_that_a_mended_file_needs_is_the_recipes() -> None:
    text = (DATA_DIR / "broken_recipes.jsonl").read_bytes()
    assert text.count(SYSTEM_PROMPT.encode()) > 50
