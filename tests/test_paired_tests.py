"""Paired tests: as scipy has them, honest about many questions at once."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, permutation_test

from helpers.evaluation import Answer, Result, compare, measure
from helpers.paired_tests import compare_pairs, holm, paired_p


def result(tp, fp, fn):
    exact = [float(a == b == 0) for a, b in zip(fp, fn, strict=True)]
    rows = pd.DataFrame({"tp": tp, "fp": fp, "fn": fn, "exact": exact, "valid": 1.0})
    return Result([Answer("[]")] * len(rows), rows)


def sample(share, n=60, seed=0):
    tp = np.random.default_rng(seed).binomial(8, share, n)
    return result(tp, 8 - tp, 8 - tp)


def exactly(right):
    wrong = 1 - np.asarray(right)
    return result(1 - wrong, wrong, wrong)


# --- the test ---------------------------------------------------------------------


def test_on_a_mean_it_is_the_permutation_test_of_scipy():
    chance = np.random.default_rng(3)
    first, second = chance.integers(0, 2, 80), chance.integers(0, 2, 80)
    scipys = permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(4),
    ).pvalue
    ours = paired_p(exactly(first), exactly(second), "exact")
    assert ours == pytest.approx(scipys, abs=0.02)


def test_on_exact_lists_it_is_the_test_of_mcnemar():
    # Only rows that one of the two got right can tell: 3 and 9 of them here.
    first = np.repeat([1, 1, 0, 0], [20, 3, 9, 8])
    second = np.repeat([1, 0, 1, 0], [20, 3, 9, 8])
    right = binomtest(3, 12).pvalue
    assert paired_p(exactly(first), exactly(second), "exact") == pytest.approx(
        right, abs=0.02
    )


def test_few_rows_are_swapped_in_every_way():
    # All five rows speak for the second: 2 of 2**5 ways are as extreme.
    p = paired_p(exactly([0] * 5), exactly([1] * 5), "exact")
    assert p == pytest.approx(2 / 32)


def test_the_micro_f1_is_computed_anew_for_every_swap():
    first, second = result([1, 9], [0, 1], [1, 0]), result([2, 8], [0, 2], [0, 1])
    gains = []
    for swaps in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pair = (first.rows, second.rows)
        a = pd.DataFrame([pair[s].iloc[i] for i, s in enumerate(swaps)])
        b = pd.DataFrame([pair[1 - s].iloc[i] for i, s in enumerate(swaps)])
        gains.append(measure(Result([], b)) - measure(Result([], a)))
    as_far = sum(abs(gain) >= abs(gains[0]) - 1e-12 for gain in gains)
    assert paired_p(first, second) == pytest.approx(as_far / 4)


def test_a_clear_gain_has_a_small_p_value_and_no_gain_has_none():
    low, high = sample(0.6), sample(0.9, seed=1)
    assert paired_p(low, high) < 0.001
    assert paired_p(high, low) < 0.001
    assert paired_p(low, low) == 1


def test_it_is_the_same_in_every_run():
    low, high = sample(0.7), sample(0.72, seed=1)
    assert paired_p(low, high) == paired_p(low, high)


def test_false_alarms_are_as_rare_as_they_should_be():
    alarms = 0
    for seed in range(30):
        chance = np.random.default_rng(seed)
        first, second = chance.integers(0, 2, (2, 20))
        alarms += paired_p(exactly(first), exactly(second), "exact") < 0.05
    assert alarms <= 5


def test_different_or_single_rows_are_not_tested():
    with pytest.raises(ValueError, match="60 rows"):
        paired_p(sample(0.8, 60), sample(0.8, 61))
    with pytest.raises(ValueError, match="two rows or more"):
        paired_p(sample(0.8, 1), sample(0.8, 1))


# --- many questions ---------------------------------------------------------------


def test_holm_multiplies_the_smallest_most():
    # The example is worked by hand: 4 × 0.005, 3 × 0.01, 2 × 0.03, 1 × 0.04 → 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_lies_between_no_correction_and_that_of_bonferroni():
    values = np.random.default_rng(0).uniform(size=20)
    corrected = holm(values)
    assert np.all(corrected >= values)
    assert np.all(corrected <= np.minimum(20 * values, 1) + 1e-12)
    assert np.array_equal(np.argsort(corrected, kind="stable")[:1], [np.argmin(values)])


def test_one_question_needs_no_correction_and_none_is_no_error():
    assert holm([0.03]) == pytest.approx([0.03])
    assert len(holm([])) == 0


@pytest.mark.parametrize("values", [[0.1, 1.2], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(values):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(values)


# --- the table --------------------------------------------------------------------

RESULTS = {"low": sample(0.6), "high": sample(0.9, seed=1), "same": sample(0.6, seed=2)}
QUESTIONS = {
    "Is high better?": ("low", "high"),
    "Is low better?": ("high", "low"),
    "Is it the same?": ("low", "low"),
}


def test_a_question_gets_gain_interval_p_value_and_verdict():
    table = compare_pairs(RESULTS, QUESTIONS)
    assert list(table.index) == list(QUESTIONS)
    assert list(table.verdict) == ["better", "worse", "cannot tell"]
    found = compare(RESULTS["low"], RESULTS["high"])
    row = table.loc["Is high better?"]
    assert (row.gain, row.low, row.high) == (found.value, found.low, found.high)
    assert row.n == 60
    assert list(table.p_holm) == pytest.approx(list(holm(table.p.tolist())))


def test_a_verdict_follows_the_corrected_p_value():
    first = np.repeat([1, 0], [30, 30])
    second = np.repeat([1, 0, 1], [30, 23, 7])
    results = {"a": exactly(first), "b": exactly(second)}
    alone = compare_pairs(results, {"b?": ("a", "b")}, "exact")
    assert alone.verdict.iloc[0] == "better"
    others = {f"nothing {i}?": ("a", "a") for i in range(9)}
    many = compare_pairs(results, {"b?": ("a", "b"), **others}, "exact")
    assert many.verdict.loc["b?"] == "cannot tell"
    assert many.p.loc["b?"] == alone.p.iloc[0]


def test_systems_are_compared_on_the_rows_that_both_answered():
    results = {"many": sample(0.7, 60), "few": sample(0.7, 60)}
    results["few"] = Result(results["few"].answers[:20], results["few"].rows.head(20))
    row = compare_pairs(results, {"?": ("many", "few")}).iloc[0]
    assert (row.n, row.gain) == (20, 0)


def test_a_system_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="hihg"):
        compare_pairs(RESULTS, {"?": ("low", "hihg")})
