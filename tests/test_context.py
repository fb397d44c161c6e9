"""What fits into a context: counted first, with room for the answer."""

import json
from pathlib import Path

import pytest

from helpers.connect import Connection
from helpers.context import OPENING, context_length, fits
from helpers.prompting import few_shot
from helpers.recipes import DATA_DIR, load_recipes, take
from helpers.tokens import counter_for


def connection(provider: str) -> Connection:
    return Connection(None, provider, "kitchen-base", "x", provider != "local")


class Words:
    """Counts words; enough to be counted with."""

    def many(self, examples):
        return [
            sum(len(message["content"].split()) for message in example["messages"])
            for example in examples
        ]


def prompt(words: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": "word " * words}]


def test_the_limit_of_the_local_model_stands_in_its_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 77}))
    assert context_length(connection("local"), tmp_path) == 77
    assert context_length(connection("local")) >= 1024


@pytest.mark.parametrize("provider", ["openai", "azure", "compatible"])
def test_the_limit_of_a_hosted_model_is_not_known_here(provider: str) -> None:
    assert context_length(connection(provider)) is None


def test_without_a_model_folder_there_is_no_limit_to_read(tmp_path: Path) -> None:
    assert context_length(connection("local"), tmp_path) is None


def test_a_prompt_fits_when_the_longest_answer_still_does() -> None:
    room = 100 - 20 - OPENING
    assert fits([prompt(room), prompt(room + 1)], Words(), 100, 20) == [True, False]


def test_where_no_limit_is_known_everything_fits() -> None:
    assert fits([prompt(10_000)], Words(), None, 200) == [True]
    assert fits([], Words(), 100, 20) == []


def test_ever_more_examples_do_not_fit_into_the_local_model() -> None:
    recipes = load_recipes()
    train, row = take(recipes, "train", 50), take(recipes, "test", 1).iloc[0].to_dict()
    count = counter_for("kitchen-base", DATA_DIR / "base_model")
    limit = context_length(connection("local"))
    sent = fits([few_shot(train, k)(row) for k in (1, 50)], count, limit, 200)
    assert sent == [True, False]
