"""Checks of the notebook about Azure: right answers pass, hints name the mistake."""

import numpy as np
import pandas as pd
import pytest

from helpers.checks.azure import (
    check_bill,
    check_candidate,
    check_costing,
    check_mix,
)
from helpers.sarcasm import load_rows, plain_example

ROWS = load_rows("training_100")
MIX = ROWS[:50] + [plain_example(row) for row in ROWS[50:]]
CANDIDATES = pd.DataFrame(
    {"style": [0.3, 0.8, 0.9, 0.8], "facts": [0.9, 0.8, 0.6, 0.8]},
    index=["a", "b", "c", "d"],
)
TUNED = "kitchen-base.ft-" + "0" * 32
THERE = pd.DataFrame(
    [
        ("base", "kitchen-base", "Standard", "Succeeded"),
        ("try", TUNED, "developertier", "Succeeded"),
        ("demo", TUNED, "Standard", "Succeeded"),
        ("old", TUNED + ":ckpt-step-8", "GlobalStandard", "Succeeded"),
        ("new", TUNED, "Standard", "Creating"),
    ],
    columns=["name", "model", "sku", "state"],
)


@pytest.mark.parametrize(
    "check",
    [
        lambda: check_bill(..., 49.8),
        lambda: check_candidate(..., CANDIDATES),
        lambda: check_mix(..., ROWS),
        lambda: check_costing(..., THERE),
    ],
)
def test_a_blank_counts_as_not_tried(check) -> None:
    assert check().state == "not tried"


@pytest.mark.parametrize("answer", [4980, 4980.0, 49.8 * 100, np.float64(4980), 4780])
def test_both_ways_to_count_a_bill_are_right(answer) -> None:
    outcome = check_bill(answer, 49.8)
    assert outcome.state == "right"
    times = 48_000 / float(answer)
    assert f"{times:.1f} times as large" in outcome.text


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (48_000, "claim"),
        (498, "one pass"),
        ("4980", "number"),
        (True, "number"),
        (7, "three steps"),
    ],
)
def test_a_wrong_bill_gets_the_hint_of_its_mistake(answer, word) -> None:
    outcome = check_bill(answer, 49.8)
    assert outcome.state == "not yet"
    assert word in outcome.text
    assert "4,980" not in outcome.text


def test_of_equal_candidates_both_are_right() -> None:
    assert check_candidate("b", CANDIDATES).state == "right"
    assert check_candidate("d", CANDIDATES).state == "right"


@pytest.mark.parametrize(
    ("answer", "word"),
    [("a", "less than 50%"), ("c", "most style"), ("x", "a, b, c, d"), ([], "a, b")],
)
def test_a_wrong_candidate_gets_the_hint_of_its_mistake(answer, word) -> None:
    outcome = check_candidate(answer, CANDIDATES)
    assert outcome.state == "not yet"
    assert word in outcome.text


def test_where_no_candidate_has_the_style_the_check_says_so() -> None:
    outcome = check_candidate("a", CANDIDATES.head(1))
    assert "train again" in outcome.text


@pytest.mark.parametrize("mix", [MIX, MIX[::-1], tuple(MIX), ROWS[50:] + MIX[50:]])
def test_a_mix_is_right_in_any_order(mix) -> None:
    assert check_mix(mix, ROWS).state == "right"


@pytest.mark.parametrize(
    ("mix", "word"),
    [
        (ROWS, "100 with the style and 0 without"),
        (MIX[:80], "50 with the style and 30"),
        ([{"messages": row["messages"][1:]} for row in ROWS], "no system prompt"),
        (
            [
                {"messages": [row["messages"][0], *plain_example(row)["messages"]]}
                for row in ROWS
            ],
            "no remark",
        ),
        (load_rows("validation_10"), "not from the rows"),
        (5, "list"),
        ([1], "messages"),
    ],
)
def test_a_wrong_mix_gets_the_hint_of_its_mistake(mix, word) -> None:
    outcome = check_mix(mix, ROWS)
    assert outcome.state == "not yet"
    assert word in outcome.text


@pytest.mark.parametrize(
    "answer",
    [
        ["demo", "old"],
        {"old", "demo"},
        THERE["name"].iloc[[2, 3]],
        THERE.iloc[[2, 3]],
        np.array(["demo", "old"]),
    ],
)
def test_the_deployments_that_cost_are_right_in_any_shape(answer) -> None:
    assert check_costing(answer, THERE).state == "right"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (["demo"], "another"),
        ("demo", "another"),
        (["demo", "old", "base"], "base model"),
        (["demo", "old", "try"], "tier"),
        (["demo", "old", "new"], "not yet"),
        (["x"], "named x"),
        (5, "list"),
    ],
)
def test_wrong_names_get_the_hint_of_their_mistake(answer, word) -> None:
    outcome = check_costing(answer, THERE)
    assert outcome.state == "not yet"
    assert word in outcome.text.removeprefix("Not yet")
