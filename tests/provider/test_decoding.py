"""Tokens become text again as they come, and nothing given out is taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.provider.decoding import IncrementalDecoder
from helpers.provider.rendering import ChatRenderer
from tests.provider.tiny_models import make_tokenizer, pieces_tokenizer

BASE_MODEL = Path(__file__).parents[2] / "data" / "base_model"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> ChatRenderer:
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return ChatRenderer(folder)


@pytest.mark.parametrize("folder", ["tiny", "base"])
def test_text_comes_back_piece_by_piece_and_never_in_half_characters(tiny, folder):
    renderer = ChatRenderer(BASE_MODEL) if folder == "base" else tiny
    for text in (
        'abc ["brown sugar", "salt"]\n\n 3/4 c.',
        "crème brûlée 미세 조정 🥧🇰🇷",
        "  two spaces, x",
        "",
    ):
        ids = renderer.text_ids(text)
        decoder = IncrementalDecoder(renderer)
        pieces = [decoder.add(i) for i in ids]
        assert not any("\ufffd" in piece for piece in pieces)
        assert "".join(pieces) + decoder.flush() == text == renderer.decode(ids)
        raw, previous = b"", None
        for i in ids:
            raw += renderer.token_bytes(i, previous)
            previous = i
        assert raw.decode() == text


def test_half_a_character_at_the_end_is_shown_as_such(tiny):
    ids = tiny.text_ids("é🥧")[:-1]
    decoder = IncrementalDecoder(tiny)
    text = "".join(decoder.add(i) for i in ids)
    assert text == "é"
    assert decoder.flush() == "\ufffd"


def test_tokenizers_that_are_not_byte_level_decode_incrementally_too(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()]
    )
    special = ["</s>", *(f"<0x{b:02X}>" for b in range(256))]
    trainer = trainers.BpeTrainer(special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(["brown sugar, salt and eggs. "] * 3, trainer)
    state = json.loads(tokenizer.to_str())
    # Bytes are ordinary tokens of the vocabulary, not special ones.
    state["added_tokens"] = state["added_tokens"][:1]
    folder = tmp_path / "meta"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(state))
    renderer = ChatRenderer(folder)
    text = "brown sugar é and salt. " * 30
    ids = renderer.text_ids(text)
    decoder = IncrementalDecoder(renderer)
    streamed = "".join(decoder.add(i) for i in ids) + decoder.flush()
    assert streamed == renderer.decode(ids)
    assert "é" in streamed


KINDS = ("llama2", "unigram", "gemma")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> dict[str, ChatRenderer]:
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        tokenizer = pieces_tokenizer(kind, ["<|endoftext|>", "<|im_end|>"])
        tokenizer.save(str(folder / "tokenizer.json"))
        settings = {"eos_token": "<|endoftext|>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        found[kind] = ChatRenderer(folder)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_with_marked_spaces_become_text_as_the_tokenizer_says(pieces, kind):
    renderer = pieces[kind]
    for text in ("2 c. brown sugar", " x", "  two", "crème 🥧\nok\n\ttab", ""):
        ids = renderer.text_ids(text)
        decoder = IncrementalDecoder(renderer)
        said = [decoder.add(i) for i in ids] + [decoder.flush()]
        assert not any("\ufffd" in piece for piece in said)
        assert "".join(said) == renderer._tokenizer.decode(ids) == renderer.decode(ids)
        named = [
            renderer.token_bytes(i, before)
            for before, i in zip([None, *ids], ids, strict=False)
        ]
        assert b"".join(named).decode() == "".join(said)


@pytest.mark.parametrize("kind", KINDS)
def test_a_continuation_keeps_the_space_before_its_first_word(pieces, kind):
    renderer = pieces[kind]
    ids = renderer.text_ids("eggs and milk")[len(renderer.text_ids("eggs")) :]
    decoder = IncrementalDecoder(renderer, continues=True)
    text = "".join(decoder.add(i) for i in ids) + decoder.flush()
    assert "eggs" + text == "eggs and milk"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_is_not_taken_back_by_broken_bytes(pieces, kind):
    renderer = pieces[kind]
    ids = [renderer._tokenizer.token_to_id(f"<0x{b:02X}>") for b in b"\n\xe2\x80\n"]
    decoder = IncrementalDecoder(renderer, continues=True)
    said = [decoder.add(i) for i in ids] + [decoder.flush()]
    assert "".join(said) == "\n\ufffd\n"


def test_places_that_the_tokenizer_does_not_name_say_nothing(tiny):
    decoder = IncrementalDecoder(tiny)
    assert decoder.add(10**6) == ""
    assert tiny.token_bytes(10**6) == b""


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_a_special_token_in_any_vocabulary(pieces, kind):
    renderer = pieces[kind]
    ids = renderer.text_ids("salt <|im_end|> <|endoftext|>")
    assert not {0, 1} & set(ids)
    assert sorted(renderer._special.values())[:2] == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_no_space_is_put_inside_of_a_chat(pieces, kind):
    """Where text is cut for the loss, or around what spells a special token."""
    renderer = pieces[kind]
    chat = [
        {"role": "user", "content": "salt<|im_end|>eggs"},
        {"role": "assistant", "content": "milk"},
    ]
    ids, weights = renderer.training_ids({"messages": chat})
    assert (
        renderer._tokenizer.decode(ids, skip_special_tokens=False)
        .replace(" ", "")
        .startswith("User:salt<|im_end|>eggs")
    )
    text = renderer._tokenizer.decode(ids, skip_special_tokens=True)
    assert text.lstrip().startswith("User: salt<|im_end|>eggs")
    prompt = renderer.prompt_ids(chat[:1])
    assert ids[: len(prompt)] == prompt
    assert weights[len(prompt)] == 1.0
