"""As many examples as one likes, with as many faults as announced."""

import itertools
from pathlib import Path

import pytest

from helpers.chat_format import check_files
from helpers.many_examples import EVERY, many_examples, planted
from helpers.recipes import to_example, write_jsonl

ROWS = [
    {"title": f"Dish {i}", "ingredients": '["1 c. salt"]', "NER": f'["salt {i}"]'}
    for i in range(7)
]


@pytest.mark.parametrize("n", [0, 10, 2000, 4000, EVERY, 2 * EVERY + 3000])
def test_a_check_finds_what_was_planted_and_nothing_else(
    n: int, tmp_path: Path
) -> None:
    path = write_jsonl(many_examples(ROWS, n), tmp_path / "many.jsonl")
    report = check_files(path, privacy=True)
    found = {code: count for (_, code), count in report.counts.items()}
    found.pop("empty_file", None)
    assert report.n_examples == n
    assert found == {code: count for code, count in planted(n).items() if count}


def test_examples_look_like_recipes_and_have_titles_of_their_own() -> None:
    first, *others = many_examples(ROWS, 10)
    row = {**ROWS[0], "title": "Dish 0 No. 0"}
    assert first == to_example(row)
    titles = {one["messages"][1]["content"].split("\n")[0] for one in others}
    assert len(titles) == 9


def test_nothing_is_kept_while_examples_are_made() -> None:
    endless = many_examples(ROWS, 10**12)
    assert len(list(itertools.islice(endless, 3))) == 3


def test_without_rows_there_are_no_examples() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        next(many_examples([], 1))
