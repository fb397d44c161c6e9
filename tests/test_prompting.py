"""Prompts: what stands in front of the question, and in which order."""

import json

import pandas as pd
import pytest

from helpers.prompting import (
    few_shot,
    food_names,
    from_bullets,
    glossary_lookup,
    in_known_words,
    nearest,
    prompted_examples,
    retrieved,
    with_glossary,
    zero_shot,
)
from helpers.recipes import SYSTEM_PROMPT, load_recipes, take, to_example, user_message

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


# --- nobody is shown its own answer -----------------------------------------------


def test_a_row_among_the_examples_is_replaced_by_the_next_one():
    messages = few_shot(ROWS, k=2)(ROWS[0])
    shown = [m["content"] for m in messages if m["role"] == "assistant"]
    assert shown == ['["leek 1"]', '["leek 2"]']


def test_a_row_never_finds_itself():
    for row in KITCHEN:
        found = nearest(KITCHEN, k=3)(row)
        assert row not in found
        assert len(found) == 2


def test_whoever_chooses_the_examples_the_question_itself_is_dropped():
    messages = retrieved(lambda row: ROWS)(ASKED)
    shown = [m["content"] for m in messages if m["role"] == "assistant"]
    assert len(shown) == 3
    assert ASKED["NER"] not in shown


def test_no_recipe_of_the_test_set_is_retrieved_and_no_training_row_finds_itself():
    recipes = load_recipes()
    train, test = take(recipes, "train", 100), take(recipes, "test", 20)
    find = nearest(train, k=3)
    asked = [*test.to_dict("records"), *train.head(20).to_dict("records")]
    for row in asked:
        found = find(row)
        assert len(found) == 3
        assert all(one["ingredients"] != row["ingredients"] for one in found)
        assert all(one["ingredients"] in set(train["ingredients"]) for one in found)


# --- a glossary -------------------------------------------------------------------


def test_the_glossary_holds_each_name_once_in_lower_case():
    rows = [{"NER": '["Leek", "oil"]'}, {"NER": '["leek", "Salt"]'}]
    assert food_names(rows) == ["leek", "oil", "salt"]


def test_the_glossary_is_looked_up_line_by_line():
    look_up = glossary_lookup(["brown sugar", "cream cheese", "leek"])
    row = {"ingredients": '["2 c. packed brown sugar", "1 pkg. cream cheese, soft"]'}
    assert look_up(row) == ["brown sugar", "cream cheese"]


def test_what_is_not_alike_is_not_found():
    look_up = glossary_lookup(["brown sugar"])
    assert look_up({"ingredients": '["3 eggs"]'}) == []
    assert look_up({"ingredients": "[]"}) == []


def test_a_line_may_bring_several_entries_and_none_comes_twice():
    look_up = glossary_lookup(["brown sugar", "white sugar"], per_line=2, least=0.1)
    row = {"ingredients": '["1 c. brown sugar", "2 c. brown sugar"]'}
    assert look_up(row) == ["brown sugar", "white sugar"]


def test_an_empty_glossary_is_refused():
    with pytest.raises(ValueError, match="no entries"):
        glossary_lookup([])


def test_the_finds_stand_in_the_system_prompt_and_nothing_else_changes():
    prompt = with_glossary(lambda row: ["leek", "oil"])
    system, user = prompt(ASKED)
    assert system["content"].startswith(SYSTEM_PROMPT)
    assert "leek; oil" in system["content"]
    assert user == zero_shot()(ASKED)[1]
    assert prompt(ASKED) == prompt(ASKED)


def test_without_a_find_the_glossary_prompt_is_zero_shot():
    assert with_glossary(lambda row: [])(ASKED) == zero_shot()(ASKED)


def test_a_glossary_also_helps_examples_that_have_no_system_prompt():
    bare = with_glossary(
        lambda row: ["leek"],
        lambda row: {"messages": to_example(row)["messages"][1:]},
    )
    assert [m["role"] for m in bare(ASKED)] == ["system", "user"]


# --- training on prompts with examples --------------------------------------------


def test_only_the_last_answer_of_a_prompted_example_is_learned():
    (example,) = prompted_examples([ASKED], few_shot(ROWS, k=2))
    answers = [m for m in example["messages"] if m["role"] == "assistant"]
    assert [m.get("weight", 1) for m in answers] == [0, 0, 1]
    assert answers[-1]["content"] == ASKED["NER"]


def test_prompted_examples_ask_as_the_prompt_does():
    prompt = few_shot(ROWS, k=2)
    for row, made in zip(ROWS, prompted_examples(ROWS, prompt), strict=True):
        asked = [
            {k: v for k, v in message.items() if k != "weight"}
            for message in made["messages"][:-1]
        ]
        assert asked == prompt(row)
        shown = [m["content"] for m in made["messages"][:-1]]
        assert row["NER"] not in shown


def test_without_examples_a_prompted_example_is_the_plain_one():
    frame = pd.DataFrame(ROWS)
    assert prompted_examples(frame, zero_shot()) == [to_example(row) for row in ROWS]


def test_prompted_examples_keep_the_rules_of_training_files(tmp_path):
    from helpers.chat_format import check_files
    from helpers.recipes import write_jsonl

    train = take(load_recipes(), "train", 20)
    made = prompted_examples(train, few_shot(train, 3))
    report = check_files(write_jsonl(made, tmp_path / "train.jsonl"))
    assert report.ok
    assert report.rows() == []


def test_known_words_show_every_line_and_no_answer():
    (message,) = in_known_words()(ROWS[0])
    assert message["role"] == "user"
    assert message["content"].startswith(ROWS[0]["title"])
    assert message["content"].endswith("Write a shopping list.")
    for line in json.loads(ROWS[0]["ingredients"]):
        assert f"- {line}" in message["content"]
    assert ROWS[0]["NER"] not in message["content"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("- egg\n- crème", ["egg", "crème"]),
        ("To buy:\n  - egg \n\n- salt", ["egg", "salt"]),
        ("egg, salt", []),
        ("", []),
    ],
)
def test_bullets_become_a_json_list(text, names):
    assert json.loads(from_bullets(text)) == names
