"""The size of a test: the simulation agrees with what can be computed."""

import numpy as np
import pytest
from scipy.stats import nct, norm, t

from helpers.power import items_needed, power, power_table, textbook_items

# Differences that are normal as well as 500 numbers can be.
NORMAL = 0.2 * norm.ppf((np.arange(500) + 0.5) / 500)


def exact_power(gain: float, n: int, spread: float) -> float:
    """Return the power of the paired t-test for normal differences."""
    return float(nct.sf(t.ppf(0.975, n - 1), n - 1, gain / spread * np.sqrt(n)))


@pytest.mark.parametrize(
    ("gain", "n"), [(0.05, 25), (0.05, 100), (0.1, 40), (0.02, 200)]
)
def test_the_simulation_agrees_with_the_noncentral_t_distribution(gain, n):
    right = exact_power(gain, n, NORMAL.std(ddof=1))
    assert power(NORMAL, gain, n) == pytest.approx(right, abs=0.035)


def test_a_gain_of_almost_nothing_is_noticed_as_rarely_as_chance_allows():
    assert power(NORMAL, 1e-9, 50) == pytest.approx(0.025, abs=0.012)


def test_it_is_the_same_in_every_run_and_depends_on_the_seed():
    assert power(NORMAL, 0.05, 50) == power(NORMAL, 0.05, 50)
    assert power(NORMAL, 0.05, 50) != power(NORMAL, 0.05, 50, seed=1)


def test_the_measured_gain_itself_does_not_count():
    moved = power(NORMAL + 0.3, 0.05, 50)
    assert moved == pytest.approx(power(NORMAL, 0.05, 50), abs=1e-9)


def test_more_items_and_larger_gains_are_noticed_more_often():
    table = power_table(NORMAL, [0.02, 0.05, 0.1], [25, 100, 400])
    assert list(table.columns) == [0.02, 0.05, 0.1]
    assert list(table.index) == [25, 100, 400]
    assert np.all(np.diff(table.to_numpy(), axis=0) > -0.02)
    assert np.all(np.diff(table.to_numpy(), axis=1) > -0.02)


def test_large_simulations_are_drawn_in_parts(monkeypatch):
    monkeypatch.setattr("helpers.power.AT_ONCE", 1000)
    assert power(NORMAL, 0.05, 100) == pytest.approx(
        exact_power(0.05, 100, NORMAL.std(ddof=1)), abs=0.035
    )


def test_differences_that_are_mostly_zero_raise_no_warning():
    rare = np.zeros(100)
    rare[:2] = 1.0
    assert 0 <= power(rare, 0.05, 5) <= 1


def test_the_formula_is_the_one_of_the_textbook():
    # (1.96 + 0.8416)² × (0.2 / 0.05)² = 125.6
    assert textbook_items(0.2, 0.05) == 126
    assert textbook_items(0.2, 0.025) == pytest.approx(4 * 126, rel=0.01)


def test_the_number_of_items_is_the_one_that_gives_the_chance():
    found = items_needed(NORMAL, 0.05)
    assert found == pytest.approx(textbook_items(NORMAL.std(ddof=1), 0.05), rel=0.1)
    assert power(NORMAL, 0.05, found) >= 0.8
    assert power(NORMAL, 0.05, int(found * 0.9)) < 0.82


def test_a_huge_gain_needs_few_items():
    assert 2 <= items_needed(NORMAL, 2.0) <= 5


@pytest.mark.parametrize(
    ("differences", "gain", "n", "words"),
    [
        ([0.1], 0.1, 10, "two or more"),
        ([0.1, float("nan")], 0.1, 10, "not finite"),
        ([[0.1, 0.2]], 0.1, 10, "two or more"),
        ([0.1, 0.1, 0.1], 0.1, 10, "are the same"),
        (NORMAL, 0.0, 10, "above 0"),
        (NORMAL, -0.1, 10, "above 0"),
        (NORMAL, 0.1, 1, "two items"),
    ],
)
def test_what_cannot_be_simulated_is_named(differences, gain, n, words):
    with pytest.raises(ValueError, match=words):
        power(differences, gain, n)


def test_a_formula_without_spread_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        textbook_items(0, 0.05)
