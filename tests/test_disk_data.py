"""Rows on disk, as a stream and in memory are the same rows."""

from __future__ import annotations

import json

import pytest
from transformers import AutoTokenizer

from helpers import disk_data
from helpers.provider.settings import BASE_MODEL_PATH

ROWS = 30


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a JSONL file of chats."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": f"How many rooms has house {i}?"}]}
        for i in range(ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def tokenizer():
    """Return the tokenizer of the base model."""
    return AutoTokenizer.from_pretrained(BASE_MODEL_PATH)


def test_all_ways_give_the_same_tokens_in_the_same_order(file, tokenizer, tmp_path):
    on_disk = disk_data.to_disk(file, tmp_path, processes=2)
    ids = [row["input_ids"] for row in disk_data.tokenize(on_disk, tokenizer)]
    shared = disk_data.tokenize(on_disk, tokenizer, processes=2)
    streamed = disk_data.tokenize(disk_data.stream(file), tokenizer)
    assert [row["input_ids"] for row in shared] == ids
    assert [row["input_ids"] for row in streamed] == ids
    chat = [{"role": "user", "content": "How many rooms has house 7?"}]
    assert ids[7] == tokenizer.apply_chat_template(chat)["input_ids"]


def test_rows_on_disk_are_not_read_into_memory(file, tmp_path):
    rows = disk_data.to_disk(file, tmp_path)
    assert rows.cache_files
    assert len(rows) == ROWS


@pytest.mark.parametrize("way", ["list", "disk", "stream"])
def test_each_way_says_what_it_took(file, tokenizer, tmp_path, way):
    found = disk_data.compare(file, tmp_path, tokenizer, way, None)
    assert found["rows"] == ROWS
    assert found["tokens"] > 5 * ROWS
    assert found["seconds"] > 0
    assert found["way"] == way


def test_a_way_that_does_not_exist_is_refused(file, tokenizer, tmp_path):
    with pytest.raises(ValueError, match="list, disk, stream"):
        disk_data.compare(file, tmp_path, tokenizer, "cloud", None)
