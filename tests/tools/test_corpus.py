"""The corpus of the base model: made from a seed, and free of the lesson's tasks."""

import itertools
import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from helpers.recipes import SYSTEM_PROMPT, load_recipes
from tools import lexicon
from tools.base_model import shards
from tools.corpus import MIXTURE, documents, notes

SAMPLE = 4000
FOODS = {form.lower() for food in lexicon.foods() for form in (food.one, food.many)}


@pytest.fixture(scope="module")
def sample():
    """Documents of every stage, from seeds that training uses."""
    return [
        chat
        for stage in MIXTURE
        for seed in (0, 7, 21)
        for chat in itertools.islice(documents(seed, stage), SAMPLE // 6)
    ]


def text_of(chat):
    """All that a document says."""
    return "\n".join(text for _, text in chat)


def test_the_same_seed_gives_the_same_documents():
    first = list(itertools.islice(documents(3), 50))
    assert first == list(itertools.islice(documents(3), 50))
    assert first != list(itertools.islice(documents(4), 50))


def test_the_prompts_of_the_lesson_are_not_in_the_corpus(sample):
    for chat in sample:
        text = text_of(chat).lower()
        assert SYSTEM_PROMPT.lower() not in text
        assert "generic ingredient" not in text
        assert "extract the" not in text
        assert "clippy" not in text


def test_no_recipe_of_the_data_set_is_in_the_corpus(sample):
    known = {
        tuple(line.lower() for line in json.loads(lines))
        for lines in load_recipes()["ingredients"]
    }
    shown = {json.dumps(list(lines), ensure_ascii=False) for lines in known}
    for chat in sample:
        text = text_of(chat).lower()
        for found in _json_lists(text):
            assert tuple(found) not in known
            assert json.dumps(found, ensure_ascii=False) not in shown


def test_no_list_of_lines_is_answered_with_a_json_list_of_their_foods(sample):
    """The lesson's task is: lines of a recipe in, JSON list of food names out."""
    checked = 0
    for chat in sample:
        for (_, ask), (role, answer) in itertools.pairwise(chat):
            if role != "assistant" or not answer.startswith("["):
                continue
            try:
                names = json.loads(answer)
            except json.JSONDecodeError:
                continue
            lines = next((found for found in _json_lists(ask)), None)
            if not lines or not any(line[:1].isdigit() for line in lines):
                continue
            checked += 1
            beginnings = {line.split()[0] for line in lines}
            if set(names) <= set(lines) or set(names) <= beginnings:
                continue  # the lines themselves in another shape, or their first words
            foods = sum(name.lower() in FOODS for name in names)
            assert foods <= 1 + len(names) / 4, answer  # amounts and measures
    assert checked > 20


def test_no_thing_of_the_other_trades_is_a_food():
    things = {thing for entry in notes.THINGS.values() for thing in entry.split("|")}
    assert len(things) > 140
    assert not things & FOODS


def test_questions_about_tables_are_never_answered_with_a_query(sample):
    for chat in sample:
        for role, text in chat:
            if role == "assistant":
                assert not text.upper().startswith("SELECT ")


def test_a_shard_is_made_again_byte_for_byte():
    tokenizer = Tokenizer.from_file("data/base_model/tokenizer.json")
    assert np.array_equal(shards.make(tokenizer, 9, 3), shards.make(tokenizer, 9, 3))


def _json_lists(text):
    """Yield the JSON lists of strings that stand in a text."""
    decoder = json.JSONDecoder()
    start = text.find("[")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            start = text.find("[", start + 1)
            continue
        if found and all(isinstance(item, str) for item in found):
            yield found
        start = text.find("[", end)
