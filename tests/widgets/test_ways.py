"""The lists of two ways: a widget where there is a front end, a table elsewhere."""

import pytest

from helpers.ways import AUTOTRAIN, HERE, OPENAI, TRL
from helpers.widgets.ways import choose_move


def test_without_widgets_the_first_move_is_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    shown = choose_move(OPENAI, TRL)
    assert shown.widget is None
    both = shown._repr_mimebundle_()
    assert set(both) == {"text/plain", "text/html"}
    assert "From OpenAI to Hugging Face TRL" in both["text/html"]
    assert "train again where you go" in both["text/plain"]


def test_another_choice_shows_another_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPANION_WIDGETS", raising=False)
    chooser = choose_move(OPENAI, TRL)
    lists, shown = chooser.widget.children
    before = shown.value
    assert "lost" in before
    lists.children[0].value = AUTOTRAIN
    lists.children[1].value = HERE
    assert shown.value != before
    assert "--model NAME=FOLDER" in shown.value
    lists.children[0].value = OPENAI
    lists.children[1].value = TRL
    assert shown.value == before


def test_a_way_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there are"):
        choose_move("OpenAI", "nowhere")
