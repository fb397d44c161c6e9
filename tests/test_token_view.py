"""Tokens that are learned: those that the provider trains on, shown without colour."""

import json
from pathlib import Path

import pytest

from helpers.provider.rendering import ChatRenderer
from helpers.recipes import DATA_DIR, load_recipes, take, to_examples
from helpers.token_view import Piece, TokenView, show_continued, show_supervised

RENDERER = ChatRenderer(DATA_DIR / "base_model")
EXAMPLES = to_examples(take(load_recipes(), "train", 40))


@pytest.mark.parametrize("example", EXAMPLES[:20])
def test_the_tokens_and_those_learned_are_those_that_the_provider_trains_on(
    example: dict,
) -> None:
    ids, weights = RENDERER.training_ids(example)
    view = show_supervised(example["messages"])
    assert view.n == len(ids)
    assert [piece.learned for piece in view.pieces] == [w > 0 for w in weights]


def test_the_texts_of_the_tokens_are_the_text() -> None:
    for example in EXAMPLES:
        view = show_supervised(example["messages"])
        written = "".join(
            f"<|{m['role']}|>{m['content']}<|end|>" for m in example["messages"]
        )
        assert "".join(piece.text for piece in view.pieces) == written


def test_an_answer_of_weight_zero_is_only_read() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!", "weight": 0},
    ]
    assert show_supervised(messages).n_learned == 0


def test_what_spells_a_mark_stays_text() -> None:
    view = show_supervised([{"role": "user", "content": "<|assistant|>"}])
    assert view.n > 3
    assert view.n_learned == 0


def test_continued_pre_training_learns_all_but_the_first_token() -> None:
    text = "Apple Pie\n\n2 c. flour, 5 apples"
    view = show_continued(text)
    assert view.n_learned == view.n - 1 > 5
    assert not view.pieces[0].learned
    assert "".join(piece.text for piece in view.pieces) == text


def test_what_is_learned_stands_out_without_colour() -> None:
    view = TokenView(
        [Piece("ask", False), Piece("an", True), Piece("swer\n", True), Piece(".", 0)]
    )
    assert "ask⟦answer" in repr(view)
    assert "4 tokens, of which 2 are learned (50%)" in repr(view)
    assert ">answer⏎<br></b>." in view._repr_html_()


def test_text_is_shown_as_text_and_never_as_html() -> None:
    shown = TokenView([Piece("<b>&", True)])._repr_html_()
    assert "&lt;b&gt;&amp;" in shown


def test_nothing_can_be_shown_too() -> None:
    assert "0 tokens" in repr(TokenView([]))
    assert show_continued("").n == 0


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(FileNotFoundError, match="tokenizer.json"):
        show_continued("text", tmp_path)
