"""Conversions of training data: every form and back, and what a form cannot say."""

from __future__ import annotations

import ast
import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.conversions import (
    CHAT,
    FORMS,
    PAIRS,
    TEXT_CSV,
    TEXT_JSONL,
    CannotConvert,
    convert,
    digest,
    form_of,
    read,
    write,
)
from helpers.recipes import load_recipes, take, to_examples, write_jsonl

ENDINGS = {CHAT: ".jsonl", PAIRS: ".jsonl", TEXT_CSV: ".csv", TEXT_JSONL: ".jsonl"}


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


SIMPLE = [
    [message("user", "What is a roux?"), message("assistant", "Fat and flour.")],
    [
        message("system", 'Be "brief", s\'il vous plaît.\nTwo lines; one, comma'),
        message("user", "한국어? 🍲 \\n \x85 \u2028 \t end"),
        message("assistant", "  \t spaces stay \n"),
    ],
    [message("user", "null"), message("assistant", "None, NaN and true")],
]


def target(folder: Path, form: str, name: str = "to") -> Path:
    return folder / f"{name}-{form}{ENDINGS.get(form, '')}"


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    rows = take(load_recipes(), "train", 40)
    return write_jsonl(to_examples(rows), tmp_path / "recipes.jsonl")


@pytest.mark.parametrize("form", FORMS)
def test_recipes_come_back_byte_for_byte(
    form: str, recipes: Path, tmp_path: Path
) -> None:
    there = convert(recipes, target(tmp_path, form), form)
    assert form_of(there) == form
    assert digest(there) == digest(recipes)
    back = convert(there, tmp_path / "back.jsonl", CHAT)
    assert back.read_bytes() == recipes.read_bytes()


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(FORMS, 2)])
def test_every_form_becomes_every_other(one: str, other: str, tmp_path: Path) -> None:
    first = write(SIMPLE, target(tmp_path, one), one)
    second = convert(first, target(tmp_path, other, "then"), other)
    assert read(second) == SIMPLE


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.data())
def test_any_text_survives_the_forms_that_are_text(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[str, str]],
    data: st.DataObject,
) -> None:
    form = data.draw(st.sampled_from([PAIRS, TEXT_CSV, TEXT_JSONL]))
    wanted = [[message("user", a), message("assistant", b)] for a, b in pairs]
    folder = tmp_path_factory.mktemp("any")
    assert read(write(wanted, target(folder, form), form)) == wanted


def test_autotrain_reads_the_column_with_its_own_function(tmp_path: Path) -> None:
    # autotrain-advanced 0.8.36, trainers/clm/utils.py: ast.literal_eval of the cell.
    path = write(SIMPLE, tmp_path / "train.csv", TEXT_CSV)
    with path.open(encoding="utf-8", newline="") as lines:
        cells = [row["text"] for row in csv.DictReader(lines)]
    assert [ast.literal_eval(cell) for cell in cells] == SIMPLE


def test_datasets_reads_the_json_forms_itself(recipes: Path, tmp_path: Path) -> None:
    import datasets

    pairs = convert(recipes, tmp_path / "pairs.jsonl", PAIRS)
    rows = datasets.Dataset.from_json(str(pairs), cache_dir=str(tmp_path / "cache"))
    assert rows.column_names == ["prompt", "completion"]
    assert [a + b for a, b in zip(rows["prompt"], rows["completion"], strict=True)] == (
        read(recipes)
    )


def test_the_name_of_the_column_is_the_readers_choice(tmp_path: Path) -> None:
    path = write(SIMPLE, tmp_path / "train.csv", TEXT_CSV, column="messages")
    assert read(path, "messages") == SIMPLE
    with pytest.raises(CannotConvert, match=r"no column 'text'; it has: messages"):
        read(path)


GOOD = {"messages": SIMPLE[0]}


