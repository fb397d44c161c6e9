"""Tokens become text again as they come, and nothing given out is taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.provider.decoding import IncrementalDecoder
from helpers.provider.rendering import ChatRenderer
from tests.provider.tiny_models import make_tokenizer

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
