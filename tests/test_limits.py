"""The tables of data/limits: made by the tool, apart from each other, readable."""

import json
from datetime import date

import pytest

from helpers.limits import FOLDER, load_limits, question_examples, workshop_example
from helpers.recipes import parse_names
from tools import make_limits
from tools.corpus.talk import FACTS

TABLES = {
    "skills": ["skill", "question", "answer"],
    "general": ["skill", "question", "answer"],
    "false_facts": ["question", "right", "wrong"],
    "dishes": ["dish", "country", "split"],
    "workshop": ["bike", "lines", "parts", "split"],
    "seen_elsewhere": ["limit", "where", "what", "source", "read_on", "verified"],
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_columns_and_no_empty_cell(name):
    table = load_limits(name)
    assert list(table.columns) == TABLES[name]
    assert len(table)
    assert (table != "").all(axis=None)
    assert all(isinstance(text, str) for text in table.to_numpy().ravel())


def test_a_table_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="dishes.*workshop"):
        load_limits("fishes")


def test_the_tool_makes_the_files_byte_for_byte():
    for name, content in make_limits.make_files().items():
        assert (FOLDER / name).read_bytes() == content, name


def test_the_tool_compares_and_fails_on_a_difference(tmp_path, capsys):
    assert make_limits.main(["--out", str(tmp_path)]) == 0
    assert make_limits.main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "dishes.csv").write_text("dish\n")
    assert make_limits.main(["--out", str(tmp_path), "--check"]) == 1
    assert "dishes.csv: not what" in capsys.readouterr().out


# --- facts and skills -------------------------------------------------------------


def test_every_fact_is_the_corpus_own_and_has_one_use():
    known = dict(FACTS)
    used = []
    for name in ("skills", "general"):
        table = load_limits(name)
        facts = table[table["skill"] == "facts"]
        assert dict(zip(facts["question"], facts["answer"], strict=True)).items() <= (
            known.items()
        )
        used += list(facts["question"])
    false = load_limits("false_facts")
    used += list(false["question"])
    assert len(used) == len(set(used)) == len(FACTS)
    right = dict(zip(false["question"], false["right"], strict=True))
    assert right.items() <= known.items()
    assert not set(false["wrong"]) & set(known.values())


def test_what_is_mixed_in_is_never_asked():
    asked, mixed = load_limits("skills"), load_limits("general")
    assert not set(asked["question"]) & set(mixed["question"])
    assert not words(asked) & words(mixed)
    assert asked["question"].is_unique
    assert mixed["question"].is_unique


def words(table):
    """Return all words that "repeat" examples hold."""
    rows = table[table["skill"] == "repeat"]
    return {word for text in rows["answer"] for word in text.split(", ")}


def test_lists_in_another_shape_are_the_same_list_and_never_json():
    table = load_limits("skills")
    for _, row in table[table["skill"] == "another shape"].iterrows():
        assert parse_names(row["answer"]) is None
        _, _, given = row["question"].partition(": ")
        items = parse_names(given) or given.split(", ")
        answer = row["answer"].replace("\n- ", ", ").removeprefix("- ")
        assert answer == ", ".join(items)


def test_questions_become_examples_without_a_system_message():
    example = question_examples(load_limits("skills"))[0]
    assert [m["role"] for m in example["messages"]] == ["user", "assistant"]


# --- dishes -----------------------------------------------------------------------


def test_every_country_of_the_test_has_two_dishes_to_learn_from():
    table = load_limits("dishes")
    train, test = (table[table["split"] == part] for part in ("train", "test"))
    assert set(train["country"].value_counts()) == {2}
    assert set(test["country"].value_counts()) == {1}
    assert set(train["country"]) == set(test["country"])
    assert table["dish"].is_unique


def test_no_dish_stands_in_a_fact_of_the_corpus():
    facts = " ".join(question + answer for question, answer in FACTS).lower()
    for dish in load_limits("dishes")["dish"]:
        assert dish.lower() not in facts, dish


# --- the workshop -----------------------------------------------------------------


def test_every_part_stands_in_its_line_and_nothing_else_is_named():
    for _, row in load_limits("workshop").iterrows():
        lines, parts = json.loads(row["lines"]), json.loads(row["parts"])
        assert len(lines) == len(parts) == len(set(parts))
        for line, part in zip(lines, parts, strict=True):
            assert part in line
            assert part.removesuffix("s") in make_limits.PARTS or (
                part in make_limits.PARTS
            )


def test_no_note_comes_twice_and_some_parts_are_new_in_the_test():
    table = load_limits("workshop")
    assert table["lines"].is_unique
    named = {
        part: {n.removesuffix("s") for text in rows["parts"] for n in json.loads(text)}
        for part, rows in table.groupby("split")
    }
    new = named["test"] - named["train"]
    assert len(new) >= 10
    assert dict(table["split"].value_counts()) == {"train": 100, "test": 60}


def test_a_note_becomes_an_example_that_ends_with_its_parts():
    row = load_limits("workshop").iloc[0]
    system, user, assistant = workshop_example(row)["messages"]
    assert "bicycle" in system["content"]
    assert row["lines"] in user["content"]
    assert row["parts"] not in user["content"]
    assert assistant["content"] == row["parts"]


# --- what was seen elsewhere ------------------------------------------------------


def test_what_was_seen_elsewhere_has_a_day_a_source_and_says_how_sure():
    for _, row in load_limits("seen_elsewhere").iterrows():
        assert date.fromisoformat(row["read_on"])
        assert row["source"]
        assert row["verified"] in ("yes", "no")