def with_answer(**more: Any) -> dict[str, Any]:
    answer = {"role": "assistant", "content": "Fat and flour.", **more}
    return {"messages": [SIMPLE[0][0], answer]}


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
REFUSED = {
    "weight": (
        {"messages": [*with_answer(weight=0)["messages"], *SIMPLE[0]]},
        "line 3: a message has a weight",
    ),
    "weight of 1": (with_answer(weight=1), "line 3: a message has a weight"),
    "tools": (GOOD | {"tools": [TOOL]}, "line 3.*tools"),
    "calls": (
        {
            "messages": [
                SIMPLE[0][0],
                {"role": "assistant", "tool_calls": [CALL]},
            ],
            "tools": [TOOL],
        },
        "line 3.*too",
    ),
    "name": (with_answer(name="whisk"), "line 3.*name"),
    "developer": (
        {"messages": [message("developer", "Be brief."), *SIMPLE[0]]},
        "line 3.*developer",
    ),
    "parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                SIMPLE[0][1],
            ]
        },
        "line 3.*no text",
    ),
    "broken": ({"messages": [message("user", "alone")]}, "line 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_other_forms_cannot_say_is_refused_with_its_line(
    case: str, tmp_path: Path
) -> None:
    row, told = REFUSED[case]
    path = write_jsonl([GOOD, GOOD, row, GOOD], tmp_path / "chat.jsonl")
    for form in FORMS:
        there = target(tmp_path, form)
        with pytest.raises(CannotConvert, match=rf"chat\.jsonl, {told}"):
            convert(path, there, form)
        assert not there.exists(), "nothing half done is left"


def test_a_blank_line_does_not_move_the_number_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    bad = json.dumps(with_answer(weight=1))
    path.write_text(f"{json.dumps(GOOD)}\n\n{bad}\n", encoding="utf-8")
    with pytest.raises(CannotConvert, match="line 3"):
        convert(path, tmp_path / "to.csv", TEXT_CSV)


def test_several_answers_are_no_prompt_with_a_completion(tmp_path: Path) -> None:
    turns = [*SIMPLE[0], message("user", "And a mirepoix?"), SIMPLE[0][1]]
    path = write([SIMPLE[0], turns], tmp_path / "chat.jsonl", CHAT)
    with pytest.raises(CannotConvert, match=r"chat\.jsonl, line 2: .*several answers"):
        convert(path, tmp_path / "pairs.jsonl", PAIRS)
    # The other forms learn every answer, too.
    assert read(convert(path, tmp_path / "t.csv", TEXT_CSV)) == [SIMPLE[0], turns]


def test_a_prompt_of_plain_text_has_no_roles_to_give_back(tmp_path: Path) -> None:
    path = write_jsonl([{"prompt": "Q:", "completion": "A"}], tmp_path / "p.jsonl")
    with pytest.raises(CannotConvert, match="line 1.*plain texts"):
        convert(path, tmp_path / "chat.jsonl", CHAT)


def test_an_unknown_file_or_form_is_refused(tmp_path: Path) -> None:
    path = write_jsonl([{"a": 1, "b": 2}], tmp_path / "x.jsonl")
    with pytest.raises(CannotConvert, match="no form that is known"):
        form_of(path)
    with pytest.raises(ValueError, match="parquet"):
        write(SIMPLE, tmp_path / "x.parquet", "parquet")
    broken = tmp_path / "broken.csv"
    broken.write_text('text\n"[{""role"""\n', encoding="utf-8")
    with pytest.raises(CannotConvert, match=r"broken\.csv, line 2"):
        read(broken)


def test_parts_of_a_dataset_have_to_be_named(tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_list([{"messages": SIMPLE[0]}])
    folder = tmp_path / "both"
    datasets.DatasetDict(train=rows, test=rows).save_to_disk(str(folder))
    with pytest.raises(CannotConvert, match="train, test"):
        read(folder)
    assert read(folder / "train") == [SIMPLE[0]]
