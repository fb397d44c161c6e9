"""The rows of text to SQL, and the forms in which trainers want them."""

import sys
import types

import pytest

from helpers import sql_data

ROW = {
    "context": "CREATE TABLE guests (id INTEGER)",
    "question": "How many guests are there?",
    "answer": "SELECT COUNT(*) FROM guests",
}


def test_every_split_has_the_columns_of_the_public_data_set() -> None:
    for split in sql_data.SPLITS:
        rows = sql_data.load(split)
        assert list(rows) == ["schema", "context", "question", "answer", "form"]
        assert rows.notna().all().all()
        assert rows.context.str.startswith("CREATE TABLE ").all()


def test_an_unknown_split_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'test'.*test_seen"):
        sql_data.load("test")


def test_a_context_has_the_columns_in_the_order_of_the_row() -> None:
    made = sql_data.context("hotel", "bookings 4 1;guests 0 2")
    assert made == (
        "CREATE TABLE bookings (nights INTEGER, guest_id INTEGER); "
        "CREATE TABLE guests (id INTEGER, city TEXT)"
    )


def test_a_chat_has_definitions_question_and_answer() -> None:
    messages = sql_data.as_messages(ROW)["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant"]
    assert messages[0]["content"].endswith(ROW["context"])
    assert messages[1]["content"] == ROW["question"]
    assert messages[2]["content"] == ROW["answer"]


def test_a_chat_to_be_answered_has_no_answer() -> None:
    messages = sql_data.as_messages(ROW, with_answer=False)["messages"]
    assert [m["role"] for m in messages] == ["system", "user"]


def test_prompt_and_completion_are_the_chat_in_two_parts() -> None:
    parts = sql_data.as_prompt_completion(ROW)
    assert (
        parts["prompt"] + parts["completion"] == sql_data.as_messages(ROW)["messages"]
    )
    assert len(parts["completion"]) == 1


def _fake_datasets(monkeypatch, load_dataset) -> None:
    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_without_a_network_the_public_data_set_says_what_to_do(monkeypatch) -> None:
    def unreachable(*_, **__):
        raise ConnectionError("no route to host")

    _fake_datasets(monkeypatch, unreachable)
    with pytest.raises(RuntimeError, match=r"needs a network.*load\('train'\)"):
        sql_data.load_public()


def test_the_public_data_set_is_drawn_by_seed(monkeypatch) -> None:
    from datasets import Dataset

    whole = Dataset.from_list([{**ROW, "question": str(i)} for i in range(50)])
    _fake_datasets(monkeypatch, lambda *_, **__: whole)
    first, again = sql_data.load_public(10, seed=1), sql_data.load_public(10, seed=1)
    assert list(first.question) == list(again.question)
    assert len(first) == 10
    assert list(first) == ["context", "question", "answer"]
    assert list(sql_data.load_public(10, seed=2).question) != list(first.question)
