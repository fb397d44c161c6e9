"""Is one system really better, or was it chance? Paired tests, and many at once.

Purpose: two systems answered the same rows. If neither were better, it would not matter
which answer to a row came from which of them. So the answers of a row are swapped by
chance, many times, and the p-value is the share of times in which the two then differ
at least as much as they did (Fisher 1935, The Design of Experiments; done by
scipy.stats.permutation_test). Who asks many questions is fooled by one of them sooner
or later: Holm's correction (1979, Scandinavian Journal of Statistics 6, pages 65 to 70)
keeps the chance of a single false alarm among all of them below the level. Use:

    planned = {"Do examples help?": ("base", "base, 3 examples")}
    compare_pairs(results, planned)

It knows scored answers, and neither models nor providers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import permutation_test

from helpers.evaluation import METRICS, SEED, Result, compare, first_rows
from helpers.messages import say

SWAPS = 9999
LEVEL = 0.05


def paired_p(
    first: Result, second: Result, metric: str = "f1", seed: int = SEED
) -> float:
    """Return the p-value of a paired permutation test, two-sided.

    Up to 13 rows every way to swap is tried; with more, SWAPS of them by chance.

    Args:
        first, second: scored answers to the same rows in the same order.
        metric: a key of METRICS; a sum over rows such as the micro-F1 is computed anew
            for every way to swap.
        seed: makes the p-value the same in every run.

    Raises:
        ValueError: the two have not answered equally many rows, or fewer than two.
    """
    n = len(first)
    if n != len(second):
        raise ValueError(say("compare.rows", first=n, second=len(second)))
    if n < 2:
        raise ValueError(say("pairs.few", n=n))
    columns, statistic = METRICS[metric]
    # Rows of both systems, one after the other: a place in them is what gets swapped.
    data = [
        np.concatenate([one.rows[column].to_numpy(float) for one in (first, second)])
        for column in columns
    ]

    def gain(here: np.ndarray, there: np.ndarray, axis: int = -1) -> Any:
        before, after = (
            statistic(*(values[place] for values in data), axis=axis)
            for place in (here, there)
        )
        return after - before

    tested = permutation_test(
        (np.arange(n), np.arange(n, 2 * n)),
        gain,
        permutation_type="samples",
        vectorized=True,
        n_resamples=SWAPS,
        batch=1000,
        alternative="two-sided",
        axis=-1,
        rng=np.random.default_rng(seed),
    )
    return float(tested.pvalue)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values corrected for being several, in the same order.

    The smallest is multiplied by their number, the next one by one less, and so on;
    none gets smaller than one before it, none larger than 1 (Holm 1979).

    Args:
        p_values: p-values, each 0 to 1.

    Raises:
        ValueError: one of them is no number from 0 to 1.
    """
    values = np.asarray(p_values, dtype=float)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(say("pairs.p_values", found=values.tolist()))
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1)
    return corrected


def compare_pairs(
    results: Mapping[str, Result],
    questions: Mapping[str, tuple[str, str]],
    metric: str = "f1",
    level: float = LEVEL,
    seed: int = SEED,
) -> pd.DataFrame:
    """Answer questions of the kind "is the second better than the first?".

    Systems that answered fewer rows answered the first ones of the same test set; a
    pair is compared on the rows that both answered.

    Args:
        results: name of a system -> its scored answers.
        questions: question -> the names of the first and the second system.
        metric: a key of METRICS.
        level: how often at most there may be a false alarm among all questions.
        seed: makes the numbers the same in every run.

    Returns:
        DataFrame indexed by question: first, second, n (rows), gain (second minus
        first) with low and high (its own 95 % interval), p, p_holm (corrected for the
        number of questions) and verdict ("better", "worse", "cannot tell", by p_holm).

    Raises:
        KeyError: a question names a system that is not there.
    """
    lines = []
    for question, names in questions.items():
        missing = [name for name in names if name not in results]
        if missing:
            known = ", ".join(results)
            raise KeyError(say("pairs.unknown", found=missing[0], known=known))
        n = min(len(results[name]) for name in names)
        first, second = (first_rows(results[name], n) for name in names)
        found = compare(first, second, metric, seed)
        lines.append(
            {
                "question": question,
                "first": names[0],
                "second": names[1],
                "n": n,
                "gain": found.value,
                "low": found.low,
                "high": found.high,
                "p": paired_p(first, second, metric, seed),
            }
        )
    table = pd.DataFrame(lines).set_index("question")
    table["p_holm"] = holm(table["p"].tolist())
    table["verdict"] = [
        _verdict(gain, p, level)
        for gain, p in zip(table["gain"], table["p_holm"], strict=True)
    ]
    return table


def _verdict(gain: float, p: float, level: float) -> str:
    if p >= level or gain == 0:
        return "cannot tell"
    return "better" if gain > 0 else "worse"
