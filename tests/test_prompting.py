"""Prompts: what stands in front of the question, and in which order."""

import pandas as pd
import pytest

from helpers.prompting import few_shot, retrieved, zero_shot
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
