"""The chart of lengths says in words what it draws."""

import numpy as np
import pytest

from helpers.charts.lengths import _edges, length_chart

LENGTHS = [*range(101, 200), 3000]


def test_the_sentence_tells_median_spread_longest_and_what_is_too_long() -> None:
    reading = length_chart(LENGTHS, limit=2048).reading
    assert "100 examples" in reading
    assert "half of them have 150 tokens" in reading
    assert "between 105 and 195" in reading
    assert "the longest has 3,000" in reading
    assert "1 are longer than the limit of 2,048" in reading


def test_the_sentence_tells_the_share_of_the_answers() -> None:
    reading = length_chart([100, 300], [50, 50], limit=512).reading
    assert "25 %" in reading
    assert "within the limit of 512" in reading


@pytest.mark.parametrize(
    ("lengths", "answers", "limit"),
    [
        (LENGTHS, None, None),
        (LENGTHS, [1] * 100, 2048),
        ([1], [0], 1),
        ([5] * 10, None, 100_000),
        ([], None, None),
        ([], [], 10),
    ],
)
def test_every_set_of_lengths_can_be_drawn(
    lengths: list[int], answers: list[int] | None, limit: int | None
) -> None:
    chart = length_chart(lengths, answers, limit)
    assert len(chart.figure.axes) == (1 if answers is None else 2)
    assert chart.png().startswith(b"\x89PNG")


def test_every_example_is_in_a_bar_and_the_limit_is_an_edge() -> None:
    values = np.array([7, 64, 2048, 2049, 5000])
    edges = _edges(values, 2048)
    assert edges[0] <= 7
    assert edges[-1] > 5000
    assert np.isclose(edges, 2049).any()
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == len(values)
    assert counts[edges[:-1] > 2048].sum() == 2


def test_what_is_too_long_is_named_and_counted() -> None:
    whole, answer = length_chart(LENGTHS, [10] * 100, 2048).figure.axes
    texts = [text.get_text() for text in whole.texts]
    assert "limit 2,048" in texts
    assert "1 too long" in texts
    assert not any("limit" in text.get_text() for text in answer.texts)


def test_answers_without_their_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="1 answers and 2 lengths"):
        length_chart([1, 2], [1])
