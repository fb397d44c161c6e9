"""Metrics of text similarity: figures worked out by hand, or taken from the papers."""

from __future__ import annotations

import math
import random
import time

import pytest

from helpers.provider.graders import LONGEST_TEXT
from helpers.provider.similarity import METRICS, longest_common_subsequence


def slow_lcs(left, right) -> int:
    """Return the length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(right) + 1)
    for a in left:
        before = row[:]
        for j, b in enumerate(right):
            row[j + 1] = before[j] + 1 if a == b else max(before[j + 1], row[j])
    return row[-1]


def test_the_fast_subsequence_is_as_long_as_the_textbooks():
    chance = random.Random(7)
    for _ in range(200):
        left = "".join(chance.choices("abcd", k=chance.randint(0, 30)))
        right = "".join(chance.choices("abcd", k=chance.randint(0, 30)))
        assert longest_common_subsequence(left, right) == slow_lcs(left, right)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_1_for_equal_texts_and_0_without_anything_common(metric):
    text = "the cat sat on the mat and saw a dog"
    score = METRICS[metric](text, text)
    # METEOR takes a little off even for one single chunk.
    least = 1 - 0.5 / 10**3 if metric == "meteor" else 1.0
    assert math.isclose(score, least, abs_tol=1e-9)
    assert METRICS[metric](text, "zzzz") == 0
    assert METRICS[metric](text, "") == METRICS[metric]("", text) == 0
    assert METRICS[metric]("", "") == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_stays_between_0_and_1(metric):
    chance = random.Random(3)
    for _ in range(200):
        text = " ".join(
            chance.choices(["a", "b", "c", "d", "."], k=chance.randint(0, 9))
        )
        other = " ".join(chance.choices(["a", "b", "c", "e"], k=chance.randint(0, 9)))
        assert 0 <= METRICS[metric](text, other) <= 1


@pytest.mark.parametrize(
    ("metric", "text", "reference", "score"),
    [
        # rapidfuzz's documentation: ratio("this is a test", "this is a test!") = 96.55.
        ("fuzzy_match", "this is a test", "this is a test!", 28 / 29),
        ("fuzzy_match", "Salt", "salt", 3 / 4),
        # Papineni's modified precision counts "the" once; no pair, so half a pair.
        ("bleu", "the the", "the cat", math.sqrt(1 / 2 * (1 / 2) / 1)),
        # Precisions of 1 to 4 words; as long as the reference.
        (
            "bleu",
            "the cat sat on a mat",
            "the cat sat on the mat",
            (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4),
        ),
        # Two words of four: all right, but e^(1 - 4/2) short.
        ("bleu", "the cat", "the cat sat down", math.exp(-1)),
        # n-grams in common: 5 + 3 + 2 + 1 of 6 + 5 + 4 + 3.
        ("gleu", "the cat sat on a mat", "the cat sat on the mat", 11 / 18),
        # Recall counts too: 2 + 1 of the 4 + 3 + 2 + 1 wanted.
        ("gleu", "the cat", "the cat sat down", 3 / 10),
        # One chunk of two words, P = 1, R = 1/2.
        ("meteor", "the cat", "the cat sat down", 0.5 / 0.95 * (1 - 0.5 / 8)),
        # Both words, in two chunks.
        ("meteor", "cat the", "the cat", 0.5),
        # Lin 2004, section 3: "police kill the gunman" has "police the gunman" in
        # common with the reference, "the gunman kill police" only "the gunman".
        ("rouge_l", "police kill the gunman", "police killed the gunman", 3 / 4),
        ("rouge_l", "the gunman kill police", "police killed the gunman", 1 / 2),
        ("rouge_1", "police kill the gunman", "police killed the gunman", 3 / 4),
        ("rouge_2", "police kill the gunman", "police killed the gunman", 1 / 3),
        ("rouge_3", "a b c d", "a b c x", 1 / 2),
        ("rouge_4", "a b c d e", "a b c d x", 1 / 2),
        ("rouge_5", "a b c d e f", "a b c d e x", 1 / 2),
        ("rouge_1", "Salt, pepper!", "salt PEPPER", 1.0),
        ("rouge_5", "too short", "too short", 1.0),
        ("rouge_5", "too short", "to short", 0.0),
    ],
)
def test_a_metric_gives_the_figure_of_its_formula(metric, text, reference, score):
    assert math.isclose(METRICS[metric](text, reference), score, abs_tol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_the_longest_texts_that_are_compared_take_no_more_than_seconds(metric):
    chance = random.Random(1)
    text = "".join(chance.choices("abcdefg ", k=LONGEST_TEXT))
    other = "".join(chance.choices("abcdefg ", k=LONGEST_TEXT))
    began = time.perf_counter()
    METRICS[metric](text, other)
    assert time.perf_counter() - began < 5
