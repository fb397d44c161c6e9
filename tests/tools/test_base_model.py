"""The base model that is shipped, its tokenizer, and the pre-training that made it."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.base_model import __main__ as steps
from tools.base_model import probe, tokenizer
from tools.base_model.forward import logits, rotation
from tools.base_model.pretrain import new_model, rate

FOLDER = Path("data/base_model")


@pytest.fixture(scope="module")
def cut():
    """The tokenizer that is shipped."""
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


def test_the_model_is_small_enough_for_a_repository():
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    assert size < 12_000_000
    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    assert 2_000_000 <= sum(p.numel() for p in model.parameters()) <= 5_000_000
    assert model.config.max_position_embeddings >= 1024


def test_there_is_no_pickle_in_the_model_folder():
    assert {f.suffix for f in FOLDER.iterdir()} <= {
        ".json",
        ".jinja",
        ".md",
        ".safetensors",
    }


def test_a_word_is_the_same_tokens_after_a_quote_a_space_and_at_the_start(cut):
    for word in ("sugar", "rhubarb", "Worcestershire", "김치", "zibblewort"):
        plain = cut.encode(f"a {word}").ids[2:]
        for around in ('"{}"', "({})", "{}", "x/{}", "\n{}", "3{}"):
            ids = cut.encode(around.format(word)).ids
            assert any(ids[i : i + len(plain)] == plain for i in range(len(ids))), (
                around
            )


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_characters="\x01\x02", codec="utf-8"), max_size=80)
)
def test_any_text_comes_back_as_it_was(text):
    cut = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert cut.decode(cut.encode(text).ids) == text


def test_the_chat_template_marks_the_answers_of_the_assistant():
    cut = AutoTokenizer.from_pretrained(FOLDER)
    found = cut.apply_chat_template(
        [
            {"role": "user", "content": "Salt?"},
            {"role": "assistant", "content": "Yes."},
        ],
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    masked = [
        i
        for i, m in zip(found["input_ids"], found["assistant_masks"], strict=True)
        if m
    ]
    assert cut.decode(masked) == "Yes.<|end|>"


def test_the_tokenizer_is_made_again_from_the_corpus():
    made = tokenizer.train(steps.sample(), steps.VOCABULARY)
    shipped = json.loads((FOLDER / "tokenizer.json").read_text("utf-8"))
    again = json.loads(made.to_str())
    for part in ("model", "normalizer", "pre_tokenizer", "decoder"):
        assert _digest(again[part]) == _digest(shipped[part])


def test_the_plain_forward_pass_agrees_with_transformers():
    model = new_model(vocab_size=300, hidden=64, layers=2, seed=0)
    ids = torch.randint(0, 300, (3, 40), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours = logits(model, ids, rotation(64, 32, 10000.0)).float()
        theirs = model(input_ids=ids).logits
    assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).min() > 0.999


def test_the_learning_rate_warms_up_stays_and_decays():
    shares = [rate(step, step * 1000, 1_000_000, 0.4) for step in range(1000)]
    assert shares[0] < 0.02
    assert shares[300] == shares[599] == 1.0
    assert shares[800] == pytest.approx(0.5, abs=0.01)
    assert shares[-1] == pytest.approx(1 / 30, abs=0.001)


def test_the_shipped_model_can_copy_words_it_has_never_seen():
    shares = probe.run(FOLDER, count=20)
    assert shares["repeat words never seen"] >= 0.8
    assert shares["kitchen requests"] >= 0.4
    assert shares["facts and small talk"] >= 0.5


def _digest(part):
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
