"""How many test items does it take to see a difference? By simulation.

Purpose: before one tests, know what the test can see. Take the differences that two
systems showed item by item, shift them so that their mean is the gain in question,
draw test sets of any size from them, and count how often a test notices. Use:

    gaps = row_scores(second) - row_scores(first)
    power(gaps, gain=0.05, n=100)         # chance to notice a true gain of 0.05
    items_needed(gaps, gain=0.05)         # items for a chance of 80 %

The test is the paired t-test on the mean of the differences: on tens of items and more
it says the same as swapping does (paired_tests), and takes no time.
It must never know where the differences come from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from helpers.evaluation import SEED
from helpers.messages import say

LEVEL = 0.05
TARGET = 0.8  # the usual chance to ask for (Cohen 1988, Statistical Power Analysis)
TIMES = 2000  # simulated test sets; the chance is known to about 0.01 then
AT_ONCE = 2_000_000  # numbers drawn at a time: 16 MB
FLAT = 1e-12  # a spread below this is none


def power(
    differences: Sequence[float] | np.ndarray,
    gain: float,
    n: int,
    *,
    level: float = LEVEL,
    times: int = TIMES,
    seed: int = SEED,
) -> float:
    """Return the chance that a test on `n` items notices a true gain.

    Args:
        differences: second minus first, one per item that was measured.
        gain: the true mean difference to notice, above 0, in the same unit.
        n: how many items the test would have.
        level: false alarms that the test allows (two-sided).
        times: how many test sets to simulate.
        seed: makes the result the same in every run.

    Returns:
        The share of simulated test sets in which the gain was noticed, 0 to 1.

    Raises:
        ValueError: fewer than two differences, no spread among them, a gain that is
            not above 0, or fewer than two items.
    """
    shifted = _shifted(differences, gain)
    if n < 2:
        raise ValueError(say("power.items", n=n))
    limit = t.ppf(1 - level / 2, n - 1)
    chance = np.random.default_rng(seed)
    noticed = 0
    left = times
    while left:
        now = min(left, max(1, AT_ONCE // n))
        drawn = chance.choice(shifted, size=(now, n))
        spread = drawn.std(axis=1, ddof=1)
        # A test set without any spread proves nothing, so it counts as not noticed.
        usable = spread > FLAT
        means = drawn.mean(axis=1)[usable]
        noticed += int(np.sum(means / (spread[usable] / math.sqrt(n)) > limit))
        left -= now
    return noticed / times


def _shifted(differences: Sequence[float] | np.ndarray, gain: float) -> np.ndarray:
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)):
        raise ValueError(say("power.differences", found=values.shape))
    if values.std(ddof=1) <= FLAT:
        raise ValueError(say("power.flat"))
    if not gain > 0:
        raise ValueError(say("power.gain", gain=gain))
    return values - values.mean() + gain


def power_table(
    differences: Sequence[float] | np.ndarray,
    gains: Iterable[float],
    sizes: Iterable[int],
    *,
    level: float = LEVEL,
    times: int = TIMES,
    seed: int = SEED,
) -> pd.DataFrame:
    """Return the chance to notice each gain with each number of items.

    Args:
        differences: second minus first, one per item that was measured.
        gains: the true gains, each above 0.
        sizes: numbers of items.
        level, times, seed: as for `power`.

    Returns:
        DataFrame, index n, one column per gain, each cell 0 to 1.
    """
    sizes = list(sizes)
    columns = {
        gain: [
            power(differences, gain, n, level=level, times=times, seed=seed)
            for n in sizes
        ]
        for gain in gains
    }
    return pd.DataFrame(columns, index=pd.Index(sizes, name="n"))


def textbook_items(
    spread: float, gain: float, target: float = TARGET, level: float = LEVEL
) -> int:
    """Return how many items the formula asks for: ((z + z') spread / gain)².

    z belongs to the level (1.96 for 5 %, two-sided), z' to the chance (0.84 for 80 %);
    the normal approximation of the paired t-test (Cohen 1988, chapter 2).

    Args:
        spread: standard deviation of the differences.
        gain: the true mean difference to notice.
        target: chance to notice it.
        level: false alarms that the test allows.

    Raises:
        ValueError: spread or gain is not above 0.
    """
    if not (spread > 0 and gain > 0):
        raise ValueError(say("power.formula", spread=spread, gain=gain))
    both = norm.ppf(1 - level / 2) + norm.ppf(target)
    return max(2, math.ceil((both * spread / gain) ** 2))


def items_needed(
    differences: Sequence[float] | np.ndarray,
    gain: float,
    *,
    target: float = TARGET,
    level: float = LEVEL,
    times: int = TIMES,
    seed: int = SEED,
) -> int:
    """Return how many items a test needs to notice a gain, found by simulation.

    The formula says where to look; halving the interval around it does the rest, down
    to a fiftieth of the number: the simulation is no more precise than that.

    Args:
        differences: second minus first, one per item that was measured.
        gain: the true mean difference to notice, above 0.
        target: chance to notice it.
        level, times, seed: as for `power`.

    Raises:
        ValueError: as for `power`.
    """
    values = _shifted(differences, gain)
    guess = textbook_items(float(values.std(ddof=1)), gain, target, level)

    def enough(n: int) -> bool:
        chance = power(differences, gain, n, level=level, times=times, seed=seed)
        return chance >= target

    low, high = max(2, guess // 2), guess
    while not enough(high):
        low, high = high, 2 * high
    if enough(low):
        if low == 2:
            return low
        low, high = 2, low
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high
