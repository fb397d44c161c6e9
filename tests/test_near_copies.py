"""Near copies are found, grouped, and compared by their answers."""

import numpy as np
import pandas as pd
import pytest

from helpers.near_copies import conflicts, groups, near_copies

SOUP = "2 cups chopped carrots, 1 onion, 3 cups chicken broth, salt, pepper, cream"
SOUP_AGAIN = SOUP.replace("2 cups", "2 c.").upper()
SOUP_TWICE = SOUP.replace("cream", "milk")
PIE = "1 lb. apples, 1/2 cup brown sugar, 2 eggs, flour, butter, cinnamon"
TEXTS = [SOUP, PIE, SOUP_AGAIN, "", SOUP_TWICE]


def example(question: str, answer: str) -> dict:
    return {
        "messages": [
            {"role": "system", "content": "Name the foods."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def test_near_copies_are_found_and_different_texts_are_not() -> None:
    pairs = near_copies(TEXTS)
    found = set(zip(pairs["first"], pairs["second"], strict=True))
    assert found == {(0, 2), (0, 4), (2, 4)}
    assert (pairs["first"] < pairs["second"]).all()
    assert pairs["alike"].is_monotonic_decreasing
    assert pairs["alike"].between(0.7, 1.0001).all()


def test_equal_texts_are_alike_by_one() -> None:
    pairs = near_copies([SOUP, PIE, SOUP])
    assert pairs.loc[0, ["first", "second"]].tolist() == [0, 2]
    assert pairs.loc[0, "alike"] == pytest.approx(1.0)


def test_blocks_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = near_copies(TEXTS)
    monkeypatch.setattr("helpers.near_copies.ROWS_AT_ONCE", 2)
    pd.testing.assert_frame_equal(near_copies(TEXTS), whole)


@pytest.mark.parametrize("texts", [[], [SOUP], ["", " "]])
def test_too_little_to_compare_gives_an_empty_table(texts: list[str]) -> None:
    pairs = near_copies(texts)
    assert list(pairs.columns) == ["first", "second", "alike"]
    assert len(pairs) == 0
    assert groups(len(texts), pairs).tolist() == list(range(len(texts)))


def test_copies_of_copies_share_a_group() -> None:
    chain = pd.DataFrame({"first": [0, 2], "second": [2, 4], "alike": [0.9, 0.8]})
    found = groups(5, chain)
    assert isinstance(found, np.ndarray)
    assert found[0] == found[2] == found[4]
    assert len(set(found)) == 3


def test_conflicts_are_near_copies_with_other_answers() -> None:
    examples = {
        3: example(SOUP, '["carrots"]'),
        5: example(PIE, '["apples"]'),
        8: example(SOUP_AGAIN, '["Carrots"] '),
        9: example(SOUP_TWICE, '["carrots", "milk"]'),
    }
    found = conflicts(examples)
    assert set(zip(found["first"], found["second"], strict=True)) == {(3, 9), (8, 9)}
    assert found.loc[0, "second_answer"] == '["carrots", "milk"]'


def test_broken_examples_do_not_stop_the_search() -> None:
    strange = [
        {"messages": []},
        {"messages": ["text"]},
        {"messages": [{"role": "user", "content": ["a", "b"]}]},
        {"messages": [{"role": "user"}]},
    ]
    assert len(conflicts(dict(enumerate(strange)))) == 0
    assert len(conflicts({})) == 0
