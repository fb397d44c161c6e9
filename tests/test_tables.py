"""Tables of text: line breaks stay, and a model's words never become HTML."""

import pandas as pd

from helpers.tables import Link, LinkTable, TextTable

FRAME = pd.DataFrame({"title": ["Soup"], "answer": ["salt\n+ <b>water</b>"]})


def test_line_breaks_are_kept() -> None:
    assert "salt<br>+ " in TextTable(FRAME)._repr_html_()


def test_what_a_model_wrote_is_shown_as_text() -> None:
    shown = TextTable(FRAME)._repr_html_()
    assert "&lt;b&gt;water" in shown
    assert "<b>" not in shown


def test_every_cell_and_every_name_is_there() -> None:
    shown = TextTable(FRAME.set_index("title"), index=True)._repr_html_()
    assert shown.count("<td") == shown.count("<th") == 2
    assert ">title<" in shown


def test_without_a_front_end_the_table_is_plain_text() -> None:
    assert repr(TextTable(FRAME)) == "title: Soup\nanswer: salt\n    + <b>water</b>"


def test_a_long_name_may_be_broken_and_stays_the_same_text() -> None:
    name = "full_valid_mean_token_accuracy"
    frame = pd.DataFrame({name: ["client.fine_tuning.jobs.create(model)"], "n_rows": 1})
    shown = TextTable(frame)._repr_html_()
    assert "full_<wbr>valid_<wbr>mean_<wbr>token_<wbr>accuracy" in shown
    assert "client.<wbr>fine_<wbr>tuning.<wbr>jobs.<wbr>create(<wbr>model)" in shown
    assert name in shown.replace("<wbr>", "")
    assert ">n_rows<" in shown, "short names stay whole"
    assert "<wbr>" not in repr(TextTable(frame))


def test_sentences_and_numbers_are_not_broken() -> None:
    texts = ["It took 3.5 minutes. Then it ended.", "3.14159265358979323846", "a" * 40]
    shown = TextTable(pd.DataFrame({"what": texts}))._repr_html_()
    assert "<wbr>" not in shown


def test_what_a_table_lacks_is_a_dash() -> None:
    frame = pd.DataFrame({"loss": [0.5, float("nan")]})
    assert ">–<" in TextTable(frame)._repr_html_()
    assert repr(TextTable(frame)) == "loss: 0.5\n\nloss: –"


# --- tables with links ------------------------------------------------------------

LINKS = pd.DataFrame(
    {
        "page": [Link("Start | here", "00_start_here.ipynb"), "none yet"],
        "also": [["1", Link("b", "https://example.org/b")], []],
        "n": [3, 4],
    }
)


def test_a_table_with_links_is_markdown_with_a_line_for_each_row() -> None:
    lines = LinkTable(LINKS)._repr_markdown_().splitlines()
    assert lines[:2] == ["| page | also | n |", "| --- | --- | --- |"]
    assert lines[2] == (
        "| [Start \\| here](00_start_here.ipynb) | 1, [b](https://example.org/b) | 3 |"
    )
    assert lines[3] == "| none yet |  | 4 |"


def test_signs_of_markdown_in_a_text_stay_signs() -> None:
    frame = pd.DataFrame({"a_b": ["<b>*x*</b>\n`y`"]})
    text = LinkTable(frame).markdown()
    assert "a\\_b" in text
    assert "\\<b\\>\\*x\\*" in text
    assert "<br>" in text
    assert len(text.splitlines()) == 3


def test_a_table_with_links_has_its_addresses_without_a_front_end_too() -> None:
    text = repr(LinkTable(LINKS))
    assert "page: Start | here (00_start_here.ipynb)" in text
    assert "also: 1, b (https://example.org/b)" in text
