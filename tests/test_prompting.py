"""Prompts: what stands in front of the question, and in which order."""

import pandas as pd
import pytest

from helpers.prompting import few_shot, nearest, retrieved, zero_shot
from helpers.recipes import SYSTEM_PROMPT, user_message

ROWS = [
    {"title": f"T{i}", "ingredients": f'["{i} leeks"]', "NER": f'["leek {i}"]'}
    for i in range(4)
]
ASKED = ROWS[3]


def test_zero_shot_is_the_training_prompt_without_the_answer():
    assert zero_shot()(ASKED) == [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": user_message(ASKED)},
    ]


def test_few_shot_shows_examples_as_earlier_turns():
    messages = few_shot(ROWS, k=2)(ASKED)
    assert [m["role"] for m in messages] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert messages[1]["content"] == user_message(ROWS[0])
    assert messages[4]["content"] == '["leek 1"]'
    assert messages[-1]["content"] == user_message(ASKED)


def test_few_shot_without_examples_is_zero_shot():
    assert few_shot(ROWS, k=0)(ASKED) == zero_shot()(ASKED)


def test_few_shot_takes_a_data_frame():
    assert few_shot(pd.DataFrame(ROWS), k=2)(ASKED) == few_shot(ROWS, k=2)(ASKED)


def test_more_examples_than_there_are_cannot_be_shown():
    with pytest.raises(ValueError, match="4 examples"):
        few_shot(ROWS, k=5)


def test_retrieved_examples_depend_on_the_question():
    prompt = retrieved(lambda row: [ROWS[1]] if row["title"] == "T3" else [])
    assert len(prompt(ASKED)) == 4
    assert len(prompt(ROWS[0])) == 2


def test_the_answer_never_stands_in_its_own_prompt():
    for prompt in (zero_shot(), few_shot(ROWS, k=3)):
        assert ASKED["NER"] not in "".join(m["content"] for m in prompt(ASKED))


KITCHEN = [
    {"title": "A", "ingredients": '["2 ripe tomatoes", "basil"]', "NER": "[]"},
    {"title": "B", "ingredients": '["1 c. sugar", "2 c. flour"]', "NER": "[]"},
    {"title": "C", "ingredients": '["김치 한 포기", "두부"]', "NER": "[]"},
]


@pytest.mark.parametrize(
    ("ingredients", "title"),
    [
        ('["1 can tomatoe sauce"]', "A"),
        ('["brown sugar"]', "B"),
        ('["묵은 김치", "물"]', "C"),
    ],
)
def test_the_nearest_example_shares_its_words_and_stands_last(ingredients, title):
    found = nearest(KITCHEN, k=2)({"ingredients": ingredients})
    assert len(found) == 2
    assert found[-1]["title"] == title


def test_retrieved_examples_become_turns_of_the_prompt():
    row = {"title": "D", "ingredients": '["white sugar"]', "NER": "[]"}
    messages = retrieved(nearest(pd.DataFrame(KITCHEN), k=1))(row)
    assert messages[1]["content"] == user_message(KITCHEN[1])


def test_more_neighbours_than_there_are_cannot_be_found():
    with pytest.raises(ValueError, match="3 examples"):
        nearest(KITCHEN, k=4)
